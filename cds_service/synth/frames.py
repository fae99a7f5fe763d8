"""``frames.toml``: the sentence frames and words of invented records, read once and checked whole."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SOURCE = Path(__file__).with_name("frames.toml")
SCHEMA = Path(__file__).with_name("frames.schema.json")


class FramesError(ValueError):
    """``frames.toml`` is not what it has to be."""


@dataclass(frozen=True, slots=True)
class Story:
    """One way in which a record documents a lesion, and the codes that may be chosen for it."""

    id: str
    weight: int
    needs: frozenset[str]
    frames: tuple[str, ...]
    choices: dict[str, int]


@dataclass(frozen=True, slots=True)
class Frames:
    """The stories, and every other table of the file by its name."""

    stories: tuple[Story, ...]
    tables: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.tables[name]


@cache
def frames() -> Frames:
    """The file.

    Raises:
        FramesError: with what is wrong and where.
    """
    raw = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    for wrong in Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).iter_errors(raw):
        raise FramesError(f"{SOURCE.name}: {wrong.json_path}: {wrong.message}")
    return Frames(tuple(_story(row) for row in raw["story"]), raw)


def _story(row: dict[str, Any]) -> Story:
    return Story(row["id"], row["weight"], frozenset(row["needs"]), tuple(row["frames"]), row["choices"])
