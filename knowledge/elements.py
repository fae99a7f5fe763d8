"""The documentation elements of policy section E: is there a quote for each one that is asked for?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.lesions import Record, evidence
from knowledge.model import Assertion, Evidence, Procedure, Role
from knowledge.orders import group_ids, groups_of, performed_groups
from knowledge.reading.assertion import Clause, Event
from knowledge.reading.statements import Statement, Text
from knowledge.tables import Element, Knowledge, When

#: A muscle grade below five.
GRADE = re.compile(r"(?<![\d/.])[0-4][+-]?\s?/\s?5(?![\d/])")
#: How far behind a test its result may stand, in characters.
RESULT = 70
FOLLOWING = 4  #: sentences behind the name of a study that can hold its finding
NOT_NOW = frozenset({"plan", "indication", "technique", "consent", "family", "report-history"})
NO_EXAM = frozenset({"hpi", "plan", "history", "family", "indication", "consent", "copied", "treatment", "medication"})


@dataclass(frozen=True, slots=True)
class Target:
    """The lesion an element is asked for."""

    family: str
    region: str  #: region of the code
    lesion_regions: frozenset[str]  #: where the lesion itself lies; empty = not known
    levels: tuple[str, ...]


def missing(record: Record, target: Target, code: str, known: Knowledge, *, lesser: bool) -> tuple[tuple[str, ...], list[Evidence]]:
    """The elements asked for and not documented, and the evidence for those that are."""
    absent: list[str] = []
    found: list[Evidence] = []
    asked_orders = groups_of(record.chart.orders, code, known)
    performed = performed_groups(record.chart, known)
    for element in known.elements:
        if lesser and any(when.families for when in element.when):
            continue
        if not any(_asked(when, target, asked_orders, performed) for when in element.when):
            continue
        proof = next(FINDERS[element.id](record, target, known, element), None)
        if proof is None:
            absent.append(element.id)
        else:
            found.append(proof)
    return tuple(absent), found


def _asked(when: When, target: Target, orders: frozenset[str], performed: frozenset[str]) -> bool:
    return (
        (not when.families or target.family in when.families)
        and (not when.regions or target.region in when.regions)
        and (not when.orders or bool(when.orders & orders))
        and (not when.performed or bool(when.performed & performed))
    )


# --- E1, E2 -----------------------------------------------------------------------------------------


def _imaging(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for text in record.texts:
        if text.document.author is Role.RADIOLOGIST:
            yield from _reported(text, record, target, known)
    for text in record.texts:
        if text.document.author.value not in element.roles:
            continue
        for number, statement in enumerate(text.statements):
            for clause in statement.clauses:
                for event in clause.events:
                    if "imaging" in event.values("element") and _study_done(event, clause, statement):
                        if _study_shows(text, number, event, record, target, known):
                            yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, event.start, event.end)


def _reported(text: Text, record: Record, target: Target, known: Knowledge) -> Iterator[Evidence]:
    """An imaging report with a finding of the region."""
    for lesion in record.lesions:
        if lesion.document is text.document and lesion.assertion is Assertion.AFFIRMED and _of_target(lesion.regions, target):
            yield lesion.evidence[0] if lesion.evidence else evidence(text, lesion.statement, "imaging", "", Assertion.AFFIRMED, lesion.statement.sentence.start, lesion.statement.sentence.end)
    for statement in text.statements:
        if statement.sentence.section in NOT_NOW:
            continue
        for event in statement.events:
            if event.has("mechanism") and event.assertion is Assertion.AFFIRMED and _here(statement, target, known):
                yield evidence(text, statement, "imaging", "", Assertion.AFFIRMED, event.start, event.end)


def _study_done(event: Event, clause: Clause, statement: Statement) -> bool:
    if event.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE, Assertion.UNCERTAIN} or statement.sentence.section in NOT_NOW:
        return False
    ordered = any(other.value("speech") == "order" for other in clause.events)
    return not ordered or any(other.has("narrowing") or other.has("mechanism") for other in statement.events)


def _study_shows(text: Text, number: int, event: Event, record: Record, target: Target, known: Knowledge) -> bool:
    """A finding of the target region in the sentence, or in those that follow it under the same heading."""
    statement = text.statements[number]
    regions = frozenset(statement.topic_regions)
    for other in text.statements[number : number + 1 + FOLLOWING]:
        if other.sentence.paragraph != statement.sentence.paragraph:
            break
        if other is not statement and any("imaging" in later.values("element") for later in other.events) and other.own == ():
            continue
        if not any(item.has("narrowing") or item.has("mechanism") or item.has("normal") or item.has("site") or item.has("structural") for item in other.events):
            continue
        if _here(other, target, known) or (not other.levels and _of_target(regions, target)):
            return True
    return False


def _here(statement: Statement, target: Target, known: Knowledge) -> bool:
    levels = {known.levels[level].region for level in statement.levels if level in known.levels}
    return _of_target(frozenset(levels or statement.topic_regions), target)


def _of_target(regions: frozenset[str], target: Target) -> bool:
    wanted = target.lesion_regions or frozenset()
    return not wanted or bool(regions & wanted) or (not regions)


def _level(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for lesion in record.lesions:
        if lesion.stated and lesion.kind == "stenosis" and lesion.regions & target.lesion_regions:
            for item in lesion.evidence:
                if item.axis == "level":
                    yield item
            if lesion.levels and any(known.levels[level].kind != "junction" for level in lesion.levels if level in known.levels) and lesion.evidence:
                yield lesion.evidence[0]


# --- E3, E4 -----------------------------------------------------------------------------------------


def _neuro(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for text, statement, clause, event in record.events("element"):
        kinds = event.values("element")
        if "neuro" not in kinds and "neuro-test" not in kinds:
            continue
        if not _current(event, statement, text):
            continue
        if "neuro-test" in kinds:
            result = _result(event, statement)
            if result is None or "neuro-abnormal" not in result.values("element") or result.assertion is Assertion.NEGATED:
                continue
        elif event.assertion is not Assertion.AFFIRMED or _normal_after(event, statement):
            continue
        yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, event.start, event.end)
    yield from _graded(record, element)


def _current(event: Event, statement: Statement, text: Text) -> bool:
    section = statement.sentence.section
    return text.document.author is not Role.RADIOLOGIST and text.document.of_encounter and section not in {"plan", "family", "consent", "indication", "history", "copied"} and event.assertion not in {
        Assertion.ELSEWHERE,
        Assertion.HISTORICAL,
    }


def _result(test: Event, statement: Statement) -> Event | None:
    """What a test showed: the nearest result behind it, before the next test; else right before it."""
    behind: list[Event] = []
    for event in statement.events:
        kinds = event.values("element")
        if event.start >= test.end and ("neuro-normal" in kinds or "neuro-abnormal" in kinds):
            if event.start - test.end <= RESULT:
                behind.append(event)
            break
    before = [event for event in statement.events if 0 <= test.start - event.end <= 3 and {"neuro-normal", "neuro-abnormal"} & set(event.values("element"))]  # noqa: PLR2004
    return next(iter(before or behind), None)


def _normal_after(event: Event, statement: Statement) -> bool:
    """ "numbness: none": a symptom with a normal result right behind it."""
    following = next((other for other in statement.events if other.start >= event.end), None)
    return following is not None and following.start - event.end <= 3 and "neuro-normal" in following.values("element")  # noqa: PLR2004


def _graded(record: Record, element: Element) -> Iterator[Evidence]:
    """A muscle grade below five."""
    for text in record.texts:
        if text.document.author is Role.RADIOLOGIST or not text.document.of_encounter:
            continue
        for statement in text.statements:
            if statement.sentence.section in {"plan", "family", "copied", "history"}:
                continue
            match = GRADE.search(text.reading.text, statement.sentence.start, statement.sentence.end)
            if match and not any("root-word" not in event.values("element") and event.value("element") == "pain-scale" for event in statement.events):
                yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, match.start(), match.end())


def _distribution(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    yield from distributions(record, known.regions[target.region].roots, target.region, element.id)


def distributions(record: Record, roots: frozenset[str], region: str, axis: str) -> Iterator[Evidence]:
    """A root, dermatome, myotome or named nerve of a limb, affirmed and not normal (policy C6)."""
    for text in record.texts:
        if text.document.author is Role.RADIOLOGIST or not text.document.of_encounter:
            continue
        shown = -1  # the line of the last study that is told
        for statement in text.statements:
            if any("imaging" in event.values("element") for event in statement.events):
                shown = statement.sentence.line
            if statement.sentence.section in {"plan", "family", "consent", "indication", "history", "copied", "technique"}:
                continue
            for clause in statement.clauses:
                for event in clause.events:
                    if _names_distribution(event, clause, statement, roots, region, shown=shown == statement.sentence.line):
                        yield evidence(text, statement, axis, region, Assertion.AFFIRMED, event.start, event.end)


def _names_distribution(event: Event, clause: Clause, statement: Statement, roots: frozenset[str], region: str, *, shown: bool) -> bool:
    if event.assertion is not Assertion.AFFIRMED:
        return False
    if f"distribution-{region}" in event.values("element"):
        return True
    if not event.root or not set(_roots_of(event)) & roots:
        return False
    words = [other for other in clause.events if "root-word" in other.values("element")]
    spread = [other for other in words if "root-name" not in other.values("element")]
    tested = any("neuro-test" in other.values("element") for other in statement.events)
    results = [other for other in statement.events if other.start >= event.start and {"neuro-normal", "neuro-abnormal"} & set(other.values("element"))]
    normal = bool(results) and "neuro-abnormal" not in results[0].values("element")
    if tested or normal:
        abnormal = any("neuro-abnormal" in other.values("element") for other in statement.events) or any("neuro" in other.values("element") and "neuro-test" not in other.values("element") and other.assertion is Assertion.AFFIRMED for other in clause.events)
        return abnormal and not (normal and results[0].start - event.end <= 30)  # noqa: PLR2004
    if spread or any("skin-area" in other.values("element") for other in words):
        return True
    if any("neuro" in other.values("element") and other.assertion is Assertion.AFFIRMED for other in statement.events):
        return True
    return not shown and not any(other.has("site") or other.has("narrowing") or other.has("mechanism") or other.has("normal") or other.has("structural") for other in statement.events)


def _roots_of(event: Event) -> list[str]:
    return [name for level in event.levels for name in level.split("-")]


# --- E5, E6 -----------------------------------------------------------------------------------------


def _care(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    chart = record.chart
    for procedure in chart.procedures:
        if procedure.completed and _is_care(procedure, known) and (not procedure.date or procedure.date <= chart.date):
            yield Evidence(element.id, "", Assertion.AFFIRMED, procedure.text, procedure.source, 0, len(procedure.text), procedure.date, "", Role.TREATING.value)
    denied = any(event.value("speech") == "no-care" and event.assertion is not Assertion.ELSEWHERE for _, _, _, event in record.events("speech"))
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
    if groups & {group for element in known.elements for when in element.when for group in when.orders | when.performed} - {"ncs-emg", "surgery", "spine-surgery-referral"}:
        return True
    if "therapy" in groups:
        return True
    return any("care" in [value for kind, value in known.lexicon.tags_of(m[0]) if kind == "element"] for m in known.lexicon.pattern.finditer(procedure.text.lower()))


def _care_done(event: Event, clause: Clause, statement: Statement, text: Text) -> bool:
    if event.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE, Assertion.UNCERTAIN} or text.document.author is Role.RADIOLOGIST:
        return False
    section = statement.sentence.section
    if section in {"family", "consent", "indication", "technique"}:
        return False
    speech = [other.value("speech") for other in clause.events if other.has("speech")]
    done = "done" in speech or any("done" == other.value("speech") and "order" not in speech for other in statement.events)
    if section == "plan":
        return any(other.value("speech") == "continues" for other in clause.events)
    return done or "order" not in speech


def _palpation(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for text, statement, clause, event in record.events("element"):
        kinds = event.values("element")
        if event.assertion is not Assertion.AFFIRMED or not ("tart" in kinds or ("tart-weak" in kinds and _landmark(clause, event))):
            continue
        if any("imaging" in other.values("element") for other in statement.events):
            continue
        if text.document.author is Role.RADIOLOGIST or not text.document.of_encounter or statement.sentence.section in (NO_EXAM if _examined(text) else NO_EXAM - {"hpi"}):
            continue
        if _treated_here(statement, clause, target, known):
            yield evidence(text, statement, element.id, "", Assertion.AFFIRMED, event.start, event.end)


def _examined(text: Text) -> bool:
    """Whether a document has an examination of its own."""
    return any(statement.sentence.section == "exam" for statement in text.statements)


def _landmark(clause: Clause, event: Event) -> bool:
    """Whether a general word stands beside something a hand can find."""
    return any(other is not event and ("landmark" in other.values("element") or (other.levels and not other.root)) for other in clause.events)


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


FINDERS: dict[str, Callable[[Record, Target, Knowledge, Element], Iterator[Evidence]]] = {
    "imaging": _imaging,
    "level": _level,
    "neuro-findings": _neuro,
    "nerve-distribution": _distribution,
    "conservative-care": _care,
    "biomechanical-findings": _palpation,
}
