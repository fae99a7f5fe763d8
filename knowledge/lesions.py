"""Texts -> lesions: narrowings, dysfunctions, subluxations and other described lesions, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from knowledge.documented import AMBIGUOUS, COMPLAINT, Lesion, evidence, regions_of, segment_between, settled
from knowledge.model import Assertion, Evidence
from knowledge.reading.binding import Bound
from knowledge.reading.clauses import Event
from knowledge.reading.mentions import STRUCTURAL
from knowledge.reading.sites import EXCEPT, Claim
from knowledge.reading.statements import Statement, Text
from knowledge.tables import Knowledge

Places = tuple[tuple[str, ...], tuple[str, ...]]  #: levels, regions
#: What ends a sentence whose places stand in the lines below.
LEADS = re.compile(r"(?:\b(?:below|follows|following|listed|noted)\b[^\n.:]{0,24}[.:]?|:)[ \t]*\Z")
LINES = 24  #: sentences below a lead that are looked at
DENIALS = ("negation", "negation-after")
BRACKETS = frozenset("()[]/")
# --- stenoses ---------------------------------------------------------------------------------------


def narrowings(text: Text, bound: Bound, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for claim in bound.claims:
        if not claim.narrowed or claim.statement.sentence.section == COMPLAINT:
            continue
        assertion = settled(claim.assertion, certain=certain)
        mentions = [
            m
            for m in claim.mechanisms
            if settled(m.assertion, certain=certain) in {Assertion.AFFIRMED, Assertion.HISTORICAL}
        ]
        mechanisms = frozenset(m.value for m in mentions if not m.value.startswith(STRUCTURAL))
        causes = frozenset(m.value.removeprefix(STRUCTURAL) for m in mentions if m.value.startswith(STRUCTURAL))
        levels = segment_between(claim.levels, known)
        yield Lesion(
            known.parts.narrowing,
            claim.site,
            mechanisms & set(known.axes["mechanism"]),
            causes,
            levels,
            regions_of(levels, claim.regions, known),
            assertion,
            text.document,
            claim.statement,
            tuple(_claim_evidence(text, claim, assertion, known.parts.narrowing, certain=certain)),
            claim.weak,
        )


def _claim_evidence(
    text: Text, claim: Claim, assertion: Assertion, narrowing: str, *, certain: bool
) -> Iterator[Evidence]:
    statement = claim.statement
    yield evidence(
        text, statement, "site" if claim.site else "lesion", claim.site or narrowing, assertion, claim.start, claim.end
    )
    for mention in claim.mechanisms:
        axis = "structural" if mention.value.startswith(STRUCTURAL) else "mechanism"
        held = settled(mention.assertion, certain=certain)
        yield evidence(text, statement, axis, mention.value.removeprefix(STRUCTURAL), held, mention.start, mention.end)
    for event in statement.events:
        if event.levels and not event.root and set(event.levels) & set(claim.levels):
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)


# --- dysfunction, subluxation, other ----------------------------------------------------------------


def named_lesions(text: Text, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for statement in text.statements:
        if statement.sentence.section == COMPLAINT or not statement.says("lesion"):
            continue
        for number, clause in enumerate(statement.clauses):
            for event in clause.events:
                for kind in event.values("lesion"):
                    if kind == known.parts.motion_sign and not _placed(statement):
                        continue
                    levels, said = _where(text, statement, number)
                    assertion = settled(event.assertion, certain=certain)
                    regions = regions_of(levels, (), known) | frozenset(
                        value for value in said if value in known.regions
                    )
                    if regions > {AMBIGUOUS}:
                        regions -= {AMBIGUOUS}
                    yield Lesion(
                        kind,
                        "",
                        frozenset(),
                        frozenset(),
                        levels,
                        regions,
                        assertion,
                        text.document,
                        statement,
                        (
                            evidence(text, statement, "lesion", kind, assertion, event.start, event.end),
                            *_place_evidence(text, statement, number, assertion),
                        ),
                    )


def _placed(statement: Statement) -> bool:
    """Whether the sentence itself names what does not move: work may be restricted too."""
    return bool(statement.own) or any(
        event.has("region") or event.has("muscle") or "landmark" in event.values("element")
        for event in statement.events
    )


def _places(statement: Statement, number: int) -> Iterator[Event]:
    """What is said in a clause and in the list it belongs to; of the others not what they deny."""
    clauses = statement.clauses
    indexes = [number]
    for step in (1, -1):
        index = number + step
        while (
            0 <= index < len(clauses)
            and not clauses[index].of("lesion")
            and (step == 1 or not clauses[index].of("verb"))
        ):
            crossing = clauses[max(index, index - step)]
            if crossing.hard and any(
                event.target for event in clauses[number].events if event.levels or event.has("region")
            ):
                break
            if not clauses[index].of("normal"):  # "..., lumbar clear" is no place of the lesion
                indexes.append(index)
            index += step
    lesions = clauses[number].of("lesion")
    denied = bool(lesions) and all(event.assertion is Assertion.NEGATED for event in lesions)
    past = any(event.assertion is Assertion.HISTORICAL for event in lesions)
    gone = {Assertion.NEGATED} if past else {Assertion.NEGATED, Assertion.HISTORICAL}
    for index in indexes:
        yield from (event for event in clauses[index].events if (denied and index == number) or event.assertion not in gone)


def _place_evidence(text: Text, statement: Statement, number: int, assertion: Assertion) -> Iterator[Evidence]:
    for event in _places(statement, number):
        if event.levels and not event.root:
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)
        elif event.has("region"):
            yield evidence(text, statement, "region", event.value("region"), assertion, event.start, event.end)


def _where(text: Text, statement: Statement, number: int) -> Places:
    """Levels and regions of a clause and of the list it belongs to, else of what the sentence is about."""
    return (
        _named(_places(statement, number), text.reading.text)
        or _told_beside(statement, number)
        or _listed_below(text, statement)
        or (statement.topic, statement.topic_regions)
    )


def _named(events: Iterable[Event], words: str = "") -> Places | None:
    """The levels and regions that events name, without those that are taken out: "all but the thoracic"."""
    told = list(events)
    out = {
        place
        for event in told
        if words and EXCEPT.search(words, max(0, event.start - 24), event.start)
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
        if places := _named(clause.events):
            return places
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
