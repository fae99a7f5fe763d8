"""What the workers of a cluster do with their part of an export.  Batches of Arrow in, batches of Arrow out."""

from __future__ import annotations

import csv
import importlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from cds_service.audit import buckets, findings, judging
from cds_service.audit.export import MOST_LINE
from cds_service.pseudonyms import Pseudonyms

Batches = Iterable[Any]  #: of pyarrow.RecordBatch
Schema = Mapping[str, str]

#: What becomes of the lines: kept for a patient; a Binary, and who wants it; set aside; and what was counted.
KEPT, BINARY, WANTED, REJECTED, TOLD = "kept", "binary", "wanted", "rejected", "told"
PLACED: Schema = {
    **dict.fromkeys(("role", "id", "pseudonym", "patient", "kind"), "string"),
    "raw": "binary",
    "file": "string",
    "block": "long",
    "number": "long",
}
JUDGED: Schema = dict.fromkeys(findings.COLUMNS, "string") | {"place": "long", "told": "string"}
LINES: Schema = {"line": "string"}


def placed(pseudonyms: Pseudonyms, batches: Batches) -> Iterator[Any]:
    """Lines with their files -> what becomes of each, and last what was counted for each block of a file."""
    counted: dict[tuple[str, int], tuple[Counter[str], Counter[str]]] = {}
    numbers: Counter[tuple[str, int]] = Counter()
    for batch in batches:
        made: list[dict[str, Any]] = []
        for row in batch.to_pylist():
            where = row["file"], row["block"]
            counts, types = counted.setdefault(where, (Counter(), Counter()))
            made += _places(row, numbers[where], counts, types, pseudonyms)
            numbers[where] += 1
        yield _batch(made, PLACED)
    told = [
        {
            "role": TOLD,
            "file": file,
            "block": block,
            "number": numbers[file, block],
            "raw": orjson.dumps({"counted": counts, "types": types}),
        }
        for (file, block), (counts, types) in counted.items()
    ]
    yield _batch(told, PLACED)


def _places(
    row: Mapping[str, Any], number: int, counts: Counter[str], types: Counter[str], pseudonyms: Pseudonyms
) -> Iterator[dict[str, Any]]:
    raw = row["raw"].strip().removeprefix(b"\xef\xbb\xbf")
    if not raw:
        return
    found = buckets.place(raw, whole=len(row["raw"]) < MOST_LINE)
    counts["lines"] += 1
    if not found.kind:
        counts["rejected"] += 1
        yield {"role": REJECTED, "raw": raw, "file": row["file"], "block": row["block"], "number": number}
        return
    types[found.kind] += 1
    counts["without_patient"] += found.stray
    if found.kind == "Binary":
        yield {"role": BINARY, "id": found.id, "kind": found.kind, "raw": raw}
    elif found.patient:
        whose = {"pseudonym": pseudonyms.of(buckets.PURPOSE, found.patient), "patient": found.patient}
        yield {"role": KEPT, "kind": found.kind, "raw": raw, **whose}
        yield from ({"role": WANTED, "id": target, **whose} for target in found.wanted)


def judged(today: str, version: str, batches: Batches) -> Iterator[Any]:
    """Sorted lines -> the rows of each patient, and last what was counted."""
    mine, tally = judging.at_work(version), findings.Tally()
    for _, lines in groupby(_lines_of(batches), key=lambda line: line.pseudonym):
        rows = mine.rows(list(lines), today, tally)
        made = [{**dict(zip(findings.COLUMNS, row, strict=True)), "place": place} for place, row in enumerate(rows)]
        if made:
            yield _batch(made, JUDGED)
    yield _batch([{"told": orjson.dumps(tally.json()).decode()}], JUDGED)


def _lines_of(batches: Batches) -> Iterator[buckets.Kept]:
    for batch in batches:
        for row in batch.to_pylist():
            yield buckets.Kept(row["pseudonym"], row["patient"], row["kind"], row["raw"])


def as_csv(batches: Batches) -> Iterator[Any]:
    """Rows -> lines of CSV as on one machine; each file has the names of the columns above them."""
    first = True
    for batch in batches:
        rows = [tuple(row.values()) for row in batch.to_pylist()]
        if rows:
            yield _batch([{"line": _row(row)} for row in ([findings.COLUMNS] * first + rows)], LINES)
            first = False


def as_text(batches: Batches) -> Iterator[Any]:
    """What cannot be read, as text; what is no UTF-8 is marked."""
    for batch in batches:
        yield _batch([{"line": row["raw"].decode(errors="replace")} for row in batch.to_pylist()], LINES)


def places(before: Mapping[str, Mapping[int, int]], batches: Batches) -> Iterator[Any]:
    """Lines that were set aside -> file and line as CSV; ``before`` says how many lines a block has before it."""
    for batch in batches:
        rows = [
            (_local(row["file"]), before[row["file"]][row["block"]] + row["number"] + 1) for row in batch.to_pylist()
        ]
        yield _batch([{"line": _row(row)} for row in rows], LINES)


def _row(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _batch(rows: list[dict[str, Any]], schema: Mapping[str, str]) -> Any:
    arrow = importlib.import_module("pyarrow")
    kinds = {"string": arrow.string(), "binary": arrow.binary(), "long": arrow.int64()}
    return arrow.RecordBatch.from_pylist(rows, schema=arrow.schema([(name, kinds[k]) for name, k in schema.items()]))


def _local(address: str) -> str:
    """A file of this machine by its path, any other by its address."""
    parts = urlsplit(address)
    return str(PurePosixPath(unquote(parts.path))) if parts.scheme == "file" else address
