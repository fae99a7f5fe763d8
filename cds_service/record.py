"""The resources of one patient, each once and by its source: what the chart is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cds_service.fhir_read import Reference, Resource, day, icd_codes, objects, references, statuses, string, strings
from cds_service.reasons import Reason
from knowledge.model import Gap

#: Where resources say whose they are and which encounter they belong to (R4, and STU3 for ``context``).
PATIENT_PATHS = ("subject", "patient", "beneficiary")
ENCOUNTER_PATHS = ("encounter", "context.encounter", "context")
#: Statuses of an Encounter at which the patient is there.
ONGOING = frozenset({"in-progress", "arrived", "triaged", "onleave"})
#: A view of the chart has an encounter only when the context names one.
WITHOUT_VISIT = "patient-view"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the chart: the facts of one hook call."""

    hook: str = ""
    patient: str = ""  #: bare id of ``context.patientId``; empty: unknown, then nothing is checked against it
    encounter: str = ""  #: bare id of ``context.encounterId``
    orders: tuple[Resource, ...] = field(default=(), repr=False)  #: the draft orders
    selections: frozenset[Reference] | None = None  #: None: nothing is said of a selection
    conditions: tuple[Resource, ...] = field(default=(), repr=False)  #: Conditions of the context
    created: bool = False  #: assess the Conditions of the context and nothing else
    today: str = ""  #: YYYY-MM-DD


class Item:
    """One resource and how the record names it; what is asked of it often is read once."""

    __slots__ = ("_codes", "_encounters", "_patients", "_said", "_statuses", "id", "resource", "source", "type")

    def __init__(self, resource: Resource, place: str) -> None:
        """A resource by its ``Type/id``; without an id by its place in the request."""
        self.resource = resource
        self.type = string(resource, "resourceType")
        self.id = string(resource, "id")
        self.source = f"{self.type}/{self.id}" if self.id else place
        self._codes: list[str] | None = None
        self._encounters: list[str] | None = None
        self._patients: frozenset[str] | None = None
        self._statuses: dict[str, frozenset[str]] = {}
        self._said: dict[Callable[[Resource], str], str] = {}

    def said(self, read: Callable[[Resource], str]) -> str:
        """What a reader takes from the resource."""
        if read not in self._said:
            self._said[read] = read(self.resource)
        return self._said[read]

    def statuses(self, member: str) -> frozenset[str]:
        """A status, as ``fhir_read.statuses`` reads it."""
        if member not in self._statuses:
            self._statuses[member] = statuses(self.resource, member)
        return self._statuses[member]

    @property
    def codes(self) -> list[str]:
        """The ICD-10-CM codes of its code."""
        if self._codes is None:
            self._codes = icd_codes(self.resource.get("code"))
        return self._codes

    @property
    def encounters(self) -> list[str]:
        """The encounters that it names as its own."""
        if self._encounters is None:
            self._encounters = encounters(self.resource)
        return self._encounters

    @property
    def patients(self) -> frozenset[str]:
        """The ids of the patients that it names as its own; none where it does not say."""
        if self._patients is None:
            named = references(self.resource, *PATIENT_PATHS)
            own = {self.id} if self.type == "Patient" else set()
            self._patients = frozenset(own | {target.id for target in named if target.type == "Patient"})
        return self._patients


class Record:
    """Everything received that belongs to the patient; ``gaps`` names what was left out."""

    def __init__(self, resources: Iterable[Resource | Item], asked: Question, places: Sequence[str] = ()) -> None:
        """Open a record; an Item is a resource that was in another record of the same patient."""
        self.asked = asked
        self.gaps: list[Gap] = []
        drafts = [(order, f"context.draftOrders[{i}]") for i, order in enumerate(asked.orders)]
        created = [(condition, f"context.conditions[{i}]") for i, condition in enumerate(asked.conditions)]
        self.patient = asked.patient or _patient((*asked.orders, *asked.conditions))
        taken: dict[str, Item] = {}
        self.drafts = tuple(self._items(drafts, taken))
        self.created = tuple(self._items(created, taken))
        self.items = (*self.created, *self._items(_placed(resources, places), taken))

    def of(self, kind: str) -> list[Item]:
        """The resources of one type, in the order received."""
        return self._by_type.get(kind, [])

    def named(self, target: Reference, holder: Resource | None = None) -> Item | None:
        """The resource behind a reference, also when it is contained in the one that refers."""
        for part in objects(holder, "contained"):
            if string(part, "id") == target.id:
                inner = Item(part, "")
                inner.source = f"{string(holder, 'resourceType')}/{string(holder, 'id')}#{target.id}"
                return inner
        found = self._by_id.get(target.id, ())
        return next((item for item in found if target.type in {"", item.type}), None)

    @cached_property
    def _by_type(self) -> Mapping[str, list[Item]]:
        by_type: dict[str, list[Item]] = {}
        for item in self.items:
            by_type.setdefault(item.type, []).append(item)
        return by_type

    @cached_property
    def _by_id(self) -> Mapping[str, list[Item]]:
        by_id: dict[str, list[Item]] = {}
        for item in (*self.items, *self.drafts):
            by_id.setdefault(item.id, []).append(item)
        return by_id

    @cached_property
    def encounter(self) -> str:
        """The id of the encounter, or empty.

        Some clients send an encounterId that nothing in the record knows, while the orders name the real one (Q9).
        """
        named = self.asked.encounter
        if named and (named in self._mentioned or Reference("Encounter", named) in self._ids):
            return named
        if self.asked.hook == WITHOUT_VISIT:
            return named
        of_orders = {mine for item in self.drafts for mine in item.encounters}
        present = {item.id for item in self.of("Encounter")}
        ongoing = {item.id for item in self.of("Encounter") if item.statuses("status") & ONGOING}
        for candidates in (of_orders, {named} - {""}, present, ongoing):
            if len(candidates) == 1:
                return next(iter(candidates))
        return named

    @cached_property
    def visit(self) -> Resource:
        """The Encounter itself, empty where it was not received."""
        item = self.named(Reference("Encounter", self.encounter)) if self.encounter else None
        return item.resource if item else {}

    @cached_property
    def inpatient_classes(self) -> frozenset[str]:
        """The class codes of the Encounter: a Coding, a list of them, or another server's ``class_fhir``."""
        names = ("class", "class_fhir")
        paths = [f"{name}{end}" for name in names for end in ("", ".code", ".coding.code")]
        return frozenset(code.upper() for code in strings(self.visit, *paths))

    @cached_property
    def diagnoses(self) -> list[Reference]:
        """The Conditions that the Encounter names as its diagnoses, by rank, then as listed."""
        entries = objects(self.visit, "diagnosis")
        entries.sort(key=lambda entry: _rank(entry.get("rank")))
        return [target for entry in entries for target in references(entry, "condition")]

    def linked(self, item: Item) -> bool:
        """Whether a resource names this encounter as its own."""
        return bool(self.encounter) and self.encounter in item.encounters

    def elsewhere(self, item: Item) -> bool:
        """Whether a resource belongs to another encounter: it says so, or that encounter alone lists it."""
        if not self.encounter:
            return False
        if item.encounters:
            return self.encounter not in item.encounters
        return Reference(item.type, item.id) in self._listed_elsewhere

    @cached_property
    def _listed_elsewhere(self) -> frozenset[Reference]:
        """The Conditions that other Encounters of the record list as their diagnoses, and this one does not."""
        others = (item.resource for item in self.of("Encounter") if item.id != self.encounter)
        listed = {target.id for visit in others for target in references(visit, "diagnosis.condition")}
        return frozenset(Reference("Condition", name) for name in listed - {target.id for target in self.diagnoses})

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        return frozenset(mine for item in (*self.items, *self.drafts) for mine in item.encounters)

    @cached_property
    def _ids(self) -> frozenset[Reference]:
        return frozenset(Reference(item.type, item.id) for item in self.items)

    def _items(self, placed: Iterable[tuple[Resource | Item, str]], taken: dict[str, Item]) -> Iterator[Item]:
        """Resources of this patient that were not taken before."""
        for resource, place in placed:
            item = resource if isinstance(resource, Item) else Item(resource, place)
            known = taken.setdefault(item.source, item)
            if known is item and self._of_patient(item):
                yield item

    def _of_patient(self, item: Item) -> bool:
        if not self.patient or not item.patients or self.patient in item.patients:
            return True
        self.gaps.append(Gap(item.source, Reason.OTHER_PATIENT))
        return False


def encounters(resource: Resource) -> list[str]:
    """The ids of the encounters that a resource names as its own."""
    return [target.id for target in references(resource, *ENCOUNTER_PATHS) if target.type in {"", "Encounter"}]


def authored(orders: Iterable[Item]) -> str:
    """The first date on which an order was written, or empty."""
    return next((date for item in orders if (date := day(item.resource, "authoredOn"))), "")


def _placed(resources: Iterable[Resource | Item], places: Sequence[str]) -> Iterator[tuple[Resource | Item, str]]:
    for position, resource in enumerate(resources):
        if isinstance(resource, Item):
            yield resource, resource.source
        elif isinstance(resource, dict):
            kind = string(resource, "resourceType")
            yield resource, places[position] if position < len(places) else f"{kind}[{position}]"


def _patient(orders: Iterable[Resource]) -> str:
    return next((target.id for order in orders for target in references(order, "subject", "patient")), "")


def _rank(rank: object) -> int:
    return rank if isinstance(rank, int) and rank > 0 else 1_000_000
