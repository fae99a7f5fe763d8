"""A document -> its statements: sentences with their events, clauses, levels and assertions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from knowledge.garbage import nothing_collected
from knowledge.model import Assertion, Document
from knowledge.reading.assertion import REACHING, assert_events
from knowledge.reading.boxes import fill, ticked
from knowledge.reading.clauses import Event
from knowledge.reading.columns import column_events
from knowledge.reading.copied import copied_blocks
from knowledge.reading.events import Spans, events_of, mark_roots, ordered
from knowledge.reading.lexicon import TARGETS
from knowledge.reading.palpation import graded, lettered, measured, signed
from knowledge.reading.sections import headings_of
from knowledge.reading.statement import Scan, Statement, Text
from knowledge.reading.structure import sentences
from knowledge.reading.text import ReadingText, reading_text
from knowledge.reading.topics import carry
from knowledge.reading.wraps import unwrapped
from knowledge.tables import Knowledge

#: What a section makes of everything said in it (policy A3).
DEFAULTS = {
    "indication": Assertion.ELSEWHERE,
    "report-history": Assertion.AFFIRMED,
    "technique": Assertion.ELSEWHERE,
    "family": Assertion.ELSEWHERE,
    "consent": Assertion.ELSEWHERE,
    "history": Assertion.HISTORICAL,
    "preoperative": Assertion.HISTORICAL,
    "copied": Assertion.HISTORICAL,
}
#: In an imaging report its history is why the study was made.
REPORT_DEFAULTS = {"report-history": Assertion.ELSEWHERE, "hpi": Assertion.ELSEWHERE, "history": Assertion.ELSEWHERE}
SILENT: AbstractSet[str] = frozenset()
#: A line end and what the next line is indented by.
INDENT = re.compile(r"\n[ \t]{2,}")
LOUD = re.compile(r"[ \t]*[A-Z]{6,}(?:[ \t]+[A-Z/&]{2,}){0,4}[ \t]+(?=[A-Z]?[a-z])")


def read(document: Document, known: Knowledge, found: Scan | None = None) -> Text:
    """Read one document; ``found`` is the scan of one with the same words, of the same kind, with the same struck."""
    with nothing_collected():
        return _read(document, known, found or _scan(document, known))


def scan(document: Document, known: Knowledge) -> Scan:
    """Find what a document is made of."""
    with nothing_collected():
        return _scan(document, known)


def _scan(document: Document, known: Knowledge) -> Scan:
    headings = headings_of(known.headings)
    reading = _unwrapped(document.text, reading_text(document.text, known.lexicon), headings.opens)
    text = reading.text
    events = ticked(text, events_of(text, known))
    if document.struck:
        events = [event for event in events if not _struck(reading, event, document.struck)]
    copied = [] if document.kind in known.parts.coded else copied_blocks(text, events)
    events = column_events(text, events, known.parts.affirmed)
    words = known.parts.palpation
    if ranges := list(measured(text, known.parts.motions)):
        taken = Spans([(one.start, one.end) for one in ranges])
        events = ordered([*(one for one in events if not taken.meet(one.start, one.end)), *ranges])
    if found := [*graded(text, words), *signed(text, words)]:
        events = ordered([*events, *found])
    loud = _loud(document.text, reading)
    examined = lettered(text, words)
    parts = sentences(text, headings, document.kind, copied, loud, known.parts.abbreviations, examined)
    return Scan(reading, tuple((one.start, one.end, one.term, one.levels) for one in events), tuple(parts))


def _read(document: Document, known: Knowledge, found: Scan) -> Text:
    text, events = found.reading.text, [Event(*parts) for parts in found.events]
    default = _defaults(document, known.parts.report)
    result = Text(document, found.reading)
    index = 0
    for sentence in found.sentences:
        while index < len(events) and events[index].end <= sentence.start:
            index += 1
        last = index
        while last < len(events) and events[last].start < sentence.end:
            last += 1
        own = events[index:last]
        statement = Statement(document, sentence, text, own, SILENT, index=len(result.statements))
        result.statements.append(statement)
        if own:
            _told(statement, default(sentence.section))
            fill(text, sentence.start, sentence.end, own)
        index = last
    carry(text, result.statements, known)
    return result


def _unwrapped(original: str, reading: ReadingText, opens: re.Pattern[str]) -> ReadingText:
    """The reading text with its hard wraps undone, and the indentation behind them."""
    text = unwrapped(reading.text, lambda offset: original[reading.back(offset)].islower(), opens)
    if text == reading.text:
        return reading
    indents = [
        (match.start(), match.end(), " ")
        for match in INDENT.finditer(reading.text)
        if text[match.start()] != reading.text[match.start()]
    ]
    return reading.edited(text, indents) if indents else replace(reading, text=text)


def _loud(original: str, reading: ReadingText) -> Callable[[int], bool]:
    """Whether a line begins in capitals and goes on in small letters: a heading with no mark behind it."""

    def loud(start: int) -> bool:
        match = LOUD.match(original, reading.back(start)) if start < len(reading.text) else None
        return match is not None

    return loud


def _struck(reading: ReadingText, event: Event, struck: Sequence[tuple[int, int]]) -> bool:
    position = reading.back(event.start)
    return any(start <= position < end for start, end in struck)


def _defaults(document: Document, report: str) -> Callable[[str], Assertion]:
    """What the sections of a document make of what is said in them."""
    if document.kind == report:
        return lambda section: REPORT_DEFAULTS.get(section) or DEFAULTS.get(section, Assertion.AFFIRMED)
    if not document.of_encounter:
        return lambda _section: Assertion.HISTORICAL
    return lambda section: DEFAULTS.get(section, Assertion.AFFIRMED)


def _told(statement: Statement, default: Assertion) -> None:
    """What the events of a sentence tell: its levels, and what is affirmed and what is not."""
    text, events, sentence = statement.words, statement.events, statement.sentence
    said = _said(events)
    if "level" in said:
        _mark_levels(text, events)
        said = _said(events) if "not-a-level" in said else said
        statement.own = tuple(
            dict.fromkeys(level for event in events if event.levels and not event.root for level in event.levels)
        )
    statement.said = said
    if TARGETS.isdisjoint(said):
        return
    if not REACHING.isdisjoint(said) or text.find("?", sentence.start, sentence.end) >= 0:
        assert_events(text, sentence.start, sentence.end, statement.clauses, default, said)
    elif default is not Assertion.AFFIRMED:
        for event in events:
            event.assertion = default if event.target else event.assertion


def _said(events: Sequence[Event]) -> AbstractSet[str]:
    """The classes and the cues that events tell."""
    if len(events) == 1:
        return events[0].term.said
    said: set[str] = set()
    for event in events:
        said |= event.term.said
    return said


def _mark_levels(text: str, events: list[Event]) -> None:
    """Roots are no levels; a named vertebra is anatomy where a segment is named too."""
    mark_roots(text, events)
    if any("-" in level for event in events if event.levels and not event.root for level in event.levels):
        for event in events:
            if (
                len(event.levels) == 1
                and "-" not in event.levels[0]
                and event.has("level")
                and text[event.start : event.end].isalpha()
            ):
                event.levels = ()
