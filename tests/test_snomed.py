"""A Condition that is coded in SNOMED CT alone says what its ICD-10-CM code would (policy A1, D2)."""

import pytest

import knowledge
from knowledge.model import Assertion, Chart, Diagnosis, Document, Role, Verdict

KNOWN = knowledge.load()
DATE = "2026-11-03"
NOTE = Document(
    "DocumentReference/d0", "L4-5 canal stenosis. Legs numb on walking. MRI reviewed.", "progress", Role.TREATING, DATE
)


def judged(**coded):
    diagnosis = Diagnosis("Condition/c", coded.pop("code", ""), Assertion.AFFIRMED, encounter_diagnosis=True, **coded)
    chart = Chart(DATE, ("M99.43",), documents=(NOTE,), diagnoses=(diagnosis,))
    (assessment,) = knowledge.assess(chart, KNOWN)
    return assessment


@pytest.mark.parametrize(("concept", "code"), [("20021007", "M51.26"), ("60937000", "M51.37")])
def test_a_concept_is_judged_as_its_code(concept, code):
    by_concept, by_code = judged(snomed=(concept,)), judged(code=code)
    assert by_concept.verdict is by_code.verdict is Verdict.STRUCTURAL
    assert by_concept.proposed == by_code.proposed
    assert concept in {piece.quote for piece in by_concept.evidence}


def test_an_unknown_concept_says_nothing():
    assert judged(snomed=("404684003",)).verdict is not Verdict.STRUCTURAL
