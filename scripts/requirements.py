"""Writes docs/requirements.md: the numbered statements of the source pages, what carries them, what tests that.

    python scripts/requirements.py

Read are knowledge/requirements.toml, tests/requirements.toml and the clinical cases; tests/test_requirements.py holds
the page up to date.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KNOWLEDGE = ROOT / "knowledge"
PAGE = ROOT / "docs/requirements.md"
Raw = dict[str, Any]

#: Tables that no single case is about, and the test that reads every row.
TABLES = {
    "axes.toml": "test_tables.py::test_the_axes_are_those_of_the_codes",
    "codes/m99.tsv": "test_tables.py::test_every_code_is_supported_by_a_record_of_its_own",
    "codes/spine.tsv": "test_tables.py::test_a_code_is_proposed_within_its_dates_only",
    "families.toml": "test_tables.py::test_every_code_is_supported_by_a_record_of_its_own",
    "levels.tsv": "test_tables.py::test_a_level_lies_in_its_region",
    "regions.toml": "test_tables.py::test_a_root_carries_the_extremity_and_no_other_does",
}
#: What no card may say is tested where cards are.
WORDING = {"F": "test_cards.py::test_no_card_says_a_word_it_may_not_say"}
#: So many cases are named; there may be more.
NAMED = 2

HEAD = """\
# Requirements

The pages that Foramen started from make {count} numbered statements. This table says what became of each: whether the
service follows it, why, which file carries it, and which examples of `tests/requirements.toml` hold it. Written by
`python scripts/requirements.py`; edit `knowledge/requirements.toml` instead.

| Statements | Said | Standing | Because | Carried by | Examples |
|---|---|---|---|---|---|
"""
SECOND = """
## What carries them, and what tests that

Beside the examples above. Cases are files of `tests/cases/`; two are named where there are more.

| Carried by | Tested by |
|---|---|
"""


def requirements() -> list[Raw]:
    """The statements and what became of them."""
    rows: list[Raw] = _toml(KNOWLEDGE / "requirements.toml")["requirement"]
    return rows


def examples() -> Raw:
    """The examples that stand for statements, by name."""
    return _toml(ROOT / "tests/requirements.toml")


def page() -> str:
    """The page as it has to be."""
    rows = requirements()
    told = [HEAD.format(count=sum(len(row["ids"]) for row in rows))]
    told += [_row(row) for row in rows]
    told.append(SECOND)
    targets = sorted({target for row in rows for target in row["carried_by"]})
    told += [f"| `{target}` | {', '.join(tests_of(target))} |\n" for target in targets]
    return "".join(told)


def _row(row: Raw) -> str:
    standing = [name for name, example in examples().items() if {*example["ids"]} & {*row["ids"]}]
    cells = [
        " ".join(row["ids"]),
        row["said"],
        row["standing"],
        row["why"],
        ", ".join(f"`{target}`" for target in row["carried_by"]),
        ", ".join(standing),
    ]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


# --- what tests a target --------------------------------------------------------------------------------


def tests_of(target: str) -> list[str]:
    """The tests that fail when a target is wrong; empty when there is none."""
    name, _, entry = target.partition("#")
    kind, _, rest = name.partition("/")
    if name.startswith("policy:"):
        return _of_policy(name.removeprefix("policy:"))
    if kind == "vocabulary":
        return ["test_vocabulary.py"] if _toml(KNOWLEDGE / name).get("examples") else []
    if kind == "structural":
        return _of_structural(Path(rest).stem if rest.endswith(".toml") else "")
    if name == "elements.toml":
        return _cases(lambda case: any(entry in {"", soft} for soft in case["gold"]["missing_soft"]))
    if name == "orders.toml":
        return _of_orders(entry)
    return [TABLES[name]] if name in TABLES else []


def _of_policy(statement: str) -> list[str]:
    cited = re.compile(rf"\b{statement}\b")
    rules = [path.stem for path in sorted(KNOWLEDGE.glob("rules/*.toml")) if statement in _toml(path)["policy"]]
    wording = [WORDING[statement]] if statement in WORDING else []
    return (
        wording + [f"test_rules.py[{rule}]" for rule in rules] + _cases(lambda case: cited.search(case["gold"]["why"]))
    )


def _of_structural(diagnosis: str) -> list[str]:
    """Who proposes a code of the diagnosis, or allows it; without a name, a code of any."""
    lines = (KNOWLEDGE / "structural/codes.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    codes = {row[3] for row in rows if row[3] and diagnosis in {"", row[0]}}
    worked = [
        name for name, one in _toml(ROOT / "tests/adjudications.toml").items() if _meets(codes, one.get("codes", []))
    ]
    proposed = _cases(lambda case: _meets(codes, case["gold"]["codes"]))
    allowed = _cases(lambda case: _meets(codes, case["gold"]["also_acceptable"]))
    return [f"test_adjudications.py[{name}]" for name in worked[:1]] + (proposed or allowed)


def _meets(codes: set[str], proposed: list[str]) -> bool:
    """A seventh character stands on its base."""
    return any(code in codes or code[:-1] in codes for code in proposed)


def _of_orders(group: str) -> list[str]:
    spans = [
        span for raw in _toml(KNOWLEDGE / "orders.toml")["group"] if group in {"", raw["id"]} for span in raw["cpt"]
    ]
    return _cases(lambda case: any(_within(order.get("cpt", ""), span) for order in case["orders"] for span in spans))


def _within(number: str, span: str) -> bool:
    low, _, high = span.partition("-")
    return low <= number <= (high or low)


def _cases(holds: Callable[[Raw], object]) -> list[str]:
    return [name for name, case in cases() if holds(case)][:NAMED]


@cache
def cases() -> tuple[tuple[str, Raw], ...]:
    """Every clinical case by its name."""
    return tuple(_read())


def _read() -> Iterator[tuple[str, Raw]]:
    for path in sorted((ROOT / "tests/cases").glob("*-*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))


@cache
def _toml(path: Path) -> Raw:
    return tomllib.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(requirements())} rows")
