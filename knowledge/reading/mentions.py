"""Mechanisms and structural diagnoses of a sentence.

A tissue counts when it is said to be changed; a tissue said to be normal is a denied mechanism; its bare name
counts only as the cause of a narrowing, which the binding decides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from knowledge.model import Assertion
from knowledge.reading.assertion import WORST
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.statement import Statement
from knowledge.tables import Parts

NEAR = 60  #: characters between a tissue and the change said of it
LEAD = 8  #: characters before a word for normal in which nothing is named
BESIDE = 26  #: characters between a word and what it says something of, right before it
STRUCTURAL = "structural:"
AND_THE = 5  #: characters between a separator and what begins its clause
#: Between a part and what it is a part of.
PART_OF = re.compile(r" of (?:the |a |its |this |that |each |both )?(?:left |right |l |r )?")


@dataclass(slots=True)
class Mention:
    """A mechanism, or a structural diagnosis, said somewhere in a sentence."""

    value: str
    assertion: Assertion
    start: int
    end: int
    clause: int
    bare: bool = False  #: only the tissue's name
    withdrawn: bool = False  #: said to have been said wrongly
    also: bool = False  #: a diagnosis only where the chart says more (an injury, a pregnancy, an operation)


def mentions_of(statement: Statement, words: str, parts: Parts) -> Iterator[Mention]:
    """Mechanisms and structural diagnoses of a sentence; tissues said to be normal are denied mechanisms."""
    for number, clause in enumerate(statement.clauses):
        taken = {id(event) for event in clause.of("tissue") if _of_another(event, clause, words)}
        owners = frozenset(taken)
        for event in clause.events:
            for value in event.values("mechanism"):
                yield Mention(value, event.assertion, event.start, event.end, number)
                taken.add(id(event))
            for value in event.values("structural"):
                yield Mention(STRUCTURAL + value, event.assertion, event.start, event.end, number)
                taken.add(id(event))
            for value in event.values("anchored"):
                name, _, needs = value.split("/")
                if _anchored(value, needs, statement):
                    yield Mention(
                        STRUCTURAL + name, event.assertion, event.start, event.end, number, also="also" in needs
                    )
        for event in clause.events:
            if event.has("tissue") and id(event) not in taken:
                headed = _headed(words, number, statement.clauses, parts.shared_heads)
                headed = headed or _described(words, event, number, statement.clauses, parts.shared_adjectives)
                yield _tissue(event, number, statement.clauses, owners, headed)


def _of_another(event: Event, clause: Clause, words: str) -> bool:
    """ "The capsule of the left facet": the bone tells whose capsule it is."""
    return any(
        other.has("tissue") and PART_OF.fullmatch(words, other.end, event.start) is not None for other in clause.events
    )


def _anchored(value: str, needs: str, statement: Statement) -> bool:
    """Whether the words that a diagnosis needs beside it are there."""
    if "near" not in needs:
        return True
    owner = value.rsplit("/", 1)[0]
    return any(owner in event.values("near") for event in statement.events) or (
        "level" in needs and bool(statement.levels)
    )


def _headed(words: str, number: int, clauses: list[Clause], heads: Collection[str]) -> Event | None:
    """ "Facet and ligamentum flavum hypertrophy": the last word of the next name is said of this one too."""
    following = clauses[number + 1] if number + 1 < len(clauses) else None
    if following is None or following.hard or not following.events or following.of("change"):
        return None
    named = next((event for event in following.events if event.has("mechanism")), None)
    first = named is not None and all(event.start >= named.start for event in following.events)
    return named if first and named and words[named.start : named.end].rsplit(maxsplit=1)[-1] in heads else None


def _described(
    words: str, tissue: Event, number: int, clauses: list[Clause], adjectives: Collection[str]
) -> Event | None:
    """ "Overgrown ligament and facets": the first word of the name before is said of this one too."""
    clause = clauses[number]
    if clause.hard or not number or clause.events[0] is not tissue or len(words[clause.start : tissue.start]) > AND_THE:
        return None
    named = clauses[number - 1].events[-1] if clauses[number - 1].events else None
    if named is None or not named.has("mechanism"):
        return None
    return named if words[named.start : named.end].split(maxsplit=1)[0] in adjectives else None


def _tissue(event: Event, number: int, clauses: list[Clause], owners: frozenset[int], headed: Event | None) -> Mention:
    value = event.value("tissue")
    clause = clauses[number]
    change = nearest(event, [other for other in clause.of("change") if _reach(event, other, clause, owners)])
    normal = nearest(
        event, [other for other in clause.of("normal") if other.start >= event.end or event.start - other.end <= BESIDE]
    )
    if change is None and normal is None:
        change, normal = (headed, None) if headed else _shared(number, clauses)
    if change and (normal is None or distance(event, change) <= distance(event, normal)):
        start, end = min(event.start, change.start), max(event.end, change.end)
        if end - start > NEAR * 2:
            start, end = event.start, event.end
        return Mention(value, worse(event.assertion, change.assertion), start, end, number)
    if normal:
        denied = Assertion.NEGATED if normal.assertion is not Assertion.NEGATED else Assertion.AFFIRMED
        told = (
            denied
            if event.assertion in {Assertion.AFFIRMED, Assertion.UNCERTAIN, Assertion.NEGATED}
            else event.assertion
        )
        return Mention(value, told, min(event.start, normal.start), max(event.end, normal.end), number)
    return Mention(value, event.assertion, event.start, event.end, number, bare=True)


def _reach(tissue: Event, change: Event, clause: Clause, owners: frozenset[int]) -> bool:
    """Whether a change word can be about a tissue: near, and not about a tissue that stands closer."""
    if distance(tissue, change) > NEAR:
        return False
    low, high = min(tissue.end, change.end), max(tissue.start, change.start)
    return not any(
        other is not tissue
        and id(other) not in owners
        and (other.has("tissue") or other.has("site"))
        and low <= other.start < high
        and distance(other, change) < distance(tissue, change)
        for other in clause.events
    )


def _shared(number: int, clauses: list[Clause]) -> tuple[Event | None, Event | None]:
    """The predicate a list shares: "ligament and fibrous tissue are thickened", "thick flavum and capsule"."""
    for step in (1, -1):
        index = number + step
        while 0 <= index < len(clauses) and _runs_on(clauses, number, max(index, index - step)):
            clause = clauses[index]
            changes, normals, own = clause.of("change"), clause.of("normal"), clause.of("mechanism")
            tissues = clause.of("tissue")
            if step == -1 and clause.of("site"):
                break
            if changes and (step == 1 or changes[0].start < (tissues[0].start if tissues else changes[0].start + 1)):
                return changes[0], None
            if normals and not clause.of("narrowing") and not _of_its_own(clause, normals[0]):
                return None, normals[0]
            if own or changes or normals or clause.of("narrowing") or not tissues:
                break
            index += step
    return None, None


def _of_its_own(clause: Clause, normal: Event) -> bool:
    """ "..., other levels negative": a clause that calls something else normal, whether that is known or not."""
    known = clause.of("tissue") or any("verb" in event.values("assertion") for event in clause.events)
    return clause.mark == "," and not known and normal.start - clause.start > LEAD


def _runs_on(clauses: list[Clause], number: int, index: int) -> bool:
    """Whether a list goes on over a separator; a colon behind a tissue that stands alone is one: "Facets: thick"."""
    clause = clauses[index]
    return not clause.hard or (clause.mark == ":" and index == number + 1 and not clauses[number].of("site"))


def distance(a: Event, b: Event) -> int:
    return max(a.start, b.start) - min(a.end, b.end)


def nearest(event: Event, others: Iterable[Event]) -> Event | None:
    return min(
        (other for other in others if other is not event), key=lambda other: distance(event, other), default=None
    )


def worse(a: Assertion, b: Assertion) -> Assertion:
    return min(a, b, key=WORST.index)
