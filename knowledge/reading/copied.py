"""Blocks copied from another day, as the words and the ruled lines around them tell (policy A4)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from knowledge.reading.clauses import Event

#: A ruled line that closes what was copied.
RULED_END = re.compile(
    r"^[ \t]*(?:[-=*_~<>\[(]+[ \t]*end\b[^\n]*|(?:[-=*_~<>]{3,}|[-=*_~<>]{2,}[ \t]+[-=*_~<>]+)[ \t]*)$", re.MULTILINE
)
#: What is of this day begins.
TODAY = re.compile(r"^[ \t]*\[?today(?:'s [a-z]{4,5})?[ \t]*(?=[:,\]]|$|[\d(-])", re.MULTILINE)
#: The heads of parts that follow each other: "[Carried over from 5/1]", "[5/12]".
HEAD = re.compile(r"(?:^|(?<=[.!?;] ))\[(?=today|[^\[\]\n]*\d)[^\[\]\n]{3,60}\]", re.MULTILINE)
STOP = re.compile(r"[.!?](?=\s)|(?=\n)")
BLANK_LINE = re.compile(r"\n\n")
#: A key and its value, or its place for one.
KEY = re.compile(r"[ \t]*[a-z][a-z0-9 ./#&-]{1,28}[ \t]+:")
OPENS = 24  #: how far into its line a copy mark may stand to open a block


def copied_blocks(text: str, events: Sequence[Event]) -> list[tuple[int, bool]]:
    """Where blocks copied from another day start and end.

    An open block ends at a ruled line, else with its paragraph, and where today begins; one with a head in brackets
    where the next such head stands; a mark in passing ends with its sentence, the value of one key among others with
    its line.
    """
    found = [event for event in events if "copied" in event.kinds]
    marks = [(event.start, event.value("copied") == "start") for event in found]
    closed: list[tuple[int, bool]] = []
    for event in found:
        if (
            event.value("copied") == "start" and event.start - text.rfind("\n", 0, event.start) > OPENS
        ):  # said in passing
            marks.remove((event.start, True))
            closed += [(text.rfind("\n", 0, event.start) + 1, True), (_sentence_end(text, event.end), False)]
    rules = [rule.start() for rule in RULED_END.finditer(text)] if marks else []
    paragraphs = [gap.start() for gap in BLANK_LINE.finditer(text)] if marks else []
    todays = [today.start() for today in TODAY.finditer(text)] if marks else []
    heads = [head.start() for head in HEAD.finditer(text)] if marks else []
    for number, (position, starts) in enumerate(marks):
        closed.append((position, starts))
        if starts and not (number + 1 < len(marks) and not marks[number + 1][1]):
            line = text.find("\n", position) + 1
            end = _next(rules, line) if line else None
            end = _next(paragraphs, position) if end is None else end
            today = _next(todays, line) if line else None
            opened = text.rfind("[", max(0, position - OPENS), position)
            head = _next(heads, position) if opened >= 0 and _next(heads, opened) == opened else None
            end = line - 1 if line and _one_of_keys(text, position) else end
            end = min(len(text) if one is None else one for one in (end, today, head))
            closed.append((end, False))
    return sorted(closed)


def _sentence_end(text: str, position: int) -> int:
    """Where the sentence that a place stands in ends, or its line."""
    stop = STOP.search(text, position)
    return stop.end() if stop else len(text)


def _one_of_keys(text: str, position: int) -> bool:
    """ "COPIED FROM 1/7 : tender T6", between the keys of a form: what was copied is the value of this one."""
    start = text.rfind("\n", 0, position) + 1
    before = text.rfind("\n", 0, max(0, start - 1)) + 1
    following = text.find("\n", position) + 1
    return start > 0 and all(KEY.match(text, line) for line in (before, start, following))


def _next(places: Sequence[int], position: int) -> int | None:
    """The first of some places from a position on."""
    index = bisect_left(places, position)
    return places[index] if index < len(places) else None
