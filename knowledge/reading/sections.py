"""Which section of a record a line lies in: headings with a colon, alone on their line, or in capitals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.reading.trie import factored

BULLET = (
    r"(?:[-*>#=+~]{1,3}[ \t]+|\(?\d{1,2}[.)][ \t]+|\[[ x✓]?\][ \t]*|[a-h][.)][ \t]+(?=[a-z])|[ivx]{1,4}[.)][ \t]+)?"
)
ENDS = r"[ \t]*(?::|\([^()\n]{1,80}\)[ \t]*(?::|(?=\n)|$)|\)|\.(?=[ \t\n])|-{1,2}(?=[ \t])|(?=\n)|$)"

#: A paragraph of a letter: two sentences or more, and no item of a list.
PROSE = re.compile(r"(?=.{100})[a-z][^\n:]{30,}?[a-z]{3}[.?!] +[a-z\"]")

SHORT = 3  #: characters of a name that a full stop makes an abbreviation
Row = tuple[str, str, str, frozenset[str], bool]


@dataclass(frozen=True, slots=True)
class Headings:
    """What lines may begin with, as patterns, and the kinds they stand for."""

    pattern: re.Pattern[str]  #: at a line start
    inline: re.Pattern[str]  #: behind a sentence, with a colon
    loud: re.Pattern[str]  #: at a line start, in capitals, with no mark behind it
    later: re.Pattern[str]  #: what opens an addendum, with or without a colon
    terse: re.Pattern[str]  #: at a line start, an abbreviation that needs no mark behind it
    opens: re.Pattern[str]  #: either of these: no line goes on with it
    anywhere: re.Pattern[str]  #: the line ends behind which any of them may stand
    kinds: Mapping[str, tuple[tuple[str, str, frozenset[str]], ...]]


@lru_cache(maxsize=4)
def headings_of(rows: Sequence[Row]) -> Headings:
    """Compile the headings of the vocabulary."""
    kinds: dict[str, tuple[tuple[str, str, frozenset[str]], ...]] = {}
    for phrase, kind, scope, only, _ in rows:
        kinds[phrase] = (*kinds.get(phrase, ()), (kind, scope, only))
    trie = factored(kinds)
    later = rf"[ \t*=>#\[(\d/.:-]*(?P<name>{factored(row[0] for row in rows if row[1] == 'addendum')})(?![a-z])"
    terse = rf"[ \t]*{BULLET}(?P<name>{factored(row[0] for row in rows if row[4])})(?P<sep>[ \t]+)(?=[a-z])"
    marked = rf"[ \t]*{BULLET}(?P<name>{trie})(?P<sep>{ENDS})"
    unmarked = rf"[ \t]*{BULLET}{trie}[ \t]+(?=[a-z])"
    return Headings(
        re.compile(marked),
        re.compile(rf"[ \t]*(?P<name>{trie})(?P<sep>[ \t]*:)"),
        re.compile(rf"[ \t]*(?P<name>{trie})(?P<sep>[ \t]+)(?=[a-z])"),
        re.compile(later),
        re.compile(terse),
        re.compile(_unnamed(f"{later}|{terse}")),
        re.compile(_unnamed(rf"\n(?={marked}|{unmarked}|{later})")),
        kinds,
    )


def _unnamed(pattern: str) -> str:
    """A pattern without the names of its groups."""
    return pattern.replace("?P<name>", "?:").replace("?P<sep>", "?:")


class Section:
    """The section in force while the lines of a document are read."""

    def __init__(self, headings: Headings, kind: str) -> None:
        self.headings, self.document_kind = headings, kind
        self.kind, self.name, self.scope = "", "", "block"
        self.back = ("", "")
        self.paragraph = -1
        self.told = False  #: whether words have followed the heading
        self.inline = False  #: whether they did on its line

    def rule(self) -> None:
        """A ruled line ends whatever section there was."""
        self.kind, self.name, self.scope = "", "", "block"

    def next_line(self, text: str, start: int, end: int, paragraph: int) -> None:
        """Go on to a line, which may belong to another paragraph."""
        if paragraph != self.paragraph and self.told:
            if self.scope in {"line", "sentence"}:
                self._restore()
            elif self.kind == "plan" and self.inline and PROSE.match(text, start, end):
                self.rule()  # the plan that heads a letter is one paragraph
        self.paragraph, self.told = paragraph, True

    def open_line(self, text: str, start: int, end: int, loud: Callable[[int], bool]) -> int:
        """Read a heading off the line; returns where its text begins."""
        named = self.headings
        match = named.pattern.match(text, start, end) or named.terse.match(text, start, end)
        if match is None and (match := named.loud.match(text, start, end)) and not loud(start):
            match = None
        if match and (row := self._row(match)):
            self._enter(*row)
            self.told = self.inline = bool(text[match.end() : end].strip())
            if self.told and row[2] in {"line", "sentence"}:
                self.scope = f"this {row[2]}"
            return start if row[2] == "kept" else match.end()
        if later := self.headings.later.match(text, start, end):
            self._enter(later["name"], self.headings.kinds[later["name"]][0][0], "block")
        return start

    def enter_inline(self, text: str, start: int, end: int) -> int:
        """A heading inside a line, behind a sentence."""
        match = self.headings.inline.match(text, start, end)
        if match and (row := self._row(match)):
            self._enter(*row)
            if row[2] in {"line", "sentence"}:
                self.scope = f"this {row[2]}"
            return start if row[2] == "kept" else match.end()
        return start

    def close_line(self) -> None:
        """A "line" heading with words behind it ends with its line; alone, it holds to the end of the paragraph."""
        if self.scope in {"this line", "this sentence"}:
            self._restore()

    def close_sentence(self) -> None:
        """A "sentence" heading with words behind it on its line ends with the first sentence of them."""
        if self.scope == "this sentence":
            self._restore()

    def _row(self, match: re.Match[str]) -> tuple[str, str, str] | None:
        name = re.sub(r"\s+", " ", match["name"]).strip()
        rows = [row for row in self.headings.kinds.get(name, ()) if not row[2] or self.document_kind in row[2]]
        sign = match["sep"].strip()
        if not rows or (len(name) == 1 and sign not in {":", ")"}) or (len(name) <= SHORT and sign == "."):
            return None  # "f/u. 51M, glazier." heads no plan
        kind, scope, _ = next((row for row in rows if row[2]), rows[0])
        return name, kind, scope

    def _enter(self, name: str, kind: str, scope: str) -> None:
        if self.scope == "block":
            self.back = (self.kind, self.name)
        self.kind, self.name, self.scope = kind, name, "block" if scope == "kept" else scope

    def _restore(self) -> None:
        (self.kind, self.name), self.scope = self.back, "block"
