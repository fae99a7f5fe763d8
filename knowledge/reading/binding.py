"""Statements -> lesions: site, narrowing, mechanism and level said together (policy A6).

Anatomy with no word of narrowing is a mere mention.  A tissue counts as a mechanism when it is said to be
changed, or when it stands as the cause of a narrowing.  Site, mechanism and level bind inside one sentence,
under one level heading, or through words that point back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.model import Assertion
from knowledge.reading.assertion import WORST, Clause, Event
from knowledge.reading.levels import overlap
from knowledge.reading.statements import Statement, Text

NEAR = 60  #: characters between a tissue and the change said of it
BESIDE = 26  #: characters between a site and a weak word of narrowing before it
AROUND = 3  #: sentences before and after, under the same heading
STRUCTURAL = "structural:"


@dataclass(slots=True)
class Mention:
    """A mechanism, or a structural diagnosis, said somewhere in a sentence."""

    value: str
    assertion: Assertion
    start: int
    end: int
    clause: int
    bare: bool = False  #: only the tissue's name
    also: bool = False  #: a diagnosis only where the chart says more (an injury, a pregnancy, an operation)


@dataclass(slots=True)
class Claim:
    """What a statement says of one site: narrowed or not, by what, where."""

    text: Text
    statement: Statement
    clause: int
    site: str
    narrowed: bool
    assertion: Assertion
    start: int
    end: int
    mechanisms: list[Mention] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    weak: bool = False  #: said of what lies in the site, not of the site


@dataclass(slots=True)
class Bound:
    """Everything a document says about lesions."""

    claims: list[Claim] = field(default_factory=list)
    mentions: list[tuple[Statement, Mention]] = field(default_factory=list)


def bind(text: Text) -> Bound:
    """The claims of a document, each with the mechanisms that belong to it."""
    bound = Bound()
    said: list[list[Mention]] = []
    claims: list[list[Claim]] = []
    for statement in text.statements:
        mentions = list(_mentions(statement))
        said.append(mentions)
        claims.append(list(_claims(text, statement, mentions)))
        bound.mentions += [(statement, mention) for mention in mentions if not mention.bare]
    for number, own in enumerate(claims):
        for claim in own:
            _link(claim, said[number])
            if claim.narrowed and not claim.mechanisms:
                _link_around(claim, number, text.statements, said, claims)
        bound.claims += own
    return bound


# --- mechanisms -------------------------------------------------------------------------------------


def _mentions(statement: Statement) -> Iterator[Mention]:
    """Mechanisms and structural diagnoses of a sentence; tissues said to be normal are denied mechanisms."""
    for number, clause in enumerate(statement.clauses):
        taken: set[int] = set()
        for event in clause.events:
            for value in event.values("mechanism"):
                yield Mention(value, _told(event, clause), event.start, event.end, number)
                taken.add(id(event))
            for value in event.values("structural"):
                yield Mention(STRUCTURAL + value, event.assertion, event.start, event.end, number)
                taken.add(id(event))
            for value in event.values("anchored"):
                name, _, needs = value.split("/")
                if _anchored(value, needs, statement):
                    yield Mention(STRUCTURAL + name, event.assertion, event.start, event.end, number, also="also" in needs)
        for event in clause.events:
            if event.has("tissue") and id(event) not in taken:
                yield _tissue(event, number, statement.clauses)


def _told(event: Event, clause: Clause) -> Assertion:
    """A mechanism said to be normal is denied."""
    return event.assertion


def _anchored(value: str, needs: str, statement: Statement) -> bool:
    """Whether the words that a diagnosis needs beside it are there."""
    if "near" not in needs:
        return True
    owner = value.rsplit("/", 1)[0]
    return any(owner in event.values("near") for event in statement.events) or ("level" in needs and bool(statement.levels))


def _tissue(event: Event, number: int, clauses: list[Clause]) -> Mention:
    value = event.value("tissue")
    clause = clauses[number]
    change = _nearest(event, [other for other in clause.of("change") if _reach(event, other, clause)])
    normal = _nearest(event, [other for other in clause.of("normal") if other.start >= event.end or event.start - other.end <= BESIDE])
    if change is None and normal is None:
        change, normal = _shared(number, clauses)
    if change and (normal is None or _distance(event, change) <= _distance(event, normal)):
        start, end = min(event.start, change.start), max(event.end, change.end)
        if end - start > NEAR * 2:
            start, end = event.start, event.end
        return Mention(value, _worse(event.assertion, change.assertion), start, end, number)
    if normal:
        denied = Assertion.NEGATED if normal.assertion is not Assertion.NEGATED else Assertion.AFFIRMED
        told = denied if event.assertion in {Assertion.AFFIRMED, Assertion.UNCERTAIN, Assertion.NEGATED} else event.assertion
        return Mention(value, told, min(event.start, normal.start), max(event.end, normal.end), number)
    return Mention(value, event.assertion, event.start, event.end, number, bare=True)


def _reach(tissue: Event, change: Event, clause: Clause) -> bool:
    """Whether a change word can be about a tissue: near, and not about a tissue that stands closer."""
    if _distance(tissue, change) > NEAR:
        return False
    low, high = min(tissue.end, change.end), max(tissue.start, change.start)
    return not any(
        other is not tissue and (other.has("tissue") or other.has("site")) and low <= other.start < high and _distance(other, change) < _distance(tissue, change)
        for other in clause.events
    )


def _shared(number: int, clauses: list[Clause]) -> tuple[Event | None, Event | None]:
    """The predicate a list shares: "ligament and fibrous tissue are thickened", "thick flavum and capsule"."""
    for step in (1, -1):
        index = number + step
        while 0 <= index < len(clauses) and not clauses[max(index, index - step)].hard:
            clause = clauses[index]
            changes, normals, own = clause.of("change"), clause.of("normal"), clause.of("mechanism")
            tissues = clause.of("tissue")
            if step == -1 and clause.of("site"):
                break
            if changes and (step == 1 or changes[0].start < (tissues[0].start if tissues else changes[0].start + 1)):
                return changes[0], None
            if normals and not clause.of("narrowing"):
                return None, normals[0]
            if own or changes or normals or clause.of("narrowing") or not tissues:
                break
            index += step
    return None, None


# --- sites ------------------------------------------------------------------------------------------


def _claims(text: Text, statement: Statement, mentions: list[Mention]) -> Iterator[Claim]:
    found: list[Claim] = []
    for number, clause in enumerate(statement.clauses):
        for event in clause.events:
            for site in event.values("site"):
                if claim := _site_claim(text, statement, number, event, site, mentions):
                    found.append(claim)
    if not any(claim.narrowed for claim in found):
        found += _content_claims(text, statement)
    if not found:
        found += _bare_claims(text, statement, mentions)
    yield from found


def _site_claim(text: Text, statement: Statement, number: int, event: Event, site: str, mentions: list[Mention]) -> Claim | None:
    clauses = statement.clauses
    if event.has("narrowing"):  # one word says both
        return _claim(text, statement, number, site, event, event)
    predicate = _predicate(event, clauses[number], mentions, clauses)
    if predicate is None:
        predicate = _predicate_around(event, number, clauses, mentions)
    if predicate is None:
        return None
    return _claim(text, statement, number, site, event, predicate)


def _claim(text: Text, statement: Statement, number: int, site: str, event: Event, predicate: Event) -> Claim:
    """Narrowed or not, from the predicate and what is said of it."""
    narrows = predicate.has("narrowing") and not (predicate.has("normal") and not predicate.has("site"))
    told = predicate.assertion if predicate.has("narrowing") or predicate.assertion is not Assertion.UNCERTAIN else Assertion.AFFIRMED
    if event.flipped and predicate.has("narrowing"):
        told = Assertion.AFFIRMED
    elif event.assertion in {Assertion.ELSEWHERE, Assertion.HISTORICAL}:
        told = _worse(told, event.assertion)
    elif event.assertion is Assertion.NEGATED and predicate is not event and predicate.start > event.end and told is Assertion.AFFIRMED:
        told = Assertion.NEGATED
    narrowed = narrows
    if told is Assertion.NEGATED:
        narrowed, told = not narrows, Assertion.AFFIRMED
    start, end = min(event.start, predicate.start), max(event.end, predicate.end)
    claim = Claim(text, statement, number, site, narrowed, told, start, end)
    _place(claim)
    return claim


def _predicate(event: Event, clause: Clause, mentions: list[Mention], clauses: list[Clause]) -> Event | None:
    """The word of the clause that says how the site is."""
    candidates = []
    for other in clause.events:
        if other is event or not (other.has("narrowing") or other.has("normal")) or other.has("site"):
            continue
        kind = other.value("narrowing")
        if kind == "into" and not (_between(event, other) and _acts(other, mentions)):
            continue
        if kind == "weak" and not _weakly(event, other, clause):
            continue
        if other.has("normal") and _of_tissue(other, event, clause):
            continue
        candidates.append(other)
    compound = [other for other in clause.events if other is not event and other.has("site") and other.has("narrowing")]
    if not candidates and compound:  # "central canal and foraminal stenosis" in one breath
        return compound[0]
    return min(candidates, key=lambda other: (_distance(event, other), other.start < event.start), default=None)


def _predicate_around(event: Event, number: int, clauses: list[Clause], mentions: list[Mention]) -> Event | None:
    """The predicate of a list, before or behind."""
    for index in range(number + 1, len(clauses)):
        clause = clauses[index]
        if clause.hard and not _follows_colon(clauses, index):
            break
        found = _shareable(clause, event, mentions, forward=True)
        if found:
            return found
        if not (clause.of("site") or clause.of("degree") or not clause.events or _only(clause, {"level", "region", "assertion", "content", "qualifier", "element"})):
            break
    for index in range(number - 1, -1, -1):
        if clauses[index + 1].hard and not _follows_colon(clauses, index + 1):
            break
        clause = clauses[index]
        found = _shareable(clause, event, mentions, forward=False)
        if found:
            return found
        if not (clause.of("site") or _only(clause, {"level", "region", "assertion", "content"})):
            break
    return None


def _shareable(clause: Clause, event: Event, mentions: list[Mention], *, forward: bool) -> Event | None:
    """A predicate of another clause that can speak of the site too."""
    for other in clause.events if forward else reversed(clause.events):
        if not (other.has("narrowing") or other.has("normal")):
            continue
        kind = other.value("narrowing")
        if kind == "weak" and not forward:
            continue
        if kind == "into":
            if not forward and _acts(other, mentions):
                return other
            continue
        if other.has("normal") and clause.of("tissue") and not clause.of("site"):
            continue
        if not forward and other.has("site") and other.has("narrowing"):
            continue  # "foraminal stenosis and canal ..." does not run on
        return other
    return None


def _follows_colon(clauses: list[Clause], index: int) -> bool:
    """A colon joins a key to its value."""
    return clauses[index].start - clauses[index - 1].end <= 2 and not clauses[index - 1].of("normal") and not clauses[index - 1].of("narrowing")  # noqa: PLR2004


def _only(clause: Clause, kinds: set[str]) -> bool:
    return all(name in kinds for event in clause.events for name, _ in event.tags)


def _between(site: Event, into: Event) -> bool:
    """ "into" counts when the site follows it closely."""
    return 0 <= site.start - into.end <= NEAR


def _acts(into: Event, mentions: list[Mention]) -> bool:
    """Something must come in: a mechanism or a structural diagnosis before the word."""
    return any(mention.end <= into.start + 8 for mention in mentions)


def _weakly(site: Event, word: Event, clause: Clause) -> bool:
    """A weak word is a predicate only right before the site, or behind it with nothing else to speak of."""
    if word.end <= site.start:
        return site.start - word.end <= BESIDE and not _anything_between(word, site, clause)
    return not any(
        site.end <= other.start < word.start and (other.has("tissue") or other.has("mechanism") or other.has("structural")) for other in clause.events
    ) and not any(word.end <= other.start <= word.end + 16 and (other.has("tissue") or other.has("mechanism") or other.has("structural")) for other in clause.events)


def _anything_between(first: Event, second: Event, clause: Clause) -> bool:
    return any(first.end <= other.start < second.start and (other.has("tissue") or other.has("mechanism")) for other in clause.events)


def _of_tissue(normal: Event, site: Event, clause: Clause) -> bool:
    """Whether a normal word speaks of a tissue that stands closer than the site."""
    return any(
        (other.has("tissue") or other.has("content") or other.has("mechanism")) and other is not site and _distance(other, normal) < _distance(site, normal)
        for other in clause.events
    )


def _content_claims(text: Text, statement: Statement) -> Iterator[Claim]:
    """Cord, sac or root said to be pressed: the site they lie in is narrowed."""
    for number, clause in enumerate(statement.clauses):
        for event in clause.of("content"):
            words = [
                other
                for other in clause.events
                if other.has("narrowing") and not other.has("site") and other.value("narrowing") != "into" and _distance(event, other) <= NEAR
            ]
            predicate = _nearest(event, words)
            if predicate:
                claim = _claim(text, statement, number, event.value("content"), event, predicate)
                claim.weak = True
                yield claim


def _bare_claims(text: Text, statement: Statement, mentions: list[Mention]) -> Iterator[Claim]:
    """ "Moderate stenosis C5-6": a narrowing without a site."""
    if statement.of("veto"):
        return
    for number, clause in enumerate(statement.clauses):
        for event in clause.events:
            if event.value("narrowing") == "noun" and event.has("bare") and not event.has("site"):
                claim = _claim(text, statement, number, "", event, event)
                if claim.levels or claim.regions or mentions:
                    yield claim


def _place(claim: Claim) -> None:
    """Levels of the clause, else of the clauses before it, else behind it, else of the heading."""
    statement = claim.statement
    clauses = statement.clauses
    order = [claim.clause, *range(claim.clause - 1, -1, -1), *range(claim.clause + 1, len(clauses))]
    for index in order:
        levels = _levels_of(clauses[index])
        if levels:
            for following in clauses[index + 1 :]:  # "L3-4, L4-5 and L5-S1"
                if following.hard or any(event.has("narrowing") or event.has("site") for event in following.events):
                    break
                levels += [level for level in _levels_of(following) if level not in levels]
            claim.levels = tuple(levels)
            break
    else:
        claim.levels = statement.topic
    claim.regions = _regions_of(claim, order)


def _levels_of(clause: Clause) -> list[str]:
    return list(dict.fromkeys(level for event in clause.events if not event.root for level in event.levels))


def _regions_of(claim: Claim, order: Sequence[int]) -> tuple[str, ...]:
    for index in order:
        said = [value for event in claim.statement.clauses[index].events for value in event.values("region") if event.assertion is not Assertion.NEGATED]
        if said:
            return tuple(dict.fromkeys(said))
    return claim.statement.topic_regions


# --- linking ----------------------------------------------------------------------------------------


def _link(claim: Claim, mentions: list[Mention]) -> None:
    """Give a claim the mechanisms of its sentence."""
    if not claim.narrowed:
        return
    reach = _reachable(claim, mentions)
    near = [mention for mention in mentions if mention.clause in reach and _counts(mention, claim)]
    if not near:
        near = [mention for mention in mentions if _same_level(claim, mention.clause) and _counts(mention, claim)]
    claim.mechanisms = near


def _reachable(claim: Claim, mentions: list[Mention]) -> set[int]:
    """The claim's clause and the list around it, up to a hard break or to a clause about another site.

    A clause that names its own mechanism does not take those that follow an earlier site.
    """
    clauses = claim.statement.clauses
    reach = {claim.clause}
    own = any(mention.clause == claim.clause and _counts(mention, claim) for mention in mentions)
    earlier = any(clause.of("site") for clause in clauses[: claim.clause])
    for step in (1,) if own and earlier else (1, -1):
        index = claim.clause + step
        while 0 <= index < len(clauses) and not clauses[max(index, index - step)].hard:
            if _own_business(clauses[index], claim) or not _same_level(claim, index):
                break
            reach.add(index)
            index += step
    return reach


def _own_business(clause: Clause, claim: Claim) -> bool:
    """A clause with a narrowed site and a mechanism of its own."""
    return bool(clause.of("site")) and bool(clause.of("mechanism") or clause.of("tissue") or clause.of("structural")) and any(
        event.has("narrowing") or event.has("normal") for event in clause.events
    )


def _same_level(claim: Claim, index: int) -> bool:
    levels = _levels_of(claim.statement.clauses[index])
    return not levels or not claim.levels or overlap(levels, claim.levels)


def _counts(mention: Mention, claim: Claim) -> bool:
    """Whether a mention can be what narrows; a bare tissue only as an agent."""
    if mention.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE}:
        return False
    if mention.assertion is Assertion.HISTORICAL and claim.assertion is not Assertion.HISTORICAL:
        return False
    return not mention.bare or _agent(mention, claim)


def _agent(mention: Mention, claim: Claim) -> bool:
    """A bare tissue as the cause: "narrowed by bone", "disc narrows", "bony narrowing", "narrowing, ligamentous"."""
    clause = claim.statement.clauses[mention.clause]
    causes = [event for event in clause.events if "cause" in event.values("assertion")]
    narrowings = [event for event in clause.events if event.has("narrowing")]
    if any(event.start < mention.start for event in causes) and (narrowings or mention.clause != claim.clause):
        return True
    if any(event.value("narrowing") in {"verb", "into"} and mention.end <= event.start + 8 and not _parted(mention, event, clause) for event in narrowings):
        return True
    if any(0 <= event.start - mention.end <= BESIDE and (event.value("narrowing") in {"noun", "state"}) for event in narrowings):
        return True
    alone = not narrowings and not clause.of("normal") and not clause.of("site")
    if mention.clause < claim.clause:  # "ligament and bone narrow the canal"
        return alone and mention.clause == claim.clause - 1 and _only(clause, {"tissue", "assertion"}) and _leads(claim)
    return alone and mention.clause > claim.clause


def _parted(mention: Mention, verb: Event, clause: Clause) -> bool:
    """Another tissue stands between a tissue and the verb."""
    return any(mention.end <= other.start < verb.start and (other.has("tissue") or other.has("mechanism")) for other in clause.events)


def _leads(claim: Claim) -> bool:
    """Whether the claim's clause begins with a tissue that does the narrowing."""
    clause = claim.statement.clauses[claim.clause]
    tissues = [event for event in clause.events if event.has("tissue") or event.has("mechanism")]
    return bool(tissues) and tissues[0].start < claim.start + 1


def _link_around(claim: Claim, number: int, statements: list[Statement], said: list[list[Mention]], claims: list[list[Claim]]) -> None:
    """Mechanisms of the sentences around it under the same level heading, nearest first."""
    statement = claim.statement
    order = [index for step in range(1, AROUND + 1) for index in (number - step, number + step)]
    collected: list[Mention] = []
    for index in order:
        if not 0 <= index < len(statements):
            continue
        other = statements[index]
        if other.sentence.paragraph != statement.sentence.paragraph or other.sentence.section != statement.sentence.section:
            continue
        if not _together(claim, statement, other):
            continue
        if any(mine.narrowed and mine.mechanisms and mine.site != claim.site for mine in claims[index]):
            continue
        collected += [mention for mention in said[index] if not mention.bare and mention.assertion is Assertion.AFFIRMED and not mention.value.startswith(STRUCTURAL)]
        collected += [mention for mention in said[index] if mention.assertion is Assertion.AFFIRMED and mention.value.startswith(STRUCTURAL)]
    claim.mechanisms = collected


def _together(claim: Claim, statement: Statement, other: Statement) -> bool:
    """The same level heading, or a pointing word in the sentence right behind."""
    if claim.levels and other.levels:
        return overlap(claim.levels, other.levels) and (
            other.sentence.line == statement.sentence.line or not other.own or not statement.own
        )
    pointing = any("pronoun" in event.values("assertion") for event in statement.events[:3])
    return other.sentence.line == statement.sentence.line and (pointing or abs(other.index - statement.index) == 1)


# --- small things -----------------------------------------------------------------------------------


def _distance(a: Event, b: Event) -> int:
    return max(a.start, b.start) - min(a.end, b.end)


def _nearest(event: Event, others: Iterable[Event]) -> Event | None:
    return min((other for other in others if other is not event), key=lambda other: _distance(event, other), default=None)


def _worse(a: Assertion, b: Assertion) -> Assertion:
    return min(a, b, key=WORST.index)
