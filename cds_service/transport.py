"""HTTP to one server at addresses that were checked, and an answer within the time it was given.

What is not here, compared with a plain session: looking names up, proxies, redirects, compression, retries.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from cds_service.guard import Network, Server, addresses, server

#: The library warns with whole addresses, and those hold ids of patients (S14).
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def session(asked: Server, found: Sequence[str], authorities: str = "") -> requests.Session:
    """A session that reaches this server alone, at these addresses; certificates are checked, always."""
    made = requests.Session()
    made.trust_env = False  # no proxy and no netrc of the machine
    made.verify = authorities or True
    made.headers.clear()
    made.headers.update({"User-Agent": "foramen", "Accept-Encoding": "identity"})
    made.adapters.clear()
    made.mount(f"{asked.scheme}://", Pinned(asked, found))
    return made


@dataclass(frozen=True, slots=True)
class Opening:
    """A server that may be asked, and what its connection must meet."""

    server: Server
    networks: tuple[Network, ...] = ()  #: private networks that it may lie in
    authorities: str = ""  #: PEM file; empty: the public ones
    dev: bool = False

    def session(self, seconds: float) -> requests.Session:
        """A session with the server.  Raises what ``guard.addresses`` raises."""
        found = addresses(self.server, self.networks, dev=self.dev, seconds=seconds)
        return session(self.server, found, self.authorities)


class Pinned(HTTPAdapter):
    """Connects to checked addresses; the server's name stays in the Host header, in SNI and in the certificate."""

    def __init__(self, asked: Server, found: Sequence[str]) -> None:
        self._asked = asked
        self._addresses = found
        self._address = found[0]
        super().__init__(max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 -- as HTTPAdapter has it
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send to the first address that takes the connection."""
        wanted = server(request.url or "")
        if wanted is None or not self._asked.holds(wanted):
            raise requests.exceptions.InvalidURL("not of this server", request=request)
        request.headers["Host"] = request.headers.get("Host") or _host(self._asked)
        until = monotonic() + timeout
        for position, self._address in enumerate(self._addresses, 1):  # noqa: B020
            left = max(until - monotonic(), 0.001)
            share = left / (len(self._addresses) - position + 1)
            try:
                return super().send(request, stream, (share, left), verify, cert, proxies)
            except requests.ConnectionError:
                if position == len(self._addresses) or monotonic() >= until:
                    raise
        raise requests.ConnectionError(request=request)

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001
        cert: Any = None,
    ) -> Any:
        """The address to connect to, and the name that its certificate must have."""
        host, secure = super().build_connection_pool_key_attributes(request, verify, cert)
        named = {"server_hostname": self._asked.host, "assert_hostname": self._asked.host}
        return {**host, "host": self._address}, {**secure, **(named if self._asked.scheme == "https" else {})}


class _Answer(http.client.HTTPResponse):
    """An answer whose time-out is for all of it; a plain one's starts anew with every byte that drips in."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock))


class _Timed(io.RawIOBase):
    """What a socket brings until its time is up."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._until = monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def _host(asked: Server) -> str:
    name = f"[{asked.host}]" if ":" in asked.host else asked.host
    return name if (asked.scheme, asked.port) in {("https", 443), ("http", 80)} else f"{name}:{asked.port}"
