"""How advice was received, week by week: for the operator's review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from cds_service.feedback_report import Given, advised, outcomes
from cds_service.operators import CALLER
from cds_service.store import Store
from cds_service.store.tables import advice, feedback

#: What becomes of a card, in the order in which it is drawn; what was left out stands last.
FATES = ("accepted", "overridden", "unanswered", "left_out")
ANSWERED = FATES[:2]


def rated(cards: Counter[str], fate: str) -> float | None:
    """The part of the answered that came to ``fate``, 0 to 1; None where none was answered."""
    answered = sum(cards[one] for one in ANSWERED)
    return cards[fate] / answered if answered else None


@dataclass(slots=True)
class Series:
    """The cards of one subject, by week and by what became of them."""

    subject: str
    weeks: dict[date, Counter[str]]  #: Monday -> fate -> cards
    total: Counter[str] = field(default_factory=Counter)

    def add(self, week: date, fate: str) -> None:
        self.weeks[week][fate] += 1
        self.total[fate] += 1

    @property
    def shown(self) -> int:
        """Cards that a clinician saw."""
        return sum(self.total.values()) - self.total[FATES[-1]]

    def rate(self, fate: str) -> float | None:
        """The part of the answered that came to ``fate``, 0 to 1; None where none was answered."""
        return rated(self.total, fate)


@dataclass(frozen=True, slots=True)
class Review:
    """Everything of some weeks."""

    whole: Series
    subjects: tuple[Series, ...]  #: those with most cards first
    reasons: tuple[tuple[str, str, int], ...]  #: rule, reason, how often
    left_out: Counter[str]  #: why cards were left out -> how many


def review(store: Store, by: str, count: int) -> Review:
    """The last ``count`` weeks, this one included, by ``rule`` or ``pair``.  What operators tried out is left out.

    Raises:
        Unavailable: the database cannot be read.
    """
    since = monday(store.clock()) - timedelta(weeks=count - 1)
    weeks = [since + timedelta(weeks=number) for number in range(count)]
    whole, left_out = Series("", _empty(weeks)), Counter[str]()
    subjects: dict[str, Series] = {}
    midnight = datetime.combine(since, time(), UTC)
    with store.reading() as connection:
        last = outcomes(connection, midnight)
        for one in advised(connection, by, midnight):
            week, fate = monday(one.at), _fate(one, last)
            if one.card[0] != CALLER:
                subjects.setdefault(one.subject, Series(one.subject, _empty(weeks))).add(week, fate)
                whole.add(week, fate)
                left_out.update(filter(None, [one.unseen]))
        reasons = tuple(_reasons(connection, midnight))
    ordered = sorted(subjects.values(), key=lambda one: (-one.total.total(), one.subject))
    return Review(whole, tuple(ordered), reasons, left_out)


def monday(at: datetime) -> date:
    """The first day of a week, by UTC."""
    day = at.date()
    return day - timedelta(days=day.weekday())


def _empty(weeks: list[date]) -> dict[date, Counter[str]]:
    return {week: Counter() for week in weeks}


def _fate(one: Given, last: dict[tuple[str, str], str]) -> str:
    return FATES[-1] if one.unseen else last.get(one.card, FATES[2])


def _reasons(connection: sa.Connection, since: datetime) -> Iterator[tuple[str, str, int]]:
    """Why cards of a rule were dismissed; an answer that was sent twice is one row already."""
    of = sa.select(advice.c.client, advice.c.card, advice.c.rule).where(advice.c.rule != "").distinct().subquery()
    same = sa.and_(of.c.client == feedback.c.client, of.c.card == feedback.c.card)
    query = (
        sa.select(of.c.rule, feedback.c.reason, sa.func.count().label("times"))
        .join(of, same)
        .where(feedback.c.outcome == ANSWERED[1], feedback.c.client != CALLER)
        .where(feedback.c.at >= since)
        .group_by(of.c.rule, feedback.c.reason)
        .order_by(sa.func.count().desc(), of.c.rule, feedback.c.reason)
    )
    yield from ((row.rule, row.reason, row.times) for row in connection.execute(query))
