"""The family map and the page of one code, made of the knowledge alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cds_service import catalogue
from cds_service.catalogue import Asked
from cds_service.pages import statements
from cds_service.pages.statements import Said
from knowledge import Code, Knowledge
from knowledge.files import HERE as KNOWLEDGE
from knowledge.files import toml
from knowledge.tables import Family, Region


@dataclass(frozen=True, slots=True)
class Sibling:
    """A code beside another, with the axes on which they differ."""

    code: Code
    differs: tuple[tuple[str, tuple[str, ...]], ...]  #: axis, and what the sibling claims there


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A diagnosis that takes the place of a code."""

    title: str
    codes: tuple[str, ...]
    source: str
    policy: tuple[str, ...]
    never: tuple[str, ...] = ()  #: what is never proposed with it


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of one code tells."""

    code: Code
    validity: str
    family: Family | None = None
    region: Region | None = None
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
    levels: tuple[str, ...] = ()  #: that lie in the region
    lying: tuple[str, ...] = ()  #: for a limb: the regions of the spine that a lesion may lie in
    elements: tuple[tuple[Asked, str], ...] = ()  #: each with what satisfies it
    here: tuple[Sibling, ...] = ()  #: other lesions of the region
    there: tuple[Sibling, ...] = ()  #: the same lesion in other regions
    elsewhere: tuple[Elsewhere, ...] = ()
    named_by: tuple[str, ...] = ()  #: for a code outside the category: the diagnoses that it stands for
    said: tuple[Said, ...] = ()


def grid(known: Knowledge) -> list[tuple[Family, list[Code | None], Code | None]]:
    """The family map: each family with its code in every region, and the one it has without a region."""
    mine = {(one.family, one.region): one for one in catalogue.category(known)}
    return [
        (family, [mine.get((family.digit, region)) for region in known.regions], mine.get((family.digit, "")))
        for family in known.families.values()
    ]


def mechanisms_of(site: str, known: Knowledge) -> frozenset[str]:
    """Everything that can narrow a site, over its families."""
    return frozenset[str]().union(*(family.mechanisms for family in known.families.values() if family.site == site))


def page(one: Code, known: Knowledge, root: Path = KNOWLEDGE) -> Page:
    """The page of a code."""
    if not one.family:
        return Page(one, catalogue.validity(one), named_by=tuple(_named_by(one, known)))
    region = known.regions.get(one.region)
    beside = [_sibling(one, other) for other in catalogue.siblings(one, known)]
    return Page(
        one,
        catalogue.validity(one),
        known.families[one.family],
        region,
        tuple(catalogue.claims(one).items()),
        tuple(level.id for level in known.levels.values() if level.region == one.region and level.kind == "segment"),
        tuple(known.regions[name].display for name in region.lesion_in) if region else (),
        tuple(_asked(one, known, root)),
        tuple(sibling for sibling in beside if sibling.code.region == one.region),
        tuple(sibling for sibling in beside if sibling.code.region != one.region),
        tuple(_elsewhere(one, known, root)),
        said=tuple(statements.of(one, known, root)),
    )


def _sibling(one: Code, other: Code) -> Sibling:
    mine, theirs = catalogue.claims(one), catalogue.claims(other)
    return Sibling(
        other, tuple((axis, values) for axis, values in theirs.items() if not set(values) <= set(mine.get(axis, ())))
    )


def _elsewhere(one: Code, known: Knowledge, root: Path) -> Iterator[Elsewhere]:
    for structural, codes in catalogue.elsewhere(one, known):
        raw = _raw(root / f"structural/{structural.id}.toml", "structural")
        never = tuple(one["says"] for one in raw.get("never", ()))
        yield Elsewhere(structural.title, codes, raw.get("source", ""), structural.policy, never)


def _asked(one: Code, known: Knowledge, root: Path) -> Iterator[tuple[Asked, str]]:
    """The documentation elements that a code can be asked for, each with what satisfies it."""
    raw = {element["id"]: element for element in _raw(root / "elements.toml", "elements")["element"]}
    for asked in catalogue.elements(one, known):
        yield asked, raw[asked.element.id].get("satisfied_by", "")


def _named_by(one: Code, known: Knowledge) -> Iterator[str]:
    """The structural diagnoses that a code outside the category stands for."""
    for row in dict.fromkeys(row.diagnosis for row in known.structural_codes if row.code.startswith(one.code)):
        yield known.structurals[row].title


@cache
def _raw(path: Path, kind: str) -> dict[str, Any]:
    """A file of the knowledge, for what only its reader wants to know; read once."""
    return toml(path, kind)
