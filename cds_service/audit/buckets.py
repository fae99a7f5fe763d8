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
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

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
ATTACHING = frozenset({"DiagnosticReport", "DocumentReference"})
ATTACHED = ("content.attachment.url", "presentedForm.url")
PURPOSE = "audit"  #: of the pseudonyms
REJECTS, REJECTED = "rejects.csv", "rejects.ndjson"
HELD_BACK = 32 * 2**20  #: bytes that wait in memory for their files
LEADING = 8  #: hexadecimal digits of a pseudonym that choose the bucket
NEAR = 4096  #: patients whose bucket is remembered: their lines mostly stand together
TICK = 500  #: lines between two movements of the progress bar


@dataclass(frozen=True, slots=True)
class Kept:
    """A line in its bucket."""

    pseudonym: str
    patient: str = field(repr=False)
    kind: str
    raw: bytes = field(repr=False)


class Place(NamedTuple):
    """What a line is and where it belongs."""

    kind: str = ""
    id: str = ""  #: of a Binary, which does not say whose it is
    patient: str = ""
    wanted: tuple[str, ...] = ()  #: ids of the Binaries that it refers to

    @property
    def stray(self) -> bool:
        """Of a kind that is read, and of no patient."""
        return self.kind in READ and self.kind != "Binary" and not self.patient


NOWHERE = Place()


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
        self.homes = lru_cache(NEAR)(self._home)

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
        found = place(line.raw, whole=line.whole)
        self.counted["lines"] += 1
        if not found.kind:
            return False
        self.types[found.kind] += 1
        self.counted["without_patient"] += found.stray
        if found.kind == "Binary":
            self._binary(found.id, line.raw)
        elif found.patient:
            self._keep(found.patient, found.kind, line.raw)
            for target in found.wanted:
                self.spill.add(f"wanted-{self._chosen(target)}", orjson.dumps([target, found.patient]))
        return True

    def _keep(self, patient: str, kind: str, raw: bytes) -> None:
        name, pseudonym = self.homes(patient)
        self.spill.add(name, orjson.dumps([pseudonym, patient, kind]), raw)

    def _home(self, patient: str) -> tuple[str, str]:
        """The bucket of a patient, and the pseudonym."""
        pseudonym = self.pseudonyms.of(PURPOSE, patient)
        return bucket(int(pseudonym[:LEADING], 16) * self.count >> 4 * LEADING), pseudonym

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


def place(raw: bytes, *, whole: bool = True) -> Place:
    """Whose a line is; a line that is broken, or no resource, has no kind."""
    try:
        resource = orjson.loads(raw) if whole else None
    except orjson.JSONDecodeError:
        resource = None
    if not isinstance(resource, dict):
        return NOWHERE
    kind = string(resource, "resourceType")
    if kind == "Binary":
        return Place(kind, string(resource, "id"))
    patient = _patient(resource, kind) if kind in READ else ""
    targets = map(reference, strings(resource, *ATTACHED)) if patient and kind in ATTACHING else ()
    return Place(kind, "", patient, tuple(one.id for one in targets if one.type in {"", "Binary"}))


def _patient(resource: Resource, kind: str) -> str:
    if kind == "Patient":
        return string(resource, "id")
    named = (target for path in PATIENT_PATHS for target in references(resource, path))  # mostly the first will do
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
