"""Data files -> Knowledge, whole and checked, or a KnowledgeError that names the file and the reason."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from knowledge.model import Code, Rule, Verdict
from knowledge.reading.lexicon import Lexicon, Tag, compile_lexicon, factored, normal
from knowledge.rules import total
from knowledge.tables import (
    Anchored,
    Element,
    Family,
    Knowledge,
    Level,
    OrderGroup,
    Parts,
    Region,
    Structural,
    StructuralCode,
    When,
    anchored_tag,
)

HERE = Path(__file__).parent
Raw = dict[str, Any]


class KnowledgeError(ValueError):
    """The knowledge files are wrong.  Raised at start-up, never during a call."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


@cache
def load(root: Path = HERE) -> Knowledge:
    """Read and check the knowledge below ``root``, once.

    Raises KnowledgeError with the path and the reason of the first thing that is wrong.
    """
    regions = tuple(Region(**raw) for raw in _regions(root))
    families = tuple(_family(raw) for raw in _toml(root / "families.toml", "families")["family"])
    codes = _codes(root, {family.digit: family for family in families}, {region.digit: region.id for region in regions})
    orders = tuple(_order(raw) for raw in _toml(root / "orders.toml", "orders")["group"])
    words = _order_words(orders)
    structurals = tuple(_structural(path) for path in sorted(root.glob("structural/*.toml")))
    return Knowledge(
        version=_version(root),
        category=_category(root),
        axes={axis["id"]: tuple(axis["values"]) for axis in _toml(root / "axes.toml", "axes")["axis"]},
        parts=_parts(_toml(root / "policy.toml", "policy")),
        families={family.digit: family for family in families},
        regions={region.id: region for region in regions},
        codes=codes,
        levels={
            row["level"]: Level(row["level"], row["kind"], row["region"], row["place"], row["has_disc"] == "yes")
            for row in _tsv(root / "levels.tsv")
        },
        structurals={structural.id: structural for structural in structurals},
        structural_codes=tuple(_structural_codes(root, codes)),
        excludes=tuple((row["a"], row["b"]) for row in _tsv(root / "codes/excludes1.tsv")),
        orders=orders,
        order_pattern=re.compile(rf"(?<![a-z0-9])(?:{factored(words)})(?![a-z0-9])"),
        order_words=words,
        elements=tuple(_element(raw) for raw in _toml(root / "elements.toml", "elements")["element"]),
        rules=_rules(root),
        lexicon=_lexicon(root, structurals),
        headings=tuple(_headings(root)),
    )


# --- codes and regions ------------------------------------------------------------------------------


def _regions(root: Path) -> Iterator[Raw]:
    for raw in _toml(root / "regions.toml", "regions")["region"]:
        yield {
            "id": raw["id"],
            "digit": raw["digit"],
            "display": raw["display"],
            "spinal": raw["spinal"],
            "lesion_in": tuple(raw.get("lesion_in", ())),
            "roots": frozenset(raw.get("roots", ())),
        }


def _family(raw: Raw) -> Family:
    return Family(
        raw["digit"],
        raw["title"],
        raw["lesion"],
        raw["site"],
        frozenset(raw["mechanisms"]),
        raw["narrows"],
        raw["words"],
    )


def _parts(raw: Raw) -> Parts:
    return Parts(
        **raw["lesions"],
        disc=raw["intervertebral"]["mechanism"],
        limits=raw["limits"],
        undefined_between=frozenset(raw["regions"]["undefined_between"]),
        roots_cross=tuple(frozenset(pair) for pair in raw["regions"]["roots_cross"]),
        operation=raw["care"]["operation"],
        operative_note=raw["care"]["operative_note"],
        report=raw["care"]["report"],
        discharge=raw["care"]["discharge"],
        coded=frozenset(raw["care"]["coded"]),
        therapy=raw["care"]["therapy"],
        not_care=frozenset(raw["care"]["not_care"]),
    )


def _codes(root: Path, families: dict[str, Family], regions: dict[str, str]) -> dict[str, Code]:
    codes = {
        row["code"]: Code(
            row["code"],
            row["title"],
            billable=row["billable"] == "1",
            billable_from=row["billable_from"],
            billable_until=row["billable_until"],
            needs_7th=row["needs_7th"] == "1",
        )
        for row in _tsv(root / "codes/spine.tsv")
    }
    for row in _tsv(root / "codes/m99.tsv"):
        family = families[row["family"]]
        codes[row["code"]] = Code(
            row["code"],
            row["title"],
            billable=True,
            family=family.digit,
            region=regions.get(row["region"], ""),
            lesion=family.lesion,
            site=family.site,
            mechanisms=family.mechanisms,
        )
    return codes


def _category(root: Path) -> str:
    """The three characters all judged codes begin with."""
    return str(_tsv(root / "codes/m99.tsv")[0]["code"][:3])


# --- structural diagnoses ---------------------------------------------------------------------------


def _structural(path: Path) -> Structural:
    raw = _toml(path, "structural")
    return Structural(
        id=path.stem,
        title=raw["title"],
        policy=tuple(raw["policy"]),
        displaces=frozenset(raw["displaces"]),
        displaces_regions=frozenset(raw.get("displaces_regions", ())),
        icd_prefixes=tuple(raw["icd_prefixes"]),
        phrases=tuple(raw["phrases"]),
        decoys=tuple(raw.get("not", ())),
        anchored=tuple(
            Anchored(
                tuple(anchored["words"]),
                tuple(anchored["near"]),
                anchored.get("level", False),
                anchored.get("also", False),
                anchored.get("within", 0),
            )
            for anchored in raw.get("anchored", ())
        ),
        also=tuple(raw.get("also", ())),
        qualifiers={
            item["id"]: (tuple(item["phrases"]), tuple(item.get("not", ()))) for item in raw.get("qualifier", ())
        },
        alternative_only=raw.get("alternative_only", False),
        site=raw.get("site", ""),
        needs_disc=raw.get("needs_disc", False),
    )


def _structural_codes(root: Path, codes: dict[str, Code]) -> Iterator[StructuralCode]:
    path = root / "structural/codes.tsv"
    for row in _tsv(path):
        code = row["code"]
        if code and code not in codes and code[:-1].rstrip("X") not in codes:
            raise KnowledgeError(path, f"{code} is in no code table")
        yield StructuralCode(row["diagnosis"], frozenset(row["with"].split()), tuple(row["at"].split()), code)


# --- orders, elements, rules ------------------------------------------------------------------------


def _order(raw: Raw) -> OrderGroup:
    return OrderGroup(
        raw["id"], raw["title"], tuple(raw["cpt"]), tuple(raw["phrases"]), tuple(raw["not"]), raw.get("excluded", False)
    )


def _order_words(orders: Sequence[OrderGroup]) -> dict[str, tuple[str, ...]]:
    """Phrase -> groups; a decoy phrase belongs to none and hides what it covers."""
    words: dict[str, tuple[str, ...]] = {}
    for group in orders:
        for phrase in group.phrases:
            words[normal(phrase)] = (*words.get(normal(phrase), ()), group.id)
        for decoy in group.decoys:
            words.setdefault(normal(decoy), ())
    return words


def _element(raw: Raw) -> Element:
    return Element(
        raw["id"],
        raw["policy"],
        raw["title"],
        raw["said"],
        frozenset(raw["roles"]),
        tuple(
            When(
                frozenset(when.get("families", ())),
                frozenset(when.get("regions", ())),
                frozenset(when.get("orders", ())),
                frozenset(when.get("performed", ())),
            )
            for when in raw["when"]
        ),
    )


def _rules(root: Path) -> tuple[Rule, ...]:
    rules = tuple(_rule(path) for path in sorted(root.glob("rules/*.toml")))
    problem = total(rules)
    if problem:
        raise KnowledgeError(root / "rules", problem)
    return rules


def _rule(path: Path) -> Rule:
    raw = _toml(path, "rule")
    return Rule(
        path.stem,
        raw["title"],
        raw["why"],
        raw["source"],
        tuple(raw["policy"]),
        Verdict(raw["verdict"]),
        raw.get("advice", ""),
        {fact: frozenset(answers) for fact, answers in raw["when"].items()},
    )


# --- vocabulary -------------------------------------------------------------------------------------


def _lexicon(root: Path, structurals: tuple[Structural, ...]) -> Lexicon:
    entries: list[tuple[str, tuple[Tag, ...]]] = []
    keys: set[str] = set()
    spelling = _toml(root / "spelling.toml", "spelling")
    for path in sorted(root.glob("vocabulary/*/*.toml")):
        if path.stem == "sections":
            continue
        raw = _toml(path, "vocabulary")
        for phrases, tags in _groups(raw, path):
            entries += [(phrase, tags) for phrase in phrases]
        entries += [(phrase, ()) for phrase in raw.get("not", ())]
    for structural in structurals:
        entries += list(_structural_entries(structural))
    for word in spelling["key"]:
        keys.add(word)
    return compile_lexicon(entries, keys, spelling["keep"])


def _groups(raw: Raw, path: Path) -> Iterator[tuple[list[str], tuple[Tag, ...]]]:
    """The phrases of a vocabulary file with what they tell: its folder and name, or what a group asserts."""
    if "phrases" in raw:
        yield raw["phrases"], ((path.parent.name, path.stem),)
    for group in raw.get("group", ()):
        yield group["phrases"], tuple((kind, value) for kind, value in group["asserts"])
        for decoy in group.get("not", ()):
            yield [decoy], ()


def _structural_entries(structural: Structural) -> Iterator[tuple[str, tuple[Tag, ...]]]:
    told = "alternative" if structural.alternative_only else "structural"
    for phrase in structural.phrases:
        yield phrase, ((told, structural.id),)
    for phrase in structural.decoys:
        yield phrase, ()
    for number, anchored in enumerate(structural.anchored):
        for phrase in anchored.words:
            yield phrase, (("anchored", anchored_tag(structural.id, number, anchored)),)
        for phrase in anchored.near:
            yield phrase, (("near", f"{structural.id}/{number}"),)
    for phrase in structural.also:
        yield phrase, (("also", structural.id),)
    for name, (phrases, decoys) in structural.qualifiers.items():
        for phrase in phrases:
            yield phrase, (("qualifier", name),)
        for phrase in decoys:
            yield phrase, ()


def _headings(root: Path) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Each heading: phrase, kind of section, its scope, and the document kinds it is limited to."""
    for section in _toml(root / "vocabulary/section/sections.toml", "sections")["section"]:
        for phrase in section["phrases"]:
            yield phrase, section["kind"], section["scope"], frozenset(section.get("only", ()))


# --- files ------------------------------------------------------------------------------------------


@cache
def _schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((HERE / f"schemas/{kind}.schema.json").read_text(encoding="utf-8")))


def _toml(path: Path, kind: str) -> Raw:
    """Parse one file and hold it to its schema."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(path, str(error)) from error
    for problem in _schema(kind).iter_errors(raw):
        raise KnowledgeError(path, f"{problem.json_path}: {problem.message}")
    return raw


@cache
def _tsv(path: Path) -> tuple[dict[str, str], ...]:
    try:
        with path.open(newline="", encoding="utf-8") as rows:
            return tuple(csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise KnowledgeError(path, str(error)) from error


def _version(root: Path) -> str:
    """A digest of every data file: two services with one version judge alike."""
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.toml"), *root.rglob("*.tsv")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
