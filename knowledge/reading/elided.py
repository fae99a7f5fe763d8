"""Clauses that leave their subject out: "the canal is wide at L3-4 but narrowed at L4-5"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.implied import IMPLIED
from knowledge.reading.predicates import only
from knowledge.reading.sites import claim_of
from knowledge.reading.statement import Statement, Text

#: What stands before a clause that says something else of the same thing.
CONTRAST = frozenset({"but", "however", "although", "though", "while", "whereas", "yet"})
#: What takes something out of what was said: "patent apart from mild narrowing at L4-5".
EXCEPT = frozenset({"except", "apart from", "aside from", "save for", "with the exception of"})
LISTED = frozenset({",", "and", ";"})
#: What a key holds: "Neural foramina, left:".
KEY = {"site", "adjective", "level", "region", "assertion", "element", "near"}
#: What stands before a predicate that is about something else.
ANOTHER = ("tissue", "mechanism", "structural", "content", "adjective")
#: What stands for a narrowing that was named before.
THAT = re.compile(r"\s*(?:that|those|the one|the ones|another|others) (?:at|of|on) ")
#: "... but the left foramen is, by a spur."
IS_SO = re.compile(r"(?: [a-z]+ly)? (?:is|are|was|were|does|do|did|has|have)(?: so| indeed| too)?\s*(?:[,;.(]|$)")
#: "...; at C4-5 it was."
IT_IS = re.compile(
    r"\b(?:it|they|both) (?:is|are|was|were|does|do|did)(?: so| indeed| too| present| there| found| seen)?"
    r"(?: on [a-z ]{4,16}| bilaterally)?\s*(?:[,;.(]|$)"
    r"|\b(?:one|ones|that|those) (?:at|of|on) [a-z0-9/ -]{2,14} (?:is|are|was|were|does|do|did)\s*(?:[,;.(]|$)"
)
#: "..., the one at T8-9 does not."
DOES_NOT = re.compile(r" (?:do(?:es)?|did|is|are|was|were|ha(?:s|ve))(?:n't| not)[\s.]*$")
#: What stands before a narrowing that the sentence has named.
DEFINITE = re.compile(r"\b(?:the|this|that|such) (?:[a-z]+ )?$")
WHERE = re.compile(r"\s*where\b")
ADVERBS = 1  #: words before the predicate that nothing is known of
ATTRIBUTE = 2  #: characters between a word and the tissue it describes


def elided_claims(text: Text, statement: Statement, found: Collection[Claim]) -> Iterator[Claim]:
    """What clauses without a subject say of the site that the sentence has named before."""
    site, key = "", False
    for number, clause in enumerate(statement.clauses):
        if named := clause.of("site"):
            site, key = named[-1].value("site"), number == 0 and _is_key(statement.clauses)
        elif site and not clause.of("content"):
            words = text.reading.text
            predicate = _predicate(words, clause, key=key) or _that(words, clause, found) or _there(words, clause)
            if predicate and not any(claim.start <= predicate.start < claim.end for claim in found):
                yield claim_of(text, statement, number, site, predicate, predicate)
    yield from _all_the_same(text, statement, found)


def _all_the_same(text: Text, statement: Statement, found: Collection[Claim]) -> Iterator[Claim]:
    """ "The canal is not narrowed, but the left foramen is, by a spur": what was denied is so of something else."""
    words, denied, last = text.reading.text, False, ""
    narrowed = {claim.clause for claim in found if claim.narrowed}
    for number, clause in enumerate(statement.clauses):
        site = next(iter(clause.of("site")), None)
        bare = denied and last and not site and clause.levels and not clause.predicates
        is_so = IT_IS.search(words, clause.start, clause.end + 1) if bare else None
        if bare and (is_so or clause.mark in EXCEPT):
            start, end = is_so.span() if is_so else (clause.events[0].start, clause.events[-1].end)
            made = Event(start, end, IMPLIED)
            yield claim_of(text, statement, number, last, made, made)
        last = site.value("site") if site else last
        alone = denied and site and not clause.predicates and number not in narrowed
        if alone and site and _is_spared(words, site, clause):
            made = Event(site.start, site.end, IMPLIED)
            yield claim_of(text, statement, number, site.value("site"), made, made)
        narrowing = clause.of("narrowing")
        told = (*narrowing, *(clause.of("site") if narrowing else ()))
        denied = denied or any(event.assertion is Assertion.NEGATED for event in told)


def _is_spared(words: str, site: Event, clause: Clause) -> bool:
    """ "... apart from the left foramen", "... but the left foramen is"."""
    return clause.mark in EXCEPT or IS_SO.match(words, site.end, clause.end + 1) is not None


def _is_key(clauses: list[Clause]) -> bool:
    """ "Neural foramina: ...": the first clause names the site, and all that follows is about it."""
    return len(clauses) > 1 and clauses[1].mark == ":" and only(clauses[0], KEY)


def _there(words: str, clause: Clause) -> Event | None:
    """ "..., where facet overgrowth causes mild narrowing": of the site that the place belongs to."""
    if clause.mark != "," or WHERE.match(words, clause.start, clause.end) is None:
        return None
    return next((event for event in clause.events if event.value("narrowing") in {"noun", "state"}), None)


def _that(words: str, clause: Clause, found: Collection[Claim]) -> Event | None:
    """ "..., that at C6-7 persists": the narrowing just named, at another level."""
    level = next((event for event in clause.events if event.levels and not event.root), None)
    if level is None or clause.of("normal") or not any(claim.narrowed for claim in found):
        return None
    if THAT.match(words, clause.start, level.start) is None:
        return None
    made = Event(level.start, level.end, IMPLIED)
    made.assertion = Assertion.NEGATED if DOES_NOT.match(words, level.end, clause.end) else level.assertion
    return made


def _predicate(words: str, clause: Clause, *, key: bool) -> Event | None:
    """The word that begins the clause and says how the site is; behind a key also a narrowing by its name."""
    told = [event for event in clause.events if not event.has("assertion") or event.has("normal")]
    noun = next((event for event in told if event.value("narrowing") == "noun"), None)
    if noun and DEFINITE.search(words, clause.start, noun.start):
        return noun  # "...; at L4-5 the narrowing is due to a spur"
    first = next((event for event in told if not (key and (event.levels or event.has("region")))), None)
    if first is None or any(first.has(kind) for kind in ANOTHER):
        return None
    cues = " ".join(words[event.start : event.end] for event in clause.events if event.start < first.start)
    if len(words[clause.start : first.start].split()) - len(cues.split()) > ADVERBS:
        return None  # "..., and the level above is narrowed"
    if clause.mark not in CONTRAST | LISTED | EXCEPT:
        return None
    kind = first.value("narrowing")
    passive = kind == "verb" and words[first.start : first.end].endswith(" by")
    if not passive and any(0 <= event.start - first.end <= ATTRIBUTE for event in told if event.has("tissue")):
        return None  # "..., narrowed disc spaces"
    named = kind == "noun" and ((key and clause.mark in LISTED) or clause.mark in EXCEPT)
    return first if kind == "state" or passive or named else None
