"""Notes as they were read, kept for the next hook on the same chart.

An order is selected, then signed, then the patient is discharged, and each time the same notes come.  A reading is a
function of the words, of the kind of document and of the knowledge, so one that is remembered is the one that would be
made.  It is found by a keyed digest of all that it depends on; the key is made with the process and is nowhere else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from secrets import token_bytes
from threading import Lock
from time import monotonic

from cds_service import formats
from cds_service.formats import Text
from knowledge import Knowledge, Reading, reading
from knowledge.model import Document

LIFE = 900.0  #: s after which a reading that nobody asked for is forgotten
#: Bytes of memory that a reading takes, by its parts, as measured (tests/test_readings.py holds them against a count).
OF_READING, OF_CHARACTER, OF_EDIT, OF_STATEMENT, OF_CLAUSE, OF_EVENT, OF_CLAIM = 1500, 2, 80, 350, 200, 170, 500


class Readings:
    """A reader that remembers: the texts and readings used last, up to so many bytes of one process."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        """Remember up to ``most`` bytes of readings; 0: nothing."""
        self._most = most
        self._clock = clock
        self._key = token_bytes()
        self._lock = Lock()
        self._held: OrderedDict[bytes, tuple[Reading | Text, int, float]] = OrderedDict()
        self.size = 0  #: bytes of what is remembered

    def __call__(self, document: Document, known: Knowledge) -> Reading:
        """Read a document, or remember how it was read."""
        if not self._most:
            return reading(document, known)
        digest = self._digest(document, known)
        made = self._remembered(digest)
        if not isinstance(made, Reading):
            made = reading(document, known)
            self._keep(digest, made, weigh(made))
        return made.of(document)

    def opened(self, content: bytes, kind: str) -> Text:
        """The text of an attachment, or what it was found to be before: a PDF takes longer to open than to read.

        Raises:
            Unreadable: with the reason; that is not remembered.
        """
        if not self._most:
            return formats.read(content, kind)
        digest = blake2b(kind.encode("utf-8", "surrogatepass") + b"\0", key=self._key, digest_size=32, person=b"opened")
        digest.update(content)
        found = self._remembered(digest.digest())
        if not isinstance(found, Text):
            found = formats.read(content, kind)
            self._keep(
                digest.digest(), found, OF_READING + OF_CHARACTER * len(found.text) + OF_EDIT * len(found.struck)
            )
        return found

    def _digest(self, document: Document, known: Knowledge) -> bytes:
        """What stands for a document: all that its reading depends on, and nothing that it could be told from."""
        told = blake2b(repr((known.version, Reading.basis(document))).encode(), key=self._key, digest_size=32)
        told.update(document.text.encode("utf-8", "surrogatepass"))
        return told.digest()

    def _remembered(self, digest: bytes) -> Reading | Text | None:
        now = self._clock()
        with self._lock:
            self._forget(now)
            held = self._held.pop(digest, None)
            if held is None:
                return None
            made, weight, _ = held
            self._held[digest] = made, weight, now  # last used is last forgotten
            return made

    def _keep(self, digest: bytes, made: Reading | Text, weight: int) -> None:
        now = self._clock()
        with self._lock:
            if digest not in self._held and weight <= self._most:
                self._held[digest] = made, weight, now
                self.size += weight
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget what was used longest ago, while it is too old or all together are too much."""
        while self._held:
            _, weight, used = next(iter(self._held.values()))
            if self.size <= self._most and used >= now - LIFE:
                break
            self._held.popitem(last=False)
            self.size -= weight


def weigh(made: Reading) -> int:
    """About how many bytes of memory a reading takes."""
    statements, reading_text = made.text.statements, made.text.reading
    return (
        OF_READING
        + OF_CHARACTER * len(made.text.document.text)
        + OF_EDIT * len(reading_text.starts)
        + OF_STATEMENT * len(statements)
        + OF_CLAUSE * sum(one.cut for one in statements)
        + OF_EVENT * sum(len(one.events) for one in statements)
        + OF_CLAIM * (len(made.bound.claims) + len(made.bound.mentions))
    )
