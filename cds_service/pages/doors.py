"""Signing in and out as an operator."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import Blueprint, Response, abort, g, redirect, request
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as Redirect

from cds_service import journal
from cds_service.operators import CALLER
from cds_service.pages.site import WORDS, operators, root, shown
from cds_service.rates import Rates

TRIES = 12  #: a minute, of one address and one worker: the token cannot be guessed, the log shall stay readable
SAME = {"same-origin", "none"}


def blueprint() -> Blueprint:
    """``/sign-in`` and ``/sign-out``."""
    doors, rates = Blueprint("doors", __name__), Rates(TRIES)

    @doors.get("/sign-in")
    def ask() -> Response:
        if not operators().offered:
            return shown("missing.html", HTTPStatus.NOT_FOUND, more=WORDS["door"]["off"])
        return shown("sign-in.html", said=WORDS["door"])

    @doors.post("/sign-in")
    def enter() -> Response | Redirect:
        door = operators()
        if not door.offered or not _ours():
            abort(HTTPStatus.NOT_FOUND)
        if seconds := rates.wait(str(request.remote_addr)):
            raise TooManyRequests(retry_after=seconds)
        if not door.fits(request.form.get("token", "")):
            journal.note("operator refused", {}, logging.WARNING)
            return shown("sign-in.html", HTTPStatus.FORBIDDEN, said=WORDS["door"], refused=True)
        door.enter()
        g.who = {"client": CALLER}
        journal.note("operator signed in", {})
        return redirect(f"{root()}playground", HTTPStatus.SEE_OTHER)

    @doors.post("/sign-out")
    def leave() -> Redirect:
        door = operators()
        if not door.says(request.form.get("word", "")):
            abort(HTTPStatus.FORBIDDEN)
        door.leave()
        return redirect(root() or "./", HTTPStatus.SEE_OTHER)

    return doors


def _ours() -> bool:
    """Whether the form was sent by a page of this origin, as far as the browser says so."""
    return request.headers.get("Sec-Fetch-Site", "none") in SAME
