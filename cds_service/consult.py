"""The whole service, as one straight line: resources -> chart -> assessments -> cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any

import cards
from cds_service import chart, fhir, formats, hooks, prefetch
from cds_service.bounds import MORE_CODES, in_time
from cds_service.reach import reach
from cds_service.reasons import Reason
from cds_service.settings import Settings
from knowledge import Assessment, Knowledge, Reader, assess, reading
from knowledge.model import Chart, Gap

#: Where codes stand: what is missing there may be what was to be assessed.
CODED = ("conditions", "Condition/")
#: What must not look like silence: it was there, and something went wrong.  What a client never sends, or does not
#: permit, is told on a card only where there is one.
FAILED = frozenset(
    {
        Reason.OTHER_PATIENT,
        Reason.NOT_RETRIEVED,
        Reason.TIMED_OUT,
        Reason.MORE_PAGES,
        Reason.MALFORMED,
        Reason.NOT_DECODED,
        Reason.PROTECTED,
        Reason.TOO_LARGE,
        Reason.NO_TEXT_LAYER,
        Reason.PICTURED,
        Reason.NOT_FETCHED,
        Reason.NOT_TEXT,
    }
)


@dataclass(frozen=True, slots=True)
class Consultation:
    """What was read, how it was judged, and what is said of it."""

    chart: Chart = field(repr=False)
    assessments: tuple[Assessment, ...] = field(repr=False)
    cards: list[dict[str, Any]] = field(repr=False)


def consult(
    record: chart.Record,
    known: Knowledge,
    call: cards.Call,
    *,
    gaps: Iterable[Gap] = (),
    fetch: chart.Fetch | None = None,
    until: float = inf,
    reader: Reader = reading,
    opener: chart.Opener = formats.read,
) -> Consultation:
    """Resources in, cards out.

    Args:
        record: the FHIR resources, and what is asked of them.
        known: what they are held against.
        call: the call that the cards answer.
        gaps: what is already known to be missing.
        fetch: brings the bytes behind an attachment's address; None: such attachments become gaps.
        until: monotonic time at which no further document is opened or read; the rest become gaps.
        reader: reads the documents.
        opener: undoes the formats of attachments.
    """
    read = chart.read(record, known.category, gaps=gaps, fetch=fetch, until=until, opener=opener)
    read, reader = in_time(read, known, reader, until)
    assessed = assess(read, known, reader)
    written = [card for one in assessed for card in cards.write(one, chart.targets(record, one.code), call)]
    if not written and (unseen := tuple(_unseen(read, record.asked, assessed))):
        written.append(cards.unavailable(unseen, call))
    return Consultation(read, assessed, written)


def judged(record: chart.Record, known: Knowledge, opened: chart.Opened, reader: Reader) -> Consultation:
    """The same line up to the cards, which nobody is going to see; what was read of the patient before is not again."""
    read = chart.read(record, known.category, opened=opened)
    return Consultation(read, assess(read, known, reader), [])


def answer(
    call: hooks.Call,
    known: Knowledge,
    options: Settings,
    capabilities: Iterable[str] = (),
    servers: Iterable[str] = (),
    app: cards.App | None = None,
    reader: Reader = reading,
    opener: chart.Opener = formats.read,
) -> Consultation:
    """Consult on a hook call: with what it carries, and what its FHIR server adds.

    ``capabilities`` are the words that the client is registered with, ``servers`` the base URLs of the FHIR servers
    that it may name, ``app`` the SMART app that it launches from cards.  ``reader`` reads the
    documents, ``opener`` undoes the formats of attachments.

    Raises:
        RequestError: 412, where no code can be looked for.
    """
    service = call.service
    until = monotonic() + options.deadline_ms / 1000
    today = datetime.now().astimezone().date().isoformat()
    asked = prefetch.question(service.hook, call.context, created=service.assessed == "context", today=today)
    server = reach(call, asked.patient, options, servers)
    with server if isinstance(server, fhir.Fhir) else nullcontext():
        gathered = prefetch.gather(
            call.prefetch, call.context, asked, templates=service.prefetch, required=service.required, fhir=server
        )
        return consult(
            chart.Record(gathered.resources, asked, gathered.places),
            known,
            addressed(call, known, options, capabilities, app),
            gaps=gathered.gaps,
            fetch=server.binary if isinstance(server, fhir.Fhir) else None,
            until=until,
            reader=reader,
            opener=opener,
        )


def addressed(
    call: hooks.Call,
    known: Knowledge,
    options: Settings,
    capabilities: Iterable[str] = (),
    app: cards.App | None = None,
) -> cards.Call:
    """The hook call as the wording needs it."""
    return cards.Call(
        call.instance,
        known.codes,
        known.version,
        informative=call.service.informative,
        options=options.query_codes,
        explain_url=options.rules_url(),
        user=call.context.get("userId", ""),
        app=app,
        applies=cards.capabilities(capabilities),
    )


def _unseen(read: Chart, asked: chart.Question, assessed: Sequence[Assessment]) -> Iterator[Gap]:
    """Where there is no card: the gaps because of which that may not mean that all is well.

    Records of another patient, whatever else was judged: someone's records are mixed up (S13).  More codes than are
    assessed.  What failed on its way or could not be opened (S21).  Where nothing was assessed, also the gaps in
    which a chosen code may stand; a view of the chart outside an encounter has no code to look for, and an order that
    names its own reason leaves nothing to look for elsewhere.
    """
    yield from (gap for gap in read.gaps if gap.reason in FAILED or gap == MORE_CODES)
    nothing_asked = asked.created or (asked.hook == "patient-view" and not asked.encounter)
    if not assessed and not nothing_asked and not any(order.reasons for order in read.orders):
        yield from (gap for gap in read.gaps if gap.source.startswith(CODED) and gap.reason not in FAILED)
