"""The category note: which structural diagnosis displaces the chosen code (policy D)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from knowledge.documented import AMBIGUOUS, STATED, Lesion, Record, StructuralFinding
from knowledge.model import Assertion, Code, Role
from knowledge.reading.clauses import Clause, Event
from knowledge.specific import structural_codes
from knowledge.tables import Knowledge

if TYPE_CHECKING:
    from knowledge.expected import Expectation

BESIDE = 6  #: characters between a denial and what it denies


def displacing(record: Record, code: Code, expectation: Expectation, known: Knowledge) -> list[StructuralFinding]:
    """The structural findings that belong instead of the code; the provider's own first."""
    found = [item for item in _candidates(record, code, expectation, known) if _displaces(item, record, code, known)]
    if found and separate(record):
        expectation.policy.append("D3")
        expectation.sequencing = next(iter(structural_codes(record, found, known)), "")
        if expectation.codes or expectation.partial:
            return []
    found = found or _recess(record, code, expectation, known)
    parts = frozenset(part for item in found for part in known.structurals[item.id].includes)
    return sorted(found, key=lambda item: _rank(item, parts))


def _rank(item: StructuralFinding, parts: frozenset[str]) -> tuple[bool, ...]:
    """The provider before the report, a whole before its part, the stated before the described, causes first."""
    treating = item.role is Role.TREATING
    return not treating, item.id in parts, item.section not in STATED, not item.causal, item.coded


def _candidates(record: Record, code: Code, expectation: Expectation, known: Knowledge) -> Iterator[StructuralFinding]:
    """Affirmed diagnoses of the region that displace the family."""
    where = _regions_meant(code, expectation, known)
    for item in record.structurals:
        structural = known.structurals[item.id]
        if item.assertion is not Assertion.AFFIRMED or structural.alternative_only:
            continue
        if item.role not in {Role.TREATING, Role.RADIOLOGIST} or code.family not in structural.displaces:
            continue
        if structural.displaces_regions and code.region not in structural.displaces_regions:
            continue
        if where and item.regions and not item.regions & where:
            continue
        if structural.needs_disc and item.levels and all(_above_discs(level, known) for level in item.levels):
            continue
        if item.also and not _also(record, structural.id, known):
            continue
        yield item


def _regions_meant(code: Code, expectation: Expectation, known: Knowledge) -> frozenset[str]:
    region = known.regions.get(code.region)
    meant = set(region.lesion_in) if region and region.lesion_in else {code.region} - {""}
    for lesion in expectation.lesions:
        meant |= lesion.regions
    return frozenset(meant - {AMBIGUOUS})


def _above_discs(level: str, known: Knowledge) -> bool:
    where = known.levels[level]
    return not where.disc and where.region in known.parts.undefined_between | {AMBIGUOUS}


def _also(record: Record, structural: str, known: Knowledge) -> bool:
    """Whether the words the diagnosis needs anywhere in the chart are there (a pregnancy, an injury)."""
    counted = {Assertion.AFFIRMED, Assertion.HISTORICAL}
    named = any(
        structural in event.values("also") and event.assertion in counted for _, _, _, event in record.events("also")
    )
    own, words = set(known.structurals[structural].qualifiers), known.structurals[structural].also
    return (
        named
        or any(  # "30 weeks pregnant" is a qualifier that says the word itself
            own & set(event.values("qualifier"))
            and event.assertion in counted
            and any(word in text.reading.text[event.start : event.end] for word in words)
            for text, _, _, event in record.events("qualifier")
        )
    )


def _displaces(item: StructuralFinding, record: Record, code: Code, known: Knowledge) -> bool:
    """Policy D2: said to be the cause, or coded or stated with no other cause in the region."""
    if known.families[code.family].lesion in {known.parts.motion, known.parts.position}:
        return item.role is Role.TREATING
    other_cause = _other_cause(record, item, known)
    causal = item.causal or _said_to_cause(record, item)
    if item.role is Role.RADIOLOGIST:
        return (
            _provider_silent(record, item, known)
            and (item.causal or not other_cause)
            and not _provider_denies(record, item)
        )
    if causal:
        return True
    if item.coded:
        return item.encounter_diagnosis and not other_cause
    return not other_cause and not _lesion_there(record, item, known)


def _said_to_cause(record: Record, item: StructuralFinding) -> bool:
    """Somebody else in the chart says that the provider's diagnosis is what narrows."""
    stated = item.coded or item.section in STATED
    return stated and any(
        other.causal
        and other.id == item.id
        and other.assertion is Assertion.AFFIRMED
        and _same_region(other.regions, item.regions)
        for other in record.structurals
    )


def _provider_silent(record: Record, item: StructuralFinding, known: Knowledge) -> bool:
    """No narrowing of the region is stated by the treating provider."""
    return not any(
        lesion.treating
        and lesion.stated
        and lesion.kind == known.parts.narrowing
        and _same_region(lesion.regions, item.regions)
        for lesion in record.lesions
    )


def _provider_denies(record: Record, item: StructuralFinding) -> bool:
    return any(
        other.id == item.id
        and other.role is Role.TREATING
        and other.assertion is Assertion.NEGATED
        and _same_region(other.regions, item.regions)
        for other in record.structurals
    )


def _other_cause(record: Record, item: StructuralFinding, known: Knowledge) -> bool:
    """A tissue affirmed as the cause of a narrowing in the region."""
    return any(
        lesion.stated
        and lesion.kind == known.parts.narrowing
        and lesion.mechanisms
        and lesion.site
        and _same_region(lesion.regions, item.regions)
        and not _is_its_tissue(lesion, item, known)
        for lesion in record.lesions
    )


def _is_its_tissue(lesion: Lesion, item: StructuralFinding, known: Knowledge) -> bool:
    """Whether the tissue that narrows has a name of the diagnosis: the scar of a fibrosis is no cause beside it."""
    names = {item.id, *known.structurals[item.id].includes}
    tissues = [event for event in lesion.statement.of("mechanism") if lesion.mechanisms & {*event.values("mechanism")}]
    return bool(tissues) and all(
        any(value.split("/")[0] in names for value in event.values("anchored")) for event in tissues
    )


def _lesion_there(record: Record, item: StructuralFinding, known: Knowledge) -> bool:
    """Another lesion documented in the region by the provider: then the diagnosis is not the only thing there."""
    kinds = {known.parts.motion, known.parts.position, known.parts.described}
    return any(
        lesion.treating and lesion.stated and lesion.kind in kinds and _same_region(lesion.regions, item.regions)
        for lesion in record.lesions
    )


def _same_region(a: frozenset[str], b: frozenset[str]) -> bool:
    return not a or not b or bool(a & b)


def separate(record: Record) -> bool:
    """Whether the provider states a separate lesion beside the structural diagnosis (policy D3)."""
    about = ("structural", "anchored", "narrowing", "lesion", "mechanism")
    for text, statement, clause, event in record.events("speech"):
        said = "separate" in event.values("speech") and event.assertion in {Assertion.AFFIRMED, Assertion.NEGATED}
        said = said and not _denied_before(event, clause)
        named = "separate-lesion" in event.values("speech") or any(statement.of(kind) for kind in about)
        if said and text.document.author is Role.TREATING and named:
            return True
    return False


def _denied_before(event: Event, clause: Clause) -> bool:
    """ "... and not a separate process": a denial right before the word."""
    return any(
        "negation" in other.values("assertion") and 0 <= event.start - other.end <= BESIDE for other in clause.events
    )


def _recess(record: Record, code: Code, expectation: Expectation, known: Knowledge) -> list[StructuralFinding]:
    """A narrowing of a site that belongs to no family, alone (policy D4)."""
    if not known.families[code.family].stenosis or expectation.codes:
        return []
    stated = [
        lesion for lesion in record.lesions if lesion.stated and lesion.kind == known.parts.narrowing and lesion.site
    ]
    where = _regions_meant(code, expectation, known)
    own = [
        lesion for lesion in stated if lesion.site in known.recesses and (not lesion.regions or lesion.regions & where)
    ]
    if not own or any(lesion.site not in known.recesses and not lesion.weak for lesion in stated):
        return []
    return [
        StructuralFinding(
            known.recesses[lesion.site],
            lesion.levels,
            lesion.regions,
            Assertion.AFFIRMED,
            lesion.document.author,
            coded=False,
            causal=True,
            evidence=lesion.evidence[0],
            document=lesion.document,
            section=lesion.statement.sentence.section,
            places=lesion.evidence[1:],
        )
        for lesion in own
        if lesion.evidence
    ]
