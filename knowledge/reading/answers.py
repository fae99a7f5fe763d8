"""What a short answer denies: the key before it, all the members of its list, the bare name in its clause."""

from __future__ import annotations

from knowledge.reading.clauses import Clause, Event
from knowledge.reading.subjects import is_place

LEAST = 3  #: characters that are a word


def answered(cue: Event, number: int, clauses: list[Clause], *, after: bool) -> tuple[int, int] | None:
    """What a denial behind it answers: "stenosis: no", "spurs, no;", "T-spine no", "the ligament does not".

    ``after``: the denial always stands behind what it denies ("none"), and only a key is looked for here.
    """
    clause = clauses[number]
    if after and clause.mark != ":":
        return None
    if number and _alone(cue, clause):
        ends = number + 1 == len(clauses) or clauses[number + 1].hard
        first = cue.start - clause.start < LEAST
        if clause.mark in {":", "-"} or (clause.mark == "" and number == 1) or (clause.mark == "," and ends and first):
            return clauses[_key(number - 1, clauses)].start, cue.start
    if not after and (_of_a_name(cue, clause) or _answers(cue, clause)):
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
        is_place(event) or event.has("normal") or (event.has("assertion") and event.start > named)
        for event in clause.events
    )


def denied_everywhere(clauses: list[Clause]) -> bool:
    """ "Tenderness: neck no / upper back no": a key that is denied of each place behind it."""
    if len(clauses) == 1 or clauses[1].mark != ":" or any(map(is_place, clauses[0].events)):
        return False
    told = [clause.events for clause in clauses[1:] if clause.end - clause.start >= LEAST]
    return all(any(map(is_place, events)) and "reply" in events[-1].values("assertion") for events in told)


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
