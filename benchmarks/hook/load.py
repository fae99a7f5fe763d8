"""A client that sends hook calls and measures, and what the kernel tells of the server's use of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter, sleep
from typing import Self

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 120  #: s
PATHS = {"healthchain": "/cds"}


@dataclass
class Server:
    """One server under comparison, in processes of its own."""

    what: str
    port: int
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """The process that was started and its children."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, task.read_text().split())]

    def cpu(self) -> float:
        """Seconds of CPU that all its processes have used, user and system."""
        used = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICK

    def memory(self) -> float:
        """MB that all its processes hold, shared pages by halves (PSS)."""
        lines = [line for pid in self.pids() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


@contextmanager
def serving(what: str, python: str = sys.executable, **settings: str) -> Iterator[Server]:
    """A server until the block ends; it speaks to nobody else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"FORAMEN_OPEN": "1", "FORAMEN_RATE_LIMIT": "100000000"} | settings
    if what != "healthchain":
        environment["PYTHONPATH"] = str(ROOT)
    command = [python, HERE / "serve.py", what, str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=HERE
    ) as process:
        server = Server(what, port, process)
        try:
            _await(server)
            yield server
        finally:
            process.terminate()


def _await(server: Server) -> None:
    end = monotonic() + PATIENCE
    while monotonic() < end and server.process.poll() is None:
        try:
            with Connection(server) as connection:
                connection.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        except OSError:
            sleep(0.05)
        else:
            return
    raise SystemExit(f"{server.what} did not start")


class Connection:
    """A connection that is kept, with as little client as possible."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, call: bytes) -> bytes:
        """The body of the answer, which must be 200."""
        self._socket.sendall(call)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode() + body[:500].decode())
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2])
        parts = [body]
        while (missing := length - sum(map(len, parts))) > 0:
            parts.append(self._more(missing))
        return b"".join(parts)

    def _more(self, size: int = 65536) -> bytes:
        more = self._socket.recv(size)
        if not more:
            raise OSError("closed")
        return more


def call_of(server: Server, body: bytes) -> bytes:
    """A hook call as it goes over the wire."""
    path = f"{PATHS.get(server.what, '')}/cds-services/m99-order-sign"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def cpu_per_call(server: Server, bodies: Sequence[bytes]) -> float:
    """Milliseconds of CPU per call, one after the other."""
    calls = [call_of(server, body) for body in bodies]
    with Connection(server) as connection:
        before = server.cpu()
        for call in calls:
            connection.send(call)
        return (server.cpu() - before) / len(calls) * 1000


def closed(server: Server, bodies: Sequence[bytes], seconds: float, clients: int = 4) -> tuple[float, list[float]]:
    """Calls per second with so many clients, each of which waits for its answer; and the seconds each call took."""
    calls, turn, took = [call_of(server, body) for body in bodies], count(), []
    end = perf_counter() + seconds

    def work(_: int) -> None:
        with Connection(server) as connection:
            while (start := perf_counter()) < end:
                connection.send(calls[next(turn) % len(calls)])
                took.append(perf_counter() - start)

    began = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return len(took) / (perf_counter() - began), took


def paced(server: Server, bodies: Sequence[bytes], rate: float, seconds: float, clients: int = 8) -> list[float]:
    """Seconds from when each call was due, evenly paced, to its answer: a server that falls behind cannot hide it."""
    calls, turn, took = [call_of(server, body) for body in bodies], count(), []
    began = perf_counter() + 0.1
    total = max(10, int(rate * seconds))

    def work(_: int) -> None:
        with Connection(server) as connection:
            while (number := next(turn)) < total:
                due = began + number / rate
                if (wait := due - perf_counter()) > 0:
                    sleep(wait)
                connection.send(calls[number % len(calls)])
                took.append(perf_counter() - due)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return took


def percentile(took: Sequence[float], which: int) -> float:
    """A percentile, in milliseconds."""
    return quantiles(took, n=100, method="inclusive")[which - 1] * 1000
