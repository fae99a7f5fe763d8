"""Reading text -> sentences, each with its section, its paragraph and its place on the line.

A line end closes a sentence; hard wraps were undone before (``wraps.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from knowledge.reading.sections import Headings, Section

#: A sentence ends at a full stop before a blank, unless an abbreviation or a number carries it.
END = re.compile(
    r"[.!?](?:(?<=[\w)\"'%°#+-].)[.!?]*[\"')\]]*(?=\s|$)"
    r"|(?<=[ \t]\.)(?=\s|$)|(?<=[a-z]{3}\.)(?=[a-z]{4,})|(?<=\d\.)(?=[a-z]{4,})|(?<=\w\.)(?=[a-z ]{4,24}:))"
)
LONGEST_ABBREVIATION = 8  #: characters, with the blank before it
RULE = re.compile(r"[ \t]*[-=_*~]{3,}[ \t]*$")
RULED = frozenset("-=_*~ \t")  #: what a ruled line begins with
EXAM = "exam"
NO_WORDS = " \t\n.-:;,"
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


def sentences(
    text: str,
    headings: Headings,
    kind: str,
    copied: Sequence[tuple[int, bool]],
    loud: Callable[[int], bool],
    shortened: frozenset[str],
    examined: Mapping[int, int],
) -> list[Sentence]:
    """Cut a reading text of a document ``kind``.

    ``copied`` lists where copied blocks start (True) and end; ``loud`` tells whether the words at an offset are
    written in capitals before words that are not; ``shortened`` are the abbreviations that a full stop may follow;
    ``examined`` tells of lines that are part of an examination whatever their letter heads elsewhere where they begin.
    """
    found: list[Sentence] = []
    state = Section(headings, kind)
    stops = [match.span() for match in END.finditer(text)]
    headed = {match.start() for match in headings.anywhere.finditer("\n" + text)}
    passed = 0
    for number, (start, end, paragraph) in enumerate(_lines(text)):
        before = passed
        while passed < len(stops) and stops[passed][0] < end:
            passed += 1
        if text[start] in RULED and RULE.fullmatch(text, start, end):
            state.rule()
            continue
        palpated = examined.get(start)
        if palpated is not None:
            begin = palpated
        else:
            begin = start
            state.next_line(text, start, end, paragraph)
            if start in headed:
                begin = state.open_line(text, start, end, loud)
        at_start = True
        for first, last in _cut(text, begin, end, stops[before:passed], state, shortened):
            section = state.kind if palpated is None else EXAM
            if copied and _inside_copied(copied, first, last):
                section = "copied"
            found.append(Sentence(first, last, section, paragraph, number, at_start, state.name))
            at_start = False
            state.close_sentence()
        state.close_line()
    return found


def _cut(
    text: str, start: int, end: int, stops: Iterable[tuple[int, int]], state: Section, shortened: frozenset[str]
) -> Iterator[tuple[int, int]]:
    """The sentences of a line, by what may end one in it."""
    first = start
    colon = text.rfind(":", start, end)
    for stop, behind in stops:
        if behind <= first or (behind < end and text[stop] == "." and _carries(text, first, stop, behind, shortened)):
            continue
        if behind - first > LONGEST:
            yield from _short(text, first, behind)
        elif text[first:behind].strip(NO_WORDS):
            yield first, behind
        first = state.enter_inline(text, behind, end) if behind < colon else behind
    yield from _short(text, first, end)


def _carries(text: str, first: int, stop: int, behind: int, shortened: frozenset[str]) -> bool:
    """Whether the full stop belongs to an abbreviation."""
    words = text[max(first, stop - LONGEST_ABBREVIATION) : stop].replace("(", " ").split()
    if not words or words[-1] not in shortened:
        return False
    following = text[behind : behind + 3].strip()
    return bool(following) and following[0] != "-"


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Pieces of a stretch no longer than LONGEST, or the stretch itself."""
    while end - start > LONGEST:
        cut = max(text.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in (";", ",", " "))
        cut = cut if cut > start else start + LONGEST
        yield start, cut
        start = cut
    if text[start:end].strip(NO_WORDS):
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


def _inside_copied(copied: Sequence[tuple[int, bool]], start: int, end: int) -> bool:
    """Whether a sentence was copied: the last mark up to its end opens a block, or closes it behind most of it."""
    index = bisect_left(copied, (end, False)) - 1
    if index < 0:
        return False
    mark, opens = copied[index]
    return opens or mark - start > end - mark
