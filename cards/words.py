"""Everything a card says that is not the record's: read once, checked whole."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from knowledge.model import Verdict

HERE = Path(__file__).parent
PLAIN_ID = re.compile("[a-z-]+")  #: no level, no code: only words


class WordingError(ValueError):
    """A wording file is not what it has to be; names the file and the place in it."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One way to say a decision: a file of ``templates/``."""

    id: str
    query: bool  #: class B, a documentation query; otherwise class A, a code edit
    topic: str
    indicator: str
    summary: str
    detail: tuple[str, ...]  #: paragraphs; one whose blocks are all empty is left out
    answers: str = "none"  #: how the proposed codes become answers: set, each, append, none
    offer: str = ""  #: the line above the answers
    unstated: str = ""  #: the advice that stands in where the treating provider has not stated it
    other: str = ""  #: what the answer "other" says, where it is no region or condition
    task: bool = False  #: what is missing may become a Task


def read(name: str) -> dict[str, Any]:
    """One TOML file of this directory."""
    try:
        return tomllib.loads((HERE / name).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise WordingError(f"cards/{name}: {error}") from error


def advice_of(name: str, raw: dict[str, Any]) -> Advice:
    """A template file as an Advice, after its schema has passed it."""
    for error in ADVICE_SCHEMA.iter_errors(raw):
        raise WordingError(f"cards/{name}: {error.json_path}: {error.message}")
    rest = {key: value for key, value in raw.items() if key not in {"class", "detail"}}
    return Advice(Path(name).stem, raw["class"] == "B", detail=tuple(raw["detail"]), **rest)


def open_answers(advice: Advice) -> dict[str, str]:
    """The answers of a query that name no code."""
    answers: dict[str, str] = PHRASES["open"]
    return answers | ({"other": advice.other} if advice.other else {})


def check(advices: dict[str, Advice], topics: dict[str, str], defaults: dict[str, str]) -> None:
    """Every name that one wording file uses is defined by another."""
    topic_names = {(advice.id, advice.topic) for advice in advices.values() if advice.topic not in topics}
    stand_ins = {(advice.id, advice.unstated) for advice in advices.values()}
    lost = topic_names | {pair for pair in stand_ins if pair[1] and pair[1] not in advices}
    lost |= {(verdict, defaults.get(verdict, "")) for verdict in Verdict if defaults.get(verdict) not in advices}
    if lost:
        raise WordingError(f"cards: names without a definition: {sorted(lost)}")


ADVICE_SCHEMA = Draft202012Validator(json.loads((HERE / "schemas/advice.schema.json").read_text(encoding="utf-8")))
LABELS = read("labels.toml")
GAPS: dict[str, str] = read("gaps.toml")
TOPICS = read("topics.toml")
PHRASES = read("phrases.toml")
OVERRIDE_REASONS = read("override-reasons.toml")
#: The advice of a verdict whose rule names none.
BY_VERDICT: dict[str, str] = read("advice.toml")
ADVICES = {
    path.stem: advice_of(f"templates/{path.name}", read(f"templates/{path.name}"))
    for path in sorted((HERE / "templates").glob("*.toml"))
}
check(ADVICES, TOPICS["display"], BY_VERDICT)


def label(table: str, name: str) -> str:
    """How an id is said; the id itself, its words apart, where no wording is written down for it."""
    words = name.replace("-", " ") if PLAIN_ID.fullmatch(name) else name
    return str(LABELS.get(table, {}).get(name, words))
