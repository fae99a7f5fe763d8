"""Texts and Conditions -> structural diagnoses, said or coded, with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from knowledge.documented import AMBIGUOUS, COMPLAINT, StructuralFinding, evidence, regions_of, settled
from knowledge.model import Assertion, Chart, Evidence, Role
from knowledge.reading.binding import Bound
from knowledge.reading.clauses import Event
from knowledge.reading.mentions import STRUCTURAL, Mention
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Knowledge


def structural_findings(text: Text, bound: Bound, known: Knowledge, *, certain: bool) -> Iterator[StructuralFinding]:
    causal = {
        (id(mention), mention.value)
        for claim in bound.claims
        if claim.narrowed and settled(claim.assertion, certain=certain) is Assertion.AFFIRMED
        for mention in claim.mechanisms
    }
    for statement, mention in bound.mentions:
        if not mention.value.startswith(STRUCTURAL) or statement.sentence.section == COMPLAINT:
            continue
        name = mention.value.removeprefix(STRUCTURAL)
        levels, said = _place_of(statement, mention.clause)
        assertion = settled(mention.assertion, certain=certain)
        yield StructuralFinding(
            name,
            levels,
            regions_of(levels, said, known),
            assertion,
            text.document.author,
            coded=False,
            causal=(id(mention), mention.value) in causal or _named_for_the_cord(statement, mention),
            evidence=evidence(text, statement, "structural", name, assertion, mention.start, mention.end),
            document=text.document,
            also=mention.also,
            section=statement.sentence.section,
            places=tuple(_places(text, statement, mention.clause, assertion)),
        )


def _named_for_the_cord(statement: Statement, mention: Mention) -> bool:
    """ "Spondylotic myelopathy": the name of the disease says that it presses."""
    return any(event.start == mention.start and event.has("qualifier") for event in statement.events)


def _place_of(statement: Statement, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The levels and the regions that the clause names, else the nearest that does, else what the sentence is about."""
    levels = tuple(dict.fromkeys(level for event in _levelled(statement, number) for level in event.levels))
    regions = tuple(value for event in _placed(statement, number) for value in event.values("region"))
    return levels or statement.topic, regions or statement.topic_regions


def _places(text: Text, statement: Statement, number: int, assertion: Assertion) -> Iterator[Evidence]:
    """The levels quoted; the regions where no level is named."""
    levelled = _levelled(statement, number)
    for event in levelled:
        yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)
    for event in () if levelled else _placed(statement, number):
        yield evidence(text, statement, "region", event.value("region"), assertion, event.start, event.end)


def _levelled(statement: Statement, number: int) -> list[Event]:
    return next(
        filter(None, ([one for one in events if one.levels and not one.root] for events in _around(statement, number))),
        [],
    )


def _placed(statement: Statement, number: int) -> list[Event]:
    return next(
        filter(None, ([one for one in events if one.has("region")] for events in _around(statement, number))), []
    )


def _around(statement: Statement, number: int) -> Iterator[Sequence[Event]]:
    """The events clause by clause: of this clause, of those before it from the nearest on, of those after it."""
    for index in (number, *range(number - 1, -1, -1), *range(number + 1, len(statement.clauses))):
        yield statement.clauses[index].events


def coded_findings(chart: Chart, known: Knowledge) -> Iterator[StructuralFinding]:
    """Conditions whose code is a structural diagnosis."""
    for diagnosis in chart.diagnoses:
        for structural in known.structurals.values():
            if structural.alternative_only or not diagnosis.code.startswith(structural.icd_prefixes):
                continue
            levels, regions = _place_of_code(diagnosis.code, structural.id, known)
            quote = diagnosis.text or diagnosis.code
            yield StructuralFinding(
                structural.id,
                levels,
                regions,
                diagnosis.assertion,
                Role.TREATING,
                coded=True,
                causal=False,
                evidence=Evidence(
                    "structural",
                    structural.id,
                    diagnosis.assertion,
                    quote,
                    diagnosis.source,
                    0,
                    len(quote),
                    diagnosis.date,
                    "",
                    Role.TREATING.value,
                    diagnostic=diagnosis.assertion is Assertion.AFFIRMED,
                ),
                encounter_diagnosis=diagnosis.encounter_diagnosis,
                code=diagnosis.code,
            )


def _place_of_code(code: str, diagnosis: str, known: Knowledge) -> tuple[tuple[str, ...], frozenset[str]]:
    """The levels and regions a structural code stands for, from the rows that propose it."""
    levels: list[str] = []
    regions: set[str] = set()
    for row in known.structural_codes:
        if row.diagnosis != diagnosis or not row.code or not (code.startswith(row.code) or row.code.startswith(code)):
            continue
        for at in row.at:
            if at in known.levels and known.levels[at].kind != "junction":
                levels.append(at)
                regions.add(known.levels[at].region)
            else:
                regions |= {level.region for level in known.levels.values() if at in {level.place, level.id}} | (
                    {at} if at in known.regions else set()
                )
    return tuple(dict.fromkeys(levels)), frozenset(regions - {AMBIGUOUS})
