"""Misspelt key terms: words one edit away from a term, and words that are heard as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

VOWELS = re.compile(r"[aeiouyhw]")
DOUBLED = re.compile(r"(.)\1+")
#: How letters are heard, in the order applied.
HEARD = (
    ("ph", "f"),
    ("shun", "tion"),
    ("sion", "tion"),
    ("cion", "tion"),
    ("x", "ks"),
    ("ck", "k"),
    ("qu", "k"),
    ("c", "k"),
    ("z", "s"),
)
#: A word that sounds like a term may differ in length by so many letters.
FURTHEST = 2
LEAST_SOUND = 5
#: One edit leaves the first or the last letters of a term as they are (of a term with five letters or more).
OUTER = 2


@dataclass(frozen=True, slots=True)
class Spelling:
    """The key terms, in the forms in which a misspelling can be looked up."""

    words: frozenset[str]  #: words that are right as they stand
    misspelt: Mapping[str, tuple[str, ...]]  #: deletion key -> key terms
    sounding: Mapping[str, str]  #: sound -> the one key term that sounds so
    heads: frozenset[str]  #: the first letters of the terms
    tails: frozenset[str]  #: their last letters
    longest: int  #: letters of a word that can still be one of them

    @classmethod
    def of(cls, key_terms: Iterable[str], words: frozenset[str]) -> Spelling:
        """From the terms whose misspellings are read, and all words that are none."""
        terms = sorted(set(key_terms))
        misspelt: dict[str, tuple[str, ...]] = {}
        for term in terms:
            for key in deletions(term):
                misspelt[key] = (*misspelt.get(key, ()), term)
        heard = sounds(terms)
        sounding = {
            key: term
            for key, term in zip(heard, terms, strict=True)
            if heard.count(key) == 1 and len(key) >= LEAST_SOUND
        }
        return cls(
            words,
            misspelt,
            sounding,
            frozenset(term[:OUTER] for term in terms),
            frozenset(term[-OUTER:] for term in terms),
            max(map(len, terms), default=0) + FURTHEST,
        )

    def corrections(self, written: Iterable[str]) -> dict[str, str]:
        """The key term for every word that misspells one."""
        unknown = [word for word in set(written) - self.words if len(word) <= self.longest]
        heard = dict(zip(unknown, sounds(unknown), strict=True))
        return {word: term for word in unknown if (term := self._edited(word) or self._heard(word, heard[word]))}

    def _edited(self, word: str) -> str | None:
        if word[:OUTER] not in self.heads and word[-OUTER:] not in self.tails:
            return None
        near = (term for key in deletions(word) if key in self.misspelt for term in self.misspelt[key])
        return min((term for term in near if one_edit(word, term)), default=None)

    def _heard(self, word: str, heard: str) -> str | None:
        term = self.sounding.get(heard)
        return term if term and term[0] == word[0] and abs(len(term) - len(word)) <= FURTHEST else None


def deletions(word: str) -> set[str]:
    """The word and every word with one letter left out: two words one edit apart share one of these."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def sounds(words: Sequence[str]) -> list[str]:
    """The consonants of each word as they are heard: "forramina" and "foramina" sound alike."""
    text = "\n".join(words)
    for written, heard in HEARD:
        text = text.replace(written, heard)
    lines = text.split("\n")
    tails = DOUBLED.sub(r"\1", VOWELS.sub("", "\n".join(line[1:] for line in lines))).split("\n")
    return [VOWELS.sub("", line[:1]) + tail for line, tail in zip(lines, tails, strict=True)] if words else []


def one_edit(a: str, b: str) -> bool:
    """Whether the words differ by one insertion, deletion, substitution or swap of neighbours."""
    if abs(len(a) - len(b)) > 1:
        return False
    i = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) == len(b):
        return a[i + 1 :] == b[i + 1 :] or (a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :])
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[i + 1 :] == shorter[i:]
