"""Lists whose members share the narrowing behind them, each with its own grade or denial.

"Mild canal and no foraminal stenosis", "moderate right, no left foraminal narrowing", "mild L3-4 and severe L4-5
stenosis": what is said of the last member is not said of the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from knowledge.model import Assertion
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.predicates import only
from knowledge.reading.sides import SIDE
from knowledge.reading.statement import Statement

SIDED = re.compile(rf"\b{SIDE}\b")
AND = frozenset({"and", "&", "or", "plus"})
MEMBER = {"adjective", "assertion", "level", "region"}


def shared(statement: Statement, words: str, told: Collection[int]) -> Iterator[tuple[int, str, Event]]:
    """Members that claim nothing by themselves: clause, site, and the head that is said of them.

    ``told`` are the clauses that claim something.
    """
    clauses = statement.clauses
    for number, clause in enumerate(clauses):
        if number in told or not clause.events or not only(clause, MEMBER):
            continue
        head = _head(clauses, number)
        if head is None:
            continue
        apart = head.assertion is Assertion.NEGATED or head.end <= clause.start  # "by level: ...; C5-6 moderate"
        named = clause.of("adjective")
        if named:
            yield from ((number, event.value("adjective"), head) for event in named)
        elif apart and graded(clause) and (clause.of("level") or SIDED.search(words, clause.start, clause.end)):
            yield from ((number, site, head) for site in head.values("site"))


def _head(clauses: Sequence[Clause], number: int) -> Event | None:
    """The site and narrowing in one word that the list ends with, or that a colon stands behind."""
    for following in clauses[number + 1 :]:
        if following.hard:
            break
        if named := [event for event in following.events if event.has("site") and event.has("narrowing")]:
            return named[0]
        if not only(following, MEMBER):
            break
    keyed = number and clauses[1].mark == ":" and not clauses[number].of("adjective")
    before = [event for event in clauses[0].events if event.has("site") and event.has("narrowing")] if keyed else []
    return before[-1] if before else None


def graded(clause: Clause) -> bool:
    """Whether a clause grades, and does not deny."""
    cues = {value for event in clause.events for value in event.values("assertion")}
    return "degree" in cues and cues.isdisjoint({"negation", "negation-after"})


def denied(clause: Clause) -> bool:
    """Whether a clause begins with "no"."""
    first = clause.events[0] if clause.events else None
    return first is not None and "reply" in first.values("assertion")


def graded_levels(clauses: Sequence[Clause], index: int) -> list[str]:
    """ "Mild L3-4 and severe L4-5 stenosis": the levels of members of a list that share the narrowing behind it."""
    levels: list[str] = []
    while index and not clauses[index].hard:
        joined = clauses[index].mark in AND
        index -= 1
        own = clauses[index].levels
        cues = {value for event in clauses[index].events for value in event.values("assertion")}
        listed = graded(clauses[index]) or (joined and cues <= {"pronoun"})  # "both the C5-6 and the C6-7 foramina"
        if not (own and listed and only(clauses[index], {"assertion", "level"})):
            break
        levels = [*own, *levels]
    return levels
