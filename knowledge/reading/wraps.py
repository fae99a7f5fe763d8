"""Hard wraps: the line ends that a width has put into a sentence, undone before anything is scanned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice, pairwise

STARTS_ITEM = re.compile(r"[ \t]*(?:[-*>#=+~]{1,3}[ \t]|\(?\d{1,2}[.)][ \t]|\[[ x✓]?\]|\|)")
RULE = re.compile(r"[ \t]*[-=_*~]{3,}")
#: A key that begins a line; a longer stretch before a colon is a sentence that goes on.
SHORT_KEY = re.compile(r"[ \t]*[a-z][a-z0-9/&'()_-]*(?: [a-z0-9/&'()_-]+){0,3} ?:(?=\s|$)")
#: A key with its value on the same line.
VALUE = re.compile(SHORT_KEY.pattern + r"[ \t]+\S")
#: A line that breaks off: no sentence ends so.
COMMA = re.compile(r"(?:[,(\[]|[a-z][ \t](?:no|not|nor|is|was))$")
BREAKS_OFF = re.compile(r"(?:(?:^|[ \t])(?:a|an|and|as|at|by|for|from|in|into|of|on|or|the|to|with|without))$")
#: A box that is cut, or that stands behind others and before its words.
OPEN_BOX = re.compile(r"\[ ?$|\[[ x_]?\].*\[ ?\]$")
CLOSES = re.compile(r"[.:;!?][\"')\]]*$")
LETTER = re.compile(r"[a-z]")
#: A heading alone on its line.
HEAD = re.compile(r"[ \t]*[^:]{1,40}:[ \t]*")
#: A few words alone on their line, such as a heading.
ALONE = re.compile(r"[ \t]*\S+(?: \S+){0,2}[^.;!?\s][ \t]*")
#: A line is full when it lies this close to the width of the text.
LEAST_WIDTH = 28
SLACK = 13
LEAST_FULL = 3
TOLD_BY = 60  #: letters
FEW_KEYS = 2  #: one word before a colon may be a sentence that goes on
NARROWEST = 45
OVER = 6  #: a line that is longer than the width of most
KEYED = (3, 5)  #: share of the lines that begin with a key where all others go on
MOST_WIDTH = 200


def unwrapped(text: str, small: Callable[[int], bool]) -> str:
    """The text with a blank for every hard wrap, so that offsets stay.

    ``small`` tells whether a small letter stands at an offset of the text as it was written.
    """
    spans = []
    position = 0
    for line in text.split("\n"):
        spans.append((position, position + len(line)))
        position += len(line) + 1
    wraps = Wraps(text, spans, small)
    parts = []
    first = 0  # where the line began, wraps undone
    for (start, end), (after, last) in pairwise(spans):
        goes_on = last > after and (wraps.between(start, end, after, last) or wraps.of_a_key(first, end, after, last))
        parts += [text[start:end], " " if goes_on else "\n"]
        first = first if goes_on else after
    return "".join([*parts, text[spans[-1][0] :]])


class Wraps:
    """Which line ends of a text are hard wraps.

    Three things tell: the line breaks off (behind a comma, an article, an open bracket); the next line goes on in
    small letters where lines of this text begin with capitals; or the next word would not have fitted any more.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]], small: Callable[[int], bool]) -> None:
        self.text, self.small = text, small
        self.closed = sum(bool(CLOSES.search(text[start:end].rstrip())) for start, end in spans)
        self.width = self._wide_width(spans) or self._narrow_width(spans)
        self.cased = self._cased(spans)
        lines = [text[start:end] for start, end in spans if text[start:end].strip()]
        self.keyed = sum(bool(SHORT_KEY.match(line)) for line in lines) * KEYED[1] >= len(lines) * KEYED[0]

    def between(self, start: int, end: int, next_start: int, next_end: int) -> bool:
        """Whether the end of a line, before the next one, is a wrap."""
        line, rest = self.text[start:end].rstrip(), self.text[next_start:next_end]
        indented = rest[:1].isspace() and not line[:1].isspace()
        if not rest.strip() or "\t" in line or RULE.match(line) or RULE.match(rest) or HEAD.fullmatch(line):
            return False
        if OPEN_BOX.search(line) or _left_open(line, rest):
            return True
        if STARTS_ITEM.match(rest):
            return False
        if len(line) >= LEAST_WIDTH and not indented and self._breaks_off(line, rest):
            return True
        if self._goes_on(line, rest, next_start):
            return True
        if indented or SHORT_KEY.match(rest) or (CLOSES.search(line) and ALONE.fullmatch(rest)):
            return False
        return self.width > 0 and len(line) - OVER <= self.width < len(line) + 1 + len(rest.split(None, 1)[0])

    def of_a_key(self, start: int, end: int, next_start: int, next_end: int) -> bool:
        """Whether a line without a key goes on with the value of the key before, where all lines have one."""
        rest = self.text[next_start:next_end]
        if not self.keyed or not rest.strip() or SHORT_KEY.match(rest) or STARTS_ITEM.match(rest):
            return False
        return bool(VALUE.match(self.text, start, end)) and not CLOSES.search(self.text[start:end].rstrip())

    def _breaks_off(self, line: str, rest: str) -> bool:
        """Whether no sentence and no entry of a list ends so."""
        return bool(BREAKS_OFF.search(line)) or (bool(COMMA.search(line)) and not SHORT_KEY.match(rest))

    def _goes_on(self, line: str, rest: str, next_start: int) -> bool:
        """Whether a sentence goes on in small letters."""
        if not self.cased or len(line) < LEAST_WIDTH or CLOSES.search(line):
            return False
        return self.small(next_start + len(rest) - len(rest.lstrip()))

    def _cased(self, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether lines that begin something begin with a capital: those behind a blank line or a full stop."""
        fresh = small = keys = 0
        closed = True
        for start, end in spans:
            line = self.text[start:end].strip()
            letter = LETTER.search(self.text, start, end)
            if letter and not STARTS_ITEM.match(line):
                fresh += closed
                small += closed and self.small(letter.start())
                keys += not closed and bool(SHORT_KEY.match(line)) and self.small(letter.start())
            closed = not line or bool(CLOSES.search(line))
        if keys >= FEW_KEYS:
            fresh, small = fresh + keys, small + keys
        return small * 4 <= fresh

    def _wide_width(self, spans: Sequence[tuple[int, int]]) -> int:
        """The width a text was wrapped at, or 0 when it was not: a list whose lines close nowhere is none."""
        lengths = [end - start for start, end in spans]
        best = (0, 0)
        counts = Counter(lengths)
        for width in counts:
            if LEAST_WIDTH <= width <= MOST_WIDTH:
                best = max(best, (sum(counts[width - less] for less in range(SLACK)), width))
        full, width = best
        long = sum(length > width // 2 for length in lengths)
        beyond = sum(length > width for length in lengths)
        prose = self.closed * 6 >= full
        return width if prose and full >= LEAST_FULL and full * 2 >= long and beyond * 6 <= full else 0

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
        few = 1 if self._capitals() else LEAST_FULL - 1
        return longest if few <= full <= self.closed * 2 else 0

    def _capitals(self) -> bool:
        """Whether the text is written in capitals, as far as its first letters tell."""
        letters = islice(LETTER.finditer(self.text), TOLD_BY)
        return not any(self.small(letter.start()) for letter in letters)


def _left_open(line: str, rest: str) -> bool:
    """A bracket or a quotation that the next line closes."""
    if line.count('"') % 2 and rest.count('"') % 2:
        return True
    return line.rfind("(") > line.rfind(")") and -1 < rest.find(")") < (rest.find("(") % MOST_WIDTH)
