"""What kind of document a text is, and who wrote it: ``knowledge/documents.toml``, read once and checked whole."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from knowledge import model
from knowledge.model import Role

SOURCE = Path(model.__file__).parent / "documents.toml"
SCHEMA = Path(__file__).parent / "documents.schema.json"
NEVER = re.compile(r"(?!)")
BETWEEN = re.compile(r"[\s,;/()]+")


class DocumentsError(ValueError):
    """``knowledge/documents.toml`` is not what it has to be.  Raised at the start."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document and who writes it where nobody says."""

    id: str
    role: Role
    imaging: bool = False  #: counts whatever encounter it was made in (A7)
    loinc: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    titles: re.Pattern[str] = NEVER


@dataclass(frozen=True, slots=True)
class Credential:
    """What an author's display says of the role."""

    role: Role
    except_on: frozenset[str]
    letters: frozenset[str]
    titles: re.Pattern[str]

    def matches(self, display: str, letters: frozenset[str]) -> bool:
        return bool(self.letters & letters or self.titles.search(display))


@dataclass(frozen=True, slots=True)
class Documents:
    """The kinds, the credentials, and the classes of encounter that are inpatient."""

    kinds: tuple[Kind, ...]
    credentials: tuple[Credential, ...]
    inpatient: frozenset[str]
    report: Kind
    default: Kind

    def kind(self, loinc: Iterable[str], categories: Iterable[str], titles: Iterable[str], *, report: bool) -> Kind:
        """The kind by type code, else by category, else by title, else what a report or a note is by itself."""
        codes, groups = frozenset(loinc), frozenset(category.upper() for category in categories)
        said = "\n".join(titles)
        found = (
            next((kind for kind in self.kinds if kind.loinc & codes), None)
            or next((kind for kind in self.kinds if kind.categories & groups), None)
            or next((kind for kind in self.kinds if kind.titles.search(said)), None)
        )
        return found or (self.report if report else self.default)

    def role(self, displays: Iterable[str], kind: Kind) -> Role:
        """Who wrote it: the credential in an author's display, else who writes this kind."""
        authors = [(display, _letters(display)) for display in displays]
        for credential in self.credentials:
            if kind.id not in credential.except_on and any(credential.matches(*author) for author in authors):
                return credential.role
        return kind.role


@cache
def documents() -> Documents:
    """The table.

    Raises:
        DocumentsError: with what is wrong and where.
    """
    return parsed(SOURCE.read_text(encoding="utf-8"))


def parsed(text: str) -> Documents:
    """The table behind the text of the file."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DocumentsError(f"{SOURCE.name}: {error}") from error
    for wrong in Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).iter_errors(raw):
        raise DocumentsError(f"{SOURCE.name}: {wrong.json_path}: {wrong.message}")
    kinds = {row["id"]: _kind(row) for row in raw["kind"]}
    named = {raw["report"], raw["default"], *(kind for row in raw["credential"] for kind in row.get("except_on", ()))}
    if lost := sorted(named - kinds.keys()):
        raise DocumentsError(f"{SOURCE.name}: no such kind: {', '.join(lost)}")
    return Documents(
        kinds=tuple(kinds.values()),
        credentials=tuple(_credential(row) for row in raw["credential"]),
        inpatient=frozenset(raw["inpatient"]),
        report=kinds[raw["report"]],
        default=kinds[raw["default"]],
    )


def _kind(row: Mapping[str, Any]) -> Kind:
    return Kind(
        id=row["id"],
        role=Role(row["role"]),
        imaging=row.get("imaging", False),
        loinc=frozenset(row.get("loinc", ())),
        categories=frozenset(row.get("categories", ())),
        titles=_phrases(row.get("titles", ())),
    )


def _credential(row: Mapping[str, Any]) -> Credential:
    return Credential(
        role=Role(row["role"]),
        except_on=frozenset(row.get("except_on", ())),
        letters=frozenset(row.get("letters", ())),
        titles=_phrases(row.get("titles", ())),
    )


def _phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    """The phrases as whole words in any case."""
    alternatives = "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if alternatives else NEVER


def _letters(display: str) -> frozenset[str]:
    """The words of a display as credentials are written: ``M.D.`` is MD, ``PA-C`` is PA."""
    words = BETWEEN.split(display.replace(".", ""))
    return frozenset(part for word in words for part in (word, word.partition("-")[0]))
