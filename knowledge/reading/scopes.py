"""How far a cue reaches: to the end of its list, back to where the list began, or over its own clause."""

from __future__ import annotations

import re

from knowledge.model import Assertion
from knowledge.reading.clauses import ALTERNATIVE, Clause, Event

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
LEAST = 3  #: characters that are a word
OUTCOME = 5  #: characters behind the last thing named that say what became of it
SPARED = frozenset({"concession", "exception"})  #: what no denial before it reaches behind
BACKWARD = frozenset({"negation-after", "uncertain-after", "historical-after"})
AHEAD = "uncertain-after"
APART = frozenset({",", ";", "-"})  #: what parts one subject from another; "and" and "or" go on with a list
#: A noun at the beginning of a clause: no article, preposition, pronoun, adverb, conjunction, verb or participle.
NOUN = re.compile(
    r"[\s(]*(?:(?:the|an?) )?(?!(?:and|but|or|nor|though|although|however|yet|both|all|each|either"
    r"|neither|none|any|some|its?|this|that|these|those|they|them|which|who|is|are|was|were|has|have|had|been|being|not?|now"
    r"|then|today|still|also|again|too|likewise|since|so|if|as|at|on|in|by|of|for|to|with|from|per|after|before|during|under"
    r"|over|within|otherwise|here|there|seen|shown|found|[a-z]+(?:ly|ed))\b)[a-z]{3,}"
)
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
    if cue == "negation" and (answered := _answered(event, number, clauses)):
        return answered
    if cue == "negation-after" and number and clauses[number].mark == ":" and _alone(event, clauses[number]):
        return clauses[_key(number - 1, clauses)].start, event.start
    if cue in BACKWARD and (_elsewhere(event, number, clauses) or _none_there(text, event, clauses[number])):
        return event.end, clauses[number].end
    doubted = cue == "uncertain" and number > 0 and _nothing_behind(event, number, clauses)
    if doubted or (cue in BACKWARD and not (cue == AHEAD and _onward(event, clauses[number]))):
        return _backward(text, event, number, clauses)
    reach = _forward(event, number, clauses, doubting=cue.startswith("uncertain"))
    if "instead" in event.values("assertion"):
        reach = min(reach, _one_thing(event, clauses[number]))
    return event.end, min(reach, now(event, clauses[number:])) if cue == "historical" else reach


def _answered(cue: Event, number: int, clauses: list[Clause]) -> tuple[int, int] | None:
    """What a denial behind it answers: "stenosis: no", "spurs, no;", "T-spine no", "the ligament does not"."""
    clause = clauses[number]
    if number and _alone(cue, clause):
        ends = number + 1 == len(clauses) or clauses[number + 1].hard
        first = cue.start - clause.start < LEAST
        if clause.mark in {":", "-"} or (clause.mark == "" and number == 1) or (clause.mark == "," and ends and first):
            return clauses[_key(number - 1, clauses)].start, cue.start
    if _of_a_name(cue, clause) or _answers(cue, clause):
        return clause.start, cue.start
    return None


def _alone(cue: Event, clause: Clause) -> bool:
    """The answer is all that a clause says."""
    return len(clause.events) == 1 and clause.end - cue.end < LEAST


def _key(number: int, clauses: list[Clause]) -> int:
    """Where the key begins that ends with a clause: "weakness, numbness, tingling: no" asks for all of them."""
    while number and (not clauses[number].hard or clauses[number].mark == "/") and _bare(clauses[number - 1]):
        number -= 1
    return number


def _bare(clause: Clause) -> bool:
    """A member of a list: something is named, and nothing said of it."""
    named = next((event.start for event in clause.events if event.target), clause.end)
    return not any(
        _place(event) or event.has("normal") or (event.has("assertion") and event.start > named)
        for event in clause.events
    )


def denied_everywhere(clauses: list[Clause]) -> bool:
    """ "Tenderness: neck no / upper back no": a key that is denied of each place behind it."""
    if len(clauses) == 1 or clauses[1].mark != ":" or any(map(_place, clauses[0].events)):
        return False
    told = [clause.events for clause in clauses[1:] if clause.end - clause.start >= LEAST]
    return all(any(map(_place, events)) and "reply" in events[-1].values("assertion") for events in told)


def _of_a_name(cue: Event, clause: Clause) -> bool:
    """ "the disc narrows the canal, the ligament does not", "the foramina are not": a denial behind a mere name."""
    named = [event for event in clause.events if event.target]
    tissues = (
        named and all(_tissue_or_site(event) or event.levels for event in named) and any(map(_tissue_or_site, named))
    )
    return bool(tissues) and clause.end - cue.end < LEAST and named[-1].start < cue.start


def _tissue_or_site(event: Event) -> bool:
    return (event.has("tissue") or event.has("mechanism") or event.has("site")) and not event.has("narrowing")


def _answers(cue: Event, clause: Clause) -> bool:
    """ "T-spine no / L-spine yes": the word ends the clause that it answers."""
    last = "reply" in cue.values("assertion") and clause.end - cue.end < LEAST
    return last and any(other.target and other.end <= cue.start for other in clause.events)


def _elsewhere(cue: Event, number: int, clauses: list[Clause]) -> bool:
    """ "Spurs at L3-4, none at L4-5": the place behind the cue is denied, and nothing before it."""
    own = [event for event in clauses[number].events if event is not cue and (event.target or _place(event))]
    placed = bool(own) and all(event.start >= cue.end and _place(event) for event in own)
    return placed and number > 0 and any(map(_place, clauses[number - 1].events))


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
        far = clause.hard and clause.start > event.end + 40
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
    own = [other for other in clauses[number].events if other.target and other.end <= event.start]
    if _own_subject(event, own, number, clauses) or (not own and _named(text, event, clauses[number])):
        return first, event.start
    said, index = bool(own), number
    while index > 0 and not (said and (clauses[index].hard or clauses[index - 1].stands_alone)):
        if not said and event.has("element") and _told(clauses[index - 1]):
            break
        if said and not any(other.target for other in clauses[index - 1].events):
            break
        index -= 1
        first = clauses[index].start
        said = any(other.target for other in clauses[index].events)
    return first, event.start


def _own_subject(cue: Event, own: list[Event], number: int, clauses: list[Clause]) -> bool:
    """Whether a cue is about its own clause only, whatever stands before it."""
    clause = clauses[number]
    if any(_cause(other) and other.end <= cue.start for other in clause.events):
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
    placed = any(map(_place, before.events))
    if clause.mark in APART and _whole(before, own, placed=placed):
        return True
    return placed and all(map(_place, own))  # "narrowed at L4-5, at L5-S1 not at all"


def _whole(before: Clause, own: list[Event], *, placed: bool) -> bool:
    """ "canal stenosis at L4-5, cord lesion absent": something was said to the end, with its place or its cause."""
    if before.of("narrowing"):
        return placed or any(map(_cause, before.events))
    named = {value for event in before.of("lesion") for value in event.values("lesion")}
    return placed and bool(named) and named.isdisjoint(value for event in own for value in event.values("lesion"))


def _named(text: str, cue: Event, clause: Clause) -> bool:
    """ "..., other levels negative", "..., fracture ruled out": the clause begins with what its cue is about."""
    noun = NOUN.match(text, clause.start, cue.start) if clause.mark in APART else None
    said = any(event.has("assertion") and event.start < noun.end() for event in clause.events) if noun else True
    return not said


def _told(clause: Clause) -> bool:
    """ "R positive, L negative": a clause that has a result of its own."""
    results = (event for event in clause.events if "neuro-abnormal" in event.values("element"))
    return any("neuro" not in event.values("element") and not event.has("narrowing") for event in results)


def _at_side(clause: Clause) -> bool:
    return any("at-side" in event.values("assertion") for event in clause.events)


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
