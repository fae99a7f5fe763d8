"""The phenomena of clinical language: what one document says of narrowings, dysfunction, levels and elements.

``language.toml`` holds each phenomenon in several wordings with what a reader takes from them.
"""

import tomllib
from pathlib import Path

import pytest

import knowledge
from knowledge.documented import Target
from knowledge.elements import FINDERS
from knowledge.model import Assertion, Chart, Document, Role
from knowledge.neuro import distributions
from knowledge.record import record

FILE = Path(__file__).parent / "language.toml"
PHENOMENA = tomllib.loads(FILE.read_text(encoding="utf-8"))["phenomenon"]
KNOWN = knowledge.load()
DATE = "2026-11-03"
#: What an example may speak of beside lesions, and the documentation element it is.
ELEMENTS = {"imaging": "imaging", "neuro": "neuro-findings", "care": "conservative-care"}
ANYWHERE = Target("7", "lumbar", frozenset(), ())
#: How a thing that is not said is written.
UNSAID = "?"


def reading(example):
    """The record of an example: one document by a provider of the day, or a radiologist's report."""
    author = Role.RADIOLOGIST if example["by"] == "radiologist" else Role.TREATING
    kind = "radiology" if author is Role.RADIOLOGIST else "progress"
    document = Document("DocumentReference/d0", example["text"], kind, author, DATE)
    return record(Chart(DATE, ("M99.73",), documents=(document,)), KNOWN)


# --- what is taken from a text --------------------------------------------------------------------------


def narrowings(made):
    """(site, place) -> mechanisms, of what is affirmed; what is less exact gives way to what is said of the same."""
    affirmed = [
        lesion
        for lesion in made.lesions
        if lesion.kind == KNOWN.parts.narrowing and lesion.assertion is Assertion.AFFIRMED
    ]
    firm = [lesion for lesion in affirmed if not lesion.weak] or affirmed
    said = {}
    for lesion in firm:
        told = lesion.mechanisms or ({"structural"} if lesion.causes else set())
        for place in lesion.levels or tuple(lesion.regions) or (UNSAID,):
            said.setdefault((lesion.site or UNSAID, place), set()).update(told)
    return exact(said)


def exact(said):
    sites = {site for site, _ in said} - {UNSAID}
    levels = {site for site, place in said if place in KNOWN.levels}
    kept = {(site, place): told for (site, place), told in said.items() if site != UNSAID or not sites}
    return {(site, place): told for (site, place), told in kept.items() if place in KNOWN.levels or site not in levels}


def wanted(example):
    """The same, as the example has it: "site | mechanism+mechanism | place,place"."""
    said = {}
    for line in example["lesions"]:
        site, mechanisms, places = (part.strip() for part in line.split("|"))
        told = {one.partition(":")[0].strip() for one in mechanisms.split("+")} - {"-"}
        for place in places.split(","):
            said.setdefault((site, place.strip()), set()).update(told)
    return said


def dysfunctions(made):
    named = {KNOWN.parts.motion, KNOWN.parts.position}
    affirmed = [one for one in made.lesions if one.kind in named and one.assertion is Assertion.AFFIRMED]
    return {region for lesion in affirmed for region in lesion.regions}


def levels(made):
    return {level for text in made.texts for statement in text.statements for level in statement.own}


def distribution(made):
    limbs = [region for region in KNOWN.regions.values() if region.roots]
    found = [limb.id for limb in limbs if any(distributions(made, limb.roots, limb.id, "nerve-distribution"))]
    return " ".join(found)


def documented(made, name):
    element = next(element for element in KNOWN.elements if element.id == ELEMENTS[name])
    return any(FINDERS[element.id](made, ANYWHERE, KNOWN, element))


def wrong(example):
    """What is read otherwise than the example has it, by what it speaks of."""
    made = reading(example)
    checks = {
        "lesions": lambda: (narrowings(made), wanted(example)),
        "dysfunctions": lambda: (dysfunctions(made), {*example["dysfunctions"]}),
        "levels": lambda: (levels(made), {*example["levels"]}),
        "distribution": lambda: (distribution(made), example["distribution"]),
        **{name: lambda name=name: (documented(made, name), example[name]) for name in ELEMENTS},
    }
    compared = {name: compare() for name, compare in checks.items() if name in example}
    return {name: f"read {read}, said {said}" for name, (read, said) in compared.items() if read != said}


# --- the examples ---------------------------------------------------------------------------------------


EXAMPLES = [
    pytest.param(
        example,
        id=f"{phenomenon['id']}-{number}",
        marks=[pytest.mark.xfail(reason=example["open"])] if "open" in example else [],
    )
    for phenomenon in PHENOMENA
    for number, example in enumerate(phenomenon["example"], 1)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_read_so(example):
    assert wrong(example) == {}


#: An example for each thing an example can speak of, and something it does not say.
FALSE = {
    "lesions": ["canal | disc | C2-C3"],
    "dysfunctions": ["pelvic"],
    "levels": ["T1-T2"],
    "distribution": "neither",
    "imaging": None,
    "neuro": None,
    "care": None,
}


@pytest.mark.parametrize("name", FALSE)
def test_a_falsified_example_fails(name):
    told = [example for phenomenon in PHENOMENA for example in phenomenon["example"] if name in example]
    read = next(example for example in told if not wrong(example))
    assert wrong({**read, name: FALSE[name]}).keys() == {name}


def test_every_phenomenon_is_there_in_several_wordings():
    assert [phenomenon["id"] for phenomenon in PHENOMENA] == list(range(1, 46))
    assert min(len(phenomenon["example"]) for phenomenon in PHENOMENA) >= 5
    texts = [example["text"] for phenomenon in PHENOMENA for example in phenomenon["example"]]
    assert len({*texts}) == len(texts)
