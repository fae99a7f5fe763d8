"""The checks of Inferno's tests for Da Vinci CRD servers, re-implemented: this is not Inferno, and no run of it.

Each test stands for one of Inferno's and carries its name (``tests/inferno.py`` says of which version).  Rows that ask
for what only a CRD server sends are not applicable, and listed in ``docs/conformance.md`` with the reason.  A pass here
says nothing of 412, feedback, CORS or refused tokens, which Inferno does not look at.
"""

import json
import re
from copy import deepcopy
from pathlib import Path
from uuid import uuid4

import inferno
import pytest
from runner import ROOT
from tokens import BASE, ISS, jwk, token

from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

SERVICES = {service.hook: service.id for service in services().values()}
#: Every answer that a CRD test could look at: a card of each verdict, at signing, selecting and discharge.
NAMES = sorted(path.stem for path in (ROOT / "tests/requests").glob("*.json"))
ENTRY = f'[[client]]\niss = "{ISS}"\njwks = "keys.json"\naudiences = ["{BASE}"]\ncapabilities = ["inferno"]\n'
PAGE = ROOT / "docs/conformance.md"
#: What is posted to order-select: the same orders, chosen.
SELECTED = "order-select"


def asked(name, hook=""):
    body = json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8"))
    if hook == SELECTED:
        body["hook"] = SELECTED
        orders = [entry["resource"] for entry in body["context"]["draftOrders"]["entry"]]
        body["context"]["selections"] = [f"{order['resourceType']}/{order['id']}" for order in orders]
    return body


BODIES = [asked(name) for name in NAMES] + [asked(name, SELECTED) for name in NAMES if name != "discharge"]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The service, with Inferno registered as a client of the profile that is meant for it."""
    here = tmp_path_factory.mktemp("inferno")
    (here / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1"), jwk("RS384", "k2")]}))
    (here / "clients.toml").write_text(ENTRY)
    return create_app(Settings(clients=str(here / "clients.toml"), public_url=BASE)).test_client()


def signed(path, algorithm="ES384", kid="k1"):
    """As Inferno signs: five minutes, 64 hexadecimal digits."""
    text = token(path, algorithm, kid, jti=uuid4().hex * 2)
    return {"Authorization": f"Bearer {text}", "Accept": "*/*", "Content-Type": "application/json"}


def call(service, body, algorithm="ES384", kid="k1"):
    path = f"/cds-services/{SERVICES[body['hook']]}"
    return service.post(path, data=json.dumps(body), headers=signed(path, algorithm, kid))


@pytest.fixture(scope="module")
def answers(service):
    return [(body, call(service, body).json) for body in BODIES]


def test_discovery_endpoint_test_and_discovery_services_validation_test(service):
    """D1, D2, D4, D6, D7, D14"""
    reply = service.get("/cds-services", headers=signed("/cds-services"))
    assert list(inferno.discovery(reply.status_code, reply.json)) == []
    assert {told["hook"] for told in reply.json["services"]} >= {"order-sign", "order-select", "encounter-discharge"}


@pytest.mark.parametrize(("algorithm", "kid"), [("ES384", "k1"), ("RS384", "k2")])
def test_service_call_test(service, algorithm, kid):
    """J10: every call is answered 200, whichever of the two algorithms signs it."""
    assert {call(service, body, algorithm, kid).status_code for body in BODIES} == {200}


@pytest.mark.parametrize("name", ["inferno-order-select", "inferno-order-sign"])
def test_service_call_test_with_the_bodies_that_were_supplied_to_it(service, name):
    body = json.loads((ROOT / f"tests/clients/{name}.json").read_text(encoding="utf-8"))
    reply = call(service, body)
    assert reply.status_code == 200
    assert [*inferno.response(body["hook"], reply.json), *inferno.optional_fields(reply.json)] == []


def test_service_response_validation_test(answers):
    """C1, C6, C8, C9, T7"""
    assert [fault for body, told in answers for fault in inferno.response(body["hook"], told)] == []
    assert sum(len(told["cards"]) for _, told in answers) > len(NAMES)


def test_card_optional_fields_validation_test(answers):
    """C10-C12, K1, K2, A6-A9"""
    assert [fault for _, told in answers for fault in inferno.optional_fields(told)] == []


def test_propose_alternate_request_card_validation_test(answers):
    """A8: of a client that takes changes of draft orders alone, nothing else is changed."""
    ordered = [(body["context"], told["cards"]) for body, told in answers if "draftOrders" in body["context"]]
    edits = [(context, [card for card in cards if card["indicator"] == "warning"]) for context, cards in ordered]
    assert [fault for context, cards in edits for fault in inferno.alternate_request(context, cards)] == []
    assert sum(len(inferno.updates(cards)) for _, cards in edits) >= 4


def test_propose_alternate_request_card_validation_test_breaks_off_at_an_answer_that_changes_nothing(answers):
    """A query has such answers, and the protocol allows them: "unable to determine" is one."""
    told = next(told for body, told in answers if body == asked("clarify"))
    context = asked("clarify")["context"]
    assert set(inferno.alternate_request(context, told["cards"])) == {inferno.BREAKS_OFF}


def test_external_reference_card_validation_test(answers):
    """Every card explains itself by absolute links alone."""
    cards = [card for _, told in answers for card in told["cards"]]
    assert inferno.references(cards) == cards


def test_external_reference_card_across_hooks_validation_test(answers):
    """Over all hooks together there is one."""
    assert any(inferno.references(told["cards"]) for _, told in answers)


def test_launch_smart_app_card_validation_test(tmp_path):
    """Of a client for which an app is registered."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    app = 'smart_app = {label = "Open the review", url = "https://app.example/launch"}\n'
    (tmp_path / "clients.toml").write_text(ENTRY + app)
    launching = create_app(Settings(clients=str(tmp_path / "clients.toml"), public_url=BASE)).test_client()
    told = [call(launching, body).json for body in BODIES]
    cards = [card for one in told for card in one["cards"]]
    assert inferno.launches(cards) == cards
    assert [fault for one in told for fault in inferno.optional_fields(one)] == []


# --- the re-implementation can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("cards"),
        lambda told: told.pop("systemActions"),
        lambda told: told["cards"][0]["source"].pop("topic"),
        lambda told: told["cards"][0].update(summary="x" * 140),
        lambda told: told["cards"][0].update(indicator="hard-stop"),
    ],
)
def test_a_spoilt_answer_fails_the_response_check(answers, spoil):
    told = with_suggestions(answers)
    spoil(told)
    assert list(inferno.response("order-sign", told))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda card: card.pop("selectionBehavior"),
        lambda card: card["overrideReasons"][0].pop("display"),
        lambda card: card["links"][0].update(appContext="x"),
        lambda card: card["links"][0].update(url="/rules/x"),
        lambda card: card["links"][0].update(type="other"),
        lambda card: card["suggestions"][0].update(actions=[]),
        lambda card: card["suggestions"][0]["actions"][0].pop("description"),
        lambda card: card["suggestions"][0]["actions"][0].pop("resource"),
        lambda card: card["suggestions"][0]["actions"][0].update(type="delete"),
        lambda card: card["suggestions"][0]["actions"][0].update(type="patch"),
        lambda card: card.update(suggestions=[]),
    ],
)
def test_a_spoilt_card_fails_the_check_of_optional_fields(answers, spoil):
    told = with_suggestions(answers)
    spoil(told["cards"][0])
    assert list(inferno.optional_fields(told))


def test_an_update_of_what_is_no_draft_order_fails(answers):
    told = with_suggestions(answers)
    told["cards"][0]["suggestions"][0]["actions"][0]["resource"].update(resourceType="Condition")
    draft = {"draftOrders": {"entry": [{"resource": {"resourceType": "ServiceRequest", "id": "o1"}}]}}
    assert len(list(inferno.alternate_request(draft, told["cards"]))) == 2


@pytest.mark.parametrize(("status", "told"), [(404, {"services": []}), (200, []), (200, {"services": [{"id": "a"}]})])
def test_another_discovery_fails(status, told):
    assert list(inferno.discovery(status, told))


def with_suggestions(answers):
    """A copy of an answer whose card changes something."""
    return deepcopy(next(told for _, told in answers if inferno.updates(told["cards"])))


# --- what is told of it --------------------------------------------------------------------------------------


def test_every_row_of_the_conformance_page_has_its_test_or_a_reason():
    rows = [
        [part.strip() for part in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert len(rows) == 20
    tests = Path(__file__).read_text(encoding="utf-8")
    for name, standing, told in rows:
        written = re.search(rf"^def test_\w*{name.strip('`')}", tests, re.MULTILINE)
        assert bool(written) == standing.startswith("passes"), name
        assert standing in {"passes", "passes in part", "CRD only", "of the tester's bodies", "not as it stands"}
        assert told
