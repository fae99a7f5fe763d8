"""Why a clinician may set a card aside, and which of these reasons only put it off."""

from __future__ import annotations

from cards.call import Json
from cards.words import OVERRIDE_REASONS, WordingError

#: Codes, of whatever system, after which the matter is as open as before: the advice comes again.
POSTPONING: frozenset[str] = frozenset(OVERRIDE_REASONS["postponing"]) | frozenset(OVERRIDE_REASONS["also_postponing"])
if _lost := frozenset(OVERRIDE_REASONS["postponing"]) - OVERRIDE_REASONS["display"].keys():
    raise WordingError(f"cards/override-reasons.toml: no such reason: {sorted(_lost)}")


def offered() -> list[Json]:
    """The reasons that a card offers, as Codings."""
    system = OVERRIDE_REASONS["system"]
    return [{"code": code, "system": system, "display": said} for code, said in OVERRIDE_REASONS["display"].items()]
