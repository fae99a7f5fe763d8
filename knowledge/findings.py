"""Chart -> findings: everything that was read, where it stands and how it is held, for whoever wants to see it.

No decision is taken from these; what an answer rests on stands in its assessment.
"""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.documented import Record, evidence
from knowledge.model import Assertion, Chart, Evidence
from knowledge.reading.mentions import STRUCTURAL
from knowledge.reading.statement import Statement, Text
from knowledge.record import record
from knowledge.tables import Knowledge

#: What is said to be open is a narrowing denied, and the other way round.
FLIPPED = {Assertion.AFFIRMED: Assertion.NEGATED, Assertion.NEGATED: Assertion.AFFIRMED}


def findings(chart: Chart, known: Knowledge) -> tuple[Evidence, ...]:
    """Everything read in a chart, each once: lesions, sites, mechanisms, places, diagnoses, elements."""
    made = record(chart, known)
    told = [*_lesions(made, known), *_claims(made), *_mentions(made), *_places(made)]
    return tuple(dict.fromkeys(one for one in told if one.quote.strip()))


def _lesions(made: Record, known: Knowledge) -> Iterator[Evidence]:
    """Named lesions and diagnoses as the record holds them; narrowings are told by their claims."""
    for lesion in made.lesions:
        if lesion.kind != known.parts.narrowing:
            yield from lesion.evidence
    for item in made.structurals:
        yield item.evidence


def _claims(made: Record) -> Iterator[Evidence]:
    """What is said of each site: narrowed or not."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        for claim in bound.claims:
            held = claim.assertion if claim.narrowed else FLIPPED.get(claim.assertion, claim.assertion)
            axis, value = ("site", claim.site) if claim.site else ("lesion", "")
            yield evidence(text, claim.statement, axis, value, held, claim.start, claim.end)


def _mentions(made: Record) -> Iterator[Evidence]:
    """Tissues that are said to be changed or normal, and diagnoses."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        for statement, one in bound.mentions:
            axis = "structural" if one.value.startswith(STRUCTURAL) else "mechanism"
            value = one.value.removeprefix(STRUCTURAL)
            yield evidence(text, statement, axis, value, one.assertion, one.start, one.end)


def _places(made: Record) -> Iterator[Evidence]:
    """Levels, regions, and the words of documentation elements."""
    for text in made.texts:
        for statement in text.statements:
            yield from _events(text, statement)


def _events(text: Text, statement: Statement) -> Iterator[Evidence]:
    for event in statement.events:
        told = [("level", " ".join(event.levels))] if event.levels and not event.root else []
        told += [(kind, value) for kind in ("region", "element") for value in event.values(kind)]
        for axis, value in told[:1]:
            yield evidence(text, statement, axis, value, event.assertion, event.start, event.end)
