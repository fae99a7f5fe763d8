"""Earlier care and palpatory findings (policy E5, E6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.documented import AMBIGUOUS, Record, Target, evidence
from knowledge.model import Assertion, Evidence, Procedure, Role
from knowledge.neuro import normal_behind
from knowledge.orders import group_ids
from knowledge.reading.clauses import Clause, Event
from knowledge.reading.statement import Statement, Text
from knowledge.tables import Element, Knowledge

NO_EXAM = frozenset(
    {"complaint", "hpi", "plan", "history", "family", "indication", "consent", "copied", "treatment", "medication"}
)
ITEM = 40  #: characters of an item of a list, and of what leads it in
ITEMS = 24  #: sentences of such a list: a number is one
NUMBERED = re.compile(r": ?\(?1[.)]$")
ADJECTIVES = 24  #: characters before a word of care that say which it is: "transforaminal injection"
#: "Sent by the surgeon for injection": what somebody came for.
PURPOSE = re.compile(r"\bfor (?:an? |the |another |repeat )?$")
#: Sections that tell no care, and the one that tells what was tried before an operation.
NO_CARE = frozenset({"family", "consent", "technique"})
INDICATION = "indication"
#: "Foraminal stenosis -> injection": what is to follow.
TO_COME = frozenset({"impression", "plan"})
ARROW = re.compile(r"→|⇒|->|=>|-->")


def earlier_care(record: Record, _target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    chart = record.chart
    for procedure in chart.procedures:
        if procedure.completed and _is_care(procedure, known) and (not procedure.date or procedure.date <= chart.date):
            yield Evidence(
                element.id,
                element.id,
                Assertion.AFFIRMED,
                procedure.text,
                procedure.source,
                0,
                len(procedure.text),
                procedure.date,
                "",
                Role.TREATING.value,
            )
    if _denied(record):
        return
    for text, statement, clause, event in record.events("element"):
        told = "care" in event.values("element") and _care_done(event, clause, statement, text, known.parts.patient)
        done = any("done" in other.values("speech") for other in statement.events)
        if told and (done or not _asked_for(text, clause, event, element, known)):
            yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, event.start, event.end)
    for text in record.texts:
        if text.document.author is Role.THERAPIST and text.statements:
            first = text.statements[0]
            where = (first.sentence.start, first.sentence.end)
            yield evidence(text, first, element.id, element.id, Assertion.AFFIRMED, *where)


def _asked_for(text: Text, clause: Clause, event: Event, element: Element, known: Knowledge) -> bool:
    """Whether a word names what the element is asked for, an injection or an operation: it may be the one to come."""
    if event.assertion is Assertion.HISTORICAL:
        return False
    groups = {group for when in element.when for group in when.orders}
    named = text.reading.text[max(clause.start, event.start - ADJECTIVES) : event.end]
    return bool(groups & group_ids(named, (), known))


def _denied(record: Record) -> bool:
    """The chart says that nothing has been tried."""
    for _, _, _, event in record.events("speech"):
        if event.value("speech") == "no-care" and event.assertion is not Assertion.ELSEWHERE:
            return True
    for text in record.texts:
        told = -1  # the paragraph in which some care has been named
        for statement in text.statements:
            if statement.sentence.section != "treatment":
                continue
            denial = any(event.value("assertion").startswith("negation") for event in statement.events[:2])
            named = (event for event in statement.events if "care" in event.values("element"))
            if any(event.assertion is Assertion.AFFIRMED for event in named):
                told = statement.sentence.paragraph
            elif denial and not _names_something(statement) and told != statement.sentence.paragraph:
                return True  # and not "physiotherapy, a belt. Nothing holds."
    return False


def _names_something(statement: Statement) -> bool:
    """Whether more is said than an answer: "none" by itself is a result too."""
    return any(not event.has("assertion") for event in statement.of("element"))


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
        for m in known.lexicon.scan(procedure.text.lower())
    )


def _care_done(event: Event, clause: Clause, statement: Statement, text: Text, patient: frozenset[str]) -> bool:
    """Whether a word of care tells care that was given; ``patient``: how the patient is written, and no care is."""
    section = statement.sentence.section
    if section == INDICATION:  # of an operation: "failed three months of therapy"
        return text.document.author is Role.TREATING and _told_done(event, clause)
    if (
        event.assertion in {Assertion.NEGATED, Assertion.ELSEWHERE, Assertion.UNCERTAIN}
        or text.document.author is Role.RADIOLOGIST
        or text.document.text[slice(*text.span(event.start, event.end))] in patient
    ):
        return False
    if section in NO_CARE:
        return False
    speech = _speech(clause, statement)
    if _one_of_options(statement, text):
        return False
    if "undone" in speech or _not_gone(clause, statement) or _ordered_behind(clause, statement):
        return False
    if section in TO_COME and ARROW.search(text.reading.text, statement.sentence.start, event.start):
        return False
    done = _told_done(event, clause) or any(
        other.value("speech") == "done" and "order" not in speech for other in statement.events
    )
    if section == "plan":
        ordered = any("order" in other.values("speech") for other in statement.events)
        return (done and not ordered) or any(other.value("speech") == "continues" for other in clause.events)
    purpose = PURPOSE.search(text.reading.text, max(clause.start, event.start - 12), event.start)
    return done or ("order" not in speech and not purpose)


def _one_of_options(statement: Statement, text: Text) -> bool:
    """ "Options: 1. Observation. 2. Physical therapy.": an item of a numbered list of what may be done."""
    for number in range(statement.index - 1, max(-1, statement.index - ITEMS), -1):
        other = text.statements[number].sentence
        words = text.reading.text[other.start : other.end].strip()
        if other.line != statement.sentence.line or len(words) > ITEM:
            return False
        if NUMBERED.search(words):
            return any("order" in event.values("speech") for event in text.statements[number].events)
    return False


def _speech(clause: Clause, statement: Statement) -> list[str]:
    """What a clause says of its doing; a list without a word of its own goes on with that of the clause before."""
    number = statement.clauses.index(clause)
    while number >= 0:
        told = [value for event in statement.clauses[number].events for value in event.values("speech")]
        here = statement.clauses[number]
        if (
            told
            or (here.hard and here.mark not in {":", "("})
            or any("verb" in event.values("assertion") for event in here.events)
        ):
            return told
        number -= 1
    return []


def _not_gone(clause: Clause, statement: Statement) -> bool:
    """ "Was prescribed therapy but did not go": the clause behind says that nothing came of it."""
    number = statement.clauses.index(clause) + 1
    following = statement.clauses[number] if number < len(statement.clauses) else None
    return (
        following is not None
        and (following.mark.isalpha() or following.mark in {":", ","})
        and any("undone" in event.values("speech") for event in following.events)
        and not any("care" in event.values("element") for event in following.events)
    )


def _ordered_behind(clause: Clause, statement: Statement) -> bool:
    """ "Transforaminal block, C6-7 left, ordered": the word that closes the list it stands in."""
    for following in statement.clauses[statement.clauses.index(clause) + 1 :]:
        if following.hard or any("care" in event.values("element") for event in following.events):
            return False
        if following.events and all("order" in event.values("speech") for event in following.events):
            return True
    return False


def _told_done(event: Event, clause: Clause) -> bool:
    """Whether its clause says that it was done; "recommend six weeks of ..." only says how much."""
    orders = [other.end for other in clause.events if "order" in other.values("speech") and other.end <= event.start]
    return any(
        "done" in other.values("speech") and not (orders and orders[0] <= other.start < event.start)
        for other in clause.events
    )


def palpation(record: Record, target: Target, known: Knowledge, element: Element) -> Iterator[Evidence]:
    """TART or PART found on examination in the region treated (E6)."""
    wanted = target.lesion_regions or frozenset({target.region})
    for text, statement, clause, event in record.events("element"):
        if event.assertion is not Assertion.AFFIRMED or not _palpated(event, statement):
            continue
        regions = _found_in(statement, clause, known)
        if _on_examination(text, statement) and (not regions or regions & wanted or AMBIGUOUS in regions):
            yield evidence(text, statement, element.id, element.id, Assertion.AFFIRMED, event.start, event.end)


def _palpated(event: Event, statement: Statement) -> bool:
    """A palpatory word, or a general one beside something a hand can find; the words of a study are none."""
    kinds = event.values("element")
    if "tart" not in kinds and not ("tart-weak" in kinds and _landmark(statement, event)):
        return False
    if normal_behind(event, statement) or _called_normal(event, statement):
        return False
    return not any("imaging" in other.values("element") or other.has("site") for other in statement.events)


def _called_normal(event: Event, statement: Statement) -> bool:
    """ "Symmetric segmental motion": the word right before says that nothing was found."""
    return any(
        other.has("normal") and other.assertion is not Assertion.NEGATED and event.start - other.end == 1
        for other in statement.events
    )


def _landmark(statement: Statement, event: Event) -> bool:
    return any(
        other is not event
        and ("landmark" in other.values("element") or other.has("muscle") or (other.levels and not other.root))
        for other in statement.events
    )


def _on_examination(text: Text, statement: Statement) -> bool:
    """Written by someone who examined, and not as a complaint, a plan or the past."""
    if text.document.author is Role.RADIOLOGIST or not text.document.of_encounter:
        return False
    examined = any(other.sentence.section == "exam" for other in text.statements)
    return statement.sentence.section not in (NO_EXAM if examined else NO_EXAM - {"hpi"})


def _found_in(statement: Statement, clause: Clause, known: Knowledge) -> frozenset[str]:
    """Where a finding lies: by the clause, the sentence, the heading; empty when nobody says."""
    for events in (clause.events, statement.events):
        levels = [level for event in events if not event.root for level in event.levels]
        said = [value for event in events for kind in ("region", "muscle") for value in event.values(kind)]
        if levels or said:
            return frozenset({known.levels[level].region for level in levels} | set(said))
    return frozenset({known.levels[level].region for level in statement.topic} | set(statement.topic_regions))
