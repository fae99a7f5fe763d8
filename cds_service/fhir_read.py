"""Raw FHIR JSON, read tolerantly: an object for an array, a missing member, a wrong type never raise.

Every reader walks a dotted path and enters whatever arrays lie on it, so that ``code.coding.code`` finds the codes of
one concept or of several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from knowledge.model import ICD10CM

Resource = dict[str, Any]  #: one FHIR resource, or a part of one, as the client sent it

ICD10CM_SYSTEMS = frozenset({ICD10CM, "urn:oid:2.16.840.1.113883.6.90"})
SNOMED_SYSTEMS = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})
LOINC_SYSTEMS = frozenset({"http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"})
CPT_SYSTEMS = frozenset({
    "http://www.ama-assn.org/go/cpt",
    "urn:oid:2.16.840.1.113883.6.12",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "urn:oid:2.16.840.1.113883.6.285",
})  # fmt: skip
#: What a CPT or HCPCS code looks like; it is believed under any system that is not known to be another one.
CPT = re.compile(r"\d{4}[0-9A-Z]|[A-Z]\d{4}")
ICD = re.compile(r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{0,5})")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?![\d-])")
SUBCATEGORY = 3  #: characters of an ICD-10-CM code before its dot


class Reference(NamedTuple):
    """Where a reference points: type and id; the type is empty for ``urn:uuid:`` and for contained resources."""

    type: str
    id: str


def found(node: Any, path: str = "") -> Iterator[Any]:
    """Everything that stands at a path; arrays are entered, nulls are nothing."""
    if isinstance(node, list):
        for entry in node:
            yield from found(entry, path)
    elif not path:
        if node is not None:
            yield node
    elif isinstance(node, dict):
        name, _, rest = path.partition(".")
        yield from found(node.get(name), rest)


def objects(node: Any, path: str = "") -> list[Resource]:
    """The JSON objects at a path."""
    return [entry for entry in found(node, path) if isinstance(entry, dict)]


def strings(node: Any, *paths: str) -> list[str]:
    """The words at some paths, without white space around them; numbers count as written, empty ones not at all."""
    entries = (entry for path in paths for entry in found(node, path))
    said = (str(entry).strip() for entry in entries if isinstance(entry, str | int) and not isinstance(entry, bool))
    return [words for words in said if words]


def string(node: Any, *paths: str) -> str:
    """The first words at some paths, or empty."""
    return next(iter(strings(node, *paths)), "")


def words(concept: Any) -> str:
    """What a CodeableConcept says: its text, else the display of a coding."""
    return string(concept, "text", "coding.display")


def statuses(resource: Resource, member: str) -> frozenset[str]:
    """A status in lower case, whether it is a code, a concept or (STU3) a string."""
    return frozenset(status.lower() for status in strings(resource, member, f"{member}.coding.code", f"{member}.text"))


def day(node: Any, *paths: str) -> str:
    """The first whole calendar date at some paths, as written (no shift of zone), or empty."""
    dates = (DAY.match(written) for written in strings(node, *paths))
    return next((date[0] for date in dates if date), "")


def reference(written: str) -> Reference:
    """Where a reference points: relative, absolute, versioned, ``urn:uuid:``, ``#contained`` or a bare id."""
    steps = written.partition("/_history/")[0].rstrip("/").split("/")
    target = steps[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:").removeprefix("#")
    kind = steps[-2] if len(steps) > 1 and steps[-2].isalpha() else ""
    return Reference(kind, target)


def references(node: Any, *paths: str) -> list[Reference]:
    """Where the references at some paths point."""
    return [reference(written) for path in paths for written in strings(node, f"{path}.reference")]


def icd(code: str) -> str:
    """An ICD-10-CM code in upper case and dotted where possible; one with several dots stays as it is."""
    code = "".join(code.split()).upper()
    bare = code.replace(".", "")
    if code.count(".") > 1 or len(bare) <= SUBCATEGORY:
        return code.rstrip(".")
    return f"{bare[:SUBCATEGORY]}.{bare[SUBCATEGORY:]}"


def icd_codes(concepts: Any) -> list[str]:
    """The ICD-10-CM codes of concepts, each once; a coding without a system counts where it looks like one."""
    codes = [
        icd(code)
        for coding in objects(concepts, "coding")
        if (code := string(coding, "code")) and (string(coding, "system") in ICD10CM_SYSTEMS or _unnamed(coding, code))
    ]
    return list(dict.fromkeys(codes))


def _unnamed(coding: Resource, code: str) -> bool:
    return not string(coding, "system") and ICD.fullmatch(code.upper()) is not None


def cpt_codes(concepts: Any) -> list[str]:
    """The CPT and HCPCS codes of concepts, each once."""
    others = ICD10CM_SYSTEMS | SNOMED_SYSTEMS | LOINC_SYSTEMS
    codings = [(string(coding, "system"), string(coding, "code").upper()) for coding in objects(concepts, "coding")]
    return list(dict.fromkeys(
        code
        for system, code in codings
        if code and (system in CPT_SYSTEMS or (system not in others and CPT.fullmatch(code)))
    ))  # fmt: skip


def codes_of(concepts: Any, systems: frozenset[str]) -> list[str]:
    """The codes of concepts in some code systems; a coding without a system counts."""
    return [
        code
        for coding in objects(concepts, "coding")
        if (code := string(coding, "code")) and string(coding, "system") in systems | {""}
    ]


def unbundled(value: Any, place: str) -> Iterator[tuple[Resource, str]]:
    """The resources of a Bundle of any or no type, of a bare array, or a single one, with their places."""
    waiting = [(value, place)]
    while waiting:
        node, where = waiting.pop()
        if isinstance(node, list):
            waiting += [(entry, f"{where}[{i}]") for i, entry in reversed(list(enumerate(node)))]
        elif isinstance(node, dict) and (node.get("resourceType") == "Bundle" or "entry" in node):
            entries = node.get("entry")
            waiting.append((entries if isinstance(entries, list) else [entries], f"{where}.entry"))
        elif isinstance(node, dict) and isinstance(node.get("resource"), dict):
            waiting.append((node["resource"], where))
        elif isinstance(node, dict) and string(node, "resourceType"):
            yield node, where
