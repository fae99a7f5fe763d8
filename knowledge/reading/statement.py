"""One sentence, read; a document of them; and what is found in the words of a document."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from knowledge.model import Document
from knowledge.reading.clauses import Clause, Event, clauses_of
from knowledge.reading.lexicon import Term
from knowledge.reading.structure import Sentence
from knowledge.reading.text import ReadingText


@dataclass(slots=True)
class Statement:
    """One sentence, read."""

    document: Document
    sentence: Sentence
    words: str  #: the reading text
    events: list[Event]
    said: AbstractSet[str]  #: the classes and the cues that its events tell
    own: tuple[str, ...] = ()  #: levels the sentence names
    topic: tuple[str, ...] = ()  #: levels it is about, from a heading or the sentences before
    topic_regions: tuple[str, ...] = ()
    index: int = 0
    _clauses: list[Clause] | None = None

    @property
    def clauses(self) -> list[Clause]:
        """The clauses, cut when they are first asked for: most sentences tell nothing that needs them."""
        if self._clauses is None:
            self._clauses = clauses_of(self.words, self.sentence.start, self.sentence.end, self.events)
        return self._clauses

    @property
    def cut(self) -> int:
        """How many clauses have been asked for so far."""
        return len(self._clauses or ())

    def says(self, *kinds: str) -> bool:
        """Whether its events tell any of these classes or cues."""
        return not self.said.isdisjoint(kinds)

    def of(self, kind: str) -> list[Event]:
        """The events of a class."""
        return [event for event in self.events if kind in event.kinds] if kind in self.said else []

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels named, else those the sentence is about."""
        return self.own or self.topic


@dataclass(slots=True)
class Text:
    """A document, read: its statements and the way back to its offsets."""

    document: Document
    reading: ReadingText
    statements: list[Statement] = field(default_factory=list)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the document of a stretch of the reading text."""
        first, last = self.reading.back(start), self.reading.back(end - 1) + 1
        return first, max(first, last)


@dataclass(frozen=True, slots=True)
class Scan:
    """What is found in the words of a document, whichever encounter it belongs to: the dearer half of reading."""

    reading: ReadingText
    events: tuple[tuple[int, int, Term, tuple[str, ...]], ...]  #: what each is made of: reading changes events
    sentences: tuple[Sentence, ...]
