"""What counts as the treating provider's own diagnosis: it decides between a code edit and a documentation query."""

import pytest
from worked import judged

NARROWED = "Osteophytes narrow the left L4-L5 foramen."
DISC = "A disc bulge narrows the left L4-L5 foramen."
#: What the record says -> whether the provider has stated what is proposed.
RECORDS = {
    "in the assessment": ({"text": f"Assessment: {NARROWED}"}, True),
    "in an addendum": ({"text": f"Assessment: back pain.\nAddendum: {NARROWED}"}, True),
    "in a note without headings": ({"text": NARROWED}, True),
    "as imaging retold in the note": ({"text": f"Imaging: CT: {NARROWED}\nAssessment: Back pain."}, False),
    "in the examination": ({"text": f"Exam: {NARROWED}\nAssessment: Back pain."}, False),
    "retold and then concluded": ({"text": f"Imaging: CT: {NARROWED}\nAssessment: {NARROWED}"}, True),
    "by the radiologist alone": ({"text": "Assessment: Back pain.", "report": f"Impression: {NARROWED}"}, False),
}


@pytest.mark.parametrize("record", RECORDS)
def test_a_correction_is_stated_where_the_provider_diagnoses_it(record):
    example, stated = RECORDS[record]
    answer = judged({"chosen": "M99.33", **example})
    assert answer.proposed == ("M99.63",)
    assert answer.provider_stated is stated


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Exam: T5-T7 restricted, tissue texture changed.\nAssessment: Back pain.", False),
        ("Exam: T5-T7 restricted.\nAssessment: Somatic dysfunction, thoracic.", True),
        ("Exam: T5-T7 restricted.\nAssessment: Somatic dysfunction of T5-T7.", True),
    ],
)
def test_another_region_is_stated_where_the_provider_diagnoses_it(text, stated):
    answer = judged({"chosen": "M99.01", "text": text})
    assert answer.proposed == ("M99.02",)
    assert answer.provider_stated is stated


def test_a_mechanism_of_the_report_alone_is_not_stated_by_who_states_the_site():
    """The provider diagnoses a foraminal stenosis and says nothing of the disc."""
    own = {"chosen": "M99.63", "text": "Assessment: left L4-L5 foraminal stenosis."}
    answer = judged(own | {"report": f"Impression: {DISC}"})
    assert answer.proposed == ("M99.73",)
    assert not answer.provider_stated
    adopted = judged(own | {"text": f"Assessment: {DISC}", "report": f"Impression: {DISC}"})
    assert adopted.proposed == ("M99.73",)
    assert adopted.provider_stated


def test_a_structural_diagnosis_is_stated_in_the_assessment_or_by_an_entry_of_the_encounter():
    report = "Impression: L4-L5 disc herniation narrows the canal."
    assert judged({"chosen": "M99.53", "text": f"Assessment: {report[12:]}"}).provider_stated
    silent = judged({"chosen": "M99.53", "text": "Assessment: Back pain.", "report": report})
    assert (silent.verdict, silent.provider_stated) == ("structural", False)


def test_each_proposed_code_is_quoted_with_its_place():
    """Also one that comes beside the chosen code, and whose place stands in the next clause."""
    text = (
        "Exam: L3 and T4 restricted.\nAssessment:\n1. Somatic dysfunction, lumbar.\n2. Somatic dysfunction, thoracic."
    )
    answer = judged({"chosen": "M99.03", "text": text})
    assert answer.proposed == ("M99.02",)
    assert "thoracic" in {piece.quote for piece in answer.evidence if piece.axis == "region"}
