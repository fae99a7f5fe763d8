"""Data files -> Knowledge, whole and checked, or a KnowledgeError that names the file and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from knowledge.files import HERE, KnowledgeError, Raw, toml, tsv, version
from knowledge.garbage import nothing_collected
from knowledge.model import Code, Rule, Verdict
from knowledge.phrases import headings, lexicon, order_words
from knowledge.reading.lexicon import finder
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
)

__all__ = ["KnowledgeError", "load"]


@cache
def load(root: Path = HERE) -> Knowledge:
    """Read and check the knowledge below ``root``, once.

    Raises KnowledgeError with the path and the reason of the first thing that is wrong.
    """
    with nothing_collected():
        return _knowledge(root)


def _knowledge(root: Path) -> Knowledge:
    regions = tuple(Region(**raw) for raw in _regions(root))
    families = tuple(_family(raw) for raw in toml(root / "families.toml", "families")["family"])
    codes = _codes(root, {family.digit: family for family in families}, {region.digit: region.id for region in regions})
    orders = tuple(_order(raw) for raw in toml(root / "orders.toml", "orders")["group"])
    words = order_words(orders)
    places = {region.id for region in regions}
    structurals = tuple(_structural(path) for path in sorted(root.glob("structural/*.toml")))
    return Knowledge(
        version=version(root),
        category=_category(root),
        axes={axis["id"]: tuple(axis["values"]) for axis in toml(root / "axes.toml", "axes")["axis"]},
        parts=_parts(toml(root / "policy.toml", "policy")),
        families={family.digit: family for family in families},
        regions={region.id: region for region in regions},
        codes=codes,
        levels={
            row["level"]: Level(row["level"], row["kind"], row["region"], row["place"], row["has_disc"] == "yes")
            for row in tsv(root / "levels.tsv")
        },
        structurals={structural.id: structural for structural in structurals},
        structural_codes=tuple(_structural_codes(root, codes)),
        excludes=tuple((row["a"], row["b"]) for row in tsv(root / "codes/excludes1.tsv")),
        snomed={row["snomed"]: row["icd10cm"] for row in tsv(root / "snomed.tsv") if row["icd10cm"]},
        studies={row["loinc"]: row["region"] for row in tsv(root / "loinc_imaging.tsv") if row["region"] in places},
        orders=orders,
        order_pattern=finder(words),
        order_words=words,
        elements=tuple(_element(raw) for raw in toml(root / "elements.toml", "elements")["element"]),
        rules=_rules(root),
        lexicon=lexicon(root, structurals),
        headings=tuple(headings(root)),
    )


# --- codes and regions ------------------------------------------------------------------------------


def _regions(root: Path) -> Iterator[Raw]:
    for raw in toml(root / "regions.toml", "regions")["region"]:
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
        abbreviations=frozenset(raw["language"]["abbreviations"]),
        pain=frozenset(raw["language"]["pain"]),
        synoptic=tuple(raw["language"]["synoptic"]),
        affirmed=frozenset(raw["language"]["affirmed"]),
        shared_adjectives=frozenset(raw["language"]["shared_adjectives"]),
        motions=tuple(raw["language"]["motions"]),
        shared_heads=frozenset(raw["language"]["shared_heads"]),
        reflexes=frozenset(raw["language"]["reflexes"]),
        patient=frozenset(raw["language"]["patient"]),
        causes=frozenset(raw["language"]["causes"]),
        palpation=tuple(raw["language"]["palpation"]),
        idle_verbs=frozenset(raw["language"]["idle_verbs"]),
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
        for row in tsv(root / "codes/spine.tsv")
    }
    for row in tsv(root / "codes/m99.tsv"):
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
    return str(tsv(root / "codes/m99.tsv")[0]["code"][:3])


# --- structural diagnoses ---------------------------------------------------------------------------


def _structural(path: Path) -> Structural:
    raw = toml(path, "structural")
    return Structural(
        id=path.stem,
        title=raw["title"],
        policy=tuple(raw["policy"]),
        displaces=frozenset(raw["displaces"]),
        displaces_regions=frozenset(raw.get("displaces_regions", ())),
        includes=frozenset(raw.get("includes", ())),
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
    for row in tsv(path):
        code = row["code"]
        if code and code not in codes and code[:-1].rstrip("X") not in codes:
            raise KnowledgeError(path, f"{code} is in no code table")
        yield StructuralCode(row["diagnosis"], frozenset(row["with"].split()), tuple(row["at"].split()), code)


# --- orders, elements, rules ------------------------------------------------------------------------


def _order(raw: Raw) -> OrderGroup:
    return OrderGroup(
        raw["id"], raw["title"], tuple(raw["cpt"]), tuple(raw["phrases"]), tuple(raw["not"]), raw.get("excluded", False)
    )


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
    raw = toml(path, "rule")
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
