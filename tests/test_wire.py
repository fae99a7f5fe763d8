"""What goes over the wire is valid in CDS Hooks 2.0.1 and in the 3.0 ballot.  Ids in docstrings are the protocol's."""

import json
import re
from uuid import UUID

import pytest
from runner import ROOT

from cds_service import exact
from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

REQUESTS = ROOT / "tests/requests"
#: Hook -> the versions that its page publishes.
HOOKS = {
    "order-sign": {"1.0", "1.1.0"},
    "order-select": {"1.0", "1.0.2"},
    "encounter-discharge": {"1.0"},
    "patient-view": {"1.0"},
    "problem-list-item-create": {"0.1.0"},
}
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
#: Context fields that a template may use: plain values that are in the context of the hook.
PLAIN = {"patientId", "encounterId", "userId"}
TOKEN = re.compile(r"\{\{context\.([A-Za-z]+)\}\}")
#: What clients need to understand of a search: the rest of FHIR search they may not.
SEARCHED = {"patient", "encounter", "category", "status", "date", "_count", "_sort"}
QUERIES = [(service.id, key, query) for service in services().values() for key, query in service.prefetch.items()]
ORDER_SIGN = "/cds-services/m99-order-sign"


def strictly(text):
    """JSON without comments, trailing commas or numbers that are none."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def members(value, path=""):
    """Every member with its path; what a client sent is left aside."""
    yield path, value
    if path.endswith("].resource"):
        return
    if isinstance(value, dict):
        for name, member in value.items():
            yield from members(member, f"{path}.{name}")
    if isinstance(value, list):
        for position, member in enumerate(value):
            yield from members(member, f"{path}[{position}]")


def asked(name):
    return json.loads((REQUESTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(open=True)).test_client()


@pytest.fixture(scope="module", params=sorted(path.stem for path in REQUESTS.glob("*.json")))
def answer(client, request):
    body = asked(request.param)
    service = next(one for one in services().values() if one.hook == body["hook"])
    return strictly(client.post(f"/cds-services/{service.id}", json=body).text)


# --- discovery ------------------------------------------------------------------------------------------


def test_a_service_tells_its_versions(client):
    """D10, D11: of the specification as semver, of the hook as its page has it; D12: with 200."""
    reply = client.get("/cds-services")
    assert reply.status_code == 200
    for service in strictly(reply.text)["services"]:
        assert SEMVER.fullmatch(service["version"])
        assert service["hookVersion"] in HOOKS[service["hook"]]


@pytest.mark.parametrize(("service", "key", "query"), QUERIES)
def test_a_template_is_one_that_every_client_can_fill(service, key, query):
    """D8, P11, P12, P13, P14: of 2.0.1, so without functions and without references to other keys."""
    assert key
    assert set(TOKEN.findall(query)) <= PLAIN, service
    assert not re.search(r"[{}%]", TOKEN.sub("", query)), service


@pytest.mark.parametrize(("service", "key", "query"), QUERIES)
def test_a_template_is_a_read_or_a_plain_search(service, key, query):
    """P17"""
    kind, mark, searched = query.partition("?")
    names = {part.partition("=")[0] for part in searched.split("&")} if mark else set()
    assert re.fullmatch(r"[A-Z][A-Za-z]+" if mark else r"[A-Z][A-Za-z]+/\{\{context\.[A-Za-z]+\}\}", kind), service
    assert names <= SEARCHED, key


# --- the request ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
def test_what_a_call_must_have_is_missed(client, member):
    """R2, R3, R6"""
    body = asked("clarify")
    del body[member]
    reply = client.post(ORDER_SIGN, json=body)
    assert reply.status_code == 400
    assert strictly(reply.text)["issue"][0]["expression"] == [member]


def test_what_a_call_may_leave_out_is_not_missed(client):
    """R5, R7: neither authorization nor prefetch; the draft orders are in the context."""
    body = asked("clarify")
    for member in ("fhirServer", "fhirAuthorization", "prefetch"):
        body.pop(member, None)
    assert client.post(ORDER_SIGN, json=body).status_code == 200


def test_an_instance_need_not_be_a_uuid(client):
    """R3: crd-request-generator and others send what they like."""
    assert client.post(ORDER_SIGN, json=asked("clarify") | {"hookInstance": "call 7"}).status_code == 200


# --- the answer -----------------------------------------------------------------------------------------


def test_nothing_on_the_wire_is_empty(answer):
    """T3, T4, T5, T7, T8: the list of cards alone may be; Foramen's own extension has no empty list either."""
    assert not [path for path, value in members(answer) if path != ".cards" and value in (None, "", [], {})]


def test_no_advice_is_an_empty_list_and_nothing_else(client):
    """T6, T7, C2"""
    assert strictly(client.post(ORDER_SIGN, json=asked("supported")).text) == {"cards": []}


def test_nothing_is_on_the_wire_that_a_client_may_not_know(answer):
    """A2, A5, A9, C11, K2, K3: no choice among actions, no deletion, nothing recommended, nothing launched."""
    told = list(members(answer))
    names = {path.rpartition(".")[2] for path, _ in told}
    assert not names & {"actionSelectionBehavior", "isRecommended", "appContext", "autolaunchable", "systemActions"}
    assert {value for path, value in told if path.endswith(".selectionBehavior")} <= {"at-most-one"}
    assert {value for path, value in told if re.search(r"actions\[\d+]\.type$", path)} <= {"create", "update"}


def test_every_coding_has_code_system_and_display(answer):
    """C9, C12, C15"""
    for card in answer["cards"]:
        for coding in (card["source"]["topic"], *card.get("overrideReasons", ())):
            assert coding.keys() == {"code", "system", "display"}


def test_every_id_is_a_uuid_of_its_own(answer):
    """A1, B7, C5"""
    ids = [value for path, value in members(answer) if path.endswith(".uuid")]
    suggestions = [one for card in answer["cards"] for one in card.get("suggestions", ())]
    assert len(ids) == len({*map(UUID, ids)}) == len(answer["cards"]) + len(suggestions)
    assert all(one["label"] for one in suggestions)


# --- what goes back is what came ------------------------------------------------------------------------

#: Numbers that a reader of JSON would write otherwise, and some that it would not.
NUMBERS = ["1.10", "0.5000", "1e2", "-1.50E-3", "0.1234567890123456789", "12345678901234567890123", "1.0", "7", "0.25"]


def test_numbers_come_back_as_they_were_written(client):
    """A8, A10: in FHIR 1.10 is not 1.1; the order and the diagnosis are the client's own JSON but for the code."""
    text = json.dumps(asked("corrected")).replace('"resourceType": "ServiceRequest"', f"{ODD}, {KIND}", 1)
    reply = client.post(ORDER_SIGN, data=text, content_type="application/json")
    (suggestion,) = reply.get_json()["cards"][0]["suggestions"]
    assert suggestion["actions"][0]["resource"]["resourceType"] == "ServiceRequest"
    assert ODD.replace(" ", "") in reply.text.replace(" ", "")


KIND = '"resourceType": "ServiceRequest"'
ODD = f'"odd": [{", ".join(NUMBERS)}], "nested": {{"value": 2.50}}'


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_written_as_it_was_read(number):
    data = f'{{"a": {number}}}'.encode()
    assert exact.dumps(exact.kept(data, json.loads(data))) == data.replace(b" ", b"")


def test_only_odd_numbers_are_read_twice():
    for data in (b'{"a": [1.5, 10, 0.25, 1.0], "b": "1.10 mm"}', b'{"data": "QUJD1e2/3e10"}'):
        value = json.loads(data)
        assert exact.kept(data, value) is value


def test_what_is_no_json_is_not_written():
    with pytest.raises(TypeError):
        exact.dumps({"a": {1, 2}})
