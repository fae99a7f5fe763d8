"""What a card needs to know besides the assessment: the call it answers, and what could be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cards.capabilities import DEFAULT
from knowledge.model import Code

Json = dict[str, Any]  #: a JSON object as the client sent it, or as we send it


@dataclass(frozen=True, slots=True)
class App:
    """A SMART app of the site that the client launches from a card."""

    label: str
    url: str  #: where it is launched; the client adds the launch


@dataclass(frozen=True, slots=True)
class Call:
    """The hook call that is answered, as far as the wording depends on it."""

    hook_instance: str
    codes: Mapping[str, Code]  #: for titles
    knowledge: str = ""  #: version of the knowledge that judged
    informative: bool = False  #: the hook asks for no change: no suggestion at all
    options: bool = True  #: a query may offer codes (site setting)
    explain_url: str = ""  #: absolute address under which each rule is explained
    user: str = ""  #: who is asked, as ``Practitioner/id``
    app: App | None = None  #: offered on each card about a code
    applies: frozenset[str] = DEFAULT  #: what the client applies of a card, in the words of ``capabilities.toml``

    def named(self, code: str) -> str:
        """A code with its title, as plain text: code alone where the code set does not hold it."""
        return f"{code} - {self.codes[code].title}" if code in self.codes else code


class Targets(Protocol):
    """The client's own resources that carry the assessed code, as raw JSON."""

    @property
    def orders(self) -> Sequence[Mapping[str, Any]]:
        """Orders with the code as ``reasonCode``, or as a Condition that they contain."""

    @property
    def referring_orders(self) -> Sequence[Mapping[str, Any]]:
        """Orders that only refer to a Condition with the code; never changed themselves."""

    @property
    def conditions(self) -> Sequence[Mapping[str, Any]]:
        """Conditions with the code; the first is the model for one that is to be created."""
