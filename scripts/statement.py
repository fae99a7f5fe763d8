"""What Foramen asks of a client's FHIR server, as a CapabilityStatement: docs/capability-statement.json.

    python scripts/statement.py

Made of the queries in ``cds_service/services.json``: the statement says neither more nor less.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/capability-statement.json"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Search parameters by the type that FHIR gives them.
KINDS = {"patient": "reference", "encounter": "reference", "category": "token", "status": "token"}
#: What shapes an answer, and is no parameter of a resource.
SHAPING = frozenset({"_count", "_sort"})
#: Documents that are held apart from the resource that names them.
ATTACHED = "Binary"


def queries() -> list[str]:
    """Every query that any service advertises, each once."""
    services = json.loads((ROOT / "cds_service/services.json").read_text(encoding="utf-8"))["services"]
    return sorted({query for service in services for query in service["prefetch"].values()})


def resources() -> list[dict[str, Any]]:
    """Each type with what is asked of it."""
    searched: dict[str, set[str]] = {ATTACHED: set()}
    read = {ATTACHED, "Condition"}  # a Condition that an order or the Encounter names and that did not come
    for query in queries():
        kind, mark, parameters = query.partition("?")
        if not mark:
            read.add(kind.partition("/")[0])
        names = {part.partition("=")[0] for part in parameters.split("&")} if mark else set()
        searched.setdefault(kind.partition("/")[0], set()).update(names - SHAPING)
    return [_resource(kind, sorted(names), read=kind in read) for kind, names in sorted(searched.items())]


def _resource(kind: str, names: list[str], *, read: bool) -> dict[str, Any]:
    told = [code for code, asked in (("read", read), ("search-type", bool(names))) if asked]
    made: dict[str, Any] = {"type": kind, "interaction": [{"code": code} for code in told]}
    parameters = [{"name": name, "type": KINDS[name]} for name in names]
    return made | ({"searchParam": parameters} if parameters else {})


def statement() -> dict[str, Any]:
    """The CapabilityStatement."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-20",
        "kind": "capability",
        "software": {"name": PROJECT["name"], "version": PROJECT["version"]},
        "implementation": {"description": "What the service asks of the FHIR server that a hook call names"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "client",
                "documentation": "Reads and searches only, with the token of the call; nothing is ever written.",
                "resource": resources(),
            }
        ],
    }


def page() -> str:
    """The file."""
    return json.dumps(statement(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
