"""HTML and XHTML: a linear scan over tags; unknown tags vanish, their words stay."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import unescape

from cds_service.formats.layout import Layout, Text
from cds_service.formats.plain import decoded

#: A tag.  A quote counts only after an equals sign, as browsers see it; a ``<`` outside quotes ends the attempt.
TAG = re.compile(r"""<(/?)([A-Za-z][^\s/<>]*+)((?:[^<>=]|=\s*+"[^"]*+"|=\s*+'[^']*+'|=)*+)>""")
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
#: Elements whose content is no text of the document.
UNSEEN = frozenset({"script", "style", "title", "template"})
ENDINGS = {name: re.compile(rf"</{name}(?![\w-])", re.IGNORECASE) for name in UNSEEN}
VOID_NAMES = "area base br col embed hr img input link meta param source track wbr"
VOID = frozenset(VOID_NAMES.split())
STRUCK = frozenset({"del", "s", "strike"})
KEPT_BLANK = frozenset({"pre", "textarea"})
STRIKING_STYLE = re.compile(r"style\s*=[^>]*line-through", re.IGNORECASE)
BLANK_STYLE = re.compile(r"style\s*=[^>]*white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
BOX = re.compile(r"type\s*=\s*[\"']?(?:checkbox|radio)\b", re.IGNORECASE)
TICKED = re.compile(r"\schecked\b", re.IGNORECASE)
BREAKING = re.compile(r"<(?:br|p|div|li|tr|h[1-6]|hr|pre|dt|dd)[\s/>]", re.IGNORECASE)
#: A number of so many digits is no character; unescape() would choke on thousands of them.
ENDLESS = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")


def read(data: bytes, parameters: str) -> Text:
    """The text of an HTML document or fragment."""
    declared = META_CHARSET.search(data[:1024])
    return text(decoded(data, parameters, declared[1].decode("ascii") if declared else ""))


def text(source: str) -> Text:
    """The text of HTML source, e.g. of a FHIR narrative."""
    return _Page(source).read()


@dataclass(slots=True)
class _Open:
    """An open element that strikes its words through or keeps their white space."""

    name: str
    start: int
    struck: bool
    verbatim: bool
    inner: int = 0  #: open elements of the same name inside


class _Page:
    def __init__(self, source: str) -> None:
        self.source = source
        self.layout = Layout()
        self.open: list[_Open] = []
        self.names: Counter[str] = Counter()
        #: Text that was merely called HTML has no markup for its lines: then the lines are its own.
        self.verbatim = sum(1 for _, _ in zip(BREAKING.finditer(source), range(2), strict=False)) < 2  # noqa: PLR2004
        self.kept_blank = 0

    def read(self) -> Text:
        position = start = 0
        last = self.source.rfind(">")
        while -1 < (found := self.source.find("<", position)) < last:
            end = self._markup(found)
            if end == found:  # a less-than sign of the text
                position = found + 1
                continue
            self._words(self.source[start:found])
            start = position = self._apply(found, end)
        self._words(self.source[start:])
        while self.open:
            self._close_last()
        return self.layout.done()

    def _markup(self, found: int) -> int:
        """Where the markup that begins at ``found`` ends; ``found`` itself where it is none."""
        if tag := TAG.match(self.source, found):
            return tag.end()
        if self.source.startswith("<!--", found):
            end = self.source.find("-->", found + 4)
            return len(self.source) if end < 0 else end + 3
        if self.source.startswith(("<!", "<?"), found):
            return self.source.find(">", found) + 1
        return found

    def _apply(self, found: int, end: int) -> int:
        """Do what a tag asks for; returns where the text goes on."""
        if not (tag := TAG.match(self.source, found)):
            return end
        closing, name, attributes = tag[1], tag[2].lower(), tag[3]
        if not closing and name in UNSEEN and not attributes.endswith("/"):
            ending = ENDINGS[name].search(self.source, end)
            return ending.start() if ending else len(self.source)
        if closing:
            self._close(name)
        self.layout.tag(name, opening=not closing)
        if not closing:
            self._open(name, attributes)
        return end

    def _open(self, name: str, attributes: str) -> None:
        if name in VOID or attributes.endswith("/"):
            if name == "input" and BOX.search(attributes):
                self._words("[x] " if TICKED.search(attributes) else "[ ] ")
            return
        struck = name in STRUCK or bool(STRIKING_STYLE.search(attributes))
        verbatim = name in KEPT_BLANK or bool(BLANK_STYLE.search(attributes))
        if struck or verbatim:
            self.open.append(_Open(name, self.layout.length, struck, verbatim))
            self.names[name] += 1
            self.kept_blank += verbatim
        elif self.open and self.open[-1].name == name:
            self.open[-1].inner += 1

    def _close(self, name: str) -> None:
        if not self.names[name]:
            return
        while self.open[-1].name != name:
            self._close_last()
        if self.open[-1].inner:
            self.open[-1].inner -= 1
        else:
            self._close_last()

    def _close_last(self) -> None:
        last = self.open.pop()
        self.names[last.name] -= 1
        self.kept_blank -= last.verbatim
        if last.struck:
            self.layout.struck_from(last.start)

    def _words(self, raw: str) -> None:
        if raw:
            said = unescape(ENDLESS.sub("\N{REPLACEMENT CHARACTER}", raw)) if "&" in raw else raw
            self.layout.words(said, verbatim=self.verbatim or self.kept_blank > 0)
