"""The FHIR server that a hook call may reach, with what the operator allows."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.fhir import Fhir, Limits, connect
from cds_service.fhir_read import reference
from cds_service.hooks import Call
from cds_service.reasons import Reason
from cds_service.settings import Settings


def reach(call: Call, patient: str, options: Settings, servers: Iterable[str]) -> Fhir | Reason | None:
    """Access to the server that a call names; None where it names none, a reason where it is not to be asked.

    A token that is for another patient than the call is not used: the caller would read through us what it could not
    read itself (S13).

    Args:
        call: the hook call.
        patient: bare id of the patient it is about.
        options: the operator's settings.
        servers: base URLs that this caller may name.
    """
    if call.fhir_server and call.patient and patient and reference(call.patient).id != patient:
        return Reason.NOT_PERMITTED
    return connect(
        call.fhir_server,
        call.token,
        allowed=[*servers, *options.fhir_servers],
        networks=options.networks(),
        scope=call.scope,
        authorities=options.fhir_authorities,
        dev=options.dev,
        limits=Limits(options.fhir_call_ms / 1000, options.fhir_total_ms / 1000, depth=options.depth_limit),
    )
