"""On Spark, with two workers of this machine, an audit writes the rows that one machine writes, bit for bit."""

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from export import exported, written
from pyarrow import parquet
from runner import cases

from cds_service.audit.findings import COLUMNS
from cds_service.cli import main

ROOT = Path(__file__).parent.parent
SECRET = "a secret of an audit that nobody guesses"
ABSENT = "NOT TESTED on Spark: pyspark or Java is not here (make spark; Debian: apt-get install default-jre-headless)"
BROKEN = [b'{"resourceType": "DocumentReference", ', b"[]", b'"M99.63"']
#: As a part of a path and of an address.
ODD = "a folder, 100%"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One export, audited by both engines: every case, some with their notes in Binaries, gzip, and broken lines."""
    here = find_spec("pyspark") and shutil.which("java")
    if not here and os.environ.get("FORAMEN_CI") != "1":
        pytest.skip(ABSENT)
    assert here, ABSENT
    folder = tmp_path_factory.mktemp("spark") / ODD
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    source = export(folder)
    words = ["audit", str(source), "--as-of=2026-11-20", "--secret-file", str(folder / "secret")]
    assert CliRunner().invoke(main, [*words, "--out", str(folder / "embedded")]).exit_code == 0
    cluster = ["--out", str(folder / "spark"), "--engine=spark", "--master=local[2]", "--buckets=2"]
    on_spark(*words, *cluster)
    return folder


def export(folder):
    behind = {f"behind.{name}": case for name, case in list(cases().items())[::20]}
    source = written(folder / "in", [*exported(cases()), *exported(behind, "notes behind an address")])
    notes = source / "DocumentReference.ndjson"
    notes.write_bytes(BROKEN[0] + b"\n\n" + notes.read_bytes() + b"\n".join(BROKEN[1:]))
    conditions = source / "Condition.ndjson"
    (source / "Condition.ndjson.gz").write_bytes(gzip.compress(conditions.read_bytes()))
    conditions.unlink()
    return source


def on_spark(*words):
    command = [sys.executable, "-m", "cds_service", *words]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def parts(folder):
    """The lines of a directory that Spark wrote, in order."""
    return [line for path in sorted(folder.glob("part-*")) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_case_has_the_same_row_bit_for_bit(ran):
    lines = parts(ran / "spark/findings.csv")
    header = ",".join(COLUMNS)
    alone = (ran / "embedded/findings.csv").read_text(encoding="utf-8").splitlines()
    assert len(alone) > len(cases())
    assert [line for line in lines if line != header] == alone[1:]
    assert lines.count(header) == len(
        [one for one in (ran / "spark/findings.csv").glob("part-*") if one.stat().st_size]
    )


def test_parquet_holds_the_same(ran):
    held = [row for path in sorted((ran / "spark/findings.parquet").glob("*.parquet")) for row in table(path)]
    assert held == table(ran / "embedded/findings.parquet")


def table(path):
    return parquet.ParquetFile(path).read().to_pylist()


def test_the_summary_is_the_same(ran):
    told = json.loads("\n".join(parts(ran / "spark/summary.json")))
    assert told == json.loads((ran / "embedded/summary.json").read_bytes())
    assert told["counts"]["rejected"] == len(BROKEN)


def test_broken_lines_are_set_aside_with_file_and_line(ran):
    with (ran / "embedded/rejects.csv").open(newline="") as file:
        wanted = list(csv.reader(file))
    assert list(csv.reader(parts(ran / "spark/rejects.csv"))) == wanted[1:]
    assert [line.encode() for line in parts(ran / "spark/rejects.ndjson")] == [line.strip() for line in BROKEN]


def test_the_report_reads_what_spark_wrote(ran):
    for engine in ("embedded", "spark"):
        assert CliRunner().invoke(main, ["audit", "report", str(ran / engine)]).exit_code == 0
    assert (ran / "spark/report.html").read_bytes() == (ran / "embedded/report.html").read_bytes()


def test_findings_are_for_their_owner_alone(ran):
    assert [path for path in (ran / "spark").rglob("*") if path.stat().st_mode & 0o077] == []


def test_what_is_done_is_not_done_again(ran):
    before = [path.stat().st_mtime_ns for path in (ran / "spark").rglob("part-*")]
    words = ["audit", f"file://{ran}/in/Patient.ndjson", "--out", f"file://{ran}/spark", "--engine=spark"]
    done = on_spark(*words, "--master=local[1]", "--secret-file", str(ran / "secret"))
    assert "Already done" in done.stderr
    assert [path.stat().st_mtime_ns for path in (ran / "spark").rglob("part-*")] == before


def test_a_cluster_is_given_its_secret(tmp_path):
    told = CliRunner().invoke(main, ["audit", "s3a://export/*.ndjson", "--out", str(tmp_path), "--engine=spark"])
    assert told.exit_code == 2
    assert "--secret-file" in told.output


def test_without_java_or_pyspark_it_says_what_to_install(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    words = ["audit", "file:///nowhere", "--out", str(tmp_path), "--engine=spark", "--secret-file", str(secret)]
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert "foramen[spark]" in CliRunner().invoke(main, words).output
    monkeypatch.setitem(sys.modules, "pyspark", click)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "default-jre-headless" in CliRunner().invoke(main, words).output
