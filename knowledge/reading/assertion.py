"""Which events of a sentence are affirmed, denied, doubted, past or not meant.

ConText's model (Harkema 2009), scoped by clauses instead of by the whole sentence: how far a cue reaches is told by
``scopes.py``; of several cues that reach an event the worst decides.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from knowledge.model import Assertion
from knowledge.reading.answers import denied_everywhere
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.scopes import BY_CUE, now, scope

QUESTION = re.compile(r"\?{1,2}(?=\s?[a-z])|(?<=[a-z0-9)])\?")
#: Which assertion wins where several cues reach an event.
WORST = (Assertion.ELSEWHERE, Assertion.NEGATED, Assertion.HISTORICAL, Assertion.UNCERTAIN, Assertion.AFFIRMED)
#: Cues that a later "returned" undoes.
UNDONE = frozenset({"historical-after", "historical", "negation-after"})
#: A done operation makes what it was done for past.
OPERATION = "operation"
#: What changes how a sentence holds a thing.
REACHING = frozenset({*BY_CUE, "past"})
#: What others report is no lesion; a symptom they report is one.
LESION_WORDS = frozenset(
    {
        "site",
        "content",
        "narrowing",
        "normal",
        "tissue",
        "change",
        "mechanism",
        "structural",
        "anchored",
        "lesion",
        "bare",
    }
)


Scope = tuple[int, int, Assertion, str]


def assert_events(
    text: str, start: int, end: int, clauses: list[Clause], default: Assertion, said: AbstractSet[str]
) -> None:
    """Give every event of a sentence its assertion; ``said`` are the classes and cues of the sentence."""
    scopes = _questions(text, start, end, clauses)
    if not said.isdisjoint(BY_CUE):
        scopes += _reaches(text, clauses, end)
    if "past" in said:
        scopes += _operations(clauses, end)
    if not scopes and default is Assertion.AFFIRMED:
        return
    turns = _starts(clauses, "relative") if "relative" in said else []
    for clause in clauses:
        for event in clause.events:
            if event.target or "region" in event.kinds:
                _decide(event, scopes, default, turns)


def _reaches(text: str, clauses: list[Clause], end: int) -> list[Scope]:
    """What each cue of a sentence reaches."""
    recurs = max(_starts(clauses, "recurs"), default=-1)
    key = [(clauses[0].start, clauses[0].end, Assertion.NEGATED, "negation")] if denied_everywhere(clauses) else []
    return key + [
        (*scope(text, cue, event, number, clauses, end), BY_CUE[cue], cue)
        for number, clause in enumerate(clauses)
        for event in clause.events
        for cue in event.kinds.get("assertion", ())
        if cue in BY_CUE and not _idle(cue, event, clause) and not _gone(cue, event, recurs)
    ]


def _gone(cue: str, event: Event, recurs: int) -> bool:
    """ "cleared in May, returned in July": what had gone is there again."""
    return cue in UNDONE and event.start < recurs


def _idle(cue: str, event: Event, clause: Clause) -> bool:
    """ "cleared years ago, ...", "was not removed": a cue that reaches nothing behind it, or nothing at all."""
    if cue == "historical-after" and any(
        "negation" in other.values("assertion") and 0 <= event.start - other.end <= 1 for other in clause.events
    ):
        return True
    if cue == "negation" and "exception" in event.values("assertion") and _denied_before(event, clause):
        return True
    both = cue == "historical" and "historical-after" in event.values("assertion")
    return both and any(other.target and other.end <= event.start for other in clause.events)


def _denied_before(event: Event, clause: Clause) -> bool:
    """ "No treatment other than ...": what is taken out of a denial is not denied."""
    return any("negation" in other.values("assertion") and other.end <= event.start for other in clause.events)


def _starts(clauses: list[Clause], cue: str) -> list[int]:
    """Where the cues of a kind stand."""
    return [event.start for clause in clauses for event in clause.events if cue in event.values("assertion")]


def _decide(event: Event, scopes: list[Scope], default: Assertion, turns: list[int]) -> None:
    """The worst of what reaches the event; a denial inside a denial undoes it."""
    own = [scope for scope in scopes if scope[0] <= event.start and event.end <= scope[1]]
    if not own:
        event.assertion = default
        return
    if LESION_WORDS.isdisjoint(event.kinds) and "tart" not in event.values("element"):
        own = [scope for scope in own if scope[3] != "reported"]
    reached = [assertion for _, _, assertion, _ in own]
    if turns:
        denials = sorted(low for low, _, assertion, _ in own if assertion is Assertion.NEGATED)
        if len(denials) > 1 and any(denials[0] <= turn <= denials[-1] for turn in turns):
            reached = [assertion for assertion in reached if assertion is not Assertion.NEGATED]
            event.flipped = True
    event.assertion = min([*reached, default], key=WORST.index)


def _operations(clauses: list[Clause], end: int) -> list[Scope]:
    """ "had a laminectomy in 2019 for stenosis": past, from the operation to the end of the sentence."""
    events = [event for clause in clauses for event in clause.events]
    if any(event.value("speech") == "order" for event in events):
        return []
    first = next(
        (event for event in events if OPERATION in event.values("assertion") and event.assertion is Assertion.AFFIRMED),
        None,
    )
    if first is None:
        return []
    reach = next((clause.start for clause in clauses if clause.mark == ";" and clause.start > first.end), end)
    reach = min(reach, now(first, clauses))
    return [(first.end, reach, Assertion.HISTORICAL, OPERATION)]


def _questions(text: str, start: int, end: int, clauses: list[Clause]) -> list[Scope]:
    """A question mark before a finding, or right behind it, doubts it."""
    scopes: list[Scope] = []
    index = 0
    if text.find("?", start, end) < 0:
        return scopes
    for match in QUESTION.finditer(text, start, end):
        while index < len(clauses) and clauses[index].end + 1 <= match.start():
            index += 1
        if index == len(clauses) or clauses[index].start > match.start():
            continue
        clause = clauses[index]
        before = match.start() > 0 and text[match.start() - 1].isalnum()
        scopes.append(
            (clause.start, match.start(), Assertion.UNCERTAIN, "?")
            if before
            else (match.end(), clause.end, Assertion.UNCERTAIN, "?")
        )
    return scopes
