"""Statements of one to three sentences, written by someone who had not seen the vocabulary.

``statements.json`` holds each with what a clinician takes from it.  So read on their first run were 288 of the first
320, then 354 of 400, 266 of 299, 213 of 249 daily notes, 207 of 250 reports that were asked to be hard, 240 of 250
from notes and reports of every day, 279 of 300 of the like, more varied in form, and 192 of 200 once more.
"""

import json
from pathlib import Path

import pytest
from test_language import KNOWN, distribution, documented, narrowings, reading

from knowledge.documented import Target
from knowledge.elements import FINDERS
from knowledge.model import Assertion

NOT_SPINE = ("lower-extremity", "upper-extremity", "other")
STATEMENTS = json.loads((Path(__file__).parent / "statements.json").read_text(encoding="utf-8"))
PALPATION = next(element for element in KNOWN.elements if element.id == "biomechanical-findings")


def lesions(statement):
    """(site, place) -> mechanisms; a region stands for a lesion without a level."""
    said = {}
    for lesion in statement["lesions"]:
        for place in lesion["levels"] or [lesion.get("region") or "?"]:
            said.setdefault((lesion["site"], place), set()).update(lesion["mechanisms"])
    return said


def regions(made, kind):
    affirmed = [lesion for lesion in made.lesions if lesion.kind == kind and lesion.assertion is Assertion.AFFIRMED]
    return {region for lesion in affirmed for region in lesion.regions}


def palpated(made):
    """Whether a hand found anything of the spine; a tender knee is a finding of the knee."""
    spine = [region for region in KNOWN.regions if region not in NOT_SPINE]
    targets = (Target("0", region, frozenset({region}), ()) for region in spine)
    return any(any(FINDERS[PALPATION.id](made, target, KNOWN, PALPATION)) for target in targets)


CHECKS = {
    "narrowing": lambda made, said: (narrowings(made), lesions(said)),
    "dysfunction": lambda made, said: (
        (regions(made, KNOWN.parts.motion), regions(made, KNOWN.parts.position)),
        ({*said["dysfunctions"]}, {*said["subluxations"]}),
    ),
    "palpation": lambda made, said: (palpated(made), said["palpation"]),
    "neuro": lambda made, said: (documented(made, "neuro"), said["neuro"]),
    "care": lambda made, said: (documented(made, "care"), said["care"]),
    "distribution": lambda made, said: (distribution(made), said["distribution"]),
}


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            statement,
            id=f"{statement['kind']}-{number}",
            marks=[pytest.mark.xfail(reason=statement["open"])] if "open" in statement else [],
        )
        for number, statement in enumerate(STATEMENTS, 1)
    ],
)
def test_a_statement_is_read_so(statement):
    read, said = CHECKS[statement["kind"]](reading(statement), statement)
    assert read == said


def test_every_statement_differs():
    assert len({statement["text"] for statement in STATEMENTS}) == len(STATEMENTS)
