"""A hook request -> a call whose shape is known.  What is of a wrong type is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.services import Service
from cds_service.shape import expect, optional, required

#: Members of the context that Foramen reads, whatever the hook.  One that is missing is absent data.
CONTEXT: Mapping[str, tuple[type, ...]] = {
    "patientId": (str,),
    "encounterId": (str,),
    "userId": (str,),
    "draftOrders": (dict, list),
    "selections": (list,),
    "conditions": (dict, list),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of a service: the request, its envelope checked, its FHIR untouched."""

    service: Service
    hook: str = ""  #: as the client says it; it need not be the service's own
    instance: str = ""  #: hookInstance
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    prefetch: Mapping[str, Any] = field(default_factory=dict, repr=False)
    fhir_server: str = ""
    token: str = field(default="", repr=False)
    scope: str = ""  #: what the token is good for
    patient: str = field(default="", repr=False)  #: whom the token is for


def read(service: Service, body: Any) -> Call:
    """Check the envelope of a hook request; everything unknown in it is left alone (Q2).

    Raises:
        RequestError: 400 with the place.
    """
    expect(body, (dict,), ())
    authorization = optional(body, "fhirAuthorization", (dict,)) or {}
    return Call(
        service=service,
        hook=required(body, "hook", (str,)),
        instance=required(body, "hookInstance", (str,)),
        context=_context(required(body, "context", (dict,))),
        prefetch=_prefetch(optional(body, "prefetch", (dict,)) or {}),
        fhir_server=optional(body, "fhirServer", (str,)) or "",
        token=_authorized(authorization, "access_token"),
        scope=_authorized(authorization, "scope"),
        patient=_authorized(authorization, "patient"),
    )


def _context(context: dict[str, Any]) -> dict[str, Any]:
    for member, kinds in CONTEXT.items():
        optional(context, member, kinds, ("context",))
    for position, selection in enumerate(context.get("selections") or ()):
        expect(selection, (str,), ("context", "selections", position))
    return {member: value for member, value in context.items() if value is not None}


def _prefetch(prefetch: dict[str, Any]) -> dict[str, Any]:
    """The prefetch as sent: a null is an answer, *known empty* (P3), and stays."""
    for key in prefetch:
        optional(prefetch, key, (dict, list), ("prefetch",))
    return prefetch


def _authorized(authorization: dict[str, Any], member: str) -> str:
    return optional(authorization, member, (str,), ("fhirAuthorization",)) or ""
