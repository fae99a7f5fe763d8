"""The category note: which structural diagnosis displaces the chosen code, and which code it takes (policy D)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from knowledge.lesions import AMBIGUOUS, Record, StructuralFinding, regions_of
from knowledge.model import Assertion, Code, Role
from knowledge.tables import Knowledge, Structural

if TYPE_CHECKING:
    from knowledge.expected import Expectation


#: Sections in which a provider states diagnoses.
STATED = frozenset({"impression", "addendum"})


def displacing(record: Record, code: Code | None, expectation: Expectation, known: Knowledge) -> list[StructuralFinding]:
    """The structural findings that belong instead of the code; the provider's own first."""
    if code is None:
        return []
    found = [item for item in _candidates(record, code, expectation, known) if _displaces(item, record, code, expectation, known)]
    if found and separate(record):
        expectation.policy.append("D3")
        codes = structural_codes(record, found, known)
        expectation.sequencing = codes[0] if codes else ""
        if expectation.codes or expectation.partial:
            return []
    found += _recess(record, code, expectation, known) if not found else []
    return sorted(found, key=lambda item: (item.role is not Role.TREATING, item.section not in STATED, not item.causal, item.coded))


def _candidates(record: Record, code: Code, expectation: Expectation, known: Knowledge) -> Iterator[StructuralFinding]:
    where = _regions_meant(code, expectation, known)
    for item in record.structurals:
        structural = known.structurals[item.id]
        if item.assertion is not Assertion.AFFIRMED or structural.alternative_only or item.role not in {Role.TREATING, Role.RADIOLOGIST}:
            continue
        if code.family not in structural.displaces or (structural.displaces_regions and code.region not in structural.displaces_regions):
            continue
        if where and item.regions and not item.regions & where:
            continue
        if structural.needs_disc and item.levels and not any(known.levels[level].disc for level in item.levels if level in known.levels):
            continue
        if item.also and not _also(record, structural):
            continue
        yield item


def _regions_meant(code: Code, expectation: Expectation, known: Knowledge) -> frozenset[str]:
    region = known.regions.get(code.region)
    meant = set(region.lesion_in) if region and region.lesion_in else {code.region} - {""}
    for lesion in expectation.lesions:
        meant |= lesion.regions
    return frozenset(meant - {AMBIGUOUS})


def _also(record: Record, structural: Structural) -> bool:
    """Whether the words the diagnosis needs anywhere in the chart are there (pregnancy, an injury)."""
    for _, _, _, event in record.events("also"):
        if structural.id in event.values("also") and event.assertion in {Assertion.AFFIRMED, Assertion.HISTORICAL}:
            return True
    return False


def _displaces(item: StructuralFinding, record: Record, code: Code, expectation: Expectation, known: Knowledge) -> bool:
    """Policy D2: said to be the cause, or coded or stated with no other cause in the region."""
    structural = known.structurals[item.id]
    family = known.families[code.family]
    if not family.stenosis and code.family in {"0", "1"}:
        return item.role is Role.TREATING
    other_cause = _other_cause(record, item, known)
    provider_silent = not any(lesion.treating and lesion.stated and lesion.kind == "stenosis" and _same_region(lesion.regions, item.regions) for lesion in record.lesions)
    if item.role is Role.RADIOLOGIST:
        return provider_silent and (item.causal or not other_cause) and not _provider_words(record, item, structural)
    if item.causal:
        return True
    if item.coded:
        return item.encounter_diagnosis and not other_cause
    return not other_cause and not _lesion_there(record, item, code, known)


def _provider_words(record: Record, item: StructuralFinding, structural: Structural) -> bool:
    """The treating provider denies the diagnosis, or names the milder word for it."""
    return any(
        other.id == item.id and other.role is Role.TREATING and other.assertion is Assertion.NEGATED and _same_region(other.regions, item.regions)
        for other in record.structurals
    )


def _other_cause(record: Record, item: StructuralFinding, known: Knowledge) -> bool:
    """A mechanism affirmed as the cause of a narrowing in the region."""
    return any(
        lesion.stated and lesion.kind == "stenosis" and lesion.mechanisms and lesion.site and _same_region(lesion.regions, item.regions) and (lesion.treating or item.role is Role.RADIOLOGIST or item.coded or not item.causal)
        for lesion in record.lesions
    )


def _lesion_there(record: Record, item: StructuralFinding, code: Code, known: Knowledge) -> bool:
    """Another lesion documented in the region by the provider: then the diagnosis is not the only thing there."""
    kinds = {family.lesion for family in known.families.values() if not family.stenosis} - {known.families["9"].lesion}
    return any(lesion.treating and lesion.stated and lesion.kind in kinds and _same_region(lesion.regions, item.regions) for lesion in record.lesions)


def _same_region(a: frozenset[str], b: frozenset[str]) -> bool:
    return not a or not b or bool(a & b)


def separate(record: Record) -> bool:
    """Whether the provider states a separate lesion beside the structural diagnosis (policy D3)."""
    for text, statement, _, event in record.events("speech"):
        if event.value("speech") == "separate" and text.document.author is Role.TREATING and event.assertion in {Assertion.AFFIRMED, Assertion.NEGATED}:
            if statement.of("structural") or statement.of("narrowing") or statement.of("lesion") or statement.of("anchored") or statement.of("mechanism"):
                return True
    return False


def _recess(record: Record, code: Code, expectation: Expectation, known: Knowledge) -> list[StructuralFinding]:
    """A narrowing of the lateral recess alone (policy D4)."""
    sites = {structural.site: structural.id for structural in known.structurals.values() if structural.site}
    if not known.families[code.family].stenosis or expectation.codes:
        return []
    own = [lesion for lesion in record.lesions if lesion.stated and lesion.kind == "stenosis" and lesion.site in sites]
    where = _regions_meant(code, expectation, known)
    own = [lesion for lesion in own if not lesion.regions or lesion.regions & where]
    if not own or any(lesion.stated and not lesion.weak and lesion.kind == "stenosis" and lesion.site and lesion.site not in sites for lesion in record.lesions):
        return []
    return [
        StructuralFinding(sites[lesion.site], lesion.levels, lesion.regions, Assertion.AFFIRMED, lesion.document.author, False, True, lesion.evidence[0], lesion.document)
        for lesion in own
        if lesion.evidence
    ]


# --- which code -------------------------------------------------------------------------------------


def structural_codes(record: Record, found: Sequence[StructuralFinding], known: Knowledge) -> tuple[str, ...]:
    """The region- and level-specific billable codes of the findings, each once."""
    codes = [code for item in found if (code := code_for(item.id, item.levels, item.regions, record, known))]
    return tuple(dict.fromkeys(codes))


def code_for(diagnosis: str, levels: Sequence[str], regions: frozenset[str], record: Record, known: Knowledge) -> str:
    """The first row of the table whose qualifiers are documented, whose place matches and whose code is valid."""
    qualifiers = documented_qualifiers(record, regions, known)
    for places in _places(levels, regions, known):
        for row in known.structural_codes:
            if row.diagnosis == diagnosis and row.code and row.qualifiers <= qualifiers and places & set(row.at) and billable(row.code, record.chart.date, known):
                return row.code
    return ""


def _places(levels: Sequence[str], regions: frozenset[str], known: Knowledge) -> Iterator[set[str]]:
    """Where to look: by level and its place, else by region, else anywhere."""
    segments = [level for level in levels if level in known.levels and known.levels[level].kind != "vertebra"]
    for level in segments or [level for level in levels if level in known.levels]:
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
    found: set[str] = set()
    for text, statement, clause, event in record.events("qualifier"):
        if event.assertion is not Assertion.AFFIRMED or text.document.author is Role.THERAPIST or statement.sentence.section in {"plan", "indication"}:
            continue
        roots = frozenset(known.levels[level].region for other in clause.events if other.root for level in other.levels if level in known.levels)
        near = regions_of((), tuple(value for other in clause.events for value in other.values("region")), known) or roots
        if not regions or not near or near & regions or _neighbours(near, regions):
            found |= set(event.values("qualifier"))
    for diagnosis in record.chart.diagnoses:
        if diagnosis.assertion is Assertion.AFFIRMED:
            found |= {structural.id for structural in known.structurals.values() if structural.alternative_only and diagnosis.code.startswith(structural.icd_prefixes)}
    return frozenset(found)


def _neighbours(a: frozenset[str], b: frozenset[str]) -> bool:
    """A sacral root leaves below a lumbar disc."""
    return bool({"lumbar", "sacral"} & a) and bool({"lumbar", "sacral"} & b)
