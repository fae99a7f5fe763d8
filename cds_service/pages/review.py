"""The operator's review: what clinicians made of the advice, over time, as pictures and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Redirect

from cards.words import OVERRIDE_REASONS
from cds_service.feedback_weeks import ANSWERED, FATES, Series, rated, review
from cds_service.kept import Kept
from cds_service.pages.playground import turned_away
from cds_service.pages.rules import Page
from cds_service.pages.site import WORDS, operators, shown

WEEKS = 26
TOGETHER = 4  #: weeks that one point of the rate is of
MOST = 12  #: subjects that are drawn
WIDE, HIGH = 24, 96  #: of one week in a picture, and of the tallest
BY = ("rule", "pair")


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a week's column."""

    fate: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series with its picture."""

    series: Series
    title: str
    address: str  #: of the page that explains it, or empty
    bars: tuple[Bar, ...]
    line: str  #: the rate of acceptance, as the path of a line; weeks without an answer interrupt it
    most: int  #: cards of the tallest week


@dataclass(frozen=True, slots=True)
class Reviewing:
    """The review of one service."""

    kept: Kept
    rules: dict[str, Page]

    def blueprint(self) -> Blueprint:
        """``/review``."""
        pages = Blueprint("reviewing", __name__)
        pages.add_url_rule("/review", "page", self._page)
        return pages

    def _page(self) -> Response | Redirect:
        if not operators().signed_in:
            return turned_away()
        if self.kept.store.kind == "memory":
            return shown("missing.html", HTTPStatus.NOT_FOUND, more=WORDS["review"]["no_database"])
        by = request.args.get("by", "")
        by = by if by in BY else BY[0]
        found = review(self.kept.store, by, WEEKS)
        return shown(
            "review.html",
            here="review",
            said=WORDS["review"],
            by=by,
            ways=BY,
            whole=self._drawn(found.whole),
            drawn=[self._drawn(one) for one in found.subjects[:MOST]],
            fates=FATES,
            left_out=found.left_out,
            reasons=[(self._title(rule), _reason(code), times) for rule, code, times in found.reasons],
            size=(WIDE * WEEKS, HIGH),
            weeks=WEEKS,
            together=TOGETHER,
        )

    def _drawn(self, one: Series) -> Drawn:
        most = max(1, *(week.total() for week in one.weeks.values()))
        address = f"rules/{one.subject}" if one.subject in self.rules else ""
        return Drawn(one, self._title(one.subject), address, tuple(_bars(one, most)), _line(one), most)

    def _title(self, subject: str) -> str:
        return self.rules[subject].title if subject in self.rules else subject


def _bars(one: Series, most: int) -> Iterator[Bar]:
    """The columns of a picture, from the ground up."""
    for number, week in enumerate(one.weeks.values()):
        ground = float(HIGH)
        for fate in FATES:
            if height := HIGH * week[fate] / most:
                ground -= height
                yield Bar(fate, number * WIDE, round(ground, 2), round(height, 2))


def _line(one: Series) -> str:
    """The rate of acceptance over the weeks, the top of the picture being all.

    Of some weeks together, since one has few cards; where none of them was answered, the line is interrupted.
    """
    weeks = list(one.weeks.values())
    steps, before = [], False
    for number in range(len(weeks)):
        recent = sum(weeks[max(0, number + 1 - TOGETHER) : number + 1], Counter[str]())
        rate = rated(recent, ANSWERED[0])
        if rate is not None:
            steps.append(f"{'L' if before else 'M'}{number * WIDE + WIDE // 2} {round(HIGH * (1 - rate), 1)}")
        before = rate is not None
    return "".join(steps)


def _reason(code: str) -> str:
    said = OVERRIDE_REASONS["display"]
    return str(said.get(code, code or WORDS["review"]["no_reason"]))
