"""Phrases -> one regular expression that finds them all, and the words they are made of.

A phrase is literal text; ``(a|b|)`` lists alternatives.  Blanks match any short run of blanks, line
breaks, hyphens or slashes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, product

from knowledge.reading.spelling import Spelling
from knowledge.reading.trie import factored as factored  # noqa: PLC0414 - headings are found in the same way

GROUP = re.compile(r"\(([^()]*)\)")
BLANKS = re.compile(r"[ \t\n/-]+")
#: What may stand for a blank of a phrase, and so many of them: where phrases are looked for, each is a blank.
PARTING = "\t\n/-"
GAP = " {1,3}"
WORD = re.compile(r"[a-z]+")
#: Between phrases that are scanned together: no phrase runs over it.
APART = "\0"

#: A class whose values say different things: of it a decoy takes back its own value only.
MANIFOLD = "element"
#: Classes whose words keep their meaning inside a longer phrase.
NESTED = frozenset({"region", "qualifier"})

Tag = tuple[str, str]
Tags = tuple[Tag, ...]
#: What a decoy holds all the same: first word, word behind the last, and what they tell.
Held = tuple[tuple[int, int, "Term"], ...]


#: Classes that a cue can be about.
TARGETS = frozenset(
    {
        "site", "content", "narrowing", "normal", "tissue", "change", "mechanism", "structural", "anchored", "lesion",
        "alternative", "element", "qualifier", "level", "region", "order", "also",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """What a phrase tells, ready to be asked."""

    tags: Tags
    kinds: Mapping[str, tuple[str, ...]]  #: class -> the values told
    said: frozenset[str]  #: the classes, and the cues
    levels: tuple[str, ...]
    target: bool  #: whether a cue can be about it


@cache  # as many as the vocabulary has
def term(tags: Tags) -> Term:
    """The term of these tags."""
    kinds: dict[str, tuple[str, ...]] = {}
    for kind, value in tags:
        kinds[kind] = (*kinds.get(kind, ()), value)
    said = frozenset((*kinds, *kinds.get("assertion", ())))
    return Term(tags, kinds, said, kinds.get("level", ()), not TARGETS.isdisjoint(kinds))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every phrase of the vocabulary with what it tells, and the pattern that finds them all."""

    pattern: re.Pattern[str]
    tags: Mapping[str, Tags]  #: normalised phrase -> (class, value) pairs; empty = a decoy
    terms: Mapping[str, Term]  #: the same, ready to be asked
    held: Mapping[str, Held]  #: normalised decoy -> the phrases in it that it does not take back
    words: frozenset[str]  #: every word of every phrase
    spelling: Spelling

    def scan(self, text: str) -> list[re.Match[str]]:
        """Every phrase of a text, in order; all at once, since a scan that is not broken off is faster."""
        return list(self.pattern.finditer(spaced(text)))

    def tags_of(self, found: str) -> Tags:
        """What a piece of text found by the pattern tells."""
        tags = self.tags.get(found)
        return tags if tags is not None else self.tags[normal(found)]


def expand(phrase: str) -> Iterator[str]:
    """Every literal text that a phrase with alternatives stands for."""
    parts = GROUP.split(BLANKS.sub(" ", phrase.lower()))
    if len(parts) == 1:
        yield parts[0].strip()
        return
    choices = [[part] if i % 2 == 0 else part.split("|") for i, part in enumerate(parts)]
    for choice in product(*choices):
        yield " ".join("".join(choice).split())


def spaced(text: str) -> str:
    """The text with a blank for all that may part the words of a phrase: where phrases are looked for."""
    for mark in PARTING:
        text = text.replace(mark, " ")
    return text


def normal(text: str) -> str:
    """Lower case with single blanks: the form phrases are kept in."""
    return BLANKS.sub(" ", text.lower()).strip()


def compile_lexicon(
    entries: Iterable[tuple[str, Tags]],
    key_terms: Iterable[str],
    kept: Iterable[str],
    open_decoys: Iterable[tuple[str, Tags]] = (),
) -> Lexicon:
    """Build the lexicon from (phrase, tags) pairs; ``key_terms`` are words whose misspellings are read.

    A decoy, a phrase without tags, tells nothing; one of ``open_decoys`` takes back its tags alone: "a large spur" is
    no word for what is normal, and a spur it remains.
    """
    tags: dict[str, Tags] = {}
    decoys: set[str] = set()
    for phrase, known in entries:
        told = tuple(dict.fromkeys(known))
        for literal in expand(phrase):
            tags[literal] = _both(tags.get(literal, ()), told)
            if not told:
                decoys.add(literal)
    written = {word for phrase in tags for word in phrase.split()}
    words = frozenset(WORD.findall(" ".join(written))) | frozenset(kept)
    _nest(tags, decoys)
    terms = {phrase: term(told) for phrase, told in tags.items()}
    back: dict[str, Tags] = {}
    for literal, taken in open_decoys:
        back[literal] = _both(back.get(literal, ()), taken)
    held = {
        literal: found
        for literal, taken in back.items()
        if not tags[literal] and (found := _held(literal, taken, tags))
    }
    return Lexicon(finder(tags), tags, terms, held, words, Spelling.of(key_terms, words))


def _held(decoy: str, taken: Tags, tags: Mapping[str, Tags]) -> Held:
    """The longest phrases inside a decoy, from its beginning, with what they tell besides what it takes back."""
    words = decoy.split()
    classes = {kind for kind, _ in taken} - {MANIFOLD}
    found, first = [], 0
    while first < len(words):
        for last in range(len(words), first, -1):
            inside = tags.get(" ".join(words[first:last]), ()) if last - first < len(words) else ()
            if inside:
                left = tuple(tag for tag in inside if tag not in taken and tag[0] not in classes)
                found += [(first, last, term(left))] if left else []
                first = last - 1
                break
        first += 1
    return tuple(found)


def _both(known: Tags, told: Tags) -> Tags:
    """What two entries tell together; nothing is told twice."""
    return tuple(dict.fromkeys((*known, *told))) if known else told


def finder(phrases: Iterable[str]) -> re.Pattern[str]:
    """The pattern that finds the longest of the phrases, as whole words, in a text that is ``spaced``."""
    return re.compile(rf"(?<![a-z0-9])(?:{factored(phrases, GAP)})(?![a-z0-9])")


def _nest(tags: dict[str, Tags], decoys: set[str]) -> None:
    """A longer phrase tells the place and the qualifier it contains: "cervical canal" a region, "ankle jerk" none."""
    inner = {phrase: nested for phrase, told in tags.items() if (nested := tuple(t for t in told if t[0] in NESTED))}
    outer = [phrase for phrase, told in tags.items() if told and phrase not in inner]
    starts = list(accumulate((len(phrase) + len(APART) for phrase in outer), initial=0))
    undone = {decoy for decoy in decoys if decoy.partition(" ")[0] in inner}
    for match in finder({*inner, *undone}).finditer(APART.join(outer)):  # one scan over all of them
        phrase = outer[bisect_right(starts, match.start()) - 1]
        tags[phrase] = _both(tags[phrase], inner.get(match[0], ()))
