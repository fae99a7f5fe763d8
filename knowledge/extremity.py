"""A stenosis code of an extremity: the region is where the lesion is, unless the limb carries it (policy C6)."""

from __future__ import annotations

from dataclasses import replace

from knowledge.documented import Lesion, Record
from knowledge.model import Assertion, Code, Role
from knowledge.neuro import distributions
from knowledge.reading.clauses import Clause
from knowledge.reading.statement import Statement
from knowledge.tables import Knowledge

NO_STATEMENT = frozenset({"exam", "plan", "indication", "history", "family", "copied"})
EXAMINED = frozenset({"neuro-test", "neuro-normal", "imaging"})


def in_region(lesion: Lesion, code: Code, record: Record, known: Knowledge) -> Lesion:
    """The lesion with the chosen extremity as its region, where the chart accepts it."""
    region = known.regions.get(code.region)
    if not region or not region.lesion_in or not known.families[code.family].stenosis:
        return lesion
    if lesion.regions and not lesion.regions & set(region.lesion_in):
        return lesion
    carried = bool(lesion.regions) and next(distributions(record, region.roots, region.id, region.id), None) is not None
    if carried or said(region.id, record, known):
        return replace(lesion, regions=frozenset({region.id}))
    return lesion


def said(region: str, record: Record, known: Knowledge) -> bool:
    """Whether the provider names the extremity as the region, not in an examination or an order."""
    for text, statement, clause, event in record.events("limb"):
        if event.value("limb") != region or event.assertion is not Assertion.AFFIRMED:
            continue
        if text.document.author is not Role.TREATING or text.document.kind in known.parts.coded:
            continue
        if statement.sentence.section not in NO_STATEMENT and not _examined(clause) and _about_lesion(statement):
            return True
    return False


def _examined(clause: Clause) -> bool:
    return any(EXAMINED & set(event.values("element")) or event.value("speech") == "order" for event in clause.events)


def _about_lesion(statement: Statement) -> bool:
    """The sentence speaks of a lesion or of a region as such, or of nothing else: "Lower extremity."."""
    if statement.events and all(event.has("limb") for event in statement.events):
        return True
    kinds = any(statement.of(kind) for kind in ("site", "narrowing", "mechanism"))
    return kinds or any(
        "root-word" in event.values("element") or event.value("speech") == "region-statement"
        for event in statement.events
    )
