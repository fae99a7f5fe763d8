"""What a sentence says of canal, foramen and recess: narrowed, normal, or nothing.

Anatomy with no word of narrowing is a mere mention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from knowledge.model import Assertion
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.implied import implied, measured
from knowledge.reading.mentions import BESIDE, NEAR, Mention, distance, nearest, worse
from knowledge.reading.statements import Statement, Text

FARTHEST = 24  #: members of a list that share one predicate


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


def claims_of(
    text: Text, statement: Statement, mentions: list[Mention], limits: Mapping[str, float]
) -> Iterator[Claim]:
    """What a sentence says of each site it names; of its contents, and of narrowing alone, only where no site is."""
    found: list[Claim] = []
    for number, clause in enumerate(statement.clauses):
        for event in clause.events:
            claims = (
                _site_claim(text, statement, number, event, site, mentions, limits) for site in event.values("site")
            )
            found.extend(claim for claim in claims if claim)
    found += _adjective_claims(text, statement, found)
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
    limits: Mapping[str, float],
) -> Claim | None:
    clauses, words = statement.clauses, text.reading.text
    if event.has("narrowing"):  # one word says both
        return claim_of(text, statement, number, site, event, event)
    predicate = (
        _predicate(event, clauses[number], mentions)
        or implied(words, event, number, clauses, mentions)
        or measured(words, event, site, number, clauses, limits)
        or _predicate_around(number, clauses, mentions)
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


def _predicate(event: Event, clause: Clause, mentions: list[Mention]) -> Event | None:
    """The word of the clause that says how the site is."""
    candidates = []
    for other in clause.events:
        if other is event or not (other.has("narrowing") or other.has("normal")) or other.has("site"):
            continue
        kind = other.value("narrowing")
        if kind == "into" and not (_between(event, other) and _acts(other, mentions)):
            continue
        if kind == "weak" and not _weakly(event, other, clause):
            continue
        if other.has("normal") and _of_tissue(other, event, clause):
            continue
        candidates.append(other)
    compound = [other for other in clause.events if other is not event and other.has("site") and other.has("narrowing")]
    if not candidates and compound:  # "central canal and foraminal stenosis" in one breath
        return compound[0]
    return min(candidates, key=lambda other: (distance(event, other), other.start < event.start), default=None)


def _predicate_around(number: int, clauses: list[Clause], mentions: list[Mention]) -> Event | None:
    """The predicate of a list, before or behind."""
    for index in range(number + 1, min(len(clauses), number + FARTHEST)):
        clause = clauses[index]
        if clause.hard and not _follows_colon(clauses, index):
            break
        found = _shareable(clause, mentions, forward=True)
        if found:
            return found
        if not (
            clause.of("site")
            or clause.of("degree")
            or not clause.events
            or only(clause, {"level", "region", "assertion", "content", "qualifier", "element"})
        ):
            break
    for index in range(number - 1, max(-1, number - FARTHEST), -1):
        if clauses[index + 1].hard and not _follows_colon(clauses, index + 1):
            break
        clause = clauses[index]
        found = _shareable(clause, mentions, forward=False) or _apposed(clauses[number], clause)
        if found:
            return found
        if not (clause.of("site") or only(clause, {"level", "region", "assertion", "content", "tissue", "near"})):
            break
    return None


def _apposed(clause: Clause, before: Clause) -> Event | None:
    """ "spinal stenosis, primarily of the lateral recess": the narrowing just named, said more exactly."""
    namely = any(event.value("speech") == "namely" for event in clause.events)
    return next((event for event in before.events if event.has("narrowing")), None) if namely else None


def _shareable(clause: Clause, mentions: list[Mention], *, forward: bool) -> Event | None:
    """A predicate of another clause that can speak of the site too."""
    for other in clause.events if forward else reversed(clause.events):
        if not (other.has("narrowing") or other.has("normal")):
            continue
        kind = other.value("narrowing")
        if kind == "weak" and not forward:
            continue
        if kind == "into":
            if not forward and _acts(other, mentions):
                return other
            continue
        if other.has("normal") and clause.of("tissue") and not clause.of("site"):
            continue
        if not forward and other.has("site") and other.has("narrowing"):
            continue  # "foraminal stenosis and canal ..." does not run on
        return other
    return None


def _follows_colon(clauses: list[Clause], index: int) -> bool:
    """A colon joins a key to its value."""
    return clauses[index].mark == ":" and not clauses[index - 1].of("normal") and not clauses[index - 1].of("narrowing")


def only(clause: Clause, kinds: set[str]) -> bool:
    return all(name in kinds for event in clause.events for name, _ in event.tags)


def _between(site: Event, into: Event) -> bool:
    """ "into" counts when the site follows it closely."""
    return 0 <= site.start - into.end <= NEAR


def _acts(into: Event, mentions: list[Mention]) -> bool:
    """Something must come in: a mechanism or a structural diagnosis before the word."""
    return any(mention.end <= into.start + 8 for mention in mentions)


def _weakly(site: Event, word: Event, clause: Clause) -> bool:
    """A weak word is a predicate only right before the site, or behind it with nothing else to speak of."""
    if word.end <= site.start:
        return site.start - word.end <= BESIDE and not _anything_between(word, site, clause)
    return not any(
        site.end <= other.start < word.start
        and (other.has("tissue") or other.has("mechanism") or other.has("structural"))
        for other in clause.events
    ) and not any(
        word.end <= other.start <= word.end + 16
        and (other.has("tissue") or other.has("mechanism") or other.has("structural"))
        for other in clause.events
    )


def _anything_between(first: Event, second: Event, clause: Clause) -> bool:
    return any(
        first.end <= other.start < second.start and (other.has("tissue") or other.has("mechanism"))
        for other in clause.events
    )


def _of_tissue(normal: Event, site: Event, clause: Clause) -> bool:
    """Whether a normal word speaks of a tissue that stands closer than the site."""
    return any(
        (other.has("tissue") or other.has("content") or other.has("mechanism"))
        and other is not site
        and distance(other, normal) < distance(site, normal)
        for other in clause.events
    )


def _adjective_claims(text: Text, statement: Statement, found: list[Claim]) -> Iterator[Claim]:
    """ "severe central and bilateral foraminal stenosis": the adjective shares the narrowing of the next clause."""
    for number, clause in enumerate(statement.clauses[:-1]):
        following = statement.clauses[number + 1]
        shared = [event for event in following.events if event.has("site") and event.has("narrowing")]
        bare = only(clause, {"adjective", "assertion", "level", "region"})
        for event in clause.of("adjective"):
            if bare and shared and not following.hard and not any(claim.clause == number for claim in found):
                yield claim_of(text, statement, number, event.value("adjective"), shared[0], shared[0])


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
        levels = levels_of(clauses[index])
        if levels:
            for following in clauses[index + 1 :]:  # "L3-4, L4-5 and L5-S1"
                if following.hard or any(event.has("narrowing") or event.has("site") for event in following.events):
                    break
                levels += [level for level in levels_of(following) if level not in levels]
            claim.levels = tuple(levels)
            break
    else:
        claim.levels = statement.topic
    claim.regions = _regions_of(claim, order)


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
    if not any(event.has("region") for event in claim.statement.events):
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
