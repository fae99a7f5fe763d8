"""HTTP -> consult -> HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import cards
import knowledge
from cds_service import hooks, journal, operators, settings, showing
from cds_service.access import Access
from cds_service.advice import counted
from cds_service.consult import addressed, answer
from cds_service.errors import RequestError, outcome
from cds_service.kept import Kept, State, keep
from cds_service.metrics import TYPE as METRICS_TYPE
from cds_service.pages import Pages
from cds_service.pages.site import shown
from cds_service.pseudonyms import caller
from cds_service.readings import Readings
from cds_service.services import Service, discovery, services
from cds_service.store import Unavailable
from cds_service.turns import BusyError, Turns
from cds_service.watch import watch
from cds_service.wire import as_json, json_body, plain_paths
from knowledge.model import Gap

MEGABYTE = 1_000_000
#: What an HTTP error is called in an OperationOutcome (http://hl7.org/fhir/issue-type).
ISSUES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported", 401: "login", 429: "throttled"}
#: What the card of a fault is counted as.
UNAVAILABLE = "check-unavailable"
#: What an answer may be; the first where a caller does not mind.  People's browsers do.
READABLE = ("application/json", "text/html")
#: Headers of an HTTP error that a caller needs.
TOLD = frozenset({"Allow", "Retry-After"})


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
    app.extensions["readings"] = Readings(options.readings_mb * MEGABYTE)
    app.extensions["turns"] = Turns(options.threads)
    app.wsgi_app = plain_paths(app.wsgi_app)  # type: ignore[assignment,method-assign]
    if options.proxies:
        # The address of the client as the proxies tell it; the host and the path they called are of no use here.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=options.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    access = app.extensions["access"] = Access(options, kept.store, lambda: kept.metrics.unavailable("replay"))
    operators.keep(app, options)
    app.extensions["knowledge"] = known.version
    showing.check((client.showing for client in access.clients), options, known)
    watch(app, options, access)
    _errors(app, options, known)
    _routes(app, options, known, kept)
    Pages(known, options, kept).register(app)
    journal.note("ready", {"knowledge": known.version, "services": len(services()), "open": options.open})
    return app


def _routes(app: Flask, options: settings.Settings, known: knowledge.Knowledge, kept: Kept) -> None:
    @app.get("/cds-services")
    def discover() -> Response:
        return as_json(discovery())

    @app.post("/cds-services/<service_id>")
    def hook(service_id: str) -> Response:
        g.call = hooks.Call(_offered(service_id))
        g.call = call = hooks.read(g.call.service, json_body())
        readings = app.extensions["readings"]
        given = answer(call, known, options, _capabilities(), _servers(), _app(), readings, readings.opened)
        return _cards(*kept.advice.shown(call, _caller(), given, known.version, _showing(call, options)))

    @app.post("/cds-services/<service_id>/feedback")
    def hear(service_id: str) -> Response:
        return as_json({"accepted": kept.feedback.accept(_offered(service_id).id, _caller(), json_body())})

    @app.get("/healthz")
    def alive() -> Response:
        return as_json({"status": "ok"})

    @app.get("/readyz")
    def ready() -> Response:
        state = kept.readiness()
        told = {"status": state, "knowledge": known.version, "database": kept.store.kind}
        return as_json(told, HTTPStatus.SERVICE_UNAVAILABLE if state is State.STARTING else HTTPStatus.OK)

    @app.get("/metrics")
    def measure() -> Response:
        return Response(kept.metrics.exposed(), content_type=METRICS_TYPE)


def _errors(app: Flask, options: settings.Settings, known: knowledge.Knowledge) -> None:
    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> Response:
        return as_json(error.outcome(), error.status)

    @app.errorhandler(Unavailable)
    def unkept(error: Unavailable) -> Response:
        """Feedback that could not be kept is never acknowledged."""
        app.extensions["kept"].unavailable("feedback", error)
        return as_json(outcome("transient", "the database cannot be used now"), HTTPStatus.SERVICE_UNAVAILABLE)

    @app.errorhandler(HTTPException)
    def unserved(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if status == HTTPStatus.NOT_FOUND and request.accept_mimetypes.best_match(READABLE) == "text/html":
            return shown("missing.html", status)
        reply = as_json(outcome(ISSUES.get(status, "processing"), error.name), status)
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
        if "call" not in g and isinstance(error, BusyError):
            return as_json(outcome("throttled", "too many calls at once"), HTTPStatus.SERVICE_UNAVAILABLE)
        if "call" not in g:
            return as_json(outcome("exception", "the service failed; its log says where"), 500)
        if _showing(g.call, options).shadow:
            app.extensions["kept"].metrics.advised([(UNAVAILABLE, "shadow")])
            return _cards([], {"shadow": 1})
        return _cards([cards.unavailable((Gap(g.call.service.id, "failed"),), addressed(g.call, known, options))])


def _offered(service_id: str) -> Service:
    return services().get(service_id) or abort(HTTPStatus.NOT_FOUND)


def _cards(written: list[dict[str, Any]], left_out: Mapping[str, int] = {}) -> Response:
    """The answer to a hook call.  Advice left out is told to machines: no card must mean one thing only."""
    unseen = counted(left_out)
    g.facts = {"cards": [card["source"]["topic"]["code"] for card in written], "suppressed": unseen["cards"]}
    g.facts |= {name: why for name, why in unseen.items() if name != "cards"}
    told = {"extension": {"org.foramen.suppressed": unseen}} if unseen["cards"] else {}
    applied = cards.capabilities(_capabilities())
    wanted: dict[str, Any] = {"systemActions": []} if "empty-system-actions" in applied else {}
    return as_json({"cards": written, **wanted, **told})


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


def _app() -> cards.App | None:
    """The SMART app that the client that calls was registered with."""
    client = g.get("client")
    return client.smart_app if client else None


def _caller() -> str:
    who = g.get("who", {})
    return caller(who.get("client", ""), who.get("tenant", ""))
