"""The knowledge, loaded: frozen, versioned, picklable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from knowledge.model import Code, Rule
from knowledge.reading.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Family:
    """What the fourth character of a code claims."""

    digit: str
    title: str
    lesion: str
    site: str
    mechanisms: frozenset[str]
    stenosis: bool
    words: str


@dataclass(frozen=True, slots=True)
class Region:
    """What the fifth character claims; ``lesion_in`` and ``roots`` belong to the extremities (policy C6)."""

    id: str
    digit: str
    display: str
    spinal: bool
    lesion_in: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Level:
    """A vertebral level: its region, its place in the dorsopathy codes, and whether it has a disc."""

    id: str
    kind: str  #: segment, span, vertebra, junction, or root: a nerve that no vertebra is named after
    region: str
    place: str
    disc: bool


@dataclass(frozen=True, slots=True)
class Anchored:
    """Words that name a diagnosis only beside others."""

    words: tuple[str, ...]
    near: tuple[str, ...]
    level: bool
    also: bool
    within: int


def anchored_tag(structural: str, number: int, anchored: Anchored) -> str:
    """What the scan tells of an anchored word: whose it is, and what it needs beside it."""
    needs = [
        name
        for name, needed in (("near", bool(anchored.near)), ("level", anchored.level), ("also", anchored.also))
        if needed
    ]
    return f"{structural}/{number}/{'+'.join(needs)}"


@dataclass(frozen=True, slots=True)
class Structural:
    """A definitive structural diagnosis: how records name it, and which families it displaces (policy D1, D2)."""

    id: str
    title: str
    policy: tuple[str, ...]
    displaces: frozenset[str]
    displaces_regions: frozenset[str]
    includes: frozenset[str]  #: diagnoses that are part of it: their tissue is no cause beside it
    icd_prefixes: tuple[str, ...]
    phrases: tuple[str, ...]
    decoys: tuple[str, ...]
    anchored: tuple[Anchored, ...]
    also: tuple[str, ...]
    qualifiers: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    alternative_only: bool
    site: str
    needs_disc: bool


@dataclass(frozen=True, slots=True)
class StructuralCode:
    """One row: with these qualifiers, at these levels or places, this code."""

    diagnosis: str
    qualifiers: frozenset[str]
    at: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """What is ordered, by CPT number or by words."""

    id: str
    title: str
    cpt: tuple[str, ...]
    phrases: tuple[str, ...]
    decoys: tuple[str, ...]
    excluded: bool

    def has(self, number: str) -> bool:
        """Whether a CPT number is one of the group's."""
        return any(low <= number <= (high or low) for low, _, high in (span.partition("-") for span in self.cpt))


@dataclass(frozen=True, slots=True)
class When:
    """What makes an element asked for; an empty set asks nothing."""

    families: frozenset[str]
    regions: frozenset[str]
    orders: frozenset[str]
    performed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Element:
    """A documentation element of policy section E."""

    id: str
    policy: str
    title: str
    said: str
    roles: frozenset[str]
    when: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Which value of the tables plays which part in the decision (policy.toml)."""

    narrowing: str  #: lesion: a site that is narrowed
    motion: str  #: lesion: a joint that moves wrongly
    position: str  #: lesion: a joint out of its place
    described: str  #: lesion: described, fits no other family
    vague: str  #: lesion: named and not described
    motion_sign: str  #: palpated loss of motion that nobody names
    disc: str  #: mechanism that needs a disc
    limits: Mapping[str, float]  #: site -> millimetres that are a narrowing at most
    undefined_between: frozenset[str]
    roots_cross: tuple[frozenset[str], ...]
    operation: str
    operative_note: str
    report: str
    discharge: str
    coded: frozenset[str]
    therapy: str
    not_care: frozenset[str]
    abbreviations: frozenset[str]  #: words that a full stop shortens
    pain: frozenset[str]  #: words for pain, as a dermatome has it
    synoptic: tuple[str, ...]  #: keys of a form that tell one thing of a lesion each
    affirmed: frozenset[str]  #: words of a cell that say yes to its column
    shared_adjectives: frozenset[str]  #: the first words that tissues of a list share: "overgrown ligament and facets"
    motions: tuple[str, ...]  #: movements whose range is measured
    shared_heads: frozenset[str]  #: last words of a mechanism that a list of tissues shares
    reflexes: frozenset[str]  #: the last words of their names
    patient: frozenset[str]  #: in these letters the patient, in others a therapy
    causes: frozenset[str]  #: nouns that point back to what narrows: "from the same cause"
    palpation: tuple[str, ...]  #: words whose letters head what a hand finds, one by one
    idle_verbs: frozenset[str]  #: words that look like verbs and act on nothing


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All of it."""

    version: str
    category: str
    axes: Mapping[str, tuple[str, ...]]
    parts: Parts
    families: Mapping[str, Family]
    regions: Mapping[str, Region]
    codes: Mapping[str, Code]
    levels: Mapping[str, Level]
    structurals: Mapping[str, Structural]
    structural_codes: tuple[StructuralCode, ...]
    excludes: tuple[tuple[str, str], ...]
    snomed: Mapping[str, str]  #: SNOMED CT concept -> the ICD-10-CM code that says the same, or the stem of several
    studies: Mapping[str, str]  #: LOINC code of an imaging study -> its region, where it has one
    orders: tuple[OrderGroup, ...]
    order_pattern: re.Pattern[str]  #: the words of orders in a spaced text; a decoy belongs to no group
    order_words: Mapping[str, tuple[str, ...]]
    elements: tuple[Element, ...]
    rules: tuple[Rule, ...]
    lexicon: Lexicon
    headings: tuple[tuple[str, str, str, frozenset[str], bool], ...]

    def family_of(self, lesion: str) -> Family:
        """The family that a value of the axis lesion names (for a narrowing: the first)."""
        return next(family for family in self.families.values() if family.lesion == lesion)

    def code(self, family: Family, region: str) -> str:
        """The code of a family in a region."""
        return f"{self.category}.{family.digit}{self.regions[region].digit}"

    @property
    def recesses(self) -> Mapping[str, str]:
        """Sites that belong to no family, with the structural diagnosis that takes their narrowing (policy D4)."""
        return {structural.site: structural.id for structural in self.structurals.values() if structural.site}
