"""What every page shares: its words, its frame, and what a browser may do with it."""

from __future__ import annotations

import tomllib
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Response, current_app, render_template, request
from markdown_it import MarkdownIt
from markupsafe import Markup

from cards.words import label
from cds_service.operators import Operators
from cds_service.wire import ASKED

HERE = Path(__file__).parent
WORDS: dict[str, Any] = tomllib.loads((HERE / "pages.toml").read_text(encoding="utf-8"))
PICTURE: dict[str, Any] = tomllib.loads((HERE / "picture.toml").read_text(encoding="utf-8"))
#: The page, its style sheet, its pictures, its forms, and nothing else: no script, no other site.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: Besides, for the one page that has a script: that file, and calls to this service.
SCRIPTED = f"{POLICY}; script-src 'self'; connect-src 'self'"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ASSETS = {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in sorted((HERE / "static").iterdir())}
#: Cards are Markdown; what looks like HTML in one is shown as text.
MARKDOWN = MarkdownIt("commonmark", {"html": False})


def shown(template: str, status: int = HTTPStatus.OK, *, scripted: bool = False, **told: Any) -> Response:
    """A page.  Its links are relative: a proxy may serve it below a path of its own."""
    reply = Response(rendered(template, **told), status, mimetype="text/html")
    reply.headers["Content-Security-Policy"] = SCRIPTED if scripted else POLICY
    return reply


def rendered(template: str, **told: Any) -> str:
    """A template, filled."""
    frame = {
        "words": WORDS["page"],
        "root": root(),
        "door": operators(),
        "version": current_app.extensions["knowledge"],
    }
    return render_template(template, **frame, label=label, markdown=markdown, picture=PICTURE, **told)


def root() -> str:
    """The way from the address that was asked for up to where the pages lie."""
    asked = str(request.environ.get(ASKED, request.path))
    return "../" * (asked.count("/") - 1)


def markdown(text: str) -> Markup:
    """Markdown as HTML, with nothing in it but what Markdown can say."""
    return Markup(MARKDOWN.render(text))  # noqa: S704 - the renderer escapes, and passes no HTML through


def operators() -> Operators:
    """Who may use the playground and see the review."""
    door: Operators = current_app.extensions["operators"]
    return door


def asset(name: str) -> Response:
    """The style sheet, the script, the mark; a browser asks again each time and is told that nothing has changed."""
    found = ASSETS.get(name)
    if found is None:
        return shown("missing.html", HTTPStatus.NOT_FOUND)
    reply = Response(found[0], mimetype=found[1])
    reply.headers["Cache-Control"] = "no-cache"
    reply.add_etag()
    return reply.make_conditional(request)  # type: ignore[return-value]
