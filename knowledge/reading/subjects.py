"""Whose a cue is that stands behind what it is about: its own clause's, or the whole list's before it."""

from __future__ import annotations

import re

from knowledge.reading.clauses import Clause, Event

OUTCOME = 5  #: characters behind the last thing named that say what became of it
APART = frozenset({",", ";", "-"})  #: what parts one subject from another; "and" and "or" go on with a list
#: A noun at the beginning of a clause: no article, preposition, pronoun, adverb, conjunction, verb or participle.
NOUN = re.compile(
    r"[\s(]*(?:(?:the|an?) )?(?!(?:and|but|or|nor|though|although|however|yet|both|all|each|either"
    r"|neither|none|any|some|its?|this|that|these|those|they|them|which|who|is|are|was|were|has|have|had|been|being|not?|now"
    r"|then|today|still|also|again|too|likewise|since|so|if|as|at|on|in|by|of|for|to|with|from|per|after|before|during|under"
    r"|over|within|otherwise|here|there|seen|shown|found|[a-z]+(?:ly|ed))\b)[a-z]{3,}"
)


def own_subject(text: str, cue: Event, number: int, clauses: list[Clause]) -> bool:
    """Whether a cue is about its own clause only, whatever stands before it; ``number`` is that of the clause."""
    own = [event for event in clauses[number].events if event.target and event.end <= cue.start]
    return _apart(cue, own, number, clauses) or (not own and _named(text, cue, clauses[number]))


def _apart(cue: Event, own: list[Event], number: int, clauses: list[Clause]) -> bool:
    """Whether a cue is about its own clause only, whatever stands before it."""
    clause = clauses[number]
    if any(_is_cause(other) and other.end <= cue.start for other in clause.events):
        return True  # "..., cause not shown"
    if not own:
        told = {value for other in clause.events for value in other.values("assertion")}
        both = "at-side" in told and number > 0 and _at_side(clauses[number - 1])
        return "side" in told or both  # "..., the left has resolved", "mild on the right and absent on the left"
    if not number:
        return False
    if _outcome(clauses[number - 1]):
        return True  # "cervical dysfunction unchanged, lumbar dysfunction resolved"
    before = clauses[number - 1]
    placed = any(map(is_place, before.events))
    if clause.mark in APART and _whole(before, own, placed=placed):
        return True
    return placed and all(map(is_place, own))  # "narrowed at L4-5, at L5-S1 not at all"


def _whole(before: Clause, own: list[Event], *, placed: bool) -> bool:
    """ "canal stenosis at L4-5, cord lesion absent": something was said to the end, with its place or its cause."""
    if before.of("narrowing"):
        return placed or any(map(_is_cause, before.events))
    named = {value for event in before.of("lesion") for value in event.values("lesion")}
    return placed and bool(named) and named.isdisjoint(value for event in own for value in event.values("lesion"))


def _named(text: str, cue: Event, clause: Clause) -> bool:
    """ "..., other levels negative", "..., fracture ruled out": the clause begins with what its cue is about."""
    noun = NOUN.match(text, clause.start, cue.start) if clause.mark in APART else None
    said = any(event.has("assertion") and event.start < noun.end() for event in clause.events) if noun else True
    return not said


def has_result(clause: Clause) -> bool:
    """ "R positive, L negative": a clause that has a result of its own."""
    results = (event for event in clause.events if "neuro-abnormal" in event.values("element"))
    return any("neuro" not in event.values("element") and not event.has("narrowing") for event in results)


def _at_side(clause: Clause) -> bool:
    return any("at-side" in event.values("assertion") for event in clause.events)


def _outcome(clause: Clause) -> bool:
    """Whether a clause says more behind the last thing it names, as no member of a list does."""
    named = [event for event in clause.events if event.target]
    return bool(named) and clause.end - named[-1].end >= OUTCOME


def is_place(event: Event) -> bool:
    return bool(event.levels) or event.has("region")


def _is_cause(event: Event) -> bool:
    """ "cause", "reason": the noun, not a word that leads to one."""
    told = event.values("assertion")
    return "cause" in told and "agent" not in told and "termination" not in told
