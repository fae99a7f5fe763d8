"""Writes docs/compliance.md: what is expected of a query to a clinician, how cards meet it, and what tests that.

    python scripts/compliance.py

Read is docs/compliance.toml; tests/test_golden.py holds the page up to date.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/compliance.md"
HEAD = """\
# Compliance

A card at the point of care is a query in the sense of the compliant-query practice of AHIMA and ACDIS (2022; its full
text was not at hand, so this is no claim of conformity). The rules below are in our own words. Written by
`python scripts/compliance.py`; edit `docs/compliance.toml` instead.

| | Expected | Standing | How | Tested by |
|---|---|---|---|---|
"""


def rules() -> list[dict[str, Any]]:
    """The rules, in order."""
    rows: list[dict[str, Any]] = tomllib.loads((PAGE.with_suffix(".toml")).read_text(encoding="utf-8"))["rule"]
    return rows


def page() -> str:
    """The page as it has to be."""
    return HEAD + "".join(map(_row, rules()))


def _row(rule: dict[str, Any]) -> str:
    tests = "<br>".join(f"`{test}`" for test in rule["tests"])
    return f"| {rule['id']} | {rule['rule']} | {rule['standing']} | {rule['how']} | {tests} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rules())} rules")
