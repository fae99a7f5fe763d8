"""Writes docs/protocol.md: every numbered requirement of the protocol, and the tests that cite it.

    python scripts/protocol.py

Read are docs/protocol.toml and the tests of the files it names; tests/test_protocol_table.py holds the page up to date.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/protocol.md"
TESTS = ROOT / "tests"
Raw = dict[str, Any]

#: An id, or a range of them, as docstrings and comments cite it: ``J9``, ``B2-B6``.
CITED = re.compile(r"(?<![\w.-])([A-Z])([1-9]\d?)(?:-\1([1-9]\d?))?(?![\w-]|\.\d)")
#: An id as the name of a test cites it: ``test_p8_...``.
NAMED = re.compile(r"(?<=_)([a-z])([1-9]\d?)(?=_|$)")
COVERED, OPEN = "covered", "open"
#: So many tests are shown; there may be more.
SHOWN = 6

HEAD = """\
# Protocol

What CDS Hooks 2.0.1 and the 3.0 ballot ask, and what their clients and a hospital's security ask beside it, by
requirement. Each group of ids is numbered without a gap. A requirement is *covered* where a test cites its id (in its
name, its docstring or a comment) or is named for it in `docs/protocol.toml`; *client-side* binds the client;
*not applicable* is what this service never does; *open* is what no test holds, or not all of it. Written by
`python scripts/protocol.py`; edit `docs/protocol.toml` instead.

{counts}.
"""
TABLE = """
## {title}

| | Asked | Standing | Because | Tested by |
|---|---|---|---|---|
"""


@cache
def table() -> Raw:
    """The groups and requirements, as they are written down."""
    return tomllib.loads(PAGE.with_suffix(".toml").read_text(encoding="utf-8"))


def requirements() -> list[Raw]:
    """Every requirement, in order."""
    rows: list[Raw] = table()["requirement"]
    return rows


def page() -> str:
    """The page as it has to be."""
    cited = citations()
    standings = [standing(row, cited) for row in requirements()]
    counts = ", ".join(f"{standings.count(one)} {one}" for one in dict.fromkeys(standings))
    told = [HEAD.format(counts=f"{len(standings)} requirements: {counts}")]
    for group in table()["group"]:
        told.append(TABLE.format(title=group["title"]))
        told += [_row(row, cited) for row in requirements() if row["id"][0] == group["letter"]]
    return "".join(told)


def standing(row: Raw, cited: dict[str, list[str]]) -> str:
    """What was decided, or what the tests say."""
    return str(row.get("standing") or (COVERED if tests_of(row, cited) else OPEN))


def tests_of(row: Raw, cited: dict[str, list[str]]) -> list[str]:
    """The tests of a requirement: those named for it, then those that cite it."""
    return list(dict.fromkeys([*row.get("tests", ()), *cited.get(row["id"], ())]))


def _row(row: Raw, cited: dict[str, list[str]]) -> str:
    tests = tests_of(row, cited)
    shown = [f"`{test}`" for test in tests[:SHOWN]] + [f"and {len(tests) - SHOWN} more"] * (len(tests) > SHOWN)
    return f"| {row['id']} | {row['said']} | {standing(row, cited)} | {row.get('why', '')} | {'<br>'.join(shown)} |\n"


# --- what tests cite ------------------------------------------------------------------------------------


@cache
def citations() -> dict[str, list[str]]:
    """Id -> the tests that cite it, of the files whose ids are the protocol's and not the policy's."""
    found: dict[str, list[str]] = {}
    for file in table()["files"]:
        for test, ids in cited_in((TESTS / file).read_text(encoding="utf-8")):
            for one in sorted(ids):
                found.setdefault(one, []).append(f"{file}::{test}")
    return found


def cited_in(source: str) -> Iterator[tuple[str, set[str]]]:
    """Each test of a file with the ids that it cites.  What a whole file is said to be about does not count."""
    comments = list(_comments(source))
    for one in ast.walk(ast.parse(source)):
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
            first = min([one.lineno, *(each.lineno for each in one.decorator_list)])
            inside = [text for line, text in comments if first <= line <= (one.end_lineno or first)]
            named = {f"{letter.upper()}{number}" for letter, number in NAMED.findall(one.name)}
            yield one.name, named.union(*map(_ids, [ast.get_docstring(one) or "", *inside]))


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _ids(text: str) -> set[str]:
    """The ids in a text, those of ranges one by one."""
    spans = ((letter, int(low), int(high or low)) for letter, low, high in CITED.findall(text))
    return {f"{letter}{number}" for letter, low, high in spans for number in range(low, high + 1)}


def exists(test: str) -> bool:
    """Whether there is a test ``file::name``."""
    file, _, name = test.partition("::")
    path = TESTS / file
    return path.is_file() and f"\ndef {name}(" in path.read_text(encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(requirements())} requirements")
