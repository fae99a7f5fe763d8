"""Why something of the record could not be used: the reason ids of ``cards/gaps.toml``."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason of a gap.  What each is called on a card stands in ``cards/gaps.toml``."""

    NOT_RECEIVED = "not-received"  #: a prefetch key that is absent, and no FHIR server to ask
    NOT_RETRIEVED = "not-retrieved"  #: the FHIR server failed, or an OperationOutcome came in its place
    NOT_PERMITTED = "not-permitted"  #: the FHIR server refused, or may not be asked with what the call brought
    TIMED_OUT = "timed-out"
    MORE_PAGES = "more-pages"
    TOO_LARGE = "too-large"
    NOT_FETCHED = "not-fetched"  #: an attachment behind an address that was not read
    NOT_TEXT = "not-text"  #: a format that is not read
    NOT_DECODED = "not-decoded"  #: base64 or characters that cannot be undone
    MALFORMED = "malformed"  #: not what its type says
    PROTECTED = "protected"  #: opens with a password only
    NO_TEXT_LAYER = "no-text-layer"  #: pages that are pictures
    PICTURED = "pictured"  #: read, but pages of it are pictures
    EMPTY = "empty"
    UNRESOLVED = "unresolved"  #: a reference to something that was not received
    OTHER_PATIENT = "other-patient"
