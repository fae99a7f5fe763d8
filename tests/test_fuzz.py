"""Thousands of damaged requests: an answer of a known kind, no fault of ours, and no word of the record outside a card.

Every damage is drawn from a fixed seed, so a failure comes again; its number in the message finds it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from charts import PLACEMENTS, request
from test_chart import CASE

from cds_service.app import create_app
from cds_service.services import services
from cds_service.settings import Settings

STATUSES = {200, 400, 401, 404, 405, 412, 413, 415, 429}
CALLS, FEEDBACKS, MANGLED = 3200, 800, 1200  #: more than 5,000 in all; addresses come on top
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
    faults = [record.facts for record in caplog.records if record.getMessage() == "failed"]
    assert not faults, faults[0]
    logged = "\n".join(str(getattr(record, "facts", record.getMessage())) for record in caplog.records)
    assert "answered" in caplog.text
    for canary in (NAME, WORDS, TOKEN):
        assert canary not in logged
    for number, reply in replies:
        assert reply.status_code in STATUSES, number
        assert "Traceback" not in reply.text, number
        if reply.status_code != 200:
            assert reply.get_json()["resourceType"] == "OperationOutcome", number
            assert not [canary for canary in (NAME, WORDS, TOKEN) if canary in reply.text], number
        assert TOKEN not in reply.text, number


def test_no_damaged_hook_request_breaks_the_service(client, caplog):
    """Point 8: every member null, of a wrong type, missing, doubled, huge, deep, or in an odd script."""
    chance, known, replies = seeded(), sources(), []
    caplog.set_level(logging.INFO, "foramen")
    logging.getLogger("foramen").propagate = True
    for number in range(CALLS):
        address, whole, paths = chance.choice(known)
        body = damaged(whole, paths, chance)
        reply = client.post(address, json=body)
        replies.append((number, reply))
        if reply.status_code == 200:
            assert isinstance(reply.get_json()["cards"], list)
    watched(replies, caplog)
    assert {reply.status_code for _, reply in replies} >= {200, 400, 412}


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


def test_no_damaged_feedback_breaks_the_service(client, caplog):
    chance, paths, replies = seeded(), list(members(FEEDBACK)), []
    caplog.set_level(logging.INFO, "foramen")
    logging.getLogger("foramen").propagate = True
    for number in range(FEEDBACKS):
        body = damaged(FEEDBACK, paths, chance)
        replies.append((number, client.post("/cds-services/m99-order-sign/feedback", json=body)))
    watched(replies, caplog)
    assert {reply.status_code for _, reply in replies} == {200, 400}


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


def test_no_mangled_bytes_break_the_service(client, caplog):
    """NaN, lone surrogates, no UTF-8, cut bodies, depth, sizes, and types that promise something else."""
    chance, replies = seeded(), []
    caplog.set_level(logging.INFO, "foramen")
    logging.getLogger("foramen").propagate = True
    whole = json.dumps(sources()[0][1]).encode()
    kinds = ["application/json"] * 9 + [
        "text/plain",
        "application/json; charset=utf-16",
        "",
        "multipart/form-data",
        "é",
    ]
    for number in range(MANGLED):
        data = mangled(whole, chance) + b" " * (400_000 if number % 200 == 199 else 0)
        replies.append(
            (number, client.post("/cds-services/m99-order-sign", data=data, content_type=chance.choice(kinds)))
        )
    watched(replies, caplog)
    assert {reply.status_code for _, reply in replies} >= {400, 413, 415}


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
