"""Dysfunction, subluxation and other described lesions: what they support, add and lack (policy C3-C5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.documented import AMBIGUOUS, Lesion, Record
from knowledge.model import Assertion, Code, Role
from knowledge.tables import Knowledge

if TYPE_CHECKING:
    from knowledge.expected import Expectation

NOT_EXAMINED = frozenset({"hpi", "plan", "history", "copied", "family"})
PROCEDURE = "procedure"


class Lesser:
    """The lesions without a narrowing, before one chosen code."""

    def __init__(self, record: Record, code: Code, known: Knowledge, stenoses: list[Lesion], out: Expectation) -> None:
        self.record, self.code, self.known, self.stenoses, self.out = record, code, known, stenoses, out
        self.parts = known.parts

    def beside(self, codes: set[str]) -> set[str]:
        """With a chosen stenosis lesser lesions count where nothing is narrowed (C3, C4)."""
        narrowed = {region for lesion in self.stenoses for region in self._lies_in(lesion)}
        found = self._codes(exclude=narrowed, signs=not codes and not self.stenoses)
        if codes:
            own = {self.known.codes[code].region for code in codes}
            lying = {region for lesion in self.out.lesions for region in self._lies_in(lesion)}
            return codes | {
                code for code, named in found.items() if named and self.known.codes[code].region not in own | lying
            }
        if found:
            self.out.lesser = True
            self.out.policy.append("C4")
            self._rest_on_named()
        return set(found)

    def instead(self, codes: set[str]) -> set[str]:
        """With a chosen dysfunction, subluxation, other or unspecified lesion (C3, C5)."""
        lesion = self.known.families[self.code.family].lesion
        if lesion in {self.parts.described, self.parts.vague}:
            return self._unspecific(codes)
        self.out.policy.append("C3")
        mine = self._mine(lesion)
        found = set(codes)
        if mine:
            found.add(self.code.code)
            self.out.lesions = (*mine, *self.out.lesions)
        taken = {self.code.region} if mine else set()
        taken |= {region for lesion in self.stenoses if lesion.treating for region in self._lies_in(lesion)}
        more = self._codes(exclude=taken, signs=not mine and not codes)
        if more and not mine:
            self._rest_on_named()
        return found | set(more)

    def missing(self) -> tuple[bool, tuple[str, ...], tuple[Lesion, ...]]:
        """Whether there is some evidence, which hard element it lacks, and the lesions it rests on (V6, C5)."""
        lesion = self.known.families[self.code.family].lesion
        if lesion in {self.parts.described, self.parts.vague}:
            described = self.named(self.parts.described)
            return True, ("region",) if described else ("lesion",), tuple(described)
        kinds = (self.parts.motion, self.parts.position, self.parts.motion_sign)
        unplaced = [item for kind in kinds for item in self.named(kind) if not item.regions]
        vague = self.named(self.parts.vague)
        if unplaced:
            return True, ("region",), tuple(unplaced)
        if vague or self._palpated():
            return True, ("lesion",), tuple(vague)
        return False, (), ()

    def named(self, kind: str) -> list[Lesion]:
        """The lesions of a kind that the treating provider affirms."""
        return [
            item
            for item in self.record.lesions
            if item.kind == kind and item.stated and item.treating and item.statement.sentence.section != PROCEDURE
        ]

    def undefined(self) -> list[Lesion]:
        """Lesser lesions at a level that belongs to two regions (B4)."""
        return [
            item
            for kind in (self.parts.motion, self.parts.position)
            for item in self.named(kind)
            if item.regions == {AMBIGUOUS}
        ]

    def _mine(self, lesion: str) -> list[Lesion]:
        """What supports the chosen family in its region; a subluxation supports a dysfunction too, not the reverse."""
        named = self.named(lesion)
        if lesion == self.parts.motion:
            named += self.named(self.parts.position)
        mine = [item for item in named if self.code.region in item.regions]
        if not mine and lesion == self.parts.motion:
            mine = [item for item in self.named(self.parts.motion_sign) if self.code.region in item.regions]
        return mine

    def _unspecific(self, codes: set[str]) -> set[str]:
        """An unspecific code is corrected to what the chart determines; a described other lesion supports it (C5)."""
        self.out.policy.append("C5")
        narrowed = {region for lesion in self.stenoses for region in self._lies_in(lesion)}
        described = self.named(self.parts.described)
        found = codes | set(self._codes(exclude=narrowed, signs=not codes and not described))
        if found:
            self._rest_on_named()
            return found
        self.out.lesions = tuple(described) or self.out.lesions
        family = self.known.family_of(self.parts.described)
        return {self.known.code(family, region) for item in described for region in item.regions - {AMBIGUOUS}}

    def _codes(self, exclude: set[str], *, signs: bool) -> dict[str, bool]:
        """Code -> named: subluxation and dysfunction by region; a subluxation hides the dysfunction of its region."""
        found: dict[str, bool] = {}
        slipped = {region for item in self.named(self.parts.position) for region in item.regions}
        for kind, hidden in ((self.parts.position, set[str]()), (self.parts.motion, slipped)):
            for item in self.named(kind):
                for region in item.regions - exclude - hidden - {AMBIGUOUS}:
                    found[self.known.code(self.known.family_of(kind), region)] = True
        if signs and not found:
            family = self.known.family_of(self.parts.motion)
            for item in self.named(self.parts.motion_sign):
                for region in item.regions - exclude - {AMBIGUOUS}:
                    found[self.known.code(family, region)] = False
        return found

    def _rest_on_named(self) -> None:
        if not self.out.lesions:
            named = self.named(self.parts.motion) + self.named(self.parts.position)
            self.out.lesions = tuple(item for item in named if item.regions) or tuple(
                self.named(self.parts.motion_sign)
            )

    def _lies_in(self, lesion: Lesion) -> set[str]:
        """The regions of a lesion; an extremity stands for the spine it hangs on."""
        regions = set(lesion.regions)
        for region in self.known.regions.values():
            if region.id in regions:
                regions |= set(region.lesion_in)
        return regions | (set(self.parts.undefined_between) if AMBIGUOUS in regions else set())

    def _palpated(self) -> bool:
        """Palpatory findings of the region without a name for them."""
        for text, statement, _, event in self.record.events("element"):
            if "tart" not in event.values("element") or event.assertion is not Assertion.AFFIRMED:
                continue
            if text.document.author is not Role.TREATING or statement.sentence.section in NOT_EXAMINED:
                continue
            said = {self.known.levels[level].region for level in statement.levels} | set(statement.topic_regions)
            if self.code.region in said:
                return True
        return False
