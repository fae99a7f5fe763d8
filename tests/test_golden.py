"""The card of each verdict as it was reviewed for tone, over HTTP, and the table of what cards are held to.

Where a change is meant: ``python tests/test_golden.py`` writes the cards anew, to be read before they are committed.
"""

import ast
import json
import re
import runpy
from html import unescape
from pathlib import Path

import pytest
from charts import request
from runner import assessed, cases
from tokens import BASE, ISS, jwk, token

from cards.lint import offences
from cards.words import ADVICES
from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings, SettingsError
from cds_service.settings import read as settings_of
from knowledge import load
from knowledge.documented import AMBIGUOUS
from knowledge.model import Verdict

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
SERVICES = {service.hook: service.id for service in services().values()}
#: The request that shows each verdict; a supported code has a card where documentation is not complete.
REQUESTS = {
    **{str(verdict): str(verdict) for verdict in Verdict},
    "supported": "conservative-care",
    "silent": "supported",
    "discharge": "discharge",
}
COMPLIANCE = runpy.run_path(str(HERE.parent / "scripts/compliance.py"))
UNDETERMINED = "Unable to determine at this time"


def answered(client, name):
    """The answer to a request of tests/requests, without what changes with every word of the knowledge."""
    body = json.loads((HERE / f"requests/{REQUESTS[name]}.json").read_text(encoding="utf-8"))
    reply = client.post(f"/cds-services/{SERVICES[body['hook']]}", json=body)
    assert reply.status_code == 200
    told = reply.get_json()
    for card in told["cards"]:
        assessed(card).pop("knowledge")
    return told


def held(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(open=True, deadline_ms=60_000, rate_limit=10**9)).test_client()


@pytest.mark.parametrize("name", REQUESTS)
def test_the_card_of_each_verdict_is_the_one_that_was_reviewed(name, client):
    assert answered(client, name) == held(name)


def test_every_verdict_has_its_card():
    assert {path.stem for path in GOLDEN.glob("*.json")} == REQUESTS.keys()
    told = {name: [assessed(card)["verdict"] for card in held(name)["cards"]] for name in REQUESTS}
    assert told == {name: [name] for name in map(str, Verdict)} | {"silent": [], "discharge": ["corrected"]}


# --- over all cases -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown(client):
    """Every card that the clinical cases bring about, with the name of its case."""
    replies = {
        name: client.post("/cds-services/m99-order-sign", json=request(case)).json for name, case in cases().items()
    }
    return [(name, card) for name, reply in replies.items() for card in reply["cards"] if assessed(card)]


@pytest.fixture(scope="module")
def queries(shown):
    """The documentation queries among them."""
    return [card for _, card in shown if card["indicator"] == "info"]


def coded(card):
    """The answers of a query that name a code."""
    return [one["label"] for one in card["suggestions"] if re.match(r"[A-Z]\d", one["label"])]


def codes_in(label):
    return re.findall(r"[A-Z]\d\w\.\w+", label)


def test_a_query_over_the_cases_offers_no_code_or_several_in_order_with_the_selection(queries):
    assert len(queries) > len(cases()) / 4
    for card in queries:
        labels = coded(card)
        assert len(labels) != 1
        assert list(map(codes_in, labels)) == sorted(map(codes_in, labels))
        assert sum(label.endswith("current selection") for label in labels) == bool(labels)
        assert card["suggestions"][-1]["label"] == UNDETERMINED
        assert card["selectionBehavior"] == "at-most-one"


#: Not quoted yet: a place that only the line above names.
UNQUOTED = {("manualcare-030", "M99.02"), ("wolds-041", "M96.1")}


def test_every_code_that_a_card_over_the_cases_proposes_is_quoted_axis_by_axis(shown):
    """What a code says of lesion, site, mechanism or diagnosis stands on the card in words of the record."""
    known = load()
    proposed = {(name, code): card for name, card in shown for code in assessed(card).get("proposedCodes", ())}
    kept = {(name, assessed(card)["code"]) for name, card in shown}
    asked = {key: card for key, card in proposed.items() if key not in kept and key[1] in known.codes}
    assert len(asked) > 200
    assert {key for key, card in asked.items() if not carried(known.codes[key[1]], card, known)} == UNQUOTED


def carried(code, card, known):
    affirmed = [one for one in assessed(card)["evidence"] if one["assertion"] == "affirmed"]
    detail = unescaped(card["detail"])
    said = {(one["axis"], one["value"]) for one in affirmed if " ".join(one["quote"].split()) in detail}
    if not code.family:
        return any(axis == "structural" or value in known.recesses for axis, value in said) and specified(
            code, said, known
        )
    if not code.site:
        return any(axis == "lesion" for axis, _ in said) and placed(code, said, known)
    return ("site", code.site) in said and any(("mechanism", one) in said for one in code.mechanisms)


def specified(code, said, known):
    """Whether what sets a code apart from the others of its diagnosis is quoted: its place, and what it comes with."""
    rows = [row for row in known.structural_codes if row.code == code.code]
    siblings = {row.code for row in known.structural_codes if row.diagnosis in {one.diagnosis for one in rows}}
    wanted = frozenset().union(*(row.qualifiers for row in rows))
    somewhere = any(axis in {"level", "region"} for axis, _ in said)
    return (somewhere or len(siblings) == 1) and wanted <= {value for _, value in said}


def placed(code, said, known):
    """Whether the region of the code is quoted, or a level of it."""
    levels = {level for axis, value in said if axis == "level" for level in value.split()}
    regions = {value for axis, value in said if axis == "region"}
    regions |= {known.levels[level].region for level in levels & known.levels.keys()}
    return not regions.isdisjoint({code.region, AMBIGUOUS, *known.regions[code.region].lesion_in})


def test_a_code_edit_over_the_cases_quotes_a_diagnosis_of_the_treating_provider_first(shown):
    """Its first line: of the treating provider, and not from the examination, nor from imaging retold."""
    edits = [card for _, card in shown if card["indicator"] == "warning"]
    assert len(edits) > len(cases()) / 4
    for card in edits:
        first = recorded(card)[0]
        assert "treating provider" in first
        assert not re.search(r'under "(exam|examination|physical exam|objective|imaging|mri|ct|hpi|history)"', first), (
            first
        )


def test_no_card_over_the_cases_says_a_word_it_may_not_say(shown, queries):
    """Titles of codes included, quotes of the record excepted; the headlines of queries decide nothing."""
    for name, card in shown:
        own = [card["summary"], re.sub(r'"[^"]*"', "", card["detail"])]
        own += [one["label"] for one in card.get("suggestions", ())]
        own += [act["description"] for one in card.get("suggestions", ()) for act in one.get("actions", ())]
        assert [(name, bad) for text in own for bad in offences(text)] == []
    assert [bad for card in queries for bad in offences(card["summary"], query_summary=True)] == []


def test_a_code_edit_that_was_applied_does_not_come_again(shown, client):
    """Over all cases: what its cards would change makes them go away, and brings no other code edit of these codes."""
    edits = {}
    for name, card in shown:
        if card["indicator"] == "warning":
            edits.setdefault(name, []).append(card)
    for name, cards in edits.items():
        body = request(cases()[name])
        for card in cards:
            (suggestion,) = card["suggestions"]
            body = applied(body, suggestion["actions"])
        told = client.post("/cds-services/m99-order-sign", json=body).json
        codes = {code for card in cards for code in (assessed(card)["code"], *assessed(card)["proposedCodes"])}
        again = [one for one in told["cards"] if one["indicator"] == "warning" and assessed(one).get("code") in codes]
        assert again == [], name


def applied(body, actions):
    """The request as the client would send it after it has taken the actions."""
    entries = [*body["context"]["draftOrders"]["entry"], *body["prefetch"]["conditions"]["entry"]]
    for number, action in enumerate(actions):
        resource = action["resource"]
        name = (resource["resourceType"], resource.get("id"))
        held = [one for one in entries if (one["resource"]["resourceType"], one["resource"].get("id")) == name]
        if action["type"] == "create":
            body["prefetch"]["conditions"]["entry"].append({"resource": resource | {"id": f"new{number}"}})
        for one in held:
            one["resource"] = resource
    return body


def recorded(card):
    """The lines of what speaks for the answer."""
    _, _, after = card["detail"].partition("**Recorded**\n")
    return after.partition("\n\n")[0].splitlines()


def unescaped(detail):
    return unescape(re.sub(r"\\(.)", r"\1", detail))


# --- site setting and client --------------------------------------------------------------------------


def test_a_site_setting_keeps_codes_out_of_every_query():
    options = settings_of({"FORAMEN_QUERY_CODES": "0", "FORAMEN_OPEN": "1"})
    client = create_app(options).test_client()
    (card,) = answered(client, "clarify")["cards"]
    assert coded(card) == []
    assert [one["label"] for one in card["suggestions"]][-1] == UNDETERMINED
    named = set(re.findall(r"\b[A-Z]\d\d\.\d+", card["detail"]))
    assert named == {assessed(card)["code"]}
    assert assessed(card)["proposedCodes"] == assessed(held("clarify")["cards"][0])["proposedCodes"]
    assert answered(client, "corrected") == held("corrected")


@pytest.fixture
def registered(tmp_path):
    """A service with one client of these capabilities, and the headers of its calls."""

    def register(*words, more=""):
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
        table = f'[[client]]\niss = "{ISS}"\njwks = "keys.json"\naudiences = ["{BASE}"]\n'
        table += f"capabilities = {list(words)}\n{more}"
        (tmp_path / "clients.toml").write_text(table)
        return create_app(Settings(clients=str(tmp_path / "clients.toml"), public_url=BASE)).test_client()

    return register


def signed(client, name):
    body = json.loads((HERE / f"requests/{name}.json").read_text(encoding="utf-8"))
    path = f"/cds-services/{SERVICES[body['hook']]}"
    reply = client.post(path, json=body, headers={"Authorization": f"Bearer {token(path)}"})
    assert reply.status_code == 200
    return reply.json


def test_a_client_that_takes_changes_of_orders_alone_gets_no_others(registered):
    reply = signed(registered("inferno"), "corrected")
    assert reply["systemActions"] == []
    (suggestion,) = reply["cards"][0]["suggestions"]
    assert [act["resource"]["resourceType"] for act in suggestion["actions"]] == ["ServiceRequest"]


def test_a_client_that_adds_tasks_gets_one_for_its_user(registered):
    reply = signed(registered("create-tasks"), "conservative-care")
    assert "systemActions" not in reply
    (act,) = reply["cards"][0]["suggestions"][0]["actions"]
    made = act["resource"]
    assert made["resourceType"] == "Task"
    assert made["owner"] == {"reference": "Practitioner/dr1"}
    assert made["for"] == {"reference": "Patient/p1"}


APP = 'smart_app = {label = "Open the documentation review", url = "https://app.example/launch"}\n'


def test_a_client_with_an_app_launches_it_from_the_card_and_finds_the_explanation_in_the_detail(registered):
    """K1, K2, K4: the links of a card are of one type."""
    (card,) = signed(registered(more=APP), "corrected")["cards"]
    rule = "other-code-documented"
    assert card["links"] == [
        {
            "label": "Open the documentation review",
            "url": "https://app.example/launch",
            "type": "smart",
            "appContext": rule,
        }
    ]
    assert card["detail"].endswith(f"\n\n[What this check looks at]({BASE}/rules/{rule})")
    (plain,) = signed(registered(), "corrected")["cards"]
    assert [link["type"] for link in plain["links"]] == ["absolute"]
    assert "](" not in plain["detail"]


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (["create-task"], "", "create-tasks"),
        ([], APP.replace("documentation review", "denial review"), "denial"),
        ([], APP.replace("https:", "http:"), "url"),
        ([], APP.replace("label", "title"), "smart_app"),
    ],
)
def test_a_registration_that_cards_could_not_follow_stops_the_start(registered, words, more, said):
    with pytest.raises(SettingsError, match=said):
        registered(*words, more=more)


# --- the compliance table -----------------------------------------------------------------------------


def test_the_compliance_page_is_current():
    assert COMPLIANCE["PAGE"].read_text(encoding="utf-8") == COMPLIANCE["page"](), "run python scripts/compliance.py"


def test_every_rule_of_the_compliance_table_is_held_by_tests_that_exist():
    ids = [rule["id"] for rule in COMPLIANCE["rules"]()]
    assert ids == [f"Q{number}" for number in range(1, len(ids) + 1)]
    for rule in COMPLIANCE["rules"]():
        assert rule["tests"], rule["id"]
        assert rule["standing"] in {"held", "in part", "outside"}
        assert not [test for test in rule["tests"] if not exists(test)], rule["id"]


def exists(test):
    """Whether there is a test of this name in the file."""
    path, _, name = test.partition("::")
    tree = ast.parse((HERE / path).read_text(encoding="utf-8"))
    return name.startswith("test_") and name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_a_test_that_does_not_exist_is_missed():
    assert not exists("test_golden.py::test_of_nothing")


def test_every_template_belongs_to_a_class_and_topic_of_its_own_verdict():
    """A stand-in is a query on the topic of the edit that it stands in for."""
    for advice in ADVICES.values():
        if advice.unstated:
            other = ADVICES[advice.unstated]
            assert (advice.query, other.query, other.topic) == (False, True, advice.topic)


if __name__ == "__main__":
    service = create_app(Settings(open=True)).test_client()
    for golden in REQUESTS:
        made = json.dumps(answered(service, golden), indent=1, ensure_ascii=False) + "\n"
        (GOLDEN / f"{golden}.json").write_text(made, encoding="utf-8")
