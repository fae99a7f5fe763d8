"""Which FHIR servers may be asked, and where their names may lead.

A hook call names the server to ask, and whoever sends the call could name any: the guard keeps the service from being
a way into the hospital's network.  A server is asked only if it is registered (S8); its name is resolved once, every
address it has is checked, and the connection goes to a checked address and to no other (S9).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = {"https": 443, "http": 80}
NAT64 = IPv6Network("64:ff9b::/96")
#: Names are looked up aside, because a resolver that hangs cannot be interrupted.
RESOLVERS = ThreadPoolExecutor(8, thread_name_prefix="resolve")


class NotPermittedError(Exception):
    """A server that is not to be asked."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a FHIR server lies: what its base URL says, part by part."""

    scheme: str
    host: str
    port: int
    path: str  #: without a slash at the end

    @property
    def local(self) -> bool:
        """Whether the base URL itself says that the server is this machine."""
        literal = _literal(self.host)
        return literal.is_loopback if literal else self.host == "localhost"

    def holds(self, other: Server) -> bool:
        """Whether an address is of this server: scheme, host, port, and path prefix by whole steps."""
        here, there = ((one.scheme, one.host, one.port) for one in (self, other))
        return here == there and f"{other.path}/".startswith(f"{self.path}/")


def server(url: str) -> Server | None:
    """A URL part by part; None where it is none, or hides where it leads."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or port == 0 or climbs(parts.path):
        return None
    return Server(parts.scheme, parts.hostname, port or PORTS[parts.scheme], parts.path.rstrip("/"))


def climbs(path: str) -> bool:
    """Whether a path leads upwards in any reading: encoded once or more, with a path parameter behind the dots."""
    while (plain := unquote(path)) != path:
        path = plain
    steps = [step.partition(";")[0] for step in path.replace("\\", "/").split("/")]
    return "\\" in path or ".." in steps or "." in steps


def permitted(url: str, allowed: Sequence[str], *, dev: bool) -> Server | None:
    """The server behind a base URL, if it may be asked: a registered one over https; in dev also this machine (S8)."""
    asked = server(url)
    if asked is None or "?" in url or "#" in url:
        return None
    if dev and asked.local:
        return asked
    registered = any(one.holds(asked) for one in map(server, allowed) if one)
    return asked if registered and (dev or asked.scheme == "https") else None


def addresses(asked: Server, networks: Iterable[Network], *, dev: bool, seconds: float) -> list[str]:
    """The addresses of a permitted server, all of them checked (S9).

    Args:
        asked: what ``permitted`` gave.
        networks: private networks that the operator opened.
        dev: this machine may be asked.
        seconds: that the look-up may take.

    Raises:
        NotPermittedError: one of them leads where nothing may be asked.
        OSError: the name has no address.
        TimeoutError: the resolver did not answer in time.
    """
    found = [ip_address(text) for text in _resolved(asked, seconds)]
    if literal := _literal(asked.host):  # registered as an address: that one is meant
        networks = [*networks, ip_network(literal)]
    if not all(_open(address, networks) or (dev and asked.local and address.is_loopback) for address in found):
        raise NotPermittedError
    return list(dict.fromkeys(map(str, found)))


def public(address: Address) -> bool:
    """Whether an address lies in the open network.

    Not so: what is private, loopback or link-local (services that tell a machine's secrets are there), and IPv4
    addresses in the guise of IPv6.
    """
    if isinstance(address, IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address in NAT64 or address.is_site_local
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _open(address: Address, networks: Iterable[Network]) -> bool:
    return public(address) or any(address in network for network in networks)


def _resolved(asked: Server, seconds: float) -> list[str]:
    waiting = RESOLVERS.submit(socket.getaddrinfo, asked.host, asked.port, type=socket.SOCK_STREAM)
    try:
        return [str(found[4][0]) for found in waiting.result(seconds)]
    except UnicodeError:  # no name of the DNS
        raise OSError from None
    finally:
        waiting.cancel()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
