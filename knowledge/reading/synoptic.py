"""Forms that tell a lesion key by key: "Foraminal stenosis: yes. Level: C6-7. Cause: spur."."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from knowledge.model import Assertion
from knowledge.reading.claims import Claim
from knowledge.reading.mentions import Mention
from knowledge.reading.statement import Text

#: Any key at the beginning of a sentence.
KEY = re.compile(r"[ \t*>-]*[a-z][a-z /]{1,30}[ \t]*[:=\t]")
#: What a key or a ticked box begins.
BEGINS = re.compile(rf"{KEY.pattern}|[ \t*>-]*\[ ?[x✓✔] ?\]")
AROUND = 5  #: keys before and behind


@lru_cache(maxsize=4)
def _named(keys: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"[ \t*>-]*(?:{'|'.join(map(re.escape, keys))})[ \t]*[:=\t]")


def fill_in(
    claim: Claim,
    number: int,
    text: Text,
    said: Sequence[Sequence[Mention]],
    claims: Sequence[Sequence[Claim]],
    keys: Sequence[str],
) -> None:
    """Give a claim the level and the mechanisms that the keys beside it tell."""
    if not BEGINS.match(text.reading.text, claim.statement.sentence.start):
        return
    for index in _beside(number, text, claims, keys):
        statement = text.statements[index]
        if not claim.levels and not claim.statement.own and statement.own:
            claim.levels, claim.regions = statement.own, ()
        if not claim.mechanisms:
            told = [one for one in said[index] if one.assertion is Assertion.AFFIRMED]
            claim.mechanisms = [one for one in told if not one.bare] or told


def _beside(number: int, text: Text, claims: Sequence[Sequence[Claim]], keys: Sequence[str]) -> Iterator[int]:
    """The sentences around one, as far as each begins with a key; those that tell one thing of a lesion."""
    words, named = text.reading.text, _named(keys)
    for step in (1, -1):
        for index in range(number + step, number + step * (AROUND + 1), step):
            if not 0 <= index < len(text.statements):
                break
            start = text.statements[index].sentence.start
            if not KEY.match(words, start) or any(claim.narrowed for claim in claims[index]):
                break
            if named.match(words, start):
                yield index
