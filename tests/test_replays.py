"""A token is used once, whichever worker of whichever machine it is sent to (S4)."""

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time

import postgresql
import pytest
from runner import ROOT
from tokens import BASE, ISS, jwk, token

from cds_service.access import LEEWAY
from cds_service.app import create_app
from cds_service.replays import FILE, PAUSE, Replays, Used
from cds_service.settings import Settings
from cds_service.store import Store, address, engine
from cds_service.store.ledger import SLACK

SECRET = "an invented secret of thirty-two characters or more"
PATH = "/cds-services"


@pytest.fixture
def machine(tmp_path):
    """Starts services that share nothing but their clients and, if one is named, a database."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    file = tmp_path / "clients.toml"
    file.write_text(f'[[client]]\niss = "{ISS}"\naudiences = ["{BASE}"]\njwks = "keys.json"\n')
    apps = []

    def start(database=""):
        data = str(tmp_path / str(len(apps)))
        apps.append(create_app(Settings(clients=str(file), data=data, database=database, secret=SECRET)))
        return apps[-1].test_client()

    yield start
    for app in apps:
        app.extensions["kept"].store.engine.dispose()


@pytest.fixture
def store(server):
    made = engine(address(Settings(database=server.emptied())), connections=8)
    yield Store(made)
    made.dispose()


def status(client, signed):
    return client.get(PATH, headers={"Authorization": f"Bearer {signed}"}).status_code


# --- one machine -------------------------------------------------------------------------------------


def test_of_many_threads_one_wins(tmp_path):
    """S4"""
    replays = Replays(Used(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda number: replays.first(ISS, str(number % 20), 1e12, 1.0), range(400)))
    assert sum(firsts) == 20


CLAIMING = """
import sys
from pathlib import Path
from cds_service.replays import Replays, Used
replays = Replays(Used(Path(sys.argv[1])))
print("open", flush=True)
sys.stdin.readline()
print(sum(replays.first("iss", str(number), 1e12, 1.0) for number in range(300)))
"""


def test_of_several_processes_one_wins(tmp_path):
    """S4: two workers that are handed the same tokens at the same time, the file not there before."""
    command = [sys.executable, "-c", CLAIMING, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    workers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [worker.stdout.readline() for worker in workers] == ["open\n"] * 3
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert sum(int(worker.communicate(timeout=60)[0]) for worker in workers) == 300


def test_what_has_expired_is_forgotten(tmp_path):
    """S4"""
    used = Used(tmp_path)
    assert used.claim(b"old", until=100.0, now=1.0)
    assert used.claim(b"new", until=1000.0, now=200.0)
    assert used._used.execute("SELECT token FROM used").fetchall() == [(b"new",)]


def test_a_token_is_remembered_as_long_as_it_would_be_believed(machine):
    """S4: leeway included."""
    expiry = int(time()) + 200
    client = machine()
    assert status(client, token(PATH, exp=expiry)) == 200
    used = Used(Path(client.application.extensions["kept"].store.engine.url.database.removeprefix("file://")).parent)
    [(until,)] = used._used.execute("SELECT until FROM used").fetchall()
    assert until >= expiry + LEEWAY


FULL = "CREATE TRIGGER full BEFORE INSERT ON used BEGIN SELECT RAISE(FAIL, 'full'); END"


@pytest.mark.parametrize("wrong", ["DROP TABLE used", FULL])
def test_without_the_shared_list_a_worker_knows_its_own(machine, wrong, caplog):
    """S4, S21: to refuse everybody would look like "all clear"; what cannot be asked is logged and counted."""
    client = machine()
    client.application.extensions["access"]._replays._shared._used.execute(wrong)
    signed = token(PATH)
    with caplog.at_level("ERROR", "foramen"):
        assert [status(client, signed) for _ in range(2)] == [200, 401]
    assert "used tokens are known to this worker alone" in caplog.text
    assert 'foramen_database_failures_total{task="replay"} 1.0' in client.get("/metrics").text


def test_a_file_that_fails_is_not_waited_for_by_every_call(tmp_path, monkeypatch):
    """S21: each would wait for its time, one after the other, and clients would give up."""
    monkeypatch.setattr("cds_service.replays.PATIENCE", 0.05)
    now = [0.0]
    used = Used(tmp_path, lambda: now[0])
    replays = Replays(used)
    tried = []
    used._used.set_trace_callback(tried.append)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert all(replays.first(ISS, str(number), 1e12, 1.0) for number in range(9))
    assert len(tried) == 1
    other.close()
    now[0] += PAUSE
    assert replays.first(ISS, "later", 1e12, 1.0)
    assert not Replays(Used(tmp_path)).first(ISS, "later", 1e12, 1.0)


# --- several machines --------------------------------------------------------------------------------


@postgresql.needed
def test_what_was_used_on_one_machine_is_used_on_another(machine, server):
    """S4: a token is sent to both of two machines that share a database, at the same time."""
    database = server.emptied()
    clients = [machine(database), machine(database)]
    signed = [token(PATH) for _ in range(20)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda case: status(*case), [(client, one) for one in signed for client in clients]))
    assert [sorted(answers[start : start + 2]) for start in range(0, 40, 2)] == [[200, 401]] * 20


def test_machines_that_share_nothing_know_nothing_of_each_other(machine):
    """Why the database is needed."""
    signed = token(PATH)
    assert [status(machine(), signed) for _ in range(2)] == [200, 200]


@postgresql.needed
def test_while_the_database_is_away_each_machine_knows_its_own(machine, server):
    """S4, S21: callers are let in, once on each; what was used before it went is still known when it is back."""
    database = server.emptied()
    first, second = machine(database), machine(database)
    before, meanwhile = token(PATH), token(PATH)
    assert status(first, before) == 200
    server.stop()
    try:
        assert [status(first, meanwhile), status(first, meanwhile), status(first, before)] == [200, 401, 401]
        assert status(second, meanwhile) == 200
    finally:
        server.start()
    second.application.extensions["kept"].store.resume()
    assert status(second, before) == 401


@postgresql.needed
def test_the_database_forgets_what_has_expired_on_every_machine(store):
    """S4: an hour later, since clocks differ."""
    assert store.claim(b"old", until=100.0, now=1.0)
    assert not store.claim(b"old", until=100.0, now=100.0 + SLACK)
    assert store.claim(b"new", until=1e9, now=200.0 + SLACK)
    assert store.claim(b"old", until=100.0, now=201.0 + SLACK)
