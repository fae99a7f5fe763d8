"""What clinicians did with the cards: checked as a whole, kept once, free of their words unless these are encrypted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet

from cds_service import journal
from cds_service.errors import RequestError
from cds_service.metrics import Metrics
from cds_service.pseudonyms import Pseudonyms
from cds_service.shape import Step, expect, optional, required
from cds_service.store import Heard, Store

#: Of one body: they are kept together, and others must not wait long.
MOST_ENTRIES = 2000
OUTCOMES = frozenset({"accepted", "overridden"})
#: RFC 3339 section 5.6.  UTC is demanded of clients (B3); another offset is understood and not refused.
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
#: A code of a client's own list (C13) is kept where it looks like one; it may be anything.
REASON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SYSTEM = re.compile(r"(https?://|urn:)[A-Za-z0-9./:_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One valid entry of a feedback body."""

    card: str
    outcome: str
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: str = field(default="", repr=False)
    system: str = field(default="", repr=False)
    comment: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Where feedback goes."""

    store: Store
    pseudonyms: Pseudonyms
    metrics: Metrics
    comments: Fernet | None  #: None: the words of clinicians are not kept

    def accept(self, service: str, client: str, body: Any) -> int:
        """Keep the entries of a feedback body, and say how many there were.

        An entry that was sent before is accepted again and kept once (B6).

        Raises:
            RequestError: 400 with the place; nothing was kept then.
            Unavailable: nothing could be kept.
        """
        entries = read(body)
        heard = [self._heard(service, client, entry) for entry in entries]
        new = self.store.hear(heard)
        outcomes = {one.digest: one.outcome for one in heard}
        self.metrics.heard(service, (outcomes[digest] for digest in new))
        return len(entries)

    def _heard(self, service: str, client: str, entry: Entry) -> Heard:
        said = (service, client, entry.card, entry.outcome, entry.at.isoformat(), sorted(entry.suggestions))
        sealed = self.comments and entry.comment and self.comments.encrypt(entry.comment.encode())
        return Heard(
            digest=self.pseudonyms.of("feedback", said, entry.reason, entry.system, entry.comment),
            outcome_at=entry.at,
            card=journal.identifier(entry.card),
            client=client,
            service=service,
            outcome=entry.outcome,
            suggestions=tuple(map(journal.identifier, entry.suggestions)),
            reasoned=bool(entry.reason or entry.comment.strip()),
            reason=_plain(REASON, entry.reason),
            reason_system=_plain(SYSTEM, entry.system),
            comment=sealed or None,
        )


def read(body: Any) -> list[Entry]:
    """The entries of a feedback body, which is valid as a whole or refused.

    Raises:
        RequestError: 400 or 413 with the place.
    """
    entries = required(expect(body, (dict,), ()), "feedback", (list,))
    if len(entries) > MOST_ENTRIES:
        raise RequestError(413, "too-long", f"more than {MOST_ENTRIES} entries; send them in parts", ("feedback",))
    return [_entry(entry, ("feedback", position)) for position, entry in enumerate(entries)]


def _entry(entry: Any, place: tuple[Step, ...]) -> Entry:
    """One entry (B3-B5).  Unknown cards, codes and members are no fault (C13, Q15)."""
    expect(entry, (dict,), place)
    card: str = required(entry, "card", (str,), place)
    outcome: str = required(entry, "outcome", (str,), place)
    if outcome not in OUTCOMES:
        raise RequestError(400, "value", "expected accepted or overridden", (*place, "outcome"))
    at = _moment(required(entry, "outcomeTimestamp", (str,), place), (*place, "outcomeTimestamp"))
    accepted = tuple(_suggestions(entry, place)) if outcome == "accepted" else ()
    return Entry(card, outcome, at, accepted, *_reason(entry, place))


def _moment(text: str, place: tuple[Step, ...]) -> datetime:
    """A time in UTC.  A leap second, which RFC 3339 knows and Python does not, is the second before it."""
    try:
        if TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text.upper().replace(":60", ":59", 1)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise RequestError(400, "value", "expected a date and time of RFC 3339", place)


def _suggestions(entry: dict[str, Any], place: tuple[Step, ...]) -> Iterable[str]:
    accepted = required(entry, "acceptedSuggestions", (list,), place)
    for position, suggestion in enumerate(accepted):
        here = (*place, "acceptedSuggestions", position)
        yield required(expect(suggestion, (dict,), here), "id", (str,), here)


def _reason(entry: dict[str, Any], place: tuple[Step, ...]) -> tuple[str, str, str]:
    """Code, system and words of an override reason."""
    reason = optional(entry, "overrideReason", (dict,), place)
    if reason is None:
        return "", "", ""
    here = (*place, "overrideReason")
    coding = optional(reason, "reason", (dict,), here)
    comment = optional(reason, "userComment", (str,), here)
    if coding is None and comment is None:
        raise RequestError(400, "required", "expected reason or userComment", here)
    if coding is None:
        return "", "", comment or ""
    code = required(coding, "code", (str,), (*here, "reason"))
    return code, optional(coding, "system", (str,), (*here, "reason")) or "", comment or ""


def _plain(shape: re.Pattern[str], text: str) -> str:
    return text if not text or shape.fullmatch(text) else "(unreadable)"
