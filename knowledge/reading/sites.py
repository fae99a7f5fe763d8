"""What a sentence says of canal, foramen and recess: narrowed, normal, or nothing.

Anatomy with no word of narrowing is a mere mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.model import Assertion
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.heads import denied, graded, graded_levels, shared
from knowledge.reading.implied import MILLIMETRES, implied, measured
from knowledge.reading.mentions import NEAR, Mention, distance, nearest, worse
from knowledge.reading.predicates import only, predicate_around, predicate_of
from knowledge.reading.statements import Statement, Text
from knowledge.tables import Parts

#: What takes a level out of a range.
EXCEPT = re.compile(r"(?:other than|apart from|except(?: for)?|excepting|excluding|save(?: for)?)(?: at)?(?: the)? $")
#: One of two that were named.
ONE_OF_TWO = re.compile(
    r"\bthe (?:(?P<first>former|first|upper one|upper level)|latter|second|lower one|lower level)\b"
)
OPERATED = frozenset({"operation", "hardware"})


@dataclass(slots=True)
class Claim:
    """What a statement says of one site: narrowed or not, by what, where."""

    text: Text
    statement: Statement
    clause: int
    site: str
    narrowed: bool
    assertion: Assertion
    start: int
    end: int
    mechanisms: list[Mention] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    weak: bool = False  #: said of what lies in the site, not of the site


def claims_of(text: Text, statement: Statement, mentions: list[Mention], parts: Parts) -> Iterator[Claim]:
    """What a sentence says of each site it names; of its contents, and of narrowing alone, only where no site is."""
    found: list[Claim] = []
    sentence = statement.sentence
    told = statement.says("site") and (
        bool(mentions)
        or statement.says("narrowing", "normal")
        or MILLIMETRES.search(text.reading.text, sentence.start, sentence.end) is not None
    )
    for number, clause in enumerate(statement.clauses if told else ()):
        for event in clause.events:
            claims = (
                _site_claim(text, statement, number, event, site, mentions, parts) for site in event.values("site")
            )
            found.extend(claim for claim in claims if claim)
    if not statement.says("narrowing"):
        yield from found
        return
    for number, site, head in shared(statement, text.reading.text, [claim.clause for claim in found]):
        found.append(claim_of(text, statement, number, site, head, head))
    if len(statement.clauses) > 1:
        found = [determined(claim) for claim in found]
    if not any(claim.narrowed for claim in found):
        found += _content_claims(text, statement)
    if not found:
        found += _bare_claims(text, statement, mentions)
    yield from found


def _site_claim(
    text: Text,
    statement: Statement,
    number: int,
    event: Event,
    site: str,
    mentions: list[Mention],
    parts: Parts,
) -> Claim | None:
    clauses, words = statement.clauses, text.reading.text
    if event.has("narrowing"):  # one word says both
        return claim_of(text, statement, number, site, event, event)
    told = statement.says("narrowing", "normal")
    predicate = (
        (predicate_of(event, clauses[number], mentions) if told else None)
        or implied(words, event, number, clauses, mentions, parts.idle_verbs)
        or measured(words, event, site, number, clauses, parts.limits)
        or (predicate_around(number, clauses, mentions) if told else None)
    )
    if predicate is None or _where_it_lies(event, predicate, clauses[number]):
        return None
    return claim_of(text, statement, number, site, event, predicate)


def _where_it_lies(event: Event, predicate: Event, clause: Clause) -> bool:
    """ "a foraminal herniation encroaches on the canal": the adjective places the herniation, the canal is narrowed."""
    if not event.has("adjective") or predicate.start < event.end:
        return False
    placed = any(
        0 <= other.start - event.end <= NEAR and other.end <= predicate.start
        for other in clause.events
        if other.has("structural") or other.has("mechanism")
    )
    return placed and any(other.start >= predicate.end for other in clause.of("site"))


def claim_of(text: Text, statement: Statement, number: int, site: str, event: Event, predicate: Event) -> Claim:
    """Narrowed or not, from the predicate and what is said of it."""
    narrows = predicate.has("narrowing") and not (predicate.has("normal") and not predicate.has("site"))
    told = (
        predicate.assertion
        if predicate.has("narrowing") or predicate.assertion is not Assertion.UNCERTAIN
        else Assertion.AFFIRMED
    )
    if event.flipped and predicate.has("narrowing"):
        told = Assertion.AFFIRMED
    elif event.assertion in {Assertion.ELSEWHERE, Assertion.HISTORICAL}:
        told = worse(told, event.assertion)
    elif (
        event.assertion is Assertion.NEGATED
        and predicate is not event
        and not predicate.has("normal")  # "no contact with the root, canal and foramina patent"
        and predicate.start > event.end
        and told is Assertion.AFFIRMED
    ):
        told = Assertion.NEGATED
    narrowed = narrows
    if told is Assertion.NEGATED:
        narrowed, told = not narrows, Assertion.AFFIRMED
    start, end = min(event.start, predicate.start), max(event.end, predicate.end)
    claim = Claim(text, statement, number, site, narrowed, told, start, end)
    _place(claim)
    return claim


def determined(claim: Claim) -> Claim:
    """A claim whose narrowing stands in another clause, with the grade or the denial of its own clause."""
    clauses = claim.statement.clauses
    own, head = clauses[claim.clause], next((one for one in clauses if one.start <= claim.end - 1 < one.end), None)
    if head is None or head is own or claim.assertion is not Assertion.AFFIRMED:
        return claim
    if not claim.narrowed and graded(own) and (denied(head) or head.start < own.start):
        claim.narrowed = True
    elif claim.narrowed and denied(own) and graded(head):
        claim.narrowed = False
    return claim


def _content_claims(text: Text, statement: Statement) -> Iterator[Claim]:
    """Cord, sac or root said to be pressed: the site they lie in is narrowed."""
    for number, clause in enumerate(statement.clauses):
        for event in clause.of("content"):
            words = [
                other
                for other in clause.events
                if other.has("narrowing")
                and not other.has("site")
                and other.value("narrowing") != "into"
                and distance(event, other) <= NEAR
            ]
            predicate = nearest(event, words)
            if predicate:
                claim = claim_of(text, statement, number, event.value("content"), event, predicate)
                claim.weak = True
                yield claim


def _bare_claims(text: Text, statement: Statement, mentions: list[Mention]) -> Iterator[Claim]:
    """ "Moderate stenosis C5-6": a narrowing without a site."""
    if statement.of("veto"):
        return
    for number, clause in enumerate(statement.clauses):
        for event in clause.events:
            if event.value("narrowing") == "noun" and event.has("bare") and not event.has("site"):
                claim = claim_of(text, statement, number, "", event, event)
                if claim.levels or claim.regions or mentions:
                    yield claim


def _place(claim: Claim) -> None:
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
            claim.levels = _pointed(claim, _segments(levels), inside=index != claim.clause)
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
    held = [event for event in told if not (denied and event.assertion is Assertion.NEGATED)]
    return list(dict.fromkeys(level for event in held for level in event.levels))


def _operated(level: Event, clause: Clause) -> bool:
    """ "above her L3-L5 fusion": where an operation was, not where the narrowing is."""
    behind = [other for other in clause.events if 0 <= other.start - level.end <= 1]
    return any(not OPERATED.isdisjoint(other.values("assertion")) for other in behind)


def _take_out(claim: Claim) -> None:
    """ "At every level from L2 to L5 other than L3-4": what is taken out of a range."""
    words = claim.text.reading.text
    for event in claim.statement.events if len(claim.levels) > 1 else ():
        if event.levels and EXCEPT.search(words, max(0, event.start - 24), event.start):
            claim.levels = tuple(level for level in claim.levels if level not in event.levels)


def _pointed(claim: Claim, levels: tuple[str, ...], *, inside: bool) -> tuple[str, ...]:
    """Of two levels named before, the one that "the former" or "the latter" means."""
    clause = claim.statement.clauses[claim.clause]
    if not inside or len(levels) != 2:  # noqa: PLR2004
        return levels
    match = ONE_OF_TWO.search(claim.text.reading.text, clause.start, clause.end)
    return levels if match is None else levels[:1] if match["first"] else levels[1:]


def _segments(levels: Sequence[str]) -> tuple[str, ...]:
    """ "subluxation of C6 narrows the C6-7 foramen": a vertebra of a segment that is named too is no other place."""
    parts = {part for level in levels if "-" in level for part in level.split("-")}
    return tuple(level for level in levels if level not in parts)


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


def levels_of(clause: Clause) -> list[str]:
    return list(dict.fromkeys(level for event in clause.events if not event.root for level in event.levels))


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
