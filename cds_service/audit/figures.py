"""The rows of an audit -> what a report counts."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cds_service.audit.findings import PARQUET, SUMMARY
from knowledge import Knowledge, Verdict

Row = Mapping[str, str]
COUNTED = ("date", "code", "verdict", "proposed_codes", "missing_hard", "missing_soft", "organization", "practitioner")
SHOWN = (
    "patient",
    "encounter",
    "date",
    "code",
    "verdict",
    "proposed_codes",
    "missing_hard",
    "missing_soft",
    "rules",
    "evidence",
)
EXAMPLES = 3  #: of each verdict, each of another patient
QUOTES = 4  #: of each example
MONTH = len("YYYY-MM")
#: Rows are looked at a batch at a time, so that a report does not grow with the export.
BATCH = 8192


@dataclass
class Figures:
    """What was counted: verdicts by each dimension, pairs of codes, what is missing; and some rows as examples."""

    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    by: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, row: Row, known: Knowledge) -> None:
        """Count a row."""
        verdict, code = row["verdict"], known.codes.get(row["code"])
        self.total += 1
        self.verdicts[verdict] += 1
        self.codes[row["code"]] += 1
        places = {
            "family": code.family if code else "",
            "region": code.region if code else "",
            "organization": row["organization"],
            "practitioner": row["practitioner"],
            "month": row["date"][:MONTH],
        }
        for dimension, value in places.items():
            self.by.setdefault(dimension, {}).setdefault(value, Counter())[verdict] += 1
        if verdict != Verdict.CLARIFY:  # there nothing is documented yet: these are the codes to choose from
            self.pairs.update((row["code"], proposed) for proposed in row["proposed_codes"].split())
        for kind in ("hard", "soft"):
            self.missing.update((kind, element) for element in row[f"missing_{kind}"].split())


def figures(folder: Path, known: Knowledge) -> Figures:
    """Count the findings of a directory, whichever engine wrote them."""
    made = Figures()
    for row in _rows(folder, COUNTED):
        made.add(row, known)
    for row in _rows(folder, SHOWN):
        held = made.examples.setdefault(row["verdict"], [])
        if len(held) < EXAMPLES and row["patient"] not in {one["patient"] for one in held}:
            held.append(_example(row))
    return made


def summary(folder: Path) -> dict[str, Any]:
    """What the audit counted while it ran."""
    path = folder / SUMMARY
    parts = sorted(path.glob("part-*")) if path.is_dir() else [path]
    told: dict[str, Any] = orjson.loads(b"".join(part.read_bytes() for part in parts))
    return told


def _rows(folder: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    """Some columns of the rows, by pseudonym and encounter within each file."""
    path = folder / PARQUET
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    parquet = importlib.import_module("pyarrow.parquet")
    for file in files:
        for batch in parquet.ParquetFile(file).iter_batches(BATCH, columns=list(columns)):
            yield from batch.to_pylist()


def _example(row: dict[str, str]) -> dict[str, Any]:
    return {**row, "evidence": orjson.loads(row["evidence"])[:QUOTES]}
