"""A document's text -> the text that is scanned, with the way back to the original.

The reading text is lower case with plain dashes, blanks and quotes; words broken over a line end are
joined and misspelt key terms are spelt.  Offsets are mapped back, so that every quote is verbatim.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase

from knowledge.reading.lexicon import Lexicon
from knowledge.reading.signs import answers, dictated, spelled

#: One character for one character, so that offsets stay; a drawn line between cells is a tab.
ASCII = dict.fromkeys("\r\f\v", " ") | {"|": "\t"}
PLAIN = (
    ASCII
    | dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " ")
    | dict.fromkeys("‐‑‒–—−﹘－", "-")
    | dict.fromkeys("‘’‛′", "'")
    | dict.fromkeys("“”„″", '"')
    | {"İ": "i", "•": "*", "·": "*", "◦": "*", "▪": "*", "\u2028": "\n", "\u2029": "\n", "\u0085": "\n"}
)
#: What may have cut a word: a line end before a letter, a soft hyphen inside a word.
LINE_END = re.compile(r"\n(?<=[a-z \t-]\n)[ \t]*(?=[a-z])")
SOFT = re.compile(r"(?<=[a-z])\u00ad\n?(?=[a-z])")
WORD = re.compile(r"[a-z]+")
LONG = re.compile(r"[a-z]{6,}")
LETTERS = frozenset(ascii_lowercase)
#: The digit in a word, as scanned paper has it, and what follows: the scan stops at digits only.
SCANNED = re.compile(r"[01](?<=[a-z][a-z][01])(?:[a-z][a-z01]*)?(?![a-z0-9])")
BEGINNING = re.compile(r"(?<![a-z0-9])[a-z]+\Z")
LOOKALIKE = str.maketrans("01", "ol")
#: Letters of a word that a line end has cut, at most.
MOST_LETTERS = 40


@dataclass(frozen=True, slots=True)
class ReadingText:
    """What is scanned; ``starts`` and ``shifts`` say how far each stretch lies from the original."""

    text: str
    starts: tuple[int, ...] = (0,)
    shifts: tuple[int, ...] = (0,)
    before: ReadingText | None = None  #: what was edited, where that was no original either

    def back(self, position: int) -> int:
        """The offset in the original of an offset in the reading text."""
        if len(self.starts) > 1:
            position += self.shifts[bisect_right(self.starts, position) - 1]
        return self.before.back(position) if self.before else position

    def edited(self, text: str, edits: list[tuple[int, int, str]]) -> ReadingText:
        """The same with some stretches of ``text`` replaced."""
        made = _edited(text, edits)
        return replace(made, before=self)


def reading_text(original: str, lexicon: Lexicon) -> ReadingText:
    """Prepare a text for scanning."""
    text = original
    for written, plain in (ASCII if text.isascii() else PLAIN).items():
        text = text.replace(written, plain)
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals grow when lowered
        lower = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    lower = spelled(lower)
    edits = sorted(
        [
            *_joins(lower, lexicon),
            *_soft(lower),
            *_spellings(lower, lexicon),
            *_digits(lower, lexicon),
            *answers(lower),
            *dictated(lower),
        ]
    )
    return _edited(lower, edits) if edits else ReadingText(lower)


def _joins(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    """Words of the vocabulary that a line end has cut in two, with a hyphen or without."""
    for match in LINE_END.finditer(text):
        start = _before(text, match.start())
        line = text[max(0, start - MOST_LETTERS) : start]
        before = line[len(line.rstrip(ascii_lowercase)) :]
        after = WORD.match(text, match.end(), match.end() + MOST_LETTERS)
        if not before or after is None:
            continue
        cut = text[start] == "-"  # a hyphen says that the word goes on, whatever its parts are
        known = not cut and before in lexicon.words and after[0] in lexicon.words
        if not known and before + after[0] in lexicon.words:
            yield start, match.end(), ""


def _before(text: str, position: int) -> int:
    """Where the word before a line end stops: before blanks, and before a hyphen."""
    start = position
    while start and text[start - 1] in " \t":
        start -= 1
    return start - (text[start - 1 : start] == "-")


def _soft(text: str) -> Iterator[tuple[int, int, str]]:
    """Soft hyphens inside words."""
    for match in SOFT.finditer(text) if "\u00ad" in text else ():
        yield match.start(), match.end(), ""


def _spellings(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    """Key terms that are misspelt."""
    words = LONG.findall(text)
    corrections = lexicon.spelling.corrections(words)
    end = 0
    for word in [word for word in words if word in corrections] if corrections else ():
        start = text.find(word, end)
        while text[start - 1 : start] in LETTERS or text[start + len(word) : start + len(word) + 1] in LETTERS:
            start = text.find(word, start + 1)
        end = start + len(word)
        yield start, end, corrections[word]


def _digits(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    """Words of a fax in which a letter was read as the digit that looks like it."""
    for match in SCANNED.finditer(text):
        begins = BEGINNING.search(text, max(0, match.start() - MOST_LETTERS), match.start())
        word = (begins[0] + match[0]).translate(LOOKALIKE) if begins else ""
        if begins and word in lexicon.words:
            yield begins.start(), match.end(), word


def _edited(text: str, edits: list[tuple[int, int, str]]) -> ReadingText:
    parts: list[str] = []
    starts, shifts = [0], [0]
    done = length = 0
    for start, end, new in edits:
        if start < done:
            continue
        parts += [text[done:start], new]
        length += start - done
        for place in range(length + end - start, length + len(new)):  # what is longer stands for the last character
            starts.append(place)
            shifts.append(end - 1 - place)
        length += len(new)
        starts.append(length)
        shifts.append(end - length)
        done = end
    parts.append(text[done:])
    return ReadingText("".join(parts), tuple(starts), tuple(shifts))
