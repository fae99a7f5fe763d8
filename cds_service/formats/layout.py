"""Running text laid out from marked-up text: breaks, cells, list items and struck spans."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.reasons import Reason

#: White space as HTML and CDA see it: a run of it is one blank.  A no-break space is none.
BLANKS = re.compile(r"[ \t\r\n\f]+")
BLOCK_NAMES = (
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html legend main nav ol p pre section summary tbody tfoot thead ul"
)
BLOCKS = frozenset(BLOCK_NAMES.split())
PROSE = 100  #: characters that make a paragraph more than a line
MOST_BREAKS = 2  #: an empty line says all that several would


class Unreadable(ValueError):  # noqa: N818  (it says what the content is)
    """Bytes that are no text we can read; ``reason`` says why and nothing of the content."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text free of markup; ``struck`` are code point spans of it, in order, without overlap."""

    text: str
    struck: tuple[tuple[int, int], ...] = ()
    unread: Reason | None = None  #: why this is not all that the attachment says


def trimmed(text: str, spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans in order, joined where they touch, without white space at their ends."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    cut = ((start, end, text[start:end]) for start, end in joined)
    return tuple(
        (start + len(said) - len(said.lstrip()), end - len(said) + len(said.rstrip()))
        for start, end, said in cut
        if said.strip()
    )


@dataclass(slots=True)
class _Row:
    start: int  #: position among the pieces
    cells: int = 0
    inside: bool = False  #: a cell is open
    nested: bool = False  #: a cell holds rows of its own


class Layout:
    """Text under construction.  Breaks wait for the words that follow them, so none stands at either end."""

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[str] = []
        self._last = ""
        self._breaks = 0
        self._mark = ""
        self._lined = False  #: whether the paragraph has lines of its own
        self._paragraph = 0  #: where it began
        self._tables: list[_Row | None] = []
        self._struck: list[tuple[int, int]] = []

    def words(self, said: str, *, verbatim: bool = False) -> None:
        """Add words; unless verbatim, white space is what markup makes of it."""
        if self._between() and said.isspace():
            return
        if not verbatim:
            said = BLANKS.sub(" ", said)
            if self._breaks or self._mark or self._last in {"", "\n", "\t", " "}:
                said = said.lstrip(" ")
        if said:
            self._flush()
            self._add(said)

    def struck_from(self, start: int) -> None:
        """Everything since ``start`` (a former ``length``) was struck through."""
        self._struck.append((start, self.length))

    def tag(self, name: str, *, opening: bool) -> None:
        """What a structural element does to the lines; every other name does nothing."""
        if name == "br":
            self._breaks = min(self._breaks + opening, MOST_BREAKS)
            self._lined = True
        elif name in {"td", "th"}:
            self._cell(opening=opening)
        elif name in {"tr", "table"}:
            self._table(name, opening=opening)
        elif name in BLOCKS or name == "li":
            self._line()
            if name == "p":
                self._end_paragraph(opening=opening)
            if name == "li":
                self._mark = "- " if opening else ""

    def done(self) -> Text:
        """The text; nothing may be added afterwards."""
        while self._tables:
            self._table("table", opening=False)
        text = "".join(self._pieces)
        return Text(text, trimmed(text, self._struck))

    def _end_paragraph(self, *, opening: bool) -> None:
        """An empty line ends a paragraph of prose, or of several lines; a short one may head what follows."""
        whole = self._lined or self.length - self._paragraph > PROSE
        self._breaks = max(self._breaks, 1 + (whole and not opening))
        self._lined, self._paragraph = False, self.length

    def _line(self) -> None:
        self._breaks = max(self._breaks, 1)

    def _table(self, name: str, *, opening: bool) -> None:
        if name == "table" and opening:
            self._tables.append(None)
        elif self._tables:
            self._end_row()
            if name == "table":
                self._tables.pop()
        self._line()
        if name == "tr" and opening:
            self._start_row()

    def _start_row(self) -> None:
        if not self._tables:
            self._tables.append(None)
        if len(self._tables) > 1 and (outer := self._tables[-2]):
            outer.nested = True
        self._tables[-1] = _Row(len(self._pieces))

    def _cell(self, *, opening: bool) -> None:
        if opening and (not self._tables or self._tables[-1] is None):
            self._line()
            self._start_row()
        row = self._tables[-1] if self._tables else None
        if not row:
            return
        if opening and row.cells:
            if len(self._pieces) > row.start:
                self._breaks = 0
            self._mark = ""
            self._flush()
            self._add("\t")
        row.cells += opening
        row.inside = opening

    def _between(self) -> bool:
        """Whether this is a place between the cells of a table, where white space is none of the text."""
        return bool(self._tables) and not ((row := self._tables[-1]) and row.inside)

    def _end_row(self) -> None:
        """Close a row: where it has several cells, a line break inside a cell is a blank (offsets stay)."""
        row, self._tables[-1] = self._tables[-1], None
        self._mark = ""
        if row and row.cells > 1 and not row.nested:
            flat = [piece.replace("\n", " ") for piece in self._pieces[row.start + 1 :]]
            self._pieces[row.start + 1 :] = flat

    def _flush(self) -> None:
        if self._breaks and self._last not in {"", "\t"}:
            self._add("\n" * self._breaks)
        self._breaks = 0
        if self._mark:
            self._add(self._mark)
            self._mark = ""

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)
        self._last = piece[-1]
