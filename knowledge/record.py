"""Chart -> record: every document read, and what it documents.

Only what is affirmed, current and of this patient counts (policy A1-A3); who said it decides what it can do
(policy A4, A5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from knowledge.currency import operated, overrule, replace_older
from knowledge.diagnoses import coded_findings, structural_findings
from knowledge.documented import Record, StructuralFinding, study_region
from knowledge.lesions import named_lesions, narrowings
from knowledge.model import Assertion, Chart, Diagnosis, Document, Role
from knowledge.reading.binding import Bound, bind
from knowledge.reading.mentions import STRUCTURAL
from knowledge.reading.statement import Scan, Text
from knowledge.reading.statements import read
from knowledge.tables import Knowledge


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, read: its statements and what they claim; nothing changes it afterwards."""

    text: Text
    bound: Bound

    def of(self, document: Document) -> Reading:
        """The reading of another document with the same words.

        How a text is read depends on the words and on ``Reading.basis``; whose it is and of which day is only carried
        along, by each statement.
        """
        if document == self.text.document:
            return self
        text = replace(self.text, document=document)
        moved = {id(one): replace(one, document=document) for one in self.text.statements}
        text.statements = list(moved.values())
        claims = [replace(one, text=text, statement=moved[id(one.statement)]) for one in self.bound.claims]
        return Reading(text, Bound(claims, [(moved[id(where)], said) for where, said in self.bound.mentions]))

    @staticmethod
    def basis(document: Document) -> tuple[object, ...]:
        """What of a document decides how it is read, besides its words."""
        return document.kind, document.of_encounter, document.struck, document.study

    @staticmethod
    def scanned(document: Document) -> tuple[object, ...]:
        """What of a document decides what is found in it: ``scan`` is the same for documents that agree in it."""
        return document.text, document.kind, document.struck


#: Who reads: ``reading``, or somebody who remembers what was read before.
Reader = Callable[[Document, Knowledge], Reading]


def reading(document: Document, known: Knowledge, found: Scan | None = None) -> Reading:
    """Read one document; ``found`` is its scan, where there is one."""
    text = read(document, known, found)
    _place_by_study(text, known)
    return Reading(text, bind(text, known.parts))


def record(chart: Chart, known: Knowledge, reader: Reader = reading) -> Record:
    """Read every document of a chart."""
    readings = [reader(document, known) for document in chart.documents]
    texts, bounds = [one.text for one in readings], [one.bound for one in readings]
    chart = replace(
        chart,
        documents=tuple(text.document for text in texts),  # one that was remembered is equal, not the same
        diagnoses=tuple(_in_icd(diagnosis, known) for diagnosis in chart.diagnoses),
    )
    made = Record(chart, texts, bounds)
    last = _last_treating(chart, known)
    for text, bound in zip(texts, bounds, strict=True):
        certain = chart.inpatient and (text.document.kind == known.parts.discharge or text.document is last)
        made.lesions += list(narrowings(text, bound, known, certain=certain))
        made.lesions += list(named_lesions(text, known, certain=certain))
        made.structurals += _as_held(structural_findings(text, bound, known, certain=certain), chart, known)
    made.structurals += list(coded_findings(chart, known))
    _own_notes(made)
    overrule(made)
    replace_older(made, known)
    operated(made, known)
    return made


def _place_by_study(text: Text, known: Knowledge) -> None:
    """A report that nowhere says where it looked is about the region its study is coded or titled with."""
    if not text.document.study or any(statement.own or statement.of("region") for statement in text.statements):
        return
    if region := study_region(text.document, known):
        for statement in text.statements:
            statement.topic_regions = (region,)


def _as_held(found: Iterable[StructuralFinding], chart: Chart, known: Knowledge) -> Iterator[StructuralFinding]:
    """Diagnoses; one in the words of a Condition is held as that is, of the problem list nothing displaces (D2)."""
    listed = {one.source: one.encounter_diagnosis for one in chart.diagnoses}
    for item in found:
        if item.document and item.document.kind in known.parts.coded and item.document.source in listed:
            item.coded, item.encounter_diagnosis = True, listed[item.document.source]
        yield item


def _in_icd(diagnosis: Diagnosis, known: Knowledge) -> Diagnosis:
    """A Condition that is coded in SNOMED CT alone, with the ICD-10-CM code that says the same."""
    concept = next((one for one in diagnosis.snomed if one in known.snomed), "")
    if diagnosis.code or not concept:
        return diagnosis
    return replace(diagnosis, code=known.snomed[concept], text=diagnosis.text or concept)


def _last_treating(chart: Chart, known: Knowledge) -> Document | None:
    """The treating provider's last statement (policy A2)."""
    mine = [
        document
        for document in chart.documents
        if document.author is Role.TREATING and document.of_encounter and document.kind not in known.parts.coded
    ]
    return max(mine, key=lambda document: document.date, default=None)


def _own_notes(made: Record) -> None:
    """A coded diagnosis is causal when the note of its Condition says that it narrows (policy A1, D2)."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        narrowed = [claim for claim in bound.claims if claim.narrowed and claim.assertion is Assertion.AFFIRMED]
        if any(all(mention.value.startswith(STRUCTURAL) for mention in claim.mechanisms) for claim in narrowed):
            for item in made.structurals:
                if item.coded and item.evidence.source == text.document.source:
                    item.causal = True
