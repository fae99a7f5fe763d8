"""HTTP -> consult -> HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson
from flask import Flask, Response, abort, current_app, g, request
from werkzeug.exceptions import HTTPException, TooManyRequests

import cards
import knowledge
from cds_service import hooks, journal, settings, showing
from cds_service.access import Access, AccessError
from cds_service.advice import counted
from cds_service.consult import addressed, answer
from cds_service.errors import RequestError, outcome
from cds_service.kept import Kept, keep
from cds_service.metrics import TYPE as METRICS_TYPE
from cds_service.metrics import Metrics
from cds_service.pages import Pages
from cds_service.rates import Rates
from cds_service.services import Service, discovery, services
from cds_service.shape import deeper
from cds_service.store import Unavailable
from knowledge.model import Gap

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
BOM = b"\xef\xbb\xbf"
#: What an HTTP error is called in an OperationOutcome (http://hl7.org/fhir/issue-type).
ISSUES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported", 401: "login", 429: "throttled"}
#: What the card of a fault is counted as.
UNAVAILABLE = "check-unavailable"
#: Headers of an HTTP error that a caller needs.
TOLD = frozenset({"Allow", "Retry-After"})
#: What a browser may do with an answer: read it as what it is, keep nothing, run nothing, frame nothing.
GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}


def create_app(options: settings.Settings | None = None, known: knowledge.Knowledge | None = None) -> Flask:
    """The service as a WSGI application; knowledge and services are read and checked here, once.

    Raises:
        SettingsError, KnowledgeError: the start is refused, with the variable or the file.
    """
    options = options or settings.read(os.environ)
    options.rules_url()
    known = known or knowledge.load()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = options.body_limit
    app.config["DEPTH_LIMIT"] = options.depth_limit
    kept = app.extensions["kept"] = keep(options, known.version)
    app.wsgi_app = _plain_paths(app.wsgi_app)  # type: ignore[assignment,method-assign]
    access = Access(options)
    showing.check((client.showing for client in access.clients), options, known)
    _watch(app, options, access)
    _errors(app, options, known)
    _routes(app, options, known, kept)
    app.register_blueprint(Pages(known).blueprint())
    journal.note("ready", {"knowledge": known.version, "services": len(services()), "open": options.open})
    return app


def _routes(app: Flask, options: settings.Settings, known: knowledge.Knowledge, kept: Kept) -> None:
    @app.get("/cds-services")
    def discover() -> Response:
        return _json(discovery())

    @app.post("/cds-services/<service_id>")
    def hook(service_id: str) -> Response:
        g.call = hooks.Call(_offered(service_id))
        g.call = call = hooks.read(g.call.service, _body())
        given = answer(call, known, options, _capabilities(), _servers())
        return _cards(*kept.advice.shown(call, _caller(), given, known.version, _showing(call, options)))

    @app.post("/cds-services/<service_id>/feedback")
    def hear(service_id: str) -> Response:
        return _json({"accepted": kept.feedback.accept(_offered(service_id).id, _caller(), _body())})

    @app.get("/healthz")
    def alive() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz")
    def ready() -> Response:
        kept.store.ready()
        return _json({"status": "ready", "knowledge": known.version, "database": kept.store.kind})

    @app.get("/metrics")
    def measure() -> Response:
        return Response(kept.metrics.exposed(), content_type=METRICS_TYPE)


def _errors(app: Flask, options: settings.Settings, known: knowledge.Knowledge) -> None:
    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> Response:
        return _json(error.outcome(), error.status)

    @app.errorhandler(Unavailable)
    def unkept(error: Unavailable) -> Response:
        """Feedback that could not be kept is never acknowledged."""
        app.extensions["kept"].unavailable("feedback" if "service_id" in (request.view_args or {}) else "ready", error)
        return _json(outcome("transient", "the database cannot be used now"), HTTPStatus.SERVICE_UNAVAILABLE)

    @app.errorhandler(HTTPException)
    def unserved(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        reply = _json(outcome(ISSUES.get(status, "processing"), error.name), status)
        reply.headers.extend((name, text) for name, text in error.get_headers() if name in TOLD)
        if status == HTTPStatus.UNAUTHORIZED:
            reply.headers["WWW-Authenticate"] = "Bearer"
        return reply

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        """The one place where a fault of ours ends: for a hook call it is a card, never silence (S21).

        A client shows a 5xx to the clinician as "all clear".
        """
        journal.note("failed", journal.where(error), logging.ERROR)
        if "call" not in g:
            return _json(outcome("exception", "the service failed; its log says where"), 500)
        if _showing(g.call, options).shadow:
            app.extensions["kept"].metrics.advised([(UNAVAILABLE, "shadow")])
            return _cards([], {"shadow": 1})
        return _cards([cards.unavailable((Gap(g.call.service.id, "failed"),), addressed(g.call, known, options))])


def _watch(app: Flask, options: settings.Settings, access: Access) -> None:
    """Around every call: who is admitted, which pages may read the answer, and one line of log."""
    rates = Rates(options.rate_limit)

    @app.before_request
    def admit() -> None:
        g.began = perf_counter()
        if request.path.startswith("/cds-services") and request.method != "OPTIONS":
            _admit(access)
            _hold_back(rates)

    @app.after_request
    def close(reply: Response) -> Response:
        for name, value in GUARDED.items():
            reply.headers.setdefault(name, value)
        _share(reply, options.allowed_origin(request.headers.get("Origin", "")))
        _log(reply)
        _count(app.extensions["kept"].metrics, reply)
        return reply


def _admit(access: Access) -> None:
    """Let the caller in, as ``g.client`` where it is a registered one; who is refused is told nothing (S6)."""
    try:
        caller = access.caller(request.headers.get("Authorization"), request.path, near=_near())
    except AccessError as refusal:
        g.who = {"refused": refusal.reason} | ({"client": refusal.iss} if refusal.iss else {})
        abort(HTTPStatus.UNAUTHORIZED)
    g.client, g.who = caller.client, caller.facts()


def _hold_back(rates: Rates) -> None:
    """Refuse a client that calls too often (S19); whoever is no registered one counts by address."""
    client = g.get("client")
    if seconds := rates.wait(client.iss if client else f"address {request.remote_addr}"):
        raise TooManyRequests(retry_after=seconds)


def _near() -> bool:
    """Whether the call comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _share(reply: Response, origin: str) -> None:
    reply.vary.add("Origin")
    if origin:
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        reply.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"


def _log(reply: Response) -> None:
    facts: dict[str, object] = {"route": str(request.url_rule), "method": request.method, "status": reply.status_code}
    facts |= g.get("who", {})
    if call := g.get("call"):
        facts |= {"service": call.service.id, "instance": journal.identifier(call.instance)} | g.get("facts", {})
        if call.hook not in {"", call.service.hook}:
            facts["hook"] = journal.identifier(call.hook)
    journal.note("answered", facts | {"ms": round((perf_counter() - g.began) * 1000, 1)})


def _count(metrics: Metrics, reply: Response) -> None:
    """The call by its route and, where it is one of ours, its service: never a word of the caller's."""
    service = services().get((request.view_args or {}).get("service_id", ""))
    hook = request.endpoint == "hook" and request.method == "POST"
    metrics.called(
        str(request.url_rule), service.id if service else "", reply.status_code, perf_counter() - g.began, hook=hook
    )


def _offered(service_id: str) -> Service:
    return services().get(service_id) or abort(HTTPStatus.NOT_FOUND)


def _body() -> Any:
    """The JSON of the request, whatever charset its type names: JSON is UTF-8.

    Raises:
        RequestError: 415 or 400.
        RequestEntityTooLarge: 413.
    """
    if not request.is_json or request.headers.get("Content-Encoding", "identity") != "identity":
        raise RequestError(415, "not-supported", "send application/json, not compressed")
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) >= (request.max_content_length or 0):
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # a chunked body is cut at the limit without a word
    try:
        body = orjson.loads(data.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "structure", f"not JSON at line {error.lineno}, column {error.colno}") from None
    if deeper(body, limit := current_app.config["DEPTH_LIMIT"]):
        raise RequestError(400, "too-costly", f"nested deeper than {limit} levels")
    return body


def _cards(written: list[dict[str, Any]], left_out: Mapping[str, int] = {}) -> Response:
    """The answer to a hook call.  Advice left out is told to machines: no card must mean one thing only."""
    unseen = counted(left_out)
    g.facts = {"cards": [card["source"]["topic"]["code"] for card in written], "suppressed": unseen["cards"]}
    g.facts |= {name: why for name, why in unseen.items() if name != "cards"}
    told = {"extension": {"org.foramen.suppressed": unseen}} if unseen["cards"] else {}
    applied = cards.capabilities(_capabilities())
    wanted: dict[str, Any] = {"systemActions": []} if "empty-system-actions" in applied else {}
    return _json({"cards": written, **wanted, **told})


def _showing(call: hooks.Call, options: settings.Settings) -> showing.Showing:
    """What the client that calls is shown on this hook."""
    client = g.get("client")
    return showing.chosen(client.showing if client else {}, call.service.hook, options)


def _servers() -> tuple[str, ...]:
    """The FHIR servers that the client that calls was registered with."""
    client = g.get("client")
    return client.fhir_servers if client else ()


def _capabilities() -> frozenset[str]:
    """What the operator registered of the client that calls; nothing of one that is not registered."""
    client = g.get("client")
    return client.capabilities if client else frozenset()


def _caller() -> str:
    """The client and its tenant, as what it tells of its patients is kept apart from that of others."""
    who = g.get("who", {})
    return " ".join(filter(None, (who.get("client"), who.get("tenant"))))


def _json(body: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(body), status, mimetype="application/json")


def _plain_paths(app: WSGIApplication) -> WSGIApplication:
    """Route ``//`` and a trailing ``/`` like the plain path (Q1): a redirect would break a preflighted POST."""

    def plain(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = "/" + "/".join(filter(None, environ.get("PATH_INFO", "").split("/")))
        return app(environ, start)

    return plain
