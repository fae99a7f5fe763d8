"""What a request says, read without the service: the measure that quotes are held against."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from html import unescape
from typing import Any

Json = dict[str, Any]


def held(value: Any) -> dict[str, Json]:
    """Every resource inside a piece of JSON by ``Type/id``."""
    return {f"{one['resourceType']}/{one['id']}": one for one in _resources(value) if "id" in one}


def _resources(value: Any) -> Iterator[Json]:
    if isinstance(value, dict) and "resourceType" in value:
        yield value
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _resources(one)


def said(source: str, record: dict[str, Json]) -> list[str]:
    """The texts of a resource: its attachments decoded, its strings as they stand, a name with its value."""
    resource = record.get(source)
    if resource is None:
        return []
    texts = [*_strings(resource), *_named(resource)]
    for attachment in _attachments(resource):
        holder = record.get(attachment["url"], {}) if "url" in attachment else attachment
        texts += [unmarked(b64decode(holder.get("data", "")).decode())]
    return [fold(text) for text in texts]


def _attachments(resource: Json) -> list[Json]:
    return [*(one["attachment"] for one in resource.get("content", ())), *resource.get("presentedForm", ())]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield unmarked(value)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def _named(resource: Json) -> Iterator[str]:
    """An Observation reads as its name, a colon and its value."""
    if resource["resourceType"] == "Observation":
        values = [resource.get("valueCodeableConcept"), *resource.get("interpretation", ())]
        value = resource.get("valueString") or next(one["text"] for one in values if one)
        yield f"{resource['code']['text']}: {value}"


def unmarked(text: str) -> str:
    """A text without the markup of HTML or RTF."""
    if text.startswith("{\\rtf"):
        return _unmarked_rtf(text)
    if re.search(r"</\w+>", text):
        inline = r"</?(?:b|i|u|s|em|strong|span|sub|sup|del|a|font)(?:\s[^>]*)?>"
        return unescape(re.sub(r"<[^<>]+>", " ", re.sub(inline, "", re.sub(r"(?s)<style.*?</style>", " ", text))))
    return text


#: What RTF writes as a word.
SIGNS = dict(zip(("endash", "emdash", "lquote", "rquote", "ldblquote", "rdblquote", "bullet"), "–—‘’“”•", strict=True))


def _unmarked_rtf(text: str) -> str:
    text = re.sub(r"\{\\(?:\*|fonttbl|colortbl)(?:[^{}]|\{[^{}]*\})*\}", "", text)
    text = re.sub(r"\\(?:par|line|tab|cell|row)\b ?", " ", text)
    text = text.replace("\\~", " ").replace("\\_", "-")
    text = re.sub(
        r"\\(endash|emdash|lquote|rquote|ldblquote|rdblquote|bullet)\b ?", lambda found: SIGNS[found[1]], text
    )
    text = re.sub(r"\\u(\d+) ?(?:\\'..|.)", lambda found: chr(int(found[1])), text)
    text = re.sub(r"\\'(..)", lambda found: bytes.fromhex(found[1]).decode("cp1252"), text)
    return re.sub(r"\\[a-z]+-?\d* ?|\\([\\{}])|[{}]", lambda found: found[1] or "", text)


def fold(text: str) -> str:
    """White space may differ."""
    return " ".join(text.split())
