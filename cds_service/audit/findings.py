"""What an audit writes: one row per assessed code, and what is counted over all of them."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import orjson

from cds_service.audit.buckets import READ
from cds_service.consult import Consultation
from cds_service.fhir_read import Resource, objects, string
from knowledge import Assessment

PACKAGE = "foramen"
NEEDED = ("pyarrow", "pygal")
CSV, PARQUET, SUMMARY = "findings.csv", "findings.parquet", "summary.json"
COLUMNS = (
    *("patient", "encounter", "date", "code", "verdict", "proposed_codes", "missing_hard", "missing_soft"),
    *("rules", "evidence", "knowledge", "organization", "practitioner", "service_class"),
)
#: Where an Encounter names its organization and its practitioner.
WHERE = ("serviceProvider", "participant.individual")
BLOCK = 8 * 2**20  #: bytes of CSV that become one group of the Parquet file, and more than any row has
#: A quote can be as long as a document.
csv.field_size_limit(2**31 - 1)


class MissingError(ImportError):
    """A package that an audit needs is not installed.  Says which."""


@dataclass
class Tally:
    """What is counted while rows are written."""

    counted: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    missing_hard: Counter[str] = field(default_factory=Counter)
    missing_soft: Counter[str] = field(default_factory=Counter)
    not_read: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)  #: ``reference``, a tab, and what it is shown as

    def add(self, told: Consultation, visit: Resource) -> None:
        """Count an encounter; one in which nothing was assessed does not count."""
        if told.assessments:
            self.counted["encounters"] += 1
            self.names.update(f"{name}\t{shown}" for name, shown in map(_who, [visit] * 2, WHERE) if shown != name)
            self.not_read.update(str(gap.reason) for gap in told.chart.gaps)
        for one in told.assessments:
            self.counted["findings"] += 1
            self.verdicts[str(one.verdict)] += 1
            self.codes[one.code] += 1
            self.missing_hard.update(one.missing_hard)
            self.missing_soft.update(one.missing_soft)

    def merge(self, other: Mapping[str, Mapping[str, int]]) -> None:
        for name, counts in other.items():
            getattr(self, name).update(counts)

    def json(self) -> dict[str, dict[str, int]]:
        return {name: dict(sorted(counts.items())) for name, counts in vars(self).items()}


def rows(told: Consultation, patient: str, encounter: str, visit: Resource, knowledge: str) -> Iterator[list[str]]:
    """The rows of an encounter, in the order of ``COLUMNS``; lists stand with spaces between their members."""
    for one in told.assessments:
        yield [
            *(patient, encounter, told.chart.date, one.code, str(one.verdict)),
            *(" ".join(several) for several in (one.proposed, one.missing_hard, one.missing_soft)),
            " ".join((one.rule.id, *one.policy)),
            _evidence(one),
            knowledge,
            *(_who(visit, path)[0] for path in WHERE),
            string(visit, "class.code", "class.coding.code", "class", "class_fhir.code"),
        ]


def table(file: TextIO) -> Any:
    """A writer of CSV whose lines end alike on every system."""
    return csv.writer(file, lineterminator="\n")


def require() -> None:
    """Refuse to begin what could not be written.

    Raises:
        MissingError: pyarrow, which writes Parquet, or pygal, which draws, is not installed.
    """
    if absent := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise MissingError(f"an audit needs {' and '.join(absent)}; install {PACKAGE}[audit]")


def parquet(findings: Path, target: Path) -> None:
    """The rows as Parquet, a block at a time.  pyarrow is imported here: whoever serves cards does not need it."""
    arrow, tables = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    schema = arrow.schema([(name, arrow.string()) for name in COLUMNS])
    read = tables.open_csv(
        findings,
        read_options=tables.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=tables.ParseOptions(newlines_in_values=True),
        convert_options=tables.ConvertOptions(column_types=schema, strings_can_be_null=False),
    )
    with importlib.import_module("pyarrow.parquet").ParquetWriter(target, schema) as writer:
        for batch in read:
            writer.write_batch(batch)


def told(read: Mapping[str, Mapping[str, int]], tally: Tally, knowledge: str, today: str) -> dict[str, Any]:
    """The summary: what was read (``counted`` and ``types``), and what was counted over the rows."""
    judged = tally.json()
    counts = {"rejected": 0, **read["counted"], **judged.pop("counted")}
    return {
        "knowledge": knowledge,
        "as_of": today,
        "counts": dict(sorted(counts.items())),
        "resources": dict(sorted(read["types"].items())),
        "types_not_in_export": sorted(READ - read["types"].keys()),
        **judged,
        "names": names(tally.names),
    }


def _who(visit: Resource, path: str) -> tuple[str, str]:
    """The first that an Encounter names at a path: its reference, and how it is shown."""
    named = next(iter(objects(visit, path)), {})
    reference, shown = string(named, "reference"), string(named, "display")
    return reference or shown, shown or reference


def names(counted: Mapping[str, int]) -> dict[str, str]:
    """Reference -> the way it is shown most often."""
    ranked = sorted(counted, key=lambda pair: (counted[pair], pair))
    return dict(sorted((one, shown) for one, _, shown in (pair.partition("\t") for pair in ranked)))


def _evidence(one: Assessment) -> str:
    """Every quote with its resource and its place, as JSON."""
    return orjson.dumps(one.evidence).decode()
