"""A service under load while its workers are killed and its database restarts: is any answer wrong, any feedback lost?

    python benchmarks/soak.py [--minutes 5]        (make soak)

On loopback only, and bounded.  ``foramen serve`` runs with two workers and a real PostgreSQL.  Clients send charts of
the tests in all shapes, some of them slowly; each answer is compared with the one that was computed beforehand.  A call
whose connection breaks, because its worker was killed, is sent again; feedback is sent until it is acknowledged.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import requests
import sqlalchemy as sa

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks/hook"), str(ROOT / "scripts")]

import bodies
import charts
import demo
import postgresql

from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.store import address, engine
from cds_service.store.tables import feedback

Json = dict[str, Any]

SERVICE = "/cds-services/m99-order-sign"
TYPED = {"Content-Type": "application/json"}
CLIENTS, SLOW = 4, 3
KILL_EVERY, RESTART_EVERY, DOWN = 15.0, 40.0, 4.0  #: s
PATIENCE = 60  #: s
CASES = 60
#: What a client sees of a worker that is killed: before its answer, or in the middle of it.
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@dataclass
class Report:
    """What happened."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def fault(self, what: str) -> None:
        with self.lock:
            self.wrong.append(what)


@dataclass(frozen=True)
class Asked:
    """A call, and the answer that it must get."""

    name: str
    body: bytes
    expected: Json


def asked() -> list[Asked]:
    """Charts of the tests in several placements, larger ones, and the answer to each when nothing fails."""
    client = create_app(Settings(open=True)).test_client()
    files = sorted((ROOT / "tests/cases").glob("*-*.json"))
    placements = [one for one in charts.PLACEMENTS.items() if not charts.needs_server(one[1])]
    made: dict[str, Json] = {}
    for number, file in enumerate(files[:: max(1, len(files) // CASES)]):
        name, placement = placements[number % len(placements)]
        made[f"{file.stem}, {name}"] = charts.request(json.loads(file.read_text(encoding="utf-8")), placement)
    made |= {f"{size} bytes": bodies.body(size, notes=True, number=size) for size in (20_000, 200_000)}
    calls = []
    for name, body in made.items():
        data = json.dumps(body).encode()
        calls.append(Asked(name, data, client.post(SERVICE, data=data, headers=TYPED).get_json()))
    return calls


def sent(base: str, path: str, data: Any, report: Report) -> requests.Response:
    """The answer to a call; one whose connection broke is sent again."""
    end = monotonic() + PATIENCE
    while True:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.post(f"{base}{path}", data=data(), headers=TYPED, timeout=PATIENCE)
        except BROKEN:
            report.count("connections broken, call sent again")
            if monotonic() > end:
                raise
            sleep(0.2)


def slowly(body: bytes) -> Iterator[bytes]:
    """A body in four pieces with pauses between them."""
    size = len(body) // 4 + 1
    for start in range(0, len(body), size):
        sleep(0.7)
        yield body[start : start + size]


def work(base: str, calls: list[Asked], stop: Event, report: Report, *, slow: bool, seed: int) -> None:
    """One client: a call, its answer compared, and feedback on a card of it."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    while not stop.is_set():
        call = chance.choice(calls)
        data: Callable[[], Any] = partial(slowly, call.body) if slow else partial(bytes, call.body)
        reply = sent(base, SERVICE, data, report)
        report.count("slow calls" if slow else "calls")
        if reply.status_code != 200:
            report.fault(f"{call.name}: {reply.status_code}")
        elif reply.json() != call.expected:
            report.fault(f"{call.name}: another answer")
        elif call.expected["cards"]:
            tell(base, chance.choice(call.expected["cards"])["uuid"], report)


def tell(base: str, card: str, report: Report) -> None:
    """Feedback on a card, until it is acknowledged; its reason tells it from all others."""
    name = uuid4().hex
    entry = {
        "card": card,
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": f"not-now-{name}", "system": "urn:soak"}},
        "outcomeTimestamp": datetime.now(UTC).isoformat(),
    }
    data = partial(bytes, json.dumps({"feedback": [entry]}).encode())
    end = monotonic() + PATIENCE
    while monotonic() < end:
        reply = sent(base, f"{SERVICE}/feedback", data, report)
        if reply.status_code == 200:
            report.count("feedback acknowledged")
            with report.lock:
                report.acknowledged.add(f"not-now-{name}")
            return
        report.count(f"feedback answered {reply.status_code}, sent again")
        if reply.status_code != 503:
            report.fault(f"feedback: {reply.status_code}")
            return
        sleep(0.3)
    report.fault("feedback was not acknowledged in time")


def workers(service: subprocess.Popen[bytes]) -> list[int]:
    """The processes that answer calls."""
    return [int(pid) for pid in Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()]


def kill(service: subprocess.Popen[bytes], stop: Event, report: Report) -> None:
    """Kill a worker every so often."""
    while not stop.wait(KILL_EVERY):
        for worker in workers(service)[:1]:
            os.kill(worker, signal.SIGKILL)
            report.count("workers killed")


def restart(database: postgresql.Server, stop: Event, report: Report) -> None:
    """Take the database away every so often, at once, and bring it back."""
    while not stop.wait(RESTART_EVERY):
        database.stop()
        sleep(DOWN)
        database.start()
        report.count("database restarts")


@contextmanager
def serving(url: str, data: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The service as an operator starts it."""
    port = demo.free_port()
    settings = {
        "FORAMEN_OPEN": "1",
        "FORAMEN_WORKERS": "2",
        "FORAMEN_DATA": data,
        "FORAMEN_DATABASE": url,
        "FORAMEN_SECRET": "s" * 32,
        "FORAMEN_RATE_LIMIT": "1000000",
        "FORAMEN_SUPPRESS_DAYS": "0",
    }
    command = [sys.executable, "-m", "cds_service", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL, cwd=ROOT) as service:
        try:
            demo.wait(f"http://127.0.0.1:{port}", service)
            yield f"http://127.0.0.1:{port}", service
        finally:
            service.terminate()


def kept(url: str) -> set[str]:
    """The reasons of all feedback that the database holds."""
    made = engine(address(Settings(database=url)))
    with made.connect() as connection:
        found = set(connection.execute(sa.select(feedback.c.reason)).scalars())
    made.dispose()
    return found


def soak(minutes: float) -> Report:
    """Run it."""
    report, stop, calls = Report(), Event(), asked()
    with postgresql.running() as database, TemporaryDirectory() as data, serving(database.url, data) as (base, service):
        with ThreadPoolExecutor(CLIENTS + SLOW + 2) as pool:
            clients = [
                pool.submit(work, base, calls, stop, report, slow=number >= CLIENTS, seed=number)
                for number in range(CLIENTS + SLOW)
            ]
            faults = [pool.submit(kill, service, stop, report), pool.submit(restart, database, stop, report)]
            sleep(minutes * 60)
            stop.set()
            for one in (*clients, *faults):
                one.result()
        lost = report.acknowledged - kept(database.url)
        report.wrong += [f"feedback {name} was acknowledged and is lost" for name in sorted(lost)]
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    minutes = min(parser.parse_args().minutes, 60)
    report = soak(minutes)
    print(f"{minutes:g} minutes, {CLIENTS} clients, {SLOW} slow ones, 2 workers, PostgreSQL\n\n| | |\n|---|---|")
    for what, count in sorted(report.counts.items()):
        print(f"| {what} | {count} |")
    print(f"| **wrong or lost** | **{len(report.wrong)}** |\n")
    for what, count in Counter(report.wrong).most_common(20):
        print(f"- {count} x {what}")
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
