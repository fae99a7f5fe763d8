"""Worked examples of the policy, judged without FHIR: one code, one sentence or two, one decision."""

import tomllib
from pathlib import Path

import pytest

import knowledge
from knowledge.model import Chart, Document, Role

EXAMPLES = tomllib.loads((Path(__file__).parent / "adjudications.toml").read_text(encoding="utf-8"))
DATE = "2026-11-03"
KNOWN = knowledge.load()
#: 45 examples; two judge no M99 code.
NUMBERS = set(range(1, 46)) - {26, 33}


#: An example that is not yet judged so says why under `open`, and has to fail.
OPEN = [
    pytest.param(name, marks=[pytest.mark.xfail(reason=example["open"])] if "open" in example else [])
    for name, example in EXAMPLES.items()
]


def judged(example):
    author = Role(example.get("author", "treating"))
    kind = "radiology" if author is Role.RADIOLOGIST else "progress"
    document = Document("DocumentReference/d0", example["text"], kind, author, DATE)
    (assessment,) = knowledge.assess(Chart(DATE, (example["chosen"],), documents=(document,)), KNOWN)
    return assessment


def decided(example, assessment):
    """What was decided, as far as the example speaks of it, and what it says."""
    got = {"verdict": str(assessment.verdict), "codes": {*assessment.proposed}, "hard": {*assessment.missing_hard}}
    wanted = {"verdict": example["verdict"], "codes": {*example.get("codes", ())}, "hard": {*example.get("hard", ())}}
    if "soft" in example:
        got["soft"], wanted["soft"] = {*assessment.missing_soft}, {*example["soft"]}
    wanted["named"] = {*example.get("named", ())}
    got["named"] = wanted["named"] & {*assessment.alternatives}
    return got, wanted


@pytest.mark.parametrize("name", OPEN)
def test_adjudication(name):
    got, wanted = decided(EXAMPLES[name], judged(EXAMPLES[name]))
    assert got == wanted


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_quotes_stand_in_the_text(name):
    for piece in judged(EXAMPLES[name]).evidence:
        assert EXAMPLES[name]["text"][piece.start : piece.end] == piece.quote


def test_every_example_is_there():
    numbers = [int("".join(filter(str.isdigit, name.partition("-")[0]))) for name in EXAMPLES]
    assert set(numbers) == NUMBERS
    assert numbers == sorted(numbers)
