"""Who may use the playground and see the review: whoever is at this machine in dev, or holds the operator's token.

The token is compared by its digest, in constant time.  A session is a cookie that Flask signs with a key made of the
token: another token ends every session, and no second secret has to be kept.  The cookie is sent by pages of this
origin alone (SameSite=Strict) and read by no script; a call that asks for something also carries the session's own word
in a header, which no other site can send.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, request, session

from cds_service.settings import Settings, SettingsError
from cds_service.wire import near

SHORTEST = 32  #: characters of an operator's token
LASTING = timedelta(hours=8)
HEADER = "X-Foramen-Session"
#: What an operator is called in the log and in what is kept; no address of a client looks like it.
CALLER = "(operator)"
SIGNED_IN = "word"


@dataclass(frozen=True, slots=True)
class Operators:
    """The door of what is not for everybody."""

    token: str
    dev: bool

    @property
    def offered(self) -> bool:
        """Whether one can sign in at all."""
        return bool(self.token)

    def fits(self, token: str) -> bool:
        """Whether this is the operator's token."""
        return self.offered and hmac.compare_digest(_digest(token), _digest(self.token))

    def enter(self) -> None:
        """Begin a session."""
        session.clear()
        session.permanent = True
        session[SIGNED_IN] = secrets.token_urlsafe()

    def leave(self) -> None:
        """End the session of this browser."""
        session.clear()

    @property
    def word(self) -> str:
        """What a call of this session has to say in its header; empty where nobody is signed in."""
        return str(session.get(SIGNED_IN, "")) if self.offered else ""

    @property
    def signed_in(self) -> bool:
        return bool(self.word)

    def proven(self) -> bool:
        """Whether the call comes from a page of this session, and not from another site in the same browser."""
        return self.signed_in and self.says(request.headers.get(HEADER, ""))

    @property
    def admits(self) -> bool:
        """Whether the playground may be shown: to an operator, and in dev to whoever is at this machine."""
        return self.signed_in or (self.dev and near())

    def trusts(self) -> bool:
        """Whether a call of the playground comes from a page of ours: in dev its header says anything at all."""
        return self.proven() or (self.dev and near() and HEADER in request.headers)

    def says(self, word: str) -> bool:
        """Whether this is the word of the session."""
        return self.signed_in and hmac.compare_digest(word.encode(), self.word.encode())


def token_of(options: Settings) -> str:
    """The operator's token, or empty.

    Raises:
        SettingsError: it is one that could be guessed.
    """
    if options.operator_token and len(options.operator_token) < SHORTEST:
        raise SettingsError(f"FORAMEN_OPERATOR_TOKEN: at least {SHORTEST} random characters")
    return options.operator_token


def keep(app: Flask, options: Settings) -> Operators:
    """Set up the sessions of an application.

    Raises:
        SettingsError: the token is one that could be guessed.
    """
    if token := token_of(options):
        app.secret_key = _digest(f"session {token}")
    app.config.update(
        SESSION_COOKIE_NAME="foramen" if options.dev else "__Host-foramen",
        SESSION_COOKIE_SECURE=not options.dev,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LASTING,
    )
    door = app.extensions["operators"] = Operators(token, options.dev)
    return door


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
