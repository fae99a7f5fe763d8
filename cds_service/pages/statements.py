"""What the source pages say of a code: tips, pitfalls, context and questions, with what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from knowledge import Code, Knowledge
from knowledge.files import HERE as KNOWLEDGE
from knowledge.files import toml

#: The kinds of statements by the letter of their ids, in the order in which a page tells them.
KINDS = {"T": "tips", "P": "pitfalls", "H": "context", "C": "context", "S": "context", "M": "context"}
KINDS |= {"B": "context", "R": "context", "F": "questions"}
ORDER = ("tips", "pitfalls", "questions", "context")


@dataclass(frozen=True, slots=True)
class Statement:
    """One row of requirements.toml as the page of one code tells it."""

    ids: tuple[str, ...]
    said: str
    standing: str
    why: str
    carried_by: tuple[str, ...]
    question: str = ""
    answer: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What one source page says, by kind."""

    code: Code  #: whose page it is
    kinds: tuple[tuple[str, tuple[Statement, ...]], ...]


def of(one: Code, known: Knowledge, root: Path = KNOWLEDGE) -> list[Said]:
    """What is said of a code; where no source page is about it, what is said of its siblings that have one.

    Of the same family first, since they share what narrows what; else of the same region.
    """
    pages = {f"{known.category}.{number}": number for number in _numbers(root)}
    told = [known.codes[code] for code in pages if code == one.code]
    told = told or [known.codes[code] for code in pages if known.codes[code].family == one.family]
    told = told or [known.codes[code] for code in pages if known.codes[code].region == one.region]
    return [Said(code, tuple(_kinds(pages[code.code], root))) for code in told]


def _kinds(number: str, root: Path) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    for kind in ORDER:
        rows = tuple(_told(row, number, kind) for row in rows_of(root) if _ids(row, number, kind))
        if rows:
            yield kind, rows


def _told(row: dict[str, Any], number: str, kind: str) -> Statement:
    return Statement(
        tuple(_ids(row, number, kind)),
        row["said"],
        row["standing"],
        row["why"],
        tuple(row["carried_by"]),
        row.get("question", ""),
        row.get("answer", ""),
        row.get("source", ""),
    )


def _ids(row: dict[str, Any], number: str, kind: str) -> list[str]:
    """The statements of a row that stand on one page and are of one kind."""
    return [name for name in row["ids"] if name.startswith(f"{number}-") and KINDS[name.partition("-")[2][0]] == kind]


def _numbers(root: Path) -> list[str]:
    """The source pages, as the first part of their statements' ids."""
    return sorted({name.partition("-")[0] for row in rows_of(root) for name in row["ids"]})


@cache
def rows_of(root: Path = KNOWLEDGE) -> list[dict[str, Any]]:
    """The rows of requirements.toml."""
    rows: list[dict[str, Any]] = toml(root / "requirements.toml", "requirements")["requirement"]
    return rows
