"""What a statement says of one site."""

from __future__ import annotations

from dataclasses import dataclass, field

from knowledge.model import Assertion
from knowledge.reading.mentions import Mention
from knowledge.reading.statement import Statement, Text


@dataclass(slots=True)
class Claim:
    """What a statement says of one site: narrowed or not, by what, where."""

    text: Text
    statement: Statement
    clause: int
    site: str
    narrowed: bool
    assertion: Assertion
    start: int
    end: int
    mechanisms: list[Mention] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    weak: bool = False  #: said of what lies in the site, not of the site
