"""JSON in and out over HTTP, and addresses in their plain form."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response, abort, current_app, g, request

from cds_service import exact
from cds_service.errors import RequestError
from cds_service.shape import deeper

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Where the address stands as it was asked for, slashes and all: relative links depend on it.
ASKED = "foramen.path"
#: Headers of a proxy.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
BOM = b"\xef\xbb\xbf"


def json_body() -> Any:
    """The JSON of the request, whatever charset its type names: JSON is UTF-8.  From here on the call has its turn.

    Raises:
        RequestError: 415 or 400.
        RequestEntityTooLarge: 413.
        BusyError: the body is here, and too many calls are worked on.
    """
    if not request.is_json or request.headers.get("Content-Encoding", "identity") != "identity":
        raise RequestError(415, "not-supported", "send application/json, not compressed")
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) >= (request.max_content_length or 0):
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # a chunked body is cut at the limit without a word
    current_app.extensions["turns"].take()
    g.turns = current_app.extensions["turns"]
    data = data.removeprefix(BOM)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "structure", f"not JSON at line {error.lineno}, column {error.colno}") from None
    if deeper(value, limit := current_app.config["DEPTH_LIMIT"]):
        raise RequestError(400, "too-costly", f"nested deeper than {limit} levels")
    return exact.kept(data, value)


def near() -> bool:
    """Whether the call comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def as_json(body: object, status: int = HTTPStatus.OK) -> Response:
    """An answer of JSON."""
    return Response(exact.dumps(body), status, mimetype="application/json")


def plain_paths(app: WSGIApplication) -> WSGIApplication:
    """Route ``//`` and a trailing ``/`` like the plain path (Q1): a redirect would break a preflighted POST."""

    def plain(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ[ASKED] = environ.get("PATH_INFO", "")
        environ["PATH_INFO"] = "/" + "/".join(filter(None, environ.get("PATH_INFO", "").split("/")))
        return app(environ, start)

    return plain
