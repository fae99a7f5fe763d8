"""What an operator may set, read from ``FORAMEN_*`` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PREFIX = "FORAMEN_"
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})


class SettingsError(ValueError):
    """A setting is wrong.  Raised at the start, never during a call."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the variable ``FORAMEN_<FIELD>``; the default is the safe one."""

    dev: bool = False  #: for one machine: loopback FHIR servers may be asked, any page may call
    open: bool = False  #: answer callers from other machines although nobody is authenticated yet
    origins: frozenset[str] = frozenset()  #: web origins whose pages may call, separated by commas
    body_limit: int = 16_000_000  #: bytes of a request body; more is answered 413
    workers: int = 1  #: worker processes of ``foramen serve``
    threads: int = 16  #: calls that one worker answers at a time

    def allowed_origin(self, origin: str) -> str:
        """The value of Access-Control-Allow-Origin for a page's origin, or empty."""
        if self.dev:
            return "*"
        return origin if origin in self.origins else ""


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment.  A variable that is no setting is refused: it may be a misspelt safeguard."""
    known = {PREFIX + field.name.upper(): field for field in fields(Settings)}
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    if unknown := sorted(given.keys() - known.keys()):
        raise SettingsError(f"{', '.join(unknown)}: no such setting; there are {', '.join(known)}")
    return Settings(**{known[name].name: _parse(name, value, known[name].default) for name, value in given.items()})


def _parse(name: str, value: str, default: object) -> Any:
    if isinstance(default, bool):
        return _truth(name, value)
    if isinstance(default, int):
        return _count(name, value)
    return frozenset(origin.strip() for origin in value.split(",") if origin.strip())


def _truth(name: str, value: str) -> bool:
    if value.lower() not in YES | NO:
        raise SettingsError(f"{name}={value}: say 1 or 0")
    return value.lower() in YES


def _count(name: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise SettingsError(f"{name}={value}: say a whole number above 0")
    return int(value)
