"""An audit of an export says of every encounter what the hook says, however the export lies and whatever happens."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from charts import PATIENT, PLACEMENTS, needs_server, request
from click.testing import CliRunner
from export import encounter, exported, written
from fhir_server import serving
from pyarrow import parquet
from record_text import held, said
from runner import Decision, Desk, cases

from cds_service import narrative
from cds_service.app import create_app
from cds_service.audit import buckets, export, judging, memory
from cds_service.audit.findings import COLUMNS
from cds_service.cli import main
from cds_service.pseudonyms import Pseudonyms
from cds_service.settings import Settings
from knowledge import load

ROOT = Path(__file__).parent.parent
SERVICE = "/cds-services/m99-encounter-discharge"
SECRET = "a secret of an audit that nobody guesses"
#: A row that no run writes: where it survives, the part was not judged again.
MARK = b"marked" + b"," * (len(COLUMNS) - 1) + b"\n"
#: Every eighth case: all groups of them, and every kind of resource.
SOME = dict(list(cases().items())[::8])


@pytest.fixture
def audit(tmp_path):
    """Run an audit, and give back its directory, or what it says when it fails."""
    return running_in(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The audit of some cases with nothing in its way; the export lies beside it."""
    folder = tmp_path_factory.mktemp("whole")
    return running_in(folder)(written(folder / "in", exported(SOME)), buckets=40)


def running_in(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)

    def run(*inputs, out="out", status=0, **options):
        options = {"secret-file": secret, "as-of": "2026-11-20", "jobs": 1, **options}
        words = [f"--{name}={value}" for name, value in options.items()]
        result = CliRunner().invoke(main, ["audit", *map(str, inputs), "--out", str(tmp_path / out), *words])
        assert result.exit_code == status, result.output
        return result.output if status else tmp_path / out

    return run


def rows(folder):
    with (folder / "findings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def summary(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def decision(row):
    return Decision(
        row["verdict"], *(frozenset(row[name].split()) for name in ("proposed_codes", "missing_hard", "missing_soft"))
    )


# --- the same decision --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk():
    with serving([]) as server:
        yield Desk(create_app(Settings(dev=True, rate_limit=10**9, deadline_ms=60_000)).test_client(), server)


@pytest.mark.parametrize("placement", ["plain", "notes behind an address", "nobody signs"])
def test_an_audit_decides_as_the_hook_does(audit, desk, tmp_path, placement):
    """Every case once; on Spark the rows are the same (``test_audit_spark.py``)."""
    mine = cases() if placement == "plain" else SOME
    folder = audit(written(tmp_path / "in", exported(mine, placement)), buckets=3)
    found = {(row["encounter"], row["code"]): decision(row) for row in rows(folder)}
    placed = PLACEMENTS["notes in a Binary of the prefetch" if placement == "notes behind an address" else placement]
    assert not needs_server(placed)
    for name, case in mine.items():
        reply = desk.client.post(SERVICE, json=request(case, placed, "encounter-discharge")).get_json()
        told = [card.get("extension", {}).get("org.foramen.assessment", {}) for card in reply["cards"]]
        for code in case["chosen"]:
            wanted = decided_of(told, code)
            assert found.pop((encounter(name), code)) == wanted, (name, code)
    assert not found


def decided_of(told, code):
    one = next((one for one in told if one.get("code") == code), None)
    if one is None:
        assert not [one for one in told if not one], "a card that says the record could not be checked"
        return Decision("supported", frozenset(), frozenset(), frozenset())
    lists = ("proposedCodes", "missingHard", "missingSoft")
    return Decision(one["verdict"], *(frozenset(one.get(name, ())) for name in lists))


def test_every_quote_stands_in_the_export(whole):
    record = held(list(exported(SOME)))
    quoted = [piece for row in rows(whole) for piece in json.loads(row["evidence"])]
    assert len(quoted) > len(SOME)
    for piece in quoted:
        assert any(tight(piece["quote"]) in tight(text) for text in said(piece["source"], record)), piece
        assert piece["end"] > piece["start"] >= 0


def test_the_summary_counts_the_rows_and_nothing_is_for_strangers(whole):
    told, found = summary(whole), rows(whole)
    assert told["counts"]["findings"] == sum(told["verdicts"].values()) == sum(told["codes"].values()) == len(found)
    assert told["counts"]["encounters"] == len({row["encounter"] for row in found})
    assert [path.name for path in whole.iterdir() if path.stat().st_mode & 0o077 and path.name != "lock"] == []


def test_parquet_holds_the_rows_of_the_csv(whole):
    table = parquet.read_table(whole / "findings.parquet")
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == rows(whole)


def test_without_what_it_needs_an_audit_does_not_begin(audit, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "foramen[audit]" in audit(written(tmp_path / "in", exported(SOME)), status=1)
    assert not (tmp_path / "out").exists()


def tight(text):
    return "".join(text.split())


# --- however the export lies --------------------------------------------------------------------------


def test_compressed_listed_or_in_other_buckets_the_rows_are_the_same(audit, whole, tmp_path):
    resources = list(exported(SOME))
    plain, packed = written(tmp_path / "in", resources), written(tmp_path / "gz", resources, packed=True)
    urls = [{"type": path.stem, "url": path.name} for path in plain.iterdir()]
    (plain / "manifest.json").write_text(json.dumps({"output": urls}))
    others = [
        audit(packed, out="gz", buckets=7, jobs=2),
        audit(plain / "manifest.json", out="manifest", buckets=2),
        audit(*sorted(plain.glob("*.ndjson"), reverse=True), out="files"),
    ]
    wanted = (whole / "findings.csv").read_bytes()
    assert wanted.count(b"\n") > len(SOME)
    for other in others:
        assert (other / "findings.csv").read_bytes() == wanted
        assert summary(other)["verdicts"] == summary(whole)["verdicts"]


def test_a_manifest_of_another_machine_is_refused(audit, tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"output": [{"type": "Patient", "url": "https://ehr.example/1.ndjson"}]}))
    assert "download them" in audit(manifest, status=1)


def test_patients_are_pseudonyms_that_hang_on_the_secret(audit, whole, tmp_path):
    source = whole.parent / "in"
    other = tmp_path / "other"
    other.write_text(SECRET[::-1])
    mine, theirs = rows(whole), rows(audit(source, out="theirs", **{"secret-file": other}))
    assert len({row["patient"] for row in mine}) == len(SOME)
    assert {row["patient"] for row in mine}.isdisjoint(row["patient"] for row in theirs)
    assert PATIENT not in {row["patient"].partition(".")[2] for row in mine}


# --- what a record of several encounters may hold -----------------------------------------------------


def visit(name, case, *conditions):
    """An Encounter beside that of a case, with diagnoses of its own."""
    made = {"resourceType": "Encounter", "id": name, "status": "finished", "class": {"code": "AMB"}}
    made |= {"subject": {"reference": f"Patient/{case}.{PATIENT}"}, "period": {"start": "2026-05-05"}}
    return made | {"diagnosis": [{"condition": {"reference": f"Condition/{one}"}} for one in conditions]}


def diagnosis(name, case, **more):
    coded = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M99.63"}]}
    kind = [{"coding": [{"code": "encounter-diagnosis"}]}]
    made = {"resourceType": "Condition", "id": name, "code": coded, "category": kind}
    return made | {"subject": {"reference": f"Patient/{case}.{PATIENT}"}} | more


def test_a_diagnosis_belongs_to_the_encounter_that_names_or_lists_it(audit, tmp_path):
    name, case = next(iter(SOME.items()))
    more = [visit("listing", name, "listed"), diagnosis("listed", name), diagnosis("stray", name), visit("empty", name)]
    folder = audit(written(tmp_path / "in", [*exported({name: case}), *more]))
    found = rows(folder)
    assert [row["code"] for row in found if row["encounter"] == "listing"] == ["M99.63"]
    assert [row["code"] for row in found if row["encounter"] == encounter(name)] == case["chosen"]
    assert len(found) == 1 + len(case["chosen"])
    assert summary(folder)["counts"]["diagnoses_without_encounter"] == 1


def test_a_patient_without_such_a_code_has_no_row(audit, tmp_path):
    name, case = next(iter(SOME.items()))
    folder = audit(written(tmp_path / "in", exported({name: {**case, "chosen": ["M54.50"]}})))
    assert rows(folder) == []
    assert summary(folder)["counts"]["patients"] == 1


def test_a_note_of_several_encounters_is_opened_once_and_read_once(tmp_path, monkeypatch):
    name, case = next((name, case) for name, case in SOME.items() if case["notes"])
    more = [visit(f"visit-{i}", name, f"listed-{i}") for i in range(5)]
    more += [diagnosis(f"listed-{i}", name) for i in range(5)]
    source = written(tmp_path / "in", [*exported({name: case}), *more])
    opened, read = counted(monkeypatch, narrative, "_text"), counted(monkeypatch, memory, "reading")
    monkeypatch.setattr(judging, "_at_work", [judging.Judge(load())])
    spread = buckets.Spread(tmp_path, 1, Pseudonyms(SECRET.encode()))
    spread.run(sorted(source.iterdir()), lambda _: None)
    assert judging.judge(tmp_path / buckets.bucket(0), tmp_path / "part", "2026-11-20", load().version)
    assert (tmp_path / "part").read_bytes().count(b"M99.63") >= 5
    assert max(Counter(narrated.item.source for narrated, *_ in opened).values()) == 1
    assert max(Counter((one.source, one.of_encounter) for one, *_ in read).values()) == 1


def counted(monkeypatch, module, name):
    """What a function is called with from now on."""
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: calls.append(given) or real(*given))
    return calls


def test_of_two_versions_of_a_resource_the_later_counts(audit, tmp_path):
    name, case = next(iter(SOME.items()))
    versions = [diagnosis("twice", name, meta={"lastUpdated": f"2026-0{month}-01T00:00:00Z"}) for month in (1, 3, 2)]
    for version, code in zip(versions, ("M99.63", "M99.73", "M99.53"), strict=True):
        version["code"]["coding"][0]["code"] = code
    held = [*exported({name: case}), visit("listing", name, "twice")]
    for out, order in (("one", versions), ("other", versions[::-1])):
        folder = audit(written(tmp_path / f"in-{out}", [*held, *order]), out=out)
        assert [row["code"] for row in rows(folder) if row["encounter"] == "listing"] == ["M99.73"]


# --- whatever happens ---------------------------------------------------------------------------------


def test_a_broken_line_is_set_aside(audit, whole, tmp_path):
    source = written(tmp_path / "in", exported(SOME))
    notes = source / "DocumentReference.ndjson"
    broken = [b'{"resourceType": "DocumentReference", ', b"\xff\xfe", b"[]", b'"M99.63"']
    notes.write_bytes(broken[0] + b"\n\n" + notes.read_bytes() + b"\n".join(broken[1:]))
    count = len(notes.read_bytes().splitlines())
    folder = audit(source)
    assert (folder / "findings.csv").read_bytes() == (whole / "findings.csv").read_bytes()
    assert summary(folder)["counts"]["rejected"] == len(broken)
    with (folder / "rejects.csv").open(newline="") as file:
        places = list(csv.reader(file))
    assert places == [["file", "line"], *([str(notes), str(line)] for line in (1, count - 2, count - 1, count))]
    assert (folder / "rejects.ndjson").read_bytes().splitlines() == [line.strip() for line in broken]


def test_a_file_that_breaks_off_does_not_stop_the_run(audit, tmp_path):
    source = written(tmp_path / "in", exported(SOME), packed=True)
    notes = source / "DocumentReference.ndjson.gz"
    notes.write_bytes(notes.read_bytes()[:-200])
    folder = audit(source)
    assert summary(folder)["counts"]["rejected"] >= 1
    assert len(rows(folder)) >= len(SOME)


def test_a_line_without_end_is_never_held_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MOST_LINE", 100)
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' + b"x" * 1000 + b'\n{"b": 2}\n' + b"y" * 101))
    told = [(line.number, line.whole, len(line.raw)) for line in export.lines(path)]
    assert told == [(1, True, 8), (2, False, 100), (3, True, 8), (4, False, 100)]


def test_a_run_that_was_killed_goes_on_and_ends_the_same(audit, whole, tmp_path):
    source = whole.parent / "in"
    out = tmp_path / "killed"
    words = ["--out", str(out), "--secret-file", str(tmp_path / "secret"), "--buckets=40", "--jobs=1"]
    command = [sys.executable, "-m", "cds_service", "audit", str(source), "--as-of=2026-11-20", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None and not list(out.glob("work/part-?????")):
            time.sleep(0.005)
        os.kill(running.pid, signal.SIGKILL)
    done = list(out.glob("work/part-?????"))
    assert 0 < len(done) < 40
    assert not (out / "findings.csv").exists()
    assert not (out / "summary.json").exists()
    with done[0].open("ab") as file:
        file.write(MARK)
    told = audit(source, out="killed")
    for name in ("findings.csv", "summary.json", "rejects.csv"):
        assert (told / name).read_bytes().replace(MARK, b"") == (whole / name).read_bytes()
    assert (told / "findings.csv").read_bytes().count(MARK) == 1, "what was judged was judged again"
    assert not (told / "work").exists()


def test_rows_of_two_versions_of_the_knowledge_are_never_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "_at_work", [])
    judging.begin()
    with pytest.raises(judging.ChangedError, match="changed"):
        judging.judge(tmp_path / "none", tmp_path / "part", "2026-11-20", "another version")
    assert not (tmp_path / "part").exists()


def test_what_was_judged_is_not_judged_again(whole):
    before = (whole / "findings.csv").stat().st_mtime_ns
    assert running_in(whole.parent)(whole.parent / "in") == whole
    assert (whole / "findings.csv").stat().st_mtime_ns == before


def test_a_directory_holds_one_audit(whole, tmp_path):
    other = written(tmp_path / "other", exported(SOME))
    assert "another export" in running_in(whole.parent)(other, status=1)


def test_a_short_secret_is_refused(audit, tmp_path):
    short = tmp_path / "short"
    short.write_text("short")
    name, case = next(iter(SOME.items()))
    told = audit(written(tmp_path / "in", exported({name: case})), status=1, **{"secret-file": short})
    assert "too short" in told
