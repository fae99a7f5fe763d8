"""What is still true: overruled readings, later words, newer reports and operations (policy A4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from knowledge.documented import Lesion, Record, StructuralFinding, may_meet, normal_levels, places_of
from knowledge.model import Assertion, Document, Role
from knowledge.orders import group_ids
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Clause
from knowledge.reading.levels import overlap
from knowledge.reading.statement import Statement
from knowledge.tables import Knowledge

ADDENDUM = "addendum"
#: Where a later note repeats an earlier one.
RETOLD = frozenset({"copied", "history"})


def overrule(made: Record) -> None:
    """What a provider reports of a reading and then overrules is not the provider's statement (policy A4)."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        speech = {event.value("speech") for statement in text.statements for event in statement.of("speech")}
        if text.document.author is not Role.TREATING or "overrules" not in speech:
            continue
        normal = [claim for claim in bound.claims if not claim.narrowed and claim.assertion is Assertion.AFFIRMED]
        for lesion in made.lesions:
            if lesion.document is text.document and _retold(lesion.statement):
                denied = any(claim.site == lesion.site and may_meet(claim.levels, lesion.levels) for claim in normal)
                if denied or _said_elsewhere(lesion, made):
                    lesion.assertion = Assertion.ELSEWHERE


def _retold(statement: Statement) -> bool:
    """The sentence begins with somebody else's reading, and the provider's own does not follow in it."""
    clauses = statement.clauses
    spoken = [
        (number, event.value("speech"))
        for number, clause in enumerate(clauses[:2])
        for event in clause.events
        if event.value("speech") in {"reporter", "overrules"}
    ]
    first = next((number for number, clause in enumerate(clauses) if clause.of("narrowing")), len(clauses))
    own = bool(spoken) and spoken[-1][1] == "overrules" and spoken[-1][0] < first
    return bool(spoken) and not own


def _said_elsewhere(lesion: Lesion, made: Record) -> bool:
    """The provider names another lesion of the region outside the retold sentence."""
    return any(
        other.document is lesion.document
        and other.statement is not lesion.statement
        and other.kind == lesion.kind
        and other.assertion is Assertion.AFFIRMED
        and other.regions & lesion.regions
        for other in made.lesions
    )


def _items(made: Record) -> list[Lesion | StructuralFinding]:
    return [*made.lesions, *made.structurals]


def operated(made: Record, known: Knowledge) -> None:
    """An operation on a level makes what was found there before it historical (policy A4)."""
    chart = made.chart
    for procedure in chart.procedures:
        if (
            not procedure.completed
            or not procedure.date
            or procedure.date >= chart.date
            or known.parts.operation not in group_ids(procedure.text, (procedure.cpt,) if procedure.cpt else (), known)
        ):
            continue
        levels, regions = places_of(procedure.text, known)
        for item in _items(made):
            document = item.document
            if (
                document is None
                or not document.date
                or document.date > procedure.date
                or item.assertion is not Assertion.AFFIRMED
            ):
                continue
            if (levels and item.levels and overlap(item.levels, levels)) or (
                not (levels and item.levels) and (not regions or not item.regions or item.regions & regions)
            ):
                item.assertion = Assertion.HISTORICAL
    for item in _items(made):
        if (
            item.document is not None
            and item.document.kind == known.parts.operative_note
            and item.document.date
            and item.document.date < (chart.start or chart.date)
            and item.assertion is Assertion.AFFIRMED
        ):
            item.assertion = Assertion.HISTORICAL


def _amended(made: Record) -> None:
    """What was found at a level that the author's own addendum calls normal is taken back (policy A4)."""
    normal = {id(text.document): frozenset(normal_levels(text, ADDENDUM)) for text in made.texts}
    added = {
        id(text.document): [claim for claim in bound.claims if claim.statement.sentence.section == ADDENDUM]
        for text, bound in zip(made.texts, made.bounds, strict=True)
    }
    for lesion in made.lesions:
        earlier = lesion.assertion is Assertion.AFFIRMED and lesion.statement.sentence.section != ADDENDUM
        if not (earlier and lesion.levels):
            continue
        if normal[id(lesion.document)].issuperset(lesion.levels) or _denied(added.get(id(lesion.document), ()), lesion):
            lesion.assertion, lesion.evidence = Assertion.HISTORICAL, ()


def _denied(added: Sequence[Claim], lesion: Lesion) -> bool:
    """Whether the claims of an addendum say that the site is not narrowed there, or that none of its kind is."""
    same = [claim for claim in added if claim.site == lesion.site and may_meet(claim.levels, lesion.levels)]
    return bool(same) and not any(claim.narrowed for claim in same)


def replace_older(made: Record, known: Knowledge) -> None:
    """Later words of the same author, addenda and newer reports take the place of earlier ones (policy A4)."""
    _amended(made)
    narrowings = [lesion for lesion in made.lesions if lesion.kind == known.parts.narrowing]
    new = {_alike(lesion): lesion for lesion in narrowings if lesion.stated}  # what is said often counts once
    old = {_alike(lesion): lesion for lesion in narrowings if lesion.assertion is Assertion.AFFIRMED}
    gone = {
        key
        for key, lesion in old.items()
        if any(_supersedes(other, lesion, made) for other in new.values()) or _reported_open(lesion, made)
    }
    for lesion in narrowings:
        if lesion.assertion is Assertion.AFFIRMED and _alike(lesion) in gone:
            lesion.assertion = Assertion.HISTORICAL
            lesion.evidence = ()
    _told_anew(made)
    _withdrawn(made, known)
    _cleared([lesion for lesion in made.lesions if lesion.kind != known.parts.narrowing], known)


def _told_anew(made: Record) -> None:
    """A diagnosis of an earlier note is past where a later one of its author names what else narrows there (A4)."""
    named = {
        (lesion.document.author, lesion.document.date, lesion.levels, lesion.causes)
        for lesion in made.lesions
        if lesion.stated and lesion.mechanisms and lesion.levels
    }
    said: dict[tuple[str, Role], str] = {}
    affirmed = [item for item in made.structurals if item.document and item.assertion is Assertion.AFFIRMED]
    for item in affirmed:
        key = item.id, item.role
        said[key] = max(said.get(key, ""), item.document.date if item.document else "")
    for item in affirmed:
        last = said[item.id, item.role]
        if item.levels and last and not item.coded and _named_anew(item, last, named):
            item.assertion = Assertion.HISTORICAL


def _named_anew(
    item: StructuralFinding, last: str, named: Iterable[tuple[Role, str, tuple[str, ...], frozenset[str]]]
) -> bool:
    """Whether the author names what narrows there after having said the diagnosis for the last time."""
    return any(
        author is item.role and date > last and item.id not in causes and overlap(levels, item.levels)
        for author, date, levels, causes in named
    )


def _withdrawn(made: Record, known: Knowledge) -> None:
    """ "The lumbar assessment above is withdrawn": what a document named before of a place that it takes back."""
    for text in made.texts:
        taken = [(one.index, places) for one in text.statements if one.of("speech") and (places := _places_taken(one))]
        for lesion in made.lesions if taken else ():
            earlier = lesion.document is text.document and lesion.kind != known.parts.narrowing
            places = {*lesion.levels, *lesion.regions}
            if earlier and any(lesion.statement.index < index and places & gone for index, gone in taken):
                lesion.assertion, lesion.evidence = Assertion.ELSEWHERE, ()


def _places_taken(statement: Statement) -> set[str]:
    """The levels and regions of the clause that takes something back."""
    return {
        place
        for clause in statement.clauses
        if any(
            "retracts" in event.values("speech") and event.assertion is Assertion.AFFIRMED for event in clause.events
        )
        for place in (*clause.levels, *(value for event in clause.of("region") for value in event.values("region")))
    }


def _cleared(lesions: Sequence[Lesion], known: Knowledge) -> None:
    """ "T4 fixation gone": what the author found there before, and has not found again, is past (policy A4)."""
    found: dict[tuple[Role, str, str], str] = {}
    gone: dict[tuple[Role, str, str], str] = {}
    for lesion in lesions:
        told = found if lesion.assertion is Assertion.AFFIRMED else gone if _is_gone(lesion) else None
        own = lesion.document.of_encounter and lesion.statement.sentence.section not in RETOLD
        if told is not None and own:
            for key in _keys(lesion, known):
                told[key] = max(told.get(key, ""), lesion.document.date)
    for lesion in lesions if gone else ():
        keys = _keys(lesion, known)
        current = lesion.assertion is Assertion.AFFIRMED and lesion.document.date and keys
        if current and all(found.get(key, "") < gone.get(key, "") for key in keys):
            lesion.assertion, lesion.evidence = Assertion.HISTORICAL, ()


def _is_gone(lesion: Lesion) -> bool:
    """Denied, or said to have passed; the name of what somebody was once seen for is neither."""
    return lesion.assertion is Assertion.NEGATED or (
        lesion.assertion is Assertion.HISTORICAL and any(map(_passed, lesion.statement.clauses))
    )


def _passed(clause: Clause) -> bool:
    """A lesion with the word behind it that it has passed."""
    lesions = clause.of("lesion")
    return bool(lesions) and any(
        "historical-after" in event.values("assertion") and event.start >= lesions[0].end for event in clause.events
    )


def _keys(lesion: Lesion, known: Knowledge) -> list[tuple[Role, str, str]]:
    """Whose finding it is, of what kind, and where: its levels, else its regions.  Lost motion is a dysfunction."""
    kind = known.parts.motion if lesion.kind == known.parts.motion_sign else lesion.kind
    return [(lesion.document.author, kind, place) for place in lesion.levels or sorted(lesion.regions)]


def _alike(lesion: Lesion) -> tuple[object, ...]:
    """What decides whether a lesion replaces another or is replaced."""
    addendum = lesion.statement.sentence.section == ADDENDUM
    return id(lesion.document), addendum, lesion.site, lesion.mechanisms, lesion.levels, lesion.regions


def _supersedes(new: Lesion, old: Lesion, made: Record) -> bool:
    if new.document.author is not old.document.author or not (new.regions & old.regions):
        return False
    differs = new.site != old.site or (new.mechanisms and old.mechanisms and not new.mechanisms & old.mechanisms)
    if not differs:
        return False
    if new.document is old.document:
        return new.statement.sentence.section == ADDENDUM and old.statement.sentence.section != ADDENDUM
    if not _later(new, old):
        return False
    same_level = not new.levels or not old.levels or overlap(new.levels, old.levels)
    return same_level and _denied_later(new.document, old, made)


def _later(new: Lesion, old: Lesion) -> bool:
    """Written on a later day, or on the same as an addendum."""
    if new.document.date == old.document.date:
        added = [lesion.statement.sentence.section == ADDENDUM for lesion in (new, old)]
        return bool(new.document.date) and added == [True, False]
    return bool(new.document.date) and new.document.date > old.document.date


def _reported_open(old: Lesion, made: Record) -> bool:
    """A newer report says that the site is open at that level, and not narrowed anywhere near."""
    if not old.imaging or not old.document.date:
        return False
    for text, bound in zip(made.texts, made.bounds, strict=True):
        newer = text.document.author is Role.RADIOLOGIST and text.document.date > old.document.date
        same = [
            claim
            for claim in bound.claims
            if claim.site == old.site and claim.assertion is Assertion.AFFIRMED and may_meet(claim.levels, old.levels)
        ]
        if newer and same and not any(claim.narrowed for claim in same):
            return True
    return False


def _denied_later(later: Document, old: Lesion, made: Record) -> bool:
    """Whether the later document says that the old site is normal, or that the old tissue is."""
    for text, bound in zip(made.texts, made.bounds, strict=True):
        if text.document is not later:
            continue
        for claim in bound.claims:
            if claim.site == old.site and not claim.narrowed and may_meet(claim.levels, old.levels):
                return True
        for statement in text.statements:
            denied = (event for event in statement.of("tissue") if event.assertion is Assertion.NEGATED)
            tissues = {value for event in denied for value in event.values("tissue")}
            if tissues & old.mechanisms and may_meet(statement.levels, old.levels):
                return True  # "bone plays no part in it"
        for statement, mention in bound.mentions:
            if (
                mention.value in old.mechanisms
                and mention.assertion is Assertion.NEGATED
                and may_meet(statement.levels, old.levels)
            ):
                return True
        if later.author is Role.RADIOLOGIST:
            return True
    return False
