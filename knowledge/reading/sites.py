"""What a sentence says of canal, foramen and recess: narrowed, normal, or nothing.

Anatomy with no word of narrowing is a mere mention.
"""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.heads import denied, graded, shared
from knowledge.reading.implied import MILLIMETRES, implied, measured
from knowledge.reading.mentions import NEAR, Mention, distance, nearest, worse
from knowledge.reading.placing import place
from knowledge.reading.predicates import predicate_around, predicate_of
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Parts


def claims_of(text: Text, statement: Statement, mentions: list[Mention], parts: Parts) -> Iterator[Claim]:
    """What a sentence says of each site it names; of its contents, and of narrowing alone, only where no site is."""
    found: list[Claim] = []
    sentence = statement.sentence
    told = statement.says("site") and (
        bool(mentions)
        or statement.says("narrowing", "normal")
        or MILLIMETRES.search(text.reading.text, sentence.start, sentence.end) is not None
    )
    for number, clause in enumerate(statement.clauses if told else ()):
        for event in clause.events:
            claims = (
                _site_claim(text, statement, number, event, site, mentions, parts) for site in event.values("site")
            )
            found.extend(claim for claim in claims if claim)
    if not statement.says("narrowing"):
        yield from found
        return
    for number, site, head in shared(statement, text.reading.text, [claim.clause for claim in found]):
        found.append(claim_of(text, statement, number, site, head, head))
    if len(statement.clauses) > 1:
        found = [determined(claim) for claim in found]
    if not any(claim.narrowed for claim in found):
        found += _content_claims(text, statement)
    if not found:
        found += _bare_claims(text, statement, mentions)
    yield from found


def _site_claim(
    text: Text,
    statement: Statement,
    number: int,
    event: Event,
    site: str,
    mentions: list[Mention],
    parts: Parts,
) -> Claim | None:
    clauses, words = statement.clauses, text.reading.text
    if event.has("narrowing"):  # one word says both
        return claim_of(text, statement, number, site, event, event)
    told = statement.says("narrowing", "normal")
    predicate = (
        (predicate_of(event, clauses[number], mentions) if told else None)
        or implied(words, event, number, clauses, mentions, parts.idle_verbs)
        or measured(words, event, site, number, clauses, parts.limits)
        or (predicate_around(number, clauses, mentions) if told else None)
    )
    if predicate is None or _where_it_lies(event, predicate, clauses[number]):
        return None
    return claim_of(text, statement, number, site, event, predicate)


def _where_it_lies(event: Event, predicate: Event, clause: Clause) -> bool:
    """ "a foraminal herniation encroaches on the canal": the adjective places the herniation, the canal is narrowed."""
    if not event.has("adjective") or predicate.start < event.end:
        return False
    placed = any(
        0 <= other.start - event.end <= NEAR and other.end <= predicate.start
        for other in clause.events
        if other.has("structural") or other.has("mechanism")
    )
    return placed and any(other.start >= predicate.end for other in clause.of("site"))


def claim_of(text: Text, statement: Statement, number: int, site: str, event: Event, predicate: Event) -> Claim:
    """Narrowed or not, from the predicate and what is said of it."""
    narrows = predicate.has("narrowing") and not (predicate.has("normal") and not predicate.has("site"))
    told = (
        predicate.assertion
        if predicate.has("narrowing") or predicate.assertion is not Assertion.UNCERTAIN
        else Assertion.AFFIRMED
    )
    if event.flipped and predicate.has("narrowing"):
        told = Assertion.AFFIRMED
    elif event.assertion in {Assertion.ELSEWHERE, Assertion.HISTORICAL}:
        told = worse(told, event.assertion)
    elif (
        event.assertion is Assertion.NEGATED
        and predicate is not event
        and not predicate.has("normal")  # "no contact with the root, canal and foramina patent"
        and told is Assertion.AFFIRMED
    ):
        told = Assertion.NEGATED
    narrowed = narrows
    if told is Assertion.NEGATED:
        narrowed, told = not narrows, Assertion.AFFIRMED
    start, end = min(event.start, predicate.start), max(event.end, predicate.end)
    claim = Claim(text, statement, number, site, narrowed, told, start, end)
    place(claim)
    return claim


def determined(claim: Claim) -> Claim:
    """A claim whose narrowing stands in another clause, with the grade or the denial of its own clause."""
    clauses = claim.statement.clauses
    own, head = clauses[claim.clause], next((one for one in clauses if one.start <= claim.end - 1 < one.end), None)
    if head is None or head is own or claim.assertion is not Assertion.AFFIRMED:
        return claim
    if not claim.narrowed and graded(own) and (denied(head) or head.start < own.start):
        claim.narrowed = True
    elif claim.narrowed and denied(own) and graded(head):
        claim.narrowed = False
    return claim


def _content_claims(text: Text, statement: Statement) -> Iterator[Claim]:
    """Cord, sac or root said to be pressed: the site they lie in is narrowed."""
    for number, clause in enumerate(statement.clauses):
        for event in clause.of("content"):
            words = [
                other
                for other in clause.events
                if other.has("narrowing")
                and not other.has("site")
                and other.value("narrowing") != "into"
                and distance(event, other) <= NEAR
            ]
            predicate = nearest(event, words)
            if predicate:
                claim = claim_of(text, statement, number, event.value("content"), event, predicate)
                claim.weak = True
                yield claim


def _bare_claims(text: Text, statement: Statement, mentions: list[Mention]) -> Iterator[Claim]:
    """ "Moderate stenosis C5-6": a narrowing without a site."""
    if statement.of("veto"):
        return
    for number, clause in enumerate(statement.clauses):
        for event in clause.events:
            if event.value("narrowing") == "noun" and event.has("bare") and not event.has("site"):
                claim = claim_of(text, statement, number, "", event, event)
                if claim.levels or claim.regions or mentions:
                    yield claim
