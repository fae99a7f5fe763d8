"""Evidence -> lines of a card: for each place of the record what it says, verbatim, and what that is evidence of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cards.escape import escape
from cards.words import PHRASES, label
from knowledge.model import Assertion, Evidence

Place = tuple[str, str, str, str]


def recorded(pieces: Iterable[Evidence]) -> list[str]:
    """One line for each document, day, section and author, in the order in which they first appear."""
    places: dict[Place, list[Evidence]] = {}
    for piece in pieces:
        places.setdefault((piece.source, piece.date, piece.section, piece.author), []).append(piece)
    said = PHRASES["recorded"]
    return [said.format(place=_place(*place), quotes=", ".join(_quotes(there))) for place, there in places.items()]


def named(axis: str) -> str:
    """An axis or an element as it is said."""
    return escape(label("axis", axis))


def valued(axis: str, value: str) -> str:
    """A value of an axis as it is said."""
    return escape(label(f"value-{axis}", value))


def _place(source: str, date: str, section: str, author: str) -> str:
    """Where a quote stands: what kind of document, of which day, in which section, by whom, and its own name."""
    kind, _, _ = source.partition("/")
    name = label("source", kind)
    known = name != kind
    subject = name.capitalize() if known else escape(source)
    dated = PHRASES["dated" if date else "undated"].format(document=subject, date=escape(date))
    under = PHRASES["section"].format(section=escape(section)) if section else ""
    said_by = escape(label("author", author)) if author else ""
    return ", ".join(filter(None, (dated, under, said_by))) + (f" ({escape(source)})" if known else "")


def _quotes(pieces: Sequence[Evidence]) -> Iterable[str]:
    """Each quote once, in the order of the document, with all that it is evidence of."""
    said: dict[tuple[str, Assertion], list[str]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        said.setdefault((piece.quote, piece.assertion), []).append(_meaning(piece))
    for (quote, assertion), meanings in said.items():
        how = [] if assertion is Assertion.AFFIRMED else [label("assertion", assertion)]
        yield str(PHRASES["quote"]).format(quote=escape(quote), said="; ".join(dict.fromkeys([*meanings, *how])))


def _meaning(piece: Evidence) -> str:
    """What a quote is evidence of; its name alone where the quote is the value, or the element has none."""
    if piece.value in {piece.axis, piece.quote}:
        return named(piece.axis)
    return f"{named(piece.axis)}: {valued(piece.axis, piece.value)}"
