"""The same audit on Apache Spark: lines to their patients by a shuffle, each patient judged where its lines are.

``mapInArrow`` over sorted partitions, since a call for each patient (``applyInPandas``) costs three times as much.
What judges is ``judging.Judge``, as on one machine, so the rows are the same.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from cds_service.audit import buckets, findings
from cds_service.audit import spark_workers as workers
from cds_service.audit.spark_workers import BINARY, KEPT, LINES, REJECTED, TOLD, WANTED
from cds_service.pseudonyms import Pseudonyms
from knowledge import Knowledge

Frame = Any  #: pyspark.sql.DataFrame: pyspark is imported where it is used, few have it

#: Rows that come to Python at once; a document can have megabytes, and Spark's own bound is 10,000 rows.
ROWS = 500
PARTS = 4  #: partitions for each core, so that a heavy one does not keep all waiting


@dataclass(frozen=True)
class Cluster:
    """An audit on a cluster: what is read, what is written, and as of which day."""

    session: Any
    inputs: list[str]
    out: str
    pseudonyms: Pseudonyms = field(repr=False)
    today: str
    parts: int

    def path(self, name: str) -> str:
        return f"{self.out.rstrip('/')}/{name}"

    @property
    def finished(self) -> bool:
        """Whether the summary, which comes last, is there."""
        wrong = importlib.import_module("pyspark.errors").AnalysisException
        try:
            return bool(self.session.read.text(self.path(findings.SUMMARY)).take(1))
        except wrong:
            return False

    def run(self, known: Knowledge) -> None:
        """Judge the export; each step is kept on the disks of the workers until the next one is done."""
        disk = importlib.import_module("pyspark").StorageLevel.DISK_ONLY
        self.session.conf.set("spark.sql.shuffle.partitions", self.parts)
        lines = _mapped(self._lines(), partial(workers.placed, self.pseudonyms), workers.PLACED).persist(disk)
        sorted_lines = self._kept(lines).repartition(self.parts, "pseudonym").sortWithinPartitions("pseudonym")
        judged = _mapped(sorted_lines, partial(workers.judged, self.today, known.version), workers.JUDGED).persist(disk)
        rows = (
            judged.where("told is null")
            .orderBy("patient", "encounter", "place")
            .select(*findings.COLUMNS)
            .persist(disk)
        )
        rows.write.mode("overwrite").parquet(self.path(findings.PARQUET))
        self._lined(findings.CSV, rows, workers.as_csv)
        read = self._set_aside(lines)
        tally = findings.Tally()
        for row in judged.where("told is not null").select("told").toLocalIterator():
            tally.merge(orjson.loads(row.told))
        said = findings.told(read, tally, known.version, self.today)
        self._text(findings.SUMMARY, [orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()])

    def _lines(self) -> Frame:
        """Every line as it is, with its file and the block of the file that it was read with."""
        read = self.session.read.option("lineSep", "\n")
        where = ["_metadata.file_path as file", "_metadata.file_block_start as block"]
        return read.text(self.inputs).selectExpr("cast(value as binary) as raw", *where)

    def _kept(self, lines: Frame) -> Frame:
        """The lines of patients; a Binary goes to each patient whose documents refer to it."""
        mine = ["pseudonym", "patient", "kind", "raw"]
        wanted = lines.where(f"role = '{WANTED}'").select("id", "pseudonym", "patient").distinct()
        joined = lines.where(f"role = '{BINARY}'").select("id", "kind", "raw").join(wanted, "id")
        return lines.where(f"role = '{KEPT}'").select(*mine).unionByName(joined.select(*mine))

    def _set_aside(self, lines: Frame) -> dict[str, Any]:
        """Write the lines that are no resource with their places, and count all that was read."""
        counted: Counter[str] = Counter()
        types: Counter[str] = Counter()
        blocks: dict[str, dict[int, int]] = {}
        for row in lines.where(f"role = '{TOLD}'").select("file", "block", "number", "raw").toLocalIterator():
            blocks.setdefault(row.file, {})[row.block] = row.number
            told = orjson.loads(bytes(row.raw))
            counted.update(told["counted"])
            types.update(told["types"])
        counted["without_patient"] += self._unwanted(lines)
        before = {file: _sums(held) for file, held in blocks.items()}
        rejected = lines.where(f"role = '{REJECTED}'").orderBy("file", "block", "number")
        self._lined(buckets.REJECTED, rejected.select("raw"), workers.as_text)
        columns = rejected.select("file", "block", "number")
        self._lined(buckets.REJECTS, columns, partial(workers.places, before))
        return {"counted": {"files": len(blocks), **counted}, "types": types}

    def _unwanted(self, lines: Frame) -> int:
        wanted = lines.where(f"role = '{WANTED}'").select("id").distinct()
        binaries = lines.where(f"role = '{BINARY}'").select("id")
        return int(binaries.join(wanted, "id", "left_anti").count())

    def _lined(self, name: str, frame: Frame, function: Any) -> None:
        """Write a frame as lines that Python makes of its rows."""
        _mapped(frame, function, LINES).write.mode("overwrite").text(self.path(name))

    def _text(self, name: str, lines: list[str]) -> None:
        frame = self.session.createDataFrame([(line,) for line in lines], "line string")
        frame.coalesce(1).write.mode("overwrite").text(self.path(name))


@contextmanager
def session(master: str) -> Iterator[Any]:
    """A Spark session, until the block ends.

    Raises:
        MissingError: pyspark or Java is not there.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise findings.MissingError(f"this engine needs pyspark; install {findings.PACKAGE}[spark]")
    if not os.environ.get("JAVA_HOME") and not shutil.which("java"):
        raise findings.MissingError("this engine needs Java (Debian: apt-get install default-jre-headless)")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = importlib.import_module("pyspark.sql").SparkSession.builder.appName(f"{findings.PACKAGE} audit")
    settings = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": ROWS,
        "spark.hadoop.fs.permissions.umask-mode": "077",  # quotes of records
        "spark.ui.enabled": "false",  # it would show them to whoever asks
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    running = builder.master(master).getOrCreate()
    running.sparkContext.setLogLevel("ERROR")
    try:
        yield running
    finally:
        running.stop()


def _mapped(frame: Frame, function: Any, schema: Mapping[str, str]) -> Frame:
    return frame.mapInArrow(function, ", ".join(f"`{name}` {kind}" for name, kind in schema.items()))


def _sums(held: Mapping[int, int]) -> dict[int, int]:
    """Start of a block -> lines of the file before it."""
    before, total = {}, 0
    for block in sorted(held):
        before[block] = total
        total += held[block]
    return before
