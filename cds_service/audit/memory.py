"""Notes as they were read, for a worker that meets them again: in other visits of a patient, or in other patients.

Simpler than what a server keeps (``cds_service.readings``): one thread, no clock, nothing that outlives the run.  What
was found in the words is kept apart: a note is read otherwise as one of this encounter than as one of another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from knowledge import Knowledge, Reading, Scan, reading, scan
from knowledge.model import Document

#: Characters of all texts that are remembered; what was read of one takes some 40 bytes of memory.
MOST = 100_000
Made = TypeVar("Made")
Key = tuple[object, ...]


class Shelf(OrderedDict[Key, tuple[Made, int]]):
    """What was made of some texts, the last used last, up to so many characters of text."""

    held = 0

    def take(self, key: Key, size: int, make: Callable[[], Made]) -> Made:
        """What is there, or what is made now."""
        if key in self:
            self.move_to_end(key)
            return self[key][0]
        made = make()
        self[key] = made, size
        self.held += size
        while self.held > MOST and len(self) > 1:
            self.held -= self.popitem(last=False)[1][1]
        return made


class Memory:
    """A reader that remembers."""

    def __init__(self) -> None:
        self.scans: Shelf[Scan] = Shelf()
        self.readings: Shelf[Reading] = Shelf()

    def __call__(self, document: Document, known: Knowledge) -> Reading:
        """Read a document, or remember how it was read."""
        words, size = Reading.scanned(document), len(document.text)
        return self.readings.take(
            (*words, *Reading.basis(document)),
            size,
            lambda: reading(document, known, self.scans.take(words, size, lambda: scan(document, known))),
        ).of(document)
