"""The words of the data files -> the lexicon, the headings of sections, the words of orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from knowledge.files import Raw, toml
from knowledge.reading.lexicon import Lexicon, Tags, compile_lexicon, expand, normal
from knowledge.tables import OrderGroup, Structural, anchored_tag

#: Classes of words that say something of a thing.  Their decoys take back that word and leave the thing; the decoys of
#: all other classes take back all: "cervical rib" is neither.
CUES: frozenset[str | tuple[str, str]] = frozenset(
    (
        *("assertion", "normal", "narrowing", "change", "speech", "qualifier", "region", "bare", "limb", "muscle"),
        *("tissue", "site", "content", "adjective"),
        *(
            ("element", value)
            for value in ("tart", "tart-weak", "neuro-normal", "neuro-abnormal", "root-word", "landmark")
        ),
    )
)


def lexicon(root: Path, structurals: Sequence[Structural]) -> Lexicon:
    """The vocabulary and the words of the structural diagnoses, ready to be found."""
    entries: list[tuple[str, Tags]] = []
    opened: list[tuple[str, Tags]] = []
    shut: set[str] = set()
    spelling = toml(root / "spelling.toml", "spelling")
    for path in sorted(root.glob("vocabulary/*/*.toml")):
        if path.stem == "sections":
            continue
        raw = toml(path, "vocabulary")
        for phrases, tags, decoys in _groups(raw, path):
            entries += [(phrase, tags) for phrase in phrases]
            entries += [(phrase, ()) for phrase in decoys]
            if all(kind in CUES or (kind, value) in CUES for kind, value in tags):
                opened += [(phrase, tags) for phrase in decoys]
            else:
                shut |= {literal for phrase in decoys for literal in expand(phrase)}
    for structural in structurals:
        entries += list(_structural_entries(structural))
    left = [(literal, tags) for phrase, tags in opened for literal in expand(phrase) if literal not in shut]
    return compile_lexicon(entries, spelling["key"], spelling["keep"], left)


def _groups(raw: Raw, path: Path) -> Iterator[tuple[list[str], Tags, list[str]]]:
    """The phrases of a vocabulary file, what they tell (its folder and name, or what a group asserts), its decoys."""
    if "phrases" in raw:
        yield raw["phrases"], ((path.parent.name, path.stem),), raw.get("not", [])
    for group in raw.get("group", ()):
        yield group["phrases"], tuple((kind, value) for kind, value in group["asserts"]), group.get("not", [])


def _structural_entries(structural: Structural) -> Iterator[tuple[str, Tags]]:
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


def headings(root: Path) -> Iterator[tuple[str, str, str, frozenset[str], bool]]:
    """Each heading: phrase, kind of section, scope, the document kinds it is limited to, whether it needs no mark."""
    for section in toml(root / "vocabulary/section/sections.toml", "sections")["section"]:
        for phrase in section["phrases"]:
            terse = phrase in section.get("terse", ())
            yield phrase, section["kind"], section["scope"], frozenset(section.get("only", ())), terse


def order_words(orders: Sequence[OrderGroup]) -> dict[str, tuple[str, ...]]:
    """Phrase -> groups; a decoy phrase belongs to none and hides what it covers."""
    words: dict[str, tuple[str, ...]] = {}
    for group in orders:
        for phrase in group.phrases:
            words[normal(phrase)] = (*words.get(normal(phrase), ()), group.id)
        for decoy in group.decoys:
            words.setdefault(normal(decoy), ())
    return words
