"""Predicates that no word of the vocabulary carries: the form of the sentence, or a measurement, tells them.

"A ledge of bone straitens the canal" and "the foramen is walled up by a spur" say a narrowing whatever the
verb; "canal 7 mm" says one by its number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from knowledge.model import Assertion
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.lexicon import term
from knowledge.reading.mentions import Mention

#: A verb by its ending, then at most a particle, a determiner and a few words, right before the site.
ACTS_ON = re.compile(
    r"(?:^|[\s,(])(?P<verb>[a-z]{2,}(?:s|ed|en|ing|nt|ut|ew|ot))"
    r"(?: (?:on|upon|into|off|up|down|out|over|against|in on|away at|onto))?"
    r" (?:the|both|his|her|its|their|that|this|each|either|a|one|my|most of the|half of the|half the)"
    r"(?: [a-z0-9/-]+){0,4} $"
)
MILLIMETRES = re.compile(r"(?<![\d.])(\d{1,2}(?:\.\d+)?)(?:\s?(?:-|to)\s?(\d{1,2}(?:\.\d+)?))?\s?(?:mm|millimet)")
WITHIN = 48  #: characters between a site and its measure
IMPLIED = term((("narrowing", "implied"),))


def implied(
    text: str,
    site: Event,
    number: int,
    clauses: Sequence[Clause],
    mentions: Sequence[Mention],
    idle: Collection[str],
) -> Event | None:
    """A narrowing told by the form of the sentence: something that acts on the site, or a site changed by something."""
    clause = clauses[number]
    acting = [mention for mention in mentions if _can_act(mention)]
    if not acting or any(event.has("normal") for event in clause.predicates):
        return None
    if made := _passive(site, number, clause, acting):
        return made
    match = ACTS_ON.search(text, clause.start, site.start)
    return _active(match, site, number, clauses, acting) if match and match["verb"] not in idle else None


def _can_act(mention: Mention) -> bool:
    return mention.assertion in {Assertion.AFFIRMED, Assertion.UNCERTAIN} and not mention.bare


def _passive(site: Event, number: int, clause: Clause, acting: Sequence[Mention]) -> Event | None:
    """ "... foramen at half bore from a disc bulge": a cause and a mechanism behind the site."""
    causes = [event for event in clause.events if "agent" in event.values("assertion") and event.start >= site.end]
    for mention in acting:
        cause = next((event for event in causes if event.end <= mention.start), None)
        if cause and mention.clause == number and mention.start - cause.end <= WITHIN:
            return _event(site, cause, mention)
    return None


def _active(
    match: re.Match[str], site: Event, number: int, clauses: Sequence[Clause], acting: Sequence[Mention]
) -> Event | None:
    """ "a bar of bone straitens the canal": a mechanism, and a verb right before the site."""
    clause = clauses[number]
    if any(event.start <= match.start("verb") < event.end and not event.has("assertion") for event in clause.events):
        return None
    first = number
    while first > 0 and not clauses[first].hard:
        first -= 1
    for mention in acting:
        if first <= mention.clause <= number and mention.end <= match.start("verb"):
            return _event(site, site, mention)
    return None


def _event(site: Event, cause: Event, mention: Mention) -> Event:
    made = Event(min(site.start, cause.start), max(site.end, cause.end), IMPLIED)
    made.assertion = mention.assertion
    return made


def measured(
    text: str, site: Event, value: str, number: int, clauses: Sequence[Clause], limits: Mapping[str, float]
) -> Event | None:
    """A narrowing told by a number: the site measures no more than its limit in millimetres."""
    if value not in limits:
        return None
    end = clauses[number].end
    if number + 1 < len(clauses) and not clauses[number + 1].of("site"):
        end = clauses[number + 1].end
    match = MILLIMETRES.search(text, site.end, min(end, site.end + WITHIN))
    if match is None or float(match[2] or match[1]) > limits[value]:
        return None
    if any(
        site.end <= event.start < match.start() and (event.has("tissue") or event.has("mechanism"))
        for clause in clauses
        for event in clause.events
    ):
        return None
    made = Event(site.start, match.end(), IMPLIED)
    made.assertion = site.assertion
    return made
