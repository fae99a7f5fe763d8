"""An export, spread over files on disk so that all lines of a patient lie together and one file fits in memory.

Only the key is taken from a line; what is written is the line itself.  Patients are spread by their pseudonym, so that
the buckets one after the other are in its order, however many there are.
"""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from cds_service.audit.export import Line, lines
from cds_service.fhir_read import Resource, reference, references, string, strings
from cds_service.pseudonyms import Pseudonyms
from cds_service.record import PATIENT_PATHS

READ = frozenset(
    {
        *("Binary", "Condition", "DiagnosticReport", "DocumentReference", "Encounter", "Observation", "Patient"),
        *("Procedure", "ServiceRequest"),
    }
)
ATTACHED = ("content.attachment.url", "presentedForm.url")
REJECTS, REJECTED = "rejects.csv", "rejects.ndjson"
HELD_BACK = 32 * 2**20  #: bytes that wait in memory for their files
LEADING = 8  #: hexadecimal digits of a pseudonym that choose the bucket
TICK = 500  #: lines between two movements of the progress bar


@dataclass(frozen=True, slots=True)
class Kept:
    """A line in its bucket."""

    pseudonym: str
    patient: str = field(repr=False)
    kind: str
    raw: bytes = field(repr=False)


class Spill:
    """Lines on their way to many files, held back until there are enough of them to be worth opening each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[str, list[bytes]] = {}
        self.held = 0

    def add(self, name: str, *parts: bytes) -> None:
        """One line for a file: parts with tabs between them."""
        line = b"\t".join(parts)
        self.waiting.setdefault(name, []).append(line)
        self.held += len(line)
        if self.held > HELD_BACK:
            self.flush()

    def flush(self) -> None:
        for name, held in self.waiting.items():
            with (self.folder / name).open("ab") as file:
                file.writelines(line + b"\n" for line in held)
        self.waiting.clear()
        self.held = 0


@dataclass
class Spread:
    """The spreading of one export over ``count`` buckets in a folder, and what was counted on the way."""

    folder: Path
    count: int
    pseudonyms: Pseudonyms = field(repr=False)
    counted: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.spill = Spill(self.folder)

    def run(self, paths: Iterable[Path], advance: Callable[[int], object]) -> None:
        """Read every file; what cannot be read is set aside with its place and never stops the run."""
        with (
            (self.folder / REJECTS).open("w", encoding="utf-8", newline="") as places,
            (self.folder / REJECTED).open("wb") as raws,
        ):
            table = csv.writer(places)
            table.writerow(["file", "line"])
            for path in paths:
                for line in _ticking(lines(path), advance):
                    if not self._place(line):
                        self.counted["rejected"] += 1
                        table.writerow([path, line.number])
                        raws.write(line.raw + b"\n")
        self.spill.flush()
        for number in range(self.count):
            self._join(number)
        self.spill.flush()

    def _place(self, line: Line) -> bool:
        """Put a line where it belongs; False where it is no resource."""
        if line.whole and not line.raw:
            return True
        self.counted["lines"] += 1
        resource = _parsed(line)
        kind = string(resource, "resourceType")
        if not kind:
            return False
        self.types[kind] += 1
        if kind == "Binary":
            self._binary(string(resource, "id"), line.raw)
        elif kind in READ:
            self._of_patient(resource, kind, line.raw)
        return True

    def _of_patient(self, resource: Resource, kind: str, raw: bytes) -> None:
        patient = _patient(resource, kind)
        if not patient:
            self.counted["without_patient"] += 1
            return
        self._keep(patient, kind, raw)
        for target in map(reference, strings(resource, *ATTACHED)):
            if target.type in {"", "Binary"}:
                self.spill.add(f"wanted-{self._chosen(target.id)}", orjson.dumps([target.id, patient]))

    def _keep(self, patient: str, kind: str, raw: bytes) -> None:
        pseudonym = self.pseudonyms.of("audit", patient)
        number = int(pseudonym[:LEADING], 16) * self.count >> 4 * LEADING
        self.spill.add(bucket(number), orjson.dumps([pseudonym, patient, kind]), raw)

    def _binary(self, name: str, raw: bytes) -> None:
        """A Binary does not say whose it is: it waits for the document that refers to it."""
        self.spill.add(f"binaries-{self._chosen(name)}", orjson.dumps(name), raw)

    def _chosen(self, name: str) -> int:
        return zlib.crc32(name.encode()) % self.count

    def _join(self, number: int) -> None:
        """Give the Binaries of one file to the patients whose documents refer to them."""
        wanted: dict[str, dict[str, None]] = {}
        for line in _stored(self.folder / f"wanted-{number}"):
            name, patient = orjson.loads(line)
            wanted.setdefault(name, {})[patient] = None
        for line in _stored(self.folder / f"binaries-{number}"):
            key, _, raw = line.partition(b"\t")
            patients = wanted.get(orjson.loads(key), {})
            self.counted["without_patient"] += not patients
            for patient in patients:
                self._keep(patient, "Binary", raw)
        for name in ("wanted", "binaries"):
            (self.folder / f"{name}-{number}").unlink(missing_ok=True)


def bucket(number: int) -> str:
    """The name of a bucket's file."""
    return f"patients-{number:05}"


def kept(path: Path) -> Iterator[Kept]:
    """The lines of a bucket; none where nobody fell into it."""
    for line in _stored(path):
        key, _, raw = line.partition(b"\t")
        pseudonym, patient, kind = orjson.loads(key)
        yield Kept(pseudonym, patient, kind, raw)


def _stored(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def _parsed(line: Line) -> Resource:
    try:
        resource = orjson.loads(line.raw) if line.whole else None
    except orjson.JSONDecodeError:
        return {}
    return resource if isinstance(resource, dict) else {}


def _patient(resource: Resource, kind: str) -> str:
    if kind == "Patient":
        return string(resource, "id")
    named = references(resource, *PATIENT_PATHS)
    return next((target.id for target in named if target.type in {"", "Patient"}), "")


def _ticking(read: Iterable[Line], advance: Callable[[int], object]) -> Iterator[Line]:
    """The lines, while a progress bar follows the bytes of the file."""
    shown = position = 0
    for count, line in enumerate(read, 1):
        position = line.position
        if not count % TICK:
            advance(position - shown)
            shown = position
        yield line
    advance(position - shown)
