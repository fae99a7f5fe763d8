"""Lesions -> the codes a chart supports, and what stands in doubt (policy B, C and A4, A5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from knowledge.elements import distributions
from knowledge.lesions import AMBIGUOUS, Lesion, Record
from knowledge.model import Assertion, Code, Evidence, Role
from knowledge.reading.levels import overlap
from knowledge.structural import code_for
from knowledge.tables import Family, Knowledge


@dataclass(slots=True)
class Expectation:
    """What the record supports for one chosen code."""

    codes: tuple[str, ...] = ()
    lesions: tuple[Lesion, ...] = ()
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
        """How the expected set stands to what was chosen."""
        if not self.codes:
            return "nothing"
        left = set(self.codes) - others - {chosen}
        if chosen in self.codes:
            return "chosen-and-more" if left else "chosen"
        if not left:
            return "only-already-chosen"
        return "other-but-lesser" if self.lesser else "other"


def expect(record: Record, code: Code | None, known: Knowledge) -> Expectation:
    """The expected codes for a chosen code (None when it stands for no code at all)."""
    return _Expecting(record, code, known).result()


def codes_of(lesion: Lesion, known: Knowledge) -> tuple[str, ...]:
    """The codes of one complete lesion: one per mechanism in the canal, one per pair in the foramen (C1, C2)."""
    found = []
    for family in known.families.values():
        if family.stenosis and family.site == lesion.site and family.mechanisms & lesion.mechanisms:
            found += [f"{known.category}.{family.digit}{known.regions[region].digit}" for region in lesion.regions if region in known.regions]
    return tuple(sorted(found))


def nearest(code: Code, candidates: Sequence[str], known: Knowledge) -> tuple[str, ...]:
    """The candidates that agree with a code on most axes."""
    if len(candidates) < 2:  # noqa: PLR2004
        return tuple(candidates)
    scores = {candidate: _agreement(code, known.codes[candidate]) for candidate in candidates}
    best = max(scores.values())
    return tuple(candidate for candidate in candidates if scores[candidate] == best)


def _agreement(a: Code, b: Code) -> int:
    return 2 * (a.region == b.region) + (a.site == b.site) + bool(a.mechanisms & b.mechanisms) + (a.lesion == b.lesion)


class _Expecting:
    """One chosen code before the lesions of a record."""

    def __init__(self, record: Record, code: Code | None, known: Knowledge) -> None:
        self.record, self.code, self.known = record, code, known
        self.out = Expectation()
        self.stenoses = _without_weak([lesion for lesion in record.lesions if lesion.kind == "stenosis" and lesion.stated])
        self.treating = self._complete([lesion for lesion in self.stenoses if lesion.treating])
        self.imaging = self._complete([lesion for lesion in self.stenoses if lesion.imaging])

    # --- the line ------------------------------------------------------------------------------------

    def result(self) -> Expectation:
        known, out = self.known, self.out
        whole = [lesion for lesion in self.treating if self._whole(lesion)]
        reported = [lesion for lesion in self.imaging if self._whole(lesion)]
        lesions = self._chosen_lesions(whole, reported)
        lesions = [self._in_region(lesion) for lesion in lesions]
        codes = {code for lesion in lesions if lesion.regions for code in codes_of(lesion, known)}
        out.lesions = tuple(lesions)
        self._doubts(whole, reported, lesions)
        if self._stenosis_chosen or self.code is None:
            self._beside(codes)
        else:
            self._without_stenosis(codes)
        out.codes = tuple(sorted(codes))
        if not out.codes or out.lesser:
            self._partial()
        out.contrary = tuple(self._contrary())
        out.alternatives = tuple(self._alternatives())
        return out

    @property
    def _family(self) -> Family | None:
        return self.known.families[self.code.family] if self.code else None

    @property
    def _stenosis_chosen(self) -> bool:
        return self._family is not None and self._family.stenosis

    # --- stenoses ------------------------------------------------------------------------------------

    def _whole(self, lesion: Lesion) -> bool:
        return lesion.site in self.known.axes["site"] and bool(lesion.mechanisms) and any(family.site == lesion.site for family in self.known.families.values())

    def _complete(self, lesions: list[Lesion]) -> list[Lesion]:
        """Fill what one statement leaves out from another about the same lesion; the provider's own first, then a report (A5)."""
        return [self._filled(lesion) for lesion in lesions]

    def _filled(self, lesion: Lesion) -> Lesion:
        if lesion.site and lesion.mechanisms and lesion.regions:
            return lesion
        if lesion.causes and not lesion.mechanisms:
            return lesion
        ranked = sorted(self.stenoses, key=lambda other: (other.document is not lesion.document, other.document.author is not lesion.document.author))
        for other in ranked:
            if other is lesion or not _compatible(lesion, other):
                continue
            lesion = replace(
                lesion,
                site=lesion.site or other.site,
                mechanisms=lesion.mechanisms or (other.mechanisms if (other.site or lesion.site) == lesion.site or not lesion.site else frozenset()),
                regions=lesion.regions or other.regions,
                levels=lesion.levels or other.levels,
                evidence=lesion.evidence + other.evidence,
            )
            if lesion.site and lesion.mechanisms and lesion.regions:
                break
        return lesion

    def _chosen_lesions(self, whole: list[Lesion], reported: list[Lesion]) -> list[Lesion]:
        """The provider's lesions; a report alone supports or corrects and never adds (A5)."""
        if self.code is None:
            return whole or reported
        mine = [lesion for lesion in whole if self._names(lesion)]
        theirs = [lesion for lesion in reported if self._names(lesion)]
        if whole:
            if not mine and theirs and not any(_same_lesion(a, b) for a in whole for b in theirs):
                return whole + theirs
            return whole
        if theirs:
            self.out.policy.append("A5")
            return [replace(lesion, mechanisms=lesion.mechanisms & self.code.mechanisms) for lesion in theirs]
        if reported:
            self.out.policy.append("A5")
            if self._stenosis_chosen:
                return self._closest(reported)
        return [] if not self._stenosis_chosen and self.code.family not in {"8", "9"} else reported

    def _names(self, lesion: Lesion) -> bool:
        """Whether the chosen code is among the codes of the lesion."""
        return self.code is not None and self.code.code in codes_of(self._in_region(lesion), self.known)

    def _closest(self, reported: list[Lesion]) -> list[Lesion]:
        assert self.code is not None  # noqa: S101
        region = self.known.regions.get(self.code.region)
        meant = set(region.lesion_in) if region and region.lesion_in else {self.code.region}
        there = [lesion for lesion in reported if lesion.regions & meant]
        if there:
            return there
        best = max(self._score(lesion) for lesion in reported)
        return [lesion for lesion in reported if self._score(lesion) == best]

    def _score(self, lesion: Lesion) -> int:
        assert self.code is not None  # noqa: S101
        return (lesion.site == self.code.site) + bool(lesion.mechanisms & self.code.mechanisms)

    # --- extremity regions (C6) ----------------------------------------------------------------------

    def _in_region(self, lesion: Lesion) -> Lesion:
        """Keep a chosen extremity region where the provider says it or a nerve distribution carries it."""
        if not self.code or not self._stenosis_chosen:
            return lesion
        region = self.known.regions.get(self.code.region)
        if not region or not region.lesion_in or (lesion.regions and not lesion.regions & set(region.lesion_in)):
            return lesion
        self.out.policy.append("C6")
        if self._extremity_said(region.id) or (lesion.regions and next(distributions(self.record, region.roots, region.id, "nerve-distribution"), None)):
            return replace(lesion, regions=frozenset({region.id}))
        return lesion

    def _extremity_said(self, region: str) -> bool:
        """The provider names the extremity as the region, not in an examination or an order."""
        for text, statement, clause, event in self.record.events("limb"):
            if event.value("limb") != region or text.document.author is not Role.TREATING or event.assertion is not Assertion.AFFIRMED:
                continue
            if statement.sentence.section in {"exam", "plan", "indication", "history", "family", "copied"} or text.document.kind == "observation":
                continue
            if any({"neuro-test", "neuro-normal", "imaging"} & set(other.values("element")) for other in clause.events) or any(other.value("speech") == "order" for other in clause.events):
                continue
            if statement.of("site") or statement.of("narrowing") or statement.of("mechanism") or any("root-word" in other.values("element") or other.value("speech") == "region-statement" for other in statement.events):
                return True
        return False

    # --- doubts (V3) ---------------------------------------------------------------------------------

    def _doubts(self, whole: list[Lesion], reported: list[Lesion], lesions: list[Lesion]) -> None:
        known, out = self.known, self.out
        for lesion in lesions:
            levels = [known.levels[level] for level in lesion.levels if level in known.levels]
            if levels and not any(level.disc for level in levels) and all(level.place == levels[0].place for level in levels) and self._disc_here(lesion, levels[0].region):
                out.doubt, out.candidates = "no-disc", self._no_disc_candidates(lesion)
                out.policy.append("V3")
                return
        pair = next(((a, b) for a in whole for b in reported if self._conflict(a, b)), None)
        if pair and self._unsettled():
            codes = {code for lesion in pair for code in codes_of(self._in_region(lesion), known)}
            if len(codes) > 1:
                out.doubt, out.candidates, out.lesions = "conflict", tuple(sorted(codes)), pair
                out.policy.append("A4")
                return
        undefined = [lesion for lesion in lesions if lesion.regions == {AMBIGUOUS}]
        if undefined and not any(lesion.regions - {AMBIGUOUS} for lesion in lesions):
            both = frozenset(region.id for region in list(known.regions.values())[:2])
            out.doubt, out.candidates = "undefined-level", tuple(sorted({code for lesion in undefined for code in codes_of(replace(lesion, regions=both), known)}))
            out.policy.append("B4")

    def _disc_here(self, lesion: Lesion, region: str) -> bool:
        discs = {family.mechanisms for family in self.known.families.values() if len(family.mechanisms) == 1 and family.digit == "5"}
        return any(mechanisms <= lesion.mechanisms for mechanisms in discs) and region in {AMBIGUOUS, next(iter(self.known.regions))}

    def _no_disc_candidates(self, lesion: Lesion) -> tuple[str, ...]:
        if self.code is None:
            return ()
        regions = list(self.known.regions.values())[:2]
        own = {f"{self.known.category}.{self.code.family}{region.digit}" for region in regions} | {self.code.code}
        return tuple(sorted(own))

    def _conflict(self, mine: Lesion, theirs: Lesion) -> bool:
        """One lesion, named differently (A4)."""
        level = overlap(mine.levels, theirs.levels)
        tissue = bool(mine.mechanisms & theirs.mechanisms)
        if mine.site == theirs.site and level:
            return not tissue
        if level and tissue and mine.site != theirs.site:
            return self._denied(mine, Role.RADIOLOGIST) or self._denied(theirs, Role.TREATING)
        if mine.site == theirs.site and tissue and mine.regions != theirs.regions:
            return self._denied(mine, Role.RADIOLOGIST) or self._denied(theirs, Role.TREATING)
        return False

    def _denied(self, lesion: Lesion, role: Role) -> bool:
        """Whether a document of that role says that the site is normal at that level."""
        for text, bound in zip(self.record.texts, self.record.bounds, strict=True):
            if text.document.author is not role:
                continue
            for claim in bound.claims:
                if claim.site == lesion.site and not claim.narrowed and claim.assertion is Assertion.AFFIRMED and overlap(claim.levels, lesion.levels):
                    return True
        return False

    def _unsettled(self) -> bool:
        """Neither adopted nor overruled; what has not been read cannot be either."""
        said = {
            event.value("speech")
            for text, statement, _, event in self.record.events("speech")
            if text.document.author is Role.TREATING and event.assertion is not Assertion.ELSEWHERE and statement.sentence.section not in {"family", "copied"}
        }
        return "unread" in said or not said & {"adopts", "overrules"}

    # --- dysfunction, subluxation, other --------------------------------------------------------------

    def _named(self, kind: str) -> list[Lesion]:
        return [lesion for lesion in self.record.lesions if lesion.kind == kind and lesion.stated and lesion.treating and lesion.statement.sentence.section != "procedure"]

    def _of_family(self, kind: str) -> str:
        return next(family.digit for family in self.known.families.values() if family.lesion == kind)

    def _code(self, digit: str, region: str) -> str:
        return f"{self.known.category}.{digit}{self.known.regions[region].digit}"

    def _beside(self, codes: set[str]) -> None:
        """A chosen stenosis: lesser lesions count where nothing is narrowed (C3, C4)."""
        narrowed = {region for lesion in self.stenoses for region in self._lies_in(lesion)}
        lesser = self._lesser_codes(exclude=narrowed, motion=not codes and not self.stenoses)
        if codes:
            own = {self.known.codes[code].region for code in codes}
            lying = {region for lesion in self.out.lesions for region in self._lies_in(lesion)}
            codes |= {code for code, named in lesser.items() if named and self.known.codes[code].region not in own | lying}
            return
        if lesser and self._family and self._family.digit not in {"8", "9"}:
            self.out.lesser = True
            self.out.policy.append("C4")
        codes |= set(lesser)

    def _lies_in(self, lesion: Lesion) -> set[str]:
        regions = set(lesion.regions)
        for region in self.known.regions.values():
            if region.id in regions:
                regions |= set(region.lesion_in)
        if AMBIGUOUS in regions:
            regions |= set(list(self.known.regions)[:2])
        return regions

    def _lesser_codes(self, exclude: set[str], *, motion: bool) -> dict[str, bool]:
        """Code -> named: subluxation and dysfunction by region; a subluxation hides the dysfunction of its region."""
        found: dict[str, bool] = {}
        kinds = self.known.axes["lesion"]
        subluxed = self._named(kinds[1])
        slipped = {region for lesion in subluxed for region in lesion.regions}
        for lesion in subluxed:
            for region in lesion.regions - exclude - {AMBIGUOUS}:
                found[self._code(self._of_family(kinds[1]), region)] = True
        for lesion in self._named(kinds[0]):
            for region in lesion.regions - exclude - slipped - {AMBIGUOUS}:
                found[self._code(self._of_family(kinds[0]), region)] = True
        if motion and not found:
            for lesion in self._named("motion-loss"):
                for region in lesion.regions - exclude - {AMBIGUOUS}:
                    found[self._code(self._of_family(kinds[0]), region)] = False
        if found:
            self.out.lesions = self.out.lesions or tuple(lesion for lesion in self._named(kinds[0]) + subluxed if lesion.regions)
        return found

    def _without_stenosis(self, codes: set[str]) -> None:
        """A chosen dysfunction, subluxation, other or unspecified lesion (C3, C5)."""
        assert self.code is not None and self._family is not None  # noqa: PT018, S101
        kinds = self.known.axes["lesion"]
        if self.code.family in {"8", "9"}:
            self._unspecific(codes)
            return
        here = self.code.region
        named = [*self._named(kinds[0]), *self._named(kinds[1])] if self._family.lesion == kinds[0] else self._named(kinds[1])
        mine = [lesion for lesion in named if here in lesion.regions]
        if not mine and self._family.lesion == kinds[0]:
            mine = [lesion for lesion in self._named("motion-loss") if here in lesion.regions]
        narrowed = set(codes)
        if mine:
            codes.add(self.code.code)
            self.out.lesions = (*mine, *self.out.lesions)
        taken = {here} if mine else set()
        taken |= {region for lesion in self.treating for region in self._lies_in(lesion)}
        lesser = self._lesser_codes(exclude=taken, motion=not mine and not narrowed)
        codes |= set(lesser)
        self.out.policy.append("C3")
        self._doubtful_level(mine, codes)

    def _doubtful_level(self, mine: list[Lesion], codes: set[str]) -> None:
        """A dysfunction of C1-C2 alone (B4)."""
        assert self.code is not None  # noqa: S101
        kinds = self.known.axes["lesion"]
        doubtful = [lesion for kind in kinds[:2] for lesion in self._named(kind) if lesion.regions == {AMBIGUOUS}]
        regions = list(self.known.regions.values())[:2]
        if doubtful and not codes and self.code.region in {region.id for region in regions}:
            self.out.doubt = "undefined-level"
            self.out.candidates = tuple(sorted(f"{self.known.category}.{self.code.family}{region.digit}" for region in regions))
            self.out.lesions = tuple(doubtful)
            self.out.policy.append("B4")

    def _unspecific(self, codes: set[str]) -> None:
        """An unspecific code is corrected to whatever the chart determines; a described other lesion supports .8 (C5)."""
        assert self.code is not None  # noqa: S101
        kinds = self.known.axes["lesion"]
        self.out.policy.append("C5")
        narrowed = {region for lesion in self.stenoses for region in self._lies_in(lesion)}
        others = self._named(kinds[3])
        codes |= set(self._lesser_codes(exclude=narrowed, motion=not codes and not others))
        if codes:
            return
        digit = self._of_family(kinds[3])
        for lesion in others:
            codes |= {self._code(digit, region) for region in lesion.regions - {AMBIGUOUS}}
        if others:
            self.out.lesions = tuple(others)

    # --- what is missing (V6) -------------------------------------------------------------------------

    def _partial(self) -> None:
        out = self.out
        if self.code is None or self._family is None:
            return
        if self._family.digit in {"8", "9"}:
            out.partial, out.missing_hard = True, ("region",) if self._named(self.known.axes["lesion"][3]) else ("lesion",)
            return
        if not self._family.stenosis:
            self._partial_lesser()
            return
        open_lesions = [self._in_region(lesion) for lesion in self.treating + self.imaging if not lesion.causes or lesion.mechanisms]
        open_lesions = [lesion for lesion in open_lesions if lesion.site != "lateral-recess" and lesion.site not in {s.site for s in self.known.structurals.values() if s.site}]
        if not open_lesions:
            return
        best = min(open_lesions, key=lambda lesion: len(self._lacks(lesion)))
        lacks = self._lacks(best)
        if lacks:
            out.partial, out.missing_hard, out.lesions = True, lacks, (best,)

    def _lacks(self, lesion: Lesion) -> tuple[str, ...]:
        lacks = [] if lesion.site else ["site"]
        lacks += [] if lesion.mechanisms else ["mechanism"]
        lacks += [] if lesion.regions else ["region"]
        return tuple(lacks)

    def _partial_lesser(self) -> None:
        """A dysfunction without its place, or signs of one that nobody names."""
        assert self.code is not None and self._family is not None  # noqa: PT018, S101
        kinds = self.known.axes["lesion"]
        unplaced = [lesion for kind in (*kinds[:2], "motion-loss") for lesion in self._named(kind) if not lesion.regions]
        vague = self._named(kinds[4])
        if unplaced:
            self.out.partial, self.out.missing_hard, self.out.lesions = True, ("region",), tuple(unplaced)
        elif vague or self._palpated():
            self.out.partial, self.out.missing_hard, self.out.lesions = True, ("lesion",), tuple(vague)

    def _palpated(self) -> bool:
        """Palpatory findings of the region without a name for them."""
        assert self.code is not None  # noqa: S101
        for text, statement, _, event in self.record.events("element"):
            if "tart" in event.values("element") and event.assertion is Assertion.AFFIRMED and text.document.author is Role.TREATING and statement.sentence.section not in {"hpi", "plan", "history", "copied", "family"}:
                said = {self.known.levels[level].region for level in statement.levels if level in self.known.levels} | set(statement.topic_regions)
                if self.code.region in said:
                    return True
        return False

    # --- what else is said -----------------------------------------------------------------------------

    def _contrary(self) -> Iterator[Evidence]:
        """Denied, doubted and past statements about the chosen site."""
        if self.code is None:
            return
        for lesion in self.record.lesions:
            if lesion.assertion in {Assertion.UNCERTAIN, Assertion.HISTORICAL} and lesion.kind == self.code.lesion:
                yield from lesion.evidence[:1]

    def _alternatives(self) -> Iterator[str]:
        known = self.known
        alternative = next((item.id for item in known.structurals.values() if item.alternative_only and item.site), "")
        for lesion in self.out.lesions:
            if lesion.kind != "stenosis":
                continue
            if lesion.site and not lesion.mechanisms and alternative:
                regions = lesion.regions
                if code := code_for(alternative, lesion.levels, regions, self.record, known):
                    yield code
            if self.code and lesion.regions == {self.code.region} and (region := known.regions.get(self.code.region)) and region.lesion_in:
                yield from codes_of(replace(lesion, regions=frozenset(known.levels[level].region for level in lesion.levels if level in known.levels)), known)


# --- small things ------------------------------------------------------------------------------------


def _without_weak(lesions: list[Lesion]) -> list[Lesion]:
    """What is said of the contents of a site counts only where nothing is said of a site."""
    strong = [lesion for lesion in lesions if not lesion.weak]
    return strong + [lesion for lesion in lesions if lesion.weak and not any(other.regions & lesion.regions or not other.regions or not lesion.regions for other in strong)]


def _compatible(a: Lesion, b: Lesion) -> bool:
    """Whether two statements can be about one lesion."""
    if a.site and b.site and a.site != b.site:
        return False
    if a.levels and b.levels:
        return overlap(a.levels, b.levels)
    return not a.regions or not b.regions or bool(a.regions & b.regions)


def _same_lesion(a: Lesion, b: Lesion) -> bool:
    return overlap(a.levels, b.levels) and a.site == b.site


