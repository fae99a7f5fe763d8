"""The yearly procedure of docs/knowledge.md, with an invented release: side by side, by date of service, replayed."""

import importlib.util
import shutil
import sys
from dataclasses import replace
from datetime import date

import pytest
from runner import ROOT

import knowledge
from knowledge.model import Chart


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"keeping_{name}", ROOT / f"scripts/{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CODES, REPLAY, REVIEWS = loaded("codes"), loaded("replay"), loaded("reviews")
FIRST, LAST_BEFORE = "2027-10-01", "2027-09-30"
M48_02, M48_07 = "M48.02", "M48.07"


def order_file(entries):
    """A release as CMS publishes one."""
    lines = [
        f"{number:05} {entry.code.replace('.', ''):<7} {int(entry.valid)} {entry.title[:60]:<60} {entry.title}"
        for number, entry in enumerate(entries, 1)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def former():
    """The release in force, as far as the tables hold it."""
    spine = [
        CODES.Entry(row["code"], row["billable"] == "1", row["title"])
        for row in CODES.rows(CODES.SPINE)
        if not row["billable_until"]
    ]
    return {
        one.code: one
        for one in [*spine, *(CODES.Entry(r["code"], valid=True, title=r["title"]) for r in CODES.rows(CODES.JUDGED))]
    }


@pytest.fixture
def release(former):
    """The next: M48.02 becomes a heading of two codes, M48.07 ends, M48.08 is renamed; the rest is of no concern."""
    new = dict(former)
    new[M48_02] = CODES.Entry(M48_02, valid=False, title=former[M48_02].title)
    new["M48.021"] = CODES.Entry("M48.021", valid=True, title="Spinal stenosis, upper cervical region")
    new["M48.022"] = CODES.Entry("M48.022", valid=True, title="Spinal stenosis, lower cervical region")
    new["M48.08"] = CODES.Entry("M48.08", valid=True, title="Spinal stenosis, sacral region")
    new["G00.0"] = CODES.Entry("G00.0", valid=True, title="Haemophilus meningitis")
    new["S13.100A"] = CODES.Entry("S13.100A", valid=True, title="Subluxation, initial encounter")
    del new[M48_07]
    return new


def test_an_order_file_is_read_as_it_is_published(former):
    assert CODES.entries(order_file(former.values())) == former


@pytest.mark.parametrize("line", ["M4802 1 Spinal stenosis", "00001 M4802   2 x" + " " * 60 + "y", "<html>"])
def test_what_is_no_order_file_is_refused_with_its_line(line):
    with pytest.raises(CODES.OrderFileError, match="line 1"):
        CODES.entries(line)


def test_the_table_is_written_as_it_stands():
    assert CODES.written(CODES.rows(CODES.SPINE)) == CODES.SPINE.read_text(encoding="utf-8")


def test_a_release_that_changes_nothing_changes_nothing(former):
    table = CODES.rows(CODES.SPINE)
    assert CODES.updated(table, former, former, date.fromisoformat(FIRST)) == (table, [])


def test_what_a_release_begins_ends_and_renames_is_told(former, release):
    _, changes = CODES.updated(CODES.rows(CODES.SPINE), former, release, date.fromisoformat(FIRST))
    assert [(change.kind, change.code) for change in changes] == [
        ("ends", M48_02),
        ("ends", M48_07),
        ("renamed", "M48.08"),
        ("begins", "M48.021"),
        ("begins", "M48.022"),
    ]


def test_a_code_that_is_judged_is_told_and_never_written(release):
    release |= {"M99.85": CODES.Entry("M99.85", valid=True, title="Other lesions of the pelvic floor")}
    del release["M99.09"]
    release["M99.95"] = CODES.Entry("M99.95", valid=True, title="A new code")
    said = CODES.judged(CODES.rows(CODES.JUDGED), release, "M99")
    assert any(line.startswith("gone: M99.09") for line in said)
    assert any(line.startswith(("new, to be decided", "renamed")) for line in said)


@pytest.fixture
def kept(tmp_path, former, release, monkeypatch, capsys):
    """The knowledge with the release written into it."""
    root = tmp_path / "knowledge"
    shutil.copytree(ROOT / "knowledge", root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "reading"))
    monkeypatch.setattr(CODES, "SPINE", root / "codes/spine.tsv")
    files = []
    for name, entries in (("former", former), ("release", release)):
        files.append(tmp_path / f"{name}.txt")
        files[-1].write_text(order_file(entries.values()), encoding="utf-8")
    assert CODES.main([*map(str, files), "--from", FIRST, "--write"]) == 0
    return root, capsys.readouterr().out


def test_both_releases_stand_side_by_side_and_the_date_of_service_decides(kept):
    root, _ = kept
    codes = knowledge.load(root).codes
    assert [codes[M48_02].billable_on(day) for day in (LAST_BEFORE, FIRST)] == [True, False]
    assert [codes["M48.021"].billable_on(day) for day in (LAST_BEFORE, FIRST)] == [False, True]


def test_a_code_that_ends_and_is_still_proposed_is_told(kept):
    _, said = kept
    assert f"structural/codes.tsv still names {M48_02}" in said
    assert "still names M48.021" not in said


def test_charts_are_replayed_with_both_knowledges():
    """Where the knowledge differs, the answer that changes is found; where it does not, none is."""
    known = knowledge.load()
    case, chart = next((case, chart) for case, chart in REPLAY.charts() if "M99.73" in chart.chosen)
    ended = replace(
        known,
        codes={**known.codes, "M99.73": replace(known.codes["M99.73"], billable_until=LAST_BEFORE, billable=False)},
    )
    assert list(REPLAY.compared(chart, case, known, known)) == []
    assert list(REPLAY.compared(chart, case, known, ended)) == [], "the chart is of a day on which the code was valid"
    later = replace(chart, date=FIRST)
    (difference,) = [one for one in REPLAY.compared(later, case, known, ended) if one.code == "M99.73"]
    assert difference.after.startswith("invalid")
    assert FIRST in str(difference)


def test_every_chart_of_the_tests_is_replayed():
    charts = dict(REPLAY.charts())
    assert len(charts) == len(list((ROOT / "tests/cases").glob("*-*.json")))
    assert all(isinstance(chart, Chart) and chart.chosen for chart in charts.values())


# --- who reviewed a rule --------------------------------------------------------------------------------


def test_every_review_is_of_a_rule_that_there_is():
    assert {one["rule"] for one in REVIEWS.reviews()} <= REVIEWS.digests().keys()


def test_a_rule_is_reviewed_until_it_changes(tmp_path):
    path = tmp_path / "reviews.tsv"
    path.write_text("rule\tdigest\tby\ton\n", encoding="utf-8")
    (rule, digest), *_ = REVIEWS.digests().items()
    assert REVIEWS.state(rule, digest, REVIEWS.reviews(path)) == "not reviewed"
    REVIEWS.sign(rule, "A. Coder, CPC", "2026-11-20", path)
    assert REVIEWS.state(rule, digest, REVIEWS.reviews(path)) == "reviewed 2026-11-20 by A. Coder, CPC"
    assert REVIEWS.state(rule, "another", REVIEWS.reviews(path)).startswith("changed since")


@pytest.mark.parametrize(("rule", "by"), [("no-such-rule", "A"), ("supported", " "), ("supported", "a\tb")])
def test_a_review_of_nothing_or_by_nobody_is_refused(tmp_path, rule, by):
    with pytest.raises(ValueError, match=r"no rule|who reviewed"):
        REVIEWS.sign(rule, by, "2026-11-20", tmp_path / "reviews.tsv")
