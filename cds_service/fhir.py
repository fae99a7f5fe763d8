"""The client's FHIR server: bounded reads with the token of this one call.

Nothing here raises once the server is permitted: what could not be had comes back as a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self
from urllib.parse import urljoin

import orjson
import requests

from cds_service import exact, guard
from cds_service.attachments import decoded
from cds_service.fhir_read import Resource, objects, string, unbundled
from cds_service.formats import Unreadable
from cds_service.queries import kind
from cds_service.reasons import Reason
from cds_service.scopes import covers
from cds_service.shape import deeper
from cds_service.transport import Opening

FHIR_JSON = "application/fhir+json"
REFUSALS = frozenset({401, 403})
OK = 200
CHUNK = 65_536
#: What a header can hold; anything else is no token (RFC 6750).
TOKEN = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a server one call may use up."""

    call_seconds: float = 2.0
    total_seconds: float = 5.0
    bytes: int = 8_000_000  #: of one answer
    total_bytes: int = 32_000_000  #: of all answers
    pages: int = 10  #: of one search
    depth: int = 100  #: of JSON


@dataclass(slots=True)
class Found:
    """What a query brought; with a reason where it brought nothing, or not all."""

    resources: list[tuple[Resource, str]] = field(default_factory=list)  #: with their places
    reason: Reason | None = None


def connect(
    server: str,
    token: str,
    *,
    allowed: Sequence[str] = (),
    networks: Iterable[guard.Network] = (),
    scope: str = "",
    authorities: str = "",
    dev: bool = False,
    limits: Limits = Limits(),
) -> Fhir | Reason | None:
    """Access to a client's server; None where the client names none, a reason where it is not to be asked.

    Args:
        server: base URL, as the call names it.
        token: of the call; presented to this server and to no other, and held no longer than the call.
        allowed: base URLs of the servers that this client may name.
        networks: private networks that these servers may lie in.
        scope: what the token is good for; empty: not said.
        authorities: PEM file of those that vouch for the server; empty: the public ones.
        dev: a server on this machine may be asked, and http is good enough.
        limits: how much of the server the call may use up.
    """
    if not server:
        return None
    if not TOKEN.fullmatch(token) or not (asked := guard.permitted(server, allowed, dev=dev)):
        return Reason.NOT_PERMITTED
    opened = Opening(asked, tuple(networks), authorities, dev)
    return Fhir(server, opened, token, scope=scope if token else "", limits=limits)


class Fhir:
    """One call's view of a FHIR server.  ``connect`` decides whether there may be one."""

    def __init__(
        self,
        base: str,
        opening: Opening,
        token: str,
        *,
        scope: str,
        limits: Limits,
    ) -> None:
        self._base = base.rstrip("/")
        self._opening = opening
        self._scope = scope
        self._limits = limits
        self._until = monotonic() + limits.total_seconds
        self._read = 0  # bytes, of all answers
        self._session: requests.Session | Reason | None = None  # None: nothing was asked yet
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._session, requests.Session):
            self._session.close()
        self._headers = {}

    def search(self, query: str, place: str, pages: int | None = None) -> Found:
        """The resources a relative query brings (``Type?...`` or ``Type/id``), all pages of them or the first few."""
        if not covers(self._scope, kind(query), search="?" in query):
            return Found(reason=Reason.NOT_PERMITTED)
        return self.follow(f"{self._base}/{query}", place, pages)

    def follow(self, link: str, place: str, pages: int | None = None) -> Found:
        """The resources from a page on; links that lead away from this server are not followed (S10)."""
        found = Found()
        seen: set[str] = set()
        url = _joined(f"{self._base}/", link)
        while url and not found.reason and (pages is None or len(seen) < pages):
            if url in seen or len(seen) >= self._limits.pages or not self._mine(url):
                found.reason = Reason.MORE_PAGES
                break
            seen.add(url)
            page = self._json(url)
            if isinstance(page, Reason):
                found.reason = page
                break
            found.resources += _usable(page, f"{place}[{len(seen) - 1}]" if len(seen) > 1 else place)
            if failed(page):
                found.reason = Reason.NOT_RETRIEVED
            following = next_page(page)
            url = following and _joined(url, following)
        return found

    def binary(self, link: str) -> tuple[bytes, str] | Reason:
        """The bytes behind an attachment's address and their type; only from this server."""
        url = _joined(f"{self._base}/", link)
        if not self._mine(url):
            return Reason.NOT_FETCHED
        answer = self._get(url, f"{FHIR_JSON}, */*;q=0.5")
        if isinstance(answer, Reason):
            return answer
        content, kind = answer
        return _unwrapped(content) if "json" in kind.lower() else answer

    def _json(self, url: str) -> Any | Reason:
        answer = self._get(url, FHIR_JSON)
        if isinstance(answer, Reason):
            return answer
        try:
            body = orjson.loads(answer[0])
        except orjson.JSONDecodeError:
            return Reason.MALFORMED
        return Reason.MALFORMED if deeper(body, self._limits.depth) else exact.kept(answer[0], body)

    def _get(self, url: str, accept: str) -> tuple[bytes, str] | Reason:
        """One answer, in the time of one call and in what is left of all of it.

        Whatever went wrong when the time was up is told as that: a connection that ends late has many names.
        """
        until = min(self._until, monotonic() + self._limits.call_seconds)
        session = self._opened(until)
        if isinstance(session, Reason):
            return session
        if monotonic() >= until:
            return Reason.TIMED_OUT
        try:
            with session.get(
                url,
                headers={"Accept": accept, **self._headers},
                timeout=until - monotonic(),
                allow_redirects=False,
                stream=True,
            ) as reply:
                return self._body(reply)
        except requests.Timeout:
            return Reason.TIMED_OUT
        except requests.RequestException:
            return Reason.TIMED_OUT if monotonic() >= until else Reason.NOT_RETRIEVED

    def _opened(self, until: float) -> requests.Session | Reason:
        """The connection to the server, made when it is first needed: its addresses are looked up once (S9)."""
        if self._session is None:
            try:
                self._session = self._opening.session(max(until - monotonic(), 0))
            except guard.NotPermittedError:
                self._session = Reason.NOT_PERMITTED
            except TimeoutError:
                self._session = Reason.TIMED_OUT
            except OSError:
                self._session = Reason.NOT_RETRIEVED
        return self._session

    def _body(self, reply: requests.Response) -> tuple[bytes, str] | Reason:
        """The body of an answer that is neither a refusal, nor packed, nor too large."""
        if reply.status_code != OK or reply.headers.get("Content-Encoding", "identity") != "identity":
            return Reason.NOT_PERMITTED if reply.status_code in REFUSALS else Reason.NOT_RETRIEVED
        content = bytearray()
        for chunk in reply.iter_content(CHUNK):
            content += chunk
            self._read += len(chunk)
            if len(content) > self._limits.bytes or self._read > self._limits.total_bytes:
                return Reason.TOO_LARGE
        return bytes(content), reply.headers.get("Content-Type", "")

    def _mine(self, url: str) -> bool:
        """Whether an address is of this server: scheme, host, port and path prefix (S10)."""
        other = guard.server(url)
        return other is not None and self._opening.server.holds(other)


def failed(value: Any) -> bool:
    """Whether an OperationOutcome stands in place of data, or tells of an error beside them (P5, P6)."""
    if string(value, "resourceType") == "OperationOutcome":
        return True
    outcomes = [one for one, _ in unbundled(value, "") if one.get("resourceType") == "OperationOutcome"]
    return any(severity in {"error", "fatal"} for one in outcomes for severity in _severities(one))


def next_page(value: Any) -> str:
    """The address of a Bundle's next page, or empty."""
    return next((string(link, "url") for link in objects(value, "link") if string(link, "relation") == "next"), "")


def _usable(value: Any, place: str) -> Iterator[tuple[Resource, str]]:
    return ((one, where) for one, where in unbundled(value, place) if one.get("resourceType") != "OperationOutcome")


def _severities(outcome: Resource) -> list[str]:
    return [string(issue, "severity") for issue in objects(outcome, "issue")]


def _unwrapped(content: bytes) -> tuple[bytes, str] | Reason:
    """The bytes inside a Binary that was served as FHIR JSON."""
    try:
        binary = orjson.loads(content)
        if string(binary, "resourceType") != "Binary":
            return Reason.NOT_RETRIEVED
        return decoded(string(binary, "data")), string(binary, "contentType")
    except orjson.JSONDecodeError:
        return Reason.MALFORMED
    except Unreadable as error:
        return error.reason


def _joined(base: str, link: str) -> str:
    """The address a link means; one that no address can be read from stays as it is and leads nowhere."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link
