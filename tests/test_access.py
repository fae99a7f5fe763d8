"""Who may call.  Ids in docstrings: J client JWTs, S security, X2 preflight, Q17 and Q16 tolerance."""

import json
import logging
import os
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from urllib.parse import unquote

import jwt
import pytest
import requests
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokens import BASE, ISS, MISSING, certified, jwk, private_key, publishing, token

from cds_service import clients
from cds_service.access import Access, AccessError
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.keys import Limits, Published, parse
from cds_service.settings import Settings, SettingsError

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import demo  # noqa: E402 - the program behind `make demo` knows how to await the service

ORDER_SIGN = "/cds-services/m99-order-sign"
PATHS = ["/cds-services", ORDER_SIGN, f"{ORDER_SIGN}/feedback"]
ALGORITHMS = ["ES384", "RS384", "ES256", "RS256"]
REQUEST = json.loads((ROOT / "tests/requests/corrected.json").read_text(encoding="utf-8"))


def toml(iss=ISS, **members):
    lines = {"iss": iss, "audiences": [BASE]} | members
    return "[[client]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())


def registered(directory, *entries, keys=None):
    """A file of clients, and beside it the JWK Set that was handed over."""
    (directory / "keys.json").write_text(json.dumps({"keys": keys or [jwk("ES384", "k1")]}))
    path = directory / "clients.toml"
    path.write_text("\n".join(entries))
    return str(path)


@pytest.fixture
def known(tmp_path):
    """Access for one client with keys of every algorithm, all of which count."""
    keys = [jwk(algorithm, f"k-{algorithm}") for algorithm in ALGORITHMS] + [jwk("ES384", "k1")]
    return Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json", algorithms=ALGORITHMS), keys=keys)))


def caller(access, text, path="/cds-services"):
    return access.caller(f"Bearer {text}", path, near=False)


def refusal(access, text, path="/cds-services"):
    with pytest.raises(AccessError) as error:
        caller(access, text, path)
    return error.value.reason


def segments(header, claims, signature=b""):
    pieces = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(urlsafe_b64encode(piece).rstrip(b"=").decode() for piece in pieces)


# --- who is let in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_that_is_registered_counts(known, algorithm):
    """J1, J10, S1"""
    assert caller(known, token(algorithm=algorithm, kid=f"k-{algorithm}")).client.iss == ISS


@pytest.mark.parametrize(
    ("algorithm", "counts"), [("ES384", True), ("RS384", True), ("ES256", False), ("RS256", False)]
)
def test_without_a_word_the_recommended_algorithms_count(tmp_path, algorithm, counts):
    """J10, S1"""
    keys = [jwk(algorithm, "k1")]
    access = Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json"), keys=keys)))
    signed = token(algorithm=algorithm)
    assert caller(access, signed) if counts else refusal(access, signed) == "algorithm"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [BASE, "https://other.example"]},
        {"aud": ["https://other.example", f"{BASE}/cds-services"]},
        {"aud": f"{BASE}/"},
        {"aud": f"{BASE}//cds-services/"},
        {"aud": "HTTPS://CDS.example:443/cds-services"},
        lambda: {"iat": time() + 0.5},
        lambda: {"nbf": int(time()) - 300, "exp": int(time()) + 600, "sub": "a", "iat": int(time())},
        lambda: {"exp": int(time()) - 5, "iat": int(time()) - 300},
        {"jti": "8wgGOxid1EVdho.KCws7YhR.Qbslaurl7MHfIT1T~x12gN_Yr-A4" * 2},
        {"jti": "e" * 64},
        {"jti": "Jane Roe \ud800"},
    ],
)
def test_what_clients_are_seen_to_send_is_understood(known, claims):
    """J5, J6, S3, Q16: Epic's nbf and sub, rounded iat, ids that are no UUID."""
    claims = claims() if callable(claims) else claims  # times count from now, not from when the tests were collected
    assert caller(known, token(**claims)).client.iss == ISS


def test_a_key_id_may_hold_any_character(tmp_path):
    """Epic's key ids are base64."""
    access = Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json"), keys=[jwk("ES384", "a+/b==")])))
    assert caller(access, token(kid="a+/b=="))


@pytest.mark.parametrize(
    ("audience", "claimed", "path", "heard"),
    [
        (BASE, f"{BASE}{ORDER_SIGN}", ORDER_SIGN, True),
        (f"{BASE}/cds-services", f"{BASE}{ORDER_SIGN}", ORDER_SIGN, True),
        (f"{BASE}/foramen/", f"{BASE}/foramen{ORDER_SIGN}", ORDER_SIGN, True),
        (BASE, f"{BASE}{ORDER_SIGN}/feedback", ORDER_SIGN, False),
        (BASE, f"{BASE}/elsewhere{ORDER_SIGN}", ORDER_SIGN, False),
        (BASE, f"http://cds.example{ORDER_SIGN}", ORDER_SIGN, False),
        (BASE, f"{BASE}.evil.example{ORDER_SIGN}", ORDER_SIGN, False),
        (BASE, ORDER_SIGN, ORDER_SIGN, False),
        ("/savecdshooksrequest", "/savecdshooksrequest", ORDER_SIGN, True),
        ("sand_man", "sand_man", ORDER_SIGN, True),
        ("sand_man", f"sand_man{ORDER_SIGN}", ORDER_SIGN, False),
        ("http://localhost:*", f"http://localhost:8000{ORDER_SIGN}", ORDER_SIGN, True),
        ("http://[::1]:*", f"http://[::1]:8000{ORDER_SIGN}", ORDER_SIGN, True),
        ("http://localhost:*", f"http://localhost.example:8000{ORDER_SIGN}", ORDER_SIGN, False),
        ("http://localhost:*", f"http://localhost:8000@evil.example{ORDER_SIGN}", ORDER_SIGN, False),
    ],
)
def test_an_audience_is_this_service_or_what_was_agreed(audience, claimed, path, heard):
    """J6, J11, B8, Q16, S3: never what the Host header says."""
    assert clients.Client(iss=ISS, audiences=(audience,)).hears(claimed, path) is heard


def test_a_tenant_finds_its_registration(tmp_path):
    """J5, J11, S2: one issuer, several hospitals."""
    north = toml(jwks="keys.json", tenants=["north"], fhir_servers=["https://north.example/fhir"])
    south = toml(jwks="keys.json", tenants=["south", "west"], fhir_servers=["https://south.example/fhir"])
    access = Access(Settings(clients=registered(tmp_path, north, south)))
    assert caller(access, token(tenant="north")).client.fhir_servers == ("https://north.example/fhir",)
    assert caller(access, token(tenant="west")).client.fhir_servers == ("https://south.example/fhir",)
    assert refusal(access, token(tenant="east")) == refusal(access, token()) == "issuer or tenant"
    assert refusal(access, token(tenant=None)) == refusal(access, token(tenant="")) == "tenant missing"


# --- who is not --------------------------------------------------------------------------------------

HEADER = {"typ": "JWT", "kid": "k1"}
STRICT = Access(Settings(clients=str(clients.DEV)))


def claims_of_now(**changes):
    now = int(time())
    return {"iss": ISS, "aud": BASE, "iat": now, "exp": now + 300, "jti": "j"} | changes


def hmac_with_the_public_key():
    """The old trick: a public key as the secret of a symmetric signature."""
    public = private_key("RS384").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    unsigned = segments(HEADER | {"alg": "HS256", "kid": "k-RS384"}, claims_of_now()).rstrip(".")
    signature = urlsafe_b64encode(signer.sign(unsigned.encode(), pem)).rstrip(b"=").decode()
    return f"{unsigned}.{signature}"


def signed_with(signature):
    return f"{token().rpartition('.')[0]}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def tampered():
    header, claims, signature = token().split(".")
    said = json.loads(urlsafe_b64decode(claims + "=="))
    altered = urlsafe_b64encode(json.dumps(said | {"jti": "other"}).encode()).rstrip(b"=").decode()
    return f"{header}.{altered}.{signature}"


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        (lambda: segments(HEADER | {"alg": "none"}, claims_of_now()), "algorithm"),  # J9
        (lambda: segments(HEADER | {"alg": "NONE"}, claims_of_now()), "algorithm"),
        (lambda: segments(HEADER, claims_of_now()), "alg missing"),
        (lambda: segments(HEADER | {"alg": ["ES384"]}, claims_of_now()), "alg missing"),
        (lambda: token(algorithm="HS256", key=b"s" * 64), "algorithm"),
        (lambda: token(algorithm="HS384", key=b"s" * 64), "algorithm"),
        (lambda: token(algorithm="HS384", key=b"s" * 64, iss="https://evil.example"), "algorithm"),  # before all else
        (hmac_with_the_public_key, "algorithm"),
        (lambda: token(algorithm="PS384", key=private_key("RS384"), kid="k-RS384"), "algorithm"),
        (lambda: token(algorithm="RS384", kid="k-ES384"), "key"),  # a key of another kind
        (lambda: token(algorithm="ES256", kid="k-ES384"), "key"),
        (lambda: token(key=private_key("ES384", 1)), "signature"),
        (tampered, "signature"),
        (lambda: token().rpartition(".")[0] + ".", "signature"),
        (lambda: signed_with(b"\0" * 96), "signature"),  # the pair of zeros that some verifiers believe
        (lambda: signed_with(b"\0" * 48 + b"\xff" * 48), "signature"),
        (lambda: signed_with(b"x"), "signature"),
        (lambda: token(key=private_key("ES384", 1), header={"jwk": jwk("ES384", "k1", 1)}), "signature"),  # its own key
        (lambda: token(key=private_key("ES384", 1), header={"x5u": "https://evil.example/x"}), "signature"),
        (lambda: segments(HEADER | {"alg": "es384"}, claims_of_now()), "algorithm"),
        (lambda: token(kid="other"), "key"),
        (lambda: token(header={"kid": MISSING}), "kid missing"),  # J4
        (lambda: token(header={"typ": MISSING}), "type"),
        (lambda: token(header={"typ": "at+jwt"}), "type"),
        (lambda: token(header={"crit": ["exp"], "exp": 1}), "no token"),
        (lambda: segments(HEADER | {"alg": "ES384", "crit": ["b64"], "b64": True}, claims_of_now()), "algorithm"),
        (lambda: segments(HEADER | {"alg": "ES384", "crit": ["b64"], "b64": False}, claims_of_now()), "no token"),
        (lambda: token(header={"jku": "https://evil.example/jwks.json"}), "address of keys"),  # J7, S2
        (lambda: token(header={"jku": None}), "address of keys"),
        (lambda: token(iss="https://evil.example"), "issuer or tenant"),
        (lambda: token(iss=f"{ISS}/"), "issuer or tenant"),
        (lambda: token(tenant="north"), "issuer or tenant"),
        (lambda: token(iss=MISSING), "iss missing"),  # J5
        (lambda: token(aud=MISSING), "claim missing"),
        (lambda: token(exp=MISSING), "claim missing"),
        (lambda: token(iat=MISSING), "claim missing"),
        (lambda: token(jti=MISSING), "claim missing"),
        (lambda: token(jti=""), "jti missing"),
        (lambda: token(jti=7), "no valid token"),
        (lambda: token(aud="https://other.example"), "audience"),  # J6
        (lambda: token(aud=f"{BASE}{ORDER_SIGN}"), "audience"),
        (lambda: token(aud=[]), "audience"),
        (lambda: token(aud=[None, {"a": 1}]), "audience"),
        (lambda: token(aud={BASE: 1}), "audience"),
        (lambda: token(iat=int(time()) - 400, exp=int(time()) - 60), "expired"),  # S3
        (lambda: token(iat=int(time()) + 120, exp=int(time()) + 300), "not yet valid"),
        (lambda: token(nbf=int(time()) + 120), "not yet valid"),
        (lambda: token(exp=int(time()) + 86_400), "lifetime"),
        (lambda: token(iat=int(time()) + 20, exp=int(time()) + 20), "lifetime"),
        (lambda: token(exp=str(int(time()) + 300)), "claim type"),
        (lambda: token(iat=True), "claim type"),
        (lambda: token(exp="soon"), "no valid token"),
        (lambda: token(exp=float("inf")), "no valid token"),
        (lambda: token(exp=float("nan")), "no valid token"),
        (lambda: "", "no bearer token"),
        (lambda: "a.b", "no token"),
        (lambda: "a.b.c.d.e", "no token"),
        (lambda: "é.é.é", "no token"),
        (lambda: "W10.W10.", "no token"),
        (lambda: urlsafe_b64encode(b"[" * 5000).decode() + ".e30.", "no token"),
        (lambda: "a" * 9000, "no bearer token"),
    ],
)
def test_what_proves_nothing_is_refused(known, vector, reason):
    """J4-J7, J9, J11, S1-S3: each for its own reason, which only the log tells."""
    assert refusal(known, vector()) == reason


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic QTpC", "ey", "Bearer  ", "Token a.b.c"])
def test_what_is_no_bearer_token_is_refused(known, header):
    """J1"""
    with pytest.raises(AccessError):
        known.caller(header, "/cds-services", near=True)


def test_a_token_without_a_type_only_where_it_was_agreed(tmp_path):
    """J4, Q17"""
    access = Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json", untyped=True))))
    assert caller(access, token(header={"typ": MISSING}))
    assert refusal(access, token(header={"typ": "at+jwt"})) == "type"


def test_a_longer_life_only_where_it_was_agreed(tmp_path):
    """S3: crd-request-generator's tokens live a day."""
    access = Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json", lifetime=86_400))))
    assert caller(access, token(exp=int(time()) + 86_300))


def test_the_example_of_the_specification(tmp_path):
    """J12: its key verifies its signature; its token has long expired."""
    key = {
        "kty": "EC",
        "use": "sig",
        "crv": "P-384",
        "kid": "example-kid",
        "x": "46SDH7Znh821wblCBglA61sNE9ZrHYKKt3qRtRTmSXyOI_FIGBLWrWa0GPUkDCEk",
        "y": "XMcRuuoGW7CXjQdy-F5i3FeBE0x9hPLdeFdSoDd3ELmx404tLX0VRRcqzAsPhXcI",
        "alg": "ES384",
    }
    private = jwt.PyJWK(key | {"d": "SeFXUXda8UomZ8GFUl7HH_Oi15rIbfMcsWj9ecIsDR8kLbqsEz2CGNgwy_IcILxy"}).key
    iss, jku = "https://fhir-ehr.example.com/", "https://fhir-ehr.example.com/jwk_uri"
    tenant = "2ddd6c3a-8e9a-44c6-a305-52111ad302a2"
    entry = toml(iss, jwks="keys.json", jku=jku, tenants=[tenant], audiences=["https://cds.example.org"])
    access = Access(Settings(clients=registered(tmp_path, entry, keys=[key])))
    path = "/cds-services/some-service"
    made = {
        "kid": "example-kid",
        "key": private,
        "header": {"jku": jku},
        "iss": iss,
        "aud": f"https://cds.example.org{path}",
        "tenant": tenant,
        "jti": "ee22b021-e1b7-4611-ba5b-8eec6a33ac1e",
    }
    assert caller(access, token(**made), path).tenant == tenant
    assert refusal(access, token(**made, iat=1311280970, exp=1422568860), path) == "expired"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "sub"]), ANYTHING, max_size=3),
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "crit", "b64", "zip"]), ANYTHING, max_size=2),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_token_brings_more_than_a_refusal(known, claims, header):
    """J4, J5, S6: whatever a client signs, properly, is a caller or a refusal."""
    head, body, _ = segments(HEADER | {"alg": "ES384"} | header, claims_of_now() | claims).split(".")
    signature = jwt.algorithms.ECAlgorithm(hashes.SHA384).sign(f"{head}.{body}".encode(), private_key("ES384"))
    text = f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with suppress(AccessError):
        caller(known, text)


@given(st.text(max_size=200))
def test_no_header_brings_more_than_a_refusal(text):
    """J1, S6"""
    with pytest.raises(AccessError):
        STRICT.caller(f"Bearer {text}", "/cds-services", near=True)


# --- used once ---------------------------------------------------------------------------------------


def test_a_token_is_used_once(known):
    """J11, S4"""
    signed = token()
    assert caller(known, signed)
    assert refusal(known, signed) == "replayed"


def test_a_token_that_cannot_be_verified_uses_nothing_up(known):
    """S4: a stranger cannot burn the id of a token that is on its way."""
    assert refusal(known, token(jti="j1", key=private_key("ES384", 1))) == "signature"
    assert refusal(known, token(jti="j1", aud="https://other.example")) == "audience"
    assert caller(known, token(jti="j1"))


def test_the_same_id_of_another_issuer_is_another_token(tmp_path):
    """S4"""
    other = "https://other.example"
    entries = [toml(jwks="keys.json"), toml(other, jwks="keys.json")]
    access = Access(Settings(clients=registered(tmp_path, *entries)))
    assert caller(access, token(jti="j1"))
    assert caller(access, token(jti="j1", iss=other))


def test_a_restart_forgets_no_token(tmp_path):
    """S4"""
    options = Settings(clients=registered(tmp_path, toml(jwks="keys.json")), data=str(tmp_path))
    signed = token()
    assert caller(Access(options), signed)
    assert refusal(Access(options), signed) == "replayed"


# --- published keys ----------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    "vector",
    [
        lambda jku: token(iss="https://evil.example", header={"jku": jku}),
        lambda jku: token(header={"jku": f"{jku}?"}),
        lambda jku: token(header={"jku": jku, "kid": MISSING}),
        lambda jku: token(header={"jku": jku, "typ": MISSING}),
        lambda jku: token(algorithm="RS256", header={"jku": jku}),
        lambda jku: token(algorithm="HS256", key=b"s" * 64, header={"jku": jku}),
        lambda jku: segments(HEADER | {"alg": "none", "jku": jku}, claims_of_now()),
        lambda jku: token(tenant="north", header={"jku": jku}),
    ],
)
def test_an_unregistered_caller_makes_the_service_ask_nobody(tmp_path, vector):
    """J7, J9, S1, S2: not even whether the address answers."""
    with publishing(jwk("ES384", "k1"), jwk("RS256", "k1")) as server:
        access = Access(Settings(clients=registered(tmp_path, toml(jku=server.jku))))
        refusal(access, vector(server.jku))
        assert server.connections == 0
        assert caller(access, token(header={"jku": server.jku}))
        assert server.connections == 1, "a registered caller's keys are fetched, so the count can fail"


def test_an_address_in_a_token_is_never_asked(tmp_path):
    """S2: the token's own server holds the very key that would verify it."""
    with publishing(jwk("ES384", "k1")) as mine, publishing(jwk("ES384", "k1", 1)) as evil:
        access = Access(Settings(clients=registered(tmp_path, toml(jku=mine.jku))))
        signed = token(key=private_key("ES384", 1), header={"jku": evil.jku})
        assert refusal(access, signed) == "address of keys"
        assert (mine.connections, evil.connections) == (0, 0)


def test_keys_are_fetched_once_and_kept(tmp_path):
    """S5, J8: with or without jku in the token."""
    with publishing(jwk("ES384", "k1"), jwk("RS384", "k2")) as server:
        access = Access(Settings(clients=registered(tmp_path, toml(jku=server.jku))))
        for _ in range(5):
            assert caller(access, token())
            assert caller(access, token(algorithm="RS384", kid="k2", header={"jku": server.jku}))
        assert server.asked == ["/jwks.json"]


def test_keys_that_were_handed_over_are_never_fetched(tmp_path):
    """J8"""
    with publishing(jwk("ES384", "k2")) as server:
        entries = [toml(jku=server.jku, jwks="keys.json"), toml("https://other.example", jku=server.jku)]
        access = Access(Settings(clients=registered(tmp_path, *entries)))
        assert caller(access, token(header={"jku": server.jku}))
        assert refusal(access, token(kid="k2")) == "key"
        assert server.connections == 0


def test_a_new_key_is_found_once_the_interval_has_passed():
    """S5: rotation, and strangers cannot make the service ask again and again."""
    clock = Clock()
    with publishing(jwk("ES384", "old")) as server:
        published = Published(server.jku, clock=clock)
        assert published.find(("old", "ES384"))
        server.publish(jwk("ES384", "new", 1))
        for number in range(50):
            assert not published.find((f"unknown-{number}", "ES384"))
        assert len(server.asked) == 1
        clock.now += 31
        assert published.find(("new", "ES384"))
        assert not published.find(("old", "ES384")), "a withdrawn key is forgotten"
        assert len(server.asked) == 2


def test_a_withdrawn_key_is_forgotten_though_nobody_names_another():
    """S5, J11"""
    clock = Clock()
    with publishing(jwk("ES384", "k1")) as server:
        published = Published(server.jku, clock=clock)
        assert published.find(("k1", "ES384"))
        server.publish(jwk("ES384", "k2"))
        clock.now += 3601
        assert not published.find(("k1", "ES384"))


def test_keys_outlive_an_outage_for_a_day():
    """S5"""
    clock = Clock()
    with publishing(jwk("ES384", "k1")) as server:
        published = Published(server.jku, clock=clock)
        assert published.find(("k1", "ES384"))
        server.reply = lambda _: (503, {}, b"")
        clock.now += 80_000
        assert published.find(("k1", "ES384"))
        clock.now += 7_000
        assert not published.find(("k1", "ES384"))


def test_many_threads_with_an_unknown_key_ask_once():
    """S5"""
    with publishing(jwk("ES384", "k1")) as server:
        published = Published(server.jku)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(published.find, [("k1", "ES384")] * 40))
        assert all(found)
        assert len(server.asked) == 1


LARGE = json.dumps({"keys": [jwk("ES384", "k1")], "padding": "x" * 200_000}).encode()
SMALL = json.dumps({"keys": [jwk("ES384", "k1")]}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, LARGE),
        (200, {"Content-Length": "20"}, SMALL),
        (200, {"Content-Length": "9999"}, SMALL),
        (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + SMALL),
        (302, {"Location": "/other.json"}, SMALL),
        (307, {"Location": "/other.json"}, b""),
        (404, {}, SMALL),
        (500, {}, b""),
        (200, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[" * 50_000),
        (200, {}, b'{"keys": 7}'),
        (200, {}, b'{"keys": [null, 7, {"kty": ["EC"]}, {"kid": "k1"}]}'),
        (200, {}, b"null"),
    ],
)
def test_a_key_set_that_is_none_brings_no_key(status, headers, body):
    """S5: too large, cut off, redirected, compressed, damaged; and it is asked for once."""
    with publishing() as server:
        server.reply = lambda _: (status, headers, body)
        published = Published(server.jku, Limits(seconds=1.0))
        assert not published.find(("k1", "ES384"))
        assert not published.find(("k1", "ES384"))
        assert server.asked == ["/jwks.json"]


def test_a_key_set_that_does_not_end_is_given_up():
    """S5: a byte now and then keeps no thread."""
    with publishing(jwk("ES384", "k1")) as server:
        server.pause = 0.05
        assert not Published(server.jku, Limits(seconds=0.2)).find(("k1", "ES384"))
        assert 1 < server.sent < len(SMALL), "it had begun, and was not read to its end"


def test_a_key_set_may_come_in_chunks():
    """S5"""
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMALL), SMALL)
    with publishing() as server:
        server.reply = lambda _: (200, {"Transfer-Encoding": "chunked", "Connection": "close"}, chunked)
        assert Published(server.jku).find(("k1", "ES384"))


def test_the_certificate_must_be_trusted_by_this_machine(tmp_path, monkeypatch):
    """S5, T1: a hospital's own authority is named as for every other program of the machine."""
    served, file = certified(tmp_path)
    with publishing(jwk("ES384", "k1"), certified=served) as server:
        assert not Published(server.jku).find(("k1", "ES384"))
        monkeypatch.setenv("SSL_CERT_FILE", file)
        assert Published(server.jku).find(("k1", "ES384"))


def test_nobody_at_the_address():
    with publishing() as server:
        jku = server.jku
    assert not Published(jku).find(("k1", "ES384"))


WEAK = jwk("RS384", "weak", bits=1024)


@pytest.mark.parametrize(
    "entry",
    [
        WEAK,
        {"kty": "RSA", "e": "AQAB", "n": urlsafe_b64encode(b"\xff" * 2048).decode(), "kid": "k1"},  # costs seconds
        jwk("ES384", "k1") | {"use": "enc"},
        jwk("ES384", "k1") | {"alg": "ES256"},
        jwk("ES384", "k1") | {"crv": "P-521"},
        jwk("ES384", "k1") | {"x": "AA"},
        jwk("ES384", "k1") | {"kid": 7},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "k1"},
        {"kty": "RSA", "kid": "k1"},
    ],
)
def test_keys_that_are_too_weak_or_not_for_this_are_passed_over(entry):
    """J9, J10, S1"""
    assert parse({"keys": [entry]}) == {}


def test_the_key_list_of_crd_request_generator_is_read():
    """It is a list of keys, each under ``pem``."""
    entry = jwk("RS256", "k1")
    entry.pop("kid")
    assert set(parse([{"pem": entry, "id": "k1", "timestamp": 1}])) == {("k1", "RS256")}


# --- the registration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "client"),
        ("[[client]", "clients.toml"),
        (toml(), "jku"),
        (toml(jku="http://keys.example/jwks.json"), "jku"),
        (toml(jku="https://user@keys.example/"), "jku"),
        (toml(jku="https://a.example", audiences=[]), "audiences"),
        (toml(jku="https://a.example", algorithms=["HS256"]), "HS256"),
        (toml(jku="https://a.example", algorithms=["none"]), "none"),
        (toml(jku="https://a.example", fhir_servers=["ftp://a.example"]), "fhir_servers"),
        (toml(jku="https://a.example", fhir_servers=["https://u@a.example/"]), "fhir_servers"),
        (toml(jku="https://a.example", fhir_server="https://a.example"), "fhir_server"),
        (toml(jku="https://a.example") * 2, "twice"),
        (toml(jku="https://a.example", tenants=["n"]) * 2, "twice for n"),
        (toml(jwks="nowhere.json"), "nowhere.json"),
        (toml(jwks="clients.toml"), "clients.toml"),
        (toml(jwks="private.json"), "private or symmetric"),
        (toml(jwks="nameless.json"), "every key needs a kid"),
    ],
)
def test_a_wrong_registration_stops_the_start_with_its_place(tmp_path, text, said):
    """S2, S7"""
    (tmp_path / "private.json").write_text(json.dumps({"keys": [jwk("ES384", "k1") | {"d": "x"}]}))
    (tmp_path / "nameless.json").write_text(json.dumps({"keys": [jwk("ES384", "k1"), jwk("ES384", "k1", 1)]}))
    with pytest.raises(SettingsError, match=said):
        Access(Settings(clients=registered(tmp_path, text)))


def test_a_registration_holds_what_it_says(tmp_path):
    """S2"""
    entry = toml(
        jwks="keys.json", fhir_servers=["https://ehr.example/fhir"], capabilities=["create-tasks"], lifetime=300
    )
    [client] = clients.read(Path(registered(tmp_path, entry))).values()
    assert client.fhir_servers == ("https://ehr.example/fhir",)
    assert client.capabilities == {"create-tasks"}
    assert client.algorithms == {"ES384", "RS384"}
    assert client.lifetime == 300


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Settings(), "FORAMEN_CLIENTS"),
        (Settings(clients="/nowhere.toml"), "nowhere.toml"),
        (Settings(clients=str(clients.DEV), workers=2), "FORAMEN_DATA"),
        (Settings(clients=str(clients.DEV), workers=2, database="sqlite://"), "FORAMEN_DATA"),
        (Settings(clients=str(clients.DEV), data=str(clients.DEV)), "FORAMEN_DATA"),
    ],
)
def test_a_service_that_could_authenticate_nobody_does_not_start(options, said):
    """S7, J2: also under another WSGI server."""
    with pytest.raises(SettingsError, match=said):
        create_app(options)


def test_workers_may_share_used_tokens_through_either_place(tmp_path):
    """S4"""
    Access(Settings(clients=str(clients.DEV), workers=2, data=str(tmp_path)))
    Access(Settings(clients=str(clients.DEV), workers=2, database="postgresql://foramen@127.0.0.1/nowhere"))


# --- on the wire -------------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path):
    keys = registered(tmp_path, toml(jwks="keys.json"))
    page = frozenset({"https://page.example"})
    return create_app(Settings(clients=keys, data=str(tmp_path), origins=page)).test_client()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


FEEDBACK = {
    "feedback": [
        {
            "card": "9f7bb36d-3896-4183-a1f9-35fa3b16b05e",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-20T08:58:11Z",
        }
    ]
}
BODIES = [None, REQUEST, FEEDBACK]


def call(service, path, headers):
    body = dict(zip(PATHS, BODIES, strict=True))[path]
    return service.open(path, method="POST" if body else "GET", json=body, headers=headers)


@pytest.mark.parametrize("path", PATHS)
def test_discovery_service_and_feedback_want_a_token(service, path):
    """J3, D14, B8, S6"""
    assert call(service, path, {}).status_code == 401
    assert call(service, path, bearer(token(path))).status_code == 200
    assert call(service, path, {"Authorization": f"bearer {token(path)}"}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers", [{}, bearer("x"), bearer(token(iss="https://evil.example")), bearer(token(aud="x"))]
)
def test_a_refusal_tells_nothing(service, path, headers):
    """S6, J11: the same few words whatever was wrong."""
    reply = call(service, path, headers)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.get_json() == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": "Unauthorized"}],
    }


def test_a_stranger_does_not_learn_which_services_there_are(service):
    """S6"""
    assert service.post("/cds-services/nobody", json={}).status_code == 401
    assert service.post("/cds-services/m99-order-sign", data=b"{", content_type="text/plain").status_code == 401


SPELLINGS = ("//cds-services", "/cds-services/", "/%63ds-services", "/./cds-services", "cds-services")


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_other_spelling_of_the_address_gets_in(service, path):
    """S6: as a server hands it on, not as a client of the tests reads it."""
    reply = service.get("/", environ_overrides={"PATH_INFO": unquote(path)})
    assert reply.status_code in {401, 404}
    assert "services" not in reply.get_json()


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_needs_no_token(service, path):
    """X2, S20: browsers send none; and a refusal can be read by the page that caused it."""
    asked = {"Origin": "https://page.example", "Access-Control-Request-Headers": "authorization,content-type"}
    reply = service.options(path, headers=asked)
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert reply.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    refused = call(service, path, {"Origin": "https://page.example"})
    assert refused.headers["Access-Control-Allow-Origin"] == "https://page.example"


def test_the_log_tells_who_called_and_why_not_and_no_token(service, caplog):
    """J11, S6, S14"""
    logging.getLogger("foramen").propagate = True
    good, bad = token(jti="j-1"), token(aud="https://other.example")
    named = token(jti="Jane Roe 1960")
    with caplog.at_level(logging.INFO, "foramen"):
        for signed in (good, bad, named):
            service.get("/cds-services", headers=bearer(signed))
        service.post(f"{ORDER_SIGN}/feedback", json=FEEDBACK, headers=bearer(token(f"{ORDER_SIGN}/feedback")))
    first, second, third, fourth = (record.facts for record in caplog.records)
    assert (first["client"], first["jti"]) == (ISS, "j-1")
    assert (second["client"], second["refused"]) == (ISS, "audience")
    assert "jti" not in third
    assert (fourth["service"], fourth["status"]) == (ORDER_SIGN.rpartition("/")[2], 200)
    assert not any(part in str(caplog.records) for part in good.split("."))


def test_the_client_is_known_to_the_call(tmp_path):
    """S2, S8: what follows asks g.client which servers may be asked."""
    from flask import g  # noqa: PLC0415

    entry = toml(jwks="keys.json", fhir_servers=["https://ehr.example/fhir"])
    app = create_app(Settings(clients=registered(tmp_path, entry)))
    with app.test_client() as client:
        client.get("/cds-services", headers=bearer(token()))
        assert g.client.fhir_servers == ("https://ehr.example/fhir",)


# --- dev and open ------------------------------------------------------------------------------------


def test_in_dev_a_token_that_is_there_is_verified(tmp_path):
    """S7"""
    options = Settings(dev=True, clients=registered(tmp_path, toml(jwks="keys.json")))
    service = create_app(options).test_client()
    assert service.get("/cds-services").status_code == 200
    assert service.get("/cds-services", headers=bearer(token())).status_code == 200
    assert service.get("/cds-services", headers=bearer(token(aud="x"))).status_code == 401
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert service.get("/cds-services", headers=bearer(token()), environ_base=elsewhere).status_code == 401


def sandbox(jku, algorithm="ES384", key=None):
    iat = time() + 0.5  # it rounds
    header = {"jku": jku}
    iss = "https://sandbox.cds-hooks.org"
    return token(
        algorithm=algorithm, key=key, header=header, iss=iss, aud="http://localhost:8000/cds-services", iat=iat
    )


def test_the_sandbox_is_trusted_in_dev_alone(tmp_path):
    """S7: as data; here its keys come from this machine."""
    jku = "https://sandbox.cds-hooks.org/.well-known/jwks.json"
    [client] = clients.read(clients.DEV).values()
    assert (client.iss, client.jku) == ("https://sandbox.cds-hooks.org", jku)
    with publishing(jwk("ES384", "k1")) as server:
        text = clients.DEV.read_text(encoding="utf-8").replace(jku, server.jku)
        dev = Access(Settings(dev=True, clients=registered(tmp_path, text)))
        assert dev.caller(f"Bearer {sandbox(server.jku)}", "/cds-services", near=True).client.iss == client.iss
        server.reply = lambda _: (500, {}, b"")
        unreachable = Access(Settings(dev=True, clients=registered(tmp_path, text)))
        with pytest.raises(AccessError, match="key"):
            unreachable.caller(f"Bearer {sandbox(server.jku)}", "/cds-services", near=True)
    strict = Access(Settings(clients=registered(tmp_path, toml(jwks="keys.json"))))
    assert refusal(strict, sandbox(jku)) == "issuer or tenant"


def test_an_open_service_reads_no_token():
    """S7: a gateway's own token is none of ours."""
    service = create_app(Settings(open=True)).test_client()
    for headers in ({}, bearer("opaque"), {"Authorization": "Basic QTpC"}):
        assert service.get("/cds-services", headers=headers).status_code == 200


# --- the service as it is started --------------------------------------------------------------------


@contextmanager
def serving(**environment):
    """`foramen serve` with settings of its own, until the block ends."""
    port = demo.free_port()
    command = [sys.executable, "-m", "cds_service", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL, cwd=ROOT) as service:
        try:
            demo.wait(f"http://127.0.0.1:{port}", service)
            yield f"http://127.0.0.1:{port}"
        finally:
            service.terminate()


def test_of_two_workers_one_takes_a_token(tmp_path):
    """S4, J11: each token is sent eight times at once, over connections of their own."""
    path = registered(tmp_path, toml(jwks="keys.json"))
    data = str(tmp_path / "data")
    signed = [token() for _ in range(20)]

    def status(text):
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"{base}/cds-services", headers=bearer(text), timeout=20).status_code

    with serving(FORAMEN_CLIENTS=path, FORAMEN_DATA=data, FORAMEN_WORKERS="2") as base, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(status, [one for one in signed for _ in range(8)]))
    assert [answers[start : start + 8].count(200) for start in range(0, 160, 8)] == [1] * 20
    assert set(answers) == {200, 401}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "FORAMEN_CLIENTS"),
        ({"FORAMEN_CLIENTS": "/nowhere.toml"}, "nowhere.toml"),
        ({"FORAMEN_CLIENTS": str(clients.DEV), "FORAMEN_WORKERS": "2"}, "FORAMEN_DATA"),
    ],
)
def test_the_start_is_refused_with_what_to_do(environment, said):
    """S7"""
    result = CliRunner().invoke(main, ["serve"], env=environment)
    assert result.exit_code == 1
    assert said in result.output


def test_an_open_start_is_warned_of(monkeypatch):
    """S7"""
    monkeypatch.setattr("cds_service.server.serve", lambda *_: None)
    port = str(demo.free_port())
    result = CliRunner().invoke(main, ["serve", "--port", port], env={"FORAMEN_OPEN": "1"})
    assert "not authenticated" in result.output
