"""Bringing the lines of each patient together, in two ways, under the same bound of memory: run by ``__main__``.

    python benchmarks/audit/grouping.py buckets|duckdb EXPORT FOLDER

Neither judges: every line is read, and handed on patient by patient.
"""

from __future__ import annotations

import importlib
import sys
from itertools import groupby
from pathlib import Path

from cds_service.audit.buckets import Spread, bucket, kept
from cds_service.audit.judging import patients
from cds_service.audit.run import BUCKET
from cds_service.pseudonyms import Pseudonyms

LIMIT = "600MB"
ORDERED = """
    SELECT coalesce(json ->> '$.subject.reference', 'Patient/' || (json ->> '$.id')) AS whose, json::VARCHAR AS line
    FROM read_ndjson_objects({files})
    WHERE json ->> '$.resourceType' NOT IN ('Organization', 'Practitioner')
    ORDER BY whose
"""


def buckets(files: list[Path], folder: Path) -> int:
    """As an audit does it: one pass that writes each line to one of many files, then file by file."""
    count = sum(path.stat().st_size for path in files) // BUCKET + 1
    Spread(folder, count, Pseudonyms(b"x" * 32)).run(files, lambda _: None)
    return sum(len(lines) for number in range(count) for lines in patients(kept(folder / bucket(number))))


def duckdb(files: list[Path], folder: Path) -> int:
    """A sort out of core, in batches of Arrow."""
    connection = importlib.import_module("duckdb").connect(
        config={
            "memory_limit": LIMIT,
            "temp_directory": str(folder),
            "preserve_insertion_order": "false",
            "threads": "2",
        }
    )
    found = connection.execute(ORDERED.format(files=[str(path) for path in files]))
    rows = (row for batch in iter(lambda: found.fetchmany(1000), []) for row in batch)
    return sum(len(list(lines)) for _, lines in groupby(rows, key=lambda row: row[0]))


if __name__ == "__main__":
    way, export, target = sys.argv[1:]
    held = sorted(Path(export).glob("*.ndjson"))
    print({"buckets": buckets, "duckdb": duckdb}[way](held, Path(target)))
