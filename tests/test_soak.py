"""The benchmarks are on trial too: bodies are what they are said to be, and the soak test finds what is wrong."""

import importlib.util
import json
import sys
from dataclasses import replace
from threading import Event, Timer

import pytest
from fhir_server import answering
from runner import ROOT, SERVICE
from werkzeug.serving import make_server

from cds_service.app import create_app
from cds_service.settings import Settings


def loaded(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOAK = loaded("soak", ROOT / "benchmarks/soak.py")
BODIES = SOAK.bodies


@pytest.fixture(scope="module")
def app():
    return create_app(Settings(open=True, suppress_days=0))


@pytest.fixture
def base(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    with answering(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("notes", [True, False])
@pytest.mark.parametrize("size", BODIES.SIZES[:3])
def test_a_body_has_its_size_and_is_a_hook_call(app, size, notes):
    data = BODIES.encoded(size, notes=notes)
    assert 0.7 * size < len(data) < 1.3 * size
    reply = app.test_client().post(SERVICE, data=data, headers=SOAK.TYPED)
    assert [card["source"]["topic"]["code"] for card in reply.json["cards"]] != ["check-unavailable"]
    held = json.loads(data)["prefetch"]
    assert bool(held["notes"]) == notes


def test_two_charts_share_no_note():
    one, other = (json.dumps(BODIES.body(20_000, notes=True, number=number)["prefetch"]["notes"]) for number in (1, 2))
    attached = [
        {entry["resource"]["content"][0]["attachment"]["data"] for entry in json.loads(x)["entry"]}
        for x in (one, other)
    ]
    assert not attached[0] & attached[1]


def worked(base, calls, *, slow=False):
    report, stop = SOAK.Report(), Event()
    Timer(0.5, stop.set).start()
    SOAK.work(base, calls, stop, report, slow=slow, seed=1)
    return report


@pytest.fixture
def call(app):
    data = (ROOT / "tests/requests/corrected.json").read_bytes()
    return SOAK.Asked("corrected", data, app.test_client().post(SERVICE, data=data, headers=SOAK.TYPED).get_json())


@pytest.mark.parametrize("slow", [False, True])
def test_right_answers_are_not_called_wrong(base, call, slow):
    report = worked(base, [call], slow=slow)
    assert report.wrong == []
    assert report.counts["feedback acknowledged"] == len(report.acknowledged) > 0


def test_another_answer_is_found_out(base, call):
    report = worked(base, [replace(call, expected={"cards": []})])
    assert set(report.wrong) == {"corrected: another answer"}


def test_an_error_is_found_out(base, call):
    report = worked(base, [replace(call, body=b"{")])
    assert set(report.wrong) == {"corrected: 400"}
