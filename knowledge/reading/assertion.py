"""Clauses and the scope of cues: which events of a sentence are affirmed, denied, doubted, past or not meant.

ConText's model (Harkema 2009), scoped by clauses instead of by the whole sentence: a cue reaches over the
list it opens and stops where a clause of its own begins, or at a termination word.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from knowledge.model import Assertion
from knowledge.reading.clauses import ALTERNATIVE, Clause, Event

QUESTION = re.compile(r"\?{1,2}(?=\s?[a-z])|(?<=[a-z0-9)])\?")
#: Which assertion wins where several cues reach an event.
WORST = (Assertion.ELSEWHERE, Assertion.NEGATED, Assertion.HISTORICAL, Assertion.UNCERTAIN, Assertion.AFFIRMED)
BY_CUE = {
    "negation": Assertion.NEGATED,
    "negation-after": Assertion.NEGATED,
    "uncertain": Assertion.UNCERTAIN,
    "uncertain-after": Assertion.UNCERTAIN,
    "historical": Assertion.HISTORICAL,
    "historical-after": Assertion.HISTORICAL,
    "definition": Assertion.ELSEWHERE,
    "hypothetical": Assertion.ELSEWHERE,
    "reported": Assertion.ELSEWHERE,
    "experiencer": Assertion.ELSEWHERE,
}
#: A done operation makes what it was done for past.
OPERATION = "operation"
LEAST = 3  #: characters that are a word
OUTCOME = 5  #: characters behind the last thing named that say what became of it
BACKWARD = frozenset({"negation-after", "uncertain-after", "historical-after"})
AHEAD = "uncertain-after"
WHOLE = frozenset({"hypothetical", "experiencer", "reported"})
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
        scopes += _reaches(clauses, end)
    if "past" in said:
        scopes += _operations(clauses, end)
    if not scopes and default is Assertion.AFFIRMED:
        return
    turns = _starts(clauses, "relative") if "relative" in said else []
    for clause in clauses:
        for event in clause.events:
            if event.target or "region" in event.kinds:
                _decide(event, scopes, default, turns)


def _reaches(clauses: list[Clause], end: int) -> list[Scope]:
    """What each cue of a sentence reaches."""
    return [
        (*_scope(cue, event, number, clauses, end), BY_CUE[cue], cue)
        for number, clause in enumerate(clauses)
        for event in clause.events
        for cue in event.kinds.get("assertion", ())
        if cue in BY_CUE and not _idle(cue, event, clause)
    ]


def _idle(cue: str, event: Event, clause: Clause) -> bool:
    """ "cleared years ago, ...", "was not removed": a cue that reaches nothing behind it, or nothing at all."""
    if cue == "historical-after" and any(
        "negation" in other.values("assertion") and 0 <= event.start - other.end <= 1 for other in clause.events
    ):
        return True
    both = cue == "historical" and "historical-after" in event.values("assertion")
    return both and any(other.target and other.end <= event.start for other in clause.events)


def _starts(clauses: list[Clause], cue: str) -> list[int]:
    """Where the cues of a kind stand."""
    return [event.start for clause in clauses for event in clause.events if cue in event.values("assertion")]


def _decide(event: Event, scopes: list[Scope], default: Assertion, turns: list[int]) -> None:
    """The worst of what reaches the event; a denial inside a denial undoes it."""
    own = [scope for scope in scopes if scope[0] <= event.start and event.end <= scope[1]]
    if not own:
        event.assertion = default
        return
    if LESION_WORDS.isdisjoint(event.kinds):
        own = [scope for scope in own if scope[3] != "reported"]
    reached = [assertion for _, _, assertion, _ in own]
    if turns:
        denials = sorted(low for low, _, assertion, _ in own if assertion is Assertion.NEGATED)
        if len(denials) > 1 and any(denials[0] <= turn <= denials[-1] for turn in turns):
            reached = [assertion for assertion in reached if assertion is not Assertion.NEGATED]
            event.flipped = True
    event.assertion = min([*reached, default], key=WORST.index)


def _scope(cue: str, event: Event, number: int, clauses: list[Clause], end: int) -> tuple[int, int]:
    if cue == "definition":
        return clauses[0].start, end
    if cue in WHOLE:
        return event.end, _until_break(event, clauses[number:], end) if cue == "experiencer" else end
    alone = (
        cue == "negation"
        and number > 0
        and len(clauses[number].events) == 1
        and clauses[number].end - event.end < LEAST
    )
    mark, ends = clauses[number].mark, number + 1 == len(clauses) or clauses[number + 1].hard
    first = event.start - clauses[number].start < LEAST
    beside = mark == ":" or (mark == "" and number == 1) or (mark == "," and ends and first)
    if alone and beside:  # "stenosis: no", and in the next cell
        return clauses[number - 1].start, event.start
    if cue in BACKWARD and _elsewhere(event, number, clauses):
        return event.end, clauses[number].end
    if cue == "negation" and (_of_a_tissue(event, clauses[number]) or _answers(event, clauses[number])):
        return clauses[number].start, event.start
    if cue == "uncertain" and number > 0 and _nothing_behind(event, number, clauses):
        return _backward(event, number, clauses)
    if cue in BACKWARD and not (cue == AHEAD and _onward(event, clauses[number])):
        return _backward(event, number, clauses)
    reach = _forward(event, number, clauses, doubting=cue.startswith("uncertain"))
    if "instead" in event.values("assertion"):
        return event.end, min(reach, _one_thing(event, clauses[number]))
    return event.end, min(reach, _now(event, clauses[number:])) if cue == "historical" else reach


def _one_thing(cue: Event, clause: Clause) -> int:
    """The end of the one thing behind a cue: where a verb goes on with what stands before it."""
    behind = [event for event in clause.events if event.start >= cue.end]
    verbs = (event.start for event in behind if event.value("narrowing") == "verb" or "verb" in event.values("assertion"))
    return next(verbs, clause.end)


def _now(cue: Event, clauses: list[Clause]) -> int:
    """Where what is there now begins, behind a cue of the past."""
    events = (event for clause in clauses for event in clause.events if event.start >= cue.end)
    return next((event.start for event in events if "current" in event.values("assertion")), clauses[-1].end)


def _elsewhere(cue: Event, number: int, clauses: list[Clause]) -> bool:
    """ "Spurs at L3-4, none at L4-5": the place behind the cue is denied, and nothing before it."""
    own = [event for event in clauses[number].events if event is not cue and (event.target or _place(event))]
    placed = bool(own) and all(event.start >= cue.end and _place(event) for event in own)
    return placed and number > 0 and any(map(_place, clauses[number - 1].events))


def _onward(cue: Event, clause: Clause) -> bool:
    """ "is presumed stenosis": nothing that could be doubted stands before the doubt."""
    first = next((event for event in clause.events if event.target), None)
    return (first is not None and first.start > cue.start) or _led(cue, clause)


def _nothing_behind(cue: Event, number: int, clauses: list[Clause]) -> bool:
    """ "foraminal stenosis, r/o": a doubt that ends its sentence is about what stands before it."""
    alone = clauses[number].events[-1] is cue and clauses[number].end - cue.end < LEAST
    return alone and not any(event.target for clause in clauses[number + 1 :] for event in clause.events)


def _of_a_tissue(cue: Event, clause: Clause) -> bool:
    """ "disc and facet narrow the canal, the ligament does not": a denial at the end of a clause that names tissues."""
    named = [event for event in clause.events if event.target]
    tissues = named and all(event.has("tissue") or event.has("mechanism") for event in named)
    return bool(tissues) and clause.end - cue.end < LEAST and named[-1].start < cue.start


def _answers(cue: Event, clause: Clause) -> bool:
    """ "T-spine no / L-spine yes": the word ends the clause that it answers."""
    last = "reply" in cue.values("assertion") and clause.end - cue.end < LEAST
    return last and any(other.target and other.end <= cue.start for other in clause.events)


def _led(cue: Event, clause: Clause) -> bool:
    """ "stenosis with possible impingement": what stands behind the preposition is doubted, not what stands before."""
    return any("cause" in other.values("assertion") and 0 <= cue.start - other.end <= 1 for other in clause.events)


def _until_break(event: Event, clauses: list[Clause], end: int) -> int:
    """Another person stays the subject until a hard break."""
    return next((clause.start for clause in clauses[1:] if clause.hard and clause.start > event.end + 40), end)


def _forward(event: Event, number: int, clauses: list[Clause], *, doubting: bool) -> int:
    """To the end of the list that follows the cue."""
    stop = _termination(event, clauses[number], doubting=doubting)
    if stop is not None:
        return stop
    reach = clauses[number].end
    told = reach > event.end + LEAST  # a list has begun, of known words or of others
    key = not doubting and reach - event.end < LEAST  # "denies: numbness, weakness"
    for clause in clauses[number + 1 :]:
        keyed = key and clause is clauses[number + 1] and clause.mark == ":"
        alone = clause.stands_alone and (doubting or clause.mark not in ALTERNATIVE)
        if (clause.hard and not keyed) or (told and alone):
            break
        opening = next(
            (other for other in clause.events if other.has("assertion") and other.value("assertion") in BY_CUE), None
        )
        stop = next((other.start for other in clause.events if "termination" in other.values("assertion")), None)
        if stop is not None and told:
            return stop
        if opening and opening.start <= clause.start + 2:
            break
        reach = clause.end
        told = told or any(other.target for other in clause.events)
    return reach


def _termination(event: Event, clause: Clause, *, doubting: bool) -> int | None:
    told = False
    for other in clause.events:
        if other.start < event.end:
            continue
        if (
            "termination" in other.values("assertion")
            and told
            and not (doubting and other.has("assertion") and "cause" in other.values("assertion"))
        ):
            return other.start
        told = told or other.target
    return None


def _backward(event: Event, number: int, clauses: list[Clause]) -> tuple[int, int]:
    """Back to where the list before the cue begins."""
    first = clauses[number].start
    if any(_cause(other) and other.end <= event.start for other in clauses[number].events):
        return first, event.start  # "..., cause not shown"
    own = [other for other in clauses[number].events if other.target and other.end <= event.start]
    said = bool(own)
    if not said and any("side" in other.values("assertion") for other in clauses[number].events):
        return first, event.start  # "..., the left has resolved"
    if number and said and _outcome(clauses[number - 1]):
        return first, event.start  # "cervical dysfunction unchanged, lumbar dysfunction resolved"
    if number and said and all(map(_place, own)) and any(map(_place, clauses[number - 1].events)):
        return first, event.start  # "narrowed at L4-5, at L5-S1 not at all"
    index = number
    while index > 0 and not (said and (clauses[index].hard or clauses[index - 1].stands_alone)):
        if not said and event.has("element") and _told(clauses[index - 1]):
            break
        if said and not any(other.target for other in clauses[index - 1].events):
            break
        index -= 1
        first = clauses[index].start
        said = True
    return first, event.start


def _outcome(clause: Clause) -> bool:
    """Whether a clause says more behind the last thing it names, as no member of a list does."""
    named = [event for event in clause.events if event.target]
    return bool(named) and clause.end - named[-1].end >= OUTCOME


def _place(event: Event) -> bool:
    return bool(event.levels) or event.has("region")


def _cause(event: Event) -> bool:
    """ "cause", "reason": the noun, not a word that leads to one."""
    told = event.values("assertion")
    return "cause" in told and "agent" not in told and "termination" not in told


def _told(clause: Clause) -> bool:
    """ "R positive, L negative": a clause that has a result of its own."""
    return any("neuro-abnormal" in event.values("element") and not event.has("narrowing") for event in clause.events)


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
    reach = min(reach, _now(first, clauses))
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
