"""What a narrowing is traced back to: "the lost height narrows the foramen; that comes from disc degeneration"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.reading.claims import Claim
from knowledge.reading.mentions import STRUCTURAL, Mention
from knowledge.reading.statement import Statement

#: A clause that begins with a word that points back, and goes on to where that comes from.
COMES_FROM = re.compile(
    r"[\s,]*(?:all (?:of )?)?(?:this|that|it|these|they|which)(?: (?:all|both|in turn))?"
    r" (?:is|are|was|were|comes?|came|stems?|arises?|results?|resulted|derives?|follows?)(?: [a-z]+ly)?"
    r" (?:from|due to|because of|caused by|(?:the|a) result of|secondary to|attributable to|explained by|down to)\b"
)


def trace(
    words: str, statements: Sequence[Statement], said: Sequence[list[Mention]], claims: Sequence[list[Claim]]
) -> None:
    """Give what was narrowed last the diagnosis that the clause behind it traces it back to (policy D2)."""
    for number, mentions in enumerate(said):
        for mention in mentions:
            if not mention.value.startswith(STRUCTURAL):
                continue
            clause = statements[number].clauses[mention.clause]
            if not COMES_FROM.match(words, clause.start, mention.start):
                continue
            for claim in _before(mention, number, statements, claims):
                claim.mechanisms = [*claim.mechanisms, mention]


def _before(
    mention: Mention, number: int, statements: Sequence[Statement], claims: Sequence[list[Claim]]
) -> list[Claim]:
    """What the sentence narrows before the clause; where that opens it, what the sentence before narrows."""
    own = [claim for claim in claims[number] if claim.narrowed and claim.clause < mention.clause]
    together = number and statements[number - 1].sentence.paragraph == statements[number].sentence.paragraph
    if mention.clause or not together:
        return own
    return [claim for claim in claims[number - 1] if claim.narrowed]
