"""FHIR -> chart.  FHIR stops here.

A ``Record`` holds the resources of one patient as plain JSON, in any order, and what is asked of them.  ``read`` tells
what the encounter holds, which codes were chosen, and what could not be read; ``targets`` gives back the client's own
JSON that carries a chosen code, for whoever writes a suggestion.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date as day_of
from datetime import timedelta
from math import inf

from cds_service import coded, conditions, formats, narrative
from cds_service.attachments import Fetch, Opener
from cds_service.bounds import assessable, readable
from cds_service.conditions import Targets
from cds_service.documents import documents
from cds_service.fhir_read import Resource, day
from cds_service.narrative import Opened
from cds_service.reasons import Reason
from cds_service.record import Question, Record, authored
from knowledge.model import Chart, Diagnosis, Document, Gap, Procedure

#: Before an encounter: a note that is older was written in another one, whatever it is filed under.
OLD = timedelta(days=180)

__all__ = ["Fetch", "Opened", "Opener", "Question", "Reason", "Record", "Resource", "Targets", "read", "targets"]


def read(
    record: Record,
    category: str,
    *,
    gaps: Iterable[Gap] = (),
    fetch: Fetch | None = None,
    until: float = inf,
    opened: Opened | None = None,
    opener: Opener = formats.read,
) -> Chart:
    """The chart of one encounter.

    Args:
        record: the resources of the patient, and what is asked of them; nothing in them raises.
        category: the characters that the codes to assess begin with.
        gaps: what is already known to be missing.
        fetch: brings the bytes behind an attachment's address; None: such attachments become gaps.
        until: monotonic time at which no further document is opened; the rest become gaps.
        opener: undoes the format of an attachment.
        opened: what documents of this patient were found to say in an earlier chart.
    """
    start, end, date = _dates(record)
    chosen, uncounted = assessable(conditions.chosen(record, category))
    texts, unread = narrative.documents(
        record, documents(), fetch, later=date, earlier=_long_before(start), until=until, opened=opened, opener=opener
    )
    said = [*texts, *conditions.documents(record, chosen), *coded.observations(record, later=date)]
    said, beyond = readable(said)
    return Chart(
        date=date,
        chosen=chosen,
        inpatient=_inpatient(record),
        start=start,
        end=end,
        documents=tuple(sorted(said, key=_order)),
        diagnoses=tuple(sorted(conditions.diagnoses(record), key=_order)),
        procedures=tuple(sorted(coded.procedures(record), key=_order)),
        orders=tuple(coded.orders(record)),
        gaps=tuple(dict.fromkeys([*gaps, *record.gaps, *unread, *beyond, *uncounted, *conditions.gaps(record)])),
    )


def targets(record: Record, code: str) -> Targets:
    """The orders and Conditions that carry a chosen code, as the client sent them."""
    return conditions.targets(record, code)


def _dates(record: Record) -> tuple[str, str, str]:
    """First and last day of the encounter, and the date of service (policy, *Inputs*).

    A stay without an end still lasts.
    """
    asked = record.asked
    start, end = day(record.visit, "period.start"), day(record.visit, "period.end")
    inpatient = _inpatient(record)
    ordered = authored([*conditions.signed(record), *conditions.standing(record)])
    date = (end if inpatient else "") or start or ordered or asked.today
    return start or date, end or (asked.today if inpatient else "") or date, date


def _long_before(start: str) -> str:
    """The day before which a note is none of the encounter; empty where its beginning is not known."""
    try:
        return (day_of.fromisoformat(start) - OLD).isoformat()
    except ValueError:
        return ""


def _inpatient(record: Record) -> bool:
    return bool(record.inpatient_classes & documents().inpatient)


def _order(stated: Document | Diagnosis | Procedure) -> tuple[str, str]:
    """By date, so that the order in which resources come changes nothing."""
    return stated.date, stated.source
