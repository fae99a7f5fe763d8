"""Tables whose header row says what the cells below speak of: a site, a narrowing, a lesion."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

from knowledge.reading.clauses import Event
from knowledge.reading.events import ordered

LEAST_CELLS = 2
HEADING = 40  #: characters of a cell that can head a column
PLUS = "+"
#: What no header holds.
VALUES = ("normal", "level")

Cell = tuple[int, int]


def column_events(text: str, events: list[Event], affirmed: Collection[str]) -> list[Event]:
    """The events of a text with those that the columns of its tables tell.

    Below a site a cell speaks of that site; below a narrowing or a lesion it says by a word of ``affirmed``, a plus
    sign or a degree that it is there.  The header itself then claims nothing.
    """
    if "\t" not in text or not any("site" in event.kinds or "lesion" in event.kinds for event in events):
        return events
    starts = [event.start for event in events]
    named: dict[int, Event] = {}
    asked: dict[int, Event] = {}
    added: list[Event] = []
    position, first = 0, True
    lines = text.split("\n")
    for number, line in enumerate(lines):
        cells = _cells(position, line)
        inside = [events[bisect_left(starts, start) : bisect_left(starts, end)] for start, end in cells]
        position += len(line) + 1
        if len(cells) < LEAST_CELLS:
            named, asked, first = {}, {}, True
        elif first and _is_header(cells, inside):
            first = False
            named, asked = _headings(inside, below="\t" in "".join(lines[number + 1 : number + 2]))
        else:
            first = False
            added += _told(text, cells, inside, named, asked, affirmed)
    return ordered(events + added) if added else events


def _is_header(cells: Sequence[Cell], inside: Sequence[Sequence[Event]]) -> bool:
    """Whether a row names sites or lesions and says nothing of them."""
    told = [event for own in inside for event in own]
    heads = any(event.has("site") or event.has("lesion") for own in inside for event in own if len(own) == 1)
    values = any(event.has(kind) for kind in VALUES for event in told)
    cues = any(value.startswith(("negation", "degree")) for event in told for value in event.values("assertion"))
    return heads and not values and not cues and all(end - start <= HEADING for start, end in cells)


def _headings(inside: Sequence[Sequence[Event]], *, below: bool) -> tuple[dict[int, Event], dict[int, Event]]:
    """The columns that are about a site, and those that ask for a narrowing or a lesion."""
    single = {number: own[0] for number, own in enumerate(inside) if len(own) == 1}
    asked = {
        number: event
        for number, event in single.items()
        if below and number and ((event.has("site") and event.has("narrowing")) or event.has("lesion"))
    }
    named = {number: event for number, event in single.items() if event.has("site") and not event.has("narrowing")}
    asked = {number: Event(event.start, event.end, event.term) for number, event in asked.items()}
    for number in asked:
        single[number].drop()
    return named, asked


def _told(
    text: str,
    cells: Sequence[Cell],
    inside: Sequence[Sequence[Event]],
    named: dict[int, Event],
    asked: dict[int, Event],
    affirmed: Collection[str],
) -> list[Event]:
    """What the cells of a row say of their columns."""
    made = []
    for number, (start, end) in enumerate(cells):
        own = inside[number]
        if number in named and own and not any(event.has("site") for event in own):
            made.append(Event(start, start, named[number].term))
        elif number in asked and _yes(text[start:end].strip(), own, affirmed):
            made.append(Event(start, end, asked[number].term))
    return made


def _yes(said: str, own: Sequence[Event], affirmed: Collection[str]) -> bool:
    """Whether a cell says that what its column asks for is there: yes, how much of it, or where."""
    words = said.split()
    if not words or any(value.startswith("negation") for event in own for value in event.values("assertion")):
        return False
    told = any(
        "degree" in event.values("assertion") or event.has("narrowing") or event.levels or event.has("region")
        for event in own
    )
    return told or words[0].strip(".,;") in affirmed or words[0].startswith(PLUS)


def _cells(position: int, line: str) -> list[Cell]:
    """The cells of a table row as stretches of the text."""
    cells = []
    for cell in line.split("\t"):
        start = position + len(cell) - len(cell.lstrip(" "))
        cells.append((start, start + len(cell.strip(" "))))
        position += len(cell) + 1
    return cells
