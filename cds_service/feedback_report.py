"""``foramen feedback``: how often advice was taken, set aside or left, and what clinicians wrote."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import click
import orjson
import sqlalchemy as sa
from cryptography.fernet import InvalidToken

from cds_service import settings
from cds_service.store import Store, comments
from cds_service.store.command import kept
from cds_service.store.tables import advice, feedback

BEGINNING = datetime.min.replace(tzinfo=UTC)
#: Cards whose feedback names no advice of ours.
UNKNOWN = "(unknown card)"
#: What a row of the report is about.
SUBJECTS: Mapping[str, Callable[[Any], str]] = {
    "rule": lambda row: row.rule,
    "verdict": lambda row: row.verdict,
    "pair": lambda row: " -> ".join(filter(None, (row.code, " + ".join(row.proposed)))),
    "service": lambda row: row.service,
}


@dataclass(slots=True)
class Line:
    """One line of the report.  A card counts once, by the last that was heard of it."""

    subject: str
    shown: int = 0  #: cards
    accepted: int = 0
    overridden: int = 0
    unanswered: int = 0
    suppressed: int = 0  #: times it was not repeated, since it had been set aside before
    #: Times it was judged and not shown because of a setting, one column for each word of ``Showing.withholds``.
    shadow: int = 0
    rule_off: int = 0
    verdict_off: int = 0
    element_off: int = 0
    acceptance: float | None = None  #: of the answered, 0 to 1; None where none was answered
    override: float | None = None


def report(store: Store, by: str) -> list[Line]:
    """The lines, those with most cards first.

    Raises:
        Unavailable: the database cannot be read.
    """
    lines: dict[str, Line] = {}
    with store.reading() as connection:
        last = outcomes(connection)
        for one in advised(connection, by):
            subject, card, unseen = one.subject, one.card, one.unseen
            line = lines.setdefault(subject, Line(subject))
            if unseen:
                setattr(line, unseen, getattr(line, unseen) + 1)
            else:
                _count(line, last.pop(card, ""))
    if last:
        unknown = lines[UNKNOWN] = Line(UNKNOWN)
        for outcome in last.values():
            _count(unknown, outcome)
        unknown.shown = 0
    return [_rated(line) for line in sorted(lines.values(), key=lambda line: (-line.shown, line.subject))]


def outcomes(connection: sa.Connection, since: datetime = BEGINNING) -> dict[tuple[str, str], str]:
    """The last outcome of each card, of those heard of since then."""
    query = sa.select(feedback.c.client, feedback.c.card, feedback.c.outcome).order_by(feedback.c.id)
    query = query.where(feedback.c.at >= since)
    return {(row.client, row.card): row.outcome for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Given:
    """A card that was given, or left out."""

    subject: str
    card: tuple[str, str]  #: client, uuid
    at: datetime
    unseen: str  #: the column of why it was left out, or empty


def advised(connection: sa.Connection, by: str, since: datetime = BEGINNING) -> Iterator[Given]:
    """Every card since then in the order it was given; one that was shown again counts once."""
    names = ("client", "card", "at", "suppressed", "withheld", "service", "verdict", "rule", "code", "proposed")
    query = sa.select(*(advice.c[name] for name in names)).where(advice.c.at >= since).order_by(advice.c.id)
    seen = set()
    for row in connection.execute(query):
        card = (row.client, row.card)
        unseen = (row.withheld.replace("-", "_") or "suppressed") if row.suppressed else ""
        if unseen or card not in seen:
            seen |= set() if unseen else {card}
            yield Given(SUBJECTS[by](row) or row.verdict, card, row.at, unseen)


def _count(line: Line, outcome: str) -> None:
    line.shown += 1
    line.accepted += outcome == "accepted"
    line.overridden += outcome == "overridden"
    line.unanswered += not outcome


def _rated(line: Line) -> Line:
    answered = line.accepted + line.overridden
    if answered:
        line.acceptance, line.override = (round(part / answered, 4) for part in (line.accepted, line.overridden))
    return line


def as_csv(lines: Iterable[Line]) -> str:
    """The report as a table with a head; a rate that is not known is empty."""
    out = io.StringIO()
    table = csv.DictWriter(out, [column.name for column in fields(Line)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(line) for line in lines)
    return out.getvalue()


def as_json(lines: Iterable[Line]) -> str:
    return orjson.dumps([asdict(line) for line in lines], option=orjson.OPT_INDENT_2).decode() + "\n"


@click.group(name="feedback")
def commands() -> None:
    """Read the feedback that was kept."""


@commands.command(name="report")
@click.option("--by", type=click.Choice(list(SUBJECTS)), default="rule", show_default=True, help="One line for each.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
def report_command(by: str, form: str) -> None:
    """Tell how often advice was accepted, overridden, left unanswered, not repeated, and withheld by which setting."""
    with kept() as store:
        lines = report(store, by)
    click.echo(as_json(lines) if form == "json" else as_csv(lines), nl=False)


@commands.command(name="comments")
def comments_command() -> None:
    """Print the words that clinicians left, one JSON line each; they may name patients.  Needs FORAMEN_COMMENT_KEY."""
    try:
        key = comments(settings.read(os.environ))
        if key is None:
            raise click.ClickException("comments are not kept: FORAMEN_KEEP_COMMENTS is off")
        with kept() as store:
            written = _commented(store)
        for row in written:
            said = key.decrypt(row.pop("comment")).decode()
            click.echo(orjson.dumps(row | {"comment": said}).decode())
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None
    except InvalidToken:
        raise click.ClickException("FORAMEN_COMMENT_KEY is not the key that a comment was encrypted with") from None


def _commented(store: Store) -> list[dict[str, Any]]:
    """What was said of which card, in the order it was heard."""
    names = ("outcome_at", "service", "card", "outcome", "reason", "comment")
    query = sa.select(*(feedback.c[name] for name in names)).where(feedback.c.comment.is_not(None))
    with store.reading() as connection:
        return [dict(zip(names, row, strict=True)) for row in connection.execute(query.order_by(feedback.c.id))]
