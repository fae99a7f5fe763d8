"""The query templates of a service: which stand in for which, and how their tokens are filled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

PATIENT, ENCOUNTER = "context.patientId", "context.encounterId"
TOKEN = re.compile(r"\{\{\s*(.*?)\s*\}\}")
ID = re.compile(r"[A-Za-z0-9\-._]{1,512}")


def wants(templates: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The queries in groups of which one suffices: an encounter-keyed one, then its patient-keyed siblings."""
    keyed = [key for key, template in templates.items() if ENCOUNTER in template]
    siblings = {
        key: [other for other in templates if other != key and other.startswith(key) and other not in keyed]
        for key in keyed
    }
    standing_in = {other for others in siblings.values() for other in others}
    return [(key, *siblings.get(key, ())) for key in templates if key not in standing_in]


def queries(
    group: Iterable[str], templates: Mapping[str, str], patient: str, encounters: Sequence[str]
) -> list[tuple[str, str]]:
    """The queries of a group whose ids are known, for each encounter that may be meant."""
    return [
        (key, query)
        for key in group
        for encounter in (encounters if ENCOUNTER in templates[key] else [""])
        if (query := filled(templates[key], patient, encounter))
    ]


def filled(template: str, patient: str, encounter: str) -> str:
    """A query template with its tokens filled; empty where one is unknown or is no id (S12)."""
    known = {PATIENT: patient, ENCOUNTER: encounter}
    values = [known.get(token, "") for token in TOKEN.findall(template)]
    if not all(map(is_id, values)):
        return ""
    return TOKEN.sub(lambda token: quote(known[token[1]], safe=""), template)


def is_id(text: str) -> bool:
    """Whether a text can stand as an id in an address; a path of dots cannot."""
    return ID.fullmatch(text) is not None and text.strip(".") != ""


def kind(template: str) -> str:
    """The resource type a template asks for."""
    return template.partition("?")[0].partition("/")[0]
