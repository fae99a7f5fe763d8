"""Thousands of damaged requests: an answer of a known kind, no fault of ours, and no word of the record outside a card.

First every member meets every kind of damage, one at a time; then damage is drawn, several at once, in richer requests,
in bytes, in tokens, and in what a FHIR server answers.  It is drawn from a fixed seed, so a failure comes again; its
number in the message finds it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from charts import PLACEMENTS, request, stored
from fhir_server import serving
from runner import ROOT
from test_chart import CASE
from tokens import BASE, ISS, jwk, token

from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

STATUSES = {200, 400, 401, 404, 405, 412, 413, 415, 429}
#: Of each test that draws its damage.
DRAWN = {"calls": 500, "feedback": 300, "bytes": 600, "tokens": 300, "servers": 100}
SEED = 20261120
NAME, WORDS, TOKEN = "Canary, Jane", "canary sings of pain", "canary-token"
#: What takes the place of a member: of another type, empty, extreme, hostile, or odd in its script.
DAMAGES: tuple[Any, ...] = (
    *(NAME, WORDS),
    *(None, True, False, 0, -1, 1.5, 10**18, 1e308, -0.0, 2**63, "", " ", "x", "null"),
    *([], {}, [[]], [{}], [None], {"": None}, [[[[["x"]]]]], ["x", 1, None, {}]),
    *({"reference": "Patient/x"}, {"coding": {"code": ["M99.03"]}}, {"resourceType": "Patient"}),
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle", "entry": "x"}}]},
    *("x" * 3000, "x " * 3000, "M99.63", "M99", "M99.99999999", "m99 . 6 3"),
    *("2026-13-45", "0000-00-00", "9999-12-31T99:99"),
    *("../../etc/passwd", "http://169.254.169.254/", "http://[::1", "data:text/plain;base64,eA==", "%00%0a"),
    *("{{context.x}}", "<script>alert(1)</script>", "<div><p>" * 200, "<?xml version='1.0'?><!DOCTYPE a>"),
    *("{\\rtf1 {\\*\\x " * 50, "%PDF-1.7\n%%EOF"),
    *("\u0000", "\ufeff", "\u202edrow", "İ" * 40, "ß\u0301" * 20, "\U0001f9b4", "ﬁ", "\u2028\u2029", "a\u00adb"),
    *("eA==", "=" * 9, "////", "Zm9v\n", "-" * 500, "#" * 200, "\n" * 400, "(((((", "C5-" * 60, "no " * 60),
)
DEEP: Any = "x"
for _ in range(60):
    DEEP = [DEEP]
#: What every member becomes in turn, as the bytes of the body have it; None: it is left out.
KINDS: dict[str, bytes | None] = {
    "missing": None,
    "null": b"null",
    "a number": b"7",
    "a truth": b"true",
    "a word": b'"x"',
    "a list": b"[]",
    "a list of lists": b"[[{}]]",
    "an object": b"{}",
    "a huge word": b'"%s"' % (b"x " * 20_000),
    "a huge number": b"-1e308",
    "deep": b"[" * 80 + b"]" * 80,
    "odd script": b'"\\u202e\\u0000\\u0130\xf0\x9f\xa6\xb4"',
}
#: The same where no JSON is left: such a body is refused, whatever the member.
NO_JSON: dict[str, bytes] = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "a lone surrogate": b'"\\ud800"',
    "not UTF-8": b'"\xff\xfe"',
    "bottomless": b"[" * 3000 + b"]" * 3000,
    "a number too large": b"1e999",
}
WORD_DAMAGES = tuple(one for one in DAMAGES if isinstance(one, str))
MARK = "(to be damaged)"


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(open=True, rate_limit=10**9, body_limit=300_000)).test_client()


def seeded() -> Random:
    return Random(SEED)  # noqa: S311 -- damage is drawn, not keys


def members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every member, down to those of the resources."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from members(value[key], (*path, key))


def damaged(whole: Any, paths: list[tuple[Any, ...]], chance: Random) -> Any:
    """A copy with a few members missing, doubled, renamed, or replaced."""
    body = deepcopy(whole)
    outer = [path for path in paths if len(path) < 3]  # few among so many: drawn on their own, or hardly ever
    for path in chance.choices(outer if chance.random() < 0.3 else paths, k=chance.choice((1, 1, 1, 2, 4))):
        damage(body, path, chance)
    return body


def damage(body: Any, path: tuple[Any, ...], chance: Random) -> None:
    try:
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        value = holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return  # an earlier damage has taken it away
    if not isinstance(holder, dict | list):
        return
    match chance.randrange(12):
        case 0:
            del holder[path[-1]]
        case 1:
            holder[path[-1]] = [value, value] if not isinstance(value, list) else value * 2
        case 2 if isinstance(holder, dict):
            holder[chance.choice(("", "é" * 9, NAME, "__proto__", "resourceType", "id", "entry"))] = value
        case 3:
            holder[path[-1]] = chance.choice((DEEP, {"entry": {"resource": deepcopy(value)}}))
        case _:
            holder[path[-1]] = chance.choice(DAMAGES)


def sources() -> list[tuple[str, Any, list[tuple[Any, ...]]]]:
    """Requests of every service, with names and words to look for."""
    made = []
    for service in services().values():
        for placement in PLACEMENTS.values():
            body = request(CASE, placement, service.hook)
            body["fhirAuthorization"] = {"access_token": TOKEN, "scope": "patient/*.rs", "token_type": "Bearer"}
            body["fhirServer"] = "https://ehr.example/fhir"
            body.setdefault("prefetch", {})["patient"] = {
                "resourceType": "Patient",
                "id": "p1",
                "name": [{"text": NAME}],
                "text": {"div": WORDS},
            }
            made.append((f"/cds-services/{service.id}", body, list(members(body))))
    return made


def watched(replies, caplog):
    """Hold answers and log against the promise."""
    records = caplog.get_records("call")
    faults = [record.facts for record in records if record.getMessage() == "failed"]
    assert not faults, faults[0]
    logged = "\n".join(str(getattr(record, "facts", record.getMessage())) for record in records)
    assert "answered" in {record.getMessage() for record in records}
    for canary in (NAME, WORDS, TOKEN):
        assert canary not in logged
    for number, reply in replies:
        assert reply.status_code in STATUSES, number
        assert "Traceback" not in reply.text, number
        if reply.status_code != 200:
            assert reply.get_json()["resourceType"] == "OperationOutcome", number
            assert not [canary for canary in (NAME, WORDS, TOKEN) if canary in reply.text], number
        assert TOKEN not in reply.text, number


def whole_request() -> dict[str, Any]:
    """A request with every member that Foramen reads of one, and a small chart."""
    body = json.loads((ROOT / "tests/requests/corrected.json").read_text(encoding="utf-8"))
    body["fhirAuthorization"] = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "scope": "patient/*.rs",
        "patient": "p1",
    }
    body["fhirServer"] = "https://ehr.example/fhir"
    body["context"] |= {"selections": [], "conditions": {"resourceType": "Bundle", "entry": []}, "userId": "Device/x"}
    body["extension"] = {"org.example": {"x": [1]}}
    return body


def replaced(whole: Any, path: tuple[Any, ...], kind: bytes | None) -> bytes:
    """The request as bytes, with one member replaced or left out."""
    body = deepcopy(whole)
    holder = body
    for step in path[:-1]:
        holder = holder[step]
    if kind is None:
        del holder[path[-1]]
        return json.dumps(body).encode()
    holder[path[-1]] = MARK
    return json.dumps(body).encode().replace(json.dumps(MARK).encode(), kind)


@pytest.fixture(scope="module")
def every_member():
    """Address, body and path of each member of a hook request and of feedback, each to one service after the other."""
    whole, ids = whole_request(), list(services())
    paths = list(members(whole))
    calls = [(f"/cds-services/{ids[number % len(ids)]}", whole, path) for number, path in enumerate(paths)]
    return calls + [("/cds-services/m99-order-sign/feedback", FEEDBACK, path) for path in members(FEEDBACK)]


@pytest.fixture
def watching(caplog):
    """Answers are held against the promise after the test, and so is the log."""
    caplog.set_level(logging.INFO, "foramen")
    logging.getLogger("foramen").propagate = True
    replies: list[tuple[Any, Any]] = []
    yield replies
    watched(replies, caplog)


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_of_any_member_breaks_the_service(client, watching, every_member, kind):
    """Point 8: every member null, of a wrong type, missing, huge, deep, or in an odd script."""
    for address, whole, path in every_member:
        data = replaced(whole, path, KINDS[kind])
        watching.append(((*path, kind), client.post(address, data=data, content_type="application/json")))
    assert {reply.status_code for _, reply in watching} <= {200, 400, 412}


@pytest.mark.parametrize("kind", NO_JSON)
def test_what_is_no_json_is_refused_wherever_it_stands(client, watching, every_member, kind):
    """Point 8: NaN and bad Unicode in the place of every member; an answer to half a record would be a false one."""
    for address, whole, path in every_member:
        data = replaced(whole, path, NO_JSON[kind])
        watching.append(((*path, kind), client.post(address, data=data, content_type="application/json")))
    assert {reply.status_code for _, reply in watching} == {400}


def test_at_least_five_thousand_requests_are_sent(every_member):
    assert len(every_member) * len(KINDS | NO_JSON) + sum(DRAWN.values()) >= 5000


def test_no_damaged_hook_request_breaks_the_service(client, watching):
    """Point 8: several damages at once, in every placement of a record."""
    chance, known = seeded(), sources()
    for number in range(DRAWN["calls"]):
        address, whole, paths = chance.choice(known)
        reply = client.post(address, json=damaged(whole, paths, chance))
        watching.append((number, reply))
        if reply.status_code == 200:
            assert isinstance(reply.get_json()["cards"], list)
    assert {reply.status_code for _, reply in watching} >= {200, 400, 412}


FEEDBACK = {
    "feedback": [
        {
            "card": "9f7bb36d-3896-4183-a1f9-35fa3b16b05e",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-20T08:58:11.728Z",
            "overrideReason": {
                "reason": {"code": "not-applicable", "system": "http://example.org/override", "display": "No"},
                "userComment": WORDS,
            },
        },
        {
            "card": "842d9811-9371-4c5a-a692-2cba7cac15b4",
            "outcome": "accepted",
            "outcomeTimestamp": "2026-11-20T08:58:10.555+01:00",
            "acceptedSuggestions": [{"id": "9f7bb36d-3896-4183-a1f9-35fa3b16b05e"}],
        },
    ]
}


def test_no_damaged_feedback_breaks_the_service(client, watching):
    chance, paths = seeded(), list(members(FEEDBACK))
    for number in range(DRAWN["feedback"]):
        body = damaged(FEEDBACK, paths, chance)
        watching.append((number, client.post("/cds-services/m99-order-sign/feedback", json=body)))
    assert {reply.status_code for _, reply in watching} == {200, 400}


def mangled(text: bytes, chance: Random) -> bytes:
    """A body as bytes, with some cut out, put in, or turned."""
    data = bytearray(text)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(data)) if data else 0
        match chance.randrange(5):
            case 0:
                del data[place:]
            case 1:
                data[place:place] = chance.choice(
                    (
                        b"\xff",
                        b"\x00",
                        b"NaN",
                        b"Infinity",
                        b"1e999",
                        b"\\ud800",
                        b"[" * 2000,
                        b'"',
                        b"}",
                        b",",
                        b"9" * 400,
                    )
                )
            case 2:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 3:
                del data[place : place + chance.randrange(1, 40)]
            case _:
                data[place:place] = data[: chance.randrange(60)]
    return bytes(data)


def test_no_mangled_bytes_break_the_service(client, watching):
    """Cut bodies, bytes put in and turned, sizes, and types that promise something else."""
    chance, whole = seeded(), json.dumps(sources()[0][1]).encode()
    others = ["text/plain", "application/json; charset=utf-16", "", "multipart/form-data", "é"]
    for number in range(DRAWN["bytes"]):
        data = mangled(whole, chance) + b" " * (400_000 if number % 200 == 199 else 0)
        kind = chance.choice(["application/json"] * 9 + others)
        watching.append((number, client.post("/cds-services/m99-order-sign", data=data, content_type=kind)))
    assert {reply.status_code for _, reply in watching} >= {400, 413, 415}


def test_no_mangled_token_gets_in(tmp_path, watching):
    """Point 8, S6: what is damaged is never let in, and what is not damaged meets the same checks of its body."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    file = tmp_path / "clients.toml"
    file.write_text(f'[[client]]\niss = "{ISS}"\naudiences = ["{BASE}"]\njwks = "keys.json"\n')
    guarded = create_app(Settings(clients=str(file), rate_limit=10**9)).test_client()
    chance, whole = seeded(), whole_request()
    paths, path = list(members(whole)), "/cds-services/m99-order-sign"
    for number in range(DRAWN["tokens"]):
        signed = token(path).encode()
        sent = mangled(signed, chance) if number % 3 else signed
        header = {"Authorization": f"Bearer {sent.decode('latin-1')}".replace("\n", "").replace("\r", "")}
        reply = guarded.post(path, json=damaged(whole, paths, chance), headers=header)
        assert (reply.status_code == 401) is (sent.strip() != signed), number
        watching.append((number, reply))


def test_no_damaged_answer_of_a_fhir_server_breaks_the_service(watching):
    """Point 8, S21: a server that lies in whatever way; the call is answered all the same."""
    chance, held = seeded(), stored(CASE, PLACEMENTS["server only"])
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in held]}
    paths = list(members(bundle))

    def lie(_: str) -> tuple[int, dict[str, str], bytes]:
        told = json.dumps(damaged(bundle, paths, chance)).encode()
        kind = chance.choice(["application/fhir+json", "text/html", "application/json; charset=x", ""])
        status = chance.choice([200] * 9 + [201, 204, 206, 300, 304, 400, 401, 410, 429, 500, 599])
        return status, {"Content-Type": kind}, mangled(told, chance) if chance.random() < 0.3 else told

    dev = create_app(Settings(dev=True, rate_limit=10**9)).test_client()
    with serving([], lie) as server:
        for number in range(DRAWN["servers"]):
            body = request(CASE, PLACEMENTS["server only"], server=server.base)
            body["fhirAuthorization"] = {"access_token": chance.choice((TOKEN, *WORD_DAMAGES))}
            watching.append((number, dev.post("/cds-services/m99-order-sign", json=body)))
    assert {reply.status_code for _, reply in watching} == {200}
    assert len(server.asked) > DRAWN["servers"]


PATHS = (
    *("/cds-services", "/cds-services/", "/cds-services/x", "/cds-services/%00", "/cds-services/..%2f..%2fetc"),
    *("/%ff", "//", "/metricz"),
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_no_address_breaks_the_service(client, method):
    for path in (*PATHS, *(f"/cds-services/{one}{end}" for one in services() for end in ("", "/feedback", "/x"))):
        for header in ({}, {"Authorization": "Bearer " + "é" * 9}, {"Origin": "null"}, {"Content-Length": "x"}):
            reply = client.open(path, method=method, headers=header)
            assert reply.status_code in STATUSES, (path, header)
            assert "Traceback" not in reply.text
