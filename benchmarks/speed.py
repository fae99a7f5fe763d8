"""How long reading takes beside the bare scan of the same text, and how long the knowledge takes to load.

    python benchmarks/speed.py                        (make bench)
    python benchmarks/speed.py --corpora PATH         the same, and over the texts of PATH/reports.jsonl

Prints Markdown.  Times are CPU time of this process, the median of several runs; the scan and the reading of a text
alternate, so that a busy machine slows both.  Ratios are what counts: seconds depend on the machine.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from time import process_time

from knowledge import load
from knowledge.model import Document
from knowledge.reading.binding import bind
from knowledge.reading.lexicon import spaced
from knowledge.reading.statements import read
from knowledge.tables import Knowledge

ROOT = Path(__file__).parent.parent

KB = 1000
SIZES = (5, 20, 50, 200)
RUNS = 9
MOST_RATIO = 3.5
MOST_PATHOLOGICAL = 100.0  #: milliseconds for 50 KB
MOST_LOAD = 1000.0  #: milliseconds, with every check
#: What a start of the service pays: a new process, the modules imported, nothing cached.
LOADING = "from time import process_time as t; import knowledge; a = t(); knowledge.load(); print(t() - a)"


def notes() -> Iterator[str]:
    """The notes of the clinical cases, in the order of their files, over and over."""
    files = sorted((ROOT / "tests/cases").glob("*-*.json"))
    return cycle(note["text"] for file in files for note in json.loads(file.read_text(encoding="utf-8"))["notes"])


def note_of(size: int) -> str:
    """One long note: notes of the cases, one below the other, cut at a size."""
    parts: list[str] = []
    for note in notes():
        parts.append(note)
        if sum(map(len, parts)) >= size:
            return "\n\n".join(parts)[:size]
    raise AssertionError


def filled(piece: str, size: int = 50 * KB) -> str:
    """A piece of text, repeated to a size."""
    return (piece * (size // len(piece) + 1))[:size]


def pathological() -> Mapping[str, str]:
    """Texts of 50 KB that no author writes, and that a reader of texts must get through."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = (f"foramin{a}{b}{c}" for a in letters for b in letters for c in letters)
    return {
        "line ends only": filled("\n"),
        "carriage returns and line ends": filled("\r\n"),
        "blanks only": filled(" "),
        "one letter": filled("a"),
        "one digit": filled("1"),
        "digits and blanks": filled("12 3.4/5 "),
        "full stops": filled("."),
        "abbreviations": filled("a. "),
        "question marks": filled("?"),
        "opening brackets": filled("("),
        "empty brackets": filled("()[] "),
        "empty boxes": filled("[ ] stenosis "),
        "tabs": filled("\t"),
        "a table row without end": filled("canal\t"),
        "soft hyphens": filled("a\u00ad"),
        "words cut at line ends": filled("ste-\nnosis "),
        "misspellings, all different": " ".join(words)[: 50 * KB],
        "one giant sentence": filled("moderate disc bulge and foraminal stenosis at L4-5 "),
        "one giant sentence without a blank": filled("canal,"),
        "one site, over and over": filled("canal "),
        "one site in every line": filled("canal\n"),
        "all levels": filled("C2-3, C3-4, T1-2, T12-L1, L1-2, L4-5, L5-S1; "),
        "one chain of levels": filled("l4-5-"),
        "one level, over and over": filled("L4-5 "),
        "nested negations": filled("no evidence of absence without denial of stenosis not seen, nor "),
        "the word no": filled("no "),
        "headings": filled("IMPRESSION: "),
        "heading lines": filled("IMPRESSION:\n"),
        "marks of copied text": filled("copied from prior note\nstenosis\n"),
        "measures": filled("canal 12 mm "),
    }


def milliseconds(call: Callable[[], object]) -> float:
    """CPU time of one call."""
    start = process_time()
    call()
    return (process_time() - start) * 1000


def measured(texts: Sequence[str], known: Knowledge) -> tuple[float, float, float]:
    """Median milliseconds of the bare scan, of reading, and of binding what was read, of all the texts together."""
    documents = [Document("DocumentReference/1", text, "progress") for text in texts]
    small = [spaced(text.lower()) for text in texts]
    scans, reads, binds = [], [], []
    for _ in range(RUNS):
        scans.append(milliseconds(lambda: [None for text in small for _ in known.lexicon.pattern.finditer(text)]))
        reads.append(milliseconds(lambda: [read(document, known) for document in documents]))
        made = [read(document, known) for document in documents]  # afresh: what is asked for first is made then
        binds.append(milliseconds(lambda: [bind(one, known.parts) for one in made]))  # noqa: B023
    return median(scans), median(reads), median(binds)


def row(name: str, texts: Sequence[str], known: Knowledge) -> str:
    """A row of the table: what some texts cost."""
    scan, reading, binding = measured(texts, known)
    per = 10 * KB / sum(map(len, texts))
    return (
        f"| {name} | {scan:.2f} ms | {reading:.2f} ms | **{reading / scan:.1f}** | {binding:.2f} ms |"
        f" {(reading + binding) / scan:.1f} | {reading * per:.2f} ms |"
    )


def print_reading(known: Knowledge, reports: Sequence[str]) -> None:
    """The table of long notes, and of real ones if there are any; linear means that the last column stays."""
    print(f"## Reading (goal: at most {MOST_RATIO} times the scan)\n")
    print("| note | scan | reading | reading : scan | binding | both : scan | reading per 10 KB |")
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        print(row(f"{size} KB", [note_of(size * KB)], known))
    if reports:
        print(row(f"{len(reports)} real reports, {sum(map(len, reports)) // KB} KB", reports, known))
    print()


def print_pathological(known: Knowledge) -> None:
    """The slowest of the texts that no author writes."""
    spent = {}
    for name, text in pathological().items():
        document = Document("DocumentReference/1", text, "progress")
        spent[name] = median(milliseconds(lambda: bind(read(document, known), known.parts)) for _ in range(3))  # noqa: B023
    slow = sum(time > MOST_PATHOLOGICAL for time in spent.values())
    print(f"## {len(spent)} pathological texts of 50 KB, read and bound (goal: at most {MOST_PATHOLOGICAL:.0f} ms)\n")
    print(f"{len(spent) - slow} of {len(spent)} are within the goal.\n")
    print("| text | read and bound |")
    print("|---|---|")
    for name, time in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"| {name} | {time:.0f} ms |")
    print()


def print_loading() -> None:
    """What a start pays."""
    command = [sys.executable, "-c", LOADING]
    times = [float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout) for _ in range(5)]
    print(f"## Loading the knowledge with all its checks (goal: at most {MOST_LOAD:.0f} ms)\n")
    print(f"{median(times) * 1000:.0f} ms\n")


def processor() -> str:
    """The processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpora", type=Path, help="a folder with reports.jsonl: one object a line, with its text")
    corpora = parser.parse_args().corpora
    lines = (corpora / "reports.jsonl").read_text(encoding="utf-8").splitlines() if corpora else []
    known = load()
    print(
        f"{processor()}, {platform.system()}, {platform.python_implementation()} {platform.python_version()};"
        f" knowledge {known.version}, {len(known.lexicon.tags)} phrases\n"
    )
    print_reading(known, [json.loads(line)["text"] for line in lines])
    print_pathological(known)
    print_loading()


if __name__ == "__main__":
    main()
