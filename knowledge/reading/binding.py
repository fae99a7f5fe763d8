"""Statements -> claims with their mechanisms: site, narrowing, mechanism and level said together (policy A6).

They bind inside one sentence, under one level heading, or through words that point back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.garbage import nothing_collected
from knowledge.model import Assertion
from knowledge.reading.agents import counts, held
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause
from knowledge.reading.elided import elided_claims
from knowledge.reading.levels import overlap
from knowledge.reading.mentions import STRUCTURAL, Mention, mentions_of
from knowledge.reading.pairs import former_and_latter, paired
from knowledge.reading.pointing import pronoun_claims, said_again, site_told_later, take_back, taken_up
from knowledge.reading.sites import claims_of
from knowledge.reading.statement import Statement, Text
from knowledge.reading.synoptic import fill_in
from knowledge.reading.traced import trace
from knowledge.tables import Parts

#: Without any of these a sentence mentions no mechanism, and claims nothing.
MENTIONED = frozenset({"mechanism", "structural", "anchored", "tissue"})
CLAIMED = frozenset({"site", "narrowing", "content", "adjective", "degree"})
#: A pronoun right before a verb.
IT = re.compile(r"\b(?:it|this|that)(?: [a-z]+ly)? $")
#: What is granted before the narrowing is told otherwise: "although the disc bulges, ...".
CONCEDED = re.compile(r"\s*(?:(?:al|even )?though|while|whereas|despite|notwithstanding|granted)\b")
#: "All three together", "narrowed by both": whatever was listed before.
ALL = re.compile(
    r"\b(?:(?P<more>all (?:three|four|of (?:these|those|them|which)))"
    r"|both(?! sides)|together|between them|(?:the|these) two)\b"
)
#: "... and canal stenosis at L4-5 from the same cause": the noun is one of the policy's.
SAME = re.compile(r"\bthe same ([a-z]+)")
RECENT = 32  #: claims before one that can have "the same cause"
ARTICLE = 12  #: characters between "both" and the site it counts
AROUND = 3  #: sentences before and after, under the same heading


@dataclass(slots=True)
class Bound:
    """Everything a document says about lesions."""

    claims: list[Claim] = field(default_factory=list)
    mentions: list[tuple[Statement, Mention]] = field(default_factory=list)


def bind(text: Text, parts: Parts) -> Bound:
    """The claims of a document, each with the mechanisms that belong to it."""
    with nothing_collected():
        return _bind(text, parts)


def _bind(text: Text, parts: Parts) -> Bound:
    said, claims = _told(text, parts)
    words = text.reading.text
    site_told_later(words, text.statements, claims)
    taken_up(words, text.statements, claims)
    said_again(words, text.statements, claims)
    take_back(words, text.statements, claims)
    for own in claims:
        for claim in own:
            _link(claim, said[claim.statement.index])
    former_and_latter(words, text.statements, said, claims)
    bound = Bound(mentions=_changed(text.statements, said))
    for number, own in enumerate(claims):
        for claim in own:
            if claim.narrowed and not (claim.mechanisms and claim.levels):
                fill_in(claim, number, text, said, claims, parts.synoptic)
            if claim.narrowed and not claim.mechanisms:
                _link_same(claim, [*bound.claims[-RECENT:], *own], parts.causes)
            if claim.narrowed and not claim.mechanisms:
                _link_around(claim, number, text.statements, said, claims)
        claims[number] = paired(words, own, said[own[0].statement.index]) if own else own
        bound.claims += claims[number]
    trace(words, text.statements, said, claims)
    _withdraw(said, claims)
    return bound


def _changed(statements: Sequence[Statement], said: Sequence[list[Mention]]) -> list[tuple[Statement, Mention]]:
    """The mentions that are more than a name, each with its sentence."""
    return [(one, mention) for one, own in zip(statements, said, strict=True) for mention in own if not mention.bare]


def _told(text: Text, parts: Parts) -> tuple[list[list[Mention]], list[list[Claim]]]:
    """The mentions and the claims of each sentence, by what it says itself."""
    said: list[list[Mention]] = []
    claims: list[list[Claim]] = []
    site, place = "", (-1, "")
    for statement in text.statements:
        if (statement.sentence.paragraph, statement.sentence.section) != place:
            site, place = "", (statement.sentence.paragraph, statement.sentence.section)
        mentions: list[Mention] = []
        own: list[Claim] = []
        if not statement.said.isdisjoint(MENTIONED):
            mentions = list(mentions_of(statement, text.reading.text, parts))
            _taken_back(statement, mentions)
        if not statement.said.isdisjoint(CLAIMED):
            own = _claims(text, statement, mentions, parts, site)
            named = statement.of("site")
            site = named[-1].value("site") if named else site
        said.append(mentions)
        claims.append(own)
    return said, claims


def _claims(text: Text, statement: Statement, mentions: list[Mention], parts: Parts, site: str) -> list[Claim]:
    """What a sentence says of the sites it names, of those it points back to, and of those it leaves out."""
    own = list(claims_of(text, statement, mentions, parts))
    if statement.says("narrowing", "degree") and statement.says("pronoun", "termination"):
        own += pronoun_claims(text, statement, site)
    if statement.says("narrowing") and statement.says("site"):
        own += list(elided_claims(text, statement, own))
    return own


def _link_same(claim: Claim, before: list[Claim], causes: frozenset[str]) -> None:
    """Give a claim "from the same cause" what narrows in the claim before it."""
    clause = claim.statement.clauses[claim.clause]
    named = SAME.finditer(claim.text.reading.text, clause.start, clause.end)
    if any(match[1] in causes for match in named):
        told = [other for other in before if other.mechanisms and other.start < claim.start]
        near = [other for other in told if claim.statement.index - other.statement.index <= 1]
        claim.mechanisms = near[-1].mechanisms if near else []


def _withdraw(said: list[list[Mention]], claims: list[list[Claim]]) -> None:
    """What a later sentence takes back of a tissue narrows nothing before it either."""
    last = {mention.value: number for number, own in enumerate(said) for mention in own if mention.withdrawn}
    for number, own in enumerate(claims) if last else ():
        for claim in own:
            claim.mechanisms = [one for one in claim.mechanisms if last.get(one.value, -1) <= number]


def _taken_back(statement: Statement, mentions: list[Mention]) -> None:
    """ "The osteophyte statement above is withdrawn": what a clause takes back is said no more."""
    if not mentions or not statement.of("speech"):
        return
    for number, clause in enumerate(statement.clauses):
        if not any("retracts" in event.values("speech") for event in clause.events):
            continue
        own = [mention for mention in mentions if mention.clause == number]
        for mention in own or [mention for mention in mentions if mention.clause == number - 1]:
            mention.assertion, mention.withdrawn = Assertion.ELSEWHERE, True


def _link(claim: Claim, mentions: list[Mention]) -> None:
    """Give a claim the mechanisms of its sentence."""
    if not claim.narrowed:
        return
    if (listed := _listed(claim, mentions)) is not None:
        claim.mechanisms = listed
        return
    reach = _reachable(claim, mentions)
    near = [mention for mention in mentions if mention.clause in reach and counts(mention, claim)]
    if not near:
        near = [mention for mention in mentions if _same_level(claim, mention.clause) and counts(mention, claim)]
    near = near or [mention for mention in mentions if _subject(mention, claim) and held(mention, claim)]
    near = near or [mention for mention in mentions if mention.clause == _head(claim) and counts(mention, claim)]
    claim.mechanisms = near or _pronoun(claim, mentions)


def _head(claim: Claim) -> int:
    """The clause with the predicate: "the canal at L2-3 and the foramina at L4-5 are narrowed by disc bulges"."""
    clauses = claim.statement.clauses
    number = next((number for number, one in enumerate(clauses) if one.start < claim.end <= one.end), claim.clause)
    return claim.clause if any(clause.hard for clause in clauses[claim.clause + 1 : number + 1]) else number


def _pronoun(claim: Claim, mentions: list[Mention]) -> list[Mention]:
    """ "Thick ligament at L4-5, and at L3-4 it narrows the canal": what the subject of the verb stands for."""
    words, clause = claim.text.reading.text, claim.statement.clauses[claim.clause]
    verb = next((event for event in clause.events if event.value("narrowing") == "verb"), None)
    if verb is None or not IT.search(words, clause.start, verb.start):
        return []
    before = [one for one in mentions if one.clause < claim.clause and not one.bare and held(one, claim)]
    return before[-1:]


def _subject(mention: Mention, claim: Claim) -> bool:
    """ "Facet hypertrophy narrows the canal at L3-4 and both foramina at L4-5": one subject, many objects."""
    objects = claim.statement.clauses[mention.clause + 1 : claim.clause + 1]
    if mention.bare or not objects or any(clause.hard or _of_its_own(clause) for clause in objects):
        return False
    clause = claim.statement.clauses[mention.clause]
    verbs = [event for event in clause.events if event.value("narrowing") == "verb"]
    placed = [event for event in clause.events if event.levels and not event.root]
    return any(mention.end <= verb.start and all(verb.end <= event.start for event in placed) for verb in verbs)


def _of_its_own(clause: Clause) -> bool:
    """Whether a clause names what narrows, or says that nothing does."""
    return any(clause.of(kind) for kind in ("mechanism", "tissue", "structural", "normal"))


def _reachable(claim: Claim, mentions: list[Mention]) -> set[int]:
    """The claim's clause and the list around it, up to a hard break or to a clause about another site.

    A clause that names its own mechanism does not take those that follow an earlier site.
    """
    clauses = claim.statement.clauses
    reach = {claim.clause}
    own = any(mention.clause == claim.clause and counts(mention, claim) for mention in mentions)
    told = any(mention.clause >= claim.clause and counts(mention, claim) for mention in mentions)
    earlier = any(clause.of("site") for clause in clauses[: claim.clause])
    for step in (1,) if own and earlier else (1, -1):
        index = claim.clause + step
        while 0 <= index < len(clauses) and not clauses[max(index, index - step)].hard:
            conceded = told and CONCEDED.match(claim.text.reading.text, clauses[index].start)
            if conceded or _own_business(clauses[index]) or not _same_level(claim, index):
                break
            reach.add(index)
            index += step
    return reach


def _own_business(clause: Clause) -> bool:
    """A clause with a narrowed site and a mechanism of its own."""
    return (
        bool(clause.of("site"))
        and bool(clause.of("mechanism") or clause.of("tissue") or clause.of("structural"))
        and any(event.has("narrowing") or event.has("normal") for event in clause.events)
    )


def _same_level(claim: Claim, index: int) -> bool:
    levels = claim.statement.clauses[index].levels
    return not levels or not claim.levels or overlap(levels, claim.levels)


def _listed(claim: Claim, mentions: list[Mention]) -> list[Mention] | None:
    """ "...; the canal is narrowed by both": what was named before, bare names only as far as the number asks."""
    clause = claim.statement.clauses[claim.clause]
    match = ALL.search(claim.text.reading.text, clause.start, clause.end)
    if match is None or any(0 <= site.start - match.end() <= ARTICLE for site in clause.of("site")):
        return None  # "both foramina" are two sites
    before = [mention for mention in mentions if mention.end <= claim.start and held(mention, claim)]
    changed = [mention for mention in before if not mention.bare]
    wanted = (3 if match["more"] else 2) - len(changed)
    listed = changed + [mention for mention in reversed(before) if mention.bare][: max(0, wanted)]
    return listed if len(listed) > 1 else None


def _link_around(
    claim: Claim, number: int, statements: list[Statement], said: list[list[Mention]], claims: list[list[Claim]]
) -> None:
    """Mechanisms of the sentences around it under the same level heading, nearest first."""
    statement = claim.statement
    order = [index for step in range(1, AROUND + 1) for index in (number - step, number + step)]
    collected: list[Mention] = []
    for index in order:
        if not 0 <= index < len(statements):
            continue
        other = statements[index]
        if (
            other.sentence.paragraph != statement.sentence.paragraph
            or other.sentence.section != statement.sentence.section
        ):
            continue
        if not _together(claim, statement, other):
            continue
        if any(mine.narrowed and mine.mechanisms and mine.site != claim.site for mine in claims[index]):
            continue
        collected += [
            mention
            for mention in said[index]
            if not mention.bare and mention.assertion is Assertion.AFFIRMED and not mention.value.startswith(STRUCTURAL)
        ]
        collected += [
            mention
            for mention in said[index]
            if mention.assertion is Assertion.AFFIRMED and mention.value.startswith(STRUCTURAL)
        ]
    claim.mechanisms = collected


def _together(claim: Claim, statement: Statement, other: Statement) -> bool:
    """The same level heading, or a pointing word in the sentence right behind."""
    if claim.levels and other.levels:
        return overlap(claim.levels, other.levels) and (
            other.sentence.line == statement.sentence.line or not other.own or not statement.own
        )
    pointing = any("pronoun" in event.values("assertion") for event in statement.events[:3])
    return other.sentence.line == statement.sentence.line and (pointing or abs(other.index - statement.index) == 1)
