"""Palpation told letter by letter: four lines that begin P, A, R, T, or a table with a column for each letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from knowledge.reading.clauses import Event
from knowledge.reading.lexicon import term

#: What parts a letter from what is found: "P: ...", "P(ain): ...", two blanks.
PARTED = r"(?:\([a-z/ ]{1,16}\))?(?:[ \t]*[:=][ \t]*|[ \t]+-{1,2}[ \t]+|[ \t]{2,})"
#: Likewise, no further than it takes to know.
PARTS = r"(?:\([a-z/ ]{1,16}\))?(?:[ \t]*[:=]|[ \t]+-{1,2}[ \t]|[ \t]{2})"
LETTER = re.compile(rf"[ \t]*(?:[a-z]{{4}} )?[a-z]{PARTED}")
FOUND = "+"
TERM = term((("element", "tart"),))
LIMITED = term((("element", "tart"), ("element", "neuro")))
WHOLE = term((("element", "neuro-normal"),))
SIGNED = r"[ ]*(?:[:=][ ]*)?(?:\+|-|pos|neg)"
#: A range and the one that is expected, or the part of it that is left.
RANGE = re.compile(
    r"\d(?<![\d./]\d)\d{0,2}\s?(?:%(?!\s(?:better|improve|relie))|°?\s?(?:/|of|out of)\s?(\d{2,3})(?![\d/]))"
)
DIGITS = re.compile(r"\d+")
LONGEST = 32  #: characters of a motion and what stands between it and its range
PLUS = re.compile(r"\+|pos")


@lru_cache(maxsize=4)
def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    runs = (r"[^\n]*\n[ \t]*".join(f"(?:{word} )?{letter}{PARTS}" for letter in word) for word in words)
    return re.compile(rf"^[ \t]*(?:{'|'.join(runs)})", re.MULTILINE)


def lettered(text: str, words: Sequence[str]) -> Mapping[int, int]:
    """Lines that tell one letter each of a word, in its order: where they start -> where their text begins."""
    lines: dict[int, int] = {}
    for match in _pattern(words).finditer(text):
        start = match.start()
        while 0 < start + 1 <= match.end():
            begin = LETTER.match(text, start)
            lines[start] = begin.end() if begin else start
            start = text.find("\n", start) + 1 or len(text) + 1
    return lines


def graded(text: str, words: Sequence[str]) -> Iterator[Event]:
    """The plus signs of a table whose header has a column for each letter of a word, as palpatory findings."""
    columns = range(0)
    position = 0
    for line in text.split("\n") if "\t" in text else ():
        cells = line.split("\t")
        if len(cells) < len(words[0]):
            columns = range(0)
        elif header := _header(cells, words):
            columns = header
        else:
            for number in columns:
                if number < len(cells) and FOUND in cells[number]:
                    place = position + sum(len(cell) + 1 for cell in cells[:number]) + cells[number].index(FOUND)
                    yield Event(place, place + len(FOUND), TERM)
        position += len(line) + 1


@lru_cache(maxsize=4)
def _signs(words: Sequence[str]) -> re.Pattern[str]:
    runs = (
        rf"{word[0]}(?<![a-z]{word[0]}){SIGNED}"
        + "".join(rf"[ ]*(?:[/,;\t][ ]*)?{letter}{SIGNED}" for letter in word[1:])
        for word in words
    )
    return re.compile("|".join(runs))


def signed(text: str, words: Sequence[str]) -> Iterator[Event]:
    """The plus signs behind the letters of a word on one line: "T + / A - / R + / T +"."""
    for match in _signs(words).finditer(text) if "+" in text or " pos" in text else ():
        for sign in PLUS.finditer(text, match.start(), match.end()):
            yield Event(sign.start(), sign.end(), TERM)


@lru_cache(maxsize=4)
def _motion(motions: Sequence[str]) -> re.Pattern[str]:
    named = "|".join(map(re.escape, motions))
    return re.compile(rf"(?<![a-z])(?:{named})\.?[ :=(]{{1,3}}(?:(?:to|is|was|l|r|left|right)[ :]{{1,2}})?\Z")


def measured(text: str, motions: Sequence[str]) -> Iterator[Event]:
    """Ranges of motion, less than they should be or full: "flexion 40/60", "extension 50%", "rotation 80/80"."""
    for match in RANGE.finditer(text):
        motion = _motion(motions).search(text, max(0, match.start() - LONGEST), match.start())
        if motion:
            reached = DIGITS.match(match[0])
            limited = reached is None or match[1] is None or int(reached[0]) < int(match[1])
            yield Event(motion.start(), match.end(), LIMITED if limited else WHOLE)


def _header(cells: Sequence[str], words: Sequence[str]) -> range:
    """The columns headed by the letters of a word, side by side."""
    letters = [cell.strip() for cell in cells]
    for word in words:
        for first in range(len(letters) - len(word) + 1):
            if letters[first : first + len(word)] == list(word):
                return range(first, first + len(word))
    return range(0)
