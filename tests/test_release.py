"""How a release is made: two builds of a commit are alike, and what cannot be audited is said, not passed over."""

import gzip
import importlib.util
import io
import subprocess
import tarfile

import pytest
from runner import ROOT


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RELEASE, AUDIT, LICENCES = loaded("release"), loaded("audit_lock"), loaded("licences")
needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a release is made of a commit")


@needs_git
def test_two_builds_of_one_commit_are_the_same_to_the_byte(tmp_path):
    first, second = (RELEASE.built("HEAD", tmp_path / name) for name in ("first", "second"))
    RELEASE.compared(first, second)
    assert [path.suffix for path in first] == [".whl", ".gz"]
    assert all(RELEASE.VERSION in path.name for path in first)


def test_builds_that_differ_are_refused(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for place, text in ((one, "a"), (other, "b")):
        place.mkdir()
        (place / "x.whl").write_text(text)
    with pytest.raises(RELEASE.ReleaseError, match=r"differ: x\.whl"):
        RELEASE.compared(sorted(one.iterdir()), sorted(other.iterdir()))
    with pytest.raises(RELEASE.ReleaseError, match=r"differ: x\.whl"):
        RELEASE.compared(sorted(one.iterdir()), [])


def archive(path, when):
    """A source archive as setuptools makes it: of somebody, of now, in the order of the disk."""
    names = ["x/b", "x/a"] if when % 2 else ["x/a", "x/b"]
    with gzip.GzipFile(path, "wb", mtime=when) as packed, tarfile.open(fileobj=packed, mode="w") as files:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uname, entry.uid = len(name), when, f"user{when}", when
            files.addfile(entry, io.BytesIO(name.encode()))
    return path


def test_a_source_archive_tells_neither_who_nor_when(tmp_path):
    one, other = archive(tmp_path / "one.tar.gz", 1_000_000_001), archive(tmp_path / "other.tar.gz", 1_000_000_002)
    assert one.read_bytes() != other.read_bytes()
    for path in (one, other):
        RELEASE.settle(path, 1_700_000_000)
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as files:
        assert [(entry.name, entry.mtime, entry.uname) for entry in files] == [
            ("x/a", 1_700_000_000, ""),
            ("x/b", 1_700_000_000, ""),
        ]
        assert files.extractfile("x/b").read() == b"x/b"


def test_the_change_log_speaks_of_the_version():
    assert RELEASE.told((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")).startswith(f"## {RELEASE.VERSION}")
    with pytest.raises(RELEASE.ReleaseError, match="says nothing"):
        RELEASE.told("## 0.0.0, 2020-01-01")


def test_pins_are_the_lock_without_its_hashes():
    pins = RELEASE.versions((ROOT / "requirements.lock").read_text(encoding="utf-8")).splitlines()
    assert any(line.startswith("flask==") for line in pins)
    assert not [line for line in pins if "--hash" in line or line.endswith("\\")]


def answering(monkeypatch, code, out="", err=""):
    """pip-audit, as if it had said this."""
    monkeypatch.setattr(
        AUDIT.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, stdout=out, stderr=err)
    )


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: requests.exceptions.ConnectionError: refused",
        "ERROR:pip_audit._cli:idna: Dependency not found on PyPI and could not be audited: idna (3.20)",
    ],
)
def test_an_audit_that_could_not_be_made_is_said_and_fails_nothing(monkeypatch, capsys, said):
    answering(monkeypatch, 1, err=said)
    assert AUDIT.main([]) == 0
    assert capsys.readouterr().out.count("NOT AUDITED") == len(AUDIT.LOCKS)


def test_what_is_known_against_a_package_fails(monkeypatch, capsys):
    answering(monkeypatch, 1, out="idna 3.0 PYSEC-2024-60", err="Found 1 known vulnerability in 1 package")
    assert AUDIT.main(["requirements.lock"]) == 1
    assert "PYSEC-2024-60" in capsys.readouterr().out


def test_every_lock_is_audited():
    assert {"requirements.lock", "requirements-release.lock"} <= set(AUDIT.LOCKS)


def test_every_package_here_is_told_with_its_licence(capsys):
    LICENCES.main()
    said = capsys.readouterr().out
    assert "Flask 3" in said
    assert "BSD-3-Clause" in said
    assert "LICENSE" in said
