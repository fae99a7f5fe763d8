"""The clients that an operator registered: who they are, what they sign with, what they may name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

import cards
from cards.capabilities import KNOWN
from cards.lint import offences
from cds_service import keys, showing
from cds_service.settings import SettingsError

HERE = Path(__file__).parent
DEV = HERE / "clients.dev.toml"
RECOMMENDED = frozenset({"ES384", "RS384"})
EPIC_LIFE = 900  #: s, the longest life of a token among the clients known to use the recommended algorithms
SERVICES = "/cds-services"
ANY_PORT = ":*"
#: What no public key set holds: the private parts of a key, and symmetric keys.
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class Client:
    """One ``[[client]]`` of the file; ``clients.schema.json`` describes each field."""

    iss: str
    audiences: tuple[str, ...]
    jku: str = ""
    keys: keys.Keys = field(default_factory=dict, repr=False, hash=False)  #: of a JWK Set that was handed over
    tenants: frozenset[str] = frozenset()
    algorithms: frozenset[str] = RECOMMENDED
    fhir_servers: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    smart_app: cards.App | None = None
    lifetime: int = EPIC_LIFE
    untyped: bool = False
    showing: showing.Showings = field(default_factory=dict, hash=False)

    def hears(self, audience: str, path: str) -> bool:
        """Whether a token for ``audience`` is meant for a call of ``path`` here (J6, Q16).

        What is registered counts as it stands; as a base URL it stands for the address that is called.  The address is
        never taken from the request: its Host header is the caller's own word.
        """
        claimed = plain(audience)
        return any(claimed in _accepted(registered, claimed, path) for registered in self.audiences)


#: Issuer and tenant, empty where tokens name none -> the client.
Registry = Mapping[tuple[str, str], Client]


def read(path: Path) -> Registry:
    """The clients of one file.

    Raises:
        SettingsError: with the path and what is wrong.
    """
    registry: dict[tuple[str, str], Client] = {}
    for raw in _checked(path)["client"]:
        client = _client(raw, path)
        _check_cards(client, path)
        for tenant in client.tenants or {""}:
            if registry.setdefault((client.iss, tenant), client) is not client:
                raise SettingsError(f"{path}: {client.iss} is registered twice{f' for {tenant}' if tenant else ''}")
    return registry


def plain(audience: str) -> str:
    """An audience as it is compared: slashes at the end and doubled ones, case of the host and usual ports aside."""
    scheme, mark, rest = audience.partition("://")
    if not mark:
        return audience.rstrip("/")
    host, _, path = rest.partition("/")
    scheme, host = scheme.lower(), host.lower()
    host = host.removesuffix({"https": ":443", "http": ":80"}.get(scheme, ""))
    return "/".join([f"{scheme}://{host}", *filter(None, path.split("/"))])


def _accepted(registered: str, claimed: str, path: str) -> Iterator[str]:
    base = plain(registered)
    if base.endswith(ANY_PORT):
        port = re.match(r"\w+://(?:\[[^]]*\]|[^:/]*)(:\d+)?", claimed)
        base = base.removesuffix(ANY_PORT) + ((port and port[1]) or "")
    yield base
    if "://" in base:
        yield base.removesuffix(SERVICES) + path


def _client(raw: dict[str, Any], path: Path) -> Client:
    given = raw | {name: tuple(raw[name]) for name in ("audiences", "fhir_servers") if name in raw}
    given |= {name: frozenset(raw[name]) for name in ("tenants", "algorithms", "capabilities") if name in raw}
    given |= {"showing": showing.read(raw["showing"])} if "showing" in raw else {}
    given |= {"smart_app": cards.App(**raw["smart_app"])} if "smart_app" in raw else {}
    file = given.pop("jwks", None)
    return Client(**given, keys=_handed_over(path.parent / file)) if file else Client(**given)


def _check_cards(client: Client, path: Path) -> None:
    """Refuse what cards could not do, or may not say: a misspelt capability would be a missing one."""
    if lost := sorted(client.capabilities - KNOWN):
        raise SettingsError(f"{path}: {client.iss}: no such capability: {lost}; there are {sorted(KNOWN)}")
    if client.smart_app and (words := offences(client.smart_app.label)):
        raise SettingsError(f"{path}: {client.iss}: no card says {words}, nor may the label of an app")


def _handed_over(path: Path) -> keys.Keys:
    """The keys of a JWK Set file: every one usable, none private."""
    try:
        raw = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    found = keys.parse(raw)
    entries = raw.get("keys", ()) if isinstance(raw, dict) else ()
    if any(SECRET & set(entry) for entry in entries if isinstance(entry, dict)):
        raise SettingsError(f"{path}: holds a private or symmetric key; keep only the public part")
    if not found or len({kid for kid, _ in found}) != len(entries):
        raise SettingsError(
            f"{path}: every key needs a kid of its own, and type EC (P-384, P-256) or RSA (from 2048 bits)"
        )
    return found


def _checked(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # tomllib and UTF-8 raise ValueErrors
        raise SettingsError(f"{path}: {error}") from None
    for problem in _schema().iter_errors(raw):
        said = "needs jku or jwks" if problem.validator == "anyOf" else problem.message
        raise SettingsError(f"{path}: {'/'.join(map(str, problem.absolute_path))}: {said}")
    return raw


@cache
def _schema() -> Draft202012Validator:
    return Draft202012Validator(orjson.loads((HERE / "clients.schema.json").read_bytes()))
