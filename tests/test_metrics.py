"""What is counted, and that nothing of a caller's or a patient's is among it (S14, S15)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import demo  # noqa: E402 - the program behind `make demo` knows how to start and await the service

SERVICE = "/cds-services/m99-order-sign"


@pytest.fixture
def client():
    app = create_app(Settings(open=True))
    yield app.test_client()
    app.extensions["kept"].store.engine.dispose()


def hook(name="corrected"):
    return json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8"))


def counted(text):
    """Every sample: its name and labels -> its value."""
    families = text_string_to_metric_families(text)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def labels(text):
    return {value for key in counted(text) for _, value in key[1:]}


def test_calls_verdicts_and_rules_are_counted(client):
    for name in ("corrected", "corrected", "supported"):
        client.post(SERVICE, json=hook(name))
    found = counted(client.get("/metrics").text)
    route, service = ("route", "/cds-services/<service_id>"), ("service", "m99-order-sign")
    assert found["foramen_calls_total", route, service, ("status", "200")] == 3
    assert found["foramen_call_seconds_count", service] == 3
    assert found["foramen_call_seconds_bucket", ("le", "+Inf"), service] == 3
    assert found["foramen_assessments_total", ("verdict", "corrected")] == 2
    assert found["foramen_assessments_total", ("verdict", "supported")] == 1
    assert sum(value for key, value in found.items() if key[0] == "foramen_rules_total") == 3
    assert found["foramen_advice_total", ("fate", "shown"), ("verdict", "corrected")] == 2


def test_every_hook_call_is_held_against_half_a_second(client):
    """R8: a bucket that ends there tells whether a site keeps the time; discovery and refusals do not flatter it."""
    client.post(SERVICE, json=hook())
    client.post(SERVICE, json={})
    client.get("/cds-services")
    found = counted(client.get("/metrics").text)
    service = ("service", "m99-order-sign")
    assert ("foramen_call_seconds_bucket", ("le", "0.5"), service) in found
    assert found["foramen_call_seconds_count", service] == 1


def test_no_wait_is_longer_by_default_than_clients_wait():
    """R8: what others may take of a call is bounded below the 5 s after which clients give up."""
    usual = Settings()
    assert usual.fhir_call_ms < usual.fhir_total_ms < usual.deadline_ms <= 5000


def test_feedback_is_counted_once(client):
    said = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-11-20T08:58:12Z"}
    for _ in range(2):
        client.post(f"{SERVICE}/feedback", json={"feedback": [said]})
    found = counted(client.get("/metrics").text)
    assert found["foramen_feedback_total", ("outcome", "overridden"), ("service", "m99-order-sign")] == 1
    assert ("foramen_call_seconds_count", ("service", "m99-order-sign")) not in found, "only hook calls are timed"


def test_no_word_of_a_caller_is_a_label(client):
    """S15: also what is refused is counted, under names of ours."""
    body = hook() | {"hook": "canary", "hookInstance": "canary", "canary": 1}
    body["context"]["patientId"] = body["context"]["userId"] = "canary"
    client.post(SERVICE, json=body)
    client.post("/cds-services/canary", json=body)
    client.post("/canary", json=body)
    client.open(SERVICE, method="CANARY")
    reason = {"reason": {"code": "canary", "system": "canary"}, "userComment": "canary"}
    said = {"card": "canary", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T08:58:12Z"}
    client.post(f"{SERVICE}/feedback", json={"feedback": [said | {"overrideReason": reason}]})
    text = client.get("/metrics").text
    assert "canary" not in text
    assert {"404", "405", "200"} <= labels(text)


def test_labels_are_names_of_ours(client):
    """The number of series does not grow with the number of calls."""
    for name in ("corrected", "clarify", "structural"):
        client.post(SERVICE, json=hook(name))
        client.get(f"/cds-services/{uuid4()}")
        client.get(f"/{uuid4()}")
    ours = {value for key in counted(client.get("/metrics").text) for name, value in key[1:] if name == "service"}
    assert ours <= {*services(), ""}


def test_the_metrics_are_those_of_one_application(client):
    client.post(SERVICE, json=hook())
    other = create_app(Settings(open=True))
    assert not [key for key in counted(other.test_client().get("/metrics").text) if "assessments" in key[0]]
    other.extensions["kept"].store.engine.dispose()


def test_the_metrics_are_prometheus_text(client):
    reply = client.get("/metrics")
    assert reply.status_code == 200
    assert reply.content_type.startswith("text/plain; version=")
    assert any(key[0] == "foramen_knowledge" for key in counted(reply.text))


def test_one_worker_tells_the_counts_of_all(tmp_path):
    """Over the real server: whichever of two workers is asked, the calls of both are told."""
    port = demo.free_port()
    environment = os.environ | {"FORAMEN_WORKERS": "2", "FORAMEN_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "cds_service", "serve", "--dev", "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as service:
        demo.wait(base, service)
        for _ in range(20):
            answer = demo.requests.post(f"{base}{SERVICE}", json=hook(), timeout=20)
            assert answer.status_code == 200
        told = [counted(demo.requests.get(f"{base}/metrics", timeout=20).text) for _ in range(8)]
        service.terminate()
        _, log = service.communicate(timeout=20)
    assert log.count(b'"event":"ready"') == 2
    assert {one["foramen_assessments_total", ("verdict", "corrected")] for one in told} == {20}
    assert b"Traceback" not in log
