"""An invented export is valid, the same again from the same seed, and the audit finds the answers that come with it."""

import csv
import itertools
import json

import pytest
from click.testing import CliRunner
from runner import invalid

from cds_service.cli import main
from cds_service.fhir_read import found
from cds_service.synth import command
from cds_service.synth.frames import frames
from cds_service.synth.story import Teller
from knowledge import Verdict, load

AXES = ("mechanism", "site", "lesion")
FILES = ("Patient.ndjson", "Encounter.ndjson", "DocumentReference.ndjson", "answers.csv")


@pytest.fixture
def synth(tmp_path):
    def run(patients, seed=1, out="out", status=0):
        words = ["synth", f"--patients={patients}", f"--seed={seed}", f"--out={tmp_path / out}"]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == status, result.output
        return tmp_path / out

    return run


def resources(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_resource_is_valid_r4b_and_every_reference_leads_somewhere(synth):
    held = resources(synth(12))
    assert [wrong for one in held if (wrong := invalid(one))] == []
    names = {f"{one['resourceType']}/{one['id']}" for one in held}
    assert len(names) == len(held)
    paths = ("subject", "encounter", "context.encounter", "participant.individual", "diagnosis.condition", "author")
    pointing = {target for one in held for path in paths for target in found(one, f"{path}.reference")}
    assert len(pointing) > len(names) / 8
    assert pointing <= names


def test_the_manifest_counts_what_was_written(synth):
    folder = synth(5)
    told = json.loads((folder / "manifest.json").read_bytes())["output"]
    counts = {path.name: path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson")}
    assert {one["url"]: one["count"] for one in told} == counts


def test_the_same_seed_makes_the_same_records_and_more_patients_only_add(synth):
    six, again, nine, other = synth(6, out="six"), synth(6, out="again"), synth(9, out="nine"), synth(6, 2, out="other")
    for name in FILES:
        written = (six / name).read_bytes()
        assert (again / name).read_bytes() == written
        assert (nine / name).read_bytes().startswith(written)
        assert (other / name).read_bytes() != written


def test_it_is_written_while_it_is_made(tmp_path):
    teller = Teller(load(), frames())
    endless = (made for number in itertools.count() for made in command.resources.patient(number, 1, teller))
    with pytest.raises(KeyboardInterrupt):
        command.write(tmp_path, stopped(endless, 20_000))
    assert (tmp_path / "DocumentReference.ndjson").stat().st_size > 2**20


def stopped(made, count):
    yield from itertools.islice(made, count)
    raise KeyboardInterrupt


def test_a_share_of_the_patients_has_codes_to_judge(tmp_path):
    words = ["synth", "--patients=60", "--share=0.2", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(main, words).exit_code == 0
    category = load().category
    coded = {
        one["subject"]["reference"]
        for one in resources(tmp_path / "out")
        if one["resourceType"] == "Condition" and one["code"]["coding"][0]["code"].startswith(category)
    }
    assert 3 < len(coded) < 25
    assert {row["encounter"].partition("v")[0] for row in table(tmp_path / "out/answers.csv")} == {
        one.removeprefix("Patient/") for one in coded
    }


def test_a_directory_that_is_there_is_left_alone(synth):
    folder = synth(1)
    before = (folder / "manifest.json").stat().st_mtime_ns
    synth(2, status=1)
    assert (folder / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("axis", "value", "word"),
    [(axis, value, word) for axis in AXES for value, words in frames()[axis].items() for word in words],
)
def test_a_word_of_the_frames_is_in_the_vocabulary_as_its_value(axis, value, word):
    assert (axis, value) in load().lexicon.tags_of(word.lower())


def test_the_audit_finds_every_answer(synth, tmp_path):
    folder = synth(150)
    words = ["audit", str(folder / "manifest.json"), "--out", str(tmp_path / "audit"), "--jobs=1", "--as-of=2026-11-20"]
    assert CliRunner().invoke(main, words).exit_code == 0
    right, found_rows = (keyed(path) for path in (folder / "answers.csv", tmp_path / "audit/findings.csv"))
    assert {row["verdict"] for row in right.values()} == set(map(str, Verdict)), "every verdict is among them"
    assert found_rows.keys() == right.keys()
    for key, row in right.items():
        for column in command.COLUMNS[2:]:
            assert set(found_rows[key][column].split()) == set(row[column].split()), (key, column)


def keyed(path):
    return {(row["encounter"], row["code"]): row for row in table(path)}
