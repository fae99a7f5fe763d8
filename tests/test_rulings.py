"""The rulings: what is decided where the policy is silent is written down once, carried by a file, and comes true."""

import re
import tomllib
from pathlib import Path

import pytest
from runner import ROOT
from worked import wrong

EXAMPLES = tomllib.loads((Path(__file__).parent / "rulings.toml").read_text(encoding="utf-8"))
README = (ROOT / "knowledge/README.md").read_text(encoding="utf-8")
#: A row of the table: the ruling, what is decided, the policy it completes, the files that carry it.
ROW = re.compile(r"^\| `([a-z-]+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = {name: (decided, policy, files) for name, decided, policy, files in ROW.findall(README)}
#: Rulings about what FHIR holds: they are carried, and tested, above the line behind which there is no FHIR.
ABOVE = dict.fromkeys(("an-old-note-is-of-another-visit", "who-reads-an-emg"), "test_chart.py")


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(
            example,
            id=f"{name}-{number}",
            marks=[pytest.mark.xfail(reason=example["open"])] if "open" in example else [],
        )
        for name, examples in EXAMPLES.items()
        for number, example in enumerate(examples, 1)
    ],
)
def test_a_ruling_comes_true(example):
    assert wrong(example) == ""


def test_every_ruling_is_written_down_and_has_an_example():
    assert [*ROWS] == sorted(ROWS)
    assert ROWS.keys() - ABOVE.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("name", ROWS)
def test_a_ruling_names_the_policy_and_the_files_that_carry_it(name):
    _, policy, files = ROWS[name]
    assert re.fullmatch(r"[A-FV][0-9]?[a-z]?(, [A-FV][0-9]?[a-z]?)*", policy)
    for path in re.findall(r"`([^`]+)`", files):
        assert (ROOT / "knowledge" / path).exists(), path


@pytest.mark.parametrize("name", ABOVE)
def test_a_ruling_about_fhir_is_tested_there(name):
    assert name in ROWS
    assert (ROOT / "tests" / ABOVE[name]).exists()
