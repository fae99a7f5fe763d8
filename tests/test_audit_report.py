"""The report of an audit counts what the findings say, holds everything it needs, and asks for nothing elsewhere."""

import ast
import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyarrow import parquet, table

from cds_service.audit.report import WORDS
from cds_service.cli import main
from knowledge.payers import payer_notes

ROOT = Path(__file__).parent.parent
HOSTILE = '<img src="https://elsewhere.example/x.png" onerror="document.title=1">|*x*'


def run(*words, status=0):
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The audit of an invented export."""
    folder = tmp_path_factory.mktemp("report")
    run("synth", "--patients=60", "--out", folder / "in")
    run("audit", folder / "in", "--out", folder / "out", "--jobs=1", "--as-of=2026-11-20")
    return folder / "out"


@pytest.fixture(scope="module")
def report(audited):
    run("audit", "report", audited)
    return {path.suffix: path.read_text(encoding="utf-8") for path in audited.glob("report.*")}


def rows(folder):
    with (folder / "findings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counted(markdown, title):
    """The first column of a table of the Markdown, with the number behind it."""
    section = markdown.split(f"## {title}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {line[0]: int(line[1]) for line in cells if len(line) > 1 and line[1].isdigit()}


def test_verdicts_are_counted_by_family_region_clinic_clinician_and_month(audited, report):
    found = rows(audited)
    names = json.loads((audited / "summary.json").read_bytes())["names"]
    assert counted(report[".md"], "By clinic") == Counter(names[row["organization"]] for row in found)
    assert counted(report[".md"], "By clinician") == Counter(names[row["practitioner"]] for row in found)
    assert counted(report[".md"], "By month") == Counter(row["date"][:7] for row in found)
    for title in ("By family", "By region"):
        assert sum(counted(report[".md"], title).values()) == len(found)
    told = {line.partition(":")[0]: count for line, count in counted(report[".md"], "Totals").items()}
    labels = {verdict["id"]: verdict["label"] for verdict in WORDS["verdict"]}
    assert told == Counter(labels[row["verdict"]] for row in found)


def test_pairs_and_missing_elements_are_those_of_the_findings(audited, report):
    found = rows(audited)
    pairs = Counter(
        (row["code"], proposed)
        for row in found
        for proposed in row["proposed_codes"].split()
        if row["verdict"] != "clarify"
    )
    section = report[".md"].split("## Commonest code pairs\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| (M99[.\d]*) [^|]*\| (\S+) [^|]*\| (\d+) \|$", section, re.MULTILINE)
    assert len(shown) == min(25, len(pairs))
    assert all(pairs[chosen, proposed] == int(count) for chosen, proposed, count in shown)
    assert [int(count) for *_, count in shown] == sorted(pairs.values(), reverse=True)[: len(shown)]
    missing = Counter(one for row in found for one in (row["missing_hard"] + " " + row["missing_soft"]).split())
    section = report[".md"].split("## Commonest missing elements\n")[1].split("\n## ")[0]
    assert sum(map(int, re.findall(r"\| (\d+) \|$", section, re.MULTILINE))) == missing.total()


def test_quotes_of_the_examples_are_those_of_the_findings(audited, report):
    quotes = {piece["quote"] for row in rows(audited) for piece in json.loads(row["evidence"])}
    shown = re.findall(r'^- "(.*?)" \(', report[".md"], re.MULTILINE)
    assert len(shown) > 20
    assert set(shown) <= quotes


def test_the_page_needs_nothing_but_itself(report):
    page = report[".html"]
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in page
    assert not re.search(r"<(img|link|iframe|object|embed|form)\b|url\(|@import", page)


@pytest.mark.usefixtures("report")
def test_a_browser_shows_it_and_asks_for_nothing(page, audited):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    address = (audited / "report.html").as_uri()
    page.goto(address)
    assert page.locator("figure svg").count() == len(WORDS["dimension"])
    for place in range(len(WORDS["dimension"])):
        drawn = page.locator("figure svg").nth(place).bounding_box()
        assert drawn["width"] > 500
        assert drawn["height"] > 100
    assert page.locator("figure svg .series rect").count() > len(WORDS["dimension"])
    assert page.locator("#payers .unverified").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert (asked, page.said, page.broke) == ([address], [], [])


def test_the_same_findings_make_the_same_report(audited, report):
    run("audit", "report", audited)
    assert (audited / "report.html").read_text(encoding="utf-8") == report[".html"]
    assert {path.stat().st_mode & 0o077 for path in audited.glob("report.*")} == {0}


def test_names_of_the_export_do_nothing_in_the_report(page, audited, tmp_path):
    held = parquet.read_table(audited / "findings.parquet").to_pylist()
    for row in held:
        row["organization"] = HOSTILE
        row["evidence"] = json.dumps([{**piece, "quote": HOSTILE} for piece in json.loads(row["evidence"])])
    parquet.write_table(table({name: [row[name] for row in held] for name in held[0]}), tmp_path / "findings.parquet")
    (tmp_path / "summary.json").write_bytes((audited / "summary.json").read_bytes())
    run("audit", "report", tmp_path)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.title() == f"{WORDS['title']} · {WORDS['name']}"
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("#examples").inner_text()
    assert "<img" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_payer_notes_stand_in_the_report_each_with_its_status_and_nowhere_else(audited, report):
    found = {row["code"] for row in rows(audited)}
    notes = [note for note in payer_notes() if any(map(note.concerns, found))]
    assert {note.status for note in notes} == {"verified", "unverified"}
    for note in notes:
        assert f"**{note.title}** {note.says} | {note.status} |" in report[".md"]
    importing = [
        str(path.relative_to(ROOT))
        for package in ("knowledge", "cards", "cds_service")
        for path in (ROOT / package).rglob("*.py")
        if "knowledge.payers" in imported(path)
    ]
    assert importing == ["cds_service/audit/report.py"]


def imported(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_an_audit_that_is_not_finished_has_no_report(tmp_path):
    assert "no finished audit" in run("audit", "report", tmp_path, status=1)


def test_an_audit_without_findings_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/Patient.ndjson").write_text('{"resourceType": "Patient", "id": "1"}\n')
    run("audit", tmp_path / "in", "--out", tmp_path / "out", "--jobs=1")
    run("audit", "report", tmp_path / "out")
    assert WORDS["no_rows"] in (tmp_path / "out/report.html").read_text(encoding="utf-8")
