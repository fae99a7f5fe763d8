"""The pages that everybody may see: every card leads to one (issue 5, 6), and they hold nothing but knowledge."""

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
from cds_service import settings, terminal
from cds_service.app import create_app
from cds_service.pages import ehr, samples
from cds_service.pages import rules as rule_pages
from cds_service.pages.site import HERE, PICTURE, WORDS
from cds_service.settings import Settings, SettingsError
from cds_service.store import Store, Unavailable
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
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
#: Elements that end in themselves.
VOID = {"meta", "link", "img", "input", "br", "path", "rect", "circle"}


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
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
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
    told = [raw["title"], raw["why"], raw["source"], *raw["policy"], WORDS["resolved"][rule]]
    assert not [one for one in told if one not in page.text]
    firing, quiet = page.text.split(WORDS["page"]["quiet"])
    for example in raw["example"]:
        place = firing.split(WORDS["page"]["fires"])[1] if example["fires"] else quiet
        for line in (example["code"], *example["record"], *example.get("report", ())):
            assert line in place, (example["fires"], line)


PUBLIC_PAGES = ["/", "/codes", "/codes/M99.76", "/codes/M99.9", "/codes/M48.061", "/codes/none", "/search?q=disc"]
PUBLIC_PAGES += [
    "/rules",
    "/rules/",
    "/rules/unavailable",
    "/rules/nothing-of-this-name",
    *(f"/rules/{rule}" for rule in RULES),
]


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_a_page_asks_for_nothing_but_what_is_ours(client, path):
    """S15: no script, no other site; the policy would stop them besides."""
    reply = client.get(path)
    page = Read(reply.text)
    assert page.open == [], "every element is closed"
    assert not page.elements & {"script", "style", "iframe", "object", "embed", "base"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert dict(one.split(" ", 1) for one in reply.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in reply.headers
    assert page.addresses
    for link in {urljoin(f"{PUBLIC}{path}", link).partition("#")[0] for link in page.addresses}:
        led = urlsplit(link)
        assert f"{led.scheme}://{led.netloc}" == "https://cds.example", link
        assert led.path.startswith("/foramen/"), "also below a path of a proxy"


def test_every_link_of_every_page_leads_somewhere(client):
    found = {}
    for path in PUBLIC_PAGES:
        for link in (one for one in Read(client.get(path).text).addresses if not one.startswith("#")):
            found.setdefault(urlsplit(urljoin(f"{PUBLIC}{path}", link)).path.removeprefix("/foramen"), path)
    assert len(found) > 150
    assert {link: path for link, path in found.items() if client.get(link).status_code != 200} == {}


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
    reply = client.get("/pages/foramen.css")
    assert reply.content_type == "text/css; charset=utf-8"
    again = client.get("/pages/foramen.css", headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "prefers-color-scheme: dark" in reply.text
    assert "@import" not in reply.text
    assert "url(" not in reply.text


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_written_can_be_read(scheme):
    """WCAG 1.4.3: 4.5 to 1, in either scheme."""
    blocks = re.findall(r":root \{(.*?)\}", (HERE / "static/foramen.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): #(\w{6})", blocks[scheme]))
    for paper in ("paper", "sheet"):
        for name in ("ink", "quiet", "link", "good", "warn", "bad"):
            assert contrast(colours[name], colours[paper]) >= 4.5, (name, paper)
        assert contrast(colours["firm"], colours[paper]) >= 3, "what can be typed in has an edge (WCAG 1.4.11)"
    assert contrast(colours["pressed"], colours["press"]) >= 4.5
    washes = [name.removesuffix("-wash") for name in colours if name.endswith("-wash")]
    assert set(washes) > {"lesion", "site", "mechanism", "region", "level"}
    for axis in washes:
        assert contrast(colours["ink"], colours[f"{axis}-wash"]) >= 4.5, axis
        assert contrast(colours[axis], colours[f"{axis}-wash"]) >= 3, axis
        assert contrast(colours[axis], colours["sheet"]) >= 4.5, axis


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
        rule_pages.pages(knowledge.load())


def test_a_fact_without_words_stops_the_start(monkeypatch):
    monkeypatch.delitem(WORDS["fact"]["doubt"], "conflict")
    with pytest.raises(KnowledgeError, match="conflict"):
        rule_pages.pages(knowledge.load())


def test_no_page_says_again_what_the_knowledge_or_a_card_says():
    """One place for each sentence: what is longer than a label stands nowhere else."""
    files = [
        *(ROOT / "knowledge").rglob("*.toml"),
        *(ROOT / "cards").rglob("*.toml"),
        ROOT / "cds_service/services.json",
    ]
    elsewhere = "\n".join(path.read_text(encoding="utf-8") for path in files)
    long = [said for said in sayings(WORDS) if len(said) > 45]
    assert len(long) > 50
    assert [said for said in long if said in elsewhere] == []


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
        style = demo.HTTP.get(f"{base}/pages/foramen.css", timeout=10)
    assert (page.status_code, style.status_code) == (200, 200)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_on_one_machine_each_card_links_to_the_service_that_wrote_it():
    """With --dev nobody has to say the address; the link of the card is followed."""
    body = json.loads((ROOT / "tests/requests/clarify.json").read_text(encoding="utf-8"))
    with demo.running() as base:
        (card,) = demo.HTTP.post(f"{base}/cds-services/m99-order-sign", json=body, timeout=10).json()["cards"]
        (link,) = card["links"]
        page = demo.HTTP.get(link["url"], timeout=10)
    assert link["url"].startswith(f"{base}/rules/")
    assert page.status_code == 200
    assert terminal.cards([card]).splitlines()[-2] == f"{link['label']}: {link['url']}"


# --- codes ----------------------------------------------------------------------------------------------


def test_the_family_map_leads_to_every_code_that_is_judged(client):
    page = Read(client.get("/codes").text)
    mine = {code.code for code in knowledge.load().codes.values() if code.family}
    assert len(mine) == 91
    assert {address.removeprefix("codes/") for address in page.addresses if address.startswith("codes/")} == mine
    for family in knowledge.load().families.values():
        assert family.title in page.text
        assert family.words in page.text


def test_the_picture_has_a_shape_for_every_place_and_tissue_of_a_family():
    for family in knowledge.load().families.values():
        assert not family.site or family.site in PICTURE["site"]
        assert all(family.site in PICTURE["mechanism"][mechanism] for mechanism in family.mechanisms)


def test_the_page_of_a_code_tells_what_it_claims_its_siblings_and_what_belongs_elsewhere(client):
    page = Read(client.get("/codes/M99.76").text)
    known = knowledge.load()
    assert known.codes["M99.76"].title in page.text
    assert "intervertebral foramen" in page.text
    assert {f"../codes/{code}" for code in ("M99.66", "M99.56", "M99.73", "M99.70")} <= set(page.addresses)
    assert "../codes/M51.16" in page.addresses, "a displaced disc of the spine that serves the leg"
    for structural in known.structurals.values():
        assert (structural.title in page.text) == ("7" in structural.displaces), structural.id
    asked = {element.title for element in known.elements}
    assert {title for title in asked if title in page.text} == asked - {"Vertebral or sacral level"}, "a limb has none"


@pytest.mark.parametrize("number", ["76", "70", "74", "60", "40"])
def test_a_code_with_a_source_page_shows_every_statement_of_it(client, number):
    """Tips, pitfalls and questions with their ids, what became of each, and where official guidance differs."""
    page = Read(client.get(f"/codes/M99.{number}").text)
    rows = toml(ROOT / "knowledge/requirements.toml", "requirements")["requirement"]
    shown = [row for row in rows if any(name.startswith(f"{number}-") for name in row["ids"])]
    assert len(shown) > 15
    for row in shown:
        assert all(name in page.text for name in row["ids"] if name.startswith(f"{number}-")), row["ids"]
        assert row.get("question", row["said"]) in page.text
        assert WORDS["standing"][row["standing"]] in page.text


def test_a_code_without_a_source_page_shows_those_of_its_siblings_and_says_so(client):
    page = Read(client.get("/codes/M99.73").text)
    for code in ("M99.76", "M99.70", "M99.74"):
        assert WORDS["code"]["said_of"].format(code=code) in page.text
    assert WORDS["code"]["said_of"].format(code="M99.60") not in page.text
    assert WORDS["code"]["said"] not in page.text


@pytest.mark.parametrize("written", ["m99.76", "M9976", "m9976"])
def test_a_code_is_found_as_people_write_it(client, written):
    assert "M99.76" in Read(client.get(f"/codes/{written}").text).text


def test_a_code_outside_the_category_tells_its_dates_and_what_it_stands_for(client):
    page = Read(client.get("/codes/M48.06").text)
    assert "until 2017-09-30" in page.text
    assert WORDS["code"]["outside"] in page.text


def test_a_code_that_is_none_is_not_found_and_not_repeated(client):
    reply = client.get("/codes/canary")
    assert reply.status_code == 404
    assert "canary" not in reply.text
    assert WORDS["codes"]["unknown"] in Read(reply.text).text


def test_at_an_address_without_a_page_people_read_a_sentence_and_machines_an_outcome(client):
    people = client.get("/nothing/canary", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (people.status_code, people.content_type) == (404, "text/html; charset=utf-8")
    assert WORDS["page"]["missing"] in people.text
    assert "canary" not in people.text
    for accept in ("*/*", "application/json", "application/fhir+json, */*"):
        machine = client.get("/nothing", headers={"Accept": accept})
        assert (machine.status_code, machine.json["resourceType"]) == (404, "OperationOutcome"), accept


# --- search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "kind", "address", "said"),
    [
        ("m9976", "codes", "codes/M99.76", "Connective tissue and disc stenosis"),
        ("disc foramina lower", "codes", "codes/M99.76", "lower extremity"),
        ("V8", "rules", "rules/supported", "The record supports the selected code"),
        ("herniation", "diagnoses", "", "Disc displacement"),
        ("neural foramen", "terms", "", "intervertebral foramen"),
        ("E5", "elements", "", "What has been tried before"),
        ("C6", "statements", "codes/M99.76", "(C6, E4)"),
        ("76-T2", "statements", "codes/M99.76", "leg nerve"),
    ],
)
def test_search_finds(client, question, kind, address, said):
    page = Read(client.get("/search", query_string={"q": question}).text)
    assert WORDS["search"]["kind"][kind] in page.text
    assert said in page.text
    assert not address or address in page.addresses


def test_search_says_that_it_found_nothing_and_repeats_the_question_as_text(client):
    reply = client.get("/search", query_string={"q": '"><script>canary'})
    assert WORDS["search"]["none"] in Read(reply.text).text
    assert "<script" not in reply.text


def test_search_logs_no_word_of_the_question(client, caplog):
    caplog.set_level("INFO")
    client.get("/search", query_string={"q": "canary"})
    logged = [(record.getMessage(), record.facts) for record in caplog.records if record.name == "foramen"]
    assert logged
    assert "canary" not in str(logged)


# --- home -----------------------------------------------------------------------------------------------


def test_home_tells_the_services_their_prefetch_and_the_state(client):
    page = Read(client.get("/").text)
    for service in client.get("/cds-services").json["services"]:
        assert service["id"] in page.text
        assert service["hook"] in page.text
        assert all(f"{{{{{token}" in page.text for token in ("context.patientId", "context.encounterId"))
    assert knowledge.load().version in page.text
    assert WORDS["home"]["ready"] in page.text
    assert {"cds-services", "healthz", "codes", "rules"} <= set(page.addresses)


def test_home_says_when_the_database_fails(client, monkeypatch):
    def fails(_):
        raise Unavailable

    monkeypatch.setattr(Store, "ready", fails)
    assert WORDS["home"]["not_ready"] in Read(client.get("/").text).text


def test_the_card_of_the_home_page_is_what_the_service_says(client):
    sample = samples.read()[WORDS["home"]["sample"]]
    asked = ehr.request(sample.form(), "home", knowledge.load())
    [card] = client.post(f"/cds-services/{asked.service}", json=asked.body).json["cards"]
    page = Read(client.get("/").text)
    assert card["summary"] in page.text
    assert card["suggestions"][0]["label"] in page.text


@pytest.mark.parametrize("name", ["pages-playground", "pages-map"])
def test_the_readme_shows_the_pages_in_pictures_of_a_size_to_load(name):
    assert f"](docs/pictures/{name}.png)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert 10_000 < (ROOT / f"docs/pictures/{name}.png").stat().st_size < 200_000
