"""HTTP -> consult -> HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import ip_address
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson
from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException

import cards
import knowledge
from cds_service import hooks, journal, settings
from cds_service.consult import addressed, answer
from cds_service.errors import RequestError, outcome
from cds_service.feedback import Feedback
from cds_service.services import Service, discovery, services
from knowledge.model import Gap

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
BOM = b"\xef\xbb\xbf"
#: What an HTTP error is called in an OperationOutcome (http://hl7.org/fhir/issue-type).
ISSUES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported", 401: "login"}


def create_app(options: settings.Settings | None = None, known: knowledge.Knowledge | None = None) -> Flask:
    """The service as a WSGI application; knowledge and services are read and checked here, once.

    Raises:
        SettingsError, KnowledgeError: the start is refused, with the variable or the file.
    """
    options = options or settings.read(os.environ)
    known = known or knowledge.load()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = options.body_limit
    app.wsgi_app = _plain_paths(app.wsgi_app)  # type: ignore[assignment,method-assign]
    _watch(app, options)
    _errors(app, known)
    _routes(app, options, known)
    journal.note("ready", {"knowledge": known.version, "services": len(services()), "open": options.open})
    return app


def _routes(app: Flask, options: settings.Settings, known: knowledge.Knowledge) -> None:
    feedback = app.extensions["feedback"] = Feedback()

    @app.get("/cds-services")
    def discover() -> Response:
        return _json(discovery())

    @app.post("/cds-services/<service_id>")
    def hook(service_id: str) -> Response:
        g.call = hooks.Call(_offered(service_id))
        g.call = call = hooks.read(g.call.service, _body())
        return _cards(answer(call, known, options).cards)

    @app.post("/cds-services/<service_id>/feedback")
    def hear(service_id: str) -> Response:
        return _json({"accepted": feedback.accept(_offered(service_id).id, _body())})

    @app.get("/healthz")
    def alive() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz")
    def ready() -> Response:
        return _json({"status": "ready", "knowledge": known.version})


def _errors(app: Flask, known: knowledge.Knowledge) -> None:
    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> Response:
        return _json(error.outcome(), error.status)

    @app.errorhandler(HTTPException)
    def unserved(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        reply = _json(outcome(ISSUES.get(status, "processing"), error.name), status)
        reply.headers.extend((name, text) for name, text in error.get_headers() if name == "Allow")
        return reply

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        """The one place where a fault of ours ends: for a hook call it is a card, never silence (S21).

        A client shows a 5xx to the clinician as "all clear".
        """
        journal.note("failed", journal.where(error), logging.ERROR)
        if "call" not in g:
            return _json(outcome("exception", "the service failed; its log says where"), 500)
        return _cards([cards.unavailable((Gap(g.call.service.id, "failed"),), addressed(g.call, known))])


def _watch(app: Flask, options: settings.Settings) -> None:
    """Around every call: who is admitted, which pages may read the answer, and one line of log."""

    @app.before_request
    def admit() -> None:
        g.began = perf_counter()
        if request.path.startswith("/cds-services") and request.method != "OPTIONS" and not _admitted(options):
            abort(HTTPStatus.UNAUTHORIZED)

    @app.after_request
    def close(reply: Response) -> Response:
        reply.headers["X-Content-Type-Options"] = "nosniff"
        reply.headers["Cache-Control"] = "no-store"
        _share(reply, options.allowed_origin(request.headers.get("Origin", "")))
        _log(reply)
        return reply


def _admitted(options: settings.Settings) -> bool:
    """Nobody is authenticated yet, so only this machine is answered, unless the operator opened the service."""
    forwarded = any(name in request.headers for name in FORWARDED)
    return options.open or (ip_address(request.remote_addr or "::").is_loopback and not forwarded)


def _share(reply: Response, origin: str) -> None:
    reply.vary.add("Origin")
    if origin:
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        reply.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"


def _log(reply: Response) -> None:
    facts: dict[str, object] = {"route": str(request.url_rule), "method": request.method, "status": reply.status_code}
    if call := g.get("call"):
        facts |= {"service": call.service.id, "instance": journal.identifier(call.instance)} | g.get("facts", {})
        if call.hook not in {"", call.service.hook}:
            facts["hook"] = journal.identifier(call.hook)
    journal.note("answered", facts | {"ms": round((perf_counter() - g.began) * 1000, 1)})


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
        return orjson.loads(data.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "structure", f"not JSON at line {error.lineno}, column {error.colno}") from None


def _cards(written: list[dict[str, Any]]) -> Response:
    g.facts = {"cards": [card["source"]["topic"]["code"] for card in written]}
    return _json({"cards": written})


def _json(body: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(body), status, mimetype="application/json")


def _plain_paths(app: WSGIApplication) -> WSGIApplication:
    """Route ``//`` and a trailing ``/`` like the plain path (Q1): a redirect would break a preflighted POST."""

    def plain(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = "/" + "/".join(filter(None, environ.get("PATH_INFO", "").split("/")))
        return app(environ, start)

    return plain
