"""Around every call: who is admitted, which pages may read the answer, one line of log, and the counts."""

from __future__ import annotations

from http import HTTPStatus
from time import perf_counter

from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import TooManyRequests

from cds_service import journal
from cds_service.access import Access, AccessError
from cds_service.metrics import Metrics
from cds_service.operators import CALLER, Operators
from cds_service.rates import Rates
from cds_service.services import services
from cds_service.settings import Settings
from cds_service.wire import near

#: What a browser may do with an answer: read it as what it is, keep nothing, run nothing, frame nothing.
GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}


def watch(app: Flask, options: Settings, access: Access) -> None:
    """Stand before and behind every call of the application."""
    rates = Rates(options.rate_limit)

    @app.before_request
    def admit() -> None:
        g.began = perf_counter()
        if request.path.startswith("/cds-services") and request.method != "OPTIONS":
            _admit(access, app.extensions["operators"])
            _hold_back(rates)

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        if turns := g.pop("turns", None):
            turns.give()

    @app.after_request
    def close(reply: Response) -> Response:
        for name, value in GUARDED.items():
            reply.headers.setdefault(name, value)
        _share(reply, options.allowed_origin(request.headers.get("Origin", "")))
        _log(reply)
        _count(app.extensions["kept"].metrics, reply)
        return reply


def _admit(access: Access, door: Operators) -> None:
    """Let the caller in, as ``g.client`` where it is a registered one; who is refused is told nothing (S6).

    An operator's session is a caller too, who is no client: it may name no FHIR server of one, and sets aside no advice
    that one was given.
    """
    if "Authorization" not in request.headers and door.proven():
        g.client, g.who = None, {"client": CALLER}
        return
    try:
        caller = access.caller(request.headers.get("Authorization"), request.path, near=near())
    except AccessError as refusal:
        g.who = {"refused": refusal.reason} | ({"client": refusal.iss} if refusal.iss else {})
        abort(HTTPStatus.UNAUTHORIZED)
    g.client, g.who = caller.client, caller.facts()


def _hold_back(rates: Rates) -> None:
    """Refuse a client that calls too often (S19); whoever is no registered one counts by address."""
    client = g.get("client")
    if seconds := rates.wait(client.iss if client else f"address {request.remote_addr}"):
        raise TooManyRequests(retry_after=seconds)


def _share(reply: Response, origin: str) -> None:
    reply.vary.add("Origin")
    if origin:
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        reply.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"


def _log(reply: Response) -> None:
    facts: dict[str, object] = {"route": str(request.url_rule), "method": request.method, "status": reply.status_code}
    facts |= g.get("who", {}) | ({"service": service} if (service := _service()) else {})
    if call := g.get("call"):
        facts |= {"instance": journal.identifier(call.instance)} | g.get("facts", {})
        if call.hook not in {"", call.service.hook}:
            facts["hook"] = journal.identifier(call.hook)
    journal.note("answered", facts | {"ms": round((perf_counter() - g.began) * 1000, 1)})


def _count(metrics: Metrics, reply: Response) -> None:
    """The call by its route and its service: never a word of the caller's."""
    hook = request.endpoint == "hook" and reply.status_code == HTTPStatus.OK  # refusals are quick, and flatter it
    metrics.called(str(request.url_rule), _service(), reply.status_code, perf_counter() - g.began, hook=hook)


def _service() -> str:
    """The service that is called, if it is one of ours."""
    service = services().get((request.view_args or {}).get("service_id", ""))
    return service.id if service else ""
