"""Reading text -> sentences, each with its section, its paragraph and its place on the line.

A line end closes a sentence; hard wraps were undone before (``wraps.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.reading.sections import Headings, Section

#: A sentence ends at a full stop before a blank, unless an abbreviation or a number carries it.
END = re.compile(
    r"[.!?](?:(?<=[\w)\"'%°+-].)[.!?]*[\"')\]]*(?=\s|$)"
    r"|(?<=[a-z]{3}\.)(?=[a-z]{4,})|(?<=\d\.)(?=[a-z]{4,})|(?<=\w\.)(?=[a-z ]{4,24}:))"
)
LONGEST_ABBREVIATION = 8  #: characters, with the blank before it
RULE = re.compile(r"[ \t]*[-=_*~]{3,}[ \t]*$")
LONGEST = 700  #: a longer sentence is cut at a comma or blank, so that linking stays linear


@dataclass(slots=True)
class Sentence:
    """A stretch of the reading text that says one thing."""

    start: int
    end: int
    section: str
    paragraph: int
    line: int
    line_start: bool  #: the first sentence of its line
    heading: str = ""


@lru_cache(maxsize=4)
def shortened_by(abbreviations: Sequence[str]) -> re.Pattern[str]:
    """The pattern of an abbreviation that ends where a full stop stands."""
    return re.compile(rf"(?:^|[\s(])(?:{'|'.join(map(re.escape, abbreviations))})$")


def sentences(
    text: str,
    headings: Headings,
    kind: str,
    copied: Sequence[tuple[int, bool]],
    loud: Callable[[int], bool],
    shortened: re.Pattern[str],
) -> list[Sentence]:
    """Cut a reading text of a document ``kind``.

    ``copied`` lists where copied blocks start (True) and end; ``loud`` tells whether the words at an offset are
    written in capitals before words that are not; ``shortened`` is the pattern of abbreviations before a full stop.
    """
    found: list[Sentence] = []
    state = Section(headings, kind)
    for number, (start, end, paragraph) in enumerate(_lines(text)):
        if RULE.fullmatch(text, start, end):
            state.rule()
            continue
        begin = state.open_line(text, start, end, paragraph, loud=loud(start))
        for first, last, at_start in _cut(text, begin, end, state, shortened):
            section = state.kind
            if _inside_copied(copied, last):
                section = "copied"
            found.append(Sentence(first, last, section, paragraph, number, at_start, state.name))
        state.close_line()
    return found


def _cut(
    text: str, start: int, end: int, state: Section, shortened: re.Pattern[str]
) -> Iterator[tuple[int, int, bool]]:
    first = start
    at_start = True
    for match in END.finditer(text, start, end):
        if match.end() <= first or (match[0][0] == "." and _carries(text, first, match, shortened)):
            continue
        for piece in _short(text, first, match.end()):
            yield (*piece, at_start)
            at_start = False
        first = state.enter_inline(text, match.end(), end)
    for piece in _short(text, first, end):
        yield (*piece, at_start)
        at_start = False


def _carries(text: str, first: int, match: re.Match[str], shortened: re.Pattern[str]) -> bool:
    """Whether the full stop belongs to an abbreviation."""
    following = text[match.end() : match.end() + 3].strip()
    if not following or following.startswith("-"):
        return False
    before = text[max(first, match.start() - LONGEST_ABBREVIATION) : match.start()]
    return shortened.search(before) is not None


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch itself, or pieces of it no longer than LONGEST."""
    while end - start > LONGEST:
        cut = max(text.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in (";", ",", " "))
        cut = cut if cut > start else start + LONGEST
        yield start, cut
        start = cut
    if text[start:end].strip(" \t\n.-:;,"):
        yield start, end


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Lines that hold something: start, end, paragraph number."""
    position = paragraph = 0
    for line in text.split("\n"):
        if line.strip():
            yield position, position + len(line), paragraph
        else:
            paragraph += 1
        position += len(line) + 1


def _inside_copied(copied: Sequence[tuple[int, bool]], end: int) -> bool:
    """Whether the last copy mark before the sentence, or in it, opens a block."""
    index = bisect_left(copied, (end, False)) - 1
    return index >= 0 and copied[index][1]
