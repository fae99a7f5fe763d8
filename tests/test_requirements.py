"""Every numbered statement of the source pages: listed once, carried by something that exists and is tested, shown."""

import importlib.util
import re
from pathlib import Path

import pytest
from runner import ROOT
from worked import wrong

import knowledge

SCRIPT = ROOT / "scripts/requirements.py"
KNOWLEDGE = Path(knowledge.__file__).parent


def loaded(path):
    spec = importlib.util.spec_from_file_location("requirements_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = loaded(SCRIPT)
ROWS = TABLE.requirements()
EXAMPLES = TABLE.examples()
#: The statements there are, by source page and kind: page, then the highest number of each kind.
NUMBERED = {
    "76": {"M": 2, "H": 1, "T": 5, "P": 4, "C": 8, "F": 6, "B": 1, "S": 1, "R": 1},
    "70": {"M": 1, "H": 1, "T": 5, "P": 4, "C": 8, "F": 6, "S": 1},
    "74": {"M": 1, "H": 1, "T": 5, "P": 5, "C": 9, "F": 6, "S": 1},
    "60": {"M": 1, "H": 1, "T": 5, "P": 4, "C": 7, "F": 6, "S": 1, "R": 1},
    "40": {"M": 1, "H": 1, "T": 5, "P": 4, "C": 7, "F": 6, "S": 1},
}
IDS = [
    f"{page}-{kind}{number}"
    for page, kinds in NUMBERED.items()
    for kind, last in kinds.items()
    for number in range(1, last + 1)
]
TARGETS = sorted({target for row in ROWS for target in row["carried_by"]})


# --- the statements -------------------------------------------------------------------------------------


def test_every_statement_is_listed_once():
    assert sorted(name for row in ROWS for name in row["ids"]) == sorted(IDS)


@pytest.mark.parametrize("name", IDS)
def test_every_statement_has_an_example(name):
    assert [one for one, example in EXAMPLES.items() if name in example["ids"]]


def test_examples_stand_for_statements_only():
    assert {name for example in EXAMPLES.values() for name in example["ids"]} == {*IDS}


def test_what_is_not_followed_says_why_with_the_policy():
    assert [row["ids"] for row in ROWS if not re.search(r"\([A-FV][0-9]?[a-z]?[-, A-Z0-9a-z]*\)$", row["why"])] == []


# --- what carries them ----------------------------------------------------------------------------------


def exists(target):
    name, _, entry = target.partition("#")
    if name.startswith("policy:"):
        return True
    path = KNOWLEDGE / name
    return path.exists() and (
        not entry or re.search(rf'^id = "{entry}"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("target", TARGETS)
def test_what_carries_a_statement_exists_and_is_tested(target):
    assert exists(target)
    assert TABLE.tests_of(target)


@pytest.mark.parametrize("target", ["rules.tsv", "elements.toml#mood", "vocabulary/site/tunnel.toml"])
def test_what_is_not_there_is_seen(target):
    assert not exists(target)


@pytest.mark.parametrize("target", ["policy:V9", "structural/lore.toml", "snomed.tsv", "elements.toml#mood"])
def test_what_nothing_tests_is_seen(target):
    assert TABLE.tests_of(target) == []


@pytest.mark.parametrize("test", [*TABLE.TABLES.values(), *TABLE.WORDING.values()])
def test_a_named_test_exists(test):
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")


# --- the examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.xfail(reason=example["open"])] if "open" in example else [])
        for name, example in EXAMPLES.items()
    ],
)
def test_an_example_is_decided_so(name):
    assert wrong(EXAMPLES[name]) == ""


@pytest.mark.parametrize(
    "false",
    [
        {"verdict": "clarify"},
        {"codes": ["M99.09"]},
        {"hard": ["site"]},
        {"soft": ["level"]},
        {"named": ["M99.09"]},
        {"never": ["M48.061"]},
    ],
)
def test_a_falsified_example_fails(false):
    example = EXAMPLES["stenosis-has-two-successors"]
    assert wrong(example) == ""
    assert wrong({**example, **false})


# --- the page -------------------------------------------------------------------------------------------


def test_the_page_is_up_to_date():
    assert TABLE.PAGE.read_text(encoding="utf-8") == TABLE.page(), "run: python scripts/requirements.py"


def test_the_page_shows_every_statement_and_target():
    page = TABLE.page()
    assert all(re.search(rf"\b{name}\b", page) for name in IDS)
    assert all(f"\n| `{target}` | " in page for target in TARGETS)


# --- questions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in IDS if "-F" in name])
def test_every_question_of_the_source_pages_is_asked_in_our_words_and_answered_with_sources(name):
    [row] = [row for row in ROWS if name in row["ids"]]
    assert row["question"].endswith("?")
    assert len(row["answer"].split()) > 5
    assert re.search(r"Tabular List|Alphabetic Index|Guidelines|Manual|[Pp]olicy [A-FV]\d?", row["source"])


def test_only_questions_are_answered():
    assert [row["ids"] for row in ROWS if "question" in row and not any("-F" in name for name in row["ids"])] == []


def test_no_answer_names_a_code_that_does_not_exist():
    known = knowledge.load()
    named = {code for row in ROWS for code in re.findall(r"\b[A-TV-Z]\d\d\.[0-9A-Z]{2,4}\b", row.get("answer", ""))}
    assert len(named) > 10
    assert {code for code in named if code not in known.codes} == set()
