"""What a client applies of a card: the words of ``capabilities.toml``, read once and checked whole."""

from __future__ import annotations

from collections.abc import Iterable

from cards.words import WordingError, read

_TABLE = read("capabilities.toml")
WORDS: dict[str, str] = _TABLE["words"]
PROFILES = {name: frozenset(words) for name, words in _TABLE["profiles"].items()}
if _lost := frozenset().union(*PROFILES.values()) - WORDS.keys():
    raise WordingError(f"cards/capabilities.toml: no such word: {sorted(_lost)}")
DEFAULT = PROFILES["default"]
KNOWN = PROFILES.keys() | WORDS.keys()  #: what a client may be registered with


def capabilities(said: Iterable[str]) -> frozenset[str]:
    """What is applied by a client registered with these words; of others nothing follows."""
    named = frozenset(said)
    profiles = [PROFILES[name] for name in sorted(named & PROFILES.keys())]
    return frozenset().union(*(profiles or [DEFAULT])) | (named & WORDS.keys())
