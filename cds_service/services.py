"""The services on offer: what discovery tells the world of each, and what Foramen must know of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Service:
    """One service of ``services.json`` with its facts of ``services.toml``."""

    id: str
    hook: str
    prefetch: Mapping[str, str]  #: key -> FHIR query template
    required: tuple[str, ...]  #: one of these must be known: ``context.<member>`` or a prefetch key
    informative: bool  #: tells, and never proposes a change
    assessed: str  #: ``encounter`` or ``context``: where the codes to assess come from


@cache
def discovery() -> dict[str, Any]:
    """The answer of ``GET /cds-services``."""
    answer: dict[str, Any] = orjson.loads((HERE / "services.json").read_bytes())
    return answer


@cache
def services() -> Mapping[str, Service]:
    """Every service, by id.

    Raises:
        KeyError, TypeError: the two files do not tell of the same services.  Raised at the start.
    """
    facts = tomllib.loads((HERE / "services.toml").read_text(encoding="utf-8"))
    return {told["id"]: _service(told, facts[told["id"]]) for told in discovery()["services"]}


def _service(told: Mapping[str, Any], facts: Mapping[str, Any]) -> Service:
    return Service(
        id=told["id"],
        hook=told["hook"],
        prefetch=told["prefetch"],
        required=tuple(facts["required"]),
        informative=facts["informative"],
        assessed=facts["assessed"],
    )
