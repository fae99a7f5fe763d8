"""A document with its findings in place: stretches of text, marks around them, marks within marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cards.words import label
from cds_service.pages import terms
from cds_service.pages.site import WORDS
from knowledge import Evidence, Knowledge
from knowledge.model import Assertion, Document, Role

#: Which axis a stretch of text is coloured by where it tells several.
FIRST = ("structural", "site", "mechanism", "lesion", "level", "region", "element")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a stretch of text tells."""

    axis: str
    said: str  #: the value in words
    assertion: Assertion
    start: int
    end: int
    counts: bool = False  #: the answer rests on it

    @property
    def rank(self) -> int:
        return FIRST.index(self.axis) if self.axis in FIRST else len(FIRST)


@dataclass(slots=True)
class Mark:
    """A marked stretch: what it tells, the strongest first, and what stands in it."""

    findings: list[Finding]
    pieces: list[str | Mark] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.findings[0].start

    @property
    def end(self) -> int:
        return self.findings[0].end

    @property
    def axis(self) -> str:
        return self.findings[0].axis

    @property
    def assertion(self) -> str:
        return str(self.findings[0].assertion)

    @property
    def counts(self) -> bool:
        return any(one.counts for one in self.findings)

    @property
    def explained(self) -> str:
        """What hover and focus show, and a screen reader says."""
        return "; ".join(_explained(one) for one in self.findings)


@dataclass(frozen=True, slots=True)
class Marked:
    """One document of the chart."""

    source: str
    author: str
    date: str
    pieces: list[str | Mark]


def marked(
    documents: Iterable[Document], told: Sequence[Evidence], resting: Sequence[Evidence], known: Knowledge
) -> list[Marked]:
    """Each document with what was read in it (``told``) and what the answers rest on (``resting``).

    The treating provider's come first: theirs is the statement that decides.
    """
    return [
        Marked(
            f"{label('source', one.source.partition('/')[0])} {one.source}",
            label("author", str(one.author)),
            one.date,
            _pieces(one.text, _settled(list(_of(one.source, told, resting, known)))),
        )
        for one in sorted(documents, key=lambda one: one.author is not Role.TREATING)
        if one.text.strip()
    ]


def _of(source: str, told: Sequence[Evidence], resting: Sequence[Evidence], known: Knowledge) -> Iterator[Finding]:
    """The findings of a document.  What an answer rests on is shown as the answer holds it."""
    for pieces, counts in ((resting, True), (told, False)):
        for one in pieces:
            if one.source == source and (counts or one.value not in WORDS["chart"]["parts"]):
                axis = one.axis if one.axis in FIRST else FIRST[-1]
                said = terms.said(one.axis, one.value, known) if one.value else ""
                yield Finding(axis, said, one.assertion, one.start, one.end, counts)


def _settled(found: list[Finding]) -> list[Mark]:
    """Stretches that nest and never cross, in the order of the text, each with all that it tells."""
    spans: dict[tuple[int, int], list[Finding]] = {}
    for one in found:
        spans.setdefault((one.start, one.end), []).append(one)
    marks: list[Mark] = []
    around: list[Mark] = []
    for (start, end), several in sorted(spans.items(), key=lambda item: (item[0][0], -item[0][1])):
        while around and around[-1].end <= start:
            around.pop()
        # What begins in a stretch and ends behind it is marked behind it.
        cut = max([start, *(one.end for one in around if one.end < end)])
        said = [other for one in around for other in one.findings]
        fresh = _once(replace(one, start=cut) for one in several if not any(_same(one, other) for other in said))
        if fresh and cut < end:
            marks.append(Mark(fresh))
            around.append(marks[-1])
    return sorted(marks, key=lambda mark: (mark.start, -mark.end))


def _once(several: Iterable[Finding]) -> list[Finding]:
    """Each axis and value once, as the answer holds it before as it was read; the one that colours first."""
    kept: dict[tuple[str, str], Finding] = {}
    for one in sorted(several, key=lambda one: not one.counts):
        kept.setdefault((one.axis, one.said), one)
    return sorted(kept.values(), key=lambda one: (one.rank, not one.counts))


def _same(one: Finding, other: Finding) -> bool:
    """Whether a mark around says the same already."""
    return one.axis == other.axis and (one.said == other.said or not one.said)


def _pieces(text: str, marks: list[Mark], at: int = 0, until: int | None = None) -> list[str | Mark]:
    """The text from ``at`` on with its outermost marks, each filled with what stands in it."""
    until = len(text) if until is None else until
    pieces: list[str | Mark] = []
    while marks and marks[0].start < until:
        mark = marks.pop(0)
        pieces.append(text[at : mark.start])
        mark.pieces = _pieces(text, marks, mark.start, mark.end)
        pieces.append(mark)
        at = mark.end
    return [*pieces, text[at:until]]


def _explained(one: Finding) -> str:
    named = label("axis", one.axis) if one.axis != FIRST[-1] else WORDS["chart"]["element"]
    held = WORDS["assertion"][one.assertion]
    rests = WORDS["chart"]["counts"] if one.counts else ""
    return ", ".join(filter(None, (f"{named}: {one.said}" if one.said else named, held, rests)))
