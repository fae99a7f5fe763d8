"""What an operator may set, read from ``FORAMEN_*`` variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

PREFIX = "FORAMEN_"
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})
OTHERS = frozenset({"FORAMEN_CI"})  #: for the tests alone: a test that cannot run on the build machine has failed

PATH = r"(/[\w.~/-]*)?"
WEB = re.compile(rf"https://[\w.-]+(:\d{{1,5}})?{PATH}", re.ASCII)
OWN = re.compile(rf"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{{1,5}})?{PATH}", re.ASCII)


class SettingsError(ValueError):
    """A setting is wrong.  Raised at the start, never during a call."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the variable ``FORAMEN_<FIELD>``; the default is the safe one."""

    dev: bool = False  #: for one machine: loopback FHIR servers may be asked, any page may call
    open: bool = False  #: answer whoever calls, unauthenticated: something else keeps strangers out
    clients: str = ""  #: TOML file of the clients that may call
    data: str = ""  #: directory that all workers can write to; without it, what must outlive a call is in memory
    database: str = field(default="", repr=False)  #: where all that is kept instead, and shared by all machines: a URL
    secret: str = field(default="", repr=False)  #: what pseudonyms are keyed with; made in FORAMEN_DATA if not set
    suppress_days: int = field(default=30, metadata={"least": 0})  #: an override with a reason holds; 0: not at all
    keep_comments: bool = False  #: keep the words of feedback, encrypted
    comment_key: str = field(default="", repr=False)  #: Fernet key that encrypts them
    query_codes: bool = True  #: a documentation query may offer codes; a code edit always does
    origins: frozenset[str] = frozenset()  #: web origins whose pages may call, separated by commas
    body_limit: int = 16_000_000  #: bytes of a request body; more is answered 413
    depth_limit: int = 100  #: levels of a request's JSON; more is answered 400
    rate_limit: int = 6000  #: calls a minute that one worker answers one client; more is answered 429
    fhir_servers: frozenset[str] = frozenset()  #: FHIR base URLs that any caller may name, separated by commas
    fhir_networks: frozenset[str] = frozenset()  #: private networks that FHIR servers may lie in: 10.20.0.0/16, ...
    fhir_authorities: str = ""  #: PEM file of the authorities that vouch for FHIR servers; by default the public ones
    fhir_call_ms: int = 2000  #: ms that one answer of a FHIR server may take
    deadline_ms: int = 5000  #: ms after which one call opens and reads no further document; the card names the others
    fhir_total_ms: int = 4000  #: ms that all of them may take in one call; the card names what was not had by then
    #: MB of memory in which one worker keeps notes as they were read, for the next hook on the same chart; 0: none
    readings_mb: int = field(default=32, metadata={"least": 0})
    public_url: str = ""  #: https base URL of this service as browsers reach it; with it each card links its rule
    operator_token: str = field(default="", repr=False)  #: what an operator signs in to the pages with; else nobody can
    shadow: bool = False  #: shadow mode for every client: judge and record, show nothing
    rules_off: frozenset[str] = frozenset()  #: rules whose cards no client is shown, separated by commas
    workers: int = 1  #: worker processes of ``foramen serve``
    threads: int = 16  #: calls that one worker works on at a time; those still on their way are not counted
    worker_hours: int = field(default=24, metadata={"least": 0})  #: after which a worker is replaced; 0: never
    worker_mb: int = field(default=0, metadata={"least": 0})  #: MB of memory above which a worker is replaced; 0: never
    proxies: int = field(default=0, metadata={"least": 0})  #: proxies in front whose X-Forwarded-For is believed

    def allowed_origin(self, origin: str) -> str:
        """The value of Access-Control-Allow-Origin for a page's origin, or empty."""
        if self.dev:
            return "*"
        return origin if origin in self.origins else ""

    def rules_url(self) -> str:
        """The address under which each rule is explained, or empty.

        Raises:
            SettingsError: browsers could not reach it, or not safely.
        """
        if self.public_url and not (WEB.fullmatch(self.public_url) or (self.dev and OWN.fullmatch(self.public_url))):
            raise SettingsError(f"{PREFIX}PUBLIC_URL: say https://host/..., in dev also http://127.0.0.1:port")
        return f"{self.public_url.rstrip('/')}/rules" if self.public_url else ""

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks that FHIR servers may lie in.

        Raises:
            SettingsError: one of them is none.
        """
        try:
            return tuple(map(ip_network, sorted(self.fhir_networks)))
        except ValueError as error:
            raise SettingsError(f"{PREFIX}FHIR_NETWORKS: {error}") from None


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment.  A variable that is no setting is refused: it may be a misspelt safeguard."""
    known = {PREFIX + one.name.upper(): one for one in fields(Settings)}
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and name not in OTHERS}
    if unknown := sorted(given.keys() - known.keys()):
        raise SettingsError(f"{', '.join(unknown)}: no such setting; there are {', '.join(known)}")
    options = Settings(**{known[name].name: _parse(name, value, known[name]) for name, value in given.items()})
    options.networks()
    replace(options, dev=True).rules_url()  # its form; `serve --dev` is not known here
    return options


def _parse(name: str, value: str, setting: Field[Any]) -> Any:
    default = setting.default
    if isinstance(default, bool):
        return _truth(name, value)
    if isinstance(default, int):
        return _count(name, value, setting.metadata.get("least", 1))
    if isinstance(default, str):
        return value
    return frozenset(origin.strip() for origin in value.split(",") if origin.strip())


def _truth(name: str, value: str) -> bool:
    if value.lower() not in YES | NO:
        raise SettingsError(f"{name}={value}: say 1 or 0")
    return value.lower() in YES


def _count(name: str, value: str, least: int) -> int:
    if not value.isdecimal() or int(value) < least:
        raise SettingsError(f"{name}={value}: say a whole number, {least} or above")
    return int(value)
