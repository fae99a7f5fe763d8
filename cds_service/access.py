"""Who calls: a registered client, known by a JWT that it signed for this one call.

What is refused is refused without a word to the caller; the reason stands in the log.  Nothing is fetched before the
issuer, the algorithm and the address of the keys have been found in the registration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import jwt

from cds_service import clients
from cds_service.clients import Client, Registry
from cds_service.keys import PublicKey, Published
from cds_service.replays import Replays, Shared, Used
from cds_service.settings import Settings, SettingsError
from cds_service.store import Store, address, in_memory

LEEWAY = 30  #: s that a client's clock may be off; the sandbox rounds iat up to half a second into the future
LONGEST = 8192  #: characters of a token
ASYMMETRIC = frozenset({"ES384", "RS384", "ES256", "RS256"})
REQUIRED = ("iss", "aud", "exp", "iat", "jti")
#: A token id that is logged; whatever it holds besides, a client chose.
JTI = re.compile(r"[\w.~-]{1,128}", re.ASCII)
#: PyJWT's errors as reasons of the log; the others mean that a token is none.
REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not yet valid",
    jwt.InvalidSignatureError: "signature",
    jwt.MissingRequiredClaimError: "claim missing",
}


class AccessError(Exception):
    """A caller who is not let in, with the reason for the log and the issuer where it is a registered one."""

    def __init__(self, reason: str, iss: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.iss = iss


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; without a client, someone whom the operator lets in unauthenticated."""

    client: Client | None = None
    tenant: str = ""
    jti: str = ""

    def facts(self) -> dict[str, str]:
        """What the log may say of the caller (S14)."""
        if self.client is None:
            return {}
        named = {"client": self.client.iss, "tenant": self.tenant}
        named["jti"] = self.jti if JTI.fullmatch(self.jti) else ""
        return {name: text for name, text in named.items() if text}


ANYONE = Caller()


class Access:
    """The door of the service: open, for this machine in dev, else for registered clients alone."""

    def __init__(
        self, options: Settings, store: Store | None = None, failed: Callable[[], None] = lambda: None
    ) -> None:
        """Read the registration.

        Args:
            options: the operator's settings.
            store: the database, which knows the tokens used on all machines where it is one of its own.
            failed: called whenever it could not be asked which tokens were used.

        Raises:
            SettingsError: nobody could be authenticated, or the registration is wrong.
        """
        self._open = options.open
        self._dev = options.dev
        self._registry = _registry(options)
        published = {client.jku for client in self._registry.values() if client.jku and not client.keys}
        self._published = {jku: Published(jku) for jku in published}
        self._replays = Replays(_shared(options, store), failed)

    @property
    def clients(self) -> frozenset[Client]:
        """Everyone who is registered."""
        return frozenset(self._registry.values())

    def caller(self, authorization: str | None, path: str, *, near: bool) -> Caller:
        """Who calls ``path``.

        Args:
            authorization: the header, None where there is none.
            path: of the address that is called, in its plain form.
            near: the call comes from this machine.

        Raises:
            AccessError: with the reason.
        """
        if self._open:
            return ANYONE
        if self._dev and not near:
            raise AccessError("not this machine")
        if authorization is None:
            if self._dev:
                return ANYONE
            raise AccessError("no token")
        return self._verified(_bearer(authorization), path)

    def _verified(self, token: str, path: str) -> Caller:
        """The caller that a token proves, once (J4-J9, J11, S1-S4)."""
        header, claims = _unverified(token)
        client = self._registered(header, claims)
        try:
            self._check(token, header, client, path)
        except jwt.PyJWTError as error:
            raise AccessError(REASONS.get(type(error), "no valid token"), client.iss) from None
        except AccessError as refusal:
            raise AccessError(refusal.reason, client.iss) from None
        return Caller(client, claims.get("tenant", ""), claims["jti"])

    def _registered(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Client:
        """The client that a token claims to be from; its keys are not needed for that."""
        client = self._registry.get((_text(claims, "iss"), _text(claims, "tenant") if "tenant" in claims else ""))
        if client is None:
            raise AccessError("issuer or tenant")
        if header["alg"] not in client.algorithms:
            raise AccessError("algorithm", client.iss)
        if "jku" in header and header["jku"] != client.jku:
            raise AccessError("address of keys", client.iss)
        if not _typed(header, client):
            raise AccessError("type", client.iss)
        return client

    def _check(self, token: str, header: Mapping[str, Any], client: Client, path: str) -> None:
        key = self._key(client, _text(header, "kid"), header["alg"])
        options: Any = {"require": list(REQUIRED), "verify_aud": False}
        claims = jwt.decode(token, key, algorithms=[header["alg"]], issuer=client.iss, leeway=LEEWAY, options=options)
        _claims(claims, client, path)
        self._use(client, claims)

    def _key(self, client: Client, kid: str, algorithm: str) -> PublicKey:
        held = client.keys.get if client.keys else self._published[client.jku].find
        key = held((kid, algorithm))
        if key is None:
            raise AccessError("key")
        return key

    def _use(self, client: Client, claims: Mapping[str, Any]) -> None:
        """Use a token up.  It is done last: who cannot sign cannot use up another's token."""
        if not self._replays.first(client.iss, claims["jti"], claims["exp"] + LEEWAY, time()):
            raise AccessError("replayed")


def _registry(options: Settings) -> Registry:
    if options.open:
        return {}
    if not options.dev and not options.clients:
        raise SettingsError(
            "No client is registered, so nobody could be let in. Name the file of registered clients in "
            "FORAMEN_CLIENTS, use --dev on your own machine, or set FORAMEN_OPEN=1 where something else keeps "
            "strangers out."
        )
    if options.workers > 1 and not options.data and not options.dev and in_memory(address(options)):
        raise SettingsError(
            "FORAMEN_WORKERS above 1 needs FORAMEN_DATA or FORAMEN_DATABASE, where the workers share which tokens "
            "were used"
        )
    registered = clients.read(Path(options.clients)) if options.clients else {}
    return {**(clients.read(clients.DEV) if options.dev else {}), **registered}


def _shared(options: Settings, store: Store | None) -> Shared | None:
    """Where the workers of one machine, or of all, tell each other which tokens were used."""
    if options.open:
        return None
    if options.database and store and store.kind != "memory":
        return store
    return Used(Path(options.data)) if options.data else None


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST:
        raise AccessError("no bearer token")
    return token.strip()


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token that may be anyone's; what is not asymmetric ends here (J9, S1)."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise AccessError("no token") from None
    header: dict[str, Any] = parts["header"]
    if _text(header, "alg") not in ASYMMETRIC or "crit" in header or "b64" in header:
        raise AccessError("algorithm")
    return header, parts["payload"]


def _typed(header: Mapping[str, Any], client: Client) -> bool:
    kind = header.get("typ")
    return (isinstance(kind, str) and kind.upper() == "JWT") or (kind is None and client.untyped)


def _claims(claims: Mapping[str, Any], client: Client, path: str) -> None:
    """What PyJWT leaves open: types, the audience, and a life that is not too long (S3)."""
    _text(claims, "jti")
    if not all(type(claims[name]) in {int, float} for name in ("exp", "iat")):
        raise AccessError("claim type")
    if not 0 < claims["exp"] - claims["iat"] <= client.lifetime:
        raise AccessError("lifetime")
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(isinstance(one, str) and client.hears(one, path) for one in audience):
        raise AccessError("audience")


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise AccessError(f"{name} missing")
    return value
