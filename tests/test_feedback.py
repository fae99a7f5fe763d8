"""Feedback is kept and heeded.  Ids in docstrings are the protocol's (B: feedback, S: security).

What must hold on any database is tested on each: in memory, SQLite in a directory, PostgreSQL.
"""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import postgresql
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner
from cryptography.fernet import Fernet
from tokens import BASE, ISS, jwk, token

from cards import override
from cds_service import settings
from cds_service.app import create_app
from cds_service.cli import main
from cds_service.feedback import MOST_ENTRIES
from cds_service.settings import Settings, SettingsError
from cds_service.store import Store, Unavailable, address, command, engine, erase, schema, secret
from cds_service.store.tables import SCHEMA, advice, feedback

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import demo  # noqa: E402 - the program behind `make demo` knows how to start and await the service

SERVICE = "/cds-services/m99-order-sign"
SECRET = "an invented secret of thirty-two characters or more"
KEY = Fernet.generate_key().decode()
#: Databases that several processes can use.
SHARED = ["sqlite", "postgresql"] if postgresql.WANTED else ["sqlite"]
#: Reasons that say nothing of the advice.
POSTPONED = {"limited-time", "wrong-time-workflow", "inappropriate-recipient", "need-more-info", "not-now"}
REASON = {"reason": {"code": "cds-not-applicable", "system": "http://terminology.hl7.org/CodeSystem/x"}}


@pytest.fixture(params=["memory", *SHARED])
def options(request, tmp_path):
    """The settings of a service on an empty database of each kind."""
    if request.param == "memory":
        return Settings(open=True)
    if request.param == "sqlite":
        return Settings(open=True, data=str(tmp_path / "data"))
    return Settings(open=True, secret=SECRET, database=request.getfixturevalue("server").emptied())


@pytest.fixture
def sqlite(tmp_path):
    return Settings(open=True, data=str(tmp_path / "data"))


@pytest.fixture
def started():
    """Starts services, and closes their connections after the test."""
    stores = []

    def start(chosen):
        app = create_app(chosen)
        stores.append(app.extensions["kept"].store)
        return app.test_client()

    yield start
    for store in stores:
        store.engine.dispose()


def hook(name="corrected", **context):
    """A hook request as a client sends it: every one with an instance of its own."""
    body = json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8"))
    body["hookInstance"] = str(uuid4())
    body["context"] |= context
    return body


def re_patient(body, patient):
    body["context"]["patientId"] = patient
    return json.loads(
        json.dumps(body).replace("Patient/p1", f"Patient/{patient}").replace('"id": "p1"', f'"id": "{patient}"')
    )


def without_patient(body):
    del body["context"]["patientId"]
    return body


def ask(client, body=None):
    reply = client.post(SERVICE, json=body or hook())
    assert reply.status_code == 200
    return reply.get_json()


def entry(card, outcome="overridden", at="2026-11-20T08:58:11.728Z", **rest):
    return {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": at, **rest}


def accepted(card, at="2026-11-20T08:58:10.555Z"):
    return entry(card, "accepted", at, acceptedSuggestions=[{"id": card["suggestions"][0]["uuid"]}])


def tell(client, *entries):
    return client.post(f"{SERVICE}/feedback", json={"feedback": list(entries)})


def override_card(client, card, **reason):
    assert tell(client, entry(card, overrideReason=reason or REASON)).status_code == 200


def rows(client, table):
    with client.application.extensions["kept"].store.reading() as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key)).all()


@pytest.mark.skipif(not postgresql.WANTED, reason=postgresql.ABSENT)
def test_postgresql_is_tested(server):
    assert Store(engine(address(Settings(database=server.url)))).kind == "postgresql"


# --- kept --------------------------------------------------------------------------------------------


def test_the_same_feedback_twice_is_kept_once(options, started):
    """B6, B9"""
    client = started(options)
    [card] = ask(client)["cards"]
    for _ in range(2):
        reply = tell(client, accepted(card), accepted(card))
        assert (reply.status_code, reply.get_json()) == (200, {"accepted": 2})
    [row] = rows(client, feedback)
    assert (row.card, row.outcome, row.service) == (card["uuid"], "accepted", "m99-order-sign")
    assert row.suggestions == [card["suggestions"][0]["uuid"]]
    assert row.outcome_at.isoformat() == "2026-11-20T08:58:10.555000+00:00"


def test_one_post_may_tell_of_several_cards(options, started):
    """B6: and of one card more than once; B3: another offset than UTC is understood."""
    client = started(options)
    [first], [second] = (ask(client)["cards"] for _ in range(2))
    late = entry(first, at="2026-11-20T10:00:00+01:00", overrideReason=REASON)
    assert tell(client, accepted(first), late, accepted(second)).get_json() == {"accepted": 3}
    kept = rows(client, feedback)
    assert [row.card for row in kept] == [first["uuid"], first["uuid"], second["uuid"]]
    assert kept[1].outcome_at.isoformat() == "2026-11-20T09:00:00+00:00"
    assert (kept[1].reason, kept[1].reasoned, kept[2].reasoned) == ("cds-not-applicable", True, False)


def test_feedback_with_one_wrong_entry_is_kept_not_at_all(options, started):
    """B2: refused as a whole, with the place."""
    client = started(options)
    [card] = ask(client)["cards"]
    reply = tell(client, accepted(card), accepted(card) | {"outcome": "ignored"})
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["expression"] == ["feedback[1].outcome"]
    assert not rows(client, feedback)


def test_more_feedback_than_can_be_kept_at_once_is_refused(sqlite, started):
    """B2, S19: whoever holds the database for long costs others their cards."""
    client = started(sqlite)
    most = [entry({"uuid": f"c{number}"}) for number in range(MOST_ENTRIES)]
    reply = tell(client, *most, entry({"uuid": "last"}))
    assert (reply.status_code, reply.get_json()["issue"][0]["expression"]) == (413, ["feedback"])
    assert not rows(client, feedback)
    assert tell(client, *most).get_json() == {"accepted": MOST_ENTRIES}


@pytest.mark.parametrize("at", ["2026-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00", "2026-11-20T24:00:01Z"])
def test_a_time_that_does_not_exist_is_refused(sqlite, started, at):
    """B3"""
    reply = tell(started(sqlite), entry({"uuid": "c"}, at=at))
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["expression"] == ["feedback[0].outcomeTimestamp"]


def test_a_leap_second_is_a_time(sqlite, started):
    """B3: RFC 3339 section 5.6."""
    assert tell(started(sqlite), entry({"uuid": "c"}, at="2016-12-31T23:59:60Z")).status_code == 200


def test_feedback_on_a_card_of_nobody_is_kept_without_effect(options, started):
    """B6, C13"""
    client = started(options)
    override_card(client, {"uuid": str(uuid4())})
    assert len(rows(client, feedback)) == 1
    assert ask(client)["cards"]


@pytest.mark.parametrize("odd", ["Roe, Jane \0", "x" * 5000, ""])
def test_what_is_no_identifier_is_not_kept_as_one(options, started, odd):
    """S14, S16: a client's text in the place of an id or a code may be anything."""
    client = started(options)
    reason = {"reason": {"code": odd, "system": odd}}
    assert tell(client, entry({"uuid": odd}, overrideReason=reason)).status_code == 200
    [row] = rows(client, feedback)
    assert row.card == "(unreadable)"
    assert {row.reason, row.reason_system} <= {"(unreadable)", ""}


def test_what_was_shown_is_recorded(options, started):
    """B7: every card and every suggestion has a uuid, by which feedback finds it."""
    client = started(options)
    [card] = ask(client)["cards"]
    [row] = rows(client, advice)
    told = card["extension"]["org.foramen.assessment"]
    assert (row.card, row.code, row.verdict, row.suppressed) == (card["uuid"], told["code"], "corrected", False)
    assert (row.proposed, row.policy, row.knowledge) == (told["proposedCodes"], told["rules"], told["knowledge"])
    assert row.suggestions == [one["uuid"] for one in card["suggestions"]]
    assert row.rule


def test_a_repeated_call_is_recorded_once(options, started):
    client = started(options)
    body = hook()
    assert ask(client, body) == ask(client, body)
    assert len(rows(client, advice)) == 1


def test_a_check_that_was_not_made_is_recorded_too(sqlite, started):
    """S21"""
    client = started(sqlite)
    body = hook()
    body["context"]["draftOrders"] = {"resourceType": "Bundle"}
    body["prefetch"] = {"conditions": {"resourceType": "OperationOutcome"}, "orders": None}
    cards = client.post(SERVICE, json=body).get_json().get("cards", [])
    assert [row.verdict for row in rows(client, advice)] == [card["source"]["topic"]["code"] for card in cards]


# --- nothing of the patient --------------------------------------------------------------------------


def test_the_database_holds_nothing_of_the_patient(options, started):
    """S15, S16, B10: no id, no name, no word of the record, none of the clinician's."""
    client = started(options)
    body = hook(patientId="canary-mrn", userId="Practitioner/canary-user", encounterId="e1")
    body["fhirServer"] = "http://canary.example/fhir"
    text = json.dumps(body).replace("Patient/p1", "Patient/canary-mrn")
    reply = ask(client, json.loads(text))
    quotes = [
        one["quote"] for card in reply["cards"] for one in card["extension"]["org.foramen.assessment"]["evidence"]
    ]
    assert quotes
    for card in reply["cards"]:
        override_card(client, card, userComment="canary words about Jane Roe")
    written = "".join(str(tuple(row)) for table in SCHEMA.sorted_tables for row in rows(client, table))
    if options.data:
        written += "".join(path.read_bytes().decode("latin-1") for path in Path(options.data).iterdir())
    assert reply["cards"][0]["uuid"] in written
    for word in ["canary", "Roe", *quotes]:
        assert word not in written


def test_a_pseudonym_is_keyed(tmp_path, started):
    """S16: without the secret, nobody can try out which patient a row is of."""
    clients = [started(Settings(open=True, data=str(tmp_path / one), secret=one * 40)) for one in "ab"]
    [first], [second] = ([row.patient for row in rows(client, advice)] for client in clients if ask(client))
    assert first != second
    assert len(first) == 64


def test_the_words_of_clinicians_are_not_kept_unless_asked(options, started):
    """B10"""
    client = started(options)
    [card] = ask(client)["cards"]
    override_card(client, card, userComment="I know better")
    [row] = rows(client, feedback)
    assert row.comment is None
    assert row.reasoned


def test_the_words_of_clinicians_are_kept_encrypted(tmp_path, started):
    """B10"""
    client = started(Settings(open=True, data=str(tmp_path), keep_comments=True, comment_key=KEY))
    [card] = ask(client)["cards"]
    override_card(client, card, userComment="Größe unklar")
    [row] = rows(client, feedback)
    assert b"unklar" not in row.comment
    assert Fernet(KEY).decrypt(row.comment).decode() == "Größe unklar"
    told = foramen("feedback", "comments", data=tmp_path, keep_comments="1", comment_key=KEY)
    assert told.exit_code == 0, repr(told.exception)
    assert json.loads(told.output)["comment"] == "Größe unklar"
    other = Fernet.generate_key().decode()
    refused = foramen("feedback", "comments", data=tmp_path, keep_comments="1", comment_key=other)
    assert refused.exit_code == 1
    assert "FORAMEN_COMMENT_KEY" in refused.output


def test_the_files_are_the_services_own(sqlite, started):
    ask(started(sqlite))
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path(sqlite.data).iterdir()}
    assert {"foramen.db", "pseudonyms.key"} <= modes.keys()
    assert {mode for name, mode in modes.items() if name.startswith(("foramen.db", "pseudonyms"))} == {0o600}
    assert Path(sqlite.data).stat().st_mode & 0o777 == 0o700


# --- deleted -----------------------------------------------------------------------------------------


def later(client, days):
    """From now on it is so many days later for the service's database."""
    store = client.application.extensions["kept"].store
    clock = store.clock
    store.clock = lambda: clock() + timedelta(days=days)
    return store


def test_what_is_older_than_is_kept_is_deleted(options, started, monkeypatch):
    """S16: and nothing else; in batches, so that the service can write meanwhile."""
    monkeypatch.setattr(erase, "BATCH", 2)
    client = started(options)
    old = [ask(client)["cards"][0] for _ in range(5)]
    tell(client, *map(entry, old))
    store = later(client, 10)
    [card] = ask(client, hook("clarify"))["cards"]
    tell(client, accepted(card))
    assert not +erase.expire(store, 11)
    assert erase.expire(store, 9) == {"advice": 5, "feedback": 5}
    assert [row.card for row in rows(client, advice)] == [card["uuid"]]
    assert [row.card for row in rows(client, feedback)] == [card["uuid"]]


def test_a_patient_is_forgotten_and_nobody_else(options, started):
    """S16: their advice, and the feedback on it; the override goes with them."""
    client = started(options)
    [mine], [other] = (ask(client, re_patient(hook(), one))["cards"] for one in ("p1", "p2"))
    for card in (mine, other):
        override_card(client, card)
    ask(client)
    store = client.application.extensions["kept"].store
    assert erase.forget(store, rows(client, advice)[0].patient) == {"advice": 2, "feedback": 1}
    assert [row.card for row in rows(client, advice)] == [other["uuid"]]
    assert [row.card for row in rows(client, feedback)] == [other["uuid"]]
    assert ask(client)["cards"]
    assert not ask(client, re_patient(hook(), "p2"))["cards"]


def test_feedback_of_another_client_on_a_card_of_that_number_is_not_forgotten(sqlite, started):
    """S16: the numbers of cards are made of what clients send, so two of them may have the same."""
    client = started(sqlite)
    [card] = ask(client)["cards"]
    override_card(client, card)
    store = client.application.extensions["kept"].store
    [heard] = rows(client, feedback)
    with store.writing() as connection:
        connection.execute(sa.insert(feedback), heard._asdict() | {"id": 2, "digest": "other", "client": "other"})
    assert erase.forget(store, rows(client, advice)[0].patient) == {"advice": 1, "feedback": 1}
    assert [row.client for row in rows(client, feedback)] == ["other"]


def test_who_has_no_pseudonym_is_not_everybody(sqlite, started):
    client = started(sqlite)
    ask(client, without_patient(hook()))
    assert not erase.forget(client.application.extensions["kept"].store, "")
    assert rows(client, advice)


def test_what_is_deleted_is_gone_from_the_files(sqlite, started):
    """S16: also from SQLite's log and from its free pages."""
    client = started(sqlite)
    ask(client)
    [row] = rows(client, advice)
    store = client.application.extensions["kept"].store
    erase.forget(store, row.patient)
    written = b"".join(path.read_bytes() for path in Path(sqlite.data).glob("foramen.db*"))
    assert row.patient.encode() not in written
    assert row.card.encode() not in written
    assert b"advice" in written


@pytest.mark.parametrize("options", SHARED, indirect=True)
def test_an_operator_deletes_by_age_and_by_patient(options, started):
    """S16: the id of the patient comes on standard input, where no list of processes and no history shows it."""
    client = started(options)
    body = hook()
    [card] = ask(client, body)["cards"]
    tell(client, entry(card))
    server = ["--server", body["fhirServer"]] if "fhirServer" in body else []
    assert "deleted: 0 of advice, 0 of feedback" in told_of(options, "database", "expire", "--days", "1").output
    wrong = told_of(options, "database", "forget", "--client", "https://other.example", *server, given="p1\n")
    assert "deleted: 0 of advice" in wrong.output
    assert told_of(options, "database", "forget", *server, given="").exit_code == 1
    right = told_of(options, "database", "forget", *server, given="Patient/p1\n")
    assert right.output == "deleted: 1 of advice, 1 of feedback\n"
    assert not rows(client, advice) + rows(client, feedback)


def test_a_patient_is_the_same_however_the_id_is_written(sqlite, started):
    """Q7"""
    client = started(sqlite)
    override_card(client, ask(client)["cards"][0])
    assert not ask(client, hook(patientId="Patient/p1"))["cards"]


# --- heeded ------------------------------------------------------------------------------------------


def test_advice_set_aside_with_a_reason_is_not_repeated(options, started):
    """And that it was left out is told, recorded and countable."""
    client = started(options)
    override_card(client, ask(client)["cards"][0])
    again = ask(client)
    assert again == {"cards": [], "extension": {"org.foramen.suppressed": {"cards": 1}}}
    assert [row.suppressed for row in rows(client, advice)] == [False, True]
    assert 'foramen_advice_total{fate="suppressed",verdict="corrected"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    "told",
    [
        lambda _: [],
        lambda card: [entry(card)],
        lambda card: [entry(card, overrideReason={"userComment": "  "})],
        lambda card: [accepted(card)],
        lambda card: [entry(card, overrideReason=REASON), accepted(card)],
        lambda _: [entry({"uuid": str(uuid4())}, overrideReason=REASON)],
    ],
    ids=["silence", "no reason", "blank reason", "accepted", "accepted in the end", "another card"],
)
def test_what_was_not_set_aside_is_repeated(options, started, told):
    client = started(options)
    [card] = ask(client)["cards"]
    assert tell(client, *told(card)).status_code == 200
    assert ask(client)["cards"]


@pytest.mark.parametrize("code", [one["code"] for one in override.offered()] + ["not-now", "of-their-own"])
def test_a_reason_settles_a_matter_or_puts_it_off(sqlite, started, code):
    """C13: who had no time, or was the wrong one to ask, has decided nothing; that is so in any code system."""
    client = started(sqlite)
    override_card(client, ask(client)["cards"][0], reason={"code": code}, userComment="seen")
    assert bool(ask(client)["cards"]) is (code in POSTPONED)


def test_what_was_settled_and_then_put_off_is_open(options, started):
    client = started(options)
    [card] = ask(client)["cards"]
    override_card(client, card)
    override_card(client, card, reason={"code": "limited-time"})
    assert ask(client)["cards"]


def test_a_reason_in_words_is_a_reason(sqlite, started):
    """B5"""
    client = started(sqlite)
    override_card(client, ask(client)["cards"][0], userComment="seen and decided")
    assert not ask(client)["cards"]


def test_advice_returns_as_soon_as_the_evidence_changes(options, started):
    client = started(options)
    [card] = ask(client)["cards"]
    override_card(client, card)
    quote = card["extension"]["org.foramen.assessment"]["evidence"][0]["quote"]
    changed = noted(hook(), quote, f"{quote.split()[0]} markedly {' '.join(quote.split()[1:])}")
    reworded = ask(client, changed)
    assert len(reworded["cards"]) == 1
    assert not ask(client)["cards"]


def test_a_sentence_that_is_no_evidence_changes_nothing(options, started):
    """The quote stands elsewhere in the note, and still says the same."""
    client = started(options)
    [card] = ask(client)["cards"]
    override_card(client, card)
    quote = card["extension"]["org.foramen.assessment"]["evidence"][0]["quote"]
    assert not ask(client, noted(hook(), "", "The weather was fine.\n\n", quote))["cards"]


@pytest.mark.parametrize(
    "other",
    [
        lambda body: re_patient(body, "p2"),
        lambda body: body | {"fhirServer": "https://elsewhere.example/fhir"},
        without_patient,
    ],
    ids=["another patient", "the same id elsewhere", "no patient"],
)
def test_an_override_holds_for_its_patient_alone(options, started, other):
    client = started(options)
    override_card(client, ask(client)["cards"][0])
    assert ask(client, other(hook()))["cards"]


def test_a_card_that_stood_for_two_patients_is_not_heeded(options, started):
    """A client that reuses its hookInstance gives one uuid to the cards of several patients."""
    client = started(options)
    first = hook()
    second = re_patient(deepcopy(first), "p2")
    [card], [same] = (ask(client, body)["cards"] for body in (first, second))
    assert card["uuid"] == same["uuid"]
    override_card(client, card)
    assert ask(client, first)["cards"]
    assert ask(client, second)["cards"]


def test_one_hospital_does_not_settle_what_another_is_told(tmp_path, started):
    """B8: feedback counts for the cards of the client and tenant that sends it; their patients' ids are their own."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
    registered = f'[[client]]\niss = "{ISS}"\naudiences = ["{BASE}"]\njwks = "keys.json"\ntenants = ["a", "b"]\n'
    (tmp_path / "clients.toml").write_text(registered)
    client = started(Settings(clients=str(tmp_path / "clients.toml"), data=str(tmp_path)))

    def sent(tenant, path, body):
        authorization = {"Authorization": f"Bearer {token(path, tenant=tenant)}"}
        reply = client.post(path, json=body, headers=authorization)
        assert reply.status_code == 200
        return reply.get_json()

    body = hook()
    [card] = sent("a", SERVICE, body)["cards"]
    said = {"feedback": [entry(card, overrideReason=REASON)]}
    sent("b", f"{SERVICE}/feedback", said)
    assert sent("a", SERVICE, hook())["cards"], "said by b of a card of a"
    sent("a", f"{SERVICE}/feedback", said)
    assert not sent("a", SERVICE, hook())["cards"]
    assert sent("b", SERVICE, hook())["cards"]
    assert {row.client for row in rows(client, feedback)} == {f"{ISS} a", f"{ISS} b"}


def test_advice_returns_when_something_could_not_be_read(options, started):
    """S21: the card names it, and nothing else would."""
    client = started(options)
    override_card(client, ask(client)["cards"][0])
    body = hook()
    lost = {"resourceType": "DocumentReference", "id": "lost", "status": "current", "content": [{"attachment": {}}]}
    lost |= {"subject": {"reference": "Patient/p1"}, "context": {"encounter": [{"reference": "Encounter/e1"}]}}
    body["prefetch"]["notes"]["entry"].append({"resource": lost})
    assert ask(client, body)["cards"]


def test_an_override_holds_for_a_time(options, started):
    client = started(options)
    override_card(client, ask(client)["cards"][0])
    store = client.application.extensions["kept"].store
    clock = store.clock
    store.clock = lambda: clock() + timedelta(days=29)
    assert not ask(client)["cards"]
    store.clock = lambda: clock() + timedelta(days=31)
    assert ask(client)["cards"]


def test_overrides_are_not_heeded_where_the_operator_says_so(tmp_path, started):
    client = started(Settings(open=True, data=str(tmp_path), suppress_days=0))
    override_card(client, ask(client)["cards"][0])
    assert ask(client)["cards"]


def test_what_one_worker_heard_another_heeds(tmp_path, started):
    """And a service that was started anew."""
    chosen = Settings(open=True, data=str(tmp_path))
    first, second = started(chosen), started(chosen)
    override_card(first, ask(first)["cards"][0])
    assert not ask(second)["cards"]


def noted(body, old, new, marker=None):
    """The request with a text changed wherever a note says it."""

    def change(value):
        if isinstance(value, dict):
            return {key: encoded(member) if key == "data" else change(member) for key, member in value.items()}
        return [change(member) for member in value] if isinstance(value, list) else value

    def encoded(data):
        text = b64decode(data).decode()
        said = new + text if not old else text.replace(old, new)
        return b64encode(said.encode()).decode() if (marker or old) in text else data

    changed = change(body)
    assert changed != body
    return changed


@pytest.mark.parametrize("options", SHARED, indirect=True)
def test_no_row_is_lost_where_many_call_at_once(options, started, monkeypatch):
    """B6: SQLite lets one write at a time; whoever waits gets its turn, and does not try again by chance."""
    monkeypatch.setattr("cds_service.store.ledger.POOL_WAIT", 20.0)  # for a turn; this machine may be slow
    stores = [started(options).application for _ in range(2)]

    def one(number):
        client = stores[number % 2].test_client()
        for _ in range(3):
            [card] = ask(client, re_patient(hook(), f"q{uuid4()}"))["cards"]
            override_card(client, card)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(24)))
    client = stores[0].test_client()
    assert (len(rows(client, advice)), len(rows(client, feedback))) == (72, 72)
    for app in stores:
        assert "foramen_database_failures_total{" not in app.test_client().get("/metrics").text


# --- a database that fails ---------------------------------------------------------------------------


def fails(client, state="degraded"):
    """Every promise about a database that cannot be used (S21): a card, a 503, and both are counted.

    A probe must not take every replica out because of one database; one that never had it is not let in.
    """
    assert len(ask(client)["cards"]) == 1
    reply = tell(client, entry({"uuid": str(uuid4())}, overrideReason=REASON))
    assert reply.status_code == 503
    assert reply.get_json()["resourceType"] == "OperationOutcome"
    probed = client.get("/readyz")
    assert (probed.status_code, probed.get_json()["status"]) == (503 if state == "starting" else 200, state)
    assert client.get("/healthz").status_code == 200
    counted = client.get("/metrics").text
    for task in ("advise", "feedback", "ready"):
        assert f'foramen_database_failures_total{{task="{task}"}}' in counted


def works(client):
    client.application.extensions["kept"].store.resume()
    [card] = ask(client)["cards"]
    override_card(client, card)
    assert client.get("/readyz").get_json()["status"] == "ready"
    assert card["uuid"] in {row.card for row in rows(client, feedback)}


def test_a_locked_database_costs_no_card(sqlite, started):
    client = started(sqlite)
    other = sqlite3.connect(Path(sqlite.data) / "foramen.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    fails(client)
    other.close()
    works(client)


@postgresql.needed
def test_a_locked_table_costs_no_card(server, started):
    chosen = Settings(open=True, secret=SECRET, database=server.emptied())
    client = started(chosen)
    made = engine(address(chosen))
    with made.connect() as other:
        other.exec_driver_sql("LOCK TABLE advice, feedback IN ACCESS EXCLUSIVE MODE")
        fails(client)
    made.dispose()
    works(client)


def test_a_probe_does_not_wait_for_a_dead_database_every_time(sqlite, started):
    """Else it would run into its time-out, and the platform would take the service for dead."""
    client = started(sqlite)
    for path in Path(sqlite.data).glob("foramen.db*"):
        path.unlink()
    store = client.application.extensions["kept"].store
    tries = []
    sa.event.listen(store.engine, "checkout", lambda *_: tries.append(1))
    for _ in range(5):
        assert client.get("/readyz").get_json()["status"] == "degraded"
    assert len(tries) <= 3  # SQLAlchemy tries a lost connection anew; the other probes try none


def test_a_deleted_database_is_not_written_to(sqlite, started):
    """Whoever has a deleted file open can write to it, and all of it would be lost without a word."""
    client = started(sqlite)
    ask(client)
    for path in Path(sqlite.data).glob("foramen.db*"):
        path.unlink()
    fails(client)
    assert not (Path(sqlite.data) / "foramen.db").exists()


def test_a_full_disk_costs_no_card(sqlite, started):
    client = started(sqlite)
    store = client.application.extensions["kept"].store

    @sa.event.listens_for(store.engine, "checkout")
    def fill(connection, *_):
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    for _ in range(40):
        ask(client, hook())
    long = [entry({"uuid": str(uuid4())}) for _ in range(2000)]
    assert tell(client, *long).status_code == 503
    assert not rows(client, feedback)
    sa.event.remove(store.engine, "checkout", fill)


@contextmanager
def commanding(server):
    """A connection that does at once what it is told."""
    with tables(Settings(database=server.url)) as made, made.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def full(database):
    """No row can be added: the error of a disk without space."""
    body = "BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END"
    database.exec_driver_sql(f"CREATE FUNCTION no_space() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql")
    for table in ("advice", "feedback"):
        database.exec_driver_sql(f"CREATE TRIGGER no_space BEFORE INSERT ON {table} EXECUTE FUNCTION no_space()")
    try:
        yield
    finally:
        database.exec_driver_sql("DROP FUNCTION no_space CASCADE")


@contextmanager
def read_only(database):
    """What is left of a server that another took over from: all can be read and nothing written."""

    def turned(value):
        database.exec_driver_sql(f"ALTER DATABASE postgres SET default_transaction_read_only = {value}")
        connected = "FROM pg_stat_activity WHERE usesysid > 0 AND pid <> pg_backend_pid()"
        database.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {connected}")  # they would go on as before

    turned("on")
    try:
        yield
    finally:
        turned("off")


@postgresql.needed
@pytest.mark.parametrize("fault", [full, read_only])
def test_a_database_that_takes_no_rows_costs_no_card(server, started, fault):
    client = started(Settings(open=True, secret=SECRET, database=server.emptied()))
    with commanding(server) as other, fault(other):
        fails(client)
        assert not rows(client, feedback)
    works(client)


@postgresql.needed
def test_a_probe_notices_that_nothing_can_be_written(server, started):
    """A standby answers every question, and keeps nothing."""
    client = started(Settings(open=True, secret=SECRET, database=server.emptied()))
    with commanding(server) as other, read_only(other):
        assert client.get("/readyz").get_json()["status"] == "degraded"


@postgresql.needed
def test_a_database_that_went_away_and_came_back(server, started):
    client = started(Settings(open=True, secret=SECRET, database=server.emptied()))
    ask(client)
    server.stop()
    try:
        fails(client)
    finally:
        server.start()
    works(client)


@postgresql.needed
def test_a_service_started_without_its_database_answers_and_finds_it_later(server, started):
    database = server.emptied()
    server.stop()
    try:
        client = started(Settings(open=True, secret=SECRET, database=database))
        fails(client, "starting")
    finally:
        server.start()
    works(client)


@pytest.mark.parametrize("options", SHARED, indirect=True)
def test_no_acknowledged_row_is_lost_when_the_service_is_killed(options, started):
    """B6: kill -9 at any moment."""
    port = demo.free_port()
    named = {"FORAMEN_DATA": options.data, "FORAMEN_DATABASE": options.database, "FORAMEN_SECRET": SECRET}
    environment = os.environ | {name: value for name, value in named.items() if value}
    command = [sys.executable, "-m", "cds_service", "serve", "--dev", "--port", str(port)]
    acknowledged, enough = [], threading.Event()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True) as service:
        demo.wait(f"http://127.0.0.1:{port}", service)
        posts = [threading.Thread(target=post, args=(port, acknowledged, enough)) for _ in range(4)]
        for thread in posts:
            thread.start()
        enough.wait(timeout=60)
        os.killpg(service.pid, signal.SIGKILL)
        for thread in posts:
            thread.join()
    after = started(options)
    kept = {row.card for row in rows(after, feedback)}
    if options.data:
        with after.application.extensions["kept"].store.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert len(acknowledged) >= 40
    assert set(acknowledged) <= kept


def post(port, acknowledged, enough):
    """Send feedback until nobody answers any more."""
    with demo.requests.Session() as session:
        session.trust_env = False
        while True:
            card = {"uuid": str(uuid4())}
            try:
                reply = session.post(
                    f"http://127.0.0.1:{port}{SERVICE}/feedback", json={"feedback": [entry(card)]}, timeout=20
                )
            except demo.requests.RequestException:
                return
            if reply.status_code == 200:
                acknowledged.append(card["uuid"])
            if len(acknowledged) >= 40:
                enough.set()


# --- the tables --------------------------------------------------------------------------------------


@contextmanager
def tables(chosen):
    made = engine(address(chosen))
    try:
        yield made
    finally:
        made.dispose()


def test_the_steps_lead_to_the_tables_that_the_service_uses(options):
    with tables(options) as made:
        schema.upgrade(made)
        schema.upgrade(made)
        with made.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), SCHEMA) == []
        assert schema.revision(made) == schema.latest()


@pytest.mark.parametrize("options", SHARED, indirect=True)
def test_workers_that_start_together_take_the_steps_once(options):
    """Eight of them, on connections of their own."""
    failures = []

    def start():
        with tables(options) as made:
            try:
                Store(made).ready()
            except Unavailable as error:
                failures.append(error.__cause__)

    workers = [threading.Thread(target=start) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_a_step_that_breaks_off_leaves_nothing(options, monkeypatch):
    def broken(*_, **__):
        raise sa.exc.OperationalError("broken off", None, ValueError())

    with tables(options) as made:
        with monkeypatch.context() as patched:
            patched.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", broken)
            with pytest.raises(sa.exc.OperationalError):
                schema.upgrade(made)
        assert not sa.inspect(made).get_table_names()
        schema.upgrade(made)


def test_tables_of_a_later_release_are_left_alone(sqlite, started):
    ask(started(sqlite))
    with tables(sqlite) as made, made.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    client = started(sqlite)
    fails(client, "starting")


@postgresql.needed
def test_the_database_is_durable_by_its_settings(sqlite, server):
    with tables(sqlite) as made, made.connect() as connection:
        asked = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert asked == ["wal", 2]
    with tables(Settings(database=server.url)) as made, made.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


@pytest.mark.parametrize("name", ["plain", "a b", "50%", "a#b", "a?b", "Größe"])
def test_any_directory_will_do(tmp_path, name):
    with tables(Settings(data=str(tmp_path / name))) as made:
        Store(made).ready()
    assert (tmp_path / name / "foramen.db").stat().st_size


# --- settings and commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"FORAMEN_DATABASE": "oracle://x:hidden@y"}, "FORAMEN_DATABASE"),
        ({"FORAMEN_DATABASE": "no url, hidden"}, "FORAMEN_DATABASE"),
        ({"FORAMEN_DATABASE": "postgresql://x:hidden@127.0.0.1/y"}, "FORAMEN_SECRET"),
        ({"FORAMEN_SECRET": "hidden"}, "FORAMEN_SECRET"),
        ({"FORAMEN_KEEP_COMMENTS": "1"}, "FORAMEN_COMMENT_KEY"),
        ({"FORAMEN_KEEP_COMMENTS": "1", "FORAMEN_COMMENT_KEY": "hidden"}, "FORAMEN_COMMENT_KEY"),
        ({"FORAMEN_DATA": "/dev/null/hidden"}, "FORAMEN_DATA"),
        ({"FORAMEN_SUPPRESS_DAYS": "-1"}, "FORAMEN_SUPPRESS_DAYS"),
    ],
)
def test_a_setting_that_would_lose_or_expose_feedback_stops_the_start(wrong, said):
    with pytest.raises(SettingsError, match=said) as refused:
        create_app(settings.read({"FORAMEN_OPEN": "1", **wrong}))
    assert "hidden" not in str(refused.value).replace("/dev/null/hidden", "")
    result = CliRunner().invoke(main, ["serve", "--dev", "--port", str(demo.free_port())], env=wrong)
    assert result.exit_code == 1
    assert said in result.output


def test_settings_do_not_tell_secrets():
    chosen = Settings(secret="hidden1", database="postgresql://x:hidden2@y", comment_key="hidden3")
    assert "hidden" not in repr(chosen)


def test_overrides_need_not_be_heeded():
    assert settings.read({"FORAMEN_SUPPRESS_DAYS": "0"}).suppress_days == 0


def test_workers_share_one_secret(tmp_path):
    chosen = Settings(data=str(tmp_path / "new"))
    found = []
    workers = [threading.Thread(target=lambda: found.append(secret(chosen))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) >= 32


def foramen(*arguments, given=None, **environment):
    named = {f"FORAMEN_{name.upper()}": str(value) for name, value in environment.items()}
    return CliRunner().invoke(main, list(arguments), env=named, input=given)


def told_of(chosen, *arguments, given=None):
    where = {"data": chosen.data, "database": chosen.database, "secret": chosen.secret}
    return foramen(*arguments, given=given, **{name: value for name, value in where.items() if value})


def some_feedback(client):
    """Three cards: one accepted after all, one set aside and then suppressed once, one without an answer."""
    [first] = ask(client)["cards"]
    tell(client, entry(first, overrideReason=REASON), accepted(first))
    [second] = ask(client, hook("clarify"))["cards"]
    override_card(client, second)
    ask(client, hook("clarify"))
    ask(client, hook("unsupported"))
    tell(client, entry({"uuid": str(uuid4())}))


def test_the_report_tells_rates(options, started):
    client = started(options)
    some_feedback(client)
    if not (options.data or options.database):
        assert "FORAMEN_DATA" in told_of(options, "feedback", "report").output
        return
    found = json.loads(told_of(options, "feedback", "report", "--by", "verdict", "--format", "json").output)
    figures = {line.pop("subject"): line for line in found}
    none = dict.fromkeys(("shown", "accepted", "overridden", "unanswered", "suppressed"), 0)
    none |= dict.fromkeys(("shadow", "rule_off", "verdict_off", "element_off"), 0)
    assert figures == {
        "corrected": none | {"shown": 1, "accepted": 1, "acceptance": 1.0, "override": 0.0},
        "clarify": none | {"shown": 1, "overridden": 1, "suppressed": 1, "acceptance": 0.0, "override": 1.0},
        "unsupported": none | {"shown": 1, "unanswered": 1, "acceptance": None, "override": None},
        "(unknown card)": none | {"overridden": 1, "acceptance": 0.0, "override": 1.0},
    }


@postgresql.needed
def test_a_command_may_take_longer_than_a_call(server, monkeypatch):
    """The limits of a call are not those of an operator with years of feedback."""
    for name, value in {"FORAMEN_DATABASE": server.emptied(), "FORAMEN_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    with command.kept() as store, store.reading() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "10min"


@pytest.mark.parametrize(
    ("by", "subject"), [("pair", "M99.53 -> M99.73"), ("service", "m99-order-sign"), ("rule", None)]
)
def test_the_report_counts_by(sqlite, started, by, subject):
    client = started(sqlite)
    ask(client)
    [row] = rows(client, advice)
    table = told_of(sqlite, "feedback", "report", "--by", by).output
    [line] = csv.DictReader(io.StringIO(table))
    assert line["subject"] == (subject or row.rule)
    assert (line["shown"], line["unanswered"], line["acceptance"]) == ("1", "1", "")


def test_the_tables_can_be_made_by_hand(sqlite):
    result = told_of(sqlite, "database", "upgrade")
    assert result.output == f"sqlite: at step {schema.latest()}\n"
    assert told_of(Settings(), "database", "upgrade").exit_code == 1
