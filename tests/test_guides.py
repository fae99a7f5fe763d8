"""The guides speak of what there is: settings, commands, files, services, counts."""

import importlib.util
import json
import re
from dataclasses import fields

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from prometheus_client.parser import text_string_to_metric_families
from runner import ROOT
from test_deploy import documents, tool

from cds_service import server
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.settings import PREFIX, Settings

GUIDES = [ROOT / "docs" / f"{name}.md" for name in ("integrators", "operators", "knowledge", "intended-use")]
OPERATORS = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
INTENDED = (ROOT / "docs/intended-use.md").read_text(encoding="utf-8")
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
SETTINGS = {f"{PREFIX}{one.name.upper()}" for one in fields(Settings)}
#: A path as the guides write it; what is on the reader's machine begins with a slash.
PATH = re.compile(
    r"`((?:docs|tests|knowledge|cds_service|cards|scripts|benchmarks|deploy)/[\w./-]+|[A-Z]+\.md|compose\.yaml)`"
)
SPEC = importlib.util.spec_from_file_location("statement", ROOT / "scripts/statement.py")
STATEMENT = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STATEMENT)


@pytest.fixture(params=GUIDES, ids=lambda path: path.stem)
def guide(request):
    return request.param.read_text(encoding="utf-8")


def test_every_setting_that_a_guide_names_is_one(guide):
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", guide)) <= SETTINGS


def test_every_file_that_a_guide_names_is_there(guide):
    named = PATH.findall(guide)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_that_a_guide_names_is_one(guide):
    for words in re.findall(r"`foramen ([a-z ]+)", guide):
        command = main
        for word in words.split():
            command = getattr(command, "commands", {}).get(word) if hasattr(command, "commands") else command
            assert command is not None, words


def test_every_target_of_make_that_a_guide_names_is_one(guide):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", guide)) <= targets


def test_the_figures_of_the_operators_guide_are_those_of_the_server():
    assert f"{server.WAITING} waiting threads" in OPERATORS
    assert f"for {server.DRAIN} s at most" in OPERATORS
    assert f"({server.RESPAWN:.0f} s are waited)" in OPERATORS


# --- intended use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "count"), [("### Evidence-based: 13 attributes", 13), ("### Predictive: 31 attributes", 31)]
)
def test_every_source_attribute_is_answered(heading, count):
    table = INTENDED.split(heading)[1].split("###")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")
    ]
    numbered = [row for row in rows if row[0].isdecimal()]
    assert [int(row[0]) for row in numbered] == list(range(1, count + 1))
    assert all(len(row) == 3 and row[1] and row[2] for row in numbered)


def test_nobody_is_said_to_have_reviewed_a_rule_who_did_not_sign():
    signed = (ROOT / "docs/reviews.tsv").read_text(encoding="utf-8").splitlines()[1:]
    said = "no rule has been reviewed" in (ROOT / "docs/knowledge.md").read_text(encoding="utf-8")
    assert said == (not signed)


# --- what is asked of FHIR servers ----------------------------------------------------------------------


def test_the_capability_statement_is_up_to_date_and_valid():
    assert STATEMENT.PAGE.read_text(encoding="utf-8") == STATEMENT.page(), "run: python scripts/statement.py"
    CapabilityStatement.model_validate(STATEMENT.statement())


def test_the_statement_names_every_type_and_parameter_that_is_asked_for():
    (rest,) = STATEMENT.statement()["rest"]
    asked = {one["type"]: {parameter["name"] for parameter in one.get("searchParam", ())} for one in rest["resource"]}
    for query in STATEMENT.queries():
        kind, _, searched = query.partition("?")
        names = {part.partition("=")[0] for part in searched.split("&")} - STATEMENT.SHAPING - {""}
        assert names <= asked[kind.partition("/")[0]]
    assert {code["code"] for one in rest["resource"] for code in one["interaction"]} == {"read", "search-type"}


def test_the_scopes_of_the_guide_are_those_of_the_statement():
    (rest,) = STATEMENT.statement()["rest"]
    guide = (ROOT / "docs/integrators.md").read_text(encoding="utf-8").split("## Scopes")[1].split("##")[0]
    assert {one["type"] for one in rest["resource"]} <= set(re.findall(r"`([A-Z][A-Za-z]+)`", guide))


# --- alerts ---------------------------------------------------------------------------------------------


def test_every_alert_is_of_counts_that_there_are_and_stands_in_the_guide():
    (alerts,) = documents(ALERTS)
    client = create_app(Settings(open=True)).test_client()
    body = json.loads((ROOT / "tests/requests/corrected.json").read_text(encoding="utf-8"))
    client.post("/cds-services/m99-order-sign", json=body)
    client.application.extensions["kept"].metrics.unavailable("test")
    counts = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    for rule in alerts["groups"][0]["rules"]:
        assert f"`{rule['alert']}`" in OPERATORS
        for name, labels in re.findall(r"(foramen_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            assert name in counts, name
            assert set(re.findall(r"(\w+)=", labels)) <= counts[name]
    assert tool("python")
