"""Forms: what empty boxes, a ticked "no" and blanks left open make of the words beside them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from knowledge.model import Assertion
from knowledge.reading.clauses import Event

#: A box of any kind; one with a mark in it is ticked.
BOX = re.compile(r"[\[(☐□◻○☑☒■●](?:(?<=\[)(?:[ _\n]{0,3}| ?[x✓✔] ?)\]|(?<=\()(?:[ ]{1,3}| ?[x✓✔] ?)\)|(?<=[☐□◻○☑☒■●]))")
MARK = re.compile(r"[x✓✔☑☒■●]")
#: Where the words of a box end before the next box and the line end: at a dash or at a key of its own.
ENDS = re.compile(r"\s-{2,3}\s|(?<!\s)\s{2,}[a-z][a-z ]{1,20}:")
#: What parts the boxes of a line from each other, and the words of a box from what is said of all.
WIDE = "  "
WIDE_END = re.compile(r"[a-z0-9)]  ")
#: Behind the last box of a line whose boxes stand behind their words.
NOTHING_MORE = re.compile(r"[ \t.,;]*(?:\([^()\n]*\)[ \t.]*)?$", re.MULTILINE)
#: What an answer is followed by.
ANSWERED = re.compile(r"[ \t]*(?:$|[\n.;,\[(☐☑☒□■◻○●])")
ANSWER = frozenset({"negation", "negation-after"})
#: A line of a form that nobody has filled in.
BLANK = re.compile(r"(?<!\w)_{3,}(?!\w)")
LEAST_BLANKS = 2


def ticked(text: str, events: list[Event]) -> list[Event]:
    """The events of a text without those whose box is empty: they are not said."""
    empty = list(_unsaid(text))
    if not empty:
        return events
    starts = [start for start, _ in empty]
    return [event for event in events if not _inside(event.start, starts, empty)]


def _inside(position: int, starts: Sequence[int], spans: Sequence[tuple[int, int]]) -> bool:
    index = bisect_right(starts, position) - 1
    return index >= 0 and position < spans[index][1]


def _unsaid(text: str) -> Iterator[tuple[int, int]]:
    """The words of the empty boxes: those behind each, or those before where a line ends with a box."""
    line: list[re.Match[str]] = []
    for box in BOX.finditer(text):
        if line and "\n" in text[line[-1].end() : box.start()]:
            yield from _of_line(text, line)
            line = []
        line.append(box)
    yield from _of_line(text, line)


def _of_line(text: str, boxes: Sequence[re.Match[str]]) -> Iterator[tuple[int, int]]:
    if all(map(_is_ticked, boxes)):
        return
    start = text.rfind("\n", 0, boxes[0].start()) + 1
    behind = text[start : boxes[0].start()].strip() and NOTHING_MORE.match(text, boxes[-1].end())
    apart = any(text[box.start() - len(WIDE) : box.start()] == WIDE for box in boxes[1:])
    line = text.find("\n", boxes[-1].end())
    ends = [*(box.start() for box in boxes[1:]), line if line >= 0 else len(text)]
    for box, end in zip(boxes, ends, strict=True):
        if not _is_ticked(box) and behind:
            yield start, box.start()
        elif not _is_ticked(box):
            first = ENDS.search(text, box.end(), end)
            wide = WIDE_END.search(text, box.end(), end) if apart else None
            yield box.end(), min(first.start() if first else end, wide.start() + 1 if wide else end)
        start = box.end()


def _is_ticked(box: re.Match[str]) -> bool:
    return MARK.search(box[0]) is not None


def fill(text: str, start: int, end: int, events: Sequence[Event]) -> None:
    """Give the events of a sentence what its form says: denied before a ticked "no"; nothing where blanks stay open."""
    if text.find("___", start, end) >= 0 and _left_open(text, start, end):
        for event in events:
            event.assertion = Assertion.ELSEWHERE
    for position, answer in enumerate(events):
        if _refuses(text, start, answer):
            for event in events[:position]:
                if event.target and event.assertion is not Assertion.ELSEWHERE:
                    event.assertion = Assertion.NEGATED


def _left_open(text: str, start: int, end: int) -> bool:
    """Whether a sentence has blanks that nobody has filled in, and no box that somebody has ticked."""
    return len(BLANK.findall(text, start, end)) >= LEAST_BLANKS and not any(
        map(_is_ticked, BOX.finditer(text, start, end))
    )


def _refuses(text: str, start: int, answer: Event) -> bool:
    """ "[x] no", alone behind its box."""
    if ANSWER.isdisjoint(answer.values("assertion")) or not ANSWERED.match(text, answer.end):
        return False
    boxes = [box for box in BOX.finditer(text, max(start, answer.start - 5), answer.start) if _is_ticked(box)]
    return bool(boxes) and not text[boxes[-1].end() : answer.start].strip()
