"""Who may use the playground and see the review (issue 7): who holds the token; in dev whoever is at the machine."""

import re

import pytest
from click.testing import CliRunner

from cds_service.app import create_app
from cds_service.cli import main
from cds_service.operators import CALLER, HEADER, SHORTEST
from cds_service.pages import ehr, samples
from cds_service.pages.site import WORDS
from cds_service.settings import Settings, SettingsError
from knowledge import load

TOKEN = "an operator's token of thirty-two"
SECURE = "https://cds.example"
#: Clients are registered, so that nobody is let in without a token of theirs.
CLIENTS = """[[client]]
iss = "https://ehr.example"
jku = "https://ehr.example/jwks.json"
audiences = ["https://cds.example"]
"""


@pytest.fixture
def registered(tmp_path):
    path = tmp_path / "clients.toml"
    path.write_text(CLIENTS)
    return str(path)


def application(**options):
    return create_app(Settings(**options))


@pytest.fixture
def guarded(registered):
    """A service in production, with an operator."""
    app = application(clients=registered, operator_token=TOKEN)
    yield app.test_client()
    app.extensions["kept"].store.engine.dispose()


def enter(client, token=TOKEN, **more):
    return client.post("/sign-in", data={"token": token}, base_url=SECURE, **more)


def word(client):
    page = client.get("/playground", base_url=SECURE)
    return re.search(r'name="foramen-session" content="([^"]+)"', page.text)[1]


def asked():
    return ehr.request(samples.read()["exit-not-canal"].form(), "v", load())


def test_without_a_token_nobody_can_sign_in_and_nothing_of_it_is_there(registered):
    client = application(clients=registered).test_client()
    for path in ("/playground", "/review", "/sign-in", "/playground/samples/leg-nerve"):
        reply = client.get(path)
        assert (reply.status_code, "Set-Cookie" in reply.headers) == (404, False), path
    assert client.post("/sign-in", data={"token": ""}).status_code == 404
    assert client.post("/playground/explain", json={}, headers={HEADER: ""}).status_code == 403
    assert WORDS["page"]["playground"] not in client.get("/").text


def test_a_short_token_stops_the_start(registered):
    with pytest.raises(SettingsError, match=f"FORAMEN_OPERATOR_TOKEN: at least {SHORTEST}"):
        application(clients=registered, operator_token="short")


def test_a_short_token_stops_the_start_of_the_server_with_a_sentence(monkeypatch):
    monkeypatch.setenv("FORAMEN_OPERATOR_TOKEN", "short")
    told = CliRunner().invoke(main, ["serve", "--dev", "--port", "1"])
    assert (told.exit_code, "FORAMEN_OPERATOR_TOKEN" in told.output) == (1, True)


def test_a_stranger_is_asked_to_sign_in(guarded):
    for path in ("/playground", "/review"):
        reply = guarded.get(path, base_url=SECURE)
        assert (reply.status_code, reply.headers["Location"]) == (303, "sign-in"), path


def test_a_wrong_token_is_refused_and_opens_nothing(guarded):
    reply = enter(guarded, TOKEN + "x")
    assert reply.status_code == 403
    assert WORDS["door"]["refused"] in reply.text
    assert "Set-Cookie" not in reply.headers
    assert guarded.get("/playground", base_url=SECURE).status_code == 303


def test_too_many_tries_are_held_back(guarded):
    tries = [enter(guarded, "x").status_code for _ in range(20)]
    assert tries[0] == 403
    assert tries[-1] == 429


def test_the_cookie_is_for_this_origin_alone_and_for_no_script(guarded):
    cookie = enter(guarded).headers["Set-Cookie"]
    assert cookie.startswith("__Host-foramen=")
    for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Expires="):
        assert part in cookie, part
    assert TOKEN not in cookie


def test_who_is_signed_in_sees_the_playground_until_the_end_of_the_session(guarded):
    assert enter(guarded).status_code == 303
    assert guarded.get("/playground", base_url=SECURE).status_code == 200
    said = word(guarded)
    assert guarded.post("/sign-out", data={"word": "another"}, base_url=SECURE).status_code == 403
    assert guarded.post("/sign-out", data={"word": said}, base_url=SECURE).status_code == 303
    assert guarded.get("/playground", base_url=SECURE).status_code == 303


def test_another_token_ends_every_session(registered, guarded):
    enter(guarded)
    held = guarded.get_cookie("__Host-foramen", "cds.example").value
    for token, status in ((TOKEN[::-1], 303), (TOKEN, 200)):
        other = application(clients=registered, operator_token=token).test_client()
        other.set_cookie("__Host-foramen", held, domain="cds.example", secure=True)
        assert other.get("/playground", base_url=SECURE).status_code == status


def test_a_form_on_another_site_cannot_sign_anyone_in(guarded):
    assert enter(guarded, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 404
    assert enter(guarded, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_a_session_calls_the_genuine_endpoints_only_with_its_own_word(guarded):
    request = asked()
    address = f"/cds-services/{request.service}"
    assert guarded.post(address, json=request.body, base_url=SECURE).status_code == 401
    enter(guarded)
    for headers in ({}, {HEADER: ""}, {HEADER: "dev"}, {HEADER: "another"}):
        assert guarded.post(address, json=request.body, base_url=SECURE, headers=headers).status_code == 401, headers
    said = {HEADER: word(guarded)}
    reply = guarded.post(address, json=request.body, base_url=SECURE, headers=said)
    assert (reply.status_code, len(reply.json["cards"])) == (200, 1)
    spoken = said | {"Authorization": "Bearer none"}
    assert guarded.post(address, json=request.body, base_url=SECURE, headers=spoken).status_code == 401, (
        "a client is one"
    )


def test_what_an_operator_tries_is_told_from_what_clients_do(guarded, caplog):
    caplog.set_level("INFO")
    enter(guarded)
    request = asked()
    address, said = f"/cds-services/{request.service}", {HEADER: word(guarded)}
    card = guarded.post(address, json=request.body, base_url=SECURE, headers=said).json["cards"][0]
    entry = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-11-20T09:00:00Z"}
    body = {"feedback": [entry | {"acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}]}
    assert guarded.post(f"{address}/feedback", json=body, base_url=SECURE, headers=said).status_code == 200
    with guarded.application.extensions["kept"].store.reading() as connection:
        rows = [*connection.exec_driver_sql("select client from advice union all select client from feedback")]
    assert rows == [(CALLER,), (CALLER,)]
    logged = [(record.getMessage(), record.facts) for record in caplog.records]
    assert [facts.get("client") for message, facts in logged if message == "answered"][-2:] == [CALLER, CALLER]
    assert TOKEN not in str(logged)


def test_other_sites_may_not_send_the_header(registered):
    app = application(clients=registered, operator_token=TOKEN, origins=frozenset({"https://ehr.example"}))
    told = app.test_client().options("/cds-services/m99-order-sign", headers={"Origin": "https://ehr.example"})
    assert HEADER.lower() not in told.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize(
    ("near", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.9", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}, 404),
    ],
)
def test_in_dev_the_playground_is_for_whoever_is_at_this_machine(near, headers, status):
    client = application(dev=True).test_client()
    reply = client.get("/playground", environ_base={"REMOTE_ADDR": near}, headers=headers)
    assert reply.status_code == status


def test_in_dev_a_page_of_another_site_cannot_ask_the_playground():
    client = application(dev=True).test_client()
    assert client.post("/playground/request", json={"visit": "v"}).status_code == 403
    assert client.post("/playground/request", json={"visit": "v"}, headers={HEADER: "dev"}).status_code == 200


def test_a_service_that_is_open_has_no_playground_for_strangers():
    client = application(open=True).test_client()
    assert client.get("/playground").status_code == 404
    assert client.post("/playground/explain", json={}, headers={HEADER: "dev"}).status_code == 403
