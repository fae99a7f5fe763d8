"""The client's FHIR server: bounded reads with the token of this one call.

Nothing here raises once the server is permitted: what could not be had comes back as a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import orjson
import requests

from cds_service.attachments import decoded
from cds_service.fhir_read import Resource, objects, string, unbundled
from cds_service.formats import Unreadable
from cds_service.reasons import Reason

FHIR_JSON = "application/fhir+json"
REFUSALS = frozenset({401, 403})
OK = 200
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a server one call may use up."""

    call_seconds: float = 2.0
    total_seconds: float = 5.0
    bytes: int = 8_000_000  #: of one answer
    pages: int = 10  #: of one search


@dataclass(slots=True)
class Found:
    """What a query brought; with a reason where it brought nothing, or not all."""

    resources: list[tuple[Resource, str]] = field(default_factory=list)  #: with their places
    reason: Reason | None = None


def connect(
    server: str,
    token: str,
    *,
    dev: bool = False,
    allowed: Callable[[str], bool] = lambda _: False,
    transport: Callable[[], requests.Session] = requests.Session,
    limits: Limits = Limits(),
) -> Fhir | Reason | None:
    """Access to a client's server; None where the client names none, a reason where it is not to be asked.

    Outside dev only a registered https server is asked (S8); in dev also one on this machine.
    """
    if not server:
        return None
    if not permitted(server, dev=dev, allowed=allowed):
        return Reason.NOT_PERMITTED
    return Fhir(server, token, transport=transport, limits=limits)


def permitted(server: str, *, dev: bool, allowed: Callable[[str], bool]) -> bool:
    """Whether a server may be asked."""
    try:
        url = urlsplit(server)
        plain = not (url.username or url.password or url.query or url.fragment) and url.port != 0
    except ValueError:
        return False
    if not plain or not url.hostname or url.scheme not in {"http", "https"} or _climbs(url):
        return False
    return (dev and _loopback(url.hostname)) or (url.scheme == "https" and allowed(server))


class Fhir:
    """One call's view of a FHIR server.  ``connect`` decides whether there may be one."""

    def __init__(
        self,
        server: str,
        token: str,
        *,
        transport: Callable[[], requests.Session] = requests.Session,
        limits: Limits = Limits(),
    ) -> None:
        self._base = server.rstrip("/")
        self._root = urlsplit(self._base)
        self._limits = limits
        self._until = monotonic() + limits.total_seconds
        self._session = transport()
        self._session.trust_env = False  # no proxy and no netrc of the machine
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def search(self, query: str, place: str, pages: int | None = None) -> Found:
        """The resources a relative query brings (``Type?...`` or ``Type/id``), all pages of them or the first few."""
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
            return orjson.loads(answer[0])
        except orjson.JSONDecodeError:
            return Reason.MALFORMED

    def _get(self, url: str, accept: str) -> tuple[bytes, str] | Reason:
        left = self._until - monotonic()
        if left <= 0:
            return Reason.TIMED_OUT
        try:
            with self._session.get(
                url,
                headers={"Accept": accept, **self._headers},
                timeout=min(self._limits.call_seconds, left),
                allow_redirects=False,
                stream=True,
            ) as reply:
                if reply.status_code != OK:
                    return Reason.NOT_PERMITTED if reply.status_code in REFUSALS else Reason.NOT_RETRIEVED
                return self._body(reply, monotonic() + min(self._limits.call_seconds, left))
        except requests.Timeout:
            return Reason.TIMED_OUT
        except requests.RequestException:
            return Reason.NOT_RETRIEVED

    def _body(self, reply: requests.Response, until: float) -> tuple[bytes, str] | Reason:
        """The body of an answer, as long as it is neither too large nor too slow."""
        content = bytearray()
        for chunk in reply.iter_content(CHUNK):
            content += chunk
            if len(content) > self._limits.bytes:
                return Reason.TOO_LARGE
            if monotonic() > until:
                return Reason.TIMED_OUT
        return bytes(content), reply.headers.get("Content-Type", "")

    def _mine(self, url: str) -> bool:
        """Whether an address is of this server: scheme, host, port and path prefix."""
        try:
            other = urlsplit(url)
            origin = (other.scheme, other.hostname, other.port) == (
                self._root.scheme,
                self._root.hostname,
                self._root.port,
            )
        except ValueError:
            return False
        below = other.path == self._root.path or other.path.startswith(f"{self._root.path}/")
        return origin and below and not other.username and not _climbs(other)


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


def _climbs(url: SplitResult) -> bool:
    path = unquote(url.path)
    return "\\" in path or ".." in path.split("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
