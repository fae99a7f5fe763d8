"""Vertebral levels in every notation: L4-5, L4/5, L4-L5, L45, L5S1, C6-7, T12-L1, D11-12, occiput-C1, C3 through C6."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

NUMBER = r"(?:1[0-2]|\d)"
#: "... to 11 mm" is a measure.
MEASURE = r"(?![ ]?(?:mm\b|cm\b|millim|%|percent|deg(?:rees?)?\b))"
STEP = rf"[ ]?(?:-|/|to|thru|through|on)[ ]?[ctdls]?-?{NUMBER}{MEASURE}"
#: The letter and its number come first, so that the scan stops only there; what may not stand before is asked next.
TOKEN = re.compile(
    rf"([ctdls])(?=-?\d)(?<![\w.][ctdls])(-?{NUMBER}(?:{STEP})*|\d{{2,4}}|\d[ctdls]\d)(?![\w]|\.\d|/5\b)"
)
#: The thoracic spine by its other name, dorsal.
DORSAL, THORACIC, SACRAL = "d", "t", "s"
#: No vertebra: where something is "S0", S stands for severity, and S2 is a grade.
NO_SEVERITY = re.compile(r"(?<![\w.-])s0(?![\w.])")
PART = re.compile(rf"([ctls]?)-?({NUMBER})")
LONG = 24  #: characters of a level expression that is not met twice
JOINED = re.compile(r"[ ]*(?:through|thru|to|-)[ ]*")
#: A segment as it is spoken, behind "at": "at L4 5", "at L4 L5".
SPOKEN = re.compile(
    rf"[ ]({NUMBER})(?![\w/.%-]|[ ]?(?:mm|cm|millim|percent|deg|week|wk|month|mo|year|yr|day)s?\b|[ ]?[-/])"
)
AT = re.compile(r"\b(?:at|level) $")


@dataclass(frozen=True, slots=True, eq=False)
class Spine:
    """The vertebrae from top to bottom, and the level between each two neighbours."""

    order: tuple[str, ...]
    last: Mapping[str, int]  #: letter -> number of its last vertebra
    known: frozenset[str]
    roots: frozenset[str]  #: nerve roots that no vertebra is named after

    @classmethod
    def of(cls, levels: Sequence[tuple[str, str]]) -> Spine:
        """From (level, kind) rows in anatomical order."""
        order = tuple(level for level, kind in levels if kind == "vertebra")
        last: dict[str, int] = {}
        for vertebra in order:
            last[vertebra[0].lower()] = int(vertebra[1:])
        roots = frozenset(level for level, kind in levels if kind == "root")
        return cls(order, last, frozenset(level for level, _ in levels) - roots, roots)

    def between(self, upper: str, lower: str) -> tuple[str, ...]:
        """The levels from one vertebra to another: one segment for neighbours, all of them for a range."""
        try:
            first, end = self.order.index(upper), self.order.index(lower)
        except ValueError:
            return ()
        if first >= end:
            return (upper,) if upper == lower else ()
        whole = f"{upper}-{lower}"
        if end - first == 2 and whole in self.known:  # noqa: PLR2004
            return (whole,)
        names = (f"{self.order[i]}-{self.order[i + 1]}" for i in range(first, end))
        return tuple(name for name in names if name in self.known)


@dataclass(slots=True)
class LevelMention:
    """One level expression: where it stands and the levels it names."""

    start: int
    end: int
    levels: tuple[str, ...]
    single: bool  #: one vertebra, which may just as well be a nerve root


def overlap(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two lists of levels meet; a vertebra meets the levels above and below it."""
    return any(
        x == y or ("-" not in x and x in y.split("-")) or ("-" not in y and y in x.split("-")) for x in a for y in b
    )


def find_levels(text: str, spine: Spine) -> list[LevelMention]:
    """Every level expression of a reading text, ranges filled in."""
    found: list[LevelMention] = []
    for match in TOKEN.finditer(text):
        read = _read if match.end() - match.start() < LONG else _read.__wrapped__  # a chain of levels is kept nowhere
        levels, single = read(match[1], match[2], spine)
        if levels:
            found.append(LevelMention(match.start(), match.end(), levels, single))
    return _between(text, _ranges(text, _one_name(text, found), spine), spine)


def _one_name(text: str, found: list[LevelMention]) -> list[LevelMention]:
    """Without what is no vertebra: who writes T for the thoracic spine means something else by a lone D3."""
    lone = {text[one.start] for one in found if one.single}
    others = set()
    if DORSAL in lone and any(text[one.start] == THORACIC for one in found):
        others.add(DORSAL)
    if SACRAL in lone and NO_SEVERITY.search(text):
        others.add(SACRAL)
    return [one for one in found if not (one.single and text[one.start] in others)] if others else found


@lru_cache(maxsize=4096)  # there are few ways to write a level, and short ones
def _read(letter: str, rest: str, spine: Spine) -> tuple[tuple[str, ...], bool]:
    """The levels of one expression, and whether it is one vertebra or root."""
    letter, rest = letter.replace(DORSAL, THORACIC), rest.replace(DORSAL, THORACIC)
    if (root := f"{letter}{rest}".upper()) in spine.roots:
        return (root,), True
    vertebrae = _vertebrae(letter, rest, spine)
    return (_named(vertebrae, spine) if vertebrae else ()), len(vertebrae) == 1


def _between(text: str, found: list[LevelMention], spine: Spine) -> list[LevelMention]:
    """Two vertebrae that name the level between them are one mention."""
    joined: list[LevelMention] = []
    for mention in found:
        if joined and (levels := _one_level(text, joined[-1], mention, spine)):
            joined[-1] = LevelMention(joined[-1].start, mention.end, levels, single=False)
        else:
            joined.append(_completed(text, mention, spine))
    return joined


def _one_level(text: str, upper: LevelMention, lower: LevelMention, spine: Spine) -> tuple[str, ...]:
    """ "between C1 and C2", "at L4 L5": the level between the two; nothing where they are two."""
    gap = text[upper.end : lower.start]
    both = gap == " and " and text[max(0, upper.start - 8) : upper.start] == "between "
    spoken = gap == " " and upper.single and lower.single and _spoken(text, upper)
    if not both and not spoken:
        return ()
    return spine.between(upper.levels[0].split("-")[0], lower.levels[-1].split("-")[-1])


def _spoken(text: str, mention: LevelMention) -> bool:
    return AT.search(text, max(0, mention.start - 8), mention.start) is not None


def _completed(text: str, mention: LevelMention, spine: Spine) -> LevelMention:
    """ "at L4 5": a vertebra with the number of the next one behind it."""
    number = SPOKEN.match(text, mention.end) if mention.single and _spoken(text, mention) else None
    if number is None:
        return mention
    levels = spine.between(mention.levels[0], f"{mention.levels[0][0]}{number[1]}")
    return LevelMention(mention.start, number.end(), levels, single=False) if len(levels) == 1 else mention


def _vertebrae(letter: str, rest: str, spine: Spine) -> list[str]:
    """The vertebrae of one expression, in the order written."""
    numbers = _glued(letter, rest, spine) or PART.findall(letter + rest)
    vertebrae: list[str] = []
    for own, number in numbers:
        letter = own or _next_letter(letter, vertebrae, int(number), spine)
        if int(number) > spine.last[letter] or f"{letter.upper()}{int(number)}" not in spine.order:
            return []
        vertebrae.append(f"{letter.upper()}{int(number)}")
    return vertebrae


def _glued(letter: str, rest: str, spine: Spine) -> list[tuple[str, str]]:
    """ "l45" and "c56": two digits that are no vertebra on their own."""
    if rest.isdigit() and len(rest) >= 2 and int(rest) > spine.last[letter]:  # noqa: PLR2004
        if len(rest) == 2:  # noqa: PLR2004
            return [(letter, rest[0]), ("", rest[1])]
        return [(letter, rest[: len(rest) // 2]), ("", rest[len(rest) // 2 :])]
    return []


def _next_letter(letter: str, before: list[str], number: int, spine: Spine) -> str:
    """The letter a bare number belongs to: "L5-1" ends in the next part of the spine."""
    if before and number < int(before[-1][1:]) and int(before[-1][1:]) == spine.last[letter]:
        letters = list(spine.last)
        following = letters.index(letter) + 1
        return letters[following] if following < len(letters) else letter
    return letter


def _named(vertebrae: list[str], spine: Spine) -> tuple[str, ...]:
    if len(vertebrae) == 1:
        return (vertebrae[0],)
    if len(vertebrae) > 2 and (whole := f"{vertebrae[0]}-{vertebrae[-1]}") in spine.known:  # noqa: PLR2004
        return (whole,)
    levels: list[str] = []
    for upper, lower in pairwise(vertebrae):
        levels += [level for level in spine.between(upper, lower) if level not in levels]
    return tuple(levels)


def _ranges(text: str, found: list[LevelMention], spine: Spine) -> list[LevelMention]:
    """ "C2-3 through C6-7": the levels in between are meant too."""
    joined: list[LevelMention] = []
    for mention in found:
        if (
            joined
            and JOINED.fullmatch(text, joined[-1].end, mention.start)
            and "-" in joined[-1].levels[0] + mention.levels[0]
        ):
            upper, lower = joined[-1].levels[0].split("-")[0], mention.levels[-1].split("-")[-1]
            if levels := spine.between(upper, lower):
                joined[-1] = LevelMention(joined[-1].start, mention.end, levels, single=False)
                continue
        joined.append(mention)
    return joined
