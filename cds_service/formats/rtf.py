"""RTF: one pass over its tokens."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from cds_service.formats.layout import Text, Unreadable, trimmed
from cds_service.reasons import Reason

TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|.", re.DOTALL
)
CODE_PAGE = re.compile(rb"\\ansicpg(\d{1,5})")
SILENT_WORDS = (
    "annotation atnauthor atnid atndate author bkmkend bkmkstart colorschememapping colortbl comment company "
    "creatim datastore doccomm docvar filetbl fldinst fontemb fonttbl footer footerf footerl footerr ftncn ftnsep "
    "ftnsepc generator header headerf headerl headerr info keywords latentstyles listoverridetable listtable "
    "mmathPr nextfile nonshppict objdata operator pgdsctbl pict private printim revtbl revtim rsidtbl shppict "
    "stylesheet subject tc template themedata title txe userprops xe xmlnstbl"
)
#: Groups that hold no text of the document.
SILENT = frozenset(SILENT_WORDS.split())
SAID = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "column": "\n", "softline": "\n", "tab": "\t",
    "emdash": "\N{EM DASH}", "endash": "\N{EN DASH}", "bullet": "\N{BULLET}",
    "lquote": "\N{LEFT SINGLE QUOTATION MARK}", "rquote": "\N{RIGHT SINGLE QUOTATION MARK}",
    "ldblquote": "\N{LEFT DOUBLE QUOTATION MARK}", "rdblquote": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
SYMBOLS = {"~": "\N{NO-BREAK SPACE}", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n", "\t": "\t"}
STRIKES = frozenset({"strike", "striked", "deleted"})
HIDES = frozenset({"v", "htmlrtf"})
MARKERS = frozenset({"listtext", "pntext"})
PAGES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
HIGH, LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


def read(data: bytes, _parameters: str) -> Text:
    """The text of an RTF document.

    Raises:
        Unreadable: where it is none.
    """
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise Unreadable(Reason.MALFORMED)
    named = CODE_PAGE.search(data[:4096])
    page = _page(f"cp{int(named[1])}" if named else "cp1252")
    return _Document(_decoded(data, page), page).read()


def _page(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"


def _decoded(data: bytes, page: str) -> str:
    """RTF is ASCII; what is not is UTF-8 by mistake or in the code page by habit."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(page, "replace")


class _State(NamedTuple):
    """What a group inherits and restores."""

    silent: bool = False
    hidden: bool = False
    struck: bool = False
    fallback: int = 1  #: characters after a ``\\u`` that stand in for it


class _Document:
    def __init__(self, source: str, page: str) -> None:
        self.source = source
        self.page = page
        self.state = _State()
        self.outer: list[_State] = []
        self.pieces: list[str] = []
        self.length = 0
        self.struck: list[tuple[int, int]] = []
        self.bytes = bytearray()  #: of a run of ``\\'hh``: a character may take two
        self.passed = 0  #: stand-in characters still to be passed over
        self.high = 0  #: the first half of a character beyond the basic plane
        self.row = -1  #: where the row began among the pieces
        self.cells = 0
        self.between = False  #: a cell has ended; its tab waits for the next

    def read(self) -> Text:
        position = 0
        while position < len(self.source) and (token := TOKEN.match(self.source, position)):
            position = self._token(token)
        self._end_bytes()
        text = "".join(self.pieces)
        return Text(text, trimmed(text, self.struck))

    def _token(self, token: re.Match[str]) -> int:
        word, number, byte, symbol, brace, words = token.groups()
        if byte is None:
            self._end_bytes()
        if brace:
            self._group(opening=brace == "{")
        elif words:
            passed = min(self.passed, len(words))
            self.passed -= passed
            self._put(words[passed:])
        elif self.passed and (byte or symbol or word):
            self.passed -= 1
        elif byte:
            self.bytes.append(int(byte, 16))
        elif symbol:
            self._symbol(symbol)
        elif word == "bin":
            return token.end() + max(int(number or 0), 0)
        elif word:
            self._word(word, None if number is None else int(number))
        return token.end()

    def _group(self, *, opening: bool) -> None:
        self.passed = 0
        if opening:
            self.outer.append(self.state)
        elif self.outer:
            self.state = self.outer.pop()

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.state = self.state._replace(silent=True)
        else:
            self._put(SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: int | None) -> None:
        state = self.state
        if word in SAID:
            self._put(SAID[word])
        elif word == "u":
            self._unicode(number or 0)
        elif word in STRIKES:
            self.state = state._replace(struck=number != 0)
        elif word in HIDES:
            self.state = state._replace(hidden=number != 0)
        elif word == "plain":
            self.state = state._replace(struck=False, hidden=False)
        elif word == "uc":
            self.state = state._replace(fallback=max(number or 0, 0))
        elif word in SILENT or word in MARKERS:
            self._put("- " if word in MARKERS else "")
            self.state = state._replace(silent=True)
        elif word in PAGES:
            self.page = PAGES[word]
        else:
            self._cell(word)

    def _unicode(self, number: int) -> None:
        code = number % 0x10000 if number < 0 else number
        self.passed = self.state.fallback
        if code in HIGH:
            self.high = code
        elif code in LOW and self.high:
            character = chr(0x10000 + ((self.high - HIGH.start) << 10) + code - LOW.start)
            self.high = 0
            self._put(character)
        else:
            self._put(chr(code) if code <= 0x10FFFF and code not in LOW else "\N{REPLACEMENT CHARACTER}")  # noqa: PLR2004

    def _cell(self, word: str) -> None:
        if self.state.silent:
            return
        if word == "trowd" and not self.cells:
            self.row = len(self.pieces)
        elif word in {"cell", "nestcell"}:
            self._end_cell()
            self.cells += 1
            self.between = True
        elif word in {"row", "nestrow"}:
            self._end_row()

    def _end_cell(self) -> None:
        if self.between:
            self.between = False
            self._add("\t")

    def _end_row(self) -> None:
        """Close a row: where it has several cells, a line break inside a cell is a blank (offsets stay)."""
        if self.cells > 1 and self.row >= 0:
            self.pieces[self.row :] = [piece.replace("\n", " ") for piece in self.pieces[self.row :]]
        self.row, self.cells, self.between = -1, 0, False
        self._add("\n")

    def _put(self, said: str) -> None:
        if said and not self.state.silent and not self.state.hidden:
            self._end_cell()
            if self.high:
                self.high = 0
                self._add("\N{REPLACEMENT CHARACTER}")
            self._add(said)

    def _add(self, piece: str) -> None:
        if self.state.struck:
            self.struck.append((self.length, self.length + len(piece)))
        self.pieces.append(piece)
        self.length += len(piece)

    def _end_bytes(self) -> None:
        if self.bytes:
            self._put(self.bytes.decode(self.page, "replace"))
            self.bytes.clear()
