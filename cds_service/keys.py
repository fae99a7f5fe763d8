"""Public keys: a JWK Set read, and the one behind a client's registered address, fetched with limits and kept."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

import orjson
import urllib3
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from cds_service import journal

PublicKey = RSAPublicKey | EllipticCurvePublicKey
#: Key id and algorithm -> the key that a signature of that algorithm is held against.
Keys = Mapping[tuple[str, str], PublicKey]

#: What a key can verify, by type and curve.  Everything symmetric is absent, so none is ever made (J9).
ALGORITHMS = {
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-256"): ("ES256",),
    ("RSA", None): ("RS384", "RS256"),
}
PUBLIC = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}
LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 8192
OK = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How a published key set is fetched and how long it is kept."""

    seconds: float = 3.0  #: to connect, and again to read
    bytes: int = 100_000
    interval: float = 30.0  #: s between two fetches, however many unknown keys are named
    fresh: float = 3600.0  #: s after which the set is fetched anew, so that a withdrawn key is forgotten
    stale: float = 86_400.0  #: s that the last set still counts while its address does not answer


def parse(raw: Any) -> Keys:
    """The usable keys of a JWK Set, or of crd-request-generator's list of keys; others in it are passed over."""
    entries = raw.get("keys") if isinstance(raw, dict) else raw
    return dict(pair for entry in (entries if isinstance(entries, list) else ()) for pair in _usable(entry))


def _usable(entry: Any) -> Iterator[tuple[tuple[str, str], PublicKey]]:
    if isinstance(entry, dict) and isinstance(entry.get("pem"), dict):
        entry = {"kid": entry.get("id"), **entry["pem"]}
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return
    for algorithm in _algorithms(entry):
        if entry.get("alg", algorithm) == algorithm and (key := _key(entry, algorithm)):
            yield (entry["kid"], algorithm), key


def _algorithms(entry: dict[str, Any]) -> tuple[str, ...]:
    kind, curve = entry.get("kty"), entry.get("crv")
    named = isinstance(kind, str) and isinstance(curve, str | None)
    return ALGORITHMS.get((kind, curve if kind == "EC" else None), ()) if named and kind else ()


def _key(entry: dict[str, Any], algorithm: str) -> PublicKey | None:
    """The public part of a JWK; a private part, as the sandbox publishes one, is never read."""
    parts = {name: entry[name] for name in PUBLIC[entry["kty"]] if isinstance(entry.get(name), str)}
    try:
        key = PyJWK(parts, algorithm).key
    except (PyJWTError, ValueError):
        return None
    if isinstance(key, RSAPublicKey):
        return key if LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS else None
    return key if isinstance(key, EllipticCurvePublicKey) else None


class Published:
    """The key set behind one registered address, for as long as the process lives."""

    def __init__(self, address: str, limits: Limits = Limits(), clock: Callable[[], float] = monotonic) -> None:
        self._address = address
        self._limits = limits
        self._clock = clock
        self._keys: Keys = {}
        self._asked = self._brought = float("-inf")
        self._fetching = Lock()

    def find(self, name: tuple[str, str]) -> PublicKey | None:
        """The key of an id and an algorithm; the set is fetched where it is old or does not hold it."""
        held = name in self._keys
        if not held or self._age() > self._limits.fresh:
            self._refresh(wait=not held)
        return self._keys.get(name) if self._age() <= self._limits.stale else None

    def _age(self) -> float:
        return self._clock() - self._brought

    def _refresh(self, *, wait: bool) -> None:
        """One thread fetches; those whose key is at hand go on, the others wait for what it brings."""
        if not self._fetching.acquire(timeout=3 * self._limits.seconds if wait else 0):
            return
        try:
            if self._clock() - self._asked >= self._limits.interval:
                self._asked = self._clock()
                self._fetch()
        finally:
            self._fetching.release()

    def _fetch(self) -> None:
        try:
            found = parse(orjson.loads(_get(self._address, self._limits)))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            facts = {"address": self._address, "error": type(error).__name__}
            journal.note("keys not fetched", facts, logging.WARNING)
            return
        self._keys, self._brought = found, self._clock()
        journal.note("keys fetched", {"address": self._address, "keys": len({kid for kid, _ in found})})


def _get(address: str, limits: Limits) -> bytes:
    """The body behind an address: no redirect, no proxy, no compression, certificates as this machine trusts them.

    Raises:
        HTTPError, OSError, ValueError: what came of it instead.
    """
    until = monotonic() + limits.seconds
    with urllib3.PoolManager(ssl_context=ssl.create_default_context()) as pool:
        reply = pool.request(
            "GET",
            address,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            redirect=False,
            retries=False,
            timeout=limits.seconds,
            preload_content=False,
        )
        try:
            return _body(reply, until + limits.seconds, limits)
        finally:
            reply.close()


def _body(reply: urllib3.BaseHTTPResponse, until: float, limits: Limits) -> bytes:
    """The body, as long as it comes whole: in time, and not too large.  ``read1`` returns with what is there."""
    if reply.status != OK:
        raise ValueError(reply.status)
    content = bytearray()
    while chunk := reply.read1(limits.bytes):
        content += chunk
        if len(content) > limits.bytes or monotonic() > until:
            raise ValueError(len(content))
    return bytes(content)
