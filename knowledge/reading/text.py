"""A document's text -> the text that is scanned, with the way back to the original.

The reading text is lower case with plain dashes, blanks and quotes; words broken over a line end are
joined and misspelt key terms are spelt.  Offsets are mapped back, so that every quote is verbatim.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from knowledge.reading.lexicon import Lexicon

#: One character for one character, so that offsets stay.
PLAIN = str.maketrans(
    dict.fromkeys("‐‑‒–—−﹘－", "-")
    | dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000\r\f\v", " ")
    | dict.fromkeys("‘’‛′", "'")
    | dict.fromkeys("“”„″", '"')
    | {"İ": "i", "•": "*", "·": "*", "◦": "*", "▪": "*", "\u2028": "\n", "\u2029": "\n", "\u0085": "\n"}
)
#: A word cut at a line end, with or without a hyphen; a soft hyphen inside a word.
CUT = re.compile(r"([a-z]+)(-[ \t]*\n[ \t]*|[ \t]*\n[ \t]*|\u00ad\n?)([a-z]+)")
LONG = re.compile(r"[a-z]{6,}")


@dataclass(frozen=True, slots=True)
class ReadingText:
    """What is scanned; ``starts`` and ``shifts`` say how far each stretch lies from the original."""

    text: str
    starts: tuple[int, ...] = (0,)
    shifts: tuple[int, ...] = (0,)

    def back(self, position: int) -> int:
        """The offset in the original of an offset in the reading text."""
        if len(self.starts) == 1:
            return position
        return position + self.shifts[bisect_right(self.starts, position) - 1]


def reading_text(original: str, lexicon: Lexicon) -> ReadingText:
    """Prepare a text for scanning."""
    text = original.translate(PLAIN)
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals grow when lowered
        lower = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    edits = sorted(_joins(lower, lexicon) + _spellings(lower, lexicon))
    return _edited(lower, edits) if edits else ReadingText(lower)


def _joins(text: str, lexicon: Lexicon) -> list[tuple[int, int, str]]:
    """Words of the vocabulary that a line end has cut in two."""
    edits = []
    position = 0
    while match := CUT.search(text, position):
        before, cut, after = match.groups()
        position = match.start(3)
        whole = before + after in lexicon.words and not (before in lexicon.words and after in lexicon.words)
        if whole or "\u00ad" in cut:
            edits.append((match.start(2), match.end(2), ""))
    return edits


def _spellings(text: str, lexicon: Lexicon) -> list[tuple[int, int, str]]:
    """Key terms that are misspelt by one letter."""
    corrections = {word: term for word in set(LONG.findall(text)) if (term := lexicon.spell(word))}
    if not corrections:
        return []
    return [
        (match.start(), match.end(), corrections[match.group()])
        for match in LONG.finditer(text)
        if match.group() in corrections
    ]


def _edited(text: str, edits: list[tuple[int, int, str]]) -> ReadingText:
    parts: list[str] = []
    starts, shifts = [0], [0]
    done = length = 0
    for start, end, new in edits:
        if start < done:
            continue
        parts += [text[done:start], new]
        length += start - done + len(new)
        starts.append(length)
        shifts.append(end - length)
        done = end
    parts.append(text[done:])
    return ReadingText("".join(parts), tuple(starts), tuple(shifts))
