"""Writes docs/configuration.md: every FORAMEN_ variable, and every field of the file of clients.

    python scripts/configuration.py

Read are cds_service/settings.py and cds_service/clients.schema.json; tests/test_configuration.py holds the page up to
date.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from cards.capabilities import PROFILES, WORDS
from cds_service.clients import Client
from cds_service.settings import OTHERS, PREFIX, Settings

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/configuration.md"
SETTINGS = ROOT / "cds_service/settings.py"
SCHEMA = ROOT / "cds_service/clients.schema.json"
#: A comment that says what a field is: behind it, or on lines of its own above.
SAID = re.compile(r"#: (.*)$")
NONE = "none"
AS_WRITTEN = ("ms ", "https ")  #: words that are not capitalized at the beginning

HEAD = """\
# Configuration

Foramen is configured by environment variables and by one file of clients. Both are read at the start: whatever is wrong
there stops it with the variable or the place in the file. What an operator must decide stands in `SECURITY.md`. Written
by `python scripts/configuration.py`; edit `cds_service/settings.py` or `cds_service/clients.schema.json` instead.

## Variables

A variable of the prefix `FORAMEN_` that is not in the table stops the start, since it may be a misspelt safeguard;
beside the table there is only {others}, for the tests. 0 or 1 may also be said as false or true, no or yes, off or
on. What is secret is not logged.

| Variable | Value | Default | Meaning |
|---|---|---|---|
"""
CLIENTS = """
## The file of clients

`FORAMEN_CLIENTS` names a TOML file with one `[[client]]` for each client that may call. A member that is not in the
table stops the start, and so do two clients with one issuer and tenant.

| Member | Value | Required | Default | Meaning |
|---|---|---|---|---|
"""
EXAMPLE = """\
[[client]]
iss = "https://ehr.hospital.example/fhir"
jku = "https://ehr.hospital.example/.well-known/jwks.json"
audiences = ["https://foramen.hospital.example"]
fhir_servers = ["https://ehr.hospital.example/fhir"]
algorithms = ["ES384"]

[[client]]
iss = "https://clinic.example"
jwks = "clinic.jwks.json"  # a file beside this one, with the public keys alone
audiences = ["/agreed-by-hand"]
tenants = ["north", "south"]
capabilities = ["display"]
lifetime = 300
"""
CAPABILITIES = """
### Capabilities

A client of which nothing is said has those of `default`; the name of a profile stands for its words; any other word is
added to it. So `["display", "update-orders"]` is a client that changes orders and nothing else. A word that is not in
the table stops the start. The words stand in `cards/capabilities.toml`.

| Word | The client ... | Profiles that hold it |
|---|---|---|
"""
LAST = f"""
### An example

Each client needs `jku` or `jwks`.

```toml
{EXAMPLE}```
"""


def page() -> str:
    """The page as it has to be."""
    head = HEAD.format(others=", ".join(f"`{name}`" for name in sorted(OTHERS)))
    tables = {"": variables(), CLIENTS: members(), CAPABILITIES: capabilities()}
    return head + "".join(above + "".join(map(_row, rows)) for above, rows in tables.items()) + LAST


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


# --- the variables --------------------------------------------------------------------------------------


def variables() -> Iterator[tuple[str, ...]]:
    """Variable, value, default and meaning of each setting."""
    said = meanings(SETTINGS.read_text(encoding="utf-8"))
    for one in fields(Settings):
        yield f"`{PREFIX}{one.name.upper()}`", _value(one), _default(one.default), _plain(said[one.name])


def meanings(source: str) -> dict[str, str]:
    """Field -> what its comment says.

    Raises:
        KeyError: a field has none.
    """
    lines = source.splitlines()
    (settings,) = (
        one for one in ast.parse(source).body if isinstance(one, ast.ClassDef) and one.name == Settings.__name__
    )
    return dict(_said(one, lines) for one in settings.body if isinstance(one, ast.AnnAssign))


def _said(one: ast.AnnAssign, lines: list[str]) -> tuple[str, str]:
    name = ast.unparse(one.target)
    above = one.lineno - 1
    while lines[above - 1].lstrip().startswith("#:"):
        above -= 1
    found = [match[1] for line in lines[above : one.end_lineno] if (match := SAID.search(line))]
    if not found:
        raise KeyError(f"{name}: no comment says what it is")
    return name, " ".join(found)


def _value(one: Field[Any]) -> str:
    default = one.default
    if isinstance(default, bool):
        return "0 or 1"
    if isinstance(default, int):
        return f"whole number from {one.metadata.get('least', 1)}"
    return ("text" if isinstance(default, str) else "list") + ("" if one.repr else ", secret")


def _default(value: object) -> str:
    if isinstance(value, bool | int):
        return str(int(value))
    return str(value) if value and isinstance(value, str) else NONE


def _plain(comment: str) -> str:
    """A comment as a sentence of Markdown."""
    text = comment.replace("``", "`")
    return text if text.startswith(AS_WRITTEN) else text[:1].upper() + text[1:]


# --- the clients ----------------------------------------------------------------------------------------


def members() -> Iterator[tuple[str, ...]]:
    """Member, value, whether it is required, default and meaning, of one client."""
    raw = schema()
    client = raw["properties"]["client"]["items"]
    defaults = {one.name: one.default for one in fields(Client)}
    for name, member, required in _members(client, raw["$defs"]):
        yield f"`{name}`", _kind(member, raw["$defs"]), required, _left_out(defaults.get(name)), _said_of(name, member)


def capabilities() -> Iterator[tuple[str, ...]]:
    """Word, meaning and profiles of each capability; a profile without any is a row of its own."""
    for word, said in WORDS.items():
        yield f"`{word}`", said, ", ".join(f"`{name}`" for name, words in PROFILES.items() if word in words)
    for name, words in PROFILES.items():
        if not words:
            yield "none", "shows cards and applies nothing", f"`{name}`"


def _members(raw: dict[str, Any], defs: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each member with its path, those of tables inside it after it."""
    referred = defs[_target(raw)] if "$ref" in raw else {}
    required = {*referred.get("required", ()), *raw.get("required", ())}
    for name, member in {**referred.get("properties", {}), **raw.get("properties", {})}.items():
        path = f"{above}{name}"
        yield path, member, "yes" if name in required else ""
        yield from _members(member, defs, f"{path}.")


def _kind(member: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in member:
        return _kind(defs[_target(member)], defs)
    if "enum" in member:
        return " or ".join(map(str, member["enum"]))
    if member.get("type") == "array":
        return f"list of {_kind(member['items'], defs)}"
    if member.get("type") == "integer":
        return f"whole number, {member.get('minimum', '')} to {member.get('maximum', '')}"
    return {"string": "text", "boolean": "true or false", "object": "table"}.get(member.get("type", ""), "any")


def _said_of(name: str, member: dict[str, Any]) -> str:
    if "description" not in member:
        raise KeyError(f"{name}: no description in {SCHEMA.name}")
    return str(member["description"])


def _target(member: dict[str, Any]) -> str:
    return str(member["$ref"]).rpartition("/")[2]


def _left_out(default: object) -> str:
    """What counts where a member is left out, in the words of TOML."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, frozenset) and default:
        return ", ".join(sorted(default))
    return _default(default)


def schema() -> dict[str, Any]:
    """The schema of the file of clients."""
    raw: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return raw


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(fields(Settings))} variables, {len([*members()])} members of a client")
