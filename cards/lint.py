"""The wording lint: words that no card says, as data and as a question."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cards.words import read

_NEVER = read("never.toml")


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Whole words, a star for any ending."""
    said = (re.escape(word).replace(r"\*", r"\w*") for word in words)
    return re.compile(rf"\b(?:{'|'.join(said)})\b", re.IGNORECASE)


ANYWHERE = _pattern(_NEVER["anywhere"])
QUERY_SUMMARY = _pattern(_NEVER["query_summary"])
CODE = re.compile(_NEVER["code"])


def offences(text: str, *, query_summary: bool = False) -> list[str]:
    """What a text of ours says that it may not say, in the order it says it."""
    patterns = (ANYWHERE, QUERY_SUMMARY, CODE) if query_summary else (ANYWHERE,)
    return [match.group() for pattern in patterns for match in pattern.finditer(text)]
