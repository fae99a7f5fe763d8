"""What points back: pronouns for a site, a site told in the next sentence, what is taken back (policy A4, A6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.implied import IMPLIED
from knowledge.reading.levels import overlap
from knowledge.reading.sides import SIDE
from knowledge.reading.sites import claim_of
from knowledge.reading.statement import Statement, Text

BACK = frozenset({"this", "that", "it", "these", "those", "they", "this is", "it is"})
BEFORE = 26  #: characters between a pronoun and what is said of it
OBJECT = 14  #: characters between a verb and the pronoun it acts on
#: Whatever was said is said again.
SAME = re.compile(r"(?:the )?same(?: (?:findings?|changes?|picture|process|thing))?|likewise|ditto|similarly|idem")
#: What a sentence that says the same again does not name.
OF_ITS_OWN = ("site", "narrowing", "normal", "mechanism", "tissue", "structural", "anchored")
#: What stands between the beginning of a sentence and a narrowing that the one before has named.
DEFINITE = re.compile(r"\s*(?:the|this|that|such) (?:[a-z]+ ){0,2}")
SAID_OF_IT = frozenset({"it is", "it's", "they are"})
ON_IT = re.compile(r" (?:it|them)\b")  #: behind a noun that is a verb too: "does compromise it"
OTHERS = re.compile(r"\b(?:elsewhere|otherwise|others?|remaining|remainder|rest)\b")
SUBJECT = frozenset({"they", "these", "one", "it"})
SIDED = re.compile(rf"\b(?:{SIDE}|one|other|both)\b")


def pronoun_claims(text: Text, statement: Statement, last_site: str) -> Iterator[Claim]:
    """ "... crowds it", "they are tight", "the left one is narrowed": claims about the site named before."""
    site = last_site
    words = text.reading.text
    for number, clause in enumerate(statement.clauses):
        named = clause.of("site")
        if named:
            site = named[-1].value("site")
        elif site and not clause.of("content") and (predicate := _predicate(words, clause) or _graded(words, clause)):
            yield claim_of(text, statement, number, site, predicate, predicate)


def _predicate(words: str, clause: Clause) -> Event | None:
    """A narrowing word of the clause that speaks of a pronoun."""
    for event in clause.events:
        kind = event.value("narrowing")
        if kind not in {"verb", "state"} and not (kind == "noun" and ON_IT.match(words, event.end, clause.end)):
            continue
        for other in clause.events:
            pronoun = words[other.start : other.end]
            if "pronoun" not in other.values("assertion") and pronoun not in SAID_OF_IT:
                continue
            after = 0 <= other.start - event.end <= OBJECT and pronoun in {"it", "them"} and kind != "state"
            before = 0 <= event.start - other.end <= BEFORE and not SUBJECT.isdisjoint(pronoun.split())
            if after or before:
                return event
    return None


def _graded(words: str, clause: Clause) -> Event | None:
    """ "At L4-5 it is moderate": a grade, and nothing that could have it but what was named before."""
    for pronoun, grade in pairwise(clause.events):
        if words[pronoun.start : pronoun.end] in SAID_OF_IT and "degree" in grade.values("assertion"):
            beside = grade.start - pronoun.end == 1
            made = Event(grade.start, grade.end, IMPLIED)
            return made if beside and not any(clause.of(kind) for kind in ("normal", "change", "tissue")) else None
    return None


def site_told_later(words: str, statements: Sequence[Statement], claims: list[list[Claim]]) -> None:
    """ "Stenosis at C3-4. It is located in the foramen": the next sentence names the site of a bare narrowing."""
    for number in range(len(statements) - 1):
        bare = [claim for claim in claims[number] if claim.narrowed and not claim.site]
        following = statements[number + 1]
        if not bare or following.sentence.paragraph != statements[number].sentence.paragraph:
            continue
        told = [event for event in following.of("site") if event.assertion is not Assertion.NEGATED]
        sites = {value for event in told for value in event.values("site")}
        acts = any(event.value("narrowing") in {"verb", "state"} for event in following.of("narrowing"))
        if len(sites) != 1 or acts or not _points(words, following) or following.of("normal"):
            continue
        for claim in bare:
            claim.site = next(iter(sites))
        claims[number + 1] = [claim for claim in claims[number + 1] if not claim.narrowed]


def taken_up(words: str, statements: Sequence[Statement], claims: list[list[Claim]]) -> None:
    """ "Canal stenosis at L4-5. The stenosis is due to ...": a narrowing without a site is the one just named."""
    for number in range(1, len(statements)):
        before = [claim for claim in claims[number - 1] if claim.narrowed and claim.site]
        same = statements[number].sentence.paragraph == statements[number - 1].sentence.paragraph
        if not before or not same or len({(claim.site, claim.levels) for claim in before}) > 1:
            continue
        for claim in claims[number]:
            if not claim.site and DEFINITE.fullmatch(words, statements[number].sentence.start, claim.start):
                claim.site, claim.levels = before[0].site, claim.levels or before[0].levels


def _points(words: str, statement: Statement) -> bool:
    """The sentence begins with a word that points back, or with the narrowing itself."""
    first = statement.events[:2]
    return any(
        "pronoun" in event.values("assertion") or event.has("bare") or words[event.start : event.end] in BACK
        for event in first
    )


def said_again(words: str, statements: Sequence[Statement], claims: list[list[Claim]]) -> None:
    """ "L3-4: the same", "the same is seen at L3-4": the claims of the sentence before, at another level."""
    for number in range(1, len(statements)):
        statement, before = statements[number], statements[number - 1]
        if not statement.own or claims[number] or not claims[number - 1] or statement.says(*OF_ITS_OWN):
            continue
        same = any(SAME.fullmatch(words, event.start, event.end) for event in statement.events)
        near = statement.sentence.section == before.sentence.section and (
            statement.sentence.paragraph == before.sentence.paragraph or bool(before.own)
        )
        if same and near:
            claims[number] = [
                replace(claim, levels=statement.own, regions=(), mechanisms=[]) for claim in claims[number - 1]
            ]


def take_back(words: str, statements: Sequence[Statement], claims: list[list[Claim]]) -> None:
    """Retract what the record takes back, in the same sentence, the next one, or an addendum."""
    told: dict[str, list[Claim]] = {}  # what narrows, by its site
    for number, statement in enumerate(statements):
        for claim in claims[number]:
            if claim.narrowed:
                told.setdefault(claim.site, []).append(claim)
        if len(claims[number]) > 1:
            _flips(words, claims[number])
        if statement.says("negation-after") and (claims[number] or (number and claims[number - 1])):
            _unsaid(words, statements, number, claims)
        for event in statement.of("speech"):
            if event.value("speech") != "retracts" or event.assertion is not Assertion.AFFIRMED:
                continue
            opening = statement.events[0] is event  # "scratch what I said of the canal at L4-5"
            named = [claim for claim in claims[number] if claim.start < event.start or opening]
            before = statements[number - 1].sentence.paragraph if number else -1
            if (
                not named
                and before == statement.sentence.paragraph
                and not claims[number]
                and _refers(words, statement)
            ):
                named = claims[number - 1]
            for claim in [claim for claim in named if claim.narrowed]:
                _retract(claim, told)


def _unsaid(words: str, statements: Sequence[Statement], number: int, claims: list[list[Claim]]) -> None:
    """ "...; on the thin slices this is not confirmed": a clause that only points back and denies."""
    statement = statements[number]
    for index, clause in enumerate(statement.clauses):
        back = any(words[event.start : event.end] in BACK for event in clause.events)
        denied = any("negation-after" in event.values("assertion") for event in clause.events)
        about = any(clause.of(kind) for kind in ("site", "narrowing", "mechanism", "tissue", "structural", "content"))
        if not (back and denied) or about:
            continue
        named = [claim for claim in claims[number] if claim.clause < index]
        if not named and index == 0 and number and not claims[number]:
            same = statements[number - 1].sentence.paragraph == statement.sentence.paragraph
            named = claims[number - 1] if same and not statement.own else []
        for claim in [claim for claim in named if claim.narrowed and claim.assertion is Assertion.AFFIRMED]:
            claim.assertion = Assertion.ELSEWHERE


def _refers(words: str, statement: Statement) -> bool:
    """The sentence speaks of the one before it and of nothing of its own."""
    own = any(statement.of(kind) for kind in ("mechanism", "tissue", "structural", "level"))
    return not own and any(
        words[event.start : event.end] in BACK or words[event.start : event.end].split(maxsplit=1)[0] in BACK
        for event in statement.events
    )


def _flips(words: str, claims: list[Claim]) -> None:
    """ "called tight, but the canal is normal": the later word of one sentence stands, unless sides differ."""
    for earlier in claims:
        for later in claims:
            behind = later.clause > earlier.clause and later.site == earlier.site
            if behind and earlier.narrowed and not later.narrowed and _same_place(words, earlier, later):
                earlier.assertion = Assertion.ELSEWHERE


def _same_place(words: str, earlier: Claim, later: Claim) -> bool:
    clauses = earlier.statement.clauses[earlier.clause : later.clause + 1]
    sided = any(SIDED.search(words, clause.start, clause.end) for clause in clauses)
    apart = set(earlier.levels) != set(later.levels) and earlier.levels and later.levels
    elsewhere = _regions(clauses[-1]) - _regions(clauses[0]) or "\t" in words[earlier.end : later.start]
    others = OTHERS.search(words, earlier.end, later.end)
    return not (sided or apart or elsewhere or others) and any(clause.hard for clause in clauses[1:])


def _regions(clause: Clause) -> set[str]:
    return {value for event in clause.of("region") for value in event.values("region")}


def _retract(claim: Claim, told: dict[str, list[Claim]]) -> None:
    """Take a claim back, and what was said of its site and place before; a claim that is taken back is forgotten."""
    same = told.get(claim.site, [])
    gone = [other for other in same if other is claim or overlap(other.levels, claim.levels)]
    for other in (claim, *gone):
        other.assertion = Assertion.ELSEWHERE
    told[claim.site] = [other for other in same if other.assertion is not Assertion.ELSEWHERE]
