"""What goes wrong around the service is seen, within time, and tells nobody's secrets (issue 4, points 6 to 8; S21)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace

import pytest
import requests
from charts import PLACEMENTS, request, stored
from cryptography.fernet import Fernet
from fhir_server import serving, speaking
from runner import ROOT
from test_chart import CASE
from test_cli import demo

from cards import Call
from cds_service import bounds
from cds_service.app import create_app
from cds_service.chart import Record
from cds_service.consult import consult
from cds_service.fhir import Limits, connect
from cds_service.prefetch import question, received
from cds_service.rates import BURST, MOST_CLIENTS, Rates
from cds_service.reasons import Reason
from cds_service.settings import Settings
from cds_service.shape import deeper
from knowledge import load, reading
from knowledge.model import Chart, Document, Gap, Role

ORDER_SIGN = "/cds-services/m99-order-sign"
SEARCH = "Condition?encounter=e1"
UNAVAILABLE = "check-unavailable"
FAST = {"dev": True, "fhir_call_ms": 300, "fhir_total_ms": 600}
#: What must never be seen outside a card: a name, words of a note, a token, ids.
CANARIES = ("Jane Canary", "canary sings of pain", "canary-token", "canary-mrn", "canary-encounter")


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(**FAST)).test_client()


def ask(client, server, change=lambda _: None):
    """Sign an order whose record lies on a server alone."""
    body = request(CASE, PLACEMENTS["server only"], server=server)
    body["fhirAuthorization"] = {"access_token": "canary-token", "scope": "patient/*.read"}
    del body["context"]["draftOrders"]
    change(body)
    reply = client.post(ORDER_SIGN, json=body)
    return reply, reply.get_json().get("cards", [])


def topics(cards):
    return [card["source"]["topic"]["code"] for card in cards]


def outcome(status=200, body=b"", **headers):
    return lambda _: (status, {"Content-Type": "application/fhir+json", **headers}, body)


# --- the FHIR server ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (outcome(500, b"Jane Canary is not here"), "Could not be retrieved"),
        (outcome(404), "Could not be retrieved"),
        (outcome(401, b"canary-token is bad"), "Access was not granted"),
        (outcome(403), "Access was not granted"),
        (outcome(302, Location="http://169.254.169.254/latest"), "Could not be retrieved"),
        (outcome(307, Location="/fhir/elsewhere"), "Could not be retrieved"),
        (outcome(200, b"<html>login</html>"), "Not in the expected form"),
        (outcome(200, b"[" * 300 + b"]" * 300), "Not in the expected form"),
        (outcome(200, b'{"resourceType": "OperationOutcome"}'), "Could not be retrieved"),
        (outcome(200, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}), "Could not be retrieved"),
        (outcome(200, b" " * 9_000_000), "Larger than what is read"),
    ],
)
def test_a_server_that_fails_is_a_card(client, fault, said):
    """S21: 200, a card that says that nothing was checked, and why; never silence."""
    with serving([], fault) as server:
        reply, cards = ask(client, server.base)
    assert reply.status_code == 200
    assert topics(cards) == [UNAVAILABLE]
    assert said in cards[0]["detail"]
    assert not any(canary in reply.text for canary in CANARIES)
    assert not any("elsewhere" in path for path in server.asked)


def test_a_server_that_is_gone_is_a_card(client):
    with serving([]) as server:
        base = server.base
    reply, cards = ask(client, base)
    assert (reply.status_code, topics(cards)) == (200, [UNAVAILABLE])


def test_a_server_that_is_not_to_be_asked_leaves_nothing_to_look_in(client):
    """P8, S8: no code can be looked for, and the server was never an access."""
    reply, _ = ask(client, "http://169.254.169.254/fhir")
    assert reply.status_code == 412


def test_what_is_sent_is_checked_though_the_server_is_not_to_be_asked(client):
    """P9: the gap stands on the card."""
    body = request(CASE, PLACEMENTS["notes behind an address"], server="http://169.254.169.254/fhir")
    reply = client.post(ORDER_SIGN, json=body)
    assert reply.status_code == 200
    assert "an address that is not read" in reply.get_json()["cards"][0]["detail"]


@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        ([b""] * 100, 0.05),  # says nothing
        ([b"HTTP/1.1 200 OK\r\n", *[b"X-%d: y\r\n" % i for i in range(90)]], 0.05),  # headers drip
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b" "] * 100], 0.05),  # the body drips
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 100], 0.05),
    ],
)
def test_a_server_that_drips_gets_no_more_than_its_time(pieces, pause):
    """S11: the time is for the whole answer; one that begins anew with every byte is none."""
    with speaking(pieces, pause) as server:
        access = connect(f"http://127.0.0.1:{server.port}/fhir", "", dev=True, limits=Limits(call_seconds=0.3))
        began = time.monotonic()
        reason = access.search(SEARCH, "x").reason
        taken = time.monotonic() - began
        server.pause = 0
    assert reason is Reason.TIMED_OUT
    assert taken < 2  # of the 4 to 5 that the server would take


def test_a_slow_server_costs_the_time_of_one_call_and_says_what_was_not_had(client):
    """S11: the budget is for the whole call, however many queries it would take."""
    with serving(stored(CASE, PLACEMENTS["server only"]), delay=0.25) as server:
        reply, cards = ask(client, server.base)
    assert reply.status_code == 200
    assert "Did not arrive in time" in cards[0]["detail"]
    assert len(server.asked) <= 3


def test_a_server_may_bring_only_so_much_in_all():
    held = [{"resourceType": "Condition", "id": f"c{i}", "note": [{"text": "x" * 1000}]} for i in range(9)]
    with serving(held, page=1) as server, connect(server.base, "", dev=True, limits=Limits(total_bytes=5000)) as access:
        found = access.search("Condition?_count=9", "x")
    assert found.reason is Reason.TOO_LARGE
    assert len(found.resources) < 5


@pytest.mark.parametrize("scheme", ["http://127.0.0.1:9", "http://localhost.evil.example", "{base}"])
def test_pages_that_loop_or_lead_away_are_a_gap(client, scheme):
    """S10: else the token would go abroad."""

    def paged(path):
        own = {"resourceType": "Bundle", "entry": [], "link": [{"relation": "next", "url": target + path}]}
        return 200, {"Content-Type": "application/fhir+json"}, json.dumps(own).encode()

    with serving([], paged) as server:
        target = scheme.format(base=server.base) + "/"
        reply, cards = ask(client, server.base)
    assert (reply.status_code, topics(cards)) == (200, [UNAVAILABLE])
    assert "Further pages" in cards[0]["detail"]
    assert len(server.asked) == len(set(server.asked))


# --- whose record -------------------------------------------------------------------------------------


def strangers(held, kinds):
    """The resources with those of some types made another patient's."""
    held = deepcopy(held)
    for one in held:
        if one["resourceType"] in kinds:
            one["subject"] = {"reference": "Patient/someone-else"}
    return held


def test_fetched_records_of_another_patient_are_left_out_and_named(client):
    """S13."""
    held = strangers(stored(CASE, PLACEMENTS["server only"]), {"Condition", "DocumentReference", "DiagnosticReport"})
    with serving(held) as server:
        reply, cards = ask(client, server.base)
    assert topics(cards) == [UNAVAILABLE]
    assert "Belongs to another patient" in cards[0]["detail"]
    assert "Condition c0" in cards[0]["detail"] or "Condition/c0" in cards[0]["detail"]
    assert "someone-else" not in reply.text


@pytest.mark.parametrize("kind", ["DocumentReference", "DiagnosticReport", "Condition", "ServiceRequest"])
def test_records_of_another_patient_in_the_prefetch_are_named(client, kind):
    """S13: on the card that there is, or on one that there would not be."""
    body = request(CASE)
    orders = body["context"]["draftOrders"]["entry"]
    groups = [value.get("entry", []) for value in body["prefetch"].values() if value and "entry" in value]
    for entry in [*orders, *(entry for group in groups for entry in group)]:
        if entry["resource"]["resourceType"] == kind:
            entry["resource"]["subject"] = {"reference": "Patient/someone-else"}
    cards = client.post(ORDER_SIGN, json=body).get_json()["cards"]
    assert cards
    assert all("Belongs to another patient" in card["detail"] for card in cards)


def test_a_chart_view_with_anothers_record_is_no_silence(client):
    """S13, S21: HealthChain's sandbox mixes three patients in one request."""
    body = {
        "hook": "patient-view",
        "hookInstance": "593d558c-257c-479a-86c4-d078dd9ddf12",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {"condition": {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p2"}}},
    }
    reply = client.post("/cds-services/m99-patient-view", json=body)
    assert topics(reply.get_json()["cards"]) == [UNAVAILABLE]


def test_a_token_for_another_patient_is_not_used(client):
    """S13: the caller would read through us what it could not read itself."""
    with serving(stored(CASE, PLACEMENTS["server only"])) as server:
        for patient, status in (("p1", 200), ("Patient/p1", 200), ("p2", 412)):
            reply, _ = ask(client, server.base, lambda body, who=patient: body["fhirAuthorization"].update(patient=who))
            assert reply.status_code == status
            asked, server.asked = server.asked, []
            assert bool(asked) is (status == 200)


@pytest.mark.parametrize(
    ("scope", "kinds"),
    [
        ("patient/Condition.read", {"Condition"}),
        ("patient/Condition.rs", {"Condition"}),
        ("user/Condition.s?category=x patient/Encounter.r", {"Condition", "Encounter"}),
        ("patient/Condition.write launch", set()),
        ("patient/Condition.r", set()),
        ("patient/*.cruds", {"Condition", "Encounter", "DocumentReference"}),
        ("patient/*.*", {"Condition", "Encounter", "DocumentReference"}),
        ("launch openid", {"Condition", "Encounter", "DocumentReference"}),
        ("", {"Condition", "Encounter", "DocumentReference"}),
    ],
)
def test_only_what_the_token_is_good_for_is_asked(scope, kinds):
    """F1, F6: both versions of SMART scopes."""
    with serving([]) as server, connect(server.base, "tok", scope=scope, dev=True) as access:
        for query in ("Condition?encounter=e1", "Encounter/e1", "DocumentReference?encounter=e1"):
            access.search(query, "x")
    assert {path.partition("?")[0].partition("/")[0] for path in server.asked} == kinds


def test_a_scope_without_a_token_says_nothing():
    """crd-request-generator sends an empty token and a narrow scope, for an open server (F7)."""
    with serving([]) as server, connect(server.base, "", scope="patient/Patient.read", dev=True) as access:
        assert access.search(SEARCH, "x").reason is None
    assert server.tokens == [None]


# --- secrets ------------------------------------------------------------------------------------------


def test_no_canary_is_seen_in_a_log_or_an_error(client, caplog):
    """S14, S15, S17: whatever the server does, and whatever is wrong with the body."""
    logging.getLogger("foramen").propagate = True
    faults = [outcome(500, b"Jane Canary"), outcome(200, b"{"), lambda _: None]
    replies = []

    def canaries(body):
        body["context"] |= {"patientId": "canary-mrn", "encounterId": "canary-encounter"}
        body["prefetch"] = {"patient": {"resourceType": "Patient", "id": "x", "name": [{"text": "Jane Canary"}]}}

    with caplog.at_level(logging.INFO), caplog.at_level(logging.INFO, "foramen"):
        for fault in faults:
            with serving([], fault) as server:
                replies.append(ask(client, server.base, canaries)[0])
        with speaking([b"HTTP/1.1 200 OK\r\nJane Canary\r\n\r\n{}"]) as server:  # headers that are none
            replies.append(ask(client, f"http://127.0.0.1:{server.port}/fhir", canaries)[0])
        bodies = ({"Jane Canary": "canary-token"}, {"hook": "canary sings of pain"}, {"context": ["Jane Canary"]})
        replies += [client.post(ORDER_SIGN, json=body) for body in bodies]
        replies += [client.post(ORDER_SIGN, data='{"Jane Canary', content_type="application/json")]
    logged = "\n".join(f"{record.getMessage()} {getattr(record, 'facts', '')}" for record in caplog.records)
    assert "answered" in logged
    for text in (logged, *(reply.text for reply in replies)):
        assert not [canary for canary in CANARIES if canary in text]
        assert "Traceback" not in text


def test_no_canary_leaves_the_service_as_it_runs(tmp_path):
    """S14, S15, S17: not through the server's own log, nor through the files, the counts or the errors."""
    named = {"FORAMEN_DATA": str(tmp_path / "data"), "FORAMEN_KEEP_COMMENTS": "1"}
    named["FORAMEN_COMMENT_KEY"] = Fernet.generate_key().decode()
    port = demo.free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "cds_service", "serve", "--dev", "--port", str(port)]
    log = tmp_path / "log"
    with (
        serving([], outcome(500, b"Jane Canary")) as server,
        log.open("wb") as out,
        subprocess.Popen(command, env=os.environ | named, cwd=ROOT, stdout=out, stderr=out) as service,
        requests.Session() as session,
    ):
        session.trust_env = False
        try:
            demo.wait(base, service)
            replies = [session.request(*one[:2], **one[2]) for one in told_canaries(base, server.base)]
            counts = session.get(f"{base}/metrics").text
        finally:
            service.terminate()
    assert {reply.status_code for reply in replies} >= {200, 400, 401, 404, 405, 412, 415}
    written = {path.name: path.read_bytes().decode("latin-1") for path in (tmp_path / "data").iterdir()}
    assert "feedback" in written["foramen.db"] + written.get("foramen.db-wal", "")
    written |= {"log": log.read_text(), "metrics": counts}
    written |= {f"error {number}": one.text for number, one in enumerate(replies) if one.status_code != 200}
    assert '"event":"answered"' in written["log"]
    assert not [(where, one) for where, text in written.items() for one in CANARIES if one.lower() in text.lower()]


def told_canaries(base, fhir):
    """Calls that hold a canary in every place where one can stand: method, address, options."""
    body = request(CASE, PLACEMENTS["server only"], server=fhir)
    body["fhirAuthorization"] = {"access_token": "canary-token", "patient": "canary-mrn"}
    body["context"] |= {"patientId": "canary-mrn", "encounterId": "canary-encounter", "userId": "Device/Jane Canary"}
    del body["context"]["draftOrders"]
    notes = json.loads((ROOT / "tests/requests/corrected.json").read_text(encoding="utf-8"))
    notes["prefetch"]["patient"] = {"resourceType": "Patient", "id": "p1", "name": [{"text": "Jane Canary"}]}
    card = {"card": "Jane Canary", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T08:58:11Z"}
    reason = {"reason": {"code": "Jane Canary", "system": "canary-mrn"}, "userComment": "canary sings of pain"}
    signed = {"Authorization": "Bearer canary-token"}
    yield "POST", base + ORDER_SIGN, {"json": body}
    yield "POST", base + ORDER_SIGN, {"json": notes, "params": {"name": "Jane Canary"}, "cookies": {"x": "canary-mrn"}}
    yield "POST", base + ORDER_SIGN, {"json": body | {"fhirServer": "https://canary-mrn.example/canary-token"}}
    yield "POST", base + ORDER_SIGN, {"json": notes, "headers": signed}
    yield "POST", base + ORDER_SIGN, {"json": {"hook": "Jane Canary", "hookInstance": 1, "context": {}}}
    yield "POST", base + ORDER_SIGN, {"data": '{"Jane Canary', "headers": {"Content-Type": "application/json"}}
    yield "POST", base + ORDER_SIGN, {"data": "Jane Canary", "headers": {"Content-Type": "text/canary-mrn"}}
    yield "POST", base + "/cds-services/Jane%20Canary", {"json": notes}
    yield "DELETE", base + ORDER_SIGN, {"params": {"mrn": "canary-mrn"}}
    yield "GET", base + "/canary-mrn/Jane%20Canary", {}
    yield "POST", f"{base}{ORDER_SIGN}/feedback", {"json": {"feedback": [card | {"overrideReason": reason}]}}
    yield "POST", f"{base}{ORDER_SIGN}/feedback", {"json": {"feedback": [card | {"outcome": "Jane Canary"}]}}


# --- limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "deep"), [({}, False), ([[1]], False), ([[[1]]], True), ({"a": {"b": [{}]}}, True)])
def test_depth(body, deep):
    assert deeper(body, 2) is deep


def test_a_body_too_deep_is_refused(client):
    """S19."""
    body = request(CASE)
    body["extension"] = {}
    inner = body["extension"]
    for _ in range(120):
        inner["x"] = inner = {}
    reply = client.post(ORDER_SIGN, json=body)
    assert reply.status_code == 400
    assert "100 levels" in reply.text


def test_a_client_that_calls_too_often_waits():
    """S19: by client; the answer says when to come back."""
    client = create_app(Settings(open=True, rate_limit=12)).test_client()  # a burst of two
    replies = [client.get("/cds-services") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 429, 429]
    assert 1 <= int(replies[2].headers["Retry-After"]) <= 5
    assert replies[2].get_json()["issue"][0]["code"] == "throttled"
    other = client.get("/cds-services", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert other.status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.options("/cds-services").status_code == 200


def test_a_rate_is_refilled_and_kept_apart():
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    assert [rates.wait("a") for _ in range(BURST + 1)] == [0] * BURST + [1]
    assert rates.wait("b") == 0
    now[0] += 1
    assert [rates.wait("a") for _ in range(2)] == [0, 1]
    for number in range(MOST_CLIENTS + 5):
        rates.wait(str(number))
    assert len(rates._left) == MOST_CLIENTS


def test_answers_are_guarded(client):
    for reply in (client.get("/cds-services"), client.get("/nothing"), client.post(ORDER_SIGN, data="x")):
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-store"
        assert "max-age" in reply.headers["Strict-Transport-Security"]
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]


def document(name, text, date="2026-01-01", *, mine=True):
    return Document(name, text, "progress", Role.TREATING, date, mine)


def test_what_is_too_much_to_read_is_named(monkeypatch):
    monkeypatch.setattr(bounds, "MOST_TEXT", 100)
    old, new = document("a", "x " * 30), document("b", "y " * 30, "2026-02-01")
    huge, packed, elsewhere = document("c", "z " * 90), document("d", "q" * 1000), document("e", "w", mine=False)
    kept, gaps = bounds.readable([old, new, huge, packed, elsewhere])
    assert [one.source for one in kept] == ["b", "e"]
    assert set(gaps) == {Gap("a", Reason.TOO_LARGE), Gap("c", Reason.TOO_LARGE), Gap("d", Reason.NOT_TEXT)}


def test_a_call_beyond_its_time_says_what_it_did_not_read():
    """Point 6: what is done is answered, what is not is said."""
    late = create_app(Settings(dev=True, deadline_ms=1)).test_client()
    with serving([], delay=0.05) as server:
        body = request(CASE, server=server.base)
        del body["prefetch"]["procedures"]  # fetching it takes the time that reading would need
        cards = late.post(ORDER_SIGN, json=body).get_json()["cards"]
    assert server.asked
    assert cards
    assert all("Did not arrive in time" in card["detail"] for card in cards)


def test_documents_that_time_is_too_short_for_are_named(monkeypatch):
    """Point 6: the deadline holds for reading too; those of the encounter come first, then the latest."""
    now = [0.0]
    monkeypatch.setattr(bounds, "monotonic", lambda: now[0])

    def slowly(one, known):
        now[0] += 2
        return reading(one, known)

    old, new, elsewhere = (
        document("a", "x"),
        document("b", "y", "2026-02-01"),
        document("c", "z", "2026-03-01", mine=False),
    )
    whole = Chart("2026-03-01", ("M99.63",), documents=(elsewhere, old, new), gaps=(Gap("notes", Reason.MORE_PAGES),))
    known = load()
    read, reader = bounds.in_time(whole, known, slowly, until=3)
    assert read.documents == (old, new)
    assert read.gaps == (Gap("notes", Reason.MORE_PAGES), Gap("c", Reason.TIMED_OUT))
    assert [reader(one, known).text.document for one in read.documents] == [old, new]
    assert now == [4], "what was read in time is not read again"
    assert bounds.in_time(replace(whole, chosen=()), known, slowly, until=3)[0].documents == whole.documents


def test_a_call_that_runs_out_of_time_while_it_reads_is_no_silence(client, monkeypatch):
    """S21: a chart that would be silent names what was not read."""
    body = json.loads((ROOT / "tests/requests/supported.json").read_text(encoding="utf-8"))
    assert not client.post(ORDER_SIGN, json=body).get_json()["cards"]
    monkeypatch.setattr(bounds, "monotonic", lambda: float("inf"))
    cards = client.post(ORDER_SIGN, json=body).get_json()["cards"]
    assert cards
    assert all("Did not arrive in time" in card["detail"] for card in cards)


#: What is absent or empty in a record that is otherwise whole: told on a card only where there is one.
QUIET = {Reason.NOT_RECEIVED, Reason.NOT_PERMITTED, Reason.EMPTY, Reason.UNRESOLVED}


@pytest.mark.parametrize("reason", Reason)
def test_what_went_wrong_is_said_also_where_there_would_be_no_card(reason):
    """S21: a record that supports its code, and something else that could not be read."""
    body = json.loads((ROOT / "tests/requests/supported.json").read_text(encoding="utf-8"))
    asked = question("order-sign", body["context"], created=False, today="2026-11-20")
    record, known = Record(received(body["prefetch"], {}).resources, asked), load()
    called = Call("x", known.codes, known.version)
    assert not consult(record, known, called).cards
    told = consult(record, known, called, gaps=[Gap("notes", reason)]).cards
    assert topics(told) == ([] if reason in QUIET else [UNAVAILABLE])


def test_more_codes_than_are_assessed_are_named(client):
    body = request(CASE)
    concept = {"system": "http://hl7.org/fhir/sid/icd-10-cm"}
    codes = [{"coding": [{**concept, "code": f"M99.{number:04}"}]} for number in range(300)]
    body["context"]["draftOrders"]["entry"][0]["resource"]["reasonCode"] = codes
    cards = client.post(ORDER_SIGN, json=body).get_json()["cards"]
    assert len(cards) == bounds.MOST_CODES
    assert all("Larger than what is read" in card["detail"] for card in cards)
