"""Which cards are shown to whom.  What an operator withholds is judged, recorded and counted all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds_service.settings import Settings, SettingsError
from knowledge import Knowledge
from knowledge.model import Assessment, Verdict

LISTS = ("verdicts", "elements", "rules_off")


@dataclass(frozen=True, slots=True)
class Showing:
    """What one client is shown on one hook; ``clients.schema.json`` describes each field."""

    shadow: bool = False
    verdicts: frozenset[str] | None = None  #: None: all
    elements: frozenset[str] | None = None  #: None: all
    rules_off: frozenset[str] = frozenset()

    def withholds(self, assessment: Assessment | None) -> str:
        """Why a card stays out, in one word, or empty.  A card of no assessment says that a check failed (S21)."""
        if self.shadow:
            return "shadow"
        if assessment is None:
            return ""
        if assessment.rule.id in self.rules_off:
            return "rule-off"
        if self.verdicts is not None and str(assessment.verdict) not in self.verdicts:
            return "verdict-off"
        return "element-off" if self._asks_for_nothing(assessment) else ""

    def _asks_for_nothing(self, assessment: Assessment) -> bool:
        """Whether the card is only about elements that this client is not asked for."""
        only_elements = assessment.verdict is Verdict.SUPPORTED
        return only_elements and self.elements is not None and self.elements.isdisjoint(assessment.missing_soft)


#: Hook, empty for all that are not named -> what is shown.
Showings = Mapping[str, Showing]


def read(raw: Mapping[str, Any]) -> Showings:
    """The ``showing`` table of a client.  A hook's own keys replace the client's; a rule switched off stays off."""
    own = {name: value for name, value in raw.items() if name != "hooks"}
    usual = _showing(own)
    hooks = {hook: _showing(own | given) for hook, given in raw.get("hooks", {}).items()}
    return {"": usual} | {hook: replace(one, rules_off=one.rules_off | usual.rules_off) for hook, one in hooks.items()}


def _showing(raw: Mapping[str, Any]) -> Showing:
    given: dict[str, Any] = {name: frozenset(value) if name in LISTS else value for name, value in raw.items()}
    return Showing(**given)


def chosen(showings: Showings, hook: str, options: Settings) -> Showing:
    """What counts for one call: the client's own, and what the settings withhold from everyone."""
    own = showings.get(hook) or showings.get("") or Showing()
    return replace(own, shadow=own.shadow or options.shadow, rules_off=own.rules_off | options.rules_off)


def check(clients: Iterable[Showings], options: Settings, known: Knowledge) -> None:
    """Every rule and element that is named exists: one that is misspelt would be shown after all.

    Raises:
        SettingsError: with the names.
    """
    named = [one for showings in clients for one in showings.values()]
    _exist("rule", options.rules_off.union(*(one.rules_off for one in named)), (rule.id for rule in known.rules))
    elements = frozenset[str]().union(*(one.elements or () for one in named))
    _exist("element", elements, (element.id for element in known.elements))


def _exist(kind: str, named: frozenset[str], there: Iterable[str]) -> None:
    ids = sorted(there)
    if unknown := sorted(named.difference(ids)):
        raise SettingsError(f"{', '.join(unknown)}: no such {kind}; there are {', '.join(ids)}")
