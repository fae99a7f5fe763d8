"""Search over codes, rules and terms: everything in memory, every word of the question somewhere in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cards.words import label
from cds_service import catalogue
from cds_service.pages import statements, terms
from cds_service.pages.rules import Page
from knowledge import Knowledge
from knowledge.files import HERE as KNOWLEDGE
from knowledge.reading.lexicon import Tag, normal

#: What stands between words; a code keeps its dot, an id its hyphen.
APART = re.compile(r"[^\w.-]+|\.(?=\s|$)")
MOST = 40  #: answers of one kind
EXAMPLES = 6  #: phrases that are named of a term
LONGEST = 100  #: characters of a question


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer."""

    title: str
    said: str
    address: str = ""  #: from where the pages lie; empty where there is no page
    mark: str = ""  #: a code or ids, set apart
    more: tuple[tuple[str, str], ...] = ()  #: words and addresses of pages that it leads to


@dataclass(frozen=True, slots=True)
class Index:
    """What can be found."""

    known: Knowledge
    rules: Mapping[str, Page]
    root: Path = KNOWLEDGE

    def ask(self, question: str) -> dict[str, list[Hit]]:
        """The answers by kind, kinds without an answer left out."""
        words = APART.sub(" ", question[:LONGEST].lower()).split()
        if not words:
            return {}
        found = {
            "codes": self._codes(words),
            "rules": self._rules(words),
            "diagnoses": self._diagnoses(words),
            "elements": self._elements(words),
            "terms": self._terms(normal(" ".join(words))),
            "statements": self._statements(words),
        }
        told = {kind: list(islice(hits, MOST)) for kind, hits in found.items()}
        return {kind: hits for kind, hits in told.items() if hits}

    def _codes(self, words: list[str]) -> Iterator[Hit]:
        """Codes that begin with the question come first, those that are judged before the rest."""
        bare = "".join(words).replace(".", "")
        for begins in (True, False):
            for one in sorted(self.known.codes.values(), key=lambda one: not one.family):
                family = self.known.families[one.family].words if one.family else ""
                starts = one.code.replace(".", "").lower().startswith(bare)
                if starts == begins and (starts or _holds(words, one.code, one.title, family)):
                    yield Hit(one.title, catalogue.validity(one), f"codes/{one.code}", one.code)

    def _rules(self, words: list[str]) -> Iterator[Hit]:
        for page in self.rules.values():
            if _holds(words, page.id, page.title, page.why, page.resolved, page.source, *page.policy):
                yield Hit(page.title, page.why, f"rules/{page.id}", ", ".join(page.policy))

    def _diagnoses(self, words: list[str]) -> Iterator[Hit]:
        """Diagnoses that have a category of their own, by their name or by a phrase of theirs."""
        for structural in self.known.structurals.values():
            phrase = next((one for one in structural.phrases if _holds(words, one)), "")
            if phrase or _holds(words, structural.title, *structural.policy, *structural.icd_prefixes):
                codes = ", ".join(structural.icd_prefixes)
                yield Hit(structural.title, phrase, mark=", ".join(filter(None, (codes, *structural.policy))))

    def _elements(self, words: list[str]) -> Iterator[Hit]:
        for one in self.known.elements:
            if _holds(words, one.id, one.title, one.said, one.policy):
                yield Hit(one.title, one.said, mark=one.policy)

    def _terms(self, question: str) -> Iterator[Hit]:
        """What phrases that hold the question tell, each meaning once, with some of its phrases."""
        said: dict[Tag, list[str]] = {}
        for phrase, tags in self.known.lexicon.tags.items():
            if question in phrase:
                for tag in tags:
                    said.setdefault(tag, []).append(phrase)
        displays = terms.displays(self.root)
        for (kind, value), phrases in sorted(said.items(), key=lambda item: len(min(item[1], key=len))):
            if name := displays.get((kind, value)):
                shortest = sorted(phrases, key=lambda phrase: (len(phrase), phrase))[:EXAMPLES]
                yield Hit(f"{label('axis', kind)}: {name}", " · ".join(shortest), more=tuple(self._claiming(value)))

    def _claiming(self, value: str) -> Iterator[tuple[str, str]]:
        """The families that claim a value, as rows of the map."""
        for family in self.known.families.values():
            if value in {family.lesion, family.site, *family.mechanisms}:
                yield f"{self.known.category}.{family.digit} {family.title}", f"codes#family-{family.digit}"

    def _statements(self, words: list[str]) -> Iterator[Hit]:
        for row in statements.rows_of(self.root):
            if _holds(words, *row["ids"], row["said"], row["why"], row.get("question", ""), row.get("answer", "")):
                number = row["ids"][0].partition("-")[0]
                address = f"codes/{self.known.category}.{number}"
                yield Hit(row.get("question") or row["said"], row["why"], address, " ".join(row["ids"]))


def _holds(words: Iterable[str], *texts: str) -> bool:
    """Whether every word begins some word of the texts."""
    held = f" {APART.sub(' ', ' '.join(texts).lower())}"
    return all(f" {word}" in held for word in words)
