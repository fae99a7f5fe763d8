"""What an audit costs beside what it cannot do without: reading the notes, and parsing the lines.

    python benchmarks/audit                    CPU against the reading engine and a bare parse
    python benchmarks/audit --memory           memory, while the export grows tenfold
    python benchmarks/audit --grouping         hash buckets and DuckDB (pip install duckdb)
    python benchmarks/audit --spark            Spark beside one machine, its fixed cost apart
    python benchmarks/audit --export DIR       one export that is there, of any size

Exports are invented (``foramen synth``); every encounter has a code to judge.  Prints Markdown.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import orjson
from measure import MIB, Cost, cost, foramen

import knowledge
from cds_service.coded import observation_text
from knowledge.model import Document

KINDS = {"DocumentReference": "progress", "DiagnosticReport": "radiology", "Observation": "observation"}
MOST_RATIO, MOST_MEMORY = 1.3, 600 * MIB
RUNS = 3


def export(folder: Path, patients: int) -> Path:
    """An invented export."""
    foramen("synth", "--patients", patients, "--out", folder / f"export-{patients}")
    return folder / f"export-{patients}"


def size(source: Path) -> int:
    return sum(path.stat().st_size for path in source.glob("*.ndjson"))


def audited(source: Path, folder: Path, *more: object) -> Cost:
    """One audit into a directory of its own."""
    out = folder / f"out-{len(list(folder.iterdir()))}"
    return foramen("audit", source, "--out", out, "--as-of", "2026-11-20", *more)


def texts(source: Path) -> Iterator[Document]:
    """Every text of an export, once."""
    for kind, document in KINDS.items():
        path = source / f"{kind}.ndjson"
        for line in path.read_bytes().splitlines():
            one = orjson.loads(line)
            forms = one.get("presentedForm") or [part["attachment"] for part in one.get("content", ())]
            packed = [b64decode(form["data"]).decode() for form in forms]
            yield Document(f"{kind}/{one['id']}", *(packed or [observation_text(one)]), document)


def parsed(source: Path) -> float:
    """CPU seconds of parsing every line, and nothing else."""
    start = process_time()
    for path in source.glob("*.ndjson"):
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)
    return process_time() - start


def read(documents: list[Document], known: knowledge.Knowledge) -> float:
    """CPU seconds of reading every text once, and nothing else."""
    start = process_time()
    for document in documents:
        knowledge.reading(document, known)
    return process_time() - start


def against_reading(folder: Path, patients: int) -> None:
    """The whole run beside what it is made of; each the least of several runs."""
    source, known = export(folder, patients), knowledge.load()
    documents = list(texts(source))
    notes = sum(document.kind != KINDS["Observation"] for document in documents)
    megabytes = size(source) / 1e6
    parse = reading = whole = fixed = float("inf")
    nothing = export(folder, 1)
    for _ in range(RUNS):
        parse, reading = min(parse, parsed(source)), min(reading, read(documents, known))
        whole = min(whole, audited(source, folder, "--jobs", 1).cpu)
        fixed = min(fixed, audited(nothing, folder, "--jobs", 1).cpu)
    characters = sum(len(one.text) for one in documents)
    print(f"{patients} patients, {megabytes:.1f} MB, {notes} notes, {characters} characters\n")
    print("| | CPU | MB/s | notes/s |\n|---|---|---|---|")
    for name, spent in (
        ("bare parse", parse),
        ("reading engine", reading),
        ("audit, without its start", whole - fixed),
        ("audit", whole),
    ):
        print(f"| {name} | {spent:.2f} s | {megabytes / spent:.1f} | {notes / spent:.0f} |")
    ratio = (whole - fixed) / (parse + reading)
    print(f"\nThe start takes {fixed:.2f} s of CPU.  Audit : (reading + parse) = **{ratio:.2f}** (goal: {MOST_RATIO})")


def memory(folder: Path, patients: int) -> None:
    print("| export | wall | CPU | most memory |\n|---|---|---|---|")
    for count in (patients, 10 * patients):
        source = export(folder, count)
        print(f"| {size(source) / 1e6:.0f} MB | {audited(source, folder)} |")


def grouping(folder: Path, patients: int) -> None:
    source = export(folder, patients)
    print(f"{size(source) / 1e6:.0f} MB\n\n| | wall | CPU | most memory |\n|---|---|---|---|")
    for way in ("buckets", "duckdb"):
        target = folder / way
        target.mkdir()
        spent = cost([sys.executable, str(Path(__file__).with_name("grouping.py")), way, str(source), str(target)])
        print(f"| {way} | {spent} |")


def spark(folder: Path, patients: int) -> None:
    """Both engines on one patient, which is their fixed cost, and on many."""
    secret = folder / "secret"
    secret.write_text("a secret of a benchmark that nobody guesses")
    cluster = ("--engine", "spark", "--master", "local[2]", "--secret-file", secret)
    few, many = export(folder, 1), export(folder, patients)
    print(f"{size(many) / 1e6:.0f} MB\n\n| | wall | of it fixed | most memory |\n|---|---|---|---|")
    for name, words in (("one machine, 2 processes", ("--jobs", 2)), ("Spark, local[2]", cluster)):
        fixed, whole = audited(few, folder, *words), audited(many, folder, *words)  # Java's CPU is not ours to count
        print(f"| {name} | {whole.wall:.1f} s | {fixed.wall:.1f} s | {whole.peak / MIB:.0f} MiB |")


def one(folder: Path, source: Path) -> None:
    megabytes, spent = size(source) / 1e6, audited(source, folder)
    with (source / "DocumentReference.ndjson").open("rb") as file:
        notes = sum(1 for _ in file)
    print("| export | wall | CPU | most memory | MB/s | notes/s |\n|---|---|---|---|---|---|")
    print(f"| {megabytes:.0f} MB | {spent} | {megabytes / spent.wall:.2f} | {notes / spent.wall:.0f} |")
    print(f"\nMemory: goal at most {MOST_MEMORY // MIB} MiB.")


def main() -> None:
    parser = ArgumentParser(description="What an audit costs.")
    parser.add_argument("--patients", type=int, default=1000)
    ways = parser.add_mutually_exclusive_group()
    for name in ("memory", "grouping", "spark"):
        ways.add_argument(f"--{name}", action="store_true")
    ways.add_argument("--export", type=Path)
    given = parser.parse_args()
    chosen = next((way for way in (memory, grouping, spark) if getattr(given, way.__name__)), against_reading)
    with TemporaryDirectory() as folder:
        if given.export:
            one(Path(folder), given.export)
        else:
            chosen(Path(folder), given.patients)


if __name__ == "__main__":
    main()
