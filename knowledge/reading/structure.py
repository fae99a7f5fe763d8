"""Reading text -> sentences, each with its section, its paragraph and its place on the line.

A line end closes a sentence unless the line was hard-wrapped.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from knowledge.reading.sections import Headings, Section

STARTS_ITEM = re.compile(r"[ \t]*(?:[-*>#=+~]{1,3}[ \t]|\(?\d{1,2}[.)][ \t]|\[[ x✓]?\]|\|)")
#: A sentence ends at a full stop before a blank, unless an abbreviation or a number carries it.
END = re.compile(r"(?<=[\w)\"'%°+-])[.!?]+[\"')\]]*(?=\s|$)|(?<=[a-z]{3})\.(?=[a-z]{4,})|(?<=\w)\.(?=[a-z ]{4,24}:)")
ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:dr|mr|mrs|ms|lig|vs|approx|e\.g|i\.e|fig|st|prof|ext|parasag|incl|resp|cf|cm|dx'd|b|l|r|pt|hx|w|c|gen|sup|inf|assoc|dept|jr|sr|oz|min|max|avg|est|ca|tp)$"
)
KEY = re.compile(r"[ \t]*([a-z][a-z0-9 /&'().,-]{0,38}):(?=\s|$)")
#: A key that begins a line; a longer stretch before a colon is a sentence that goes on.
SHORT_KEY = re.compile(r"[ \t]*[a-z][a-z0-9/&'()-]*(?: [a-z0-9/&'()-]+){0,3} ?:(?=\s|$)")
#: A line that breaks off: no sentence ends so.
BREAKS_OFF = re.compile(
    r"(?:,|[(\[]|(?:^|[ \t])(?:a|an|and|as|at|by|for|from|in|into|is|no|nor|not|of|on|or|the|to|was|with|without))$"
)
OPEN_BOX = re.compile(r"\[ ?$")
CLOSES = re.compile(r"[.:;!?][\"')\]]*$")
LETTER = re.compile(r"[a-z]")
#: A heading alone on its line.
HEAD = re.compile(r"[ \t]*[^:]{1,40}:[ \t]*")
RULE = re.compile(r"[ \t]*[-=_*~]{3,}[ \t]*$")
#: A line is full when it lies this close to the width of the text.
LEAST_WIDTH = 28
SLACK = 13
LEAST_FULL = 3
NARROWEST = 45
MOST_WIDTH = 200
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
    *,
    loud: Callable[[int], bool],
    small: Callable[[int], bool],
) -> list[Sentence]:
    """Cut a reading text of a document ``kind``.

    ``copied`` lists where copied blocks start (True) and end; ``loud`` tells whether the words at an offset are
    written in capitals before words that are not, ``small`` whether a small letter stands there.
    """
    found: list[Sentence] = []
    state = Section(headings, kind)
    for number, (start, end, paragraph) in enumerate(_logical_lines(text, small)):
        if RULE.fullmatch(text, start, end):
            state.rule()
            continue
        begin = state.open_line(text, start, end, paragraph, loud=loud(start))
        for first, last, at_start in _cut(text, begin, end, state):
            section = state.kind
            if _inside_copied(copied, last):
                section = "copied"
            found.append(Sentence(first, last, section, paragraph, number, at_start, state.name))
        state.close_line()
    return found


def _cut(text: str, start: int, end: int, state: Section) -> Iterator[tuple[int, int, bool]]:
    first = start
    at_start = True
    for match in END.finditer(text, start, end):
        if match.end() <= first or (match[0][0] == "." and _carries(text, first, match)):
            continue
        for piece in _short(text, first, match.end()):
            yield (*piece, at_start)
            at_start = False
        first = state.enter_inline(text, match.end(), end)
    for piece in _short(text, first, end):
        yield (*piece, at_start)
        at_start = False


def _carries(text: str, first: int, match: re.Match[str]) -> bool:
    """Whether the full stop belongs to an abbreviation."""
    before = text[max(first, match.start() - 8) : match.start()]
    following = text[match.end() : match.end() + 3].strip()
    return bool(ABBREVIATION.search(before)) and bool(following) and not following.startswith(("\n", "-"))


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch itself, or pieces of it no longer than LONGEST."""
    while end - start > LONGEST:
        cut = max(text.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in (";", ",", " "))
        cut = cut if cut > start else start + LONGEST
        yield start, cut
        start = cut
    if text[start:end].strip(" \t\n.-:;,"):
        yield start, end


def _logical_lines(text: str, small: Callable[[int], bool]) -> Iterator[tuple[int, int, int]]:
    """Lines with hard wraps undone: start, end, paragraph number."""
    spans = []
    position = 0
    for line in text.split("\n"):
        spans.append((position, position + len(line)))
        position += len(line) + 1
    wraps = Wraps(text, spans, small)
    paragraph = 0
    start = -1
    for index, (first, last) in enumerate(spans):
        if not text[first:last].strip():
            paragraph += 1
            continue
        if start < 0:
            start = first
        if index + 1 < len(spans) and wraps.between(first, last, *spans[index + 1]):
            continue
        yield start, last, paragraph
        start = -1


class Wraps:
    """Which line ends of a text are hard wraps.

    Three things tell: the line breaks off (behind a comma, an article, an open bracket); the next line goes on in
    small letters where lines of this text begin with capitals; or the next word would not have fitted any more.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]], small: Callable[[int], bool]) -> None:
        self.text, self.small = text, small
        self.width = _wrap_width([end - start for start, end in spans]) or self._narrow_width(spans)
        self.cased = self._cased(spans)

    def between(self, start: int, end: int, next_start: int, next_end: int) -> bool:
        """Whether the end of a line, before the next one, is a wrap."""
        line, rest = self.text[start:end].rstrip(), self.text[next_start:next_end]
        indented = rest[:1].isspace() and not line[:1].isspace()
        if not rest.strip() or "\t" in line or RULE.fullmatch(line) or RULE.fullmatch(rest) or HEAD.fullmatch(line):
            return False
        if OPEN_BOX.search(line):
            return True
        if STARTS_ITEM.match(rest):
            return False
        if len(line) >= LEAST_WIDTH and not indented and BREAKS_OFF.search(line) and not SHORT_KEY.match(rest):
            return True
        if self._goes_on(line, rest, next_start):
            return True
        full = 0 < len(line) <= self.width < len(line) + 1 + len(rest.split(None, 1)[0])
        return full and not indented and not SHORT_KEY.match(rest)

    def _goes_on(self, line: str, rest: str, next_start: int) -> bool:
        """Whether a sentence goes on in small letters."""
        if not self.cased or len(line) < LEAST_WIDTH or CLOSES.search(line):
            return False
        return self.small(next_start + len(rest) - len(rest.lstrip()))

    def _cased(self, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether lines that begin something begin with a capital: those behind a blank line or a full stop."""
        fresh = small = 0
        closed = True
        for start, end in spans:
            line = self.text[start:end].strip()
            letter = LETTER.search(self.text, start, end)
            if closed and letter and not STARTS_ITEM.match(line):
                fresh += 1
                small += self.small(letter.start())
            closed = not line or bool(CLOSES.search(line))
        return small * 4 <= fresh

    def _narrow_width(self, spans: Sequence[tuple[int, int]]) -> int:
        """The width of a text with few full lines: its longest line, when two or more lines fill it and break off."""
        longest = max((end - start for start, end in spans), default=0)
        if not NARROWEST <= longest <= MOST_WIDTH:
            return 0
        full = 0
        for (start, end), (after, last) in pairwise(spans):
            word = self.text[after:last].split(None, 1)[:1]
            line = self.text[start:end].rstrip()
            full += bool(word) and longest < len(line) + 1 + len(word[0]) and not CLOSES.search(line)
        return longest if full >= LEAST_FULL - 1 else 0


def _wrap_width(lengths: list[int]) -> int:
    """The width a text was wrapped at, or 0 when it was not."""
    best = (0, 0)
    for width in set(lengths):
        if LEAST_WIDTH <= width <= MOST_WIDTH:
            best = max(best, (sum(width - SLACK < length <= width for length in lengths), width))
    full, width = best
    long = sum(length > width // 2 for length in lengths)
    beyond = sum(length > width for length in lengths)
    return width if full >= LEAST_FULL and full * 2 >= long and beyond * 6 <= full else 0


def _inside_copied(copied: Sequence[tuple[int, bool]], end: int) -> bool:
    """Whether the last copy mark before the sentence, or in it, opens a block."""
    index = bisect_left(copied, (end, False)) - 1
    return index >= 0 and copied[index][1]
