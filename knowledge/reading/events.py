"""A reading text -> its events: every phrase and every level, in order; roots told from levels."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter

from knowledge.reading.clauses import Event
from knowledge.reading.levels import LevelMention, Spine, find_levels
from knowledge.reading.lexicon import Held, normal, term
from knowledge.tables import Knowledge

WORD = re.compile(r"[^ \t\n/-]+")
#: "Dermatomal pain C5 and C6": what may stand before a root that was named before its number.
PAIN = re.compile(r" (?:[a-z]+ )?")
#: "Dermatome: C6", "Root affected: left L5".
KEYED = re.compile(r"(?: [a-z]+)? ?[:=\t][ \t]*(?:[a-z]+ )?")
LIST = re.compile(r"(?:,| and| or|/) ?")
ROOT_KEYS = frozenset({"root-name", "root-key"})
NEAR = 2  #: characters between a level and the word that makes it a root


@lru_cache(maxsize=4)
def spine_of(rows: Sequence[tuple[str, str]]) -> Spine:
    """The spine of the level table."""
    return Spine.of(rows)


def events_of(text: str, known: Knowledge) -> list[Event]:
    """Every phrase and every level, in order; a level inside a phrase is part of the phrase."""
    terms, held = known.lexicon.terms, known.lexicon.held
    events: list[Event] = []
    for match in known.lexicon.scan(text):
        told = terms.get(match[0]) or terms[normal(match[0])]
        if told.tags:
            events.append(Event(match.start(), match.end(), told, told.levels))
        elif inside := held.get(match[0]) or held.get(normal(match[0])):
            events += _inside(match, inside)
    spine = spine_of(tuple((level.id, level.kind) for level in known.levels.values()))
    levels = find_levels(text, spine)
    if not levels:
        return events
    taken = Spans([(event.start, event.end) for event in events if event.levels])
    roots = Spans([(event.start, event.end) for event in events if "content" in event.kinds])
    events += [
        _level_event(mention, spine)
        for mention in levels
        if not roots.hold(mention.start, mention.end) and not taken.meet(mention.start, mention.end)
    ]
    return ordered(events)


def _inside(match: re.Match[str], held: Held) -> Iterator[Event]:
    """The phrases that a decoy holds, where they stand."""
    places = [(word.start(), word.end()) for word in WORD.finditer(match[0])]
    for first, last, told in held:
        yield Event(match.start() + places[first][0], match.start() + places[last - 1][1], told, told.levels)


def ordered(events: list[Event]) -> list[Event]:
    """In the order of the text, what holds another before it."""
    return sorted(sorted(events, key=attrgetter("end"), reverse=True), key=attrgetter("start"))


class Spans:
    """Stretches of a text in order, none of which overlaps another."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]

    def hold(self, start: int, end: int) -> bool:
        """Whether one of them holds a stretch."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]

    def meet(self, start: int, end: int) -> bool:
        """Whether one of them overlaps a stretch."""
        index = bisect_left(self.starts, end) - 1
        return index >= 0 and start < self.ends[index]


def _level_event(mention: LevelMention, spine: Spine) -> Event:
    event = Event(mention.start, mention.end, term((("level", mention.levels[0]),)), mention.levels)
    event.root = mention.levels[0] in spine.roots
    return event


def mark_roots(text: str, events: list[Event]) -> None:
    """Levels beside a root word, an MR weighting or heart sounds are no levels (policy B3)."""
    if not any(event.levels for event in events):
        return
    veto = {level for event in events if event.has("not-a-level") for level in event.value("not-a-level").split()}
    for position in range(len(events) - 1, -1, -1):
        event = events[position]
        if not event.levels or not event.has("level"):
            continue
        if "-" in event.levels[0] and event.term.tags[0][0] != "level":
            continue
        if veto and _vetoed(event, veto):
            event.root = True
            event.drop()
            continue
        following = next((one for one in events[position + 1 : position + 3] if not _between_roots(one)), None)
        single = len(event.levels) == 1 and "-" not in event.levels[0]
        if following and _root_follows(text, event, following, single=single):
            event.root = True
    studied = any("root-study" in event.values("element") for event in events)
    _by_root(events, studied=studied and not any(event.has("site") for event in events))
    for before, event in pairwise(events):
        single = len(event.levels) == 1 and "-" not in event.levels[0]
        named = "root-name" in before.values("element") and single
        listed = before.root and single and LIST.fullmatch(text, before.end, event.start)
        if (
            listed
            or (single and _keyed(text, before, event))
            or (named and PAIN.fullmatch(text, before.end, event.start))
        ):
            event.root = True


def _between_roots(event: Event) -> bool:
    """ "C6 versus C7 radiculopathy": a cue and nothing else."""
    return event.kinds.keys() == {"assertion"} and "uncertain" in event.values("assertion")


def _keyed(text: str, key: Event, event: Event) -> bool:
    """ "Dermatome: C6"."""
    named = not ROOT_KEYS.isdisjoint(key.values("element"))
    return named and KEYED.fullmatch(text, key.end, event.start) is not None


def _by_root(events: list[Event], *, studied: bool) -> None:
    """ "Denervation in triceps, C7": a study of muscles names roots."""
    for event in events if studied else ():
        event.root = event.root or (len(event.levels) == 1 and "-" not in event.levels[0])


def _vetoed(event: Event, veto: set[str]) -> bool:
    return event.levels[0] in veto


def _root_follows(text: str, event: Event, following: Event, *, single: bool) -> bool:
    gap = text[event.end : following.start]
    if following.levels:  # "L4, L5 and S1 dermatomes": a list of roots, in which no segment stands
        if not single and "-" not in following.levels[0]:
            return False
        return following.root and len(gap) <= 8 and not any(mark in gap for mark in ";.:")  # noqa: PLR2004
    kinds = following.values("element")
    return ("root-word" in kinds if single else "root-name" in kinds) and len(gap) <= NEAR
