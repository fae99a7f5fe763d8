"""CDS Hooks 2.0.1 with the 3.0 ballot's members as schemas (docs/schemas), and the bodies of real clients against them.

Ids in docstrings are the protocol's.  The bodies of ``tests/clients`` are told of in its README.
"""

import json
import re
from copy import deepcopy

import pytest
from jsonschema import Draft202012Validator
from record_text import held
from runner import ROOT
from wire import SCHEMAS, against

from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

SERVICES = {service.hook: service.id for service in services().values()}
CLIENTS = {path.stem: path for path in sorted((ROOT / "tests/clients").glob("*.json"))}
OWN = {path.stem: path for path in sorted((ROOT / "tests/requests").glob("*.json"))}
NOT_CHECKED = ["check-unavailable"]
NEEDS_DATA = (412, [])
#: Body of a client -> what it is answered, and where it is not what the protocol asks of clients.
ANSWERS = {
    "crd-order-sign": (
        (200, NOT_CHECKED),
        {"$.fhirAuthorization.access_token minLength", "$.fhirAuthorization required"},
    ),
    "healthchain-order-select": (NEEDS_DATA, {"$.context required", "$.prefetch minProperties"}),
    "healthchain-order-sign": (NEEDS_DATA, {"$.context required", "$.prefetch minProperties"}),
    "healthchain-patient-view": ((200, NOT_CHECKED), set()),
    "inferno-order-select": ((200, []), set()),
    "inferno-order-sign": ((200, NOT_CHECKED), set()),
    "sandbox-launched": ((200, []), {"$.fhirAuthorization required"}),
    "sandbox-order-select-empty": ((200, NOT_CHECKED), set()),
    "sandbox-order-select-reason": ((200, NOT_CHECKED), set()),
    "sandbox-order-sign": ((200, NOT_CHECKED), set()),
    "sandbox-pama-empty": ((200, NOT_CHECKED), set()),
    "sandbox-pama-order-sign": ((200, NOT_CHECKED), set()),
    "sandbox-patient-view": ((200, []), set()),
    "spec-encounter-discharge": (NEEDS_DATA, set()),
    "spec-order-select": ((200, NOT_CHECKED), set()),
    "spec-order-sign": ((200, NOT_CHECKED), set()),
    "spec-patient-view": ((200, []), set()),
    "spec-patient-view-encounter": (NEEDS_DATA, set()),
    "spec-problem-dstu2": ((200, ["unsupported-code"]), set()),
    "spec-problem-r4": ((200, ["unsupported-code"]), set()),
    "spec-problem-stu3": ((200, ["unsupported-code"]), set()),
}
FEEDBACK = [name for name in CLIENTS if name.startswith("feedback-")]


def body(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(open=True)).test_client()


# --- what goes over the wire ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_of_the_protocol_is_a_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_discovery_is_what_the_protocol_says(client):
    """D2, D4, D6, D7, D8, D10, D11"""
    told = client.get("/cds-services").json
    assert against("discovery", told) == set()
    assert {"version", "hookVersion"} <= set.intersection(*(set(service) for service in told["services"]))


@pytest.mark.parametrize("name", OWN)
def test_a_call_and_its_answer_are_what_the_protocol_says(client, name):
    """R2-R7, C1, C5-C15, A1, A6-A8, K1"""
    asked = body(OWN[name])
    reply = client.post(f"/cds-services/{SERVICES[asked['hook']]}", json=asked)
    assert against("request", asked) == set()
    assert against("response", reply.json) == set()


@pytest.mark.parametrize("name", OWN)
def test_an_applied_suggestion_changes_one_coding_of_what_was_sent(client, name):
    """A8: put onto a store as FHIR is, each update differs from what the client holds in code and display alone."""
    asked = body(OWN[name])
    reply = client.post(f"/cds-services/{SERVICES[asked['hook']]}", json=asked).json
    suggestions = [one for card in reply["cards"] for one in card.get("suggestions", ())]
    updates = [act["resource"] for one in suggestions for act in one.get("actions", ()) if act["type"] == "update"]
    store = held(asked)
    for put in updates:
        sent = store[f"{put['resourceType']}/{put['id']}"]
        changed = [path for path in paths(sent) if paths(put).get(path) != paths(sent)[path]]
        added = {path.rpartition("[")[0] for path in paths(put).keys() - paths(sent).keys()}
        assert all(re.search(r"\.(code|reasonCode\[\d+])\.coding\[\d+]\.(code|display)$", path) for path in changed)
        assert added <= {".reasonCode[1].coding"}
        assert changed or added
    assert bool(updates) == (name in CHANGED)


#: The requests whose card changes something.
CHANGED = {"additional", "clarify", "corrected", "discharge", "invalid", "structural"}


def paths(value, path=""):
    """Every plain value of a resource by its path."""
    if isinstance(value, dict):
        parts = [paths(member, f"{path}.{name}") for name, member in value.items()]
    elif isinstance(value, list):
        parts = [paths(member, f"{path}[{position}]") for position, member in enumerate(value)]
    else:
        return {path: value}
    return {name: plain for part in parts for name, plain in part.items()}


def test_feedback_on_a_card_is_what_the_protocol_says(client):
    """B2-B5: as a client would tell of the card it was just given."""
    asked = body(OWN["clarify"])
    (card,) = client.post("/cds-services/m99-order-sign", json=asked).json["cards"]
    when = {"card": card["uuid"], "outcomeTimestamp": "2026-11-20T08:58:10Z"}
    accepted = {**when, "outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}
    overridden = {**when, "outcome": "overridden", "overrideReason": {"reason": card["overrideReasons"][0]}}
    told = {"feedback": [accepted, overridden]}
    assert against("feedback", told) == set()
    assert client.post("/cds-services/m99-order-sign/feedback", json=told).json == {"accepted": 2}


# --- the invariants of the logical models -----------------------------------------------------------------

ACTION = {"type": "update", "description": "Set it.", "resource": {"resourceType": "ServiceRequest", "id": "o1"}}
DELETED = {"type": "delete", "resourceId": "ServiceRequest/o1"}  # with the resource still beside it
CARD = {
    "summary": "Please review.",
    "indicator": "info",
    "source": {"label": "Check"},
    "suggestions": [{"label": "One", "isRecommended": True, "actions": [ACTION]}, {"label": "Other"}],
    "selectionBehavior": "at-most-one",
    "overrideReasons": [{"code": "a", "system": "http://a.example", "display": "A"}],
    "links": [{"label": "App", "url": "https://app.example/launch", "type": "smart", "appContext": "x"}],
}
CALL = {
    "hook": "patient-view",
    "hookInstance": "9f7bb36d-3896-4183-a1f9-35fa3b16b05e",
    "fhirServer": "https://ehr.example/fhir",
    "context": {"userId": "Practitioner/1", "patientId": "1"},
    "fhirAuthorization": {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Condition.rs",
        "subject": "cds",
        "patient": "1",
    },
}
HEARD = {
    "feedback": [
        {
            "card": "9f7bb36d-3896-4183-a1f9-35fa3b16b05e",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "842d9811-9371-4c5a-a692-2cba7cac15b4"}],
            "overrideReason": {"userComment": "later"},
            "outcomeTimestamp": "2026-11-20T08:58:10.555Z",
        }
    ]
}
VALID = {"response": {"cards": [CARD]}, "request": CALL, "feedback": HEARD}
#: Invariant -> the schema that holds it, and what breaks it.
INVARIANTS = {
    "cds-r-1": ("request", lambda call: call.pop("fhirServer")),
    "cds-r-2": ("request", lambda call: call["fhirAuthorization"].pop("patient")),
    "cds-resp-1": ("response", lambda told: told["cards"][0]["suggestions"][1].update(isRecommended=True)),
    "cds-resp-2": ("response", lambda told: told["cards"][0]["suggestions"][0]["actions"][0].update(DELETED)),
    "cds-resp-3": ("response", lambda told: told["cards"][0]["links"][0].update(type="absolute")),
    "cds-resp-4": ("response", lambda told: told["cards"][0]["overrideReasons"][0].pop("display")),
    "cds-resp-5": ("response", lambda told: told["cards"][0]["suggestions"][0]["actions"][0].pop("description")),
    "cds-resp-6": ("response", lambda told: told["cards"][0].pop("selectionBehavior")),
    "cds-resp-7": ("response", lambda told: told["cards"][0]["suggestions"][0].update(actionSelectionBehavior="none")),
    "cds-fb-1": ("feedback", lambda heard: heard["feedback"][0].update(outcome="ignored")),
    "cds-fb-2": ("feedback", lambda heard: heard["feedback"][0].pop("acceptedSuggestions")),
    "cds-fb-3": ("feedback", lambda heard: heard["feedback"][0].update(overrideReason={"extension": {"a": 1}})),
    "ord-1": ("request", lambda call: call["context"].update(userId="jonas")),
}


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_each_invariant_of_the_logical_models_is_held_by_its_schema(invariant):
    """R4, F3, A2, A9, K2, C12, A7, C10, A5, B3, B4, B5: one change of a valid body, one complaint."""
    name, spoil = INVARIANTS[invariant]
    spoilt = deepcopy(VALID[name])
    assert against(name, spoilt) == set()
    spoil(spoilt)
    assert len(against(name, spoilt)) == 1


def test_several_may_be_recommended_where_several_may_be_chosen():
    """A2: the other side of cds-resp-1."""
    several = deepcopy(VALID["response"])
    several["cards"][0]["suggestions"][1]["isRecommended"] = True
    several["cards"][0]["selectionBehavior"] = "any"
    assert against("response", several) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told["cards"][0].update(summary="x" * 140),
        lambda told: told["cards"][0].update(indicator="hard-stop"),
        lambda told: told["cards"][0].update(detail=""),
        lambda told: told["cards"][0].update(links=[]),
        lambda told: told["cards"][0]["suggestions"][1].update(actions=[]),
        lambda told: told["cards"][0]["source"].pop("label"),
        lambda told: told.update(systemActions=[]),
        lambda told: told.update(status="ok"),
        lambda told: told.update(extension=[]),
    ],
)
def test_what_the_protocol_forbids_is_seen(spoil):
    """T4, T7, T8, C6, C8, C9, X3"""
    spoilt = deepcopy(VALID["response"])
    spoil(spoilt)
    assert len(against("response", spoilt)) == 1


# --- the bodies of real clients -----------------------------------------------------------------------------


def test_every_body_of_a_client_is_told_of():
    assert CLIENTS.keys() == ANSWERS.keys() | set(FEEDBACK)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_body_of_a_real_client_gets_200_or_412(client, name):
    """P8, Q4, Q10, Q12, Q13, R10: whatever it leaves out, and though its FHIR is not valid."""
    sent = body(CLIENTS[name])
    (status, topics), _ = ANSWERS[name]
    reply = client.post(f"/cds-services/{SERVICES[sent['hook']]}", json=sent)
    assert reply.status_code == status
    if status == 412:
        assert reply.json["resourceType"] == "OperationOutcome"
    else:
        assert [card["source"]["topic"]["code"] for card in reply.json["cards"]] == topics
        assert against("response", reply.json) == set()


@pytest.mark.parametrize("name", ANSWERS)
def test_where_a_client_departs_from_the_protocol_is_known(name):
    assert against("request", body(CLIENTS[name])) == ANSWERS[name][1]


def test_the_hook_of_another_service_is_answered_as_the_sandbox_sends_it(client):
    """R11: its order-select service is called with order-sign."""
    sent = body(CLIENTS["sandbox-pama-order-sign"])
    assert client.post("/cds-services/m99-order-select", json=sent).status_code == 200


@pytest.mark.parametrize("name", FEEDBACK)
def test_feedback_as_real_clients_send_it_is_taken(client, name):
    """B5, B6: with a reason without a display, without a reason, and of a card that nobody here wrote."""
    told = body(CLIENTS[name])
    assert against("feedback", told) == set()
    assert client.post("/cds-services/m99-order-sign/feedback", json=told).json == {"accepted": 1}
