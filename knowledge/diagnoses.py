"""Texts and Conditions -> structural diagnoses, said or coded, with their places."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.documented import AMBIGUOUS, COMPLAINT, StructuralFinding, evidence, regions_of, settled
from knowledge.model import Assertion, Chart, Evidence, Role
from knowledge.reading.binding import Bound
from knowledge.reading.mentions import STRUCTURAL, Mention
from knowledge.reading.statements import Statement, Text
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
        )


def _named_for_the_cord(statement: Statement, mention: Mention) -> bool:
    """ "Spondylotic myelopathy": the name of the disease says that it presses."""
    return any(event.start == mention.start and event.has("qualifier") for event in statement.events)


def _place_of(statement: Statement, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    clauses = statement.clauses
    order = [number, *range(number - 1, -1, -1), *range(number + 1, len(clauses))]
    levels = next(
        (
            found
            for index in order
            if (
                found := tuple(
                    dict.fromkeys(level for event in clauses[index].events if not event.root for level in event.levels)
                )
            )
        ),
        statement.topic,
    )
    said = next(
        (
            found
            for index in order
            if (found := tuple(value for event in clauses[index].events for value in event.values("region")))
        ),
        statement.topic_regions,
    )
    return levels, said


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
