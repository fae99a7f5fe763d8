"""A client that signs its calls, and the server that publishes its keys and counts who asked."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from time import sleep, time
from typing import Any
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fhir_server import answering
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Json = dict[str, Any]
ISS = "https://ehr.example/fhir"
BASE = "https://cds.example"
CURVES = {"ES384": ec.SECP384R1, "ES256": ec.SECP256R1}
MISSING = object()


def private_key(algorithm: str, number: int = 0, bits: int = 2048) -> Any:
    """The same key whenever it is asked for; keys of another number are others."""
    return _made(algorithm, number, bits)


@cache
def _made(algorithm: str, _number: int, bits: int) -> Any:
    if algorithm.startswith("ES"):
        return ec.generate_private_key(CURVES[algorithm]())
    return rsa.generate_private_key(65537, bits)


def jwk(algorithm: str, kid: str, number: int = 0, bits: int = 2048) -> Json:
    """The public part as a JWK."""
    public = private_key(algorithm, number, bits).public_key()
    kind = ECAlgorithm if algorithm.startswith("ES") else RSAAlgorithm
    return {**kind.to_jwk(public, as_dict=True), "kid": kid, "use": "sig", "alg": algorithm}


def token(
    path: str = "/cds-services",
    algorithm: str = "ES384",
    kid: str = "k1",
    key: Any = None,
    header: Json | None = None,
    **claims: Any,
) -> str:
    """A token of now; ``MISSING`` leaves a claim or a header out."""
    now = int(time())
    said = {"iss": ISS, "aud": f"{BASE}{path}", "iat": now, "exp": now + 300, "jti": str(uuid4())} | claims
    head = {"kid": kid, "typ": "JWT"} | (header or {})
    return jwt.encode(_kept(said), key or private_key(algorithm), algorithm, _kept(head) | _untyped(head))


def _kept(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not MISSING}


def _untyped(head: Json) -> Json:
    return {"typ": None} if head["typ"] is MISSING else {}  # PyJWT adds one of its own otherwise


def certified(directory: Path) -> tuple[ssl.SSLContext, str]:
    """A certificate for this machine that nobody else vouches for, and the file that would make it trusted."""
    key, name = private_key("ES256", 9), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hospital")])
    now = datetime.now(UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = builder.add_extension(own, critical=False).sign(key, hashes.SHA256())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = directory / "certificate.pem"
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    file.write_bytes(signed.public_bytes(pem) + secret)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(file)
    return served, str(file)


class KeyServer(ThreadingHTTPServer):
    """Answers every GET with ``reply``: status, headers, body."""

    daemon_threads = True

    def __init__(self, certified: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.scheme = "https" if certified else "http"
        if certified:
            self.socket = certified.wrap_socket(self.socket, server_side=True)
        self.pause = 0.0  #: s between two bytes of a body
        self.sent = 0  #: bytes of bodies that were sent
        self.asked: list[str] = []
        self.connections = 0
        self.reply: Callable[[str], tuple[int, Json, bytes]] = lambda _: (404, {}, b"")

    def publish(self, *keys: Json) -> None:
        self.reply = lambda _: (200, {"Content-Type": "application/json"}, json.dumps({"keys": keys}).encode())

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    @property
    def jku(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/jwks.json"


@contextmanager
def publishing(*keys: Json, certified: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    """A key server for the time of a test."""
    server = KeyServer(certified)
    server.publish(*keys)
    with answering(server):
        yield server


class _Answer(BaseHTTPRequestHandler):
    server: KeyServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, headers, body = self.server.reply(self.path)
        self.close_connection = True
        with suppress(OSError):  # the service may have read enough
            self.send_response(status)
            length = {} if "Transfer-Encoding" in headers else {"Content-Length": str(len(body))}
            for name, value in (length | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self._write(body)

    def _write(self, body: bytes) -> None:
        step = 1 if self.server.pause else len(body)
        for start in range(0, len(body), step or 1):
            self.wfile.write(body[start : start + step])
            self.server.sent += step
            sleep(self.server.pause)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
