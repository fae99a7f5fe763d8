"""The tables of knowledge row by row: every code, level, region and date does what its row says."""

from datetime import date, timedelta

import pytest

import knowledge
from knowledge.model import Chart, Document, Role, Verdict

KNOWN = knowledge.load()
DATE = "2026-11-03"
#: What the provider writes of each value; one record per code is made of these.
SITES = {"canal": "central canal", "foramen": "foramen"}
TISSUES = {
    "subluxation": "a positional malalignment",
    "osseous": "an osteophyte",
    "connective-tissue": "fibrous tissue",
    "disc": "a disc bulge",
}
#: One level of each spinal region; a sacral and a lower one has no disc, and needs none to be tested.
LEVELS = {"head": "C0-C1", "cervical": "C4-C5", "thoracic": "T7-T8", "lumbar": "L3-L4", "sacral": "S2"}
LIMBS = {
    "lower-extremity": ("L3-L4", "Lower extremity region, numb in the L3 dermatome."),
    "upper-extremity": ("C4-C5", "Upper extremity region, numb in the C5 dermatome."),
}
REGIONS = {"pelvic": "the pelvis", "rib-cage": "the fifth rib", "other": "the diaphragm"}
NAMED = {
    "0": "Somatic dysfunction of {}.",
    "1": "Vertebral subluxation complex of {}.",
    "8": "Viscerosomatic reflex of {}.",
}


def judged(code, *texts, day=DATE):
    documents = tuple(
        Document(f"DocumentReference/d{number}", text, "progress", Role.TREATING, day)
        for number, text in enumerate(texts)
    )
    (assessment,) = knowledge.assess(Chart(day, (code,), documents=documents), KNOWN)
    return assessment


# --- the codes ------------------------------------------------------------------------------------------


def record(code):
    """A record that says exactly what a code claims."""
    place = LEVELS.get(code.region) or REGIONS.get(code.region) or KNOWN.regions[code.region].display
    if code.family in NAMED:
        return NAMED[code.family].format(place)
    tissue = TISSUES[sorted(code.mechanisms)[0 if code.site == "canal" else -1]]
    if code.region == "head" and "connective-tissue" in code.mechanisms:
        tissue = TISSUES["connective-tissue"]
    level, words = LIMBS.get(code.region, (place, ""))
    return f"MRI: {tissue} narrows the {SITES[code.site]} at {level}. {words}".strip()


BIOMECHANICAL = [code for code in KNOWN.codes.values() if code.family]


def test_there_are_91_codes():
    """Nine families in ten regions, and the one without a region."""
    assert len(BIOMECHANICAL) == 91
    assert {code.region for code in BIOMECHANICAL} == {"", *KNOWN.regions}
    for code in BIOMECHANICAL:
        region = KNOWN.regions.get(code.region)
        assert code.code == f"{KNOWN.category}.{code.family}{region.digit if region else ''}"
        assert code.title.startswith(KNOWN.families[code.family].title[:40])
        assert not region or code.title.endswith(region.display), code


@pytest.mark.parametrize("code", [code for code in BIOMECHANICAL if code.region], ids=lambda code: code.code)
def test_every_code_is_supported_by_a_record_of_its_own(code):
    """Save that there is no disc at the head, which is asked about (policy V3)."""
    unlikely = code.region == "head" and code.mechanisms == {KNOWN.parts.disc}
    assert judged(code.code, record(code)).verdict is (Verdict.CLARIFY if unlikely else Verdict.SUPPORTED)


@pytest.mark.parametrize("code", [code for code in BIOMECHANICAL if code.region in LEVELS], ids=lambda code: code.code)
def test_no_record_supports_the_code_of_another_region(code):
    for region in LEVELS.keys() - {code.region}:
        other = KNOWN.code(KNOWN.families[code.family], region)
        assert judged(other, record(code)).verdict is not Verdict.SUPPORTED, other


def test_the_axes_are_those_of_the_codes():
    """Every value of an axis is claimed by a code, save the site that belongs to none (policy D4)."""
    claimed = {
        "lesion": {code.lesion for code in BIOMECHANICAL},
        "site": {code.site for code in BIOMECHANICAL} - {""} | KNOWN.recesses.keys(),
        "mechanism": {mechanism for code in BIOMECHANICAL for mechanism in code.mechanisms},
        "region": {code.region for code in BIOMECHANICAL} - {""},
    }
    assert {axis: {*values} for axis, values in KNOWN.axes.items()} == claimed


# --- levels and regions ---------------------------------------------------------------------------------


LEVELS_PROPER = [level for level in KNOWN.levels.values() if level.kind != "root"]


@pytest.mark.parametrize("level", LEVELS_PROPER, ids=lambda level: level.id)
def test_a_level_lies_in_its_region(level):
    """A junction places the lesion and is no level (policy E2); a level of two regions is asked about (policy B4)."""
    region = KNOWN.regions.get(level.region)
    code = f"{KNOWN.category}.6{region.digit if region else '0'}"
    assessment = judged(code, f"CT: an osteophyte narrows the foramen at {level.id}.")
    assert assessment.verdict is (Verdict.SUPPORTED if region else Verdict.CLARIFY)
    assert assessment.missing_soft == (("level",) if level.kind == "junction" else ())


ROOTS = sorted({root for limb in KNOWN.regions.values() for root in limb.roots})
LIMB_ROOTS = [
    pytest.param(region.id, place, root)
    for region in KNOWN.regions.values()
    for place in region.lesion_in
    for root in ROOTS
]


@pytest.mark.parametrize(("limb", "place", "root"), LIMB_ROOTS)
def test_a_root_carries_the_extremity_and_no_other_does(limb, place, root):
    """Policy C6: with a distribution of the limb its region stands, without one the spinal region is the answer."""
    code = f"{KNOWN.category}.6{KNOWN.regions[limb].digit}"
    text = f"CT: an osteophyte narrows the foramen at {LEVELS[place]}. Numb in the {root} dermatome."
    assessment = judged(code, text)
    if root in KNOWN.regions[limb].roots:
        assert assessment.verdict is Verdict.SUPPORTED
    else:
        assert assessment.proposed == (f"{KNOWN.category}.6{KNOWN.regions[place].digit}",)


# --- dates ----------------------------------------------------------------------------------------------


def shifted(day, days):
    return str(date.fromisoformat(day) + timedelta(days))


DATED = [code for code in KNOWN.codes.values() if code.billable_from or code.billable_until]


@pytest.mark.parametrize("code", DATED, ids=lambda code: code.code)
def test_a_code_is_billable_within_its_dates_only(code):
    if code.billable_until:
        assert not code.billable_on(shifted(code.billable_until, 1))
    if code.billable_from:
        assert not code.billable_on(shifted(code.billable_from, -1))
    if code.billable and not code.needs_7th:
        assert code.billable_on(code.billable_from or code.billable_until)


@pytest.mark.parametrize(("day", "proposed"), [("2024-09-30", "M51.36"), ("2024-10-01", "M51.369")])
def test_a_code_is_proposed_within_its_dates_only(day, proposed):
    text = "Degenerative disc disease at L4-L5 narrows the left foramen."
    assert judged("M99.73", text, day=day).proposed == (proposed,)


@pytest.mark.parametrize("code", [code for code in BIOMECHANICAL if code.region in LEVELS], ids=lambda code: code.code)
def test_a_character_too_few_or_too_many_is_invalid(code):
    for written in (code.code[:-1], f"{code.code}0", f"{code.code}XA"):
        assert judged(written, record(code)).verdict is Verdict.INVALID, written
