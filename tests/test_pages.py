"""Every card leads to a page that explains its rule (issue 5, 6), and the pages hold nothing but knowledge."""

import json
import re
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import pytest
from runner import ROOT

import knowledge
from cards.lint import offences
from cds_service import settings
from cds_service.app import create_app
from cds_service.pages import HERE, WORDS, Pages
from cds_service.settings import Settings, SettingsError
from knowledge import KnowledgeError
from knowledge.files import toml

sys.path.insert(0, str(ROOT / "scripts"))

import demo

RULES = sorted(path.stem for path in (ROOT / "knowledge/rules").glob("*.toml"))
REQUESTS = sorted(path.stem for path in (ROOT / "tests/requests").glob("*.json"))
PUBLIC = "https://cds.example/foramen"
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


class Read(HTMLParser):
    """What a browser would make of a page: its words, its addresses, its elements."""

    def __init__(self, text):
        super().__init__()
        self.words, self.addresses, self.elements, self.open = [], [], set(), []
        self.attributes = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value for name, value in attrs if name in {"href", "src", "action"}]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def client():
    app = create_app(Settings(open=True, public_url=PUBLIC))
    yield app.test_client()
    app.extensions["kept"].store.engine.dispose()


def body(name):
    return json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8"))


def cards(client, name):
    sent = body(name) | {"hookInstance": str(uuid4())}
    service = f"m99-{sent['hook']}"
    return client.post(f"/cds-services/{service}", json=sent).get_json()["cards"]


@pytest.mark.parametrize("rule", RULES)
def test_a_page_tells_all_of_its_rule(client, rule):
    raw = toml(ROOT / f"knowledge/rules/{rule}.toml", "rule")
    reply = client.get(f"/rules/{rule}")
    page = Read(reply.text)
    assert reply.status_code == 200
    assert reply.content_type == "text/html; charset=utf-8"
    told = [raw["title"], raw["why"], raw["source"], ", ".join(raw["policy"]), WORDS["resolved"][rule]]
    assert not [one for one in told if one not in page.text]
    firing, quiet = page.text.split(WORDS["page"]["quiet"])
    for example in raw["example"]:
        place = firing.split(WORDS["page"]["fires"])[1] if example["fires"] else quiet
        for line in (example["code"], *example["record"], *example.get("report", ())):
            assert line in place, (example["fires"], line)


@pytest.mark.parametrize("path", ["/rules", "/rules/unavailable", "/rules/nothing-of-this-name", *RULES])
def test_a_page_asks_for_nothing_but_its_style_sheet(client, path):
    """S15: no script, no form, no other site; the policy would stop them besides."""
    address = path if path.startswith("/") else f"/rules/{path}"
    reply = client.get(address)
    page = Read(reply.text)
    assert page.open == [], "every element is closed"
    assert not page.elements & {"script", "style", "form", "img", "iframe", "object", "embed", "svg", "base"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert dict(one.split(" ", 1) for one in reply.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert page.addresses
    for link in page.addresses:
        led = urlsplit(urljoin(f"{PUBLIC}{address}", link))
        assert f"{led.scheme}://{led.netloc}" == "https://cds.example", link
        assert led.path.startswith("/foramen/rules"), "also below a path of a proxy"
        assert client.get(led.path.removeprefix("/foramen")).status_code == 200, link


def test_the_list_leads_to_every_page(client):
    reply = client.get("/rules")
    titles = [toml(ROOT / f"knowledge/rules/{rule}.toml", "rule")["title"] for rule in RULES]
    assert reply.status_code == 200
    assert {f"rules/{rule}" for rule in [*RULES, "unavailable"]} <= set(Read(reply.text).addresses)
    assert all(title in Read(reply.text).text for title in titles)


def test_a_rule_that_is_none_is_not_found_and_not_repeated(client):
    reply = client.get("/rules/%3Cscript%3Ecanary")
    assert reply.status_code == 404
    assert "canary" not in reply.text
    assert WORDS["page"]["unknown"] in reply.text


def test_the_style_sheet_is_ours_and_serves_light_and_dark(client):
    reply = client.get("/rules/pages.css")
    assert reply.content_type == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in reply.text
    assert "@import" not in reply.text
    assert "url(" not in reply.text


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_written_can_be_read(scheme):
    """WCAG 1.4.3: 4.5 to 1, in either scheme."""
    blocks = re.findall(r":root \{(.*?)\}", (HERE / "pages.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): #(\w{6})", blocks[scheme]))
    for name in ("ink", "quiet", "link"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("name", REQUESTS)
def test_each_card_carries_the_address_of_its_page(client, name):
    """S15: absolute, with the rule in it and nothing of the patient."""
    for card in cards(client, name):
        [link] = card["links"]
        assert link["type"] == "absolute"
        rule = link["url"].removeprefix(f"{PUBLIC}/rules/")
        assert rule in RULES
        assert client.get(f"/rules/{rule}").status_code == 200


def test_the_card_of_a_check_that_failed_carries_one_too(client, monkeypatch):
    """S21"""

    def fault(*_):
        raise ValueError

    monkeypatch.setattr("cds_service.app.answer", fault)
    [card] = cards(client, "corrected")
    assert [link["url"] for link in card["links"]] == [f"{PUBLIC}/rules/unavailable"]


def test_without_an_address_of_the_service_no_card_has_a_link():
    app = create_app(Settings(open=True))
    assert "links" not in cards(app.test_client(), "corrected")[0]
    app.extensions["kept"].store.engine.dispose()


@pytest.mark.parametrize("url", ["https://cds.example", "https://cds.example/", "https://cds.example:8443/a/b"])
def test_an_address_of_the_service_is_accepted(url):
    assert settings.read({"FORAMEN_PUBLIC_URL": url}).rules_url() == url.rstrip("/") + "/rules"


@pytest.mark.parametrize(
    "url",
    [
        *("http://cds.example", "cds.example", "/rules", "https://", "javascript:alert(1)", "https://u:p@cds.example"),
        *("https://cds.example/?a=b", "https://cds.example/#a", "https://cds.example/a b", "http://127.0.0.1.example"),
        "https://cds.example\n",
    ],
)
def test_another_address_stops_the_start(url):
    with pytest.raises(SettingsError, match="FORAMEN_PUBLIC_URL"):
        settings.read({"FORAMEN_PUBLIC_URL": url})


def test_an_address_of_this_machine_is_for_dev_alone():
    url = "http://127.0.0.1:8000"
    assert Settings(dev=True, public_url=url).rules_url() == f"{url}/rules"
    with pytest.raises(SettingsError, match="FORAMEN_PUBLIC_URL"):
        create_app(Settings(open=True, public_url=url))


def test_a_rule_without_words_stops_the_start(monkeypatch):
    monkeypatch.delitem(WORDS["resolved"], RULES[0])
    with pytest.raises(KnowledgeError, match=RULES[0]):
        Pages(knowledge.load())


def test_a_fact_without_words_stops_the_start(monkeypatch):
    monkeypatch.delitem(WORDS["fact"]["doubt"], "conflict")
    with pytest.raises(KnowledgeError, match="conflict"):
        Pages(knowledge.load())


def test_no_word_is_left_over():
    assert sorted(WORDS["resolved"]) == RULES


def sayings(words):
    for said in words.values():
        yield from sayings(said) if isinstance(said, dict) else [said] if isinstance(said, str) else said


def test_the_pages_say_nothing_that_a_card_may_not_say():
    assert [(said, found) for said in sayings(WORDS) if (found := offences(said))] == []


def test_the_pages_need_no_token_and_are_served_by_the_real_server():
    """A clinician's browser has no token: the pages hold what is published anyway."""
    with demo.running() as base:
        page = demo.HTTP.get(f"{base}/rules/{RULES[0]}", timeout=10)
        style = demo.HTTP.get(f"{base}/rules/pages.css", timeout=10)
    assert (page.status_code, style.status_code) == (200, 200)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
