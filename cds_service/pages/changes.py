"""What accepting a suggestion would change: each resource before and after, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

AROUND = 3  #: unchanged lines that are shown beside a changed one
HEAD = 2  #: lines of a unified diff that name its files


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that a suggestion touches."""

    said: str  #: the action in words
    lines: tuple[tuple[str, str], ...]  #: what became of a line (added, removed, kept, skipped), and the line


def changes(suggestion: Mapping[str, Any], request: Any) -> list[Change]:
    """The changes of a suggestion against the resources of the request it answers."""
    held = {(one["resourceType"], one.get("id")): one for one in _resources(request)}
    made = []
    for action in suggestion.get("actions", ()):
        after = action.get("resource")
        before = held.get((after["resourceType"], after.get("id"))) if after and action["type"] == "update" else None
        made.append(Change(action.get("description", ""), tuple(_lines(before, after))))
    return made


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    """Every resource anywhere in a request."""
    if isinstance(value, dict):
        if isinstance(value.get("resourceType"), str):
            yield value
        for inner in value.values():
            yield from _resources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _resources(inner)


def _lines(before: Any, after: Any) -> Iterator[tuple[str, str]]:
    kinds = {"+": "added", "-": "removed", " ": "kept", "@": "skipped"}
    found = list(unified_diff(_text(before), _text(after), lineterm="", n=AROUND))
    for line in found[HEAD:]:
        if line[0] != "@":
            yield kinds[line[0]], line[1:]
        elif before:
            yield kinds["@"], ""


def _text(resource: Any) -> list[str]:
    return json.dumps(resource, indent=1, sort_keys=True, ensure_ascii=False).splitlines() if resource else []
