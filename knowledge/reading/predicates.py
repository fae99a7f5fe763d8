"""The word that says how a site is: narrowed or normal, in its clause or shared by the list it stands in."""

from __future__ import annotations

from knowledge.reading.clauses import Clause, Event
from knowledge.reading.mentions import BESIDE, NEAR, Mention, distance

FARTHEST = 24  #: members of a list that share one predicate


def predicate_of(event: Event, clause: Clause, mentions: list[Mention]) -> Event | None:
    """The word of the clause that says how the site is."""
    candidates = []
    for other in clause.predicates:
        if other is event or other.has("site"):
            continue
        kind = other.value("narrowing")
        if kind == "into" and not (_between(event, other) and _acts(other, mentions)):
            continue
        if kind == "weak" and not _weakly(event, other, clause):
            continue
        if other.has("normal") and _of_tissue(other, event, clause):
            continue
        candidates.append(other)
    if not candidates:  # "central canal and foraminal stenosis" in one breath
        both = (other for other in clause.predicates if other.has("site") and other.has("narrowing"))
        return next((other for other in both if other is not event), None)
    return min(candidates, key=lambda other: (distance(event, other), other.start < event.start))


def predicate_around(number: int, clauses: list[Clause], mentions: list[Mention]) -> Event | None:
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
    for other in clause.predicates if forward else reversed(clause.predicates):
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
    """A colon joins a key to its value; so does a dash behind nothing but the name of a site."""
    before = clauses[index - 1]
    if clauses[index].mark == "-":
        return bool(before.of("site")) and only(before, {"site", "adjective", "element"})
    return clauses[index].mark in {":", ""} and not before.of("normal") and not before.of("narrowing")


def only(clause: Clause, kinds: set[str]) -> bool:
    return all(event.kinds.keys() <= kinds for event in clause.events)


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
