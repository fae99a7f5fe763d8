"""The service is no way into the hospital's network: which servers are asked, and at which addresses (S8-S12)."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import time
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fhir_server import serving, speaking
from test_chart import condition

from cds_service import guard
from cds_service.fhir import Fhir, Limits, connect
from cds_service.guard import NotPermittedError, addresses, climbs, permitted, public, server
from cds_service.reasons import Reason

REGISTERED = "https://ehr.example/fhir"
SEARCH = "Condition?encounter=e1"
HERE = (ip_network("127.0.0.0/8"),)
ANSWER = json.dumps({"resourceType": "Bundle", "entry": [{"resource": condition()}]}).encode()


def names(monkeypatch, *found, seconds=0.0):
    """What the resolver answers, one list of addresses per look-up, and how often it was asked."""
    asked, real = [], socket.getaddrinfo

    def look_up(host, port, *given, **named):
        if guard._literal(host):
            return real(host, port, *given, **named)
        time.sleep(seconds)
        asked.append(host)
        told = found[min(len(asked), len(found)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in told]

    monkeypatch.setattr(guard.socket, "getaddrinfo", look_up)
    return asked


# --- which server -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        REGISTERED,
        f"{REGISTERED}/",
        "https://EHR.example/fhir",
        "https://ehr.example:443/fhir",
        "HTTPS://ehr.example/fhir/tenant-1",
    ],
)
def test_a_registered_server_is_asked(url):
    """S8."""
    assert permitted(url, [REGISTERED], dev=False)
    assert isinstance(connect(url, "", allowed=[REGISTERED]), Fhir)


@pytest.mark.parametrize(
    "url",
    [
        "http://ehr.example/fhir",
        "https://ehr.example:8443/fhir",
        "https://ehr.example/fhirs",
        "https://ehr.example/",
        "https://ehr.example/fhir/../admin",
        "https://ehr.example/fhir/%2e%2e/admin",
        "https://ehr.example/fhir/%252e%252e/admin",
        "https://ehr.example/fhir/..;x/admin",
        "https://ehr.example/fhir/%2e%2e%3bx/admin",
        "https://ehr.example/fhir\\..\\admin",
        "https://ehr.example/fhir?x=1",
        "https://ehr.example/fhir?",
        "https://ehr.example/fhir#x",
        "https://ehr.example.evil.example/fhir",
        "https://evil.example/fhir",
        "https://user@ehr.example/fhir",
        "https://ehr.example@evil.example/fhir",
        "https://evil.example\\@ehr.example/fhir",
        "https://ehr.example:0/fhir",
        "https://ehr.example:99999/fhir",
        "https://ehr.example./fhir",
        "https://ehr。example/fhir",
        "https://\tehr.example/fhir",
        "https://ehr.example/fhir\r\nX: y",
        "https://169.254.169.254/fhir",
        "ftp://ehr.example/fhir",
        "https://",
        "https://[::1",
        "ehr.example/fhir",
        "//ehr.example/fhir",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("dev", [False, True])
def test_any_other_is_not(url, dev):
    """S8: scheme, host, port and path prefix; nothing that hides where it leads."""
    assert permitted(url, [REGISTERED], dev=dev) is None
    assert connect(url, "tok", allowed=[REGISTERED], dev=dev) is Reason.NOT_PERMITTED


def test_another_scheme_is_another_server():
    assert permitted("http://ehr.example/fhir", [REGISTERED], dev=True) is None
    assert permitted("http://ehr.example/fhir", ["http://ehr.example/fhir"], dev=False) is None
    assert permitted("http://ehr.example/fhir", ["http://ehr.example/fhir"], dev=True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/fhir", True),
        ("http://localhost/fhir", True),
        ("http://[::1]:8080/fhir", True),
        ("http://localhost.evil.example/fhir", False),
        ("http://127.0.0.1.evil.example/fhir", False),
        ("http://10.0.0.1/fhir", False),
        ("http://169.254.169.254/", False),
        ("http://user:pw@127.0.0.1/fhir", False),
    ],
)
def test_in_dev_this_machine_may_be_asked(url, expected):
    assert bool(permitted(url, [], dev=True)) is expected
    assert permitted(url, [], dev=False) is None


@pytest.mark.parametrize(("path", "up"), [("/a/b", False), ("/a..b/...", False), ("/a/./b", True), ("/a/..", True)])
def test_a_path_that_climbs(path, up):
    assert climbs(path) is up


# --- which address ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        *(
            (closed, False)
            for closed in (
                *("10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.1.2.3", "169.254.169.254", "100.64.0.1"),
                *("224.0.0.1", "255.255.255.255", "192.0.2.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1"),
                *("::ffff:10.0.0.1", "::ffff:93.184.216.34", "2002:a00:1::", "64:ff9b::a00:1", "ff02::1", "fec0::1"),
                *("2001::1", "::10.0.0.1", "2001:db8::1"),
            )
        ),
    ],
)
def test_only_the_open_network_is_asked_of_itself(address, expected):
    """S9: private, loopback, link-local (metadata), mapped and tunnelled addresses are not."""
    assert public(ip_address(address)) is expected


@pytest.mark.parametrize(
    ("found", "networks"),
    [
        (["10.1.2.3"], ()),
        (["93.184.216.34", "10.1.2.3"], ()),
        (["169.254.169.254"], (ip_network("10.0.0.0/8"),)),
        (["127.0.0.1"], ()),
        (["::ffff:127.0.0.1"], HERE),
    ],
)
def test_one_address_that_may_not_be_asked_is_one_too_many(monkeypatch, found, networks):
    """S9."""
    names(monkeypatch, found)
    with pytest.raises(NotPermittedError):
        addresses(server(REGISTERED), networks, dev=False, seconds=1)


def test_a_private_network_is_opened_by_the_operator(monkeypatch):
    names(monkeypatch, ["10.1.2.3"])
    assert addresses(server(REGISTERED), [ip_network("10.0.0.0/8")], dev=False, seconds=1) == ["10.1.2.3"]
    assert addresses(server("https://10.1.2.3/fhir"), (), dev=False, seconds=1) == ["10.1.2.3"]  # registered as such


def test_in_dev_a_registered_name_still_leads_to_no_private_address(monkeypatch):
    names(monkeypatch, ["127.0.0.1"])
    with pytest.raises(NotPermittedError):
        addresses(server(REGISTERED), (), dev=True, seconds=1)


def test_a_name_without_address_and_a_resolver_that_hangs(monkeypatch):
    """S11: a look-up has no time-out of its own."""
    assert connect("https://ehr.invalid.", "", allowed=["https://ehr.invalid."]).search(SEARCH, "x").reason in {
        Reason.NOT_RETRIEVED,
        Reason.TIMED_OUT,
    }
    names(monkeypatch, ["93.184.216.34"], seconds=1)
    access = connect(REGISTERED, "", allowed=[REGISTERED], limits=Limits(call_seconds=0.1))
    assert access.search(SEARCH, "x").reason is Reason.TIMED_OUT


def test_nothing_is_looked_up_before_there_is_something_to_ask(monkeypatch):
    asked = names(monkeypatch, ["10.1.2.3"])
    access = connect(REGISTERED, "", allowed=[REGISTERED])
    assert asked == []
    assert [access.search(SEARCH, "x").reason for _ in range(3)] == [Reason.NOT_PERMITTED] * 3
    assert asked == ["ehr.example"]


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """S9: a name that leads elsewhere at the second look (DNS rebinding) gains nothing: there is none."""
    with serving([condition()]) as held:
        asked = names(monkeypatch, ["127.0.0.1"], ["10.1.2.3"])
        base = f"http://ehr.example:{held.server_port}/fhir"
        with connect(base, "tok", allowed=[base], networks=HERE, dev=True) as access:
            found = [access.search(SEARCH, "x").resources for _ in range(2)]
    assert [len(one) for one in found] == [1, 1]
    assert asked == ["ehr.example"]
    assert held.hosts == [f"ehr.example:{held.server_port}"] * 2


def test_of_several_addresses_the_next_is_tried(monkeypatch):
    with serving([condition()]) as held:
        names(monkeypatch, ["127.0.0.2", "127.0.0.1"])  # nobody listens at the first
        base = f"http://ehr.example:{held.server_port}/fhir"
        with connect(base, "", allowed=[base], networks=HERE, dev=True) as access:
            assert len(access.search(SEARCH, "x").resources) == 1


def test_no_proxy_of_the_machine_is_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving([condition()]) as held, connect(held.base, "", dev=True) as access:
        assert len(access.search(SEARCH, "x").resources) == 1


# --- TLS ----------------------------------------------------------------------------------------------


def certified(directory, name):
    """A certificate for a name, signed by itself: the PEM file to trust, and what a server needs."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = directory / "trusted.pem", directory / "key.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return str(trusted), context


@pytest.mark.parametrize(
    ("name", "trust", "reason"),
    [
        ("ehr.example", True, None),
        ("other.example", True, Reason.NOT_RETRIEVED),
        ("ehr.example", False, Reason.NOT_RETRIEVED),
    ],
)
def test_the_certificate_is_held_against_the_name(monkeypatch, tmp_path, name, trust, reason):
    """S9, T1: pinned to an address, the connection still asks for the name and checks it."""
    trusted, context = certified(tmp_path, name)
    asked = []
    context.sni_callback = lambda _, wanted, __: asked.append(wanted)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(ANSWER)}\r\n\r\n".encode()
    with speaking([head + ANSWER], context=context) as held:
        names(monkeypatch, ["127.0.0.1"])
        base = f"https://ehr.example:{held.port}/fhir"
        authorities = trusted if trust else ""
        with connect(base, "tok-1", allowed=[base], networks=HERE, authorities=authorities) as access:
            found = access.search(SEARCH, "x")
    assert asked == ["ehr.example"]
    assert found.reason is reason
    assert ("tok-1" in "".join(held.heard)) is (reason is None)  # no token to a server that is not the one
