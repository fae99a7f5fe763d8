"""The server as it runs: slow clients, a stop in the middle of calls, a worker that dies, other WSGI servers."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests
from runner import ROOT, SERVICE
from test_cli import demo

from cds_service import server
from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.turns import BusyError, Turns

BODY = (ROOT / "tests/requests/corrected.json").read_bytes()
TYPED = {"Content-Type": "application/json"}
PATIENCE = 30  #: s
HEADER = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
#: What a worker is asked once it is warm: the modules that the first call needed besides.
FIRST_CALL = f"""
import json, sys
from cds_service.server import application
client = application().test_client()
before = set(sys.modules)
reply = client.post({SERVICE!r}, data=sys.stdin.read(), content_type="application/json")
print(json.dumps([reply.status_code, sorted(set(sys.modules) - before), sorted(sys.modules)]))
"""


def started(base, service):
    demo.wait(base, service)
    return base


@contextmanager
def serving(*command, **settings):
    """A service in a process of its own, its log as text in the end."""
    port = demo.free_port()
    environment = os.environ | {"FORAMEN_OPEN": "1"} | settings
    line = [word.format(port=port) for word in command or (*SERVE, "{port}")]
    with subprocess.Popen(line, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as service:
        try:
            yield started(f"http://127.0.0.1:{port}", service), service
        finally:
            service.terminate()


SERVE = (sys.executable, "-m", "cds_service", "serve", "--port")


def post(base, **more):
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{base}{SERVICE}", data=BODY, headers=TYPED, timeout=PATIENCE, **more)


def half_sent(base, sent=500):
    """A connection whose client has sent half of its call, and then nothing."""
    connection = socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=PATIENCE)
    connection.sendall(f"{HEADER}Connection: close\r\n\r\n".encode() + BODY[:sent])
    return connection


def rest_sent(connection, sent=500):
    """The answer, once the client has sent the other half."""
    connection.sendall(BODY[sent:])
    with connection, connection.makefile("rb") as answer:
        return answer.read()


def answered(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def running():
    with serving(FORAMEN_THREADS="2") as made:
        yield made


@pytest.fixture(scope="module")
def expected(running):
    return post(running[0]).json()


# --- slow clients ---------------------------------------------------------------------------------------


def test_clients_that_stall_by_the_dozen_stop_nobody(running, expected):
    """Sixty stalled bodies, thirty times as many as calls are worked on at a time; each is answered in the end."""
    base, _ = running
    stalled = [half_sent(base) for _ in range(60)]
    others = [post(base) for _ in range(5)]
    assert [(one.status_code, one.json()) for one in others] == [(200, expected)] * 5
    with ThreadPoolExecutor(8) as pool:
        late = [answered(raw) for raw in pool.map(rest_sent, stalled)]
    assert late == [(200, expected)] * 60


def test_clients_that_go_away_in_the_middle_take_no_turn_with_them(running, expected):
    base, _ = running
    for _ in range(20):
        half_sent(base).close()
    assert post(base).json() == expected


def test_calls_that_are_refused_give_their_turn_back():
    client = create_app(Settings(open=True, threads=1)).test_client()
    for body in (b"{", b"[]", b"{}", BODY):
        client.post(SERVICE, data=body, headers=TYPED)
        client.post(f"{SERVICE}/feedback", data=body, headers=TYPED)
    assert client.post(SERVICE, data=BODY, headers=TYPED).status_code == 200


def test_a_call_that_gets_no_turn_is_a_card_and_never_silence():
    app = create_app(Settings(open=True))
    app.extensions["turns"] = turns = Turns(1, patience=0.01)
    client = app.test_client()
    turns.take()
    reply = client.post(SERVICE, data=BODY, headers=TYPED)
    told = client.post(f"{SERVICE}/feedback", json={"feedback": []})
    assert [card["source"]["topic"]["code"] for card in reply.json["cards"]] == ["check-unavailable"]
    assert told.status_code == 503, "feedback that is not kept is not acknowledged"
    turns.give()
    assert (
        client.post(SERVICE, data=BODY, headers=TYPED).json["cards"][0]["source"]["topic"]["code"] == "corrected-code"
    )


def test_turns_are_so_many_and_not_one_more():
    turns = Turns(2, patience=0)
    turns.take()
    turns.take()
    with pytest.raises(BusyError):
        turns.take()
    turns.give()
    turns.take()


# --- stopping, and dying --------------------------------------------------------------------------------


def test_no_call_is_lost_when_the_service_is_told_to_stop():
    """Eight calls half sent when SIGTERM comes: each is answered, and then the service ends by itself."""
    with serving() as (base, service):
        expected = post(base).json()
        calls = [half_sent(base) for _ in range(8)]
        sleep(0.3)  # until each is being read
        service.send_signal(signal.SIGTERM)
        sleep(0.5)
        answers = [answered(rest_sent(call)) for call in calls]
        assert service.wait(PATIENCE) == 0
    assert answers == [(200, expected)] * 8


@pytest.mark.skipif(not Path("/proc").exists(), reason="the processes of another are seen on Linux alone")
def test_a_worker_that_is_killed_is_replaced():
    with serving() as (base, service):
        expected = post(base).json()
        (worker,) = children(service)
        os.kill(worker, signal.SIGKILL)
        assert service.poll() is None
        end = monotonic() + PATIENCE
        answer = None
        while answer is None and monotonic() < end:
            try:
                answer = post(base)
            except requests.ConnectionError:
                sleep(0.2)
        assert answer is not None
        assert answer.json() == expected
        assert children(service) != [worker]


# --- other servers, and proxies -------------------------------------------------------------------------


def test_gunicorn_answers_as_granian_does(expected):
    """Plain WSGI; each worker threads as many as it works on."""
    flags = ("--workers=1", "--threads=4", "--bind=127.0.0.1:{port}", "--log-level=critical")
    command = (sys.executable, "-m", "gunicorn", *flags, "cds_service.server:application()")
    with serving(*command) as (base, _):
        reply = post(base)
    assert (reply.status_code, reply.json()) == (200, expected)


@pytest.mark.parametrize(("proxies", "statuses"), [(0, {200, 429}), (1, {200})])
def test_callers_behind_a_proxy_are_told_apart_where_the_operator_says_so(proxies, statuses):
    """Each caller from an address of its own: without the setting they are all the proxy, and call too often."""
    client = create_app(Settings(open=True, rate_limit=60, proxies=proxies)).test_client()
    replies = [
        client.get("/cds-services", headers={"X-Forwarded-For": f"192.0.2.1, 198.51.100.{number}"})
        for number in range(15)
    ]
    assert {reply.status_code for reply in replies} == statuses


# --- warm -----------------------------------------------------------------------------------------------


def test_the_first_call_finds_everything_imported_and_nothing_in_excess():
    """No FHIR model at all: requests are read as they come."""
    made = subprocess.run(
        [sys.executable, "-c", FIRST_CALL],
        input=BODY.decode(),
        env=os.environ | {"FORAMEN_OPEN": "1"},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    status, late, loaded = json.loads(made.stdout)
    assert status == 200
    assert late == []
    assert not [name for name in loaded if name.partition(".")[0] in {"fhir", "pydantic", "pyarrow", "pygal"}]


def test_what_was_loaded_is_left_out_of_the_search_for_garbage(monkeypatch):
    monkeypatch.setenv("FORAMEN_OPEN", "1")
    threshold = gc.get_threshold()
    try:
        server._settle()
        assert gc.get_freeze_count() > 100_000
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
