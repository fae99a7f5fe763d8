"""A FHIR server on loopback that holds what a test gives it, and misbehaves as told."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
#: A fault answers in place of the server: (status, headers, body), or None to let it answer.
Fault = Callable[[str], tuple[int, dict[str, str], bytes] | None]


class FhirServer(ThreadingHTTPServer):
    """Reads, searches by patient, encounter and category, pages, and Binary in its own format."""

    daemon_threads = True

    def __init__(self, resources: Iterable[Json], fault: Fault, page: int, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.held = {f"{one['resourceType']}/{one['id']}": one for one in resources}
        self.fault, self.page, self.delay = fault, page, delay
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.hosts: list[str | None] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fhir"


@contextmanager
def answering(server):
    """An HTTP server that answers for the time of a test."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def serving(
    resources: Iterable[Json], fault: Fault = lambda _: None, page: int = 1000, delay: float = 0
) -> Iterator[FhirServer]:
    """A server for the time of a test."""
    server = FhirServer(resources, fault, page, delay)
    with answering(server):
        yield server


@contextmanager
def speaking(pieces: Iterable[bytes], pause: float = 0, context: ssl.SSLContext | None = None) -> Iterator[Speaker]:
    """A server below HTTP: it says its pieces, with pauses, to whoever connects."""
    speaker = Speaker(tuple(pieces), pause, context)
    thread = threading.Thread(target=speaker.run, daemon=True)
    thread.start()
    try:
        yield speaker
    finally:
        speaker.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        speaker.listener.close()
        thread.join(5)


class Speaker:
    """One connection after the other; what each client sent is kept."""

    def __init__(self, pieces: tuple[bytes, ...], pause: float, context: ssl.SSLContext | None) -> None:
        self.pieces, self.pause, self.context = pieces, pause, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard: list[str] = []

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with suppress(OSError), client:
                self.speak(self.context.wrap_socket(client, server_side=True) if self.context else client)

    def speak(self, client: socket.socket) -> None:
        with client:
            client.settimeout(5)
            self.heard.append(client.recv(65536).decode("latin-1"))
            for piece in self.pieces:
                client.sendall(piece)
                time.sleep(self.pause)


class _Answer(BaseHTTPRequestHandler):
    server: FhirServer

    def do_GET(self) -> None:
        path = self.path.removeprefix("/fhir/")
        self.server.asked.append(path)
        self.server.tokens.append(self.headers.get("Authorization"))
        self.server.hosts.append(self.headers.get("Host"))
        time.sleep(self.server.delay)
        status, headers, body = self.server.fault(path) or self._found(path)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the client may have read enough
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _found(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if "?" in path:
            return self._json(200, self._search(path))
        one = self.server.held.get(path)
        if one is None:
            return self._json(
                404, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}
            )
        if one["resourceType"] == "Binary" and "fhir" not in self.headers.get("Accept", "").partition(",")[0]:
            return 200, {"Content-Type": one["contentType"]}, b64decode(one["data"])
        return self._json(200, one)

    def _search(self, path: str) -> Json:
        url = urlsplit(path)
        query = parse_qs(url.query)
        hits = [one for one in self.server.held.values() if one["resourceType"] == url.path and _matches(one, query)]
        start = int(query.get("_start", ["0"])[0])
        size = self.server.page
        bundle: Json = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(hits),
            "entry": [{"resource": one} for one in hits[start : start + size]],
        }
        if start + size < len(hits):
            following = re.sub(r"&_start=\d+", "", path) + f"&_start={start + size}"
            bundle["link"] = [{"relation": "next", "url": f"{self.server.base}/{following}"}]
        return bundle

    @staticmethod
    def _json(status: int, body: Json) -> tuple[int, dict[str, str], bytes]:
        return status, {"Content-Type": "application/fhir+json"}, json.dumps(body).encode()


def _matches(one: Json, query: dict[str, list[str]]) -> bool:
    """Search as far as the service's templates go."""
    written = json.dumps(one)
    encounters = [f'"Encounter/{name}"' for name in query.get("encounter", ())]
    patients = [f'"Patient/{name}"' for name in (*query.get("patient", ()), *query.get("subject", ()))]
    groups = [f'"code": "{name}"' for name in query.get("category", ())]
    states = query.get("status", [])
    return all(name in written for name in (*encounters, *patients, *groups)) and (
        not states or one.get("status") in states[0].split(",")
    )
