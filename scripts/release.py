"""Build a release into dist/: wheel, source archive, bill of materials, checksums; each twice, and alike to the byte.

    make release

The version stands in pyproject.toml and nowhere else.  The times of all files are those of the last commit, so that
whoever builds the same commit gets the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
TOOLS = ROOT / ".tools/bin"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME, VERSION = PROJECT["name"], PROJECT["version"]
#: What the build back end is asked for (PEP 517), in the tree that it runs in.
BUILD = "from setuptools import build_meta as b; b.build_wheel({0!r}); b.build_sdist({0!r})"


class ReleaseError(SystemExit):
    """The release is not made, with why."""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """The output of a command that must succeed."""
    made = subprocess.run(  # noqa: S603
        command, cwd=cwd, env=os.environ | environment, check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))}\n{made.stdout}{made.stderr}")
    return made.stdout


def built(commit: str, out: Path) -> list[Path]:
    """Wheel and source archive of a commit."""
    when = run("git", "log", "-1", "--format=%ct", commit).strip()
    with TemporaryDirectory(prefix="foramen-release-") as directory:
        tree = Path(directory) / "tree"
        tree.mkdir()
        archive = Path(directory) / "tree.zip"  # a zip: unpacked alike by every Python from 3.11.0 on
        run("git", "archive", "--format=zip", "--output", archive, commit)
        shutil.unpack_archive(archive, tree)
        out.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-c", BUILD.format(str(out)), cwd=tree, SOURCE_DATE_EPOCH=when, PYTHONPATH="")
    for source in out.glob("*.tar.gz"):
        settle(source, int(when))
    return sorted(out.iterdir())


def settle(source: Path, when: int) -> None:
    """Write a source archive anew: entries in order, of nobody, of one time, as setuptools does not."""
    plain = io.BytesIO()
    with tarfile.open(source) as old, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for entry in sorted(old.getmembers(), key=lambda one: one.name):
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = when
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            entry.pax_headers = {}
            new.addfile(entry, old.extractfile(entry) if entry.isfile() else None)
    with source.open("wb") as file, gzip.GzipFile("", "wb", mtime=when, fileobj=file) as packed:
        packed.write(plain.getvalue())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compared(first: Sequence[Path], second: Sequence[Path]) -> None:
    """Refuse builds of one commit that differ."""
    one, other = ({path.name: digest(path) for path in paths} for paths in (first, second))
    if differing := sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)):
        raise ReleaseError(f"two builds of one commit differ: {', '.join(differing)}")


def bill(wheel: Path, out: Path) -> None:
    """The bill of materials of what the wheel installs, in the versions of the lock."""
    with TemporaryDirectory(prefix="foramen-bill-") as directory:
        pins = Path(directory) / "pins.txt"
        pins.write_text(versions((ROOT / "requirements.lock").read_text(encoding="utf-8")), encoding="utf-8")
        installed = Path(directory) / "installed"
        run(sys.executable, "-m", "venv", "--without-pip", installed)
        python = installed / "bin/python"
        pip = (TOOLS / "python", "-m", "pip", "--python", python)
        run(*pip, "install", "--quiet", "--constraint", pins, f"{wheel}[postgresql]")
        about = ("--pyproject", ROOT / "pyproject.toml", "--spec-version", "1.6", "--output-reproducible")
        run(TOOLS / "cyclonedx-py", "environment", *about, "--output-file", out, python)


def versions(lock: str) -> str:
    """The pins of a lock without their hashes: pip wants either all or none of what it installs hashed."""
    pins = [line.rstrip(" \\") for line in lock.splitlines() if "==" in line and not line.startswith("#")]
    return "\n".join(pins)


def told(changelog: str) -> str:
    """What the change log says of the version.

    Raises:
        ReleaseError: nothing.
    """
    heading = next((line for line in changelog.splitlines() if line.startswith(f"## {VERSION}")), None)
    if heading is None:
        raise ReleaseError(f"CHANGELOG.md says nothing of {VERSION}, the version in pyproject.toml")
    return heading


def main() -> None:
    heading = told((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if changed := run("git", "status", "--porcelain", "--untracked-files=no").strip():
        raise ReleaseError(f"a release is made of a commit, and there are changes:\n{changed}")
    shutil.rmtree(DIST, ignore_errors=True)
    first = built("HEAD", DIST)
    with TemporaryDirectory(prefix="foramen-again-") as again:
        compared(first, built("HEAD", Path(again)))
    bill(next(DIST.glob("*.whl")), DIST / f"{NAME}-{VERSION}.cdx.json")
    files = sorted(DIST.iterdir())
    (DIST / "SHA256SUMS").write_text("".join(f"{digest(one)}  {one.name}\n" for one in files), encoding="utf-8")
    print((DIST / "SHA256SUMS").read_text(encoding="utf-8"), end="")
    print("Two builds of this commit are the same to the byte.")
    if "unreleased" in heading:
        print(f"CHANGELOG.md calls {VERSION} unreleased: this was a rehearsal.")


if __name__ == "__main__":
    main()
