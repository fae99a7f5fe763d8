"""Numbers as they were written: in FHIR 1.10 is not 1.1, and a suggestion carries the client's own JSON."""

from __future__ import annotations

import json
import re
from typing import Any, Self

import orjson

#: A number that would be written otherwise: zeros at its end, an exponent, or more digits than a float holds.
ODD = re.compile(rb"[:\[,]\s*-?(?:\d+\.\d+0(?=\s*[,}\]])|\d+(?:\.\d+)?[eE]|[\d.]{17})")
DIGITS = 18  #: of a whole number, so many are always held


class Exact(float):
    """A number that remembers its text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __deepcopy__(self, _: object) -> Exact:
        return self


def kept(data: bytes, value: Any) -> Any:
    """The value of a valid JSON text, its odd numbers exact; the value as it is where there are none.

    It is read a second time only then, by a slower reader; its depth has to be checked before.
    """
    return json.loads(data, parse_float=Exact, parse_int=_whole) if ODD.search(data) else value


def dumps(value: object, option: int = 0) -> bytes:
    """JSON, with exact numbers as they came."""
    return orjson.dumps(value, _written, option)


def _whole(text: str) -> int | Exact:
    return int(text) if len(text) <= DIGITS else Exact(text)


def _written(value: object) -> orjson.Fragment:
    if isinstance(value, Exact):
        return orjson.Fragment(value.text.encode())
    raise TypeError(type(value).__name__)
