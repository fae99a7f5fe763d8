"""Observations, Procedures and orders: structured facts, and the words they come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service import conditions
from cds_service.fhir_read import Resource, cpt_codes, day, found, objects, reference, string, strings, words
from cds_service.record import Item, Record
from knowledge.model import Document, Order, Procedure, Role

ABSENT = frozenset({"entered-in-error", "cancelled"})
PERFORMED = ("performedDateTime", "performedPeriod.start", "occurrenceDateTime", "occurrencePeriod.start")
#: Where the kinds of order say what is ordered.
ORDERED = ("code", "medicationCodeableConcept", "codeCodeableConcept", "medication", "orderable")
TRUTH = {True: "yes", False: "no"}


def observation_text(resource: Resource) -> str:
    """An Observation as lines: ``name: value`` and the interpretation, its components likewise, then the notes."""
    lines = _measured(resource)
    for part in objects(resource, "component"):
        lines += _measured(part)
    lines += strings(resource, "note.text", "comments", "comment")
    return "\n".join(filter(None, lines))


def observation_date(resource: Resource) -> str:
    return day(resource, "effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "issued")


def observations(record: Record, *, later: str) -> Iterator[Document]:
    """Every Observation as the treating provider's words (A1); one ``later`` than a date has to name the encounter."""
    for item in record.of("Observation"):
        text, date = item.said(observation_text), item.said(observation_date)
        if text and not item.statuses("status") & ABSENT:
            unlinked = bool(later) and date > later and not record.linked(item)
            yield Document(
                source=item.source,
                text=text,
                kind="observation",
                author=Role.TREATING,
                date=date,
                of_encounter=not (unlinked or record.elsewhere(item)),
                preliminary=bool(item.statuses("status") & {"preliminary", "registered"}),
            )


def procedures(record: Record) -> Iterator[Procedure]:
    """Every Procedure; only a completed one counts as done."""
    for item in record.of("Procedure"):
        resource = item.resource
        if not item.statuses("status") & ABSENT:
            yield Procedure(
                source=item.source,
                text=words(resource.get("code")),
                cpt=next(iter(cpt_codes(resource.get("code"))), ""),
                completed="completed" in item.statuses("status"),
                date=day(resource, *PERFORMED),
            )


def orders(record: Record) -> Iterator[Order]:
    """The orders of the call, then those that already stand on the encounter."""
    of_call = conditions.signed(record) if record.asked.orders else []
    for item in [*of_call, *conditions.standing(record)]:
        concepts = [concept for path in ORDERED for concept in objects(item.resource, path)]
        yield Order(
            source=item.source,
            text=next(filter(None, map(words, concepts)), ""),
            cpt=tuple(cpt_codes(concepts)),
            reasons=tuple(conditions.reasons(record, item)),
            selected=_selected(record, item),
        )


def _selected(record: Record, item: Item) -> bool:
    selections = record.asked.selections
    return selections is None or reference(f"{item.type}/{item.id}") in selections


def _measured(resource: Resource) -> list[str]:
    """``name: value`` of an Observation or a component, then its interpretation, which may be all the value there is.

    Nothing where the value is said to be absent: a name alone would read as a finding.
    """
    name, value = words(resource.get("code")), _value(resource)
    interpreted = [*filter(None, map(words, found(resource, "interpretation")))]
    if not value and not interpreted and objects(resource, "dataAbsentReason"):
        return []
    first, *rest = [value, *interpreted] if value else interpreted or [""]
    return [f"{name}: {first}" if name and first else name or first, *rest]


def _value(resource: Resource) -> str:
    values = (value for name, value in resource.items() if name.startswith("value"))
    return "; ".join(filter(None, (_said(value) for value in values)))


def _said(value: Any) -> str:
    """A value of any type in the words it holds."""
    if isinstance(value, bool):
        return TRUTH[value]
    if isinstance(value, list):
        return "; ".join(filter(None, map(_said, value)))
    if not isinstance(value, dict):
        return "" if value is None else str(value).strip()
    if said := words(value):
        return said
    quantity = (_number(value.get("value")), string(value, "unit", "code"))
    if quantity[0]:
        return " ".join(filter(None, (string(value, "comparator"), *quantity)))
    return " - ".join(filter(None, (_said(value.get(end)) for end in ("low", "high", "start", "end"))))


def _number(value: Any) -> str:
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)
