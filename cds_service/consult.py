"""The whole service, as one straight line: resources -> chart -> assessments -> cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import cards
from cds_service import chart, fhir, hooks, prefetch
from cds_service.settings import Settings
from knowledge import Assessment, Knowledge, assess
from knowledge.model import Chart, Gap

#: Where codes stand: what is missing there may be what was to be assessed.
CODED = ("conditions", "Condition/")


@dataclass(frozen=True, slots=True)
class Consultation:
    """What was read, how it was judged, and what is said of it."""

    chart: Chart = field(repr=False)
    assessments: tuple[Assessment, ...] = field(repr=False)
    cards: list[dict[str, Any]] = field(repr=False)


def consult(
    resources: Sequence[chart.Resource],
    asked: chart.Question,
    known: Knowledge,
    call: cards.Call,
    *,
    places: Sequence[str] = (),
    gaps: Iterable[Gap] = (),
    fetch: chart.Fetch | None = None,
) -> Consultation:
    """Resources in, cards out.  The arguments are those of ``chart.read``, and the call that the cards answer."""
    read = chart.read(resources, asked, known.category, places=places, gaps=gaps, fetch=fetch)
    assessed = assess(read, known)
    written = [card for one in assessed for card in cards.write(one, chart.targets(resources, asked, one.code), call)]
    if not assessed and (unseen := tuple(_unseen(read, asked))):
        written.append(cards.unavailable(unseen, call))
    return Consultation(read, assessed, written)


def answer(call: hooks.Call, known: Knowledge, options: Settings) -> Consultation:
    """Consult on a hook call: with what it carries, and what its FHIR server adds.

    Raises:
        RequestError: 412, where no code can be looked for.
    """
    service = call.service
    today = datetime.now().astimezone().date().isoformat()
    asked = prefetch.question(service.hook, call.context, created=service.assessed == "context", today=today)
    server = fhir.connect(call.fhir_server, call.token, dev=options.dev)
    with server if isinstance(server, fhir.Fhir) else nullcontext():
        gathered = prefetch.gather(
            call.prefetch, call.context, asked, templates=service.prefetch, required=service.required, fhir=server
        )
        return consult(
            gathered.resources,
            asked,
            known,
            addressed(call, known),
            places=gathered.places,
            gaps=gathered.gaps,
            fetch=server.binary if isinstance(server, fhir.Fhir) else None,
        )


def addressed(call: hooks.Call, known: Knowledge) -> cards.Call:
    """The hook call as the wording needs it."""
    return cards.Call(call.instance, known.codes, known.version, informative=call.service.informative)


def _unseen(read: Chart, asked: chart.Question) -> Iterator[Gap]:
    """Where nothing was assessed: the gaps in which a chosen code may stand.

    A view of the chart outside an encounter has no code to look for, and an order that names its own reason leaves
    nothing to look for elsewhere.
    """
    nothing_asked = asked.created or (asked.hook == "patient-view" and not asked.encounter)
    if not nothing_asked and not any(order.reasons for order in read.orders):
        yield from (gap for gap in read.gaps if gap.source.startswith(CODED))
