"""What clinicians did with the cards: validated and counted.  Nothing of it is kept yet but the counts."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from cds_service.errors import RequestError
from cds_service.shape import Step, expect, optional, required

OUTCOMES = frozenset({"accepted", "overridden"})
#: RFC 3339 section 5.6.  UTC is demanded of clients (B3); another offset is understood and not refused.
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class Feedback:
    """Counts per service and outcome, for as long as the process lives."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def accept(self, service: str, body: Any) -> int:
        """Validate a feedback body whole, count its entries, and say how many there were.

        Raises:
            RequestError: 400 with the place; nothing was counted then.
        """
        entries = required(expect(body, (dict,), ()), "feedback", (list,))
        outcomes = [_outcome(entry, ("feedback", position)) for position, entry in enumerate(entries)]
        self.counts.update((service, outcome) for outcome in outcomes)
        return len(outcomes)


def _outcome(entry: Any, place: tuple[Step, ...]) -> str:
    """The outcome of one entry that is valid (B3-B5).  Unknown cards, codes and members are no fault (C13, Q15)."""
    expect(entry, (dict,), place)
    required(entry, "card", (str,), place)
    outcome: str = required(entry, "outcome", (str,), place)
    if outcome not in OUTCOMES:
        raise RequestError(400, "value", "expected accepted or overridden", (*place, "outcome"))
    if not TIMESTAMP.fullmatch(required(entry, "outcomeTimestamp", (str,), place)):
        raise RequestError(400, "value", "expected a date and time of RFC 3339", (*place, "outcomeTimestamp"))
    if outcome == "accepted":
        _suggestions(entry, place)
    _reason(entry, place)
    return outcome


def _suggestions(entry: dict[str, Any], place: tuple[Step, ...]) -> None:
    accepted = required(entry, "acceptedSuggestions", (list,), place)
    for position, suggestion in enumerate(accepted):
        here = (*place, "acceptedSuggestions", position)
        required(expect(suggestion, (dict,), here), "id", (str,), here)


def _reason(entry: dict[str, Any], place: tuple[Step, ...]) -> None:
    reason = optional(entry, "overrideReason", (dict,), place)
    if reason is None:
        return
    here = (*place, "overrideReason")
    coding = optional(reason, "reason", (dict,), here)
    comment = optional(reason, "userComment", (str,), here)
    if coding is None and comment is None:
        raise RequestError(400, "required", "expected reason or userComment", here)
    if coding is not None:
        required(coding, "code", (str,), (*here, "reason"))
