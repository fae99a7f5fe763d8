"""An audit from an export to its findings, in steps each of which is done whole or again."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from cds_service.audit import buckets, export, findings, judging
from cds_service.pseudonyms import Pseudonyms
from knowledge import Knowledge

SECRET, LOCK, WORK, PLAN, SPREAD = "secret.key", "lock", "work", "plan.json", "spread.json"
SECRET_LENGTH = 32  #: characters; what pseudonyms are keyed with must not be guessed
BUCKET = 4 * 2**20  #: bytes of lines that one bucket is to hold
MOST_BUCKETS = 4096
Advance = Callable[[int], object]


class AuditError(ValueError):
    """An audit cannot begin or go on.  Says what and why."""


@dataclass(frozen=True)
class Audit:
    """One audit in its directory: what is read, under which secret, and as of which day."""

    folder: Path
    inputs: list[Path]
    secret: bytes = field(repr=False)
    today: str
    count: int

    @property
    def work(self) -> Path:
        return self.folder / WORK

    def part(self, number: int) -> Path:
        return self.work / f"part-{number:05}"

    def _bucket(self, number: int) -> Path:
        return self.work / buckets.bucket(number)

    @property
    def left(self) -> list[int]:
        """The buckets that are not judged yet."""
        return [number for number in range(self.count) if not self.part(number).exists()]

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes that there are to judge, and of these the ones that are judged already."""
        sizes = {number: self._bucket(number).stat().st_size for number in range(self.count) if self._full(number)}
        return sum(sizes.values()), sum(size for number, size in sizes.items() if self.part(number).exists())

    def _full(self, number: int) -> bool:
        return self._bucket(number).exists()

    @property
    def finished(self) -> bool:
        return (self.folder / findings.SUMMARY).exists()

    def spread(self, advance: Advance) -> None:
        """Spread the export over buckets; what an earlier run left half done is thrown away."""
        if (self.work / SPREAD).exists():
            return
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        step = buckets.Spread(self.work, self.count, Pseudonyms(self.secret))
        step.run(self.inputs, advance)
        _write(self.work / SPREAD, {"counted": step.counted, "types": step.types})

    def judge(self, jobs: int, known: Knowledge, advance: Advance) -> None:
        """Judge the buckets that are left, each in a worker process."""
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=judging.begin) as pool:
            tasks = [
                pool.submit(judging.judge, self._bucket(number), self.part(number), self.today, known.version)
                for number in self.left
            ]
            try:
                for task in as_completed(tasks):
                    advance(task.result())
            finally:
                pool.shutdown(cancel_futures=True)

    def finish(self, known: Knowledge) -> None:
        """Join the parts; the summary comes last and says that all is there."""
        tally = findings.Tally()
        joined = self.work / findings.CSV
        with joined.open("wb") as file:
            file.write(",".join(findings.COLUMNS).encode() + b"\n")
            for number in range(self.count):
                with self.part(number).open("rb") as part:
                    tally.merge(orjson.loads(part.readline()))
                    shutil.copyfileobj(part, file, 2**20)
        findings.parquet(joined, self.work / findings.PARQUET)
        read = orjson.loads((self.work / SPREAD).read_bytes())
        read["counted"]["files"] = len(self.inputs)
        said = findings.told(read, tally, known.version, self.today)
        for name in (buckets.REJECTS, buckets.REJECTED, findings.CSV, findings.PARQUET):
            if (self.work / name).exists():  # moved already, by a run that was ended here
                (self.work / name).chmod(0o600)  # quotes of the record, in a directory that may be anybody's
                (self.work / name).replace(self.folder / name)
        _write(self.folder / findings.SUMMARY, said)
        self.clear()

    def clear(self) -> None:
        """Leave nothing of the export behind: the buckets hold the record itself."""
        shutil.rmtree(self.work, ignore_errors=True)


def plan(folder: Path, paths: list[Path], secret: bytes | None, today: str, count: int, known: Knowledge) -> Audit:
    """The audit of a directory: begun, or the one that was begun there.

    Args:
        folder: for the findings, and for what is kept until they are whole.
        paths: the files of the export.
        secret: what pseudonyms are keyed with; None: made once in the directory.
        today: as of which day, YYYY-MM-DD; an audit that is resumed keeps its own.
        count: how many buckets; 0: as many as the export needs.
        known: the knowledge that is to judge.

    Raises:
        AuditError: the directory holds another audit.
    """
    key = secret if secret is not None else _made(folder / SECRET)
    pseudonyms = checked(key)
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    of = pseudonyms.of("export", stats, known.version)
    file = folder / PLAN
    if not file.exists():
        size = sum(map(export.size, paths))
        _write(file, {"of": of, "today": today, "buckets": count or min(MOST_BUCKETS, size // BUCKET + 1)})
    begun = orjson.loads(file.read_bytes())
    if begun["of"] != of:
        raise AuditError(f"{folder} holds the audit of another export, secret or knowledge; name another directory")
    return Audit(folder, paths, key, begun["today"], begun["buckets"])


def checked(secret: bytes) -> Pseudonyms:
    """The pseudonyms of a secret.

    Raises:
        AuditError: it is so short that it could be guessed.
    """
    if len(secret) < SECRET_LENGTH:
        raise AuditError(f"the secret is too short: at least {SECRET_LENGTH} characters are needed")
    return Pseudonyms(secret)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else works in the directory until the block ends.

    Raises:
        AuditError: somebody does.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AuditError(f"another audit is at work in {folder}") from None
        yield


def private(path: Path) -> Path:
    """A file that only its owner reads: what stands in it are quotes of records, or the key to pseudonyms."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


def _made(path: Path) -> bytes:
    if not path.exists():
        _write(path, token_hex())
    return path.read_bytes().strip()


def _write(path: Path, value: Any) -> None:
    """A file that is there whole or not at all."""
    whole = private(path.with_name(f".{path.name}"))
    with whole.open("wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
