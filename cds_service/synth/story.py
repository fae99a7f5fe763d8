"""A lesion as an invented record documents it, and the answer to each code that could be chosen for it.

The answers follow from how the record was made; nothing here reads a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from cds_service.synth.frames import Frames, Story
from knowledge import Knowledge, Verdict
from knowledge.tables import Element, Family, Level

#: With these verdicts the documentation elements are reported.
REPORTED = frozenset({Verdict.SUPPORTED, Verdict.CORRECTED, Verdict.ADDITIONAL, Verdict.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right about a chosen code."""

    code: str
    verdict: Verdict
    proposed: tuple[str, ...] = ()
    missing_hard: tuple[str, ...] = ()
    missing_soft: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documented:
    """What the notes of a patient say of the lesion."""

    story: Story
    statement: str
    region: str
    site: str
    families: tuple[Family, ...]  #: one for each tissue, or the one of a lesion without narrowing
    codes: tuple[str, ...]  #: the codes of what is documented; of a displacing diagnosis its own
    said: frozenset[str]  #: documentation elements that the record satisfies
    study: str = ""  #: what an imaging report calls the region; empty: there is none


class Teller:
    """Makes up lesions and choices of codes, from the knowledge and the frames."""

    def __init__(self, known: Knowledge, frames: Frames) -> None:
        self.known, self.frames = known, frames
        studied = frames["imaging"]["study"]
        segments = [level for level in known.levels.values() if level.kind == "segment"]
        self.levels = [level for level in segments if level.region in studied]
        self.borders = [level for level in segments if level.region not in known.regions]
        self.narrow = [family for family in known.families.values() if family.stenosis]

    def tell(self, rng: Random) -> Documented:
        """A lesion, documented in one of the ways."""
        frames, known = self.frames, self.known
        story = rng.choices(frames.stories, [one.weight for one in frames.stories])[0]
        level = self._level(story, rng)
        site = rng.choice(sorted(frames["site"])) if "site" in story.needs else ""
        families = self._families(story, site, level, rng)
        region = level.region if level else rng.choice(frames["place"]["regions"])
        words = {"level": level.id if level else "", "place": level.id if level else known.regions[region].display}
        codes = tuple(known.code(family, region) for family, _ in families) if region in known.regions else ()
        if "structural" in story.needs:
            diagnosis = rng.choice(self._structurals(level))
            words["structural"] = known.structurals[diagnosis].phrases[0]
            codes = (self._structural_code(diagnosis, level),)
        if site:
            words["site"] = rng.choice(frames["site"][site])
        for name, (_, value) in zip(("mechanism", "second"), families, strict=False):
            words[name] = words["lesion"] = rng.choice({**frames["mechanism"], **frames["lesion"]}[value])
        sentence = rng.choice(story.frames).format(**words)
        return self._documented(story, sentence[0].upper() + sentence[1:], region, site, families, codes, rng)

    def _documented(
        self,
        story: Story,
        statement: str,
        region: str,
        site: str,
        families: Sequence[tuple[Family, str]],
        codes: tuple[str, ...],
        rng: Random,
    ) -> Documented:
        """The lesion with what else the record holds of it."""
        imaging, said = self.frames["imaging"], set()
        level = "level" in story.needs
        study = imaging["study"].get(region, "") if level and rng.random() < imaging["share"] else ""
        said |= {"imaging"} if study else set()
        said |= {"level"} if level else set()
        for element, sentences in self.frames["element"].items():
            if rng.random() < 1 / 2:
                said.add(element)
                statement += " " + rng.choice(sentences)
        own = tuple(dict.fromkeys(family for family, _ in families))
        return Documented(story, statement, region, site, own, tuple(dict.fromkeys(codes)), frozenset(said), study)

    def _level(self, story: Story, rng: Random) -> Level | None:
        if "border" in story.needs:
            return rng.choice(self.borders)
        if "level" not in story.needs:
            return None
        discs = "structural" in story.needs
        return rng.choice([level for level in self.levels if level.disc or not discs])

    def _families(self, story: Story, site: str, level: Level | None, rng: Random) -> list[tuple[Family, str]]:
        """The families that are documented, each with the tissue or the lesion that leads to it."""
        known = self.known
        if "lesion" in story.needs:
            lesion = rng.choice(sorted(self.frames["lesion"]))
            return [(known.family_of(lesion), lesion)]
        if "mechanism" not in story.needs:
            return []
        tissues = [one for one in sorted(self.frames["mechanism"]) if one != known.parts.disc or (level and level.disc)]
        rng.shuffle(tissues)
        by_family = {self._reached(site, tissue): tissue for tissue in tissues}
        return list(by_family.items())[: 2 if "second" in story.needs else 1]

    def _reached(self, site: str, tissue: str) -> Family:
        return next(family for family in self.narrow if family.site == site and tissue in family.mechanisms)

    def _structurals(self, level: Level | None) -> list[str]:
        return [one for one in self.frames["structural"]["ids"] if level and self._structural_code(one, level)]

    def _structural_code(self, diagnosis: str, level: Level | None) -> str:
        """The first row of the table for the level or its place, without any qualifier."""
        places = {level.id, level.place} if level else set()
        rows = (row for row in self.known.structural_codes if row.diagnosis == diagnosis and not row.qualifiers)
        return next((row.code for row in rows if places & set(row.at)), "")

    # --- the choice -----------------------------------------------------------------------------------

    def choose(self, told: Documented, rng: Random) -> Answer:
        """A code that somebody chose, and what is right about it."""
        choice = rng.choices(list(told.story.choices), list(told.story.choices.values()))[0]
        answer = getattr(self, f"_{choice}")(told, rng)
        return Answer(answer.code, answer.verdict, answer.proposed, answer.missing_hard, self._missing(answer, told))

    def _same(self, told: Documented, rng: Random) -> Answer:
        code = rng.choice(told.codes)
        others = tuple(sorted(set(told.codes) - {code}))
        return Answer(code, Verdict.ADDITIONAL if others else Verdict.SUPPORTED, others)

    def _other(self, told: Documented, rng: Random) -> Answer:
        code = self.known.code(rng.choice([one for one in self.narrow if one not in told.families]), told.region)
        return Answer(code, Verdict.CORRECTED, told.codes)

    def _elsewhere(self, told: Documented, rng: Random) -> Answer:
        regions = [one for one in self.frames["imaging"]["study"] if one != told.region]
        return Answer(self.known.code(told.families[0], rng.choice(regions)), Verdict.CORRECTED, told.codes)

    def _family(self, told: Documented, _: Random) -> Answer:
        return Answer(f"{self.known.category}.{told.families[0].digit}", Verdict.INVALID, told.codes)

    def _site(self, told: Documented, rng: Random) -> Answer:
        return Answer(self._of_site(told, rng), Verdict.INCOMPLETE, missing_hard=("mechanism",))

    def _any(self, told: Documented, rng: Random) -> Answer:
        return Answer(self.known.code(rng.choice(self.narrow), told.region), Verdict.UNSUPPORTED)

    def _displaced(self, told: Documented, rng: Random) -> Answer:
        return Answer(self._of_site(told, rng), Verdict.STRUCTURAL, told.codes)

    def _between(self, told: Documented, rng: Random) -> Answer:
        codes = tuple(sorted(self.known.code(told.families[0], one) for one in self.known.parts.undefined_between))
        return Answer(rng.choice(codes), Verdict.CLARIFY, codes)

    def _of_site(self, told: Documented, rng: Random) -> str:
        return self.known.code(rng.choice([one for one in self.narrow if one.site == told.site]), told.region)

    def _missing(self, answer: Answer, told: Documented) -> tuple[str, ...]:
        """The documentation elements that are due for the code that the answer names, and that nobody gave."""
        if answer.verdict not in REPORTED:
            return ()
        named = self.known.codes[answer.proposed[0] if answer.verdict is Verdict.CORRECTED else answer.code]
        due = [one.id for one in self.known.elements if _due(one, named.family, named.region)]
        return tuple(element for element in due if element not in told.said)


def _due(element: Element, family: str, region: str) -> bool:
    """Whether an element is asked for where nothing was ordered or performed."""
    return any(
        not when.orders
        and not when.performed
        and (not when.families or family in when.families)
        and (not when.regions or region in when.regions)
        for when in element.when
    )
