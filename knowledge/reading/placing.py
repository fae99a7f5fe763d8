"""Where a claim is: the levels and regions of its clause, of its list, of its heading."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.heads import graded_levels
from knowledge.reading.predicates import only

#: What takes a level out of a range.
EXCEPT = re.compile(
    r"(?:other than|apart from|aside from|except(?: for)?|excepting|excluding|save(?: for)?"
    r"|with the exception of|barring|\b(?:all|every) (?:levels? )?but)"
    r"(?: at)?(?: the)? $"
)
#: What goes on behind "the first" where a verb does, and no noun: "the first crowding it", "the second does not".
GOES_ON = r"(?= (?:is|from|by|due|because|not|[a-z]{2,}(?:ing|ed|es|[^su]s))\b|[,;.])"
#: One of two that were named.
ONE_OF_TWO = re.compile(
    rf"\bthe (?:(?P<first>former|first{GOES_ON}|upper one|upper level)|latter|second{GOES_ON}|lower one|lower level)\b"
)
TWO = 2
EXCEPTION = 32  #: characters before a level in which an exception may stand
OPERATED = frozenset({"operation", "hardware"})


def place(claim: Claim) -> None:
    """Levels of the clause, else of the clauses before it, else behind it, else of the heading."""
    statement = claim.statement
    clauses = statement.clauses
    order = [claim.clause, *range(claim.clause - 1, -1, -1), *range(claim.clause + 1, len(clauses))]
    for index in order if statement.own else ():
        levels = _levels_for(claim, clauses[index])
        if levels:
            levels = [*graded_levels(clauses, index), *levels]
            for following in clauses[index + 1 :]:  # "L3-4, L4-5 and L5-S1"
                if following.hard or any(following.of(kind) for kind in ("narrowing", "site", "normal")):
                    break
                levels += [level for level in _levels_for(claim, following) if level not in levels]
            claim.levels = _pointed(claim, tuple(levels), inside=index != claim.clause)
            break
    else:
        claim.levels = _pointed(claim, statement.topic, inside=True)
    _take_out(claim)
    claim.regions = _regions_of(claim, order)


def _levels_for(claim: Claim, clause: Clause) -> list[str]:
    """The levels of a clause, of a narrowing those that it is not denied for: "... but not at C4-5"."""
    told = [event for event in clause.events if event.levels and not event.root and not _operated(event, clause)]
    placed = [event for event in claim.statement.events if event.levels and not event.root]
    denied = claim.narrowed and any(event.assertion is not Assertion.NEGATED for event in placed)
    words = claim.text.reading.text
    held = [
        event
        for event in told
        if not (denied and event.assertion is Assertion.NEGATED)
        and not (claim.narrowed and _taken_out(event, clause, claim, words))
    ]
    parts = {part for level in claim.statement.own if "-" in level for part in level.split("-")}
    return list(dict.fromkeys(level for event in held for level in event.levels if level not in parts))


def _taken_out(level: Event, clause: Clause, claim: Claim, words: str) -> bool:
    """ "All levels except L3-4 are narrowed": a level behind the exception, where the narrowing is said of the rest."""
    said = any(event.has("narrowing") for event in clause.events if event.start > level.end)
    behind = clause.start > claim.statement.clauses[claim.clause].start
    return (behind or said) and excepted(words, level)


def excepted(words: str, place: Event) -> bool:
    """Whether what stands right before a level or a region takes it out."""
    return EXCEPT.search(words, max(0, place.start - EXCEPTION), place.start) is not None


def _operated(level: Event, clause: Clause) -> bool:
    """ "above her L3-L5 fusion": where an operation was, not where the narrowing is."""
    behind = [other for other in clause.events if 0 <= other.start - level.end <= 1]
    return any(not OPERATED.isdisjoint(other.values("assertion")) for other in behind)


def _take_out(claim: Claim) -> None:
    """ "At every level from L2 to L5 other than L3-4": what is taken out of a range."""
    words = claim.text.reading.text
    for event in claim.statement.events if len(claim.levels) > 1 else ():
        if event.levels and excepted(words, event):
            claim.levels = tuple(level for level in claim.levels if level not in event.levels)


def _pointed(claim: Claim, levels: tuple[str, ...], *, inside: bool) -> tuple[str, ...]:
    """Of two levels named before, the one that "the former" or "the latter" means."""
    clause = claim.statement.clauses[claim.clause]
    if not inside or len(levels) != TWO:
        return levels
    match = ONE_OF_TWO.search(claim.text.reading.text, clause.start, clause.end)
    return levels if match is None else levels[:1] if match["first"] else levels[1:]


def _neighbouring_regions(claim: Claim, index: int) -> list[str]:
    """ "cervical and lumbar canal stenosis": regions that stand alone right before, in one list."""
    clauses = claim.statement.clauses
    if index == 0 or clauses[index].hard or not clauses[index].of("region"):
        return []
    before = clauses[index - 1]
    return (
        [event.value("region") for event in before.events]
        if before.events and only(before, {"region", "element"})
        else []
    )


def _regions_of(claim: Claim, order: Sequence[int]) -> tuple[str, ...]:
    if not claim.statement.says("region"):
        return claim.statement.topic_regions
    for index in order:
        said = _neighbouring_regions(claim, index) + [
            value
            for event in claim.statement.clauses[index].events
            for value in event.values("region")
            if event.assertion is not Assertion.NEGATED
        ]
        if said:
            return tuple(dict.fromkeys(said))
    return claim.statement.topic_regions
