"""What the service promises on the wire.  Ids in docstrings are the protocol's (D1: discovery, Q3: tolerance)."""

import json
import logging
from base64 import b64encode
from pathlib import Path

import pytest

from cds_service import settings
from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings, SettingsError

REQUESTS = {path.stem: path for path in sorted((Path(__file__).parent / "requests").glob("*.json"))}
ORDER_SIGN = "/cds-services/m99-order-sign"
ASSESSMENT = "org.foramen.assessment"
#: What each request is an example of: verdict, proposed codes, missing hard and soft elements; None = no card.
DECISIONS = {
    "additional": ("additional", ["M99.43"], [], []),
    "clarify": ("clarify", ["M99.63", "M99.73"], [], []),
    "conservative-care": ("supported", [], [], ["conservative-care"]),
    "corrected": ("corrected", ["M99.73"], [], []),
    "discharge": ("corrected", ["M99.63"], [], []),
    "incomplete": ("incomplete", [], ["mechanism"], ["imaging"]),
    "invalid": ("invalid", ["M99.71"], [], []),
    "structural": ("structural", ["M50.222"], [], []),
    "supported": None,
    "unsupported": ("unsupported", [], [], []),
}


def request(name="corrected"):
    return json.loads(REQUESTS[name].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def app():
    return create_app(Settings(open=True))


@pytest.fixture
def client(app):
    return app.test_client()


def place(reply):
    assert reply.get_json()["resourceType"] == "OperationOutcome"
    return reply.get_json()["issue"][0].get("expression", [""])[0]


# --- discovery ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/"])
def test_discovery_tells_of_five_services(client, path):
    """D1, D2, D4, D6, D7, D13, Q1"""
    reply = client.get(path)
    told = reply.get_json()["services"]
    assert reply.status_code == 200
    assert len({service["id"] for service in told}) == len(told) == 5
    assert all({"id", "hook", "description", "title", "usageRequirements"} <= service.keys() for service in told)


def test_discovery_holds_nothing_empty(client):
    """T4: no null, empty string, array or object on the wire."""

    def leaves(value):
        yield value
        for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from leaves(member)

    assert not [leaf for leaf in leaves(client.get("/cds-services").get_json()) if leaf in (None, "", [], {})]


def test_every_encounter_keyed_query_has_a_patient_keyed_sibling(client):
    """P13: encounterId is optional, so a client may be unable to fill its token."""
    for service in client.get("/cds-services").get_json()["services"]:
        for key, query in service["prefetch"].items():
            if "context.encounterId" in query:
                assert "context.patientId" in service["prefetch"][f"{key}OfPatient"]


# --- the answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_gets_its_decision(client, name):
    body = request(name)
    service = next(one for one in services().values() if one.hook == body["hook"])
    reply = client.post(f"/cds-services/{service.id}", json=body)
    cards = reply.get_json()["cards"]
    decided = [card["extension"][ASSESSMENT] for card in cards]
    expected = DECISIONS[name]
    assert reply.status_code == 200
    lists = ("proposedCodes", "missingHard", "missingSoft")
    told = [(one["verdict"], *(one.get(name, []) for name in lists)) for one in decided]
    assert told == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("kind", "data", "seen"),
    [("text/plain", b"No new complaint.", False), ("image/tiff", b"II*\0", True), ("application/pdf", b"%PDF-", True)],
)
def test_a_note_that_cannot_be_read_is_never_silence(client, kind, data, seen):
    """S21: the code is supported by the other notes, and yet a part of the record was not seen."""
    body = request("supported")
    notes = next(one for one in body["prefetch"].values() if "DocumentReference" in json.dumps(one))
    (first, *_) = [one["resource"] for one in notes["entry"] if one["resource"]["resourceType"] == "DocumentReference"]
    attachment = {"contentType": kind, "data": b64encode(data).decode()}
    notes["entry"].append({"resource": first | {"id": "unseen", "content": [{"attachment": attachment}]}})
    cards = client.post(ORDER_SIGN, json=body).get_json()["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == (["check-unavailable"] if seen else [])


def test_the_same_request_gets_the_same_answer(client):
    """Card and suggestion uuids are stable, so that feedback finds them."""
    first, second = (client.post(ORDER_SIGN, json=request()).data for _ in range(2))
    assert first == second


@pytest.mark.parametrize("path", [f"{ORDER_SIGN}/", "/cds-services//m99-order-sign"])
def test_slashes_do_not_matter(client, path):
    """Q1"""
    assert client.post(path, json=request()).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", "application/fhir+json", "application/json;charset=x"]
)
def test_json_by_another_name(client, kind):
    """R11"""
    assert client.post(ORDER_SIGN, data=json.dumps(request()), content_type=kind).status_code == 200


def test_unknown_members_are_left_alone(client):
    """Q2, Q3"""
    body = request() | {
        "extension": {"com.example": {"a": 1}},
        "fhirAuthorization": None,
        "fhirServer": None,
        "new": [],
    }
    body["context"]["unknown"] = {"deep": [None]}
    assert client.post(ORDER_SIGN, json=body).status_code == 200


def test_another_hook_in_the_body_is_answered(client):
    """The sandbox calls order-select services with the hook order-sign."""
    assert client.post("/cds-services/m99-order-select", json=request()).status_code == 200


# --- what cannot be answered -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "expression"),
    [
        (["hook"], 7, "hook"),
        (["hook"], None, "hook"),
        (["hookInstance"], [], "hookInstance"),
        (["context"], "x", "context"),
        (["context"], None, "context"),
        (["context", "patientId"], 17, "context.patientId"),
        (["context", "encounterId"], {}, "context.encounterId"),
        (["context", "draftOrders"], "x", "context.draftOrders"),
        (["context", "selections"], ["a", 1], "context.selections[1]"),
        (["prefetch"], [], "prefetch"),
        (["prefetch", "notes"], "x", "prefetch.notes"),
        (["prefetch", "Jane Roe, born 1960"], "x", "prefetch.?"),
        (["fhirServer"], {}, "fhirServer"),
        (["fhirAuthorization"], "x", "fhirAuthorization"),
        (["fhirAuthorization"], {"access_token": 1}, "fhirAuthorization.access_token"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(client, path, value, expression):
    body = request()
    holder = body
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    reply = client.post(ORDER_SIGN, json=body)
    assert reply.status_code == 400
    assert place(reply) == expression


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"1", b'{"hook": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 100_000, b"{}"]
)
def test_what_is_no_request_is_refused(client, data):
    reply = client.post(ORDER_SIGN, data=data, content_type="application/json")
    assert reply.status_code == 400
    assert reply.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/cds-services/nobody", {"json": {}}, 404),
        ("POST", "/cds-services/nobody/feedback", {"json": {}}, 404),
        ("GET", "/nothing", {}, 404),
        ("GET", ORDER_SIGN, {}, 405),
        ("PUT", "/cds-services", {"json": {}}, 405),
        ("POST", ORDER_SIGN, {"data": "{}", "content_type": "text/plain"}, 415),
        ("POST", ORDER_SIGN, {"data": "{}"}, 415),
        (
            "POST",
            ORDER_SIGN,
            {"data": "x", "content_type": "application/json", "headers": {"Content-Encoding": "gzip"}},
            415,
        ),
    ],
)
def test_every_refusal_is_an_operation_outcome(client, method, path, options, status):
    """C4"""
    reply = client.open(path, method=method, **options)
    assert reply.status_code == status
    assert reply.get_json()["resourceType"] == "OperationOutcome"
    assert status != 405 or reply.headers["Allow"]


def test_a_body_beyond_the_limit_is_refused():
    """S19"""
    small = create_app(Settings(open=True, body_limit=1000)).test_client()
    reply = small.post(ORDER_SIGN, json=request())
    assert reply.status_code == 413
    assert reply.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("service", list(services()))
def test_nothing_to_look_for_a_code_in(client, service):
    """P8: neither draft orders nor Conditions known, and no FHIR access."""
    bare = {"hook": "x", "hookInstance": "fdbce4f3-42ef-4a6f-9d0b-582856d5328d"}
    context = {"userId": "Practitioner/622", "patientId": "p1"}
    if service == "m99-patient-view":  # without an encounter there is nothing to look for, and nothing is amiss
        context["encounterId"] = "e1"
    body = bare | {"context": context, "prefetch": {}}
    reply = client.post(f"/cds-services/{service}", json=body)
    assert reply.status_code == 412
    assert reply.get_json()["resourceType"] == "OperationOutcome"


def test_known_empty_is_known(client):
    """P3, P9: a null is an answer."""
    body = request()
    body["context"].pop("draftOrders")
    body["prefetch"] = {"conditions": None}
    reply = client.post(ORDER_SIGN, json=body)
    assert (reply.status_code, reply.get_json()) == (200, {"cards": []})


def test_a_fault_of_ours_is_a_visible_card(client, monkeypatch, caplog):
    """S21, S14: never a 500, never silence, and no word of the record in the log."""

    def fault(*_):
        raise ValueError("Jane Roe has a bulge")

    monkeypatch.setattr("cds_service.app.answer", fault)
    logging.getLogger("foramen").propagate = True
    with caplog.at_level(logging.INFO, "foramen"):
        reply = client.post(ORDER_SIGN, json=request())
    [card] = reply.get_json()["cards"]
    assert reply.status_code == 200
    assert card["source"]["topic"]["code"] == "check-unavailable"
    assert "extension" not in card
    facts = [record.facts for record in caplog.records if record.getMessage() == "failed"]
    assert facts[0]["error"] == "ValueError"
    assert "Roe" not in str(facts) + reply.text


def test_the_log_holds_no_word_of_the_request(client, caplog):
    """S14"""
    logging.getLogger("foramen").propagate = True
    body = request() | {"hook": "Roe, Jane", "fhirAuthorization": {"access_token": "canary-token"}}
    body["context"] |= {"patientId": "canary-mrn", "userId": "Practitioner/canary"}
    body["hookInstance"] = "canary and a name"
    with caplog.at_level(logging.INFO, "foramen"):
        client.post(ORDER_SIGN, json=body)
    logged = str([(record.getMessage(), record.facts) for record in caplog.records])
    assert "answered" in logged
    assert "canary" not in logged
    assert "Roe" not in logged


# --- who may call ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "address", "headers", "status"),
    [
        (Settings(dev=True), "127.0.0.1", {}, 200),
        (Settings(dev=True), "::1", {}, 200),
        (Settings(dev=True), "192.0.2.7", {}, 401),
        (Settings(dev=True), "unix:", {}, 401),
        (Settings(dev=True), "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 401),
        (Settings(open=True), "192.0.2.7", {}, 200),
    ],
)
def test_without_a_token_dev_answers_this_machine_alone(options, address, headers, status):
    """S7, S6: and who is refused is told nothing.  Registered clients: test_access.py."""
    client = create_app(options).test_client()
    reply = client.get("/cds-services", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert reply.status_code == status
    assert client.get("/healthz", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize("path", ["/cds-services", ORDER_SIGN, f"{ORDER_SIGN}/feedback"])
def test_a_preflight_is_answered(path):
    """X2, S20"""
    asked = {"Origin": "https://page.example", "Access-Control-Request-Headers": "authorization,content-type"}
    listed = create_app(Settings(open=True, origins=frozenset({"https://page.example"}))).test_client()
    headers = listed.options(path, headers=asked).headers
    assert headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers
    stranger = listed.options(path, headers=asked | {"Origin": "https://other.example"}).headers
    assert "Access-Control-Allow-Origin" not in stranger


# --- feedback ----------------------------------------------------------------------------------------

CARD = "9f7bb36d-3896-4183-a1f9-35fa3b16b05e"
ACCEPTED = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "842d9811-9371-4c5a-a692-2cba7cac15b4"}],
    "outcomeTimestamp": "2026-11-20T08:58:10.555Z",
}
OVERRIDDEN = {
    "card": CARD,
    "outcome": "overridden",
    "outcomeTimestamp": "2026-11-20T08:58:11.728Z",
    "overrideReason": {"reason": {"code": "not-applicable", "system": "http://example.org/override"}},
}


def test_feedback_is_accepted_and_counted():
    """B2-B6, B9; what becomes of it: test_feedback.py."""
    app = create_app(Settings(open=True))
    reply = app.test_client().post(f"{ORDER_SIGN}/feedback", json={"feedback": [ACCEPTED, OVERRIDDEN]})
    assert (reply.status_code, reply.get_json()) == (200, {"accepted": 2})
    counted = app.test_client().get("/metrics").text
    assert 'foramen_feedback_total{outcome="accepted",service="m99-order-sign"} 1.0' in counted
    assert 'foramen_feedback_total{outcome="overridden",service="m99-order-sign"} 1.0' in counted


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"card": None}, "feedback[0].card"),
        ({"outcome": "ignored"}, "feedback[0].outcome"),
        ({"outcomeTimestamp": "yesterday"}, "feedback[0].outcomeTimestamp"),
        ({"acceptedSuggestions": None}, "feedback[0].acceptedSuggestions"),
        ({"acceptedSuggestions": [{}]}, "feedback[0].acceptedSuggestions[0].id"),
        ({"overrideReason": {}}, "feedback[0].overrideReason"),
    ],
)
def test_feedback_that_is_none_is_refused_with_its_place(client, change, expression):
    reply = client.post(f"{ORDER_SIGN}/feedback", json={"feedback": [ACCEPTED | change]})
    assert reply.status_code == 400
    assert place(reply) == expression


# --- around it ---------------------------------------------------------------------------------------


def test_the_service_says_how_it_is(client):
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json()["status"] == "ready"


def test_nothing_is_kept_on_the_way(client):
    assert client.post(ORDER_SIGN, json=request()).headers["Cache-Control"] == "no-store"


def test_settings_are_read():
    read = settings.read(
        {"FORAMEN_OPEN": "1", "FORAMEN_ORIGINS": "https://a.example, https://b.example", "PATH": "/bin"}
    )
    assert read == Settings(open=True, origins=frozenset({"https://a.example", "https://b.example"}))


@pytest.mark.parametrize("wrong", [{"FORAMEN_OPNE": "1"}, {"FORAMEN_OPEN": "maybe"}, {"FORAMEN_BODY_LIMIT": "-1"}])
def test_a_misspelt_setting_stops_the_start(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        settings.read(wrong)
