"""The table of the protocol: every requirement is listed once, no standing is claimed without its test, all current."""

import importlib.util
import re

import pytest
from runner import ROOT


def loaded(path):
    spec = importlib.util.spec_from_file_location("protocol_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = loaded(ROOT / "scripts/protocol.py")
ROWS = TABLE.requirements()
CITED = TABLE.citations()
#: The highest number of each group.
NUMBERED = {"T": 8, "D": 15, "R": 11, "P": 19, "F": 7, "C": 16, "A": 12, "K": 4, "B": 10, "J": 12, "X": 7, "S": 22}
IDS = [f"{letter}{number}" for letter, last in NUMBERED.items() for number in range(1, last + 1)]
UNTESTED = {"client-side", "not applicable", "open"}
SOURCE = '''
"""Of a whole file: J1."""


@pytest.mark.parametrize("code", ["M99.63", "C5"])  # A3
def test_p8_something():
    """B2-B4, J9: as the client has it; see 2.0.1, T12-L1, D99x and S1.2."""
    assert "C6"  # K1


def outside():
    """X1"""
'''


def test_the_page_is_up_to_date():
    assert TABLE.PAGE.read_text(encoding="utf-8") == TABLE.page(), "run: python scripts/protocol.py"


def test_every_requirement_is_listed_once_in_order():
    assert [row["id"] for row in ROWS] == IDS
    assert [group["letter"] for group in TABLE.table()["group"]] == list(NUMBERED)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_requirement_is_told_in_few_words_and_its_standing_has_a_reason(row):
    assert row.keys() <= {"id", "said", "standing", "why", "tests"}
    assert 1 <= len(row["said"].split()) <= 6
    assert row.get("standing", "open") in UNTESTED
    if row.get("standing") in {"not applicable", "open"}:
        assert row["why"]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_what_is_said_to_be_covered_has_a_test(row):
    """What no test holds is open, and then says so itself: it is not left to be found out."""
    if "standing" not in row:
        assert TABLE.standing(row, CITED) == TABLE.COVERED
    assert TABLE.standing({"id": row["id"]}, {}) == TABLE.OPEN


def test_every_test_that_is_named_exists():
    named = {test for row in ROWS for test in TABLE.tests_of(row, CITED)}
    assert named
    assert not [test for test in sorted(named) if not TABLE.exists(test)]


@pytest.mark.parametrize("test", ["test_wire.py::test_that_nobody_wrote", "test_nowhere.py::test_x", "test_wire.py::"])
def test_a_test_that_does_not_exist_is_missed(test):
    assert not TABLE.exists(test)


def test_no_test_cites_what_there_is_not():
    """Q ids are the tolerances of clients, which have no table."""
    assert not {one for one in CITED if one[0] in NUMBERED} - set(IDS)


def test_ids_are_found_in_names_docstrings_and_comments_of_tests_alone():
    assert dict(TABLE.cited_in(SOURCE)) == {"test_p8_something": {"P8", "B2", "B3", "B4", "J9", "A3", "K1"}}


def test_the_page_shows_every_requirement_with_its_standing():
    page = TABLE.page()
    shown = dict(re.findall(r"^\| ([A-Z]\d+) \| [^|]+ \| ([a-z -]+) \|", page, re.MULTILINE))
    assert shown == {row["id"]: TABLE.standing(row, CITED) for row in ROWS}


def test_security_cites_requirements_that_tests_hold():
    """What the threat model leans on is no wish: each id that it cites has a test."""
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    cited = {one for group in re.findall(r"\(([A-Z]\d[^()]*)\)", told) for one in TABLE._ids(group)}
    rows = {row["id"]: row for row in ROWS}
    assert len(cited) > 30
    assert not [one for one in sorted(cited) if not TABLE.tests_of(rows[one], CITED)]
