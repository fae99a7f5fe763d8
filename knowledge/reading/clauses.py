"""Events and the clauses they stand in: a sentence cut at its separators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from knowledge.model import Assertion
from knowledge.reading.lexicon import Term, term

SEPARATOR = re.compile(
    r"(?=[;\s()\[\]:,/-])"  # most places are none
    r"(?:(?P<hard>;|\s-{1,3}\s|-->?|\s//?\s|[()\[\]\t]|:(?=\s|$)"
    r"|\s(?:so|hence|thus|therefore)(?=\s(?:this|that|it|i|my|we|the)\s)"
    r"|\s(?:but(?! also)|however|although|though|while|whereas|except|yet"
    r"|apart from|aside from|save for|with the exception of)(?=\s))"
    r"|(?P<soft>,(?!\d{3})|\s(?:and|or|plus|nor|but also|as well as|along with|together with|&|\+)(?=\s)"
    r"|(?<=[a-z])/(?=[a-z]{4})))"
)
#: A few words in brackets.
ASIDE = re.compile(r"\([^()\n]{1,32}\)")
#: What stands before a word that is a subject: another word than a preposition.
BARE = re.compile(r"(?<!\bat)(?<!\bof)(?<!\bin)(?<!\bon)(?<!\bto)(?<!\bfrom)(?<!\blevel)(?<!\bthe)(?<!\band) $")
ALONE = re.compile(r"\s[ctdls]\S+ (?:has|is|was|shows|remains)\b")
#: What a "no" behind it belongs to: a verb, a preposition, a conjunction, a mark.
GOVERNS = re.compile(
    r"(?:\b(?:is|are|was|were|has|have|had|shows?|showed|with|and|or|but|there|of|to|by|in|at|sees?|saw|finds?|found"
    r"|reveals?|revealed|demonstrates?|causing|causes?|also|still|yet|then|says?|said|reports?|notes?|as|than|so|makes?"
    r"|box|ticked|marked|answers?|almost|virtually|practically|essentially)|[^a-z0-9 ]) ?$"
)
GOVERNOR = 14  #: characters before a "no" in which that stands
LEAST_DENIED = 4  #: characters behind a "no" that can be denied
AROUND = 4  #: events on each side of a separator that may touch it
PREDICATES = frozenset({"verb", "normal", "degree", "narrowing", "change"})
ALTERNATIVE = frozenset({"or", "nor", "/"})  #: what goes on with a denied list whatever follows


#: What an event tells that is none.
NOTHING = term(())


class Event:
    """One phrase of the vocabulary, or one level, where it stands in the reading text."""

    __slots__ = ("assertion", "end", "flipped", "kinds", "levels", "root", "start", "target", "term")

    def __init__(self, start: int, end: int, told: Term, levels: tuple[str, ...] = ()) -> None:
        self.start, self.end, self.term, self.levels = start, end, told, levels
        self.kinds = told.kinds  #: class -> the values told
        self.target = told.target  #: whether a cue can be about it
        self.assertion = Assertion.AFFIRMED
        self.root = False  #: a level-shaped token that names a nerve root
        self.flipped = False  #: denied twice

    def value(self, kind: str) -> str:
        """The value told for a class, or an empty string."""
        values = self.kinds.get(kind)
        return values[0] if values else ""

    def values(self, kind: str) -> tuple[str, ...]:
        """Every value told for a class."""
        return self.kinds.get(kind, ())

    def has(self, kind: str) -> bool:
        """Whether anything of the class is told."""
        return kind in self.kinds

    def drop(self) -> None:
        """Tell nothing any more."""
        self.term, self.kinds, self.target, self.levels = NOTHING, NOTHING.kinds, False, ()


@dataclass(slots=True)
class Clause:
    """A stretch between two separators."""

    start: int
    end: int
    hard: bool  #: what stands before it closes a list
    mark: str = ""  #: what stands before it
    events: list[Event] = field(default_factory=list)
    _predicates: Sequence[Event] | None = None
    _of: dict[str, Sequence[Event]] | None = None

    @property
    def predicates(self) -> Sequence[Event]:
        """The events that tell how a site is."""
        if self._predicates is None:
            self._predicates = [event for event in self.events if "narrowing" in event.kinds or "normal" in event.kinds]
        return self._predicates

    def of(self, kind: str) -> Sequence[Event]:
        """The events of a class; looked for once, since what a clause holds is asked for again and again."""
        if self._of is None:
            self._of = {}
        if kind not in self._of:
            self._of[kind] = [event for event in self.events if kind in event.kinds]
        return self._of[kind]

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that it names, each once; roots are none."""
        return tuple(dict.fromkeys(level for event in self.events if not event.root for level in event.levels))

    @property
    def stands_alone(self) -> bool:
        """Whether the clause has a predicate of its own, so that no list runs on into it."""
        for position, event in enumerate(self.events):
            said = event.term.said
            if said.isdisjoint(PREDICATES):
                continue
            if (
                "verb" in said
                or "normal" in said
                or (position == 0 and "degree" in said and self.mark not in ALTERNATIVE)
                or event.value("narrowing") in {"verb", "state", "into"}
            ):
                return True
            if event.value("change") == "state" and any(other.has("tissue") for other in self.events[:position]):
                return True
        return False


def clauses_of(text: str, start: int, end: int, events: Sequence[Event]) -> list[Clause]:
    """Cut a sentence at its separators; a separator inside a phrase is none."""
    clauses = [Clause(start, end, hard=True)]
    if not events:
        return clauses
    levels = any(event.levels for event in events)
    through = _through(text, start, end, events)
    index, count = 0, len(events)
    for match in SEPARATOR.finditer(text, start, end):
        first, last = match.span()
        soft = match.lastgroup == "soft"
        if first in through:
            continue
        while index < count and events[index].end <= first:
            index += 1
        if (index < count and events[index].start <= first) or (not soft and _within(last - 1, events, index)):
            continue
        if levels and soft and _lists_levels(first, last, events, index) and not _begins(text, last, end, match[0]):
            continue
        _cut(clauses, text, first, last, end, soft=soft)
    shared = _shared_out(clauses, events)
    verbs = levels and any("verb" in event.values("assertion") for event in events)
    denials = any("reply" in event.values("assertion") for event in events)
    return [part for clause in shared for part in _parted(clause, text)] if verbs or denials else shared


def _parted(clause: Clause, text: str) -> Iterator[Clause]:
    """ "L2-3 is fine L3-4 has mild stenosis": a level that is the subject of another verb begins a clause."""
    events, first, start = clause.events, 0, clause.start
    hard, mark = clause.hard, clause.mark
    for place, event in enumerate(events):
        if place > first and (
            (_subject(events, place, text) and _predicated(events[first:place]))
            or (_denies_anew(event, clause, text) and _complete(events[first:place]))
        ):
            yield Clause(start, event.start, hard, mark, events[first:place])
            first, start, hard, mark = place, event.start, True, ""
    yield Clause(start, clause.end, hard, mark, events[first:]) if first else clause


def _subject(events: Sequence[Event], place: int, text: str) -> bool:
    """A level with no preposition before it and a verb right behind."""
    event, following = events[place], events[place + 1] if place + 1 < len(events) else None
    if not event.levels or event.root or following is None or "verb" not in following.values("assertion"):
        return False
    return following.start - event.end == 1 and BARE.search(text, max(0, event.start - 8), event.start) is not None


def _denies_anew(event: Event, clause: Clause, text: str) -> bool:
    """ "... narrows the canal no fracture": a "no" with nothing before it that governs it, and something behind."""
    if text[event.start : event.end] != "no" or clause.end - event.end < LEAST_DENIED:
        return False
    return GOVERNS.search(text, max(clause.start, event.start - GOVERNOR), event.start) is None


def _complete(events: Sequence[Event]) -> bool:
    """A site has been called narrow or normal, or a lesion named."""
    site = any(event.has("site") for event in events)
    told = any(event.has("narrowing") or event.has("normal") for event in events)
    return (site and told) or any(event.has("lesion") for event in events)


def _predicated(events: Sequence[Event]) -> bool:
    """Something has been said of something: with a verb, or by a word for normal that stands behind it."""
    verb = any("verb" in event.values("assertion") for event in events)
    told = any(event.has("narrowing") or event.has("normal") for event in events)
    return events[-1].has("normal") or (verb and told)


def _cut(clauses: list[Clause], text: str, first: int, last: int, end: int, *, soft: bool) -> None:
    """End the last clause at a separator and begin another; a colon and a tab part once."""
    if len(clauses) > 1 and not text[clauses[-1].start : first].strip():
        clauses[-1].start, clauses[-1].hard = last, clauses[-1].hard or not soft
        return
    clauses[-1].end = first
    clauses.append(Clause(last, end, not soft, text[first:last].strip()))


def _shared_out(clauses: list[Clause], events: Sequence[Event]) -> list[Clause]:
    """The clauses, each with the events that stand in it."""
    if len(clauses) == 1:
        clauses[0].events += events
        return clauses
    index = 0
    for event in events:
        while index + 1 < len(clauses) and event.start >= clauses[index + 1].start:
            index += 1
        clauses[index].events.append(event)
    return clauses


def _through(text: str, start: int, end: int, events: Sequence[Event]) -> set[int]:
    """Brackets around a level or another name of the site: "the subarticular (lateral recess) stenosis"."""
    brackets: set[int] = set()
    if text.find("(", start, end) < 0:
        return brackets
    for match in ASIDE.finditer(text, start, end):
        inside = [event for event in events if match.start() < event.start and event.end < match.end()]
        tissue = any(event.has("tissue") and 0 <= match.start() - event.end <= 1 for event in events)
        if inside and all(_names(event) or (tissue and event.has("tissue")) for event in inside):
            brackets |= {match.start(), match.end() - 1}
    return brackets


def _names(event: Event) -> bool:
    """A level, a site by its bare name, or how it is."""
    if event.has("site"):
        return not event.has("narrowing")
    return (bool(event.levels) and event.has("level")) or event.value("narrowing") == "state" or event.has("normal")


def _within(position: int, events: Sequence[Event], index: int) -> bool:
    """Whether one of the events from ``index`` on goes on behind a place: the word "but" alone is no longer phrase."""
    for event in islice(events, index, None):
        if event.start > position:
            return False
        if position + 1 < event.end:
            return True
    return False


def _begins(text: str, start: int, end: int, mark: str) -> bool:
    """ "... at T5 and L1, C6 has resolved": behind a comma the last level is the subject of a verb of its own."""
    return mark == "," and ALONE.match(text, start, end) is not None


def _lists_levels(start: int, end: int, events: Sequence[Event], index: int) -> bool:
    """A separator between two levels joins them: "C4-5 and C5-6" is one place.

    Events before ``index`` end before the separator.
    """
    near = events[max(0, index - AROUND) : index + AROUND]
    before = any(event.levels and start - event.end in {0, 1} for event in near)
    return before and any(event.levels and event.start - end in {0, 1} for event in near)
