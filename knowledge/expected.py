"""Lesions -> the codes a chart supports (policy B, C and A5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from knowledge.documented import Lesion, Record
from knowledge.extremity import in_region
from knowledge.lesser import Lesser
from knowledge.model import Code, Evidence
from knowledge.reading.levels import overlap
from knowledge.tables import Family, Knowledge


@dataclass(slots=True)
class Expectation:
    """What the record supports for one chosen code."""

    codes: tuple[str, ...] = ()
    lesions: tuple[Lesion, ...] = ()  #: those the answer rests on
    whole: tuple[Lesion, ...] = ()  #: the provider's narrowings with site and mechanism
    reported: tuple[Lesion, ...] = ()  #: the same of imaging reports
    lesser: bool = False  #: only dysfunction or subluxation where a stenosis is claimed
    partial: bool = False
    missing_hard: tuple[str, ...] = ()
    doubt: str = "none"
    candidates: tuple[str, ...] = ()
    contrary: tuple[Evidence, ...] = ()
    alternatives: tuple[str, ...] = ()
    policy: list[str] = field(default_factory=list)
    sequencing: str = ""

    def standing(self, chosen: str, others: frozenset[str]) -> str:
        """How the expected set stands to what was chosen: an answer of the fact "expected"."""
        if not self.codes:
            return "nothing"
        left = set(self.codes) - others - {chosen}
        if chosen in self.codes:
            return "chosen-and-more" if left else "chosen"
        if not left:
            return "only-already-chosen"
        return "other-but-lesser" if self.lesser else "other"


def codes_of(lesion: Lesion, known: Knowledge) -> tuple[str, ...]:
    """The codes of one narrowing: one per mechanism in the canal, one per pair in the foramen (C1, C2)."""
    families = [
        family
        for family in known.families.values()
        if family.stenosis and family.site == lesion.site and family.mechanisms & lesion.mechanisms
    ]
    return tuple(
        sorted(
            known.code(family, region) for family in families for region in lesion.regions if region in known.regions
        )
    )


def nearest(code: Code, candidates: Sequence[str], known: Knowledge) -> tuple[str, ...]:
    """The candidates that agree with a code on most axes."""
    scores = {candidate: _agreement(code, known.codes[candidate]) for candidate in candidates}
    best = max(scores.values(), default=0)
    return tuple(candidate for candidate in candidates if scores[candidate] == best)


def _agreement(a: Code, b: Code) -> int:
    return 2 * (a.region == b.region) + (a.site == b.site) + bool(a.mechanisms & b.mechanisms) + (a.lesion == b.lesion)


class Expecting:
    """One chosen code before the lesions of a record."""

    def __init__(self, record: Record, code: Code, known: Knowledge) -> None:
        self.record, self.code, self.known = record, code, known
        self.out = Expectation()
        stated = [
            _in_spine(lesion, known)
            for lesion in record.lesions
            if lesion.kind == known.parts.narrowing and lesion.stated
        ]
        self.alike = _distinct(stated)
        self.stenoses = [self._filled(lesion) for lesion in _without_weak(stated)]

    @property
    def family(self) -> Family:
        """The family of the chosen code."""
        return self.known.families[self.code.family]

    def result(self) -> Expectation:
        """The expected codes, what they rest on, and what is missing when there are none."""
        out = self.out
        out.whole = tuple(lesion for lesion in self.stenoses if lesion.treating and self._is_whole(lesion))
        out.reported = tuple(lesion for lesion in self.stenoses if lesion.imaging and self._is_whole(lesion))
        lesions = [self._placed(lesion) for lesion in self._counted()]
        out.lesions = tuple(lesions)
        codes = {code for lesion in lesions for code in codes_of(lesion, self.known)}
        lesser = Lesser(self.record, self.code, self.known, self.stenoses, out)
        codes = lesser.beside(codes) if self.family.stenosis else lesser.instead(codes)
        out.codes = tuple(sorted(codes))
        if not out.codes or out.lesser:
            self._partial(lesser)
        return out

    def _is_whole(self, lesion: Lesion) -> bool:
        return bool(lesion.mechanisms) and any(
            family.site == lesion.site for family in self.known.families.values() if family.stenosis
        )

    def _placed(self, lesion: Lesion) -> Lesion:
        placed = in_region(lesion, self.code, self.record, self.known)
        if placed is not lesion:
            self.out.policy.append("C6")
        return placed

    # --- one lesion said in several places -------------------------------------------------------------

    def _filled(self, lesion: Lesion) -> Lesion:
        """Fill what one statement leaves out from another about the same lesion; the provider's own first (A5)."""
        if lesion.causes and not lesion.mechanisms:
            return lesion
        for other in sorted(
            (other for other in self.alike if other is not lesion),
            key=lambda other: (
                other.document is not lesion.document,
                other.document.author is not lesion.document.author,
            ),
        ):
            if lesion.site and lesion.mechanisms and lesion.regions:
                break
            if _compatible(lesion, other):
                lesion = _merged(lesion, other)
        return lesion

    # --- who may say what (A5) -------------------------------------------------------------------------

    def _counted(self) -> list[Lesion]:
        """The provider's lesions; a report alone supports or corrects and never adds."""
        whole, reported = list(self.out.whole), list(self.out.reported)
        theirs = [lesion for lesion in reported if self._names(lesion)]
        if whole:
            beside = (
                theirs
                and not any(self._names(lesion) for lesion in whole)
                and not any(_same_lesion(a, b) for a in whole for b in theirs)
            )
            return whole + theirs if beside else whole
        if not reported:
            return []
        self.out.policy.append("A5")
        if theirs:
            return [replace(lesion, mechanisms=lesion.mechanisms & self.code.mechanisms) for lesion in theirs]
        if self.family.stenosis:
            return self._closest(reported)
        return reported if self.family.lesion in {self.known.parts.described, self.known.parts.vague} else []

    def _names(self, lesion: Lesion) -> bool:
        """Whether the chosen code is among the codes of the lesion."""
        return self.code.code in codes_of(self._placed(lesion), self.known)

    def _closest(self, reported: list[Lesion]) -> list[Lesion]:
        """Of several reported lesions those of the chosen region, else those closest on the axes."""
        region = self.known.regions.get(self.code.region)
        meant = set(region.lesion_in) if region and region.lesion_in else {self.code.region}
        there = [lesion for lesion in reported if lesion.regions & meant]
        scores = [
            (lesion.site == self.code.site) + bool(lesion.mechanisms & self.code.mechanisms) for lesion in reported
        ]
        return there or [lesion for lesion, score in zip(reported, scores, strict=True) if score == max(scores)]

    # --- what is missing (V6) --------------------------------------------------------------------------

    def _partial(self, lesser: Lesser) -> None:
        out = self.out
        vague = {self.known.parts.described, self.known.parts.vague}
        if not self.family.stenosis and not (self.family.lesion in vague and self.stenoses):
            out.partial, out.missing_hard, lesions = lesser.missing()
            out.lesions = lesions or out.lesions
            return
        unfinished = [
            self._placed(lesion)
            for lesion in self.stenoses
            if lesion.site not in self.known.recesses and (lesion.mechanisms or not lesion.causes)
        ]
        if not unfinished:
            return
        best = min(unfinished, key=lambda lesion: len(_lacks(lesion)))
        if _lacks(best):
            out.partial, out.missing_hard, out.lesions = True, _lacks(best), (best,)


def _in_spine(lesion: Lesion, known: Knowledge) -> Lesion:
    """The lesion without a limb for a region: there it hurts; whether it lies there is asked apart (C6)."""
    limbs = {one for one in lesion.regions if one in known.regions and known.regions[one].lesion_in}
    return replace(lesion, regions=lesion.regions - limbs) if limbs else lesion


def _lacks(lesion: Lesion) -> tuple[str, ...]:
    said = (("site", lesion.site), ("mechanism", lesion.mechanisms), ("region", lesion.regions))
    return tuple(axis for axis, value in said if not value)


def _merged(lesion: Lesion, other: Lesion) -> Lesion:
    return replace(
        lesion,
        site=lesion.site or other.site,
        mechanisms=lesion.mechanisms or other.mechanisms,
        regions=lesion.regions or other.regions,
        levels=lesion.levels or other.levels,
        evidence=lesion.evidence + other.evidence,
    )


def _distinct(lesions: list[Lesion]) -> list[Lesion]:
    """Lesions that differ, in what is said of them or in who says it: what is said twice tells nothing more."""
    told: dict[tuple[object, ...], Lesion] = {}
    for one in lesions:
        section = one.statement.sentence.section
        told.setdefault((id(one.document), section, one.site, one.mechanisms, one.causes, one.levels, one.regions), one)
    return list(told.values())


def _without_weak(lesions: list[Lesion]) -> list[Lesion]:
    """What is said of the contents of a site counts only where nothing is said of a site."""
    strong = [lesion for lesion in lesions if not lesion.weak]
    regions = frozenset().union(*(lesion.regions for lesion in strong)) if strong else frozenset()
    return strong + [
        lesion
        for lesion in lesions
        if lesion.weak and not (strong and (not lesion.regions or lesion.regions & regions))
    ]


def _compatible(a: Lesion, b: Lesion) -> bool:
    """Whether two statements can be about one lesion."""
    if a.site and b.site and a.site != b.site:
        return False
    if a.levels and b.levels:
        return overlap(a.levels, b.levels)
    return not a.regions or not b.regions or bool(a.regions & b.regions)


def _same_lesion(a: Lesion, b: Lesion) -> bool:
    return overlap(a.levels, b.levels) and a.site == b.site
