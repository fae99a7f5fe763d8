"""The nouns.  Every other module speaks in these.

A *chart* is what one encounter holds, free of FHIR.  Reading it gives *findings* (an axis, a value, an
assertion, a quote with its place); findings said together bind into *lesions*; a code held against the
lesions is an *assessment*, which carries everything that led to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"


class Assertion(StrEnum):
    """How the record holds a thing (policy A1-A3).  Only AFFIRMED counts as evidence."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    HISTORICAL = "historical"
    #: Said of another person, of a plan, of a possibility: neither evidence nor contrary evidence.
    ELSEWHERE = "elsewhere"


class Role(StrEnum):
    """Who wrote a document (policy A4)."""

    TREATING = "treating"
    RADIOLOGIST = "radiologist"
    THERAPIST = "therapist"
    NURSE = "nurse"


class Verdict(StrEnum):
    """The eight answers of policy section V."""

    INVALID = "invalid"
    STRUCTURAL = "structural"
    CLARIFY = "clarify"
    CORRECTED = "corrected"
    ADDITIONAL = "additional"
    INCOMPLETE = "incomplete"
    UNSUPPORTED = "unsupported"
    SUPPORTED = "supported"


# --- the chart: what an encounter holds -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the record: a note, a report, or the words of a Condition or an Observation.

    ``text`` is decoded and free of markup; every offset Foramen speaks of is a code point of it.
    Table cells are separated by a tab, rows and paragraphs by a newline.
    """

    source: str  #: ``Type/id``, or the position in the request where the resource has no id
    text: str
    kind: str  #: a document kind of ``knowledge/documents.toml`` (progress, radiology, observation ...)
    author: Role = Role.TREATING
    date: str = ""  #: YYYY-MM-DD as written, or empty
    of_encounter: bool = True  #: False: belongs to another encounter, or is later than this one and unlinked
    preliminary: bool = False
    struck: tuple[tuple[int, int], ...] = ()  #: spans struck through in the source markup
    study: tuple[str, ...] = ()  #: LOINC codes and titles that the resource gives an imaging study


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A Condition of the record, as a coded statement.  Its words are read as a Document beside it."""

    source: str
    code: str  #: ICD-10-CM, upper case and dotted, or empty
    assertion: Assertion
    encounter_diagnosis: bool  #: category encounter-diagnosis and of this encounter
    text: str = ""
    snomed: tuple[str, ...] = ()
    date: str = ""


@dataclass(frozen=True, slots=True)
class Procedure:
    """Something done, or not done, to the patient."""

    source: str
    text: str
    cpt: str
    completed: bool
    date: str = ""  #: YYYY-MM-DD (start), or empty


@dataclass(frozen=True, slots=True)
class Order:
    """An order being signed, or already active on the encounter."""

    source: str
    text: str
    cpt: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()  #: ICD-10-CM codes of reasonCode and of the Conditions behind reasonReference
    selected: bool = True  #: False only on order-select, for an order outside ``context.selections``


@dataclass(frozen=True, slots=True)
class Gap:
    """Something the record holds that could not be read, or that was never received."""

    source: str  #: ``Type/id``, or the prefetch key
    reason: str  #: a reason id of ``cards/gaps.toml``


@dataclass(frozen=True, slots=True)
class Chart:
    """What one encounter lets us read.  FHIR stops before this line."""

    date: str  #: date of service, YYYY-MM-DD; decides code validity
    chosen: tuple[str, ...]  #: the codes to hold against the record, upper case and dotted where possible
    inpatient: bool = False
    start: str = ""  #: first and last day of the encounter, for "performed in this stay"
    end: str = ""
    documents: tuple[Document, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    orders: tuple[Order, ...] = ()
    gaps: tuple[Gap, ...] = ()


# --- what the record says ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verbatim quote and what it is evidence of."""

    axis: str  #: lesion, site, mechanism, region, level, structural, or a documentation element
    value: str
    assertion: Assertion
    quote: str  #: ``document.text[start:end]``
    source: str
    start: int
    end: int
    date: str = ""
    section: str = ""
    author: str = ""
    diagnostic: bool = False  #: the treating provider's own diagnosis, not a finding or a report retold


# --- the knowledge ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code:
    """An ICD-10-CM code: its title, its validity, and, for M99, what it claims per axis."""

    code: str
    title: str
    billable: bool
    billable_from: str = ""  #: first date of service, YYYY-MM-DD; empty = since ICD-10-CM began
    billable_until: str = ""  #: last date of service; empty = still
    needs_7th: bool = False
    family: str = ""  #: the M99 fourth character, empty elsewhere
    region: str = ""  #: region value the M99 fifth character claims, empty elsewhere
    lesion: str = ""
    site: str = ""
    mechanisms: frozenset[str] = frozenset()

    def billable_on(self, date: str) -> bool:
        """Whether the code was valid for a date of service (ISO dates compare as text)."""
        return (
            (self.billable or bool(self.billable_until))
            and (not self.billable_from or self.billable_from <= date)
            and (not self.billable_until or date <= self.billable_until)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the decision table, or one policy statement: what it says, why, and on whose authority."""

    id: str
    title: str
    why: str
    source: str
    policy: tuple[str, ...]  #: policy ids (V4, C1 ...)
    verdict: Verdict
    advice: str  #: a template of ``cards/templates``, empty for silence
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def answers(self, situation: Mapping[str, str]) -> bool:
        """Whether every fact named by the rule has one of the answers it accepts."""
        return all(situation[fact] in answers for fact, answers in self.when.items())


# --- the answer -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """One axis of the chosen code held against the record."""

    axis: str
    claimed: tuple[str, ...]
    documented: tuple[str, ...]
    standing: str  #: supported, contradicted or undocumented


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer about one chosen code, and everything that led to it."""

    code: str
    title: str  #: official title, empty when the code is not in the code set
    verdict: Verdict
    rule: Rule
    policy: tuple[str, ...]  #: every policy id that took part, the verdict's first
    proposed: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    missing_hard: tuple[str, ...] = ()
    missing_soft: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()  #: affirmed first, then what speaks against it
    comparisons: tuple[Comparison, ...] = ()
    provider_stated: bool = False  #: the treating provider's own diagnosis names what is proposed
    sequencing: str = ""  #: a structural code that goes first beside a separate lesion (policy D3)
    gaps: tuple[Gap, ...] = ()
    situation: Mapping[str, str] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """Supported and nothing missing: no card."""
        return self.verdict is Verdict.SUPPORTED and not self.missing_soft
