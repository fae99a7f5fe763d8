"""Hard wraps: the line ends that a width has put into a sentence, undone before anything is scanned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate, islice

STARTS_ITEM = re.compile(r"[ \t]*(?:[-*>#=+~]{1,3}[ \t]|\(?\d{1,2}[.)][ \t]|\[[ x✓]?\]|[a-z][ \t]{2,})")
RULE = re.compile(r"[ \t]*[-=_*~]{3,}")
#: A key that begins a line; a longer stretch before a colon is a sentence that goes on.
SHORT_KEY = re.compile(
    r"[ \t]*(?!(?:and|as|by|for|in|of|or|to|with) )[a-z][a-z0-9/&'()_-]*(?: [a-z0-9/&'()_-]+){0,3}\.?[ \t]*:(?=\s|$)"
)
#: A key before a dash: "Sacrum - L on L torsion".
DASH_KEY = re.compile(r"[ \t]*[a-z][a-z/]+(?: [a-z/]+)?[ \t]+-{1,2}[ \t]")
#: A key with its value on the same line.
VALUE = re.compile(SHORT_KEY.pattern + r"[ \t]+\S")
#: The last word of a line that breaks off: no sentence ends so.
BREAKS_OFF = frozenset(
    (
        *("a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to", "with"),
        *("without", "my", "his", "her", "its", "their", "our"),
    )
)
#: Likewise, behind another word.
BEHIND_A_WORD = frozenset({"no", "not", "nor", "is", "was"})
WORD_ENDS = re.compile(r"[a-z][ \t]\Z")
COMMA = frozenset(",([")
#: A key behind a sentence or behind another key: its value is still to come.
OPEN_KEY = re.compile(r"[:.;?][ \t]+[^:.;?\t]{2,40}:$")
#: A dash or star that opens one line only opens no list.
DASHED = re.compile(r"[ \t]*([-*+~])[ \t]")
#: A sentence that ends inside its line.
INSIDE = re.compile(r"[a-z]{3}[.;][ \t]+[a-z]")
#: A box that is cut, or that stands behind others and before its words.
OPEN_BOX = re.compile(r"\[ ?$|\[[ x_]?\].*\[ ?\]$")
#: What closes a line, and what may stand behind that.
CLOSES = frozenset(".:;!?")
QUOTES = "\"')]"
OPENS = re.compile(r"[\[(\"]")
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
FEW_SMALL = 8  #: one letter in so many may be small in a text of capitals: a title that was put before it
LEAST_DASHED = 2  #: lines with a key before a dash that make it the form of the text
FEW_KEYS = 2  #: one word before a colon may be a sentence that goes on
NARROWEST = 45
OVER = 6  #: a line that is longer than the width of most
KEYED = (3, 5)  #: share of the lines that begin with a key where all others go on
MOST_WIDTH = 200


def unwrapped(text: str, small: Callable[[int], bool], opens: re.Pattern[str]) -> str:
    """The text with a blank for every hard wrap, so that offsets stay.

    ``small`` tells whether a small letter stands at an offset of the text as it was written; what ``opens`` a part of
    the document at a line start goes on with nothing.
    """
    wraps = Wraps(text.split("\n"), small)
    parts = [wraps.lines[0]]
    first = 0  # the line where this one began, wraps undone
    for number in range(1, len(wraps.lines)):
        goes_on = bool(wraps.bare[number]) and (wraps.before(number) or wraps.of_a_key(first, number))
        goes_on = goes_on and not opens.match(wraps.lines[number])
        parts += [" " if goes_on else "\n", wraps.lines[number]]
        first = first if goes_on else number
    return "".join(parts)


class Wraps:
    """Which line ends of a text are hard wraps.

    Three things tell: the line breaks off (behind a comma, an article, an open bracket); the next line goes on in
    small letters where lines of this text begin with capitals; or the next word would not have fitted any more.
    """

    def __init__(self, lines: Sequence[str], small: Callable[[int], bool]) -> None:
        self.lines, self.small = lines, small
        self.bare = [line.rstrip() for line in lines]
        self.closed = [line.rstrip(QUOTES)[-1:] in CLOSES for line in self.bare]
        self.closings = sum(self.closed)
        self.width = self._wide_width() or self._narrow_width()
        keys = sum(":" in line and SHORT_KEY.match(line) is not None for line in lines)
        self.dashed = sum(" -" in line and DASH_KEY.match(line) is not None for line in lines) >= LEAST_DASHED
        self.keyed = keys * KEYED[1] >= sum(map(bool, self.bare)) * KEYED[0]

    def before(self, number: int) -> bool:
        """Whether the end of the line before this one is a wrap."""
        line, rest = self.bare[number - 1], self.lines[number]
        fits = self._filled(line, rest)
        whole = self.closed[number - 1] or len(line) < LEAST_WIDTH
        valueless = line[-1:] == ":" and OPEN_KEY.search(line) is not None
        if whole and not fits and not valueless and not OPENS.search(line):
            return False
        indented = rest[:1].isspace() and not line[:1].isspace()
        if "\t" in line or RULE.match(line) or RULE.match(rest) or HEAD.fullmatch(line):
            return False
        if (OPEN_BOX.search(line) and not SHORT_KEY.match(rest)) or _left_open(line, rest):
            return True
        if STARTS_ITEM.match(rest) and (whole or not self._only_dash(rest)):
            return False
        if valueless and not SHORT_KEY.match(rest):
            return True
        if not whole and ((not indented and _breaks_off(line, rest)) or (self._cased and self._small(number))):
            return True
        alone = self.closed[number - 1] and ALONE.fullmatch(rest)
        keyed = SHORT_KEY.match(rest) or (self.dashed and DASH_KEY.match(rest))
        return fits and not indented and not keyed and not alone

    def _only_dash(self, rest: str) -> bool:
        """Whether the dash before a line is the only one at a line start: a list has more, or a title."""
        dash = DASHED.match(rest)
        return dash is not None and self._dashes[dash[1]] == 1

    @cached_property
    def _dashes(self) -> Counter[str]:
        """How often which dash or star begins a line."""
        return Counter(mark[1] for line in self.lines if (mark := DASHED.match(line)))

    def of_a_key(self, first: int, number: int) -> bool:
        """Whether a line without a key goes on with the value of the key before, where all lines have one."""
        if not self.keyed or self.closed[number - 1] or not VALUE.match(self.lines[first]):
            return False
        return not SHORT_KEY.match(self.lines[number]) and not STARTS_ITEM.match(self.lines[number])

    def _filled(self, line: str, rest: str) -> bool:
        """Whether the first word of the rest would not have fitted into the line."""
        return self.width > 0 and len(line) - OVER <= self.width <= len(line) + len(rest.split(None, 1)[0])

    def _small(self, number: int) -> bool:
        """Whether a line begins in small letters."""
        line = self.lines[number]
        return self.small(self._starts[number] + len(line) - len(line.lstrip()))

    @cached_property
    def _starts(self) -> Sequence[int]:
        """Where the lines begin in the text."""
        return list(accumulate((len(line) + 1 for line in self.lines), initial=0))

    @cached_property
    def _cased(self) -> bool:
        """Whether lines that begin something begin with a capital: those behind a blank line or a full stop."""
        fresh = small = keys = 0
        closed = True
        for number, line in enumerate(self.lines):
            if closed or ":" in line:
                letter = LETTER.search(line)
                if letter and not STARTS_ITEM.match(line.strip()):
                    is_small = self.small(self._starts[number] + letter.start())
                    fresh += closed
                    small += closed and is_small
                    keys += not closed and is_small and SHORT_KEY.match(line.strip()) is not None
            closed = not self.bare[number] or self.closed[number]
        if keys >= FEW_KEYS:
            fresh, small = fresh + keys, small + keys
        return small * 4 <= fresh

    def _wide_width(self) -> int:
        """The width a text was wrapped at, or 0 when it was not: a list whose lines close nowhere is none."""
        best = (0, 0)
        counts = Counter(map(len, self.lines))
        for width in counts:
            if LEAST_WIDTH <= width <= MOST_WIDTH:
                best = max(best, (sum(counts[width - less] for less in range(SLACK)), width))
        full, width = best
        long = sum(count for length, count in counts.items() if length > width // 2)
        beyond = sum(count for length, count in counts.items() if length > width)
        prose = self.closings * 6 >= full
        return width if prose and full >= LEAST_FULL and full * 2 >= long and beyond * 6 <= full else 0

    def _narrow_width(self) -> int:
        """The width of a text with few full lines: its longest line, when two or more lines fill it and break off."""
        longest = max(map(len, self.lines))
        if not NARROWEST <= longest <= MOST_WIDTH:
            return 0
        full = left = 0
        for line, closed, rest in zip(self.bare, self.closed, self.bare[1:], strict=False):
            open_ended = not closed and bool(rest)
            full += open_ended and longest <= len(line) + len(rest.split(None, 1)[0])
            left += open_ended
        few = 1 if left == 1 or self._capitals() else LEAST_FULL - 1
        if not few <= full:
            return 0
        prose = self.closings or sum(INSIDE.search(line) is not None for line in self.bare)
        return longest if full <= prose * 2 else 0

    def _capitals(self) -> bool:
        """Whether the text is written in capitals, as far as its first letters tell."""
        letters = (
            start + place.start()
            for start, line in zip(self._starts, self.lines, strict=False)
            for place in LETTER.finditer(line)
        )
        small = [self.small(letter) for letter in islice(letters, TOLD_BY)]
        return sum(small) * FEW_SMALL <= len(small)


def _breaks_off(line: str, rest: str) -> bool:
    """Whether no sentence and no entry of a list ends so."""
    word = line[max(line.rfind(" "), line.rfind("\t")) + 1 :]
    if word in BREAKS_OFF:
        return True
    cut = line[-1:] in COMMA or (word in BEHIND_A_WORD and WORD_ENDS.search(line[: -len(word)]) is not None)
    return cut and not SHORT_KEY.match(rest)


def _left_open(line: str, rest: str) -> bool:
    """A bracket or a quotation that the next line closes."""
    if line.count('"') % 2 and rest.count('"') % 2:
        return True
    return line.rfind("(") > line.rfind(")") and -1 < rest.find(")") < (rest.find("(") % MOST_WIDTH)
