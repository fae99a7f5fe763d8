"""Neurological findings and nerve distributions (policy E3, E4, C6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from knowledge.documented import Record, Target, evidence
from knowledge.model import Assertion, Evidence, Role
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.sides import ONE_SIDE
from knowledge.reading.sides import SIDE as SIDED
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Element, Knowledge

#: A muscle grade below five.
GRADE = re.compile(r"(?<![\w/.-])[0-4][+-]?\s?/\s?5(?![\d/])")
WORD = re.compile(r"[a-z]+")
#: A reflex that is lost or low, behind its name: "0", "1/4", "trace".
LOST = re.compile(
    rf"[ \t:=(]{{1,3}}(?:{SIDED}[ \t:]{{1,2}})?(?:is |are |was |were )?"
    r"(?:[01]|zero|trace|tr)(?:\s?/\s?[24])?(?![\w/+-]|\.\d|\s?[/-]\s?\d|\s(?:sets?|reps?|of|x)\b)"
)
#: Two grades of a table row, of which one is full: "Triceps   5   4-".
SIDES = re.compile(r"[ \t:|]+(?!5[ \t/|]+5\b)([0-5][+-]?)[ \t/|]+([0-5][+-]?)[ \t]*(?=\n|$)")
FULL = "5"
#: Between the results of two sides: "R 2+, L 1+".
OTHER = re.compile(rf"(?: (?:on |at )?(?:the )?{ONE_SIDE})?[,;/ ]+(?:and )?(?:{ONE_SIDE}[ :]*)?")
#: What may stand between a result and what it was found at: "diminished right patellar reflex".
SIDE = re.compile(rf"\s+(?:the )?(?:(?:{SIDED}|both) )?")
#: How far behind a test its result may stand, in characters.
RESULT = 70
RIGHT_BESIDE = 3
SAID_OF = 30  #: characters between a root and the result that is said of it
#: Classes by which a root names a level or a compressed nerve, not where something is felt.
OF_A_LESION = ("site", "narrowing", "mechanism", "normal", "structural")
NOT_FOUND = frozenset({"plan", "family", "consent", "indication", "history", "copied"})
NO_DISTRIBUTION = NOT_FOUND | {"technique"}
ABNORMAL = frozenset({"neuro-abnormal", "root-study"})
RESULTS = frozenset({"neuro-normal", "neuro-abnormal", "unchanged"})
EXAMINED = frozenset({"neuro-test", "landmark"})


def neurological(record: Record, _target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    for text, statement, _, event in record.events("element"):
        kinds = event.values("element")
        if "neuro" not in kinds and "neuro-test" not in kinds:
            continue
        if not _current(event, statement, text):
            continue
        if "neuro-test" in kinds:
            result = _result(event, statement, text.reading.text)
            lost = _reflex(event, text, known) and LOST.match(text.reading.text, event.end)
            weak = SIDES.match(text.reading.text, event.end)
            if (
                not lost
                and not (weak and FULL in weak.groups())
                and (
                    result is None
                    or "neuro-abnormal" not in result.values("element")
                    or normal_behind(result, statement)
                    or result.assertion is Assertion.NEGATED
                )
            ):
                continue
        elif event.assertion is not Assertion.AFFIRMED or normal_behind(event, statement):
            continue
        yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, event.start, event.end)
    yield from _graded(record, element)
    yield from _dermatomal(record, known, element)


def _dermatomal(record: Record, known: Knowledge, element: Element) -> Iterator[Evidence]:
    """Pain along a dermatome: "shoots down the calf in the L5 dermatome"."""
    for text, statement, _, event in record.events("element"):
        if "skin-area" not in event.values("element") or event.assertion is not Assertion.AFFIRMED:
            continue
        words = text.reading.text[statement.sentence.start : statement.sentence.end]
        rooted = any(other.root for other in statement.events)
        if rooted and _current(event, statement, text) and known.parts.pain & set(WORD.findall(words)):
            yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, event.start, event.end)


def _current(event: Event, statement: Statement, text: Text) -> bool:
    section = statement.sentence.section
    return (
        text.document.author is not Role.RADIOLOGIST
        and text.document.of_encounter
        and section not in NOT_FOUND
        and event.assertion
        not in {
            Assertion.ELSEWHERE,
            Assertion.HISTORICAL,
        }
    )


def _reflex(event: Event, text: Text, known: Knowledge) -> bool:
    return text.reading.text[event.start : event.end].rsplit(maxsplit=1)[-1] in known.parts.reflexes


def _result(test: Event, statement: Statement, words: str) -> Event | None:
    """What a test showed: right before it, else behind it, of several sides the abnormal one."""
    results = [
        event for event in statement.events if RESULTS & set(event.values("element")) and not _joins(event, statement)
    ]
    before = [event for event in results if event.end <= test.start and SIDE.fullmatch(words, event.end, test.start)]
    behind = [event for event in results if 0 <= event.start - test.end <= RESULT]
    sides = behind[:1] + [event for one, event in pairwise(behind) if OTHER.fullmatch(words, one.end, event.start)]
    abnormal = (event for event in sides if "neuro-abnormal" in event.values("element"))
    return next(iter(before), None) or next(abnormal, None) or next(iter(behind), None)


def _joins(event: Event, statement: Statement) -> bool:
    """ "ankle + knee jerks": a single sign between two things that are examined is no result."""
    single = event.end - event.start == 1
    before = any(event.start - other.end == 1 and EXAMINED & set(other.values("element")) for other in statement.events)
    after = any(other.start - event.end == 1 and "neuro-test" in other.values("element") for other in statement.events)
    return single and before and after


def normal_behind(event: Event, statement: Statement) -> bool:
    """ "numbness: none": a symptom with a normal result right behind it."""
    following = next((other for other in statement.events if other.start >= event.end), None)
    if following is None or "neuro-normal" not in following.values("element"):
        return False
    between = statement.words[event.end : following.start]
    return len(between) <= RIGHT_BESIDE and between.strip() != "/"  # not the other side: "triceps 1+/2+"


def _graded(record: Record, element: Element) -> Iterator[Evidence]:
    """A muscle grade below five."""
    for text in record.texts:
        if text.document.author is Role.RADIOLOGIST or not text.document.of_encounter:
            continue
        for statement in text.statements:
            if statement.sentence.section in {"plan", "family", "copied", "history"}:
                continue
            match = GRADE.search(text.reading.text, statement.sentence.start, statement.sentence.end)
            if match and not any(
                "root-word" not in event.values("element") and event.value("element") == "pain-scale"
                for event in statement.events
            ):
                yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, match.start(), match.end())


def nerve_distribution(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
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
            if statement.sentence.section in NO_DISTRIBUTION:
                continue
            for clause in statement.clauses:
                for event in clause.events:
                    if _names_distribution(
                        event, clause, statement, roots, region, shown=shown == statement.sentence.line
                    ):
                        yield evidence(text, statement, axis, region, Assertion.AFFIRMED, event.start, event.end)


def _names_distribution(
    event: Event, clause: Clause, statement: Statement, roots: frozenset[str], region: str, *, shown: bool
) -> bool:
    if event.assertion is not Assertion.AFFIRMED:
        return False
    if f"distribution-{region}" in event.values("element"):
        return True
    if not event.root or not set(_roots_of(event)) & roots:
        return False
    tested = any(
        "neuro-test" in one.values("element") and not _ordered(event, one, statement) for one in statement.events
    )
    result = _result_behind(event, statement)
    normal = result is not None and "neuro-abnormal" not in result.values("element")
    if tested or normal:
        close = result is not None and normal and result.start - event.end <= SAID_OF
        return not close and _abnormal(clause, statement)
    words = [other for other in clause.events if "root-word" in other.values("element")]
    if any("root-name" not in other.values("element") or "skin-area" in other.values("element") for other in words):
        return True
    if any("neuro" in other.values("element") and other.assertion is Assertion.AFFIRMED for other in statement.events):
        return True
    return not shown and not any(other.has(kind) for other in statement.events for kind in OF_A_LESION)


def _ordered(root: Event, test: Event, statement: Statement) -> bool:
    """ "... in the L5 territory, I want nerve conductions": the test behind the root is one to come."""
    between = (other for other in statement.events if root.end <= other.start and other.end <= test.start)
    return any("order" in other.values("speech") for other in between)


def _result_behind(event: Event, statement: Statement) -> Event | None:
    """The first result of an examination behind a root, before the sentence turns to something else."""
    end = next((clause.start for clause in statement.clauses if clause.hard and clause.start > event.start), None)
    behind = (other for other in statement.events if event.start <= other.start and (end is None or other.start < end))
    return next((other for other in behind if RESULTS & set(other.values("element"))), None)


def _abnormal(clause: Clause, statement: Statement) -> bool:
    """An abnormal result in the sentence, or a finding beside the root."""
    results = (other for other in statement.events if other.assertion is not Assertion.NEGATED)
    return any(not ABNORMAL.isdisjoint(other.values("element")) for other in results) or any(
        "neuro" in other.values("element")
        and "neuro-test" not in other.values("element")
        and other.assertion is Assertion.AFFIRMED
        for other in clause.events
    )


def _roots_of(event: Event) -> list[str]:
    return [name for level in event.levels for name in level.split("-")]
