"""What the classes and values of the vocabulary are called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cards.words import LABELS, label
from knowledge import Knowledge
from knowledge.files import HERE as KNOWLEDGE
from knowledge.files import toml
from knowledge.reading.lexicon import Tag


@cache
def displays(root: Path = KNOWLEDGE) -> Mapping[Tag, str]:
    """What a class and a value are called: by the vocabulary file that is named after them."""
    found = {}
    for path in sorted(root.glob("vocabulary/*/*.toml")):
        if path.stem != "sections":
            found[path.parent.name, path.stem] = str(toml(path, "vocabulary")["display"])
    return found


def said(axis: str, value: str, known: Knowledge) -> str:
    """A value in words: those of the cards, else those of the diagnosis or of the vocabulary, else the value itself."""
    if value in known.structurals:
        return known.structurals[value].title
    table = f"value-{axis}"
    if value in LABELS.get(table, {}):
        return label(table, value)
    return displays().get((axis, value), label(table, value))
