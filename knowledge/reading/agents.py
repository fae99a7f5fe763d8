"""Which tissues can be what narrows a site: changed ones, and a bare name where the sentence makes it the cause."""

from __future__ import annotations

import re

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.mentions import BESIDE, Mention
from knowledge.reading.predicates import only

OF = re.compile(r" of (?:the |both |its |this )?(?:left |right |l |r )?(?:[ctdls]\d[\w/-]* )?")
#: What stands before a tissue that only tells where another one is.
WHERE = re.compile(
    r"\b(?:about|around|near|along|against|onto|toward|towards|alongside|beside|behind|beneath|surrounding"
    r"|adjacent to|next to|in front of"
    r"|anterior to|posterior to|overlying|underlying) (?:the |a |each |both )?(?:left |right |l |r )?$"
)
PASSIVE = re.compile(r" (?:by|from|with)$")
#: "What narrows the canal is ...": the cause behind the verb is what narrows.
WHAT = re.compile(r"\bwhat(?: [a-z]+){0,3} $")
#: Between a copula and what it says: "is mainly bony".
ADVERB = re.compile(r" (?:[a-z]+ly )?")
#: What a clause holds that only names a tissue.
BARE = {"tissue", "assertion", "near", "element"}
ARTICLE = 8  #: characters between "narrowed by" and the tissue
PLACE = 28  #: characters before a tissue in which a preposition may stand
VERB = 8  #: characters that a tissue may reach into the verb behind it


def counts(mention: Mention, claim: Claim) -> bool:
    """Whether a mention can be what narrows; a bare tissue only as an agent."""
    return held(mention, claim) and (not mention.bare or _agent(mention, claim))


def held(mention: Mention, claim: Claim) -> bool:
    """Whether a mention is held to be there when the claim is."""
    if mention.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE}:
        return False
    return mention.assertion is not Assertion.HISTORICAL or claim.assertion is Assertion.HISTORICAL


def _agent(mention: Mention, claim: Claim) -> bool:
    """A bare tissue as the cause: "narrowed by bone", "disc narrows", "bony narrowing", "narrowing, ligamentous"."""
    clause, words = claim.statement.clauses[mention.clause], claim.text.reading.text
    if _only_a_place(words, mention, clause):
        return False
    causes = any("cause" in event.values("assertion") and event.start < mention.start for event in clause.events)
    narrowings = clause.of("narrowing")
    if causes and (narrowings or mention.clause != claim.clause):
        return True
    if any(_joined(words, event, mention, clause) for event in narrowings):
        return True
    if _results(mention, claim) or _cleft(words, mention, clause):
        return True
    alone = not narrowings and not clause.of("normal") and not clause.of("site")
    if mention.clause < claim.clause:  # "ligament and bone narrow the canal"
        return alone and mention.clause == claim.clause - 1 and only(clause, BARE) and _leads(claim)
    return alone and mention.clause > claim.clause and " between " not in words[claim.end : mention.start]


def _only_a_place(words: str, mention: Mention, clause: Clause) -> bool:
    """ "Subluxation of the facet", "fibrous tissue about the facet joint": the bone is where it happens."""
    part = any(OF.fullmatch(words, event.end, mention.start) for event in clause.of("mechanism"))
    return part or WHERE.search(words, max(clause.start, mention.start - PLACE), mention.start) is not None


def _joined(words: str, narrowing: Event, mention: Mention, clause: Clause) -> bool:
    """Whether a tissue stands where a narrowing has its cause: before it, behind "by", behind "is"."""
    kind = narrowing.value("narrowing")
    if kind in {"verb", "into"} and mention.end <= narrowing.start + VERB:
        return not _parted(mention, narrowing, clause)
    if 0 <= mention.start - narrowing.end <= ARTICLE and PASSIVE.search(words, narrowing.start, narrowing.end):
        return True
    beside = kind in {"noun", "state"} and 0 <= narrowing.start - mention.end <= BESIDE
    return beside or _complement(words, narrowing, mention, clause)


def _complement(words: str, narrowing: Event, mention: Mention, clause: Clause) -> bool:
    """ "The narrowing is (mainly) bony": the tissue right behind the copula."""
    copulas = [event for event in clause.events if "verb" in event.values("assertion")]
    return any(
        narrowing.end <= event.start and ADVERB.fullmatch(words, event.end, mention.start) is not None
        for event in copulas
    )


def _cleft(words: str, mention: Mention, clause: Clause) -> bool:
    """ "What closes the canal is the ligament": the tissue behind the copula does what the verb says."""
    verbs = [event for event in clause.events if event.value("narrowing") == "verb" and event.end < mention.start]
    return any(
        WHAT.search(words, clause.start, verb.start)
        and any(
            "verb" in other.values("assertion") and verb.end < other.start < mention.start for other in clause.events
        )
        for verb in verbs
    )


def _results(mention: Mention, claim: Claim) -> bool:
    """ "ligament 6 mm, resulting in canal stenosis": the tissue, then a word that leads to the narrowing."""
    clauses = claim.statement.clauses
    if not 0 <= claim.clause - mention.clause <= 1 or mention.end > claim.start:
        return False
    if mention.clause != claim.clause and not only(clauses[mention.clause], {"tissue", "level", "region", "assertion"}):
        return False
    return any(
        "cause" in event.values("assertion")
        and "agent" not in event.values("assertion")
        and mention.end <= event.start < claim.start
        for event in clauses[claim.clause].events
    )


def _parted(mention: Mention, verb: Event, clause: Clause) -> bool:
    """Another tissue stands between a tissue and the verb."""
    return any(
        mention.end <= other.start < verb.start and (other.has("tissue") or other.has("mechanism"))
        for other in clause.events
    )


def _leads(claim: Claim) -> bool:
    """Whether the claim's clause begins with a tissue that does the narrowing."""
    clause = claim.statement.clauses[claim.clause]
    tissues = [event for event in clause.events if event.has("tissue") or event.has("mechanism")]
    return bool(tissues) and tissues[0].start < claim.start + 1
