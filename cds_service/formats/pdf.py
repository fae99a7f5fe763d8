"""PDF: the text layer, line by line.  Pictures of text are not read."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

from pypdf import Configuration, PageObject, PdfReader, apply_configuration
from pypdf.errors import FileNotDecryptedError, LimitReachedError, PyPdfError

from cds_service.formats.layout import Text, Unreadable
from cds_service.reasons import Reason

#: What one file may cost, in counts and never in time: the same file is always read the same way.
MOST_BYTES = 10_000_000
MOST_PAGES = 60
MOST_OPERATIONS = 200_000  #: of drawing, on all pages; a dense page has some thousand
MOST_CHARACTERS = 50_000  #: on one page, as codes that are drawn and as letters that these stand for
LIMITS = Configuration(
    zlib_maximum_output_length=4_000_000,
    lzw_maximum_output_length=4_000_000,
    run_length_maximum_output_length=4_000_000,
    array_based_stream_maximum_output_length=4_000_000,
    stream_decoding_work_maximum_length=16_000_000,
    stream_parsing_work_maximum_count=200_000,
    page_tree_maximum_entries=1_000,
    page_tree_maximum_depth=20,
    page_tree_maximum_page_entries=20_000,
    xform_maximum_invocations_per_extraction=50,
)
#: What a file that is no sound PDF makes the library raise; its documentation warns of others than its own.
BROKEN = (
    *(PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RecursionError),
    *(NotImplementedError, TypeError, ValueError, struct.error, zlib.error),
)
#: A picture beside fewer characters than this is the page; the characters are a fax line or a stamp.
FEW = 80
#: What a font without a table of its characters leaves: its glyphs can be seen, but nobody can tell what they are.
NO_LETTER = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
MOST_GARBLED = 0.1
#: What draws a picture, or a form that may hold one.
DRAWING = frozenset({b"Do", b"INLINE IMAGE"})
#: Advance of a wide character, and the gap that only a new cell makes, in font sizes.
WIDE, CELL = 0.7, 1.5
#: How much further than usual the next line lies where an empty one was left.
EMPTY_LINE = 1.5

# The library logs what it repairs, and names what it found: nothing of a record belongs in a log.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
logging.getLogger("pypdf").propagate = False


def read(data: bytes, _parameters: str = "") -> Text:
    """The text of all pages.  A file that opens without a password is read, whatever else its owner restricts.

    Raises:
        Unreadable: for what is too large, protected, broken, or without a text layer.
    """
    if len(data) > MOST_BYTES:
        raise Unreadable(Reason.TOO_LARGE)
    pages = [_page(drawn) for drawn in _opened(data)]
    text = "\n".join(page.text for page in pages if page.text)
    if not text:
        raise Unreadable(Reason.NO_TEXT_LAYER)
    return Text(text, unread=Reason.PICTURED if any(page.pictured for page in pages) else None)


def _opened(data: bytes) -> list[_Drawn]:
    """Each page as it is drawn, or the reason why not."""
    try:
        with apply_configuration(LIMITS):
            budget = _Budget()
            return [_drawn(page, budget) for page in _pages(PdfReader(BytesIO(data)))]
    except LimitReachedError:
        raise Unreadable(Reason.TOO_LARGE) from None
    except FileNotDecryptedError:
        raise Unreadable(Reason.PROTECTED) from None
    except BROKEN:
        raise Unreadable(Reason.MALFORMED) from None


def _pages(reader: PdfReader) -> Sequence[PageObject]:
    if len(reader.pages) > MOST_PAGES:
        raise LimitReachedError
    return reader.pages


def _drawn(page: PageObject, budget: _Budget) -> _Drawn:
    drawn = _Drawn(budget)
    page.extract_text(visitor_text=drawn.text, visitor_operand_before=drawn.operation)
    return drawn


@dataclass(frozen=True, slots=True)
class _Page:
    text: str
    pictured: bool  #: what it says is, or may be, in a picture


def _page(drawn: _Drawn) -> _Page:
    text = "\n".join(_lines(drawn.pieces)).strip("\n")
    seen = sum(not letter.isspace() for letter in text)
    if NO_LETTER.subn("", text)[1] > seen * MOST_GARBLED:
        return _Page("", pictured=True)
    return _Page(text, pictured=drawn.pictures and seen < FEW)


@dataclass(slots=True)
class _Budget:
    operations: int = MOST_OPERATIONS

    def spend(self) -> None:
        self.operations -= 1
        if self.operations < 0:
            raise LimitReachedError


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words as they are drawn in one go, from a point of the page."""

    said: str
    x: float
    y: float
    size: float  #: of the font, as seen on the page

    @property
    def end(self) -> float:
        """Where it ends at the latest; the widths of the font are not asked."""
        return self.x + WIDE * self.size * len(self.said.strip("\n"))


class _Drawn:
    """What the library tells while it goes over a page."""

    def __init__(self, budget: _Budget) -> None:
        self.pieces: list[_Piece] = []
        self.pictures = False
        self._budget = budget
        self._left = MOST_CHARACTERS

    def operation(self, operator: bytes, operands: Any, _page: Any, _line: Any) -> None:
        self._budget.spend()
        self.pictures = self.pictures or operator in DRAWING
        shown = operands[0] if operator == b"TJ" and operands else operands
        if isinstance(shown, list):
            self._spend(sum(len(one) for one in shown if isinstance(one, str | bytes)))

    def text(self, said: str, page: Any, line: Any, _font: Any, size: float) -> None:
        self._spend(len(said))
        if said:
            x, y, scale = _placed(page, line)
            self.pieces.append(_Piece(said, x, y, abs(size * scale)))

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise LimitReachedError


def _placed(page: list[float], line: list[float]) -> tuple[float, float, float]:
    """Where a piece starts on the page, and how much larger than its font it is drawn."""
    x, y = line[4], line[5]
    height = line[2] * page[1] + line[3] * page[3]
    return x * page[0] + y * page[2] + page[4], x * page[1] + y * page[3] + page[5], height


@dataclass(slots=True)
class _Line:
    """One line of a page under construction."""

    y: float
    size: float
    said: str = ""
    end: float = 0.0

    def add(self, piece: _Piece, said: str) -> None:
        if self.said and piece.x - self.end > CELL * piece.size:
            self.said, said = self.said.rstrip(" ") + "\t", said.lstrip(" ")
        self.said += said
        self.end = piece.end


def _lines(pieces: list[_Piece]) -> Iterator[str]:
    """The lines of a page, an empty one where the distance says so."""
    lines = [line for line in _gathered(pieces) if line.said.strip()]
    steps = [_step(before, after) for before, after in pairwise(lines)]
    usual = min((step for step in steps if step > 1), default=0.0)
    for line, step in zip(lines, [*steps, 0.0], strict=False):
        yield line.said.rstrip()
        if usual and step > EMPTY_LINE * usual:
            yield ""


def _gathered(pieces: list[_Piece]) -> Iterator[_Line]:
    line: _Line | None = None
    for piece in pieces:
        for position, said in enumerate(piece.said.split("\n")):
            if position and line:
                yield line
                line = None
            if said.strip() or line:
                line = line or _Line(piece.y, piece.size)
                line.add(piece, said)
    if line:
        yield line


def _step(before: _Line, after: _Line) -> float:
    """How far down the next line lies, in sizes of the larger font; below 0 where it starts a new column."""
    return (before.y - after.y) / (max(before.size, after.size) or 1.0)
