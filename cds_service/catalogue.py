"""What the knowledge tells of one code: its dates, its siblings, what has to be documented, what belongs elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from knowledge import Code, Knowledge
from knowledge.tables import Element, Structural

#: In structural/codes.tsv: wherever the diagnosis lies.
ANYWHERE = "any"
AXES = ("lesion", "site", "mechanism", "region")


@dataclass(frozen=True, slots=True)
class Asked:
    """A documentation element that a code can be asked for."""

    element: Element
    only_with: tuple[str, ...]  #: the orders and procedures that make it asked for; empty: always


def find(code: str, known: Knowledge) -> Code | None:
    """A code of the code set as people write it: with or without its dot, in either case.

    A code with its seventh character is the one that takes it.
    """
    if exact := known.codes.get(code):
        return exact
    bare = code.replace(".", "").upper()
    held = {one.code.replace(".", ""): one for one in known.codes.values()}
    stem = held.get(bare[:-1])
    return held.get(bare) or (stem if stem and stem.needs_7th else None)


def category(known: Knowledge) -> list[Code]:
    """The billable codes that are judged."""
    return [one for one in known.codes.values() if one.billable and one.family]


def claims(one: Code) -> dict[str, tuple[str, ...]]:
    """Axis -> the values of which a record has to name one."""
    said = {"lesion": (one.lesion,), "site": (one.site,), "mechanism": sorted(one.mechanisms), "region": (one.region,)}
    return {axis: tuple(values) for axis, values in said.items() if any(values)}


def validity(one: Code) -> str:
    """The dates of service on which a code is billable."""
    if not (one.billable or one.billable_until):
        return "not billable"
    since = f" from {one.billable_from}" if one.billable_from else ""
    until = f" until {one.billable_until}" if one.billable_until else ""
    return f"billable{since}{until}"


def elements(one: Code, known: Knowledge) -> Iterator[Asked]:
    """The documentation elements that a code can be asked for, each with what makes it asked for."""
    groups = {group.id: group.title for group in known.orders}
    for element in known.elements:
        fitting = [
            when
            for when in element.when
            if one.family in (when.families or {one.family}) and one.region in (when.regions or {one.region})
        ]
        triggers = sorted({groups[name] for when in fitting for name in when.orders | when.performed})
        if fitting:
            limited = all(when.orders | when.performed for when in fitting)
            yield Asked(element, tuple(triggers) if limited else ())


def siblings(one: Code, known: Knowledge) -> list[Code]:
    """The billable codes that differ in one part only: the same family elsewhere, or another lesion here."""
    return [
        other
        for other in category(known)
        if other.code != one.code and (other.family == one.family or other.region == one.region)
    ]


def elsewhere(one: Code, known: Knowledge) -> list[tuple[Structural, tuple[str, ...]]]:
    """The diagnoses that take the place of a code where they are recorded, each with its codes for that region."""
    return [
        (structural, codes_of(structural, {one.region, *_spine(one, known)}, known))
        for structural in known.structurals.values()
        if one.family in structural.displaces and one.region in (structural.displaces_regions or {one.region})
    ]


def _spine(one: Code, known: Knowledge) -> tuple[str, ...]:
    """For a limb the regions of the spine that serve it: there lies what is recorded."""
    region = known.regions.get(one.region)
    return region.lesion_in if region else ()


def codes_of(structural: Structural, regions: Collection[str], known: Knowledge) -> tuple[str, ...]:
    """The codes of a structural diagnosis that lie in some regions, as far as they are complete today."""
    lying = [level for level in known.levels.values() if level.region in regions]
    places = {*regions, ANYWHERE} | {level.id for level in lying} | {level.place for level in lying}
    rows = [row for row in known.structural_codes if row.diagnosis == structural.id and places.intersection(row.at)]
    named = {row.code for row in rows if row.code}
    return tuple(sorted(code for code in named if (found := find(code, known)) and (found.billable or found.needs_7th)))
