"""The charts of the playground, what can be ordered there, and the form that holds a chart."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from cds_service.shape import expect, optional

HERE = Path(__file__).parent
USUAL = "order-sign"
SETTINGS = ("AMB", "IMP", "EMER")
MOST_CODES = 12


@dataclass(frozen=True, slots=True)
class Order:
    """Something that can be ordered in the playground."""

    id: str
    text: str
    cpt: str


@dataclass(frozen=True, slots=True)
class Form:
    """A chart as the form holds it."""

    codes: tuple[str, ...]
    note: str = field(default="", repr=False)
    report: str = field(default="", repr=False)
    orders: tuple[str, ...] = ()
    date: str = ""
    setting: str = SETTINGS[0]
    hook: str = USUAL


@dataclass(frozen=True, slots=True)
class Sample:
    """A chart to choose."""

    id: str
    verdict: str  #: what it is here for
    title: str
    codes: str
    date: str
    setting: str
    orders: tuple[str, ...]
    note: str
    report: str

    def form(self) -> Form:
        return Form(codes_of(self.codes), self.note, self.report, self.orders, self.date, self.setting)


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((HERE / "samples.toml").read_text(encoding="utf-8"))


@cache
def read() -> Mapping[str, Sample]:
    """The charts, by id."""
    charts = (raw | {"note": raw["note"].strip(), "report": raw["report"].strip()} for raw in _file()["chart"])
    return {raw["id"]: Sample(**raw | {"orders": tuple(raw["orders"])}) for raw in charts}


@cache
def orders() -> Mapping[str, Order]:
    """What can be ordered, by id."""
    return {raw["id"]: Order(**raw) for raw in _file()["order"]}


def codes_of(text: str) -> tuple[str, ...]:
    """Codes as people write them: upper case, with blanks or commas between them, each once."""
    return tuple(dict.fromkeys(text.upper().replace(",", " ").split()))[:MOST_CODES]


def form_of(body: Any) -> Form:
    """The form that a page sends.

    Raises:
        RequestError: 400 with the place.
    """
    expect(body, (dict,), ())
    said = {name: optional(body, name, (str,)) or "" for name in ("codes", "note", "report", "date", "setting", "hook")}
    wanted = optional(body, "orders", (list,)) or []
    return Form(
        codes_of(said["codes"]),
        said["note"],
        said["report"],
        tuple(name for name in orders() if name in wanted),
        _day(said["date"]),
        said["setting"] if said["setting"] in SETTINGS else SETTINGS[0],
        said["hook"] or USUAL,
    )


def _day(text: str) -> str:
    """A date of service; today where none is said."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return date.today().isoformat()  # noqa: DTZ011 - the day at the clinic, as the hooks reckon it
