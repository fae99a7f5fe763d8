"""How far a cue reaches: to the end of its list, back to where the list began, or over its own clause."""

from __future__ import annotations

import re

from knowledge.model import Assertion
from knowledge.reading.answers import LEAST, answered
from knowledge.reading.clauses import ALTERNATIVE, Clause, Event
from knowledge.reading.subjects import APART, has_result, is_place, own_subject

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
SPARED = frozenset({"concession", "exception"})  #: what no denial before it reaches behind
DENIALS = frozenset({"negation", "negation-after"})
BACKWARD = frozenset({"negation-after", "uncertain-after", "historical-after"})
AHEAD = "uncertain-after"
NEARBY = 40  #: characters in which a break does not yet end what is told of another person
#: None, and where.
NONE_THERE = re.compile(r"(?:none|nil|nothing)(?: [a-z]+)? (?:elsewhere|else|anywhere|at|in|on|over|above|below)\b")
#: Who is spoken of from here on is the patient.
HERSELF = re.compile(r"[\s(]*(?:s?he|i|(?:the |this )?(?:patient|pt)|hers?|his)\b")
SHE_HAS = re.compile(r"\s*(?:s?he|the patient|pt) (?:herself|himself|has|had|is|was|now|shows)\b")
WHOLE = frozenset({"hypothetical", "experiencer", "reported"})


def scope(text: str, cue: str, event: Event, number: int, clauses: list[Clause], end: int) -> tuple[int, int]:
    """From where to where a cue reaches; ``number`` is that of its clause, ``end`` the end of the sentence."""
    if cue == "definition":
        return clauses[0].start, end
    if cue in WHOLE:
        return event.end, _until_break(text, event, clauses[number:], end) if cue == "experiencer" else end
    if cue in DENIALS and (denied := answered(event, number, clauses, after=cue in BACKWARD)):
        return denied
    if cue in BACKWARD and (_elsewhere(event, number, clauses) or _none_there(text, event, clauses[number])):
        return event.end, clauses[number].end
    doubted = cue == "uncertain" and number > 0 and _nothing_behind(event, number, clauses)
    if doubted or (cue in BACKWARD and not (cue == AHEAD and _onward(event, clauses[number]))):
        return _backward(text, event, number, clauses)
    reach = _forward(event, number, clauses, doubting=cue.startswith("uncertain"))
    if "instead" in event.values("assertion"):
        reach = min(reach, _one_thing(event, clauses[number]))
    return event.end, min(reach, now(event, clauses[number:])) if cue == "historical" else reach


def _elsewhere(cue: Event, number: int, clauses: list[Clause]) -> bool:
    """ "Spurs at L3-4, none at L4-5": the place behind the cue is denied, and nothing before it."""
    own = [event for event in clauses[number].events if event is not cue and (event.target or is_place(event))]
    placed = bool(own) and all(event.start >= cue.end and is_place(event) for event in own)
    return placed and number > 0 and any(map(is_place, clauses[number - 1].events))


def _none_there(text: str, cue: Event, clause: Clause) -> bool:
    """ "Fixation at T4-5, none elsewhere": what is denied has its place behind it, and not what stands before."""
    begins = cue.start - clause.start < LEAST and (clause.mark in APART or clause.mark.isalpha())
    return begins and NONE_THERE.match(text, cue.start, clause.end) is not None


def _nothing_behind(cue: Event, number: int, clauses: list[Clause]) -> bool:
    """ "foraminal stenosis, r/o": a doubt that ends its sentence is about what stands before it."""
    alone = clauses[number].events[-1] is cue and clauses[number].end - cue.end < LEAST
    return alone and not any(event.target for clause in clauses[number + 1 :] for event in clause.events)


def _onward(cue: Event, clause: Clause) -> bool:
    """ "is presumed stenosis": nothing that could be doubted stands before the doubt."""
    first = next((event for event in clause.events if event.target), None)
    return (first is not None and first.start > cue.start) or _led(cue, clause)


def _led(cue: Event, clause: Clause) -> bool:
    """ "stenosis with possible impingement": what stands behind the preposition is doubted, not what stands before."""
    return any("cause" in other.values("assertion") and 0 <= cue.start - other.end <= 1 for other in clause.events)


def _until_break(text: str, event: Event, clauses: list[Clause], end: int) -> int:
    """Another person stays the subject until a hard break, or until the patient is named again."""
    for clause in clauses[1:]:
        far = clause.hard and clause.start > event.end + NEARBY
        if clause.start > event.end and (far or (HERSELF if clause.hard else SHE_HAS).match(text, clause.start)):
            return clause.start
    return end


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
        if not SPARED.isdisjoint(other.values("assertion")) or (told and not doubting and _called_normal(other)):
            return other.start
        if (
            "termination" in other.values("assertion")
            and told
            and not (doubting and other.has("assertion") and "cause" in other.values("assertion"))
        ):
            return other.start
        told = told or other.target
    return None


def _called_normal(event: Event) -> bool:
    """ "no narrowing of the foramina L5-S1 normal": behind what was denied something else is called normal."""
    return event.value("normal") == "plain" and not event.has("assertion")


def _one_thing(cue: Event, clause: Clause) -> int:
    """The end of the one thing behind a cue: where a verb goes on with what stands before it."""
    behind = [event for event in clause.events if event.start >= cue.end]
    described = len(behind) > 1 and behind[0].has("tissue")  # "bony rather than ligamentous narrowing"
    ends = (
        event.start
        for event in behind
        if event.value("narrowing") == "verb"
        or "verb" in event.values("assertion")
        or (described and event is behind[1] and event.value("narrowing") == "noun")
    )
    return next(ends, clause.end)


def now(cue: Event, clauses: list[Clause]) -> int:
    """Where what is there now begins, behind a cue of the past."""
    events = (event for clause in clauses for event in clause.events if event.start >= cue.end)
    return next((event.start for event in events if "current" in event.values("assertion")), clauses[-1].end)


def _backward(text: str, event: Event, number: int, clauses: list[Clause]) -> tuple[int, int]:
    """Back to where the list before the cue begins."""
    first = clauses[number].start
    if own_subject(text, event, number, clauses):
        return first, event.start
    said = any(other.target and other.end <= event.start for other in clauses[number].events)
    index = number
    while index > 0 and not (said and (clauses[index].hard or clauses[index - 1].stands_alone)):
        if not said and event.has("element") and has_result(clauses[index - 1]):
            break
        if said and not any(other.target for other in clauses[index - 1].events):
            break
        index -= 1
        first = clauses[index].start
        said = any(other.target for other in clauses[index].events)
    return first, event.start
