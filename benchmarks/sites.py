"""What reading makes of the mentions of canal, foramen, recess and stenosis in real reports.

    python benchmarks/sites.py CORPORA/site_gold.jsonl [-v]     accuracy of labelled mentions
    python benchmarks/sites.py CORPORA                          the same, and every report is read and checked

``site_gold.jsonl`` lists mentions (``doc_id``, ``start``, ``end``, ``site``, ``label``) of the texts in
``reports.jsonl`` beside it (``id``, ``type``, ``text``, ``html``).  Both stay where they are: nothing of them belongs
into this repository.  ``-v`` prints each confusion.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import knowledge
from cds_service import formats
from knowledge.model import Assertion, Chart, Document, Role
from knowledge.reading.binding import Bound, bind
from knowledge.reading.claims import Claim
from knowledge.reading.clauses import Event
from knowledge.reading.statement import Text
from knowledge.reading.statements import read

Row = Mapping[str, Any]
GOAL = 0.93
NOT_SCORED = "annotator_unsure"
NARROWED, NORMAL, MENTIONED = "narrowing_present", "normal_or_absent", "mention_only"
SITES = {"canal": "canal", "foramen": "foramen", "lateral_recess": "lateral-recess"}
IMAGING = {"imaging"}
#: Hedged language in an assessment is uncertain (policy A2), whatever the annotator made of it.
HEDGED = "compatible with"
SAID = {
    Assertion.AFFIRMED: NARROWED,
    Assertion.NEGATED: NORMAL,
    Assertion.UNCERTAIN: "uncertain",
    Assertion.HISTORICAL: "historical",
    Assertion.ELSEWHERE: MENTIONED,
}
#: Codes of every family that reads differently, in the regions of most reports.
CODES = ("M99.03", "M99.13", "M99.23", "M99.33", "M99.43", "M99.53", "M99.63", "M99.73", "M99.71", "M99.83")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def document(report: Row) -> Document:
    """A report as the service would hand it on."""
    if report["type"] in IMAGING:
        return Document(
            f"DocumentReference/{report['id']}", report["text"], "radiology", Role.RADIOLOGIST, "2026-01-01"
        )
    return Document(f"DocumentReference/{report['id']}", report["text"], "note", Role.TREATING, "2026-01-01")


class Reports:
    """The reports of a file, each read once."""

    def __init__(self, path: Path) -> None:
        self.known = knowledge.load()
        self.reports = {report["id"]: report for report in lines(path)}
        self.read = cache(self._read)

    def _read(self, name: str) -> tuple[Text, Bound]:
        text = read(document(self.reports[name]), self.known)
        return text, bind(text, self.known.parts)

    def label(self, row: Row) -> str:
        """What reading makes of one mention."""
        text, bound = self.read(row["doc_id"])
        events = [event for statement in text.statements for event in statement.events if covers(text, event, row)]
        claims = [claim for claim in bound.claims if any(speaks_of(claim, event) for event in events)]
        claims = [claim for claim in claims if claim.site == SITES.get(row["site"], claim.site)] or claims
        if claims:
            return told(min(claims, key=lambda claim: claim.end - claim.start))
        return next((SAID[event.assertion] for event in events if event.has("narrowing")), MENTIONED)


def covers(text: Text, event: Event, row: Row) -> bool:
    start, end = text.span(event.start, event.end)
    return start < row["end"] and row["start"] < end


def speaks_of(claim: Claim, event: Event) -> bool:
    """A claim reaches from its site to its predicate: a mention that only stands between them is another's."""
    at_an_end = event.start == claim.start or event.end == claim.end
    return at_an_end and (event.has("site") or event.has("narrowing")) and claim.start <= event.start < claim.end


def told(claim: Claim) -> str:
    if claim.narrowed:
        return SAID[claim.assertion]
    return NORMAL if claim.assertion in {Assertion.AFFIRMED, Assertion.UNCERTAIN} else SAID[claim.assertion]


def accuracy(path: Path, *, verbose: bool) -> float:
    """Print how many labelled mentions are read as labelled; returns their share."""
    reports = Reports(path.parent / "reports.jsonl")
    rows = [row for row in lines(path) if row["label"] != NOT_SCORED]
    confusions: Counter[tuple[str, str]] = Counter()
    for row in rows:
        label = reports.label(row)
        hedged = row["label"] == NARROWED and label == "uncertain" and HEDGED in row["sentence"]
        if label != row["label"] and not hedged:
            confusions[row["label"], label] += 1
            if verbose:
                print(f"  {row['doc_id']} {row['n']}: {row['mention']!r} is {row['label']}, read as {label}")
                print(f"    {row['sentence'][:300]}")
    right = len(rows) - confusions.total()
    print(f"{right} of {len(rows)} mentions as labelled: {right / len(rows):.3f} (goal {GOAL})")
    for (gold, label), count in confusions.most_common():
        print(f"  {count} x {gold} read as {label}")
    return right / len(rows)


def checked(path: Path) -> int:
    """Print what went wrong when every report is assessed, as text and as HTML; returns how much did."""
    known = knowledge.load()
    wrong = quotes = 0
    reports = lines(path)
    for report in reports:
        plain = document(report)
        page = formats.read(report["html"].encode(), "text/html; charset=utf-8")
        marked = Document(plain.source, page.text, plain.kind, plain.author, plain.date, struck=tuple(page.struck))
        for one in (plain, marked):
            chart = Chart("2026-01-02", CODES, documents=(one,))
            for assessment in knowledge.assess(chart, known):
                quotes += len(assessment.evidence)
                wrong += sum(
                    item.quote != one.text[item.start : item.end] or not item.quote for item in assessment.evidence
                )
    print(f"{len(reports)} reports assessed as text and as HTML for {len(CODES)} codes: no error,")
    print(f"{quotes} quotes, {wrong} of them not verbatim")
    return wrong


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments if not argument.startswith("-")]
    if len(paths) != 1:
        print(__doc__)
        return 2
    path = paths[0]
    wrong = checked(path / "reports.jsonl") if path.is_dir() else 0
    reached = accuracy(path / "site_gold.jsonl" if path.is_dir() else path, verbose="-v" in arguments)
    return int(bool(wrong) or reached < GOAL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
