"""Where a named lesion is: in its clause, its list, the lines below, or what the sentence is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from knowledge.model import Assertion
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.placing import excepted
from knowledge.reading.statement import Statement, Text

Places = tuple[tuple[str, ...], tuple[str, ...]]  #: levels, regions
#: What ends a sentence whose places stand in the lines below.
LEADS = re.compile(r"(?:\b(?:below|follows|following|listed|noted)\b[^\n.:]{0,24}[.:]?|:)[ \t]*\Z")
LINES = 24  #: sentences below a lead that are looked at
DENIALS = ("negation", "negation-after")
BRACKETS = frozenset("()[]/")
SEVERAL = 2
#: What may stand in a list of places beside them.
BESIDE = frozenset({"assertion", "speech", "near"})


def where(text: Text, statement: Statement, number: int, lesion: Event) -> Places:
    """Levels and regions of a clause and of the list it belongs to, else of what the sentence is about."""
    return (
        _named(places(statement, number, lesion), text.reading.text)
        or _told_beside(statement, number)
        or _listed_below(text, statement)
        or (statement.topic, statement.topic_regions)
    )


def places(statement: Statement, number: int, lesion: Event) -> Iterator[Event]:
    """What may place a lesion: its clause and the list that it belongs to; of other clauses not what they deny.

    A clause with several lesions gives each its own place, where each has one.
    """
    clauses = statement.clauses
    if own := _own(clauses[number], lesion):
        yield from own
        return
    lesions = clauses[number].of("lesion")
    denied = bool(lesions) and all(event.assertion is Assertion.NEGATED for event in lesions)
    past = any(event.assertion is Assertion.HISTORICAL for event in lesions)
    gone = {Assertion.NEGATED} if past else {Assertion.NEGATED, Assertion.HISTORICAL}
    for index in _list(clauses, number):
        yield from (
            event for event in clauses[index].events if (denied and index == number) or event.assertion not in gone
        )


def _own(clause: Clause, lesion: Event) -> list[Event]:
    """ "Subluxation of the lumbar region with dysfunction of the sacral region": what stands behind each, or before."""
    lesions = clause.of("lesion")
    if len(lesions) < SEVERAL:
        return []
    bounds = [one.start for one in lesions]
    behind = [
        [event for event in clause.events if first <= event.start < last]
        for first, last in zip(bounds, [*bounds[1:], clause.end], strict=True)
    ]
    before = [
        [event for event in clause.events if first <= event.start < last]
        for first, last in zip([clause.start, *bounds[:-1]], bounds, strict=True)
    ]
    for stretches in (behind, before):
        if all(any(_placed(event) for event in stretch) for stretch in stretches):
            return stretches[lesions.index(lesion)]
    return []


def _placed(event: Event) -> bool:
    return (bool(event.levels) and not event.root) or event.has("region")


def _list(clauses: Sequence[Clause], number: int) -> list[int]:
    """The clauses of the list that a clause belongs to."""
    indexes = [number]
    placed = any(event.target for event in clauses[number].events if event.levels or event.has("region"))
    for step in (1, -1):
        index = number + step
        while (
            0 <= index < len(clauses)
            and (not clauses[index].of("lesion") or clauses[index].mark == "(")
            and (step == 1 or not clauses[index].of("verb"))
        ):
            crossing = clauses[max(index, index - step)]
            aside = crossing.mark in BRACKETS and step == 1
            if placed and ((crossing.hard and not aside) or (step == 1 and not _goes_on(clauses[index]))):
                break
            if not _normal(clauses, index):
                indexes.append(index)
            index += step
    return indexes


def _normal(clauses: Sequence[Clause], index: int) -> bool:
    """ "..., lumbar clear", "..., neck and mid back clear": no place of the lesion."""
    joined = index + 1 < len(clauses) and clauses[index + 1].mark == "and" and all(map(_placed, clauses[index].events))
    return bool(clauses[index].of("normal")) or (joined and bool(clauses[index + 1].of("normal")))


def _goes_on(clause: Clause) -> bool:
    """Whether a clause goes on with a list of places: it begins with one, a bracket holds nothing else.

    "... of C6 (cervical), T8 (thoracic) and L5", but not "... of L4, tender at L5".
    """
    told = [event for event in clause.events if not event.kinds.keys() <= BESIDE]
    if clause.mark == "(":
        return all(map(_placed, told))
    return not told or _placed(told[0]) or set(told[0].values("element")) == {"landmark"}


def _named(events: Iterable[Event], words: str = "") -> Places | None:
    """The levels and regions that events name, without those that are taken out: "all but the thoracic"."""
    told = list(events)
    out = {
        place
        for event in told
        if words and excepted(words, event)
        for place in (*event.levels, *event.values("region"))
    }
    levels = dict.fromkeys(level for event in told if not event.root for level in event.levels)
    regions = dict.fromkeys(value for event in told for value in event.values("region"))
    if {*levels, *regions} > out:
        levels, regions = ({place: None for place in one if place not in out} for one in (levels, regions))
    return (tuple(levels), tuple(regions)) if levels or regions else None


def _told_beside(statement: Statement, number: int) -> Places | None:
    """ "Subluxation and segmental dysfunction at C5", "T6 dysfunction/subluxation": a place that a list names once."""
    clauses = statement.clauses
    for clause in clauses[number + 1 :]:
        if clause.hard or not clause.of("lesion"):
            break
        if behind := _named(clause.events):
            return behind
    told: list[Event] = []
    for index in range(number, 0, -1):
        if (clauses[index].hard and clauses[index].mark not in BRACKETS) or not clauses[index - 1].of("lesion"):
            break
        told = [*clauses[index - 1].events, *told]
    return _named(told)


def _listed_below(text: Text, statement: Statement) -> Places | None:
    """ "Segmental dysfunction as below:", then a line for each place; those that are denied are none of them."""
    sentence, words = statement.sentence, text.reading.text
    placed = statement.topic or statement.topic_regions
    if not LEADS.search(words, sentence.start, sentence.end) and (placed or not _heading(statement, words)):
        return None
    told: list[Event] = []
    for other in text.statements[statement.index + 1 : statement.index + 1 + LINES]:
        same = other.sentence.paragraph == sentence.paragraph and other.sentence.section == sentence.section
        if not same or other.says("lesion") or (other.sentence.line_start and not _begins_with_place(other, words)):
            break
        if other.sentence.line_start and not other.says(*DENIALS):
            told += [event for event in other.events if event.assertion is not Assertion.NEGATED]
    return _named(told)


def _heading(statement: Statement, words: str) -> bool:
    """Whether a line holds the lesion by its name and nothing else."""
    whole = words[statement.sentence.start : statement.sentence.end].strip(" \t-*:")
    return len(statement.events) == 1 and words[statement.events[0].start : statement.events[0].end] == whole


def _begins_with_place(statement: Statement, words: str) -> bool:
    first = next((event for event in statement.events if event.levels or event.has("region")), None)
    return first is not None and not words[statement.sentence.start : first.start].strip(" \t-*#.)(0123456789")
