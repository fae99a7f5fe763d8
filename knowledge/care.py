"""Earlier care and palpatory findings (policy E5, E6)."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.documented import Record, Target, evidence
from knowledge.model import Assertion, Evidence, Procedure, Role
from knowledge.orders import group_ids
from knowledge.reading.assertion import Clause, Event
from knowledge.reading.statements import Statement, Text
from knowledge.tables import Element, Knowledge

NO_EXAM = frozenset({"hpi", "plan", "history", "family", "indication", "consent", "copied", "treatment", "medication"})


def earlier_care(record: Record, _target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    chart = record.chart
    for procedure in chart.procedures:
        if procedure.completed and _is_care(procedure, known) and (not procedure.date or procedure.date <= chart.date):
            yield Evidence(
                element.id,
                "",
                Assertion.AFFIRMED,
                procedure.text,
                procedure.source,
                0,
                len(procedure.text),
                procedure.date,
                "",
                Role.TREATING.value,
            )
    denied = any(
        event.value("speech") == "no-care" and event.assertion is not Assertion.ELSEWHERE
        for _, _, _, event in record.events("speech")
    )
    if denied:
        return
    for text, statement, clause, event in record.events("element"):
        if "care" in event.values("element") and _care_done(event, clause, statement, text):
            yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, event.start, event.end)
    for text in record.texts:
        if text.document.author is Role.THERAPIST and text.statements:
            first = text.statements[0]
            yield evidence(text, first, element.id, "", Assertion.AFFIRMED, first.sentence.start, first.sentence.end)


def _is_care(procedure: Procedure, known: Knowledge) -> bool:
    groups = group_ids(procedure.text, (procedure.cpt,) if procedure.cpt else (), known)
    if (
        groups
        & {group for element in known.elements for when in element.when for group in when.orders | when.performed}
        - known.parts.not_care
    ):
        return True
    if known.parts.therapy in groups:
        return True
    return any(
        "care" in [value for kind, value in known.lexicon.tags_of(m[0]) if kind == "element"]
        for m in known.lexicon.pattern.finditer(procedure.text.lower())
    )


def _care_done(event: Event, clause: Clause, statement: Statement, text: Text) -> bool:
    if (
        event.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE, Assertion.UNCERTAIN}
        or text.document.author is Role.RADIOLOGIST
    ):
        return False
    section = statement.sentence.section
    if section in {"family", "consent", "indication", "technique"}:
        return False
    speech = [other.value("speech") for other in clause.events if other.has("speech")]
    done = "done" in speech or any(
        other.value("speech") == "done" and "order" not in speech for other in statement.events
    )
    if section == "plan":
        return any(other.value("speech") == "continues" for other in clause.events)
    return done or "order" not in speech


def palpation(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for text, statement, clause, event in record.events("element"):
        kinds = event.values("element")
        if event.assertion is not Assertion.AFFIRMED or not (
            "tart" in kinds or ("tart-weak" in kinds and _landmark(clause, event))
        ):
            continue
        if any("imaging" in other.values("element") for other in statement.events):
            continue
        if (
            text.document.author is Role.RADIOLOGIST
            or not text.document.of_encounter
            or statement.sentence.section in (NO_EXAM if _examined(text) else NO_EXAM - {"hpi"})
        ):
            continue
        if _treated_here(statement, clause, target, known):
            yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, event.start, event.end)


def _examined(text: Text) -> bool:
    """Whether a document has an examination of its own."""
    return any(statement.sentence.section == "exam" for statement in text.statements)


def _landmark(clause: Clause, event: Event) -> bool:
    """Whether a general word stands beside something a hand can find."""
    return any(
        other is not event and ("landmark" in other.values("element") or (other.levels and not other.root))
        for other in clause.events
    )


def _treated_here(statement: Statement, clause: Clause, target: Target, known: Knowledge) -> bool:
    """The finding lies in the region treated: by the clause, the sentence, the heading, else unsaid."""
    wanted = target.lesion_regions or frozenset({target.region})
    levels = [level for event in clause.events if not event.root for level in event.levels]
    said = [value for event in clause.events for value in event.values("region")]
    if not levels and not said:
        levels = list(statement.own)
        said = [value for event in statement.events for value in event.values("region")]
    if not levels and not said:
        levels, said = list(statement.topic), list(statement.topic_regions)
    regions = {known.levels[level].region for level in levels if level in known.levels} | set(said)
    return not regions or bool(regions & wanted) or "ambiguous" in regions
