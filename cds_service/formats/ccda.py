"""C-CDA XML: the narrative of its sections, each under its title."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from cds_service.formats.layout import Layout, Text, Unreadable
from cds_service.formats.plain import decoded
from cds_service.reasons import Reason

#: Entities are how XML attacks its parser; no clinical document needs a document type.
FORBIDDEN = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
ENCODING = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.-]+)")
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
#: What CDA calls the elements that HTML knows under another name.
ALIAS = {"paragraph": "p", "list": "ul", "item": "li"}
NARRATIVE = ("text", "title")


def read(data: bytes, parameters: str) -> Text:
    """The narrative of a clinical document, in the order of its sections.

    Raises:
        Unreadable: for a document type, for broken XML, and where no section has a narrative.
    """
    declared = ENCODING.search(data[:200])
    source = DECLARATION.sub("", decoded(data, parameters, declared[1].decode("ascii") if declared else ""), count=1)
    if FORBIDDEN.search(source):
        raise Unreadable(Reason.MALFORMED)
    narrative = _Narrative()
    parser = ET.XMLParser(target=narrative)  # noqa: S314  (document types and entities were refused above)
    try:
        parser.feed(source)
        parser.close()
    except (ET.ParseError, ValueError):
        raise Unreadable(Reason.MALFORMED) from None
    if not narrative.sections:
        raise Unreadable(Reason.NOT_TEXT)
    return narrative.layout.done()


class _Narrative:
    """What the parser tells, turned into lines; only ``section/title`` and ``section/text`` are narrative."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.sections = 0
        self._path: list[str] = []
        self._inside = 0  #: depth of the narrative element, 0 outside
        self._title: list[str] = []
        self._deleted: list[tuple[int, int]] = []  #: depth and start of what a revision took out

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if not self._inside and name in NARRATIVE and self._path and self._path[-1] == "section":
            self._inside = len(self._path) + 1
            self.layout.tag("section", opening=True)
            self.sections += 1
        self._path.append(name)
        if self._inside:
            self.layout.tag(ALIAS.get(name, name), opening=True)
            if attributes.get("revised") == "delete":
                self._deleted.append((len(self._path), self.layout.length))

    def end(self, _tag: str) -> None:
        if self._deleted and self._deleted[-1][0] == len(self._path):
            self.layout.struck_from(self._deleted.pop()[1])
        name = self._path.pop()
        if self._inside:
            self.layout.tag(ALIAS.get(name, name), opening=False)
        if self._inside > len(self._path):
            self._inside = 0
            self._end_title()
            self.layout.tag("section", opening=False)

    def data(self, words: str) -> None:
        if self._inside and self._path[self._inside - 1] == "title":
            self._title.append(words)
        elif self._inside:
            self.layout.words(words)

    def _end_title(self) -> None:
        if title := "".join(self._title).strip().removesuffix(":"):
            self.layout.words(title + ":")
        self._title.clear()
