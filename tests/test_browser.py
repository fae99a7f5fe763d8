"""The service as a real browser meets it: a client on a page of another origin, its calls, its card, its renderer.

The page is ``tests/ehr``; it trusts what it is sent as real clients do.  Ids in docstrings are the protocol's.
"""

import json
from base64 import b64decode, b64encode
from contextlib import contextmanager

import browser as real
import pytest
from flask import Flask, Response, request, send_from_directory
from playwright.sync_api import Error, expect
from postgresql import free_port
from runner import ROOT
from tokens import BASE, ISS, jwk, token

from cards.escape import escape
from cds_service.app import create_app
from cds_service.settings import Settings

PUBLIC = "https://cds.example"
UNLISTED = "http://localhost"  # the same page, by another name: another origin
HIT = "window.hit=1"


def ehr():
    """The client's own server: its page, and the tokens that it signs its calls with."""
    app = Flask("ehr", static_folder=None)

    @app.get("/<path:name>")
    def page(name):
        return send_from_directory(ROOT / "tests/ehr", name)

    @app.get("/token")
    def sign():
        return Response(token(request.args["path"]), mimetype="text/plain")

    return app


def watched(application, calls):
    """The service, and a list of what browsers asked of it."""

    def watching(environ, start):
        calls.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get(ASKED, "")))
        return application(environ, start)

    return watching


ASKED = "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"


@contextmanager
def met(page, directory, host="http://127.0.0.1", port=0, **options):
    """The page of a registered client, connected to the service if it may; yields what was asked of the service."""
    (directory / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    (directory / "clients.toml").write_text(f'[[client]]\niss = "{ISS}"\njwks = "keys.json"\naudiences = ["{BASE}"]\n')
    calls = []
    with real.serving(ehr()) as own:
        options = {"clients": str(directory / "clients.toml"), "origins": (own,), "public_url": PUBLIC} | options
        with real.serving(watched(create_app(Settings(**options)), calls), port) as base:
            page.goto(own.replace("http://127.0.0.1", host) + "/index.html")
            page.base = base
            yield calls


def asked(name="corrected"):
    return json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8"))


def signed(page, body):
    page.evaluate("address => connect(address)", page.base)
    page.evaluate("body => sign(body)", body)


def test_a_browser_opens_the_pages_of_the_service(page):
    with real.serving(create_app(Settings(open=True))) as base:
        assert page.goto(f"{base}/rules/").ok
        assert page.locator("h1").count() == 1
    assert page.broke == []


def test_a_missing_browser_is_a_failure_on_the_build_machine_and_a_skip_elsewhere(monkeypatch):
    monkeypatch.setattr(real, "CHROMIUM", "")
    monkeypatch.setenv("FORAMEN_CI", "1")
    with pytest.raises(AssertionError, match="apt-get install chromium"), real.running():
        pass
    monkeypatch.delenv("FORAMEN_CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"), real.running():
        pass


# --- the calls --------------------------------------------------------------------------------------------


def test_a_page_of_another_origin_discovers_signs_applies_and_tells(page, tmp_path):
    """X1, X2, D1, J3, C9, A8, B1: every call preflighted, every call with a token of its own."""
    with met(page, tmp_path) as calls:
        signed(page, asked())
        assert page.locator("#services li").count() == 5
        expect(page.locator("article h2")).to_have_text(
            "The selected code and the documented site differ. Please review."
        )
        assert page.inner_text("#orders") == "o1: M99.53"
        page.get_by_role("button", name="M99.73").click()
        expect(page.locator("#told")).to_have_text("accepted: 1 kept.")
        assert page.inner_text("#orders") == "o1: M99.73"
    assert calls == [
        ("OPTIONS", "/cds-services", "authorization"),
        ("GET", "/cds-services", ""),
        ("OPTIONS", "/cds-services/m99-order-sign", "authorization,content-type"),
        ("POST", "/cds-services/m99-order-sign", ""),
        ("OPTIONS", "/cds-services/m99-order-sign/feedback", "authorization,content-type"),
        ("POST", "/cds-services/m99-order-sign/feedback", ""),
    ]
    assert page.broke == []


def test_a_card_that_was_dismissed_with_a_reason_on_the_page_does_not_come_again(page, tmp_path):
    """B5, C12: the reason is chosen from the card's own list."""
    with met(page, tmp_path):
        signed(page, asked("clarify"))
        page.select_option("select", "recipient-disagrees-evidence")
        expect(page.locator("#told")).to_have_text("overridden: 1 kept.")
        page.evaluate("body => sign(body)", asked("clarify"))
        expect(page.locator("#told")).to_have_text("Nothing to show.")


def test_a_page_of_an_origin_that_is_not_listed_learns_nothing(page, tmp_path):
    """S20: the browser keeps the answer from it, and the call itself is never made."""
    with met(page, tmp_path, host=UNLISTED) as calls, pytest.raises(Error, match="Failed to fetch"):
        signed(page, asked())
    assert calls == [("OPTIONS", "/cds-services", "authorization")]


def test_the_link_of_a_card_leads_to_the_page_that_explains_it(page, tmp_path):
    """What the rule looks at, where it comes from, what makes the card go away; nothing of the patient on the way."""
    port = free_port()
    with met(page, tmp_path, dev=True, public_url=f"http://127.0.0.1:{port}", port=port):
        signed(page, asked("clarify"))
        page.get_by_role("link", name="What this check looks at").click()
        page.wait_for_url("**/rules/*")
        said = page.inner_text("main").lower()
        assert page.locator("h1").count() == 1
        headings = page.locator("main h2").all_inner_texts()
    assert "?" not in page.url
    assert not {"p1", "e1", "o1"} & set(page.url.split("/"))
    assert "source" in said
    assert any("go away" in heading.lower() for heading in headings), headings
    assert page.broke == []


# --- what the renderer makes of it ------------------------------------------------------------------------


def test_a_query_shows_its_answers_in_one_shape_and_its_explanation(page, tmp_path):
    with met(page, tmp_path):
        signed(page, asked("clarify"))
        labels = page.locator("button").all_inner_texts()
        assert labels[:2] == sorted(labels[:2])
        assert sum(label.endswith("current selection") for label in labels) == 1
        assert labels[2:] == ["Other region or condition, to be specified", "Unable to determine at this time"]
        assert page.locator("article a").get_attribute("href").startswith(f"{PUBLIC}/rules/")
        assert page.locator(".detail strong", has_text="Recorded").count() == 1
        assert page.locator(".detail li", has_text="treating provider").count() >= 1


HOSTILE_WORDS = f'narrows <img src="x" onerror="{HIT}"> the **right** neural foramen'
HOSTILE_NAME = (
    f'n1<script>{HIT}</script>[a](javascript:{HIT})![b](/b.png)&lt;i&gt;<svg onload="{HIT}">https://evil.example'
)


def hostile():
    """A record whose note, and the name of whose note, are markup; both are shown on the card."""
    body = asked()
    note = body["prefetch"]["notes"]["entry"][0]["resource"]
    attachment = note["content"][0]["attachment"]
    text = b64decode(attachment["data"]).decode().replace("narrows the right neural foramen", HOSTILE_WORDS)
    attachment["data"] = b64encode(text.encode()).decode()
    note["id"] = HOSTILE_NAME
    return body


def test_a_hostile_record_is_shown_word_for_word_and_does_nothing(page, tmp_path):
    """S18, C7: over the wire, through Markdown with raw HTML, into a page."""
    with met(page, tmp_path):
        signed(page, hostile())
        shown = page.inner_text(".detail").replace("\u2060", "")
        elements = page.eval_on_selector_all(".detail *", "all => all.map(one => one.localName)")
        assert HOSTILE_WORDS in shown
        assert HOSTILE_NAME in shown
        assert set(elements) == {"p", "strong", "ul", "li"}
        assert page.evaluate("window.hit") is None
    assert page.broke == []


#: What a chart may hold, by accident or not, and each makes an element on that page where it comes unescaped.
BITING = [
    f"<script>{HIT}</script>",
    f'<img src=x onerror="{HIT}">',
    f'<svg onload="{HIT}">',
    f'<details open ontoggle="{HIT}"><summary>x</summary></details>',
    "</li></ul><h1>Approved</h1>",
    "<b>bold</b> <i>italic",
    f"[click](javascript:{HIT})",
    f"[click](&#106;avascript:{HIT})",
    "![picture](/x.png)",
    "<javascript:alert(1)>",
    "<https://evil.example>",
    "see https://evil.example/a_b or www.evil.example, write to me@evil.example",
    "**bold** __bold__ *it* _it_ ~~gone~~ `code` ``more``",
]
#: These make none, but would be shown as something else.
BLURRED = [
    "<!-- a comment --><![CDATA[x]]><?pi?>",
    "&lt;script&gt; &amp;lt; &#60;b&#62; &#x3c;i&#x3e; &copy;",
    "\\<b\\> \\*x\\* \\\\",
]
#: And these would be elsewhere: as lines of their own, in a table, for another renderer.
ODD = [
    "[reference][1] [1]: /x",
    "a | b | c |---|---|",
    "[ ] task [x] done",
    "C5 < C6 > 3 & 4 -> * 2 _ x ~ 5 `",
    "$x^2$ :smile: @someone #1 {{x}} {% y %}",
    "x\u202egnp.exe \u200b",
]


@pytest.fixture
def renderer(page):
    with real.serving(ehr()) as own:
        page.goto(f"{own}/index.html")
        yield page


def rendered(page, words):
    """A line of a card with these words, as the page shows it: its text, and the elements within it."""
    card = {"summary": "s", "indicator": "info", "source": {"label": "l"}, "detail": f"- ({words}): site"}
    page.evaluate("card => show({cards: [card]})", card)
    elements = page.eval_on_selector_all(".detail *", "all => all.map(one => one.localName)")
    return plain(page.inner_text(".detail").replace("\u2060", "")), elements


def plain(words):
    """On one line, what has no shape of its own as a space."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in words).split())


def test_hostile_words_are_shown_as_they_stand_and_make_no_element(renderer):
    """S18"""
    for words in [*BITING, *BLURRED, *ODD]:
        assert rendered(renderer, escape(words)) == (f"({plain(words)}): site", ["ul", "li"]), words
    renderer.wait_for_timeout(200)  # ms in which a picture would have failed and told
    assert renderer.evaluate("window.hit") is None


def test_the_same_words_unescaped_make_elements_on_that_page_or_are_not_shown_as_they_stand(renderer):
    """The proof is one: this renderer lets markup through."""
    for words in BITING:
        assert rendered(renderer, words)[1] != ["ul", "li"], words
    for words in BLURRED:
        assert rendered(renderer, words)[0] != f"({plain(words)}): site", words


def test_an_unescaped_picture_runs_its_handler_on_that_page(renderer):
    rendered(renderer, BITING[1])
    renderer.wait_for_function("window.hit === 1")
