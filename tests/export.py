"""Clinical cases -> a FHIR Bulk Data export: one patient and one encounter for each case."""

import gzip
import json
from pathlib import Path

from charts import ENCOUNTER, PATIENT, PLACEMENTS, binary, resources

HOOK = "encounter-discharge"


def exported(cases, placement="plain"):
    """Every resource of the cases, the ids of each made its own by the name of its case."""
    placed = PLACEMENTS[placement]
    for name, case in cases.items():
        apart = [binary(note, i) for i, note in enumerate(case["notes"])] if placed.note == "url" else []
        yield from (owned(one, name) for one in [*apart, *resources(case, placed, HOOK)])


def owned(resource, name):
    """A resource with its id and its references in the name space of a case."""
    if isinstance(resource, list):
        return [owned(one, name) for one in resource]
    if not isinstance(resource, dict):
        return resource
    made = {key: owned(value, name) for key, value in resource.items()}
    if "resourceType" in made:
        made["id"] = f"{name}.{made['id']}"
    for key in ("reference", "url"):
        kind, slash, local = str(made.get(key, "")).partition("/")
        if slash and kind.isalpha() and kind != "Practitioner":
            made[key] = f"{kind}/{name}.{local}"
    return made


def encounter(name):
    return f"{name}.{ENCOUNTER}"


def patient(name):
    return f"{name}.{PATIENT}"


def written(folder: Path, held, *, packed=False):
    """The resources as a server exports them: a file for each type."""
    folder.mkdir()
    lines = {}
    for one in held:
        lines.setdefault(one["resourceType"], []).append(json.dumps(one, ensure_ascii=False))
    for kind, several in lines.items():
        raw = ("\n".join(several) + "\n").encode()
        path = folder / f"{kind}.ndjson{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(raw) if packed else raw)
    return folder
