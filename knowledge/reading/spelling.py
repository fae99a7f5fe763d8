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


@dataclass(frozen=True, slots=True)
class Spelling:
    """The key terms, in the forms in which a misspelling can be looked up."""

    words: frozenset[str]  #: words that are right as they stand
    near: Mapping[tuple[int, str], tuple[str, ...]]  #: letters of a word, its first or last half -> key terms
    sounding: Mapping[str, str]  #: sound -> the one key term that sounds so
    begins: frozenset[tuple[int, str]]  #: letters and first letter of a word that may sound like a term

    @classmethod
    def of(cls, key_terms: Iterable[str], words: frozenset[str]) -> Spelling:
        """From the terms whose misspellings are read, and all words that are none."""
        terms = sorted(set(key_terms))
        near: dict[tuple[int, str], tuple[str, ...]] = {}
        for term in terms:
            for length in range(len(term) - 1, len(term) + 2):
                for half in _halves(term, length):
                    near[length, half] = (*near.get((length, half), ()), term)
        heard = sounds(terms)
        sounding = {
            key: term
            for key, term in zip(heard, terms, strict=True)
            if heard.count(key) == 1 and len(key) >= LEAST_SOUND
        }
        begins = {(len(term) + more, term[0]) for term in sounding.values() for more in range(-FURTHEST, FURTHEST + 1)}
        return cls(words, near, sounding, frozenset(begins))

    def corrections(self, written: Iterable[str]) -> dict[str, str]:
        """The key term for every word that misspells one."""
        unknown = set(written) - self.words
        heard = [word for word in unknown if (len(word), word[0]) in self.begins]
        found = {
            word: term
            for word, sound in zip(heard, sounds(heard), strict=True)
            if (term := self.sounding.get(sound)) and term[0] == word[0] and abs(len(term) - len(word)) <= FURTHEST
        }
        for word in unknown:
            first, last = _halves(word, len(word))
            near = self.near.get((len(word), first), ()) + self.near.get((len(word), last), ())
            if near and (term := min((term for term in near if one_edit(word, term)), default=None)):
                found[word] = term
        return found


def _halves(word: str, length: int) -> tuple[str, str]:
    """What one edit leaves as it is, the beginning or the end, where it makes a word of so many letters."""
    half = max(1, length // 2 - 1)
    return f"{word[:half]}-", f"-{word[-half:]}"


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
    i, shorter = 0, min(len(a), len(b))
    while i < shorter and a[i] == b[i]:
        i += 1
    if len(a) == len(b):
        return a[i + 1 :] == b[i + 1 :] or (a[i + 2 :] == b[i + 2 :] and a[i : i + 2] == b[i : i + 2][::-1])
    return a[i + 1 :] == b[i:] if len(a) > len(b) else a[i:] == b[i + 1 :]
