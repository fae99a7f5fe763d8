"""One bucket -> its rows: what a worker process does, with the knowledge loaded once."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterable, Iterator
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

import orjson

import knowledge
from cds_service.audit.buckets import Kept, kept
from cds_service.audit.findings import Tally, rows, table
from cds_service.audit.memory import Memory
from cds_service.conditions import OF_ENCOUNTER
from cds_service.consult import judged
from cds_service.fhir_read import Resource, icd_codes, references, statuses, string
from cds_service.narrative import Opened
from cds_service.record import Item, Question, Record, encounters
from knowledge import Knowledge

HOOK = "encounter-discharge"  #: the hook whose question an audit asks of every encounter
Patient = list[Kept]  #: the lines of one patient


class ChangedError(ValueError):
    """The knowledge on disk is no longer the one that the audit began with."""


def begin() -> None:
    """Make a process a worker: load the knowledge, and end with the process that started it, however that ends."""
    starter = parent_process()
    if starter:
        threading.Thread(target=_end_with, args=(starter,), daemon=True).start()
    _at_work[:] = [Judge(knowledge.load())]
    gc.disable()  # what is made has no circles; looking for them would cost a third of the time


def at_work(version: str) -> Judge:
    """The judge of this process.

    Raises:
        ChangedError: the knowledge is not the version that the audit began with.
    """
    if not _at_work:
        begin()
    if _at_work[0].known.version != version:
        raise ChangedError("the knowledge changed while the audit was at work; begin it anew in another directory")
    return _at_work[0]


def _end_with(starter: BaseProcess) -> None:
    starter.join()
    os._exit(1)


def judge(bucket: Path, part: Path, today: str, version: str) -> int:
    """Judge every patient of a bucket; the part is there whole or not at all.

    A part is one line of JSON, what was counted, and then the rows as CSV, by pseudonym and encounter.  Returns the
    bytes that the bucket had.

    Raises:
        ChangedError: the knowledge on disk is not the version that the audit began with.
    """
    tally, mine = Tally(), at_work(version)
    body = part.with_suffix(f".{os.getpid()}")
    with body.open("w", encoding="utf-8", newline="") as file:
        written = table(file)
        for patient in patients(kept(bucket)):
            written.writerows(mine.rows(patient, today, tally))
    whole = body.with_suffix(body.suffix + "-whole")
    with whole.open("wb") as file, body.open("rb") as rest:
        file.write(orjson.dumps(tally.json()) + b"\n")
        while block := rest.read(2**20):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    body.unlink()
    whole.replace(part)
    return bucket.stat().st_size if bucket.exists() else 0


def patients(lines: Iterable[Kept]) -> Iterator[Patient]:
    """The lines of each patient, by pseudonym."""
    grouped: dict[str, Patient] = {}
    for line in lines:
        grouped.setdefault(line.pseudonym, []).append(line)
    for pseudonym in sorted(grouped):
        yield grouped.pop(pseudonym)


class Judge:
    """The knowledge, and what was read with it before: the same words are met again, in visits and in patients."""

    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.memory = Memory()

    def rows(self, lines: Patient, today: str, tally: Tally) -> Iterator[list[str]]:
        """The rows of a patient; without a Condition of the category nothing else of the record is opened."""
        tally.counted["patients"] += 1
        category = self.known.category
        if not any(_coded(orjson.loads(line.raw), category) for line in lines if line.kind == "Condition"):
            return
        held = _resources(lines)
        visits = {string(one, "id"): one for one in held if one.get("resourceType") == "Encounter"}
        coded = {place: one for place, one in enumerate(held) if _is_coded(one, category)}
        placed = {place: _encounters(one, visits) for place, one in coded.items()}
        loose = {place for place, one in coded.items() if not encounters(one)}
        diagnoses = {place for place in loose if OF_ENCOUNTER in statuses(coded[place], "category")}
        tally.counted["diagnoses_without_encounter"] += sum(not placed[place] for place in diagnoses)
        items, opened = [Item(one, f"{one['resourceType']}[{place}]") for place, one in enumerate(held)], Opened()
        for encounter in sorted(set().union(*placed.values())):
            elsewhere = {place for place in loose if encounter not in placed[place]}
            asked = Question(hook=HOOK, patient=lines[0].patient, encounter=encounter, today=today)
            record = Record((one for place, one in enumerate(items) if place not in elsewhere), asked)
            told, visit = judged(record, self.known, opened, self.memory), visits.get(encounter, {})
            tally.add(told, visit)
            yield from rows(told, lines[0].pseudonym, encounter, visit, self.known.version)


def _resources(lines: Patient) -> list[Resource]:
    """Each resource once, its latest version, in an order that does not hang on how the export lies on disk."""
    held = [orjson.loads(raw) for raw in sorted(line.raw for line in lines)]
    held.sort(key=lambda one: string(one, "meta.lastUpdated"), reverse=True)
    held.sort(key=_name)
    return [
        one
        for place, one in enumerate(held)
        if not string(one, "id") or not place or _name(held[place - 1]) != _name(one)
    ]


def _name(resource: Resource) -> tuple[str, str]:
    return string(resource, "resourceType"), string(resource, "id")


def _is_coded(resource: Resource, category: str) -> bool:
    return resource.get("resourceType") == "Condition" and _coded(resource, category)


def _coded(condition: Resource, category: str) -> bool:
    return any(code.startswith(category) for code in icd_codes(condition.get("code")))


def _encounters(condition: Resource, visits: dict[str, Resource]) -> set[str]:
    """The encounters that a diagnosis belongs to: that it names or that list it; with neither, the only one there is.

    In a record of several such a diagnosis could be any one's, so it is counted and judged with none.
    """
    return {*encounters(condition), *_listing(condition, visits)} or (set(visits) if len(visits) == 1 else set())


def _listing(condition: Resource, visits: dict[str, Resource]) -> Iterator[str]:
    target = string(condition, "id")
    for name, visit in visits.items():
        if any(one.id == target and one.type in {"", "Condition"} for one in references(visit, "diagnosis.condition")):
            yield name


_at_work: list[Judge] = []  #: one for each process that is a worker
