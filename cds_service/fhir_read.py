"""Raw FHIR JSON, read tolerantly: an object for an array, a missing member, a wrong type never raise.

Every reader walks a dotted path and enters whatever arrays lie on it, so that ``code.coding.code`` finds the codes of
one concept or of several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
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
NONE: frozenset[str] = frozenset()
SUBCATEGORY = 3  #: characters of an ICD-10-CM code before its dot


class Reference(NamedTuple):
    """Where a reference points: type and id; the type is empty for ``urn:uuid:`` and for contained resources."""

    type: str
    id: str


def found(node: Any, path: str = "") -> list[Any]:
    """Everything that stands at a path; arrays are entered, nulls are nothing."""
    steps = _steps(path)
    if steps and isinstance(node, dict):  # as nearly always: the first step needs no list
        node = node.get(steps[0])
        if node is None:
            return []
        if len(steps) == 1:
            return _entries(node) if isinstance(node, list) else [node]
        steps = steps[1:]
    level = _entries(node)
    for name in steps:
        if not level:
            break
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict) and (value := one.get(name)) is not None:
                if isinstance(value, list):
                    inner += _entries(value)
                else:
                    inner.append(value)
        level = inner
    return level


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _entries(node: Any) -> list[Any]:
    """What an array holds, the arrays in it opened; anything else is alone, a null is nothing."""
    if not isinstance(node, list):
        return [] if node is None else [node]
    entries: list[Any] = []
    for entry in node:
        if isinstance(entry, list):
            entries += _entries(entry)
        elif entry is not None:
            entries.append(entry)
    return entries


def objects(node: Any, path: str = "") -> list[Resource]:
    """The JSON objects at a path."""
    return [entry for entry in found(node, path) if isinstance(entry, dict)]


def strings(node: Any, *paths: str) -> list[str]:
    """The words at some paths, without white space around them; numbers count as written, empty ones not at all."""
    many: list[str] = []
    for path in paths:
        for entry in found(node, path):
            said = entry.strip() if isinstance(entry, str) else _said(entry)
            if said:
                many.append(said)
    return many


def string(node: Any, *paths: str) -> str:
    """The first words at some paths, or empty."""
    for path in paths:
        if isinstance(node, dict) and isinstance(value := node.get(path), str) and (said := value.strip()):
            return said  # a member, as most are
        for entry in found(node, path):
            if said := _said(entry):
                return said
    return ""


def _said(entry: Any) -> str:
    if isinstance(entry, str):
        return entry.strip()
    return str(entry) if isinstance(entry, int) and not isinstance(entry, bool) else ""


def words(concept: Any) -> str:
    """What a CodeableConcept says: its text, else the display of a coding."""
    return string(concept, "text", "coding.display")


def statuses(resource: Resource, member: str) -> frozenset[str]:
    """A status in lower case, whether it is a code, a concept or (STU3) a string."""
    if isinstance(resource, dict):  # as a code, which most are
        value = resource.get(member)
        if value is None:
            return NONE
        if isinstance(value, str):
            return frozenset((said,)) if (said := value.strip().lower()) else NONE
        return _lowered(value)
    return _lowered(found(resource, member))


def _lowered(value: Any) -> frozenset[str]:
    return frozenset([status.lower() for status in strings(value, "coding.code", "text", "")])


def day(node: Any, *paths: str) -> str:
    """The first whole calendar date at some paths, as written (no shift of zone), or empty."""
    for path in paths:
        for written in strings(node, path):
            if date := DAY.match(written):
                return date[0]
    return ""


def reference(written: str) -> Reference:
    """Where a reference points: relative, absolute, versioned, ``urn:uuid:``, ``#contained`` or a bare id."""
    kind, _, name = written.partition("/")
    if kind.isalpha() and name.isalnum():  # Patient/123, as nearly all are
        return Reference(kind, name)
    steps = written.partition("/_history/")[0].rstrip("/").split("/")
    target = steps[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:").removeprefix("#")
    kind = steps[-2] if len(steps) > 1 and steps[-2].isalpha() else ""
    return Reference(kind, target)


def references(node: Any, *paths: str) -> list[Reference]:
    """Where the references at some paths point."""
    many: list[Reference] = []
    for path in paths:
        for holder in found(node, path):
            if isinstance(holder, dict) and (value := holder.get("reference")) is not None:
                many += [reference(written) for written in strings(value, "")]
    return many


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
