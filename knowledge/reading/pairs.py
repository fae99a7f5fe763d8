"""Lists that go in pairs: "stenosis at L3-4 (ligament) and L4-5 (disc)", "by the former", "respectively"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from knowledge.reading.agents import held
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause
from knowledge.reading.mentions import Mention
from knowledge.reading.placing import ONE_OF_TWO
from knowledge.reading.predicates import only
from knowledge.reading.statement import Statement

RESPECTIVELY = re.compile(r"\brespectively\b")
BRACKETS = frozenset("([")
AT = 12  #: characters between a tissue and "at the former"
TWO = 2

Pairs = dict[tuple[str, ...], list[Mention]]  #: levels -> the tissues that narrow there


def paired(words: str, claims: Sequence[Claim], mentions: Sequence[Mention]) -> list[Claim]:
    """The claims of a sentence; one that several levels and as many tissues share is one for each pair."""
    if not claims:
        return []
    sentence = claims[0].statement.sentence
    if len(claims[0].statement.own) < TWO:
        both = sum(claim.narrowed for claim in claims) == TWO
        pointed = both and ONE_OF_TWO.search(words, sentence.start, sentence.end)
        return [_meant(words, claim, mentions, claims) for claim in claims] if pointed else list(claims)
    if RESPECTIVELY.search(words, sentence.start, sentence.end):
        return list(_in_order(claims, mentions))
    if ONE_OF_TWO.search(words, sentence.start, sentence.end):
        return [_meant(words, one, mentions, claims) for claim in claims for one in _apart(words, claim, mentions)]
    return [one for claim in claims for one in _apart(words, claim, mentions)]


def former_and_latter(
    words: str, statements: Sequence[Statement], said: Sequence[Sequence[Mention]], claims: Sequence[Sequence[Claim]]
) -> None:
    """ "... The former is due to ligament, the latter to disc": tissues for the two claims of the sentence before."""
    for number in range(1, len(claims)):
        before = [claim for claim in claims[number - 1] if claim.narrowed]
        one, other = statements[number - 1].sentence, statements[number].sentence
        near = (one.paragraph, one.section) == (other.paragraph, other.section)
        if len(before) != TWO or claims[number] or not said[number] or not near:
            continue
        end = max(mention.end for mention in said[number])
        pointers = list(ONE_OF_TWO.finditer(words, before[-1].statement.sentence.end, end))
        for pointer, following in zip_longest(pointers, pointers[1:]):
            until = following.start() if following else end
            claim = before[0 if pointer["first"] else 1]
            meant = [one for one in said[number] if pointer.end() <= one.start < until and held(one, claim)]
            claim.mechanisms = meant or claim.mechanisms


def _in_order(claims: Sequence[Claim], mentions: Sequence[Mention]) -> Iterator[Claim]:
    """The first level with the first site or the first tissue, the second with the second."""
    levels = claims[0].levels
    if len(claims) == len(levels) and all(claim.levels == levels for claim in claims):
        for level, claim in zip(levels, sorted(claims, key=lambda claim: claim.start), strict=True):
            yield replace(claim, levels=(level,))
        return
    for claim in claims:
        own = [mention for mention in mentions if mention in claim.mechanisms]
        if claim.narrowed and len(own) == len(claim.levels) >= TWO:
            for level, mention in zip(claim.levels, own, strict=True):
                yield replace(claim, levels=(level,), mechanisms=[mention])
        else:
            yield claim


def _apart(words: str, claim: Claim, mentions: Sequence[Mention]) -> Iterator[Claim]:
    """A claim for each pair, where all its levels have one and the tissues differ."""
    pairs: Pairs = {}
    if claim.narrowed and mentions:
        keyed = _keyed(claim, mentions)
        pairs = keyed or _bracketed(words, claim, mentions) or _told(words, claim, mentions)
    paired_levels = {level for levels in pairs for level in levels}
    tissues = {frozenset(mention.value for mention in own) for own in pairs.values()}
    told_apart = len(tissues) >= TWO or (len(pairs) >= TWO and paired_levels > {*claim.levels})
    if not told_apart or not paired_levels >= {*claim.levels}:
        yield claim
        return
    for levels, own in pairs.items():
        yield replace(claim, levels=levels, mechanisms=own)


def _meant(words: str, claim: Claim, mentions: Sequence[Mention], claims: Sequence[Claim]) -> Claim:
    """The tissue that "the former" or "the latter" means.

    "Canal stenosis at L4-5 and foraminal at L5-S1, the former from ..." or "a bulge at L3-4, spurs at L4-5; only the
    former narrows the canal".
    """
    clauses = claim.statement.clauses
    match = ONE_OF_TWO.search(words, clauses[claim.clause].start, clauses[claim.clause].end)
    if match and not clauses[claim.clause].levels:
        before = [(clauses[one.clause].levels, one) for one in mentions if one.clause < claim.clause]
        placed = [(levels, one) for levels, one in before if levels]
        if len(placed) == TWO and placed[0][0] != placed[1][0]:
            levels, one = placed[0 if match["first"] else 1]
            return replace(claim, levels=levels, mechanisms=[one])
    narrowed = [one for one in claims if one.narrowed]
    if len(narrowed) == TWO and claim in narrowed:
        first = claim is narrowed[0]
        own = [one for one in mentions if _first_meant(words, clauses[one.clause], one) is first]
        return replace(claim, mechanisms=own) if own else claim
    return claim


def _first_meant(words: str, clause: Clause, mention: Mention) -> bool | None:
    """Whether "the former" stands before a tissue, or "the latter"; None: neither."""
    match = ONE_OF_TWO.search(words, clause.start, mention.start)
    return bool(match["first"]) if match else None


def _told(words: str, claim: Claim, mentions: Sequence[Mention]) -> Pairs:
    """The claim's levels, each with the tissues of its own clause or those that point at it."""
    found: Pairs = {}
    for mention in mentions if len(claim.levels) >= TWO else ():
        levels = _pointed(words, claim, mention) or claim.statement.clauses[mention.clause].levels
        if mine := tuple(level for level in levels if level in claim.levels):
            found.setdefault(mine, []).append(mention)
    return found


def _pointed(words: str, claim: Claim, mention: Mention) -> tuple[str, ...]:
    """The one of two levels that "at the former" behind a tissue means."""
    match = ONE_OF_TWO.search(words, mention.end, mention.end + AT + len("the upper level"))
    if match is None or match.start() > mention.end + AT:  # "at the former by a bulge"
        match = ONE_OF_TWO.search(words, claim.statement.clauses[mention.clause].start, mention.start)
        match = match if match and words.startswith("at ", match.start() - len("at ")) else None
    if len(claim.levels) != TWO or match is None:
        return ()
    return claim.levels[:1] if match["first"] else claim.levels[1:]


def _keyed(claim: Claim, mentions: Sequence[Mention]) -> Pairs:
    """ "Two-level stenosis (C5-6: from disc; C6-7: from spur)": levels that head what is said of them."""
    clauses = claim.statement.clauses
    heads = [
        number
        for number, clause in enumerate(clauses[:-1])
        if number > claim.clause and clauses[number + 1].mark == ":" and clause.events and only(clause, {"level"})
    ]
    found: Pairs = {}
    for mention in mentions if len(heads) >= TWO else ():
        if own := [number for number in heads if number < mention.clause]:
            found.setdefault(clauses[own[-1]].levels, []).append(mention)
    return found


def _bracketed(words: str, claim: Claim, mentions: Sequence[Mention]) -> Pairs:
    """Levels in a list, each with the tissues in the bracket behind it."""
    clauses = claim.statement.clauses
    found: Pairs = {}
    for mention in mentions:
        first = mention.clause
        while first and not clauses[first].hard:  # "(disc bulge, thick ligament)"
            first -= 1
        clause = clauses[first]
        before = clauses[first - 1].events if first and clause.mark in BRACKETS else []
        levels = [event for event in before if event.levels and not event.root]
        if levels and not words[levels[-1].end : clause.start].strip(" (["):
            found.setdefault(tuple(levels[-1].levels), []).append(mention)
    return found
