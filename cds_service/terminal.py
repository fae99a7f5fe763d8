"""Cards, assessments and codes as a person reads them in a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill, indent
from typing import Any

from knowledge.model import Assessment, Code, Evidence

WIDTH = 100
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
#: Terminal control characters that a record could smuggle into a terminal.
CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")


def cards(written: list[dict[str, Any]]) -> str:
    """The cards of an answer, or the line that says what no card means."""
    if not written:
        return "No card: the record supports what was chosen and nothing is missing.\n"
    return "\n".join(_text(_card(card)) for card in written)


def assessments(answers: Iterable[Assessment]) -> str:
    """Each assessment with everything that led to it."""
    return "\n".join(_text(_assessment(answer)) for answer in answers)


def code(one: Code, siblings: Iterable[Code]) -> str:
    """What a code claims, when it is valid, and the codes beside it."""
    until = one.billable_until or "today"
    validity = f"billable {one.billable_from or 'from the start'} to {until}" if one.billable else "not billable"
    mechanisms = ", ".join(sorted(one.mechanisms))
    claims = {"lesion": one.lesion, "site": one.site, "mechanism": mechanisms, "region": one.region}
    return _text(
        [
            f"{one.code}  {one.title}",
            f"  {validity}",
            "",
            "The record must document",
            *(f"  {axis:<10} {claim}" for axis, claim in claims.items() if claim),
            "",
            "Siblings",
            *(f"  {sibling.code:<8} {sibling.title}" for sibling in siblings),
        ]
    )


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{card['indicator']}] {card['summary']}"
    yield indent(plain(card.get("detail", "")), "    ")
    for suggestion in card.get("suggestions", ()):
        yield f"  ( ) {plain(suggestion['label'])}"
        yield from (f"        {plain(action['description'])}" for action in suggestion.get("actions", ()))
    if reasons := [reason["display"] for reason in card.get("overrideReasons", ())]:
        yield fill("Or dismiss: " + "; ".join(reasons), WIDTH, initial_indent="  ", subsequent_indent="  ")


def plain(markdown: str) -> str:
    """Markdown as text: emphasis and escapes undone, long lines folded."""
    text = html.unescape(ESCAPED.sub(r"\1", re.sub(r"(?<!\\)\*\*", "", markdown)))
    return "\n".join(fill(line, WIDTH, subsequent_indent="  ") for line in text.splitlines())


def _assessment(answer: Assessment) -> Iterator[str]:
    yield f"{answer.code}  {answer.title}"
    yield f"  {answer.verdict}, by {', '.join(answer.policy)}"
    yield f"  rule {answer.rule.id}: {answer.rule.title}"
    yield fill(answer.rule.why, WIDTH, initial_indent="    ", subsequent_indent="    ")
    for name in ("proposed", "alternatives", "missing_hard", "missing_soft"):
        if values := getattr(answer, name):
            yield f"  {name.replace('_', ' ')}: {', '.join(values)}"
    for axis in answer.comparisons:
        yield f"  {axis.axis}: {axis.standing}; claimed {_list(axis.claimed)}, documented {_list(axis.documented)}"
    yield from (f"  {fact}: {value}" for fact, value in answer.situation.items())
    yield from map(_evidence, answer.evidence)
    yield from (f"  not read: {gap.source} ({gap.reason})" for gap in answer.gaps)


def _evidence(piece: Evidence) -> str:
    place = f"{piece.source}:{piece.start}-{piece.end}"
    told = ", ".join(filter(None, (place, piece.date, piece.section, piece.author)))
    return f'  {piece.axis} = {piece.value}, {piece.assertion}: "{" ".join(piece.quote.split())}" ({told})'


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or "nothing"


def _text(lines: Iterable[str]) -> str:
    return CONTROL.sub("?", "\n".join(lines)) + "\n"
