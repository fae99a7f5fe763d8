"""Two releases of ICD-10-CM side by side, and what the later one does to the tables of codes.

    python scripts/codes.py icd10cm-order-2026.txt icd10cm-order-2027.txt --from 2026-10-01
    python scripts/codes.py ... --write          writes knowledge/codes/spine.tsv

The order files are those that CMS publishes with each release (five columns of fixed width).  The former release stays
in the table: a code that ends gets its last day, one that begins its first, and the date of service decides
(docs/knowledge.md).  The codes that are judged (m99.tsv) are never written: each of them claims something, and what a
new one claims, a person decides.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

CODES = Path(__file__).parent.parent / "knowledge/codes"
SPINE, JUDGED = CODES / "spine.tsv", CODES / "m99.tsv"
#: Tables that name codes to propose, and the column.
NAMING = ((CODES.parent / "structural/codes.tsv", "code"), (CODES.parent / "snomed.tsv", "icd10cm"))
CATEGORY = 3  #: characters before the dot
Row = dict[str, str]


class OrderFileError(ValueError):
    """The file is not an order file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the order file."""

    code: str
    valid: bool  #: for billing; else a heading
    title: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a release does to one code."""

    kind: str  #: begins, ends, resumes or renamed
    code: str
    said: str


def entries(text: str) -> dict[str, Entry]:
    """The codes of an order file, dotted.

    Raises:
        OrderFileError: with the line that is none of such a file.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        bare, valid, title = line[6:13].strip(), line[14:15], line[77:].strip()
        if not (line[:5].isdecimal() and bare.isalnum() and valid in {"0", "1"} and title):
            raise OrderFileError(f"line {number} is not a line of an order file: {line[:60]!r}")
        code = bare if len(bare) <= CATEGORY else f"{bare[:CATEGORY]}.{bare[CATEGORY:]}"
        found[code] = Entry(code, valid == "1", title)
    if not found:
        raise OrderFileError("the file is empty")
    return found


def rows(path: Path) -> list[Row]:
    """A table of codes."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def updated(
    table: Iterable[Row], former: Mapping[str, Entry], release: Mapping[str, Entry], first: date
) -> tuple[list[Row], list[Change]]:
    """The table with a release in force from a day on, and what changed between it and the former one."""
    last = (first - timedelta(days=1)).isoformat()
    known = {row["code"]: dict(row) for row in table}
    changes: list[Change] = []
    for row in known.values():
        before, after = former.get(row["code"]), release.get(row["code"])
        changes += _renamed(row, after)
        if _valid(before) and not _valid(after):
            row |= {"billable": "0", "billable_until": last}
            changes.append(Change("ends", row["code"], f"{row['title']}: last day {last}"))
        elif _valid(after) and not _valid(before):
            changes.append(Change("resumes", row["code"], f"{row['title']}: decide by hand, a row holds one span"))
    for code in sorted(release.keys() - former.keys() - known.keys()):
        if _held(code, known):
            known[code] = _row(release[code], first.isoformat())
            changes.append(Change("begins", code, release[code].title))
    return sorted(known.values(), key=lambda row: row["code"]), changes


def _valid(entry: Entry | None) -> bool:
    return bool(entry and entry.valid)


def _renamed(row: Row, entry: Entry | None) -> Iterator[Change]:
    """A title is that of the latest release that has the code."""
    if entry and entry.title != row["title"]:
        yield Change("renamed", row["code"], f"{row['title']} -> {entry.title}")
        row["title"] = entry.title


def _held(code: str, known: Mapping[str, Row]) -> bool:
    """Whether a code lies below one of the table, which holds what may be named beside M99 and no 7th character."""
    above = [known[code[:end].rstrip(".")] for end in range(CATEGORY, len(code)) if code[:end].rstrip(".") in known]
    return bool(above) and not any(row["needs_7th"] == "1" for row in above)


def _row(entry: Entry, first: str) -> Row:
    begins = first if entry.valid else ""
    names = ("code", "title", "billable", "billable_from", "billable_until", "needs_7th")
    return dict(zip(names, (entry.code, entry.title, str(int(entry.valid)), begins, "", "0"), strict=True))


def written(table: Iterable[Row]) -> str:
    """A table as it stands in its file."""
    out = io.StringIO()
    lines = list(table)
    made = csv.DictWriter(
        out, list(lines[0]), delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
    )
    made.writeheader()
    made.writerows(lines)
    return out.getvalue()


def judged(table: Iterable[Row], release: Mapping[str, Entry], category: str) -> list[str]:
    """What the release says otherwise of the codes that are judged."""
    titles = {row["code"]: row["title"] for row in table}
    theirs = {code: one.title for code, one in release.items() if code.startswith(category) and one.valid}
    new = [f"new, to be decided: {code} {theirs[code]}" for code in sorted(theirs.keys() - titles.keys())]
    gone = [f"gone: {code} {titles[code]}" for code in sorted(titles.keys() - theirs.keys())]
    renamed = [
        f"renamed: {code} {titles[code]} -> {theirs[code]}"
        for code in sorted(titles.keys() & theirs.keys())
        if titles[code] != theirs[code]
    ]
    return [*new, *gone, *renamed]


def still_named(changes: Iterable[Change]) -> list[str]:
    """Where codes that end are still proposed: what takes their place, a person decides."""
    ended = {change.code for change in changes if change.kind == "ends"}
    return [
        f"{path.parent.name}/{path.name} still names {code}: say what takes its place"
        for path, column in NAMING
        for code in sorted(ended & {row[column] for row in rows(path)})
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("former", type=Path, help="order file of the release in force")
    parser.add_argument("release", type=Path, help="order file of the release to come")
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, required=True, help="its first date of service"
    )
    parser.add_argument("--write", action="store_true", help="write the table")
    given = parser.parse_args(arguments)
    try:
        former, release = (entries(path.read_text(encoding="utf-8")) for path in (given.former, given.release))
    except OrderFileError as error:
        print(error, file=sys.stderr)
        return 1
    table, changes = updated(rows(SPINE), former, release, given.first)
    for change in changes:
        print(f"{change.kind:<8} {change.code:<9} {change.said}")
    concerns = still_named(changes) + judged(rows(JUDGED), release, rows(JUDGED)[0]["code"][:CATEGORY])
    print("\n".join(["", *concerns]) if concerns else "Nothing is left to decide.")
    if given.write:
        SPINE.write_text(written(table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
