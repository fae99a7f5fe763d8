"""Chart -> what it documents: lesions, structural diagnoses, dysfunctions, each with who said it and where.

Only what is affirmed, current and of this patient counts (policy A1-A3); who said it decides what it can do
(policy A4, A5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.model import Assertion, Chart, Document, Evidence, Role
from knowledge.reading.assertion import Clause, Event
from knowledge.reading.binding import STRUCTURAL, Bound, Claim, bind
from knowledge.orders import group_ids
from knowledge.reading.levels import find_levels, overlap
from knowledge.reading.statements import Statement, Text, read, spine_of
from knowledge.tables import Knowledge

AMBIGUOUS = "ambiguous"
SURGERY = "surgery"
OPERATIVE = "operative"
COMPLAINT = "complaint"  #: the words of the patient: symptoms count, lesions do not


@dataclass(slots=True)
class Lesion:
    """One lesion as one document states it."""

    kind: str  #: a value of the axis lesion, or motion-loss
    site: str
    mechanisms: frozenset[str]
    causes: frozenset[str]  #: structural diagnoses said to be what narrows
    levels: tuple[str, ...]
    regions: frozenset[str]
    assertion: Assertion
    document: Document
    statement: Statement
    evidence: tuple[Evidence, ...] = ()
    weak: bool = False

    @property
    def treating(self) -> bool:
        """Stated by the treating provider."""
        return self.document.author is Role.TREATING

    @property
    def imaging(self) -> bool:
        """Stated by a radiologist."""
        return self.document.author is Role.RADIOLOGIST

    @property
    def stated(self) -> bool:
        """Affirmed by someone who can state a lesion (policy A4)."""
        return self.assertion is Assertion.AFFIRMED and self.document.author in {Role.TREATING, Role.RADIOLOGIST}


@dataclass(slots=True)
class StructuralFinding:
    """A structural diagnosis said or coded."""

    id: str
    levels: tuple[str, ...]
    regions: frozenset[str]
    assertion: Assertion
    role: Role
    coded: bool
    causal: bool  #: said to be what narrows
    evidence: Evidence
    document: Document | None = None
    encounter_diagnosis: bool = False
    code: str = ""
    also: bool = False  #: counts only where the chart says more
    section: str = ""


@dataclass(slots=True)
class Record:
    """What a chart documents."""

    chart: Chart
    texts: list[Text]
    bounds: list[Bound]
    lesions: list[Lesion] = field(default_factory=list)
    structurals: list[StructuralFinding] = field(default_factory=list)

    def events(self, kind: str) -> Iterator[tuple[Text, Statement, Clause, Event]]:
        """Every event of a class, with where it stands."""
        for text in self.texts:
            for statement in text.statements:
                for clause in statement.clauses:
                    for event in clause.events:
                        if event.has(kind):
                            yield text, statement, clause, event


def record(chart: Chart, known: Knowledge) -> Record:
    """Read every document of a chart."""
    texts = [read(document, known) for document in chart.documents]
    bounds = [bind(text) for text in texts]
    made = Record(chart, texts, bounds)
    last = _last_treating(chart)
    for text, bound in zip(texts, bounds, strict=True):
        certain = chart.inpatient and (text.document.kind == "discharge" or text.document is last)
        made.lesions += list(_stenoses(text, bound, known, certain=certain))
        made.lesions += list(_others(text, known, certain=certain))
        made.structurals += list(_structurals(text, bound, known, certain=certain))
    made.structurals += list(_coded(chart, known))
    _overrule(made)
    _replace(made)
    _operated(made, known)
    return made


def _last_treating(chart: Chart) -> Document | None:
    """The treating provider's last statement (policy A2)."""
    mine = [document for document in chart.documents if document.author is Role.TREATING and document.of_encounter and document.kind not in {"observation", "condition"}]
    return max(mine, key=lambda document: document.date, default=None)


def evidence(text: Text, statement: Statement, axis: str, value: str, assertion: Assertion, start: int, end: int) -> Evidence:
    """A quote of the document with its place."""
    first, last = text.span(start, end)
    document = text.document
    return Evidence(
        axis, value, assertion, document.text[first:last], document.source, first, last, document.date, statement.sentence.heading, document.author.value
    )


def _certain(assertion: Assertion, *, certain: bool) -> Assertion:
    """At an inpatient discharge an uncertain diagnosis counts (policy A2)."""
    return Assertion.AFFIRMED if certain and assertion is Assertion.UNCERTAIN else assertion


# --- stenoses ---------------------------------------------------------------------------------------


def _stenoses(text: Text, bound: Bound, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for claim in bound.claims:
        if not claim.narrowed or claim.statement.sentence.section == COMPLAINT:
            continue
        assertion = _certain(claim.assertion, certain=certain)
        mentions = [m for m in claim.mechanisms if _certain(m.assertion, certain=certain) in {Assertion.AFFIRMED, Assertion.HISTORICAL}]
        mechanisms = frozenset(m.value for m in mentions if not m.value.startswith(STRUCTURAL))
        causes = frozenset(m.value.removeprefix(STRUCTURAL) for m in mentions if m.value.startswith(STRUCTURAL))
        yield Lesion(
            "stenosis",
            claim.site,
            mechanisms & set(known.axes["mechanism"]),
            causes,
            claim.levels,
            regions_of(claim.levels, claim.regions, known),
            assertion,
            text.document,
            claim.statement,
            tuple(_claim_evidence(text, claim, assertion)),
            claim.weak,
        )


def _claim_evidence(text: Text, claim: Claim, assertion: Assertion) -> Iterator[Evidence]:
    statement = claim.statement
    yield evidence(text, statement, "site" if claim.site else "lesion", claim.site or "stenosis", assertion, claim.start, claim.end)
    for mention in claim.mechanisms:
        axis = "structural" if mention.value.startswith(STRUCTURAL) else "mechanism"
        yield evidence(text, statement, axis, mention.value.removeprefix(STRUCTURAL), mention.assertion, mention.start, mention.end)
    for event in statement.events:
        if event.levels and not event.root and set(event.levels) & set(claim.levels):
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)


def regions_of(levels: Sequence[str], said: Sequence[str], known: Knowledge) -> frozenset[str]:
    """The M99 regions of levels; words count where no level does (policy B3, B4)."""
    found = {known.levels[level].region for level in levels if level in known.levels}
    if found == {AMBIGUOUS}:
        named = {value for value in said if value in known.regions and known.regions[value].spinal}
        return frozenset(named or found)
    if found:
        return frozenset(found - {AMBIGUOUS})
    return frozenset(value for value in said if value in known.regions)


# --- dysfunction, subluxation, other ----------------------------------------------------------------


def _others(text: Text, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for statement in text.statements:
        if statement.sentence.section == COMPLAINT:
            continue
        for number, clause in enumerate(statement.clauses):
            for event in clause.events:
                for kind in event.values("lesion"):
                    levels, said = _where(statement, number)
                    assertion = _certain(event.assertion, certain=certain)
                    regions = regions_of(levels, (), known) | frozenset(value for value in said if value in known.regions)
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
                        (evidence(text, statement, "lesion", kind, assertion, event.start, event.end), *_place_evidence(text, statement, number, assertion)),
                    )


def _place_evidence(text: Text, statement: Statement, number: int, assertion: Assertion) -> Iterator[Evidence]:
    for event in statement.clauses[number].events:
        if event.levels and not event.root:
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)
        elif event.has("region"):
            yield evidence(text, statement, "region", event.value("region"), assertion, event.start, event.end)


def _where(statement: Statement, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Levels and regions of a clause and of the list it belongs to, else of what the sentence is about."""
    clauses = statement.clauses
    indexes = [number]
    for step in (1, -1):
        index = number + step
        while 0 <= index < len(clauses) and not clauses[index].of("lesion") and (step == 1 or not clauses[index].of("verb")):
            crossing = clauses[max(index, index - step)]
            if crossing.hard and any(event.target for event in clauses[number].events if event.levels or event.has("region")):
                break
            indexes.append(index)
            index += step
    levels: list[str] = []
    regions: list[str] = []
    for index in indexes:
        for event in clauses[index].events:
            if event.assertion is Assertion.NEGATED and index != number:
                continue
            if not event.root:
                levels += [level for level in event.levels if level not in levels]
            regions += [value for value in event.values("region") if value not in regions]
    if not levels and not regions:
        return statement.topic, statement.topic_regions
    return tuple(levels), tuple(regions)


# --- structural diagnoses ---------------------------------------------------------------------------


def _structurals(text: Text, bound: Bound, known: Knowledge, *, certain: bool) -> Iterator[StructuralFinding]:
    causal = {
        (id(mention), mention.value)
        for claim in bound.claims
        if claim.narrowed and _certain(claim.assertion, certain=certain) is Assertion.AFFIRMED
        for mention in claim.mechanisms
    }
    for statement, mention in bound.mentions:
        if not mention.value.startswith(STRUCTURAL) or statement.sentence.section == COMPLAINT:
            continue
        name = mention.value.removeprefix(STRUCTURAL)
        levels, said = _place_of(statement, mention.clause)
        assertion = _certain(mention.assertion, certain=certain)
        yield StructuralFinding(
            name,
            levels,
            regions_of(levels, said, known),
            assertion,
            text.document.author,
            coded=False,
            causal=(id(mention), mention.value) in causal,
            evidence=evidence(text, statement, "structural", name, assertion, mention.start, mention.end),
            document=text.document,
            also=mention.also,
            section=statement.sentence.section,
        )


def _place_of(statement: Statement, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    clauses = statement.clauses
    order = [number, *range(number - 1, -1, -1), *range(number + 1, len(clauses))]
    levels = next((found for index in order if (found := tuple(dict.fromkeys(level for event in clauses[index].events if not event.root for level in event.levels)))), statement.topic)
    said = next((found for index in order if (found := tuple(value for event in clauses[index].events for value in event.values("region")))), statement.topic_regions)
    return levels, said


def _coded(chart: Chart, known: Knowledge) -> Iterator[StructuralFinding]:
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
                evidence=Evidence("structural", structural.id, diagnosis.assertion, quote, diagnosis.source, 0, len(quote), diagnosis.date, "", Role.TREATING.value),
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
                regions |= {level.region for level in known.levels.values() if at in {level.place, level.id}} | ({at} if at in known.regions else set())
    return tuple(dict.fromkeys(levels)), frozenset(regions - {AMBIGUOUS})


# --- what replaces what -----------------------------------------------------------------------------


def _overrule(made: Record) -> None:
    """What a provider reports of a reading and then overrules is not the provider's statement (policy A4)."""
    for text in made.texts:
        if text.document.author is not Role.TREATING:
            continue
        speech = [event.value("speech") for statement in text.statements for event in statement.of("speech")]
        if "overrules" not in speech:
            continue
        retold = [
            statement
            for statement in text.statements
            if any(event.value("speech") in {"reporter", "overrules"} for clause in statement.clauses[:2] for event in clause.events)
        ]
        for lesion in made.lesions:
            if lesion.document is text.document and any(lesion.statement is statement for statement in retold) and _said_elsewhere(lesion, made):
                lesion.assertion = Assertion.ELSEWHERE


def _said_elsewhere(lesion: Lesion, made: Record) -> bool:
    """The provider names another lesion of the region outside the retold sentence."""
    return any(
        other.document is lesion.document and other.statement is not lesion.statement and other.kind == lesion.kind and other.assertion is Assertion.AFFIRMED and other.regions & lesion.regions
        for other in made.lesions
    )


def _operated(made: Record, known: Knowledge) -> None:
    """An operation on a level makes what was found there before it historical (policy A4)."""
    chart = made.chart
    for procedure in chart.procedures:
        if not procedure.completed or not procedure.date or procedure.date >= chart.date or SURGERY not in group_ids(procedure.text, (procedure.cpt,) if procedure.cpt else (), known):
            continue
        levels, regions = places_of(procedure.text, known)
        for item in [*made.lesions, *made.structurals]:
            document = item.document
            if document is None or not document.date or document.date > procedure.date or item.assertion is not Assertion.AFFIRMED:
                continue
            if (levels and item.levels and overlap(item.levels, levels)) or (not (levels and item.levels) and (not regions or not item.regions or item.regions & regions)):
                item.assertion = Assertion.HISTORICAL
    for item in [*made.lesions, *made.structurals]:
        if item.document is not None and item.document.kind == OPERATIVE and item.document.date and item.document.date < (chart.start or chart.date) and item.assertion is Assertion.AFFIRMED:
            item.assertion = Assertion.HISTORICAL


def places_of(text: str, known: Knowledge) -> tuple[tuple[str, ...], frozenset[str]]:
    """The levels and regions that a short text names."""
    words = text.lower()
    mentions = find_levels(words, spine_of(tuple((level.id, level.kind) for level in known.levels.values())))
    levels = tuple(dict.fromkeys(level for mention in mentions for level in mention.levels))
    said = [value for match in known.lexicon.pattern.finditer(words) for kind, value in known.lexicon.tags_of(match[0]) if kind == "region"]
    return levels, regions_of(levels, said, known)


def _replace(made: Record) -> None:
    """Later words of the same author, addenda and newer reports take the place of earlier ones (policy A4)."""
    lesions = made.lesions
    for old in lesions:
        if old.assertion is not Assertion.AFFIRMED or old.kind != "stenosis":
            continue
        if any(_supersedes(new, old, made) for new in lesions if new is not old and new.stated and new.kind == "stenosis") or _reported_open(old, made):
            old.assertion = Assertion.HISTORICAL
            old.evidence = ()


def _supersedes(new: Lesion, old: Lesion, made: Record) -> bool:
    if new.document.author is not old.document.author or not (new.regions & old.regions):
        return False
    differs = new.site != old.site or (new.mechanisms and old.mechanisms and not new.mechanisms & old.mechanisms)
    if not differs:
        return False
    if new.document is old.document:
        return new.statement.sentence.section == "addendum" and old.statement.sentence.section != "addendum"
    if not new.document.date or new.document.date <= old.document.date:
        return False
    same_level = not new.levels or not old.levels or overlap(new.levels, old.levels)
    return same_level and _denied_later(new.document, old, made)


def _reported_open(old: Lesion, made: Record) -> bool:
    """A newer report says that the site is open at that level, and not narrowed anywhere near."""
    if not old.imaging or not old.document.date:
        return False
    for text, bound in zip(made.texts, made.bounds, strict=True):
        newer = text.document.author is Role.RADIOLOGIST and text.document.date > old.document.date
        same = [claim for claim in bound.claims if claim.site == old.site and claim.assertion is Assertion.AFFIRMED and _overlap(claim.levels, old.levels)]
        if newer and same and not any(claim.narrowed for claim in same):
            return True
    return False


def _denied_later(later: Document, old: Lesion, made: Record) -> bool:
    """Whether the later document says that the old site is normal, or that the old tissue is."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        if text.document is not later:
            continue
        for claim in bound.claims:
            if claim.site == old.site and not claim.narrowed and _overlap(claim.levels, old.levels):
                return True
        for statement, mention in bound.mentions:
            if mention.value in old.mechanisms and mention.assertion is Assertion.NEGATED and _overlap(statement.levels, old.levels):
                return True
        if later.author is Role.RADIOLOGIST:
            return True
    return False


def _overlap(a: Sequence[str], b: Sequence[str]) -> bool:
    return not a or not b or overlap(a, b)
