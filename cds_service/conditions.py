"""Conditions and order reasons -> the codes that were chosen, and the coded statements of the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.fhir_read import (
    SNOMED_SYSTEMS,
    Reference,
    Resource,
    codes_of,
    day,
    icd_codes,
    objects,
    references,
    strings,
    words,
)
from cds_service.reasons import Reason
from cds_service.record import Item, Record
from knowledge.model import Assertion, Diagnosis, Document, Gap, Role

ABSENT = "entered-in-error"
REFUTED = frozenset({"refuted"})
PAST = frozenset({"resolved", "inactive", "remission"})
UNSURE = frozenset({"provisional", "differential", "unconfirmed"})
STANDING = frozenset({Assertion.AFFIRMED, Assertion.UNCERTAIN})
CONTAINED = "#"  #: in the source of a resource that another one contains
OF_ENCOUNTER = "encounter-diagnosis"
CATEGORIES = frozenset({OF_ENCOUNTER, "problem-list-item", "health-concern"})
DRAFT, ACTIVE = "draft", "active"
#: Orders in these states ask for nothing any more.
WITHDRAWN = frozenset({ABSENT, "revoked", "cancelled"})


@dataclass(frozen=True, slots=True)
class Targets:
    """The client's own JSON that carries a chosen code: what a suggestion could change."""

    orders: tuple[Resource, ...]  #: with the code as ``reasonCode``, or as a Condition that they contain
    referring_orders: tuple[Resource, ...]  #: that only refer to a Condition with the code
    conditions: tuple[Resource, ...]


def chosen(record: Record, category: str) -> tuple[str, ...]:
    """The codes of the category to hold against the record, in the order of policy *Inputs*, each once."""
    held = [*_held(record), *_reasons_given(record)]
    codes = (code for _, codes in held for code in codes)
    return tuple(dict.fromkeys(code for code in codes if _bare(code).startswith(_bare(category))))


def targets(record: Record, code: str) -> Targets:
    """What carries a chosen code.

    A Condition that an order contains is part of the order; one that is refuted or past is left as it is.
    """
    carried = {item.source: item for item, codes in _held(record) if code in codes}
    orders, referring = [], []
    for item in signed(record):
        behind = [one for one in _behind(record, item) if code in one.codes]
        own = [one for one in behind if CONTAINED not in one.source]
        carried |= {one.source: one for one in own if one.source not in carried and assertion(one) in STANDING}
        if code in icd_codes(item.resource.get("reasonCode")) or len(own) < len(behind):
            orders.append(item)
        elif behind:
            referring.append(item)
    return Targets(*(tuple(item.resource for item in items) for items in (orders, referring, carried.values())))


def diagnoses(record: Record) -> Iterator[Diagnosis]:
    """Every Condition as a coded statement, once per ICD-10-CM code; the words go with the first."""
    for item in _present(record):
        resource = item.resource
        snomed = tuple(code for code in codes_of(resource.get("code"), SNOMED_SYSTEMS) if code.isdecimal())
        for position, code in enumerate(item.codes or [""]):
            yield Diagnosis(
                source=item.source,
                code=code,
                assertion=assertion(item),
                encounter_diagnosis=_of_encounter(record, item),
                text="" if position else words(resource.get("code")),
                snomed=() if position else snomed,
                date=_date(resource),
            )


def documents(record: Record, codes: tuple[str, ...]) -> Iterator[Document]:
    """The words of the Conditions, as the treating provider's (A1).

    An affirmed Condition is read with its name.  The name of any other one is left to the Diagnosis, and the name of
    a chosen code is no documentation of it: of these only the notes are read.  The note of a diagnosis that is past
    is read like a document of another encounter: it tells what was.
    """
    for item in _present(record):
        resource = item.resource
        named = assertion(item) is Assertion.AFFIRMED and not set(item.codes) & set(codes)
        past = assertion(item) is Assertion.HISTORICAL
        name = words(resource.get("code")) if named else ""
        text = "\n".join([*filter(None, [name]), *strings(resource, "note.text")])
        date = _date(resource)
        if text:
            yield Document(
                source=item.source,
                text=text,
                kind="condition" if name else "condition-note",
                author=Role.TREATING,
                date=date,
                of_encounter=not past,
            )


def gaps(record: Record) -> Iterator[Gap]:
    """Reasons of orders and diagnoses of the encounter that point at something not received."""
    pointing = [(target, item.resource) for item in signed(record) for target in _reason_references(item.resource)]
    for target, holder in [*((target, record.visit) for target in record.diagnoses), *pointing]:
        if not record.named(target, holder) and target.type in {"", "Condition"}:
            yield Gap(f"Condition/{target.id}", Reason.UNRESOLVED)


def signed(record: Record) -> list[Item]:
    """The orders whose reasons are chosen codes: the draft orders of the call, or the encounter's own drafts."""
    if record.asked.orders:
        return [item for item in record.drafts if not item.statuses("status") & WITHDRAWN]
    return [item for item in standing(record) if DRAFT in item.statuses("status")]


def standing(record: Record) -> list[Item]:
    """The orders of the encounter that are drafts or active, besides those of the call."""
    orders = [item for item in record.of("ServiceRequest") if not record.elsewhere(item)]
    return [item for item in orders if item.statuses("status") & {DRAFT, ACTIVE}]


def reasons(record: Record, order: Item) -> list[str]:
    """The ICD-10-CM codes an order gives as its reason, those of the Conditions it refers to included."""
    behind = [code for item in _behind(record, order) for code in item.codes]
    return list(dict.fromkeys([*icd_codes(order.resource.get("reasonCode")), *behind]))


def assertion(condition: Item) -> Assertion:
    """How a Condition is held (A1).  One without any status is affirmed, unless it says that it has ended."""
    verified, clinical = condition.statuses("verificationStatus"), condition.statuses("clinicalStatus")
    ended = not clinical and any(value for name, value in condition.resource.items() if name.startswith("abatement"))
    if verified & REFUTED:
        return Assertion.NEGATED
    if clinical & PAST or ended:
        return Assertion.HISTORICAL
    return Assertion.UNCERTAIN if verified & UNSURE else Assertion.AFFIRMED


def _held(record: Record) -> list[tuple[Item, list[str]]]:
    """The Conditions whose codes were chosen, with their codes: by the encounter's rank, then as received."""
    if record.asked.created:
        items = [item for item in record.created if _is_present(item) and assertion(item) != Assertion.NEGATED]
    elif record.asked.hook == "patient-view" and not record.encounter:
        items = []
    else:
        items = [
            item for item in _present(record) if _of_encounter(record, item) and assertion(item) is Assertion.AFFIRMED
        ]
    ranks = {target.id: rank for rank, target in reversed(list(enumerate(record.diagnoses)))}
    items.sort(key=lambda item: ranks.get(item.id, len(ranks)))
    return [(item, item.codes) for item in items]


def _reasons_given(record: Record) -> list[tuple[Item, list[str]]]:
    if record.asked.created or (record.asked.hook == "patient-view" and not record.encounter):
        return []
    return [(item, reasons(record, item)) for item in signed(record)]


def _behind(record: Record, order: Item) -> list[Item]:
    """The Conditions an order gives as its reason."""
    named = [record.named(target, order.resource) for target in _reason_references(order.resource)]
    return [item for item in named if item and item.type == "Condition" and _is_present(item)]


def _reason_references(order: Resource) -> list[Reference]:
    return references(order, "reasonReference")


def _of_encounter(record: Record, item: Item) -> bool:
    """Whether a Condition is a diagnosis of this encounter: by the Encounter's list, or by its category.

    Without a category that we know, it has to name the encounter itself.
    """
    if any(target.id == item.id and target.type in {"", "Condition"} for target in record.diagnoses if item.id):
        return True
    known = item.statuses("category") & CATEGORIES
    if OF_ENCOUNTER in known:
        return not record.elsewhere(item) and (bool(record.encounter) or not _names_encounter(item))
    return not known and record.linked(item)


def _names_encounter(item: Item) -> bool:
    return bool(objects(item.resource, "encounter"))


def _present(record: Record) -> list[Item]:
    return [item for item in record.of("Condition") if _is_present(item)]


def _is_present(item: Item) -> bool:
    return ABSENT not in item.statuses("verificationStatus")


def _date(condition: Resource) -> str:
    return day(condition, "recordedDate", "onsetDateTime", "onsetPeriod.start", "assertedDate", "dateRecorded")


def _bare(code: str) -> str:
    return code.replace(".", "").upper()
