"""The documentation elements of policy section E: is there a quote for each one that is asked for?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from knowledge.care import earlier_care, palpation
from knowledge.documented import AMBIGUOUS, Record, Target, evidence
from knowledge.model import Assertion, Evidence, Role
from knowledge.neuro import nerve_distribution, neurological
from knowledge.orders import groups_of, performed_groups
from knowledge.reading.clauses import Event
from knowledge.reading.implied import MILLIMETRES
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Element, Knowledge, When

MEASURE = 24  #: characters in which a tissue's measure follows its name
FOLLOWING = 4  #: sentences behind the name of a study that can hold its finding
TABLE = 12  #: likewise, below a heading
WHOLE = 40  #: likewise, below the title of a note
INDICATION = "indication"
#: "Reason for visit: result of the MRI": what somebody comes for has been done.
RESULT = re.compile(r"\bresults?\b")
NOT_NOW = frozenset({"plan", INDICATION, "technique", "consent", "family", "report-history"})


def missing(
    record: Record, target: Target, code: str, known: Knowledge, *, lesser: bool
) -> tuple[tuple[str, ...], list[Evidence]]:
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
            for clause in statement.clauses if statement.says("element") else ():
                for event in clause.events:
                    done = "imaging" in event.values("element") and _study_done(event, statement)
                    if done and _study_shows(text, number, target, known):
                        where = (event.start, event.end)
                        yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, *where)


def _reported(text: Text, record: Record, target: Target, known: Knowledge) -> Iterator[Evidence]:
    """An imaging report with a finding of the region."""
    for lesion in record.lesions:
        if (
            lesion.document is text.document
            and lesion.assertion is Assertion.AFFIRMED
            and _of_target(lesion.regions, target, known)
        ):
            yield (
                lesion.evidence[0]
                if lesion.evidence
                else evidence(
                    text,
                    lesion.statement,
                    "imaging",
                    "",
                    Assertion.AFFIRMED,
                    lesion.statement.sentence.start,
                    lesion.statement.sentence.end,
                )
            )
    for statement in text.statements:
        if statement.sentence.section in NOT_NOW:
            continue
        for event in statement.events:
            finding = event.has("mechanism") or (event.has("tissue") and _measured(text, event))
            if finding and event.assertion is Assertion.AFFIRMED and _here(statement, target, known):
                yield evidence(text, statement, "imaging", "imaging", Assertion.AFFIRMED, event.start, event.end)


def _measured(text: Text, event: Event) -> bool:
    """ "Ligamentum flavum measures 6 mm"."""
    return MILLIMETRES.search(text.reading.text, event.end, event.end + MEASURE) is not None


def _study_done(event: Event, statement: Statement) -> bool:
    if statement.sentence.section == INDICATION and statement.document.author is Role.TREATING:
        return RESULT.search(statement.words, statement.sentence.start, statement.sentence.end) is not None
    if (
        event.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE, Assertion.UNCERTAIN}
        or statement.sentence.section in NOT_NOW
    ):
        return False
    speech = {value for other in statement.events for value in other.values("speech")}
    return not speech & {"order", "undone"} or _tells(statement)


def _tells(statement: Statement) -> bool:
    """Whether a sentence tells a finding of the spine."""
    narrowed = any(event.value("narrowing") in {"noun", "state"} for event in statement.events)
    return narrowed or bool(statement.of("site") or statement.of("mechanism"))


def _study_shows(text: Text, number: int, target: Target, known: Knowledge) -> bool:
    """A finding of the target region in the sentence, or in those that follow it under the same heading."""
    statement = text.statements[number]
    regions = frozenset(statement.topic_regions)
    elsewhere = _elsewhere(statement, target, known)
    for other in _below(text.statements, number):
        if elsewhere and (not other.own or other.sentence.section != statement.sentence.section):
            continue
        if (
            other is not statement
            and any("imaging" in later.values("element") for later in other.events)
            and other.own == ()
        ):
            continue
        placed = bool(other.levels or regions)
        if not _tells(other) and not (placed and (other.of("normal") or other.of("structural"))):
            continue
        if _here(other, target, known) or (not other.levels and _of_target(regions, target, known)):
            return True
    return False


def _below(statements: Sequence[Statement], number: int) -> Sequence[Statement]:
    """The sentences that can hold the finding of a study: those of its paragraph, below a heading those of the next.

    A study that is the title of the note is what the whole note is about.
    """
    statement = statements[number]
    if not statement.sentence.line:
        return statements[number : number + 1 + WHOLE]
    following = statements[number + 1 : number + 1 + TABLE]
    own = statement.sentence.paragraph
    heads = not _tells(statement) and bool(following) and following[0].sentence.paragraph != own
    paragraphs = {own, following[0].sentence.paragraph} if heads else {own}
    most = TABLE if heads else FOLLOWING
    return [statement, *(other for other in following[:most] if other.sentence.paragraph in paragraphs)]


def _elsewhere(statement: Statement, target: Target, known: Knowledge) -> bool:
    """The sentence names parts of the spine, and only others than the target."""
    named = {known.levels[level].region for level in statement.own if level in known.levels}
    named |= {value for event in statement.of("region") for value in event.values("region")}
    spinal = bool(named) and all(value in known.regions and known.regions[value].spinal for value in named)
    return spinal and bool(target.lesion_regions) and not named & target.lesion_regions


def _here(statement: Statement, target: Target, known: Knowledge) -> bool:
    levels = {known.levels[level].region for level in statement.levels if level in known.levels}
    return _of_target(frozenset(levels or statement.topic_regions), target, known)


def _of_target(regions: frozenset[str], target: Target, known: Knowledge) -> bool:
    wanted = target.lesion_regions or frozenset()
    between = AMBIGUOUS in regions and bool(wanted & known.parts.undefined_between)
    return not wanted or not regions or bool(regions & wanted) or between


def _level(record: Record, target: Target, known: Knowledge, _element: Element) -> Iterator[Evidence]:
    for lesion in record.lesions:
        if lesion.stated and lesion.kind == known.parts.narrowing and lesion.regions & target.lesion_regions:
            for item in lesion.evidence:
                if item.axis == "level":
                    yield item
            if (
                lesion.levels
                and any(known.levels[level].kind != "junction" for level in lesion.levels if level in known.levels)
                and lesion.evidence
            ):
                yield lesion.evidence[0]


FINDERS: dict[str, Callable[[Record, Target, Knowledge, Element], Iterator[Evidence]]] = {
    "imaging": _imaging,
    "level": _level,
    "neuro-findings": neurological,
    "nerve-distribution": nerve_distribution,
    "conservative-care": earlier_care,
    "biomechanical-findings": palpation,
}
