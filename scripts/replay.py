"""Every chart of the tests held against two knowledges: what would be answered otherwise.

    git worktree add /tmp/before RELEASE
    python scripts/replay.py /tmp/before/knowledge                   both with each chart's own date of service
    python scripts/replay.py /tmp/before/knowledge --on 2026-10-01   as if each chart were of that day

Prints one line for each chosen code whose answer differs.  The data of the other knowledge is judged by the code that
is here: what is compared is data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import knowledge
from cds_service.chart import Record, read
from cds_service.prefetch import question, received
from knowledge import Assessment, Chart, Knowledge

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Difference:
    """One chosen code that two knowledges answer otherwise."""

    case: str
    date: str
    code: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.case:<14} {self.date}  {self.code:<8} {self.before}  ->  {self.after}"


def charts() -> Iterator[tuple[str, Chart]]:
    """The charts of the cases, as the service reads them."""
    sys.path.append(str(ROOT / "tests"))
    from charts import request  # type: ignore[import-not-found]  # noqa: PLC0415 - of the tests, which are no package

    known = knowledge.load()
    for path in sorted((ROOT / "tests/cases").glob("*-*.json")):
        body: dict[str, Any] = request(json.loads(path.read_text(encoding="utf-8")))
        asked = question("order-sign", body["context"], created=False, today="")
        yield path.stem, read(Record(received(body["prefetch"], {}).resources, asked), known.category)


def said(assessment: Assessment) -> str:
    """An answer in one line: verdict, codes, what is missing."""
    parts = [str(assessment.verdict), *assessment.proposed]
    parts += [f"-{name}" for name in (*assessment.missing_hard, *assessment.missing_soft)]
    return " ".join(parts)


def compared(chart: Chart, case: str, before: Knowledge, after: Knowledge) -> Iterator[Difference]:
    """The codes of a chart that are answered otherwise."""
    pairs = zip(knowledge.assess(chart, before), knowledge.assess(chart, after), strict=True)
    for old, new in pairs:
        if said(old) != said(new):
            yield Difference(case, chart.date, old.code, said(old), said(new))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the data of the other knowledge")
    parser.add_argument("--on", default="", metavar="DATE", help="judge every chart as of this date of service")
    given = parser.parse_args(arguments)
    before, after = knowledge.load(given.before), knowledge.load()
    count = differing = 0
    for case, chart in charts():
        count += 1
        for difference in compared(replace(chart, date=given.on) if given.on else chart, case, before, after):
            differing += 1
            print(difference)
    print(f"{before.version} and {after.version}: {differing} answers differ in {count} charts")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
