"""Going live gently: what an operator withholds is judged, recorded and counted, and never looks like a supported code.

The numbers are those of issue 4 (8a) and of the protocol table (S21: a failed check is never silence).
"""

import json
from contextlib import contextmanager
from copy import deepcopy
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from jsonschema import Draft202012Validator
from runner import REGISTRY, ROOT
from tokens import BASE, ISS, jwk, token

from cds_service import settings
from cds_service.app import create_app
from cds_service.feedback_report import report
from cds_service.settings import Settings, SettingsError
from cds_service.store import address, engine, schema
from cds_service.store.connect import WRITES
from cds_service.store.tables import advice

ANSWER = Draft202012Validator({"$ref": "https://foramen.org/schemas/response.schema.json"}, registry=REGISTRY)
ORDER_SIGN, DISCHARGE = "m99-order-sign", "m99-encounter-discharge"
RULE = "other-code-documented"  # that decides corrected.json and discharge.json


@pytest.fixture
def started(tmp_path):
    """Starts a service for one client with a ``showing`` table; closes its connections after the test."""
    apps = []

    def start(showing="", **options):
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("ES384", "k1")]}))
        file = tmp_path / "clients.toml"
        file.write_text(f'[[client]]\niss = "{ISS}"\naudiences = ["{BASE}"]\njwks = "keys.json"\n{showing}\n')
        apps.append(create_app(Settings(clients=str(file), data=str(tmp_path / "data"), **options)))
        return apps[-1].test_client()

    yield start
    for app in apps:
        app.extensions["kept"].store.engine.dispose()


def body(name="corrected"):
    return json.loads((ROOT / f"tests/requests/{name}.json").read_text(encoding="utf-8")) | {
        "hookInstance": str(uuid4())
    }


def asked(client, sent=None, service=ORDER_SIGN):
    path = f"/cds-services/{service}"
    reply = client.post(path, json=sent or body(), headers={"Authorization": f"Bearer {token(path)}"})
    assert reply.status_code == 200
    ANSWER.validate(reply.get_json())
    return reply.get_json()


def withheld(**why):
    return {"org.foramen.suppressed": {"cards": sum(why.values()), "withheld": why}}


def left_out(why):
    return {"cards": [], "extension": withheld(**{why: 1})}


def rows(client):
    with client.application.extensions["kept"].store.reading() as connection:
        return connection.execute(sa.select(advice).order_by(advice.c.id)).all()


@contextmanager
def written(made):
    with made.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


def mixed_up():
    """A request of which a part belongs to another patient: its check is not complete, and a card says so."""
    sent = body("supported")
    found = next(one for one in sent["prefetch"].values() if isinstance(one, dict) and one.get("entry"))
    other = deepcopy(found["entry"][0])
    other["resource"] |= {"id": "x1", "subject": {"reference": "Patient/other"}}
    found["entry"].append(other)
    return sent


def test_without_a_table_everything_shows(started):
    client = started()
    assert len(asked(client)["cards"]) == 1
    assert len(asked(client, body("conservative-care"))["cards"]) == 1
    assert [(row.suppressed, row.withheld) for row in rows(client)] == [(False, ""), (False, "")]


@pytest.mark.parametrize(
    ("showing", "name", "why"),
    [
        ("shadow = true", "corrected", "shadow"),
        (f'rules_off = ["{RULE}"]', "corrected", "rule-off"),
        ('verdicts = ["clarify", "supported"]', "corrected", "verdict-off"),
        ("verdicts = []", "unsupported", "verdict-off"),
        ('elements = ["imaging", "level"]', "conservative-care", "element-off"),
        ("elements = []", "conservative-care", "element-off"),
    ],
)
def test_what_is_withheld_is_told_recorded_and_counted(started, showing, name, why):
    client = started(f"[client.showing]\n{showing}")
    shown = asked(started(), body(name))["cards"]
    assert shown, "the same call shows a card otherwise"
    assert asked(client, body(name)) == left_out(why)
    told = shown[0]["extension"]["org.foramen.assessment"]
    row = rows(client)[-1]
    assert (row.suppressed, row.withheld, row.code, row.verdict) == (True, why, told["code"], told["verdict"])
    counts = client.get("/metrics").text
    assert f'foramen_advice_total{{fate="{why}",verdict="{told["verdict"]}"}} 1.0' in counts
    assert f'foramen_assessments_total{{verdict="{told["verdict"]}"}} 1.0' in counts, "judged all the same"
    assert 'fate="shown"' not in counts
    [line] = report(client.application.extensions["kept"].store, "verdict")
    assert (line.subject, line.shown, line.suppressed) == (told["verdict"], 1, 0), "shown before it was withheld"
    assert getattr(line, why.replace("-", "_")) == 1


@pytest.mark.parametrize(
    ("showing", "name"),
    [
        ('rules_off = ["sources-disagree"]', "corrected"),
        ('verdicts = ["corrected"]', "corrected"),
        ('elements = ["conservative-care"]', "conservative-care"),
        ("elements = []", "corrected"),
        ("elements = []", "incomplete"),
    ],
)
def test_what_is_not_named_shows(started, showing, name):
    """An element switched off hides no card that says more than that."""
    answer = asked(started(f"[client.showing]\n{showing}"), body(name))
    assert len(answer["cards"]) == 1
    assert "extension" not in answer


def test_a_supported_code_is_silent_and_nothing_is_withheld_of_it(started):
    client = started("[client.showing]\nshadow = true")
    assert asked(client, body("supported")) == {"cards": []}
    assert rows(client) == []


def test_a_hook_goes_live_before_the_others(started):
    client = started("[client.showing]\nshadow = true\n[client.showing.hooks.order-sign]\nshadow = false")
    assert len(asked(client)["cards"]) == 1
    assert asked(client, body("discharge"), DISCHARGE) == left_out("shadow")


def test_a_hook_has_its_own_verdicts_and_a_rule_switched_off_stays_off(started):
    hooks = '[client.showing.hooks.order-sign]\nverdicts = ["corrected"]\nrules_off = ["supported"]'
    client = started(f'[client.showing]\nverdicts = ["clarify"]\n{hooks}')
    assert len(asked(client)["cards"]) == 1
    assert asked(client, body("discharge"), DISCHARGE) == left_out("verdict-off")
    client = started(f'[client.showing]\nrules_off = ["{RULE}"]\n{hooks}')
    assert asked(client) == left_out("rule-off")


def test_the_operator_withholds_from_everyone(started):
    shadowed = started("[client.showing.hooks.order-sign]\nshadow = false", shadow=True)
    assert asked(shadowed) == left_out("shadow")
    assert asked(started(rules_off=frozenset({RULE}))) == left_out("rule-off")
    read = settings.read({"FORAMEN_SHADOW": "1", "FORAMEN_RULES_OFF": f"{RULE}, supported"})
    assert (read.shadow, read.rules_off) == (True, {RULE, "supported"})


def test_that_a_check_failed_is_withheld_in_shadow_mode_alone(started):
    """S21"""
    everything = f'verdicts = []\nelements = []\nrules_off = ["{RULE}", "supported"]'
    [card] = asked(started(f"[client.showing]\n{everything}"), mixed_up())["cards"]
    assert card["source"]["topic"]["code"] == "check-unavailable"
    client = started("[client.showing]\nshadow = true")
    assert asked(client, mixed_up()) == left_out("shadow")
    assert rows(client)[-1].withheld == "shadow"
    assert 'foramen_advice_total{fate="shadow",verdict="check-unavailable"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("shadow", [True, False])
def test_a_fault_of_ours_shows_nothing_in_shadow_mode(started, monkeypatch, shadow):
    """S21"""

    def fault(*_):
        raise ValueError

    monkeypatch.setattr("cds_service.app.answer", fault)
    client = started(shadow=shadow)
    answer = asked(client)
    if shadow:
        assert answer == left_out("shadow")
        assert 'fate="shadow",verdict="check-unavailable"} 1.0' in client.get("/metrics").text
    else:
        assert [card["source"]["topic"]["code"] for card in answer["cards"]] == ["check-unavailable"]


def test_a_database_that_is_gone_shows_nothing_that_is_withheld(started):
    client = started("[client.showing]\nshadow = true")
    with written(client.application.extensions["kept"].store.engine) as connection:
        connection.exec_driver_sql("DROP TABLE advice")
    assert asked(client) == left_out("shadow")
    assert 'foramen_database_failures_total{task="advise"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("showing", "said"),
    [
        (
            'rules_off = ["other-code-documentd"]',
            "other-code-documentd: no such rule; there are .*other-code-documented",
        ),
        ('elements = ["imagin"]', "imagin: no such element; there are .*imaging"),
        ('hooks.order-sign.rules_off = ["nothing"]', "nothing: no such rule"),
        ('verdicts = ["wrong"]', "wrong"),
        ("shaddow = true", "shaddow"),
        ("hooks.order-sgn.shadow = true", "order-sgn"),
        ("hooks.order-sign.shaddow = true", "shaddow"),
        ("hooks.order-sign.hooks = {}", "hooks"),
        ('shadow = "no"', "boolean"),
    ],
)
def test_a_misspelt_switch_stops_the_start(started, showing, said):
    with pytest.raises(SettingsError, match=said):
        started(f"[client.showing]\n{showing}")


def test_a_misspelt_rule_of_the_settings_stops_the_start(started):
    with pytest.raises(SettingsError, match="nothing: no such rule"):
        started(rules_off=frozenset({"nothing"}))


def test_rows_from_before_were_withheld_by_nothing(tmp_path):
    """Migration 0002: advice that stands in a database already keeps its place."""
    options = Settings(data=str(tmp_path), open=True)
    made = engine(address(options))
    with written(made) as connection:
        command.upgrade(schema._steps(connection), "0001")
        old = [name for name in advice.c.keys() if name not in {"id", "withheld"}]  # noqa: SIM118 - columns are no dict
        values = {"policy": "[]", "proposed": "[]", "suggestions": "[]", "suppressed": 0, "at": "2026-11-20 08:00:00.0"}
        row = dict.fromkeys(old, "x") | values
        named = ", ".join(f":{name}" for name in old)
        connection.execute(sa.text(f"INSERT INTO advice ({', '.join(old)}) VALUES ({named})"), row)  # noqa: S608
    schema.upgrade(made)
    with made.connect() as connection:
        [kept] = connection.execute(sa.select(advice)).all()
    made.dispose()
    assert (kept.card, kept.suppressed, kept.withheld) == ("x", False, "")
