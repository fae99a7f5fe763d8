"""What an audit writes: one row per assessed code, and what is counted over all of them."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import orjson

from cds_service.consult import Consultation
from cds_service.fhir_read import Resource, string
from knowledge import Assessment

PACKAGE = "foramen"
CSV, PARQUET, SUMMARY = "findings.csv", "findings.parquet", "summary.json"
COLUMNS = (
    *("patient", "encounter", "date", "code", "verdict", "proposed_codes", "missing_hard", "missing_soft"),
    *("rules", "evidence", "knowledge", "organization", "practitioner", "service_class"),
)
BLOCK = 16 * 2**20  #: bytes of CSV that become one group of the Parquet file, and more than any row has
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

    def add(self, told: Consultation) -> None:
        """Count an encounter; one in which nothing was assessed does not count."""
        if told.assessments:
            self.counted["encounters"] += 1
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
            string(visit, "serviceProvider.reference", "serviceProvider.display"),
            string(visit, "participant.individual.reference", "participant.individual.display"),
            string(visit, "class.code", "class.coding.code", "class", "class_fhir.code"),
        ]


def table(file: TextIO) -> Any:
    """A writer of CSV whose lines end alike on every system."""
    return csv.writer(file, lineterminator="\n")


def require() -> None:
    """Refuse to begin what could not be written.

    Raises:
        MissingError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingError(f"the findings are also written as Parquet; install {PACKAGE}[audit]")


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


def _evidence(one: Assessment) -> str:
    """Every quote with its resource and its place, as JSON."""
    return orjson.dumps([asdict(piece) for piece in one.evidence]).decode()
