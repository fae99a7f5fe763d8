"""Structural diagnosis -> the code of its region and level, and what in the record makes it that (policy D2a)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from knowledge.documented import Record, StructuralFinding, evidence
from knowledge.model import Assertion, Evidence, Role
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Knowledge


def structural_codes(record: Record, found: Sequence[StructuralFinding], known: Knowledge) -> tuple[str, ...]:
    """The region- and level-specific billable codes of the findings, each once."""
    coded = [item for item in found if item.code and billable(item.code, record.chart.date, known)]
    codes = (_coded(item, coded) or code_for(item.id, item.levels, item.regions, record, known) for item in found)
    return tuple(dict.fromkeys(filter(None, codes)))


def _coded(item: StructuralFinding, coded: Sequence[StructuralFinding]) -> str:
    """The code of the Condition that a finding is, or that says the same of its region where it names no level."""
    if item in coded:
        return item.code
    alike = (one for one in coded if one.id == item.id and (not item.regions or item.regions & one.regions))
    return "" if item.levels else next((one.code for one in alike), "")


def code_for(diagnosis: str, levels: Sequence[str], regions: frozenset[str], record: Record, known: Knowledge) -> str:
    """The first row of the table whose qualifiers are documented, whose place matches and whose code is valid."""
    qualifiers = documented_qualifiers(record, regions, known)
    rows = [
        row
        for row in known.structural_codes
        if row.diagnosis == diagnosis and row.code and row.qualifiers <= qualifiers
    ]
    for places in _places(levels, regions, known):
        for row in rows:
            if places & set(row.at) and billable(row.code, record.chart.date, known):
                return row.code
    return ""


def _places(levels: Sequence[str], regions: frozenset[str], known: Knowledge) -> Iterator[set[str]]:
    """Where to look: by level and its place, else by region, else anywhere."""
    named = [level for level in levels if level in known.levels]
    for level in [level for level in named if known.levels[level].kind != "vertebra"] or named:
        yield {level, known.levels[level].place}
    yield set(regions) | {"any"}


def billable(code: str, date: str, known: Knowledge) -> bool:
    """Whether a code may be reported for a date; a seventh character stands on its base."""
    if code in known.codes and not known.codes[code].needs_7th:
        return known.codes[code].billable_on(date)
    base = known.codes.get(code[:-1].rstrip("X").rstrip("."))
    return base is not None and base.needs_7th


def documented_qualifiers(record: Record, regions: frozenset[str], known: Knowledge) -> frozenset[str]:
    """Radiculopathy, myelopathy, claudication, pain: affirmed in the words of the chart or coded."""
    found = {name for *_, event in _qualifying(record, regions, known) for name in event.values("qualifier")}
    who = {Role.TREATING, Role.RADIOLOGIST}
    for item in record.structurals:
        if item.assertion is Assertion.AFFIRMED and item.role in who and (not item.regions or item.regions & regions):
            found.add(item.id)
    for diagnosis in record.chart.diagnoses:
        if diagnosis.assertion is Assertion.AFFIRMED:
            named = (item for item in known.structurals.values() if item.alternative_only)
            found |= {item.id for item in named if diagnosis.code.startswith(item.icd_prefixes)}
    return frozenset(found)


def qualified(
    record: Record, found: Sequence[StructuralFinding], codes: Iterable[str], known: Knowledge
) -> Iterator[Evidence]:
    """What makes the codes of structural findings more specific than the findings are: quoted where first said."""
    ids = {item.id for item in found}
    regions = frozenset().union(*(item.regions for item in found))
    rows = [row for row in known.structural_codes if row.code in codes and row.diagnosis in ids]
    wanted = {name for row in rows for name in row.qualifiers}
    for text, statement, _, event in _qualifying(record, regions, known):
        for name in wanted.intersection(event.values("qualifier")):
            wanted.discard(name)
            yield evidence(text, statement, "qualifier", name, event.assertion, event.start, event.end)
    for item in record.structurals:  # a syndrome that makes the code of a scar
        if item.id in wanted and item.assertion is Assertion.AFFIRMED:
            wanted.discard(item.id)
            yield item.evidence


def _qualifying(
    record: Record, regions: frozenset[str], known: Knowledge
) -> Iterator[tuple[Text, Statement, Clause, Event]]:
    """The affirmed words of the chart that can qualify a diagnosis of these regions."""
    for text, statement, clause, event in record.events("qualifier"):
        stated = event.assertion is Assertion.AFFIRMED and statement.sentence.section not in {"plan", "indication"}
        if stated and text.document.author is not Role.THERAPIST and _near(clause, regions, known):
            yield text, statement, clause, event


def _near(clause: Clause, regions: frozenset[str], known: Knowledge) -> bool:
    """Whether a qualifier can belong to a diagnosis of these regions; roots may leave one region below."""
    said = [value for event in clause.events for value in event.values("region")]
    near = {value for value in said if value in known.regions and known.regions[value].spinal}
    near = near or {known.levels[level].region for event in clause.events if event.root for level in event.levels}
    cross = any(near & pair and regions & pair for pair in known.parts.roots_cross)
    return not regions or not near or bool(near & regions) or cross
