"""The data files: TOML held to its schema, tables, and the digest of them all."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

HERE = Path(__file__).parent
Raw = dict[str, Any]


class KnowledgeError(ValueError):
    """The knowledge files are wrong.  Raised at start-up, never during a call."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


@cache
def _schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((HERE / f"schemas/{kind}.schema.json").read_text(encoding="utf-8")))


def toml(path: Path, kind: str) -> Raw:
    """Parse one file and hold it to its schema."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(path, str(error)) from error
    for problem in _schema(kind).iter_errors(raw):
        raise KnowledgeError(path, f"{problem.json_path}: {problem.message}")
    return raw


@cache
def tsv(path: Path) -> tuple[dict[str, str], ...]:
    """The rows of a table, by the names of its first line."""
    try:
        with path.open(newline="", encoding="utf-8") as rows:
            return tuple(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise KnowledgeError(path, str(error)) from error


def version(root: Path) -> str:
    """A digest of every data file: two services with one version judge alike."""
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.toml"), *root.rglob("*.tsv")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
