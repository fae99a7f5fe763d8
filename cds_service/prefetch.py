"""Hook request -> what is asked, and the FHIR resources at hand: those sent, and those fetched for absent keys.

A prefetch value is in one of four states (P9): data, known empty (``null`` or a Bundle without entries), absent, or
failed (an OperationOutcome in its place).  What is read is decided by ``resourceType``, whatever the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cds_service.errors import RequestError
from cds_service.fhir import Fhir, Found, failed, next_page
from cds_service.fhir_read import Reference, Resource, reference, references, string, strings, unbundled
from cds_service.queries import is_id, kind, queries, wants
from cds_service.reasons import Reason
from cds_service.record import Question, encounters
from knowledge.model import Gap

#: Nothing of it is read: its absence is no gap, and it is not fetched.
UNREAD = frozenset({"Patient"})
#: What may count whatever encounter it was made in (imaging, past care: A7): the patient's latest are asked for too.
ACROSS = frozenset({"DiagnosticReport", "DocumentReference", "Procedure"})
#: Conditions that orders or the Encounter name and that did not come with the rest.
MOST_REFERENCES = 20


class State(StrEnum):
    """What became of a prefetch key."""

    DATA = "data"
    EMPTY = "empty"
    ABSENT = "absent"
    FAILED = "failed"


SETTLED = frozenset({State.DATA, State.EMPTY})


@dataclass(slots=True)
class Gathered:
    """Everything at hand for one call."""

    resources: list[Resource] = field(default_factory=list, repr=False)
    places: list[str] = field(default_factory=list)  #: where each of them stood
    gaps: list[Gap] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)

    def take(self, placed: Iterable[tuple[Resource, str]]) -> None:
        for resource, place in placed:
            self.resources.append(resource)
            self.places.append(place)

    def types(self) -> set[str]:
        return {string(resource, "resourceType") for resource in self.resources}


def question(hook: str, context: Mapping[str, Any], *, created: bool, today: str) -> Question:
    """What a call asks of the chart.  ``created``: the Conditions of the context are what is assessed."""
    selections = context.get("selections")
    return Question(
        hook=hook,
        patient=_id(context, "patientId"),
        encounter=_id(context, "encounterId"),
        orders=tuple(order for order, _ in unbundled(context.get("draftOrders"), "")),
        selections=None if selections is None else frozenset(map(reference, strings(selections, ""))),
        conditions=tuple(one for one, _ in unbundled(context.get("conditions"), "") if _is_condition(one)),
        created=created,
        today=today,
    )


def received(prefetch: Mapping[str, Any], templates: Mapping[str, str]) -> Gathered:
    """The resources a request carries, and the state of every key that was asked for."""
    gathered = Gathered(states={key: State.ABSENT for key in templates if key not in prefetch})
    for key, value in prefetch.items():
        placed = unbundled(value, f"prefetch.{key}")
        resources = [(one, place) for one, place in placed if one["resourceType"] != "OperationOutcome"]
        gathered.take(resources)
        gathered.states[key] = _state(value, resources, templates.get(key, ""))
    return gathered


def _state(value: Any, placed: Sequence[tuple[Resource, str]], template: str) -> State:
    if failed(value) or (value is not None and not isinstance(value, dict | list)):
        return State.FAILED
    if placed and not _as_asked(placed, template):
        return State.FAILED
    return State.DATA if placed else State.EMPTY


def _as_asked(placed: Iterable[tuple[Resource, str]], template: str) -> bool:
    """Whether what came under a key is what its query asks for (P7); a key of the client's own asks for nothing."""
    return not template or any(one["resourceType"] == kind(template) for one, _ in placed)


def gather(
    prefetch: Mapping[str, Any],
    context: Mapping[str, Any],
    asked: Question,
    *,
    templates: Mapping[str, str],
    required: Sequence[str],
    fhir: Fhir | Reason | None,
) -> Gathered:
    """The resources at hand for a call, with every gap named.

    Args:
        prefetch: of the request.
        context: of the request.
        asked: what ``question`` made of the context.
        templates: the service's queries; a patient-keyed one whose key begins like an encounter-keyed one's stands in
            for it.
        required: names of which one must be known: prefetch keys, or ``context.<member>``.
        fhir: the server to ask for absent keys; a reason: it is not to be asked; None: there is none.

    Raises:
        RequestError: 412, when no code can be looked for and there is no server to ask.
    """
    gathered = received(prefetch, templates)
    if isinstance(fhir, Fhir):
        _complete(gathered, prefetch, asked, templates, fhir)
    else:
        _name_gaps(gathered, prefetch, templates, fhir)
    if not isinstance(fhir, Fhir) and not _known(gathered, context, asked, templates, required):
        raise RequestError(412, "required", f"one of these is needed: {', '.join(required)}")
    return gathered


# --- with a server ------------------------------------------------------------------------------------


def _complete(
    gathered: Gathered, prefetch: Mapping[str, Any], asked: Question, templates: Mapping[str, str], fhir: Fhir
) -> None:
    """Fetch what is absent or failed, further pages, and Conditions that are only referred to."""
    for key, value in prefetch.items():
        if link := next_page(value):
            _add(gathered, key, fhir.follow(link, f"prefetch.{key}.next"))
    named = _real(gathered, list(dict.fromkeys([*filter(None, [asked.encounter]), *_of_orders(asked)])))
    for group in wants(templates):
        wanted = kind(templates[group[0]])
        if wanted not in UNREAD and not any(gathered.states[key] in SETTLED for key in group):
            _fetch(gathered, group[0], queries(group, templates, asked.patient, named), fhir)
            named = _real(gathered, named)
        if wanted in ACROSS and any(gathered.states[key] in SETTLED for key in group):
            for key, query in queries(group[1:], templates, asked.patient, []):
                if gathered.states[key] not in SETTLED:
                    _add(gathered, key, fhir.search(query, f"fhirServer.{key}", pages=1))
    for target in _missing(gathered, asked):
        gathered.take(fhir.search(f"Condition/{target.id}", "fhirServer.reasons").resources)


def _fetch(gathered: Gathered, name: str, queries: Iterable[tuple[str, str]], fhir: Fhir) -> None:
    """The first query that the server answers settles the group."""
    reason = Reason.NOT_RECEIVED
    for key, query in queries:
        found = fhir.search(query, f"fhirServer.{key}")
        if found.resources or not found.reason:
            _add(gathered, key, found)
            return
        reason = found.reason
    gathered.gaps.append(Gap(name, reason))


def _add(gathered: Gathered, key: str, found: Found) -> None:
    gathered.take(found.resources)
    if found.resources or not found.reason:
        held = found.resources or gathered.states.get(key) is State.DATA
        gathered.states[key] = State.DATA if held else State.EMPTY
    if found.reason:
        gathered.gaps.append(Gap(key, found.reason))


def _real(gathered: Gathered, named: list[str]) -> list[str]:
    """Of several encounters that the call names, the one that exists (Q9)."""
    present = {string(one, "id") for one in gathered.resources if one.get("resourceType") == "Encounter"}
    return [one for one in named if one in present] or named


def _missing(gathered: Gathered, asked: Question) -> list[Reference]:
    """Conditions that the draft orders or the Encounter name and that are not at hand."""
    holders = [*asked.orders, *(one for one in gathered.resources if one.get("resourceType") == "Encounter")]
    named = dict.fromkeys(
        target for holder in holders for target in references(holder, "reasonReference", "diagnosis.condition")
    )
    have = {string(one, "id") for one in gathered.resources if _is_condition(one)}
    lacking = [target for target in named if target.type == "Condition" and target.id not in have]
    return [target for target in lacking if is_id(target.id)][:MOST_REFERENCES]


# --- without one --------------------------------------------------------------------------------------


def _name_gaps(
    gathered: Gathered, prefetch: Mapping[str, Any], templates: Mapping[str, str], refused: Reason | None
) -> None:
    """Name what was asked for and is not there; what came under a key of the client's own is there."""
    strange = {
        string(one, "resourceType")
        for key, value in prefetch.items()
        if key not in templates
        for one, _ in unbundled(value, "")
    }
    for group in wants(templates):
        states = {gathered.states[key] for key in group}
        if states & SETTLED or kind(templates[group[0]]) in UNREAD | strange:
            continue
        reason = Reason.NOT_RETRIEVED if State.FAILED in states else refused or Reason.NOT_RECEIVED
        gathered.gaps.append(Gap(group[0], reason))
    gathered.gaps += [Gap(key, Reason.MORE_PAGES) for key, value in prefetch.items() if next_page(value)]


def _known(
    gathered: Gathered,
    context: Mapping[str, Any],
    asked: Question,
    templates: Mapping[str, str],
    required: Sequence[str],
) -> bool:
    """Whether a code can be looked for: known empty is known, and a view without an encounter has none to look for."""
    if asked.hook == "patient-view" and not asked.encounter:
        return True
    held = {f"context.{member}" for member, value in context.items() if value is not None}
    held |= {key for key, state in gathered.states.items() if state in SETTLED}
    types = gathered.types()
    return any(name in held or kind(templates.get(name, "")) in types for name in required)


def _of_orders(asked: Question) -> list[str]:
    return [mine for order in asked.orders for mine in encounters(order)]


def _id(context: Mapping[str, Any], member: str) -> str:
    """A bare id, also where a client sends ``Patient/123`` (Q7)."""
    return reference(string(context, member)).id


def _is_condition(resource: Resource) -> bool:
    return resource.get("resourceType") == "Condition"
