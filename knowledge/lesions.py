"""Texts -> lesions: narrowings, dysfunctions, subluxations and other described lesions, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.documented import AMBIGUOUS, COMPLAINT, Lesion, evidence, regions_of, segment_between, settled
from knowledge.model import Assertion, Evidence
from knowledge.places import places, where
from knowledge.reading.binding import Bound
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Event
from knowledge.reading.mentions import STRUCTURAL
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Knowledge

#: What tells which lesion is meant by a name that tells none: "a biomechanical lesion of the pelvis, namely ...".
NAMELY = re.compile(
    r"[^.;:,\n]{0,40}(?:,| -+|:| \() ?(?:namely|i\.?e\.?|that is|to wit|in the form of|consisting of)[,:]?"
    r" (?:[a-z-]+ ){1,12}[a-z-]+"
)

# --- stenoses ---------------------------------------------------------------------------------------


def narrowings(text: Text, bound: Bound, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for claim in bound.claims:
        if not claim.narrowed or claim.statement.sentence.section == COMPLAINT:
            continue
        assertion = settled(claim.assertion, certain=certain)
        mentions = [
            m
            for m in claim.mechanisms
            if settled(m.assertion, certain=certain) in {Assertion.AFFIRMED, Assertion.HISTORICAL}
        ]
        mechanisms = frozenset(m.value for m in mentions if not m.value.startswith(STRUCTURAL))
        causes = frozenset(m.value.removeprefix(STRUCTURAL) for m in mentions if m.value.startswith(STRUCTURAL))
        levels = segment_between(claim.levels, known)
        yield Lesion(
            known.parts.narrowing,
            claim.site,
            mechanisms & set(known.axes["mechanism"]),
            causes,
            levels,
            regions_of(levels, claim.regions, known),
            assertion,
            text.document,
            claim.statement,
            tuple(_claim_evidence(text, claim, assertion, known.parts.narrowing, certain=certain)),
            claim.weak,
        )


def _claim_evidence(
    text: Text, claim: Claim, assertion: Assertion, narrowing: str, *, certain: bool
) -> Iterator[Evidence]:
    statement = claim.statement
    yield evidence(
        text, statement, "site" if claim.site else "lesion", claim.site or narrowing, assertion, claim.start, claim.end
    )
    for mention in claim.mechanisms:
        axis = "structural" if mention.value.startswith(STRUCTURAL) else "mechanism"
        held = settled(mention.assertion, certain=certain)
        yield evidence(text, statement, axis, mention.value.removeprefix(STRUCTURAL), held, mention.start, mention.end)
    for event in statement.events:
        if event.levels and not event.root and set(event.levels) & set(claim.levels):
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)


# --- dysfunction, subluxation, other ----------------------------------------------------------------


def named_lesions(text: Text, known: Knowledge, *, certain: bool) -> Iterator[Lesion]:
    for statement in text.statements:
        if statement.sentence.section == COMPLAINT or not statement.says("lesion"):
            continue
        for number, clause in enumerate(statement.clauses):
            for event in clause.events:
                for kind, end in _kinds(text, event, known):
                    if kind == known.parts.motion_sign and not _placed(statement):
                        continue
                    levels, said = where(text, statement, number, event)
                    assertion = settled(event.assertion, certain=certain)
                    regions = regions_of(levels, (), known) | frozenset(
                        value for value in said if value in known.regions
                    )
                    if regions > {AMBIGUOUS}:
                        regions -= {AMBIGUOUS}
                    yield Lesion(
                        kind,
                        "",
                        frozenset(),
                        frozenset(),
                        levels,
                        regions,
                        assertion,
                        text.document,
                        statement,
                        (
                            evidence(text, statement, "lesion", kind, assertion, event.start, end),
                            *_place_evidence(text, statement, number, event, assertion),
                        ),
                    )


def _kinds(text: Text, event: Event, known: Knowledge) -> Iterator[tuple[str, int]]:
    """The lesions that an event names, each with the end of its words: a vague one may be described behind it."""
    for kind in event.values("lesion"):
        told = NAMELY.match(text.reading.text, event.end) if kind == known.parts.vague else None
        yield (known.parts.described, told.end()) if told else (kind, event.end)


def _placed(statement: Statement) -> bool:
    """Whether the sentence itself names what does not move: work may be restricted too."""
    return bool(statement.own) or any(
        event.has("region") or event.has("muscle") or "landmark" in event.values("element")
        for event in statement.events
    )


def _place_evidence(
    text: Text, statement: Statement, number: int, lesion: Event, assertion: Assertion
) -> Iterator[Evidence]:
    for event in places(statement, number, lesion):
        if event.levels and not event.root:
            yield evidence(text, statement, "level", " ".join(event.levels), assertion, event.start, event.end)
        elif event.has("region"):
            yield evidence(text, statement, "region", event.value("region"), assertion, event.start, event.end)
