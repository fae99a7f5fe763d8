"""The schemas of the protocol (docs/schemas), and what they say against a body."""

import json
import re

from jsonschema import Draft202012Validator
from runner import ROOT

SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "docs/schemas").glob("*.schema.json"))
}
POSITION = re.compile(r"\[\d+]")
KNOWN = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def against(name, body):
    """Where a body is not what the schema says, as ``path keyword``; positions in arrays do not matter."""
    return {f"{POSITION.sub('[]', wrong.json_path)} {wrong.validator}" for wrong in KNOWN[name].iter_errors(body)}
