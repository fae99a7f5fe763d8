"""The operator's review (issue 7, 4): how advice was received, by rule and code pair, week by week."""

import re
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import pytest
from test_pages import Read

from cds_service.app import create_app
from cds_service.feedback_report import Line
from cds_service.feedback_weeks import FATES, monday, review
from cds_service.operators import CALLER
from cds_service.pages.site import WORDS
from cds_service.settings import Settings
from cds_service.store import Advised, Heard

TOKEN = "an operator's token of thirty-two"
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
CLIENT = "https://ehr.example"


def given(store, card, weeks_ago=0, rule="other-code-documented", client=CLIENT, **more):
    store.clock = lambda: NOW - timedelta(weeks=weeks_ago)
    said = {"card": card, "client": client, "service": "m99-order-sign", "verdict": "corrected", "rule": rule}
    said |= {"policy": ("V4",), "code": "M99.53", "proposed": ("M99.73",), "suggestions": (), "knowledge": "k"}
    said |= {"matter": "", "patient": "", "evidence": ""} | more
    store.advise([Advised(digest=f"{client} {card}", **said)], 30)


def heard(store, card, outcome, reason="", client=CLIENT):
    entry = {"card": card, "client": client, "service": "m99-order-sign", "outcome": outcome, "outcome_at": NOW}
    entry |= {"suggestions": (), "reasoned": bool(reason), "reason": reason, "reason_system": ""}
    store.hear([Heard(digest=f"{client} {card} {outcome}", **entry)])


@pytest.fixture
def app(tmp_path):
    made = create_app(Settings(dev=True, data=str(tmp_path), operator_token=TOKEN))
    yield made
    made.extensions["kept"].store.engine.dispose()


@pytest.fixture
def store(app):
    """Eleven weeks: accepted, dismissed, unanswered, withheld, an operator's own, and one too long ago."""
    kept = app.extensions["kept"].store
    for number, (weeks_ago, outcome) in enumerate([(0, "accepted"), (0, "accepted"), (1, "overridden"), (10, "")]):
        given(kept, f"card-{number}", weeks_ago)
        if outcome:
            heard(kept, f"card-{number}", outcome, "need-more-info" if outcome == "overridden" else "")
    given(kept, "element", 1, "element-missing", proposed=())
    given(kept, "dark", 1, "element-missing", proposed=(), withheld="shadow")
    given(kept, "tried", client=CALLER)
    heard(kept, "tried", "overridden", "need-more-info", CALLER)
    given(kept, "old", 40)
    kept.clock = lambda: NOW
    return kept


def test_every_week_is_counted_by_what_became_of_its_cards(store):
    found = review(store, "rule", 12)
    assert dict(found.whole.total) == {"accepted": 2, "overridden": 1, "unanswered": 2, "left_out": 1}
    assert (found.whole.shown, found.whole.rate("accepted")) == (5, 2 / 3)
    this, last = monday(NOW), monday(NOW) - timedelta(weeks=1)
    assert this == date(2026, 11, 16)
    assert dict(found.whole.weeks[this]) == {"accepted": 2}
    assert dict(found.whole.weeks[last]) == {"overridden": 1, "unanswered": 1, "left_out": 1}
    assert len(found.whole.weeks) == 12


def test_subjects_are_rules_or_pairs_of_codes_those_with_most_cards_first(store):
    assert [one.subject for one in review(store, "rule", 12).subjects] == ["other-code-documented", "element-missing"]
    assert [one.subject for one in review(store, "pair", 12).subjects] == ["M99.53 -> M99.73", "M99.53"]


def test_reasons_and_what_was_left_out_are_told(store):
    found = review(store, "rule", 12)
    assert found.reasons == (("other-code-documented", "need-more-info", 1),)
    assert dict(found.left_out) == {"shadow": 1}


def test_the_page_is_for_the_operator_alone_in_dev_too(app):
    client = app.test_client()
    assert client.get("/review").status_code == 303
    assert client.get("/playground").status_code == 200


def signed_in(app):
    client = app.test_client()
    assert client.post("/sign-in", data={"token": TOKEN}).status_code == 303
    return client


@pytest.mark.parametrize("by", ["rule", "pair", "nonsense"])
def test_the_page_shows_pictures_and_the_same_in_numbers(app, store, by):
    assert store
    page = Read(signed_in(app).get("/review", query_string={"by": by}).text)
    assert page.open == []
    assert {"svg", "rect", "table"} <= page.elements
    assert "style" not in page.attributes
    for fate in FATES:
        assert WORDS["review"]["fate"][fate] in page.text
    assert "67 %" in page.text
    assert "2026-11-16" in page.text
    assert WORDS["review"]["why"]["shadow"] in page.text
    assert "Could not address recommended action" in page.text
    assert ("M99.53 -> M99.73" in page.text) == (by == "pair")


def test_a_picture_draws_every_card_once(app, store):
    html = signed_in(app).get("/review").text
    whole = html.partition("</svg>")[2].partition('<svg class="weeks"')[2].partition("</svg>")[0]
    heights = {fate: sum(map(float, found)) for fate, found in by_fate(whole).items()}
    each = review(store, "rule", 26).whole
    most = max(week.total() for week in each.weeks.values())
    assert heights == {fate: pytest.approx(96 * count / most) for fate, count in each.total.items()}


def by_fate(svg):
    found = {}
    for fate, height in re.findall(r'<rect class="(\w+)"[^>]* height="([\d.]+)"', svg):
        found.setdefault(fate, []).append(height)
    return found


def test_without_advice_the_page_says_so(app):
    assert WORDS["review"]["empty"] in signed_in(app).get("/review").text


def test_without_a_database_there_is_no_review():
    app = create_app(Settings(dev=True, operator_token=TOKEN))
    reply = signed_in(app).get("/review")
    assert reply.status_code == 404
    assert WORDS["review"]["no_database"] in reply.text


def test_every_reason_why_advice_is_left_out_has_a_word():
    columns = {column.name for column in fields(Line)} - {"subject", "shown", "acceptance", "override", *FATES}
    assert set(WORDS["review"]["why"]) == columns
    assert set(WORDS["review"]["fate"]) == set(FATES)
