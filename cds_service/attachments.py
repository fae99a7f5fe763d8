"""An attachment -> its text: inline, from a Binary that was received, or fetched."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable

from cds_service import formats
from cds_service.fhir_read import Reference, Resource, reference, string
from cds_service.formats import Text, Unreadable
from cds_service.reasons import Reason
from cds_service.record import Record

#: An address -> bytes and content type, or the reason why not.  Never raises.
Fetch = Callable[[str], tuple[bytes, str] | Reason]
#: Bytes and content type -> the text.
Opener = Callable[[bytes, str], Text]
#: Types that say nothing of the content; then the other label is believed.
VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/fhir+json", "application/json"})
WEB_ALPHABET = str.maketrans("-_", "+/")


def text(attachment: Resource, record: Record, fetch: Fetch | None, opener: Opener = formats.read) -> Text:
    """The text of one attachment, its format undone by ``opener``.

    Raises:
        Unreadable: with the reason.
    """
    labelled = string(attachment, "contentType")
    if data := string(attachment, "data"):
        content, kind = decoded(data), labelled
    elif url := string(attachment, "url"):
        content, served = _behind(url, record, fetch)
        kind = labelled if served.partition(";")[0].strip().lower() in VAGUE else served
    else:
        raise Unreadable(Reason.EMPTY)
    read = opener(content, kind)
    if not read.text.strip():
        raise Unreadable(Reason.EMPTY)
    return read


def decoded(data: str) -> bytes:
    """The bytes behind base64, as clients write it: with line breaks, without padding, with the web alphabet.

    Raises:
        Unreadable: where it is no base64.
    """
    packed = "".join(data.split()).rstrip("=")
    if "-" in packed or "_" in packed:
        packed = packed.translate(WEB_ALPHABET)
    try:
        return b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(Reason.NOT_DECODED) from None


def _behind(url: str, record: Record, fetch: Fetch | None) -> tuple[bytes, str]:
    """What an address holds: a Binary of the record, else what ``fetch`` brings."""
    target = reference(url)
    held = record.named(Reference("Binary", target.id)) if target.type in {"", "Binary"} else None
    if held:
        return decoded(string(held.resource, "data", "content")), string(held.resource, "contentType")
    brought = fetch(url) if fetch else Reason.NOT_FETCHED
    if isinstance(brought, Reason):
        raise Unreadable(brought)
    return brought
