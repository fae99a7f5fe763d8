"""The playground (issue 7, 2): genuine requests from the form, explained by the line that answers them."""

import json
import re
from base64 import b64decode

import pytest
from jsonschema import Draft202012Validator
from runner import ROOT, invalid
from test_pages import Read

import knowledge
from cds_service.app import create_app
from cds_service.operators import HEADER
from cds_service.pages import ehr, marks, samples
from cds_service.pages.changes import changes
from cds_service.pages.samples import Form
from cds_service.pages.site import WORDS
from cds_service.services import services
from cds_service.settings import Settings
from knowledge import Assertion, Evidence
from knowledge.findings import findings
from knowledge.model import Chart, Document, Role, Verdict

SAMPLES = sorted(samples.read())
OURS = {HEADER: "dev"}
EVERY_HOOK = [service.hook for service in services().values()]


@pytest.fixture(scope="module")
def client():
    app = create_app(Settings(dev=True))
    yield app.test_client()
    app.extensions["kept"].store.engine.dispose()


def answered(client, name, visit="v", **changed):
    """A sample on its way through the page: form, request, answer, explanation."""
    form = client.get(f"/playground/samples/{name}").json | {"visit": visit} | changed
    made = client.post("/playground/request", json=form, headers=OURS).json
    reply = client.post(f"/cds-services/{made['service']}", json=made["request"])
    assert reply.status_code == 200, reply.text
    told = client.post("/playground/explain", json=made | {"response": reply.json}, headers=OURS)
    assert told.status_code == 200, told.text
    return made["request"], reply.json, told.json["html"]


# --- the charts to begin with ---------------------------------------------------------------------------


def test_there_are_a_dozen_charts_over_all_verdicts():
    assert len(SAMPLES) == 12
    assert {one.verdict for one in samples.read().values()} == {str(verdict) for verdict in Verdict}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_chart_comes_to_the_verdict_it_is_here_for(client, name):
    _, response, html = answered(client, name)
    sample = samples.read()[name]
    assert f'class="verdict {sample.verdict}"' in html
    told = [card["extension"]["org.foramen.assessment"]["verdict"] for card in response["cards"]]
    assert told in ([sample.verdict], [])
    assert told or WORDS["ehr"]["silent"] in Read(html).text


# --- the request ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_the_form_becomes_a_request_of_the_hook_that_is_asked_for(client, hook):
    request, response, _ = answered(client, "exit-not-canal", visit=f"v-{hook}", hook=hook)
    assert request["hook"] == hook
    assert [card["extension"]["org.foramen.assessment"]["code"] for card in response["cards"]] == ["M99.53"]


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_every_resource_of_the_request_is_valid_r4(hook):
    form = Form(("M99.53",), "A note.", "A report.", tuple(samples.orders()), "2026-09-08", "AMB", hook)
    body = ehr.request(form, "v", knowledge.load()).body
    found = [one for one in held(body) if one["resourceType"] != "Bundle"]
    assert {one["resourceType"] for one in found} >= {"Patient", "Encounter", "Condition", "DocumentReference"}
    assert [problem for problem in map(invalid, found) if problem] == []


def held(value):
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for inner in value.values():
            yield from held(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from held(inner)


def test_what_is_typed_stands_in_the_request_as_it_was_typed(client):
    form = {
        "codes": "m99.73, M99.63",
        "note": "Ein Bericht – 北 \u2028",
        "orders": ["mri", "none"],
        "date": "2026-01-02",
    }
    made = client.post("/playground/request", json=form | {"visit": "v"}, headers=OURS).json["request"]
    note = made["prefetch"]["notes"]["entry"][0]["resource"]["content"][0]["attachment"]["data"]
    assert b64decode(note).decode() == form["note"]
    codes = [one["resource"]["code"]["coding"][0]["code"] for one in made["prefetch"]["conditions"]["entry"]]
    assert codes == ["M99.73", "M99.63"]
    [order] = made["context"]["draftOrders"]["entry"]
    assert order["resource"]["code"]["text"] == samples.orders()["mri"].text
    assert made["prefetch"]["reports"]["entry"] == []


def test_a_form_of_a_wrong_shape_is_refused_with_its_place(client):
    reply = client.post("/playground/request", json={"visit": "v", "note": 1}, headers=OURS)
    assert (reply.status_code, reply.json["resourceType"]) == (400, "OperationOutcome")
    assert "note" in reply.text


# --- the explanation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_every_text_of_the_chart_is_shown_whole_and_marked(client, name):
    _, _, html = answered(client, name)
    sample = samples.read()[name]
    shown = [
        Read(re.sub(r"<sup.*?</sup>", "", part)).words
        for part in re.findall(r'<div class="note".*?</div>', html, re.DOTALL)
    ]
    texts = {"".join(words) for words in shown}
    assert {sample.note, sample.report} - {""} <= {text.strip() for text in texts}
    assert "<mark" in html


def test_what_an_answer_rests_on_is_marked_where_it_stands(client):
    _, response, html = answered(client, "exit-not-canal")
    evidence = response["cards"][0]["extension"]["org.foramen.assessment"]["evidence"]
    strong = {
        "".join(Read(part).words) for part in re.findall(r'<mark class="[^"]* counts".*?</mark>', html, re.DOTALL)
    }
    for piece in evidence:
        assert any(piece["quote"] in text for text in strong), piece["quote"]


def test_denied_doubted_and_past_findings_are_marked_as_such(client):
    _, _, html = answered(client, "possible-denied-past")
    for held_as, quote in (
        ("negated", "osteophytes"),
        ("uncertain", "spur"),
        ("historical", "spur"),
        ("elsewhere", "stenosis"),
    ):
        found = re.findall(rf'<mark class="\w+ {held_as}[^"]*"[^>]*>(.*?)</mark>', html, re.DOTALL)
        assert any(quote in one for one in found), held_as
        assert WORDS["held"][held_as] in html


def test_the_axes_the_rule_and_the_facts_are_told(client):
    _, _, html = answered(client, "exit-not-canal")
    page = Read(html)
    for said in (
        "neural canal",
        "intervertebral foramen",
        WORDS["stands"]["contradicted"],
        WORDS["stands"]["supported"],
    ):
        assert said in page.text
    assert "rules/other-code-documented" in page.addresses
    assert "codes/M99.73" in page.addresses
    assert WORDS["fact"]["expected"]["other"] in page.text


def test_the_curl_command_sends_the_same_request(client):
    request, _, html = answered(client, "exit-not-canal")
    command = "".join(Read(re.search(r'<pre[^>]*id="curl">.*?</pre>', html, re.DOTALL)[0]).words)
    body = command.partition("<<'JSON'\n")[2].rpartition("\nJSON")[0]
    assert json.loads(body) == request
    assert "http://localhost/cds-services/m99-order-sign" in command


def test_a_card_shows_what_a_choice_would_change(client):
    request, response, html = answered(client, "exit-not-canal")
    [choice] = [one for one in response["cards"][0]["suggestions"] if one.get("actions")]
    made = changes(choice, request)
    assert len(made) == 2
    for change in made:
        lines = dict.fromkeys(line.strip() for kind, line in change.lines if kind == "removed")
        assert '"code": "M99.53",' in lines
        assert '"code": "M99.73",' in {line.strip() for kind, line in change.lines if kind == "added"}
    assert html.count("<ins>") == sum(kind == "added" for change in made for kind, _ in change.lines)


def test_a_new_resource_is_shown_whole():
    task = {"resourceType": "Task", "id": "t", "status": "requested"}
    [made] = changes({"actions": [{"type": "create", "description": "A task.", "resource": task}]}, {})
    assert {kind for kind, _ in made.lines} == {"added"}


def test_the_feedback_that_a_button_sends_is_accepted_by_the_service(client):
    _, response, html = answered(client, "herniation", visit="w")
    said = [
        json.loads(Read(f"<p>{one}</p>").text)
        for one in re.findall(r'(?:data-feedback|option value)="([^"]*outcome[^"]*)"', html)
    ]
    assert {one["outcome"] for one in said} == {"accepted", "overridden"}
    for one in said:
        entry = one | {"outcomeTimestamp": "2026-11-20T10:00:00Z"}
        reply = client.post("/cds-services/m99-order-sign/feedback", json={"feedback": [entry]})
        assert (reply.status_code, reply.json) == (200, {"accepted": 1})
    assert {one["card"] for one in said} == {response["cards"][0]["uuid"]}


def test_advice_that_was_dismissed_is_said_to_be_left_out_and_never_looks_like_silence(client):
    _, response, _ = answered(client, "two-tissues", visit="x")
    [card] = response["cards"]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-20T10:00:00Z"}
    reason = {"code": "recipient-disagrees-evidence", "system": card["overrideReasons"][0]["system"]}
    body = {"feedback": [entry | {"overrideReason": {"reason": reason}}]}
    assert client.post("/cds-services/m99-order-sign/feedback", json=body).status_code == 200
    _, again, html = answered(client, "two-tissues", visit="x")
    assert again["cards"] == []
    assert WORDS["playground"]["left_out"].format(count=1) in Read(html).text
    assert WORDS["ehr"]["silent"] not in Read(html).text
    _, other, _ = answered(client, "two-tissues", visit="y")
    assert len(other["cards"]) == 1, "another visitor, another patient"


@pytest.mark.parametrize("path", sorted((ROOT / "tests/requests").glob("*.json")), ids=lambda path: path.stem)
def test_a_request_of_a_file_is_explained_too(client, path):
    request = json.loads(path.read_text(encoding="utf-8"))
    service = f"m99-{request['hook']}"
    response = client.post(f"/cds-services/{service}", json=request).json
    body = {"service": service, "request": request, "response": response}
    told = client.post("/playground/explain", json=body, headers=OURS)
    assert told.status_code == 200
    for card in response["cards"]:
        assert card["summary"] in Read(told.json["html"]).text


def test_markup_in_a_record_is_shown_as_text(client):
    note = (
        "Assessment: <script>alert(1)</script> L4-5 <b>foraminal</b> stenosis, disc bulge.<img src=x onerror=alert(1)>"
    )
    _, _, html = answered(client, "exit-not-canal", visit="z", note=note, report="")
    page = Read(html)
    assert not page.elements & {"script", "img", "b"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert "<script>alert(1)</script>" in "".join(page.words)


def test_nothing_that_was_typed_is_stored_or_logged(client, caplog):
    caplog.set_level("DEBUG")
    note = "CANARY Assessment: the L4-5 foramen is narrowed by a canary-yellow disc bulge."
    _, response, _ = answered(client, "exit-not-canal", visit="canary", note=note)
    assert response["cards"]
    store = client.application.extensions["kept"].store
    with store.reading() as connection:
        rows = [str(row) for row in connection.exec_driver_sql("select * from advice")]
    assert rows
    logged = [str((record.getMessage(), record.facts)) for record in caplog.records if record.name == "foramen"]
    assert logged
    assert not [row for row in rows + logged if "canary" in row.lower()]


def test_the_page_has_one_address_from_which_its_links_lead(client):
    reply = client.get("/playground/")
    assert (reply.status_code, reply.headers["Location"]) == (308, "../playground")
    _, _, html = answered(client, "exit-not-canal", visit="links")
    for link in {one for one in Read(html).addresses if not one.startswith("#")}:
        assert client.get(f"/{link}").status_code == 200, link


def test_the_page_itself_may_run_its_script_and_call_this_service_alone(client):
    reply = client.get("/playground")
    policy = dict(one.split(" ", 1) for one in reply.headers["Content-Security-Policy"].split("; "))
    assert (policy["script-src"], policy["connect-src"], policy["default-src"]) == ("'self'", "'self'", "'none'")
    page = Read(reply.text)
    assert [one for one in page.addresses if one.endswith(".js")] == ["pages/playground.js"]
    assert "style" not in page.attributes
    assert WORDS["playground"]["banner"] in page.text
    assert WORDS["playground"]["banner_dev"] in page.text
    for sample in samples.read().values():
        assert sample.title in page.text


# --- marks ----------------------------------------------------------------------------------------------


def evidence(axis, value, start, end, assertion=Assertion.AFFIRMED, text="0123456789"):
    return Evidence(axis, value, assertion, text[start:end], "DocumentReference/n1", start, end)


def drawn(told, resting=(), text="0123456789"):
    document = Document("DocumentReference/n1", text, "progress")
    [made] = marks.marked([document], told, resting, knowledge.load())
    return "".join(one if isinstance(one, str) else f"[{one.axis}:{inner(one)}]" for one in made.pieces)


def inner(mark):
    return "".join(one if isinstance(one, str) else f"[{one.axis}:{inner(one)}]" for one in mark.pieces)


def test_marks_nest_and_what_crosses_is_marked_behind():
    assert drawn([evidence("site", "foramen", 1, 6), evidence("level", "L4-L5", 3, 5)]) == "0[site:12[level:34]5]6789"
    assert drawn([evidence("site", "foramen", 1, 5), evidence("level", "L4-L5", 3, 8)]) == "0[site:1234][level:567]89"
    assert drawn([evidence("level", "L4-L5", 0, 10)]) == "[level:0123456789]"
    assert drawn([]) == "0123456789"


def test_one_stretch_that_tells_several_things_is_one_mark():
    told = [evidence("lesion", "stenosis", 2, 4), evidence("site", "foramen", 2, 4)]
    assert drawn(told) == "01[site:23]456789"
    document = Document("DocumentReference/n1", "0123456789", "progress")
    [made] = marks.marked([document], told, [], knowledge.load())
    assert made.pieces[1].explained == "site: intervertebral foramen, stated; lesion: narrowing, stated"


def test_what_the_answer_rests_on_is_told_as_the_answer_holds_it():
    document = Document("DocumentReference/n1", "0123456789", "progress")
    told = [evidence("site", "foramen", 2, 4, Assertion.UNCERTAIN)]
    [made] = marks.marked([document], told, [evidence("site", "foramen", 2, 4)], knowledge.load())
    assert (made.pieces[1].assertion, made.pieces[1].counts) == ("affirmed", True)


def test_the_treating_provider_comes_first():
    texts = [
        Document("DiagnosticReport/r1", "report", "radiology", Role.RADIOLOGIST),
        Document("DocumentReference/n1", "note", "progress"),
    ]
    assert [one.source.split()[0] for one in marks.marked(texts, [], [], knowledge.load())] == ["note", "report"]


def test_every_finding_is_quoted_verbatim_from_its_place():
    text = samples.read()["possible-denied-past"].note
    chart = Chart("2026-10-06", ("M99.63",), documents=(Document("DocumentReference/n1", text, "progress"),))
    found = findings(chart, knowledge.load())
    assert len(found) > 8
    assert [one for one in found if text[one.start : one.end] != one.quote] == []
    assert {one.assertion for one in found} == set(Assertion)


def test_every_word_a_mark_may_need_is_there():
    assert set(WORDS["assertion"]) == set(WORDS["held"]) == {str(one) for one in Assertion}
    assert set(WORDS["verdict"]) == {str(one) for one in Verdict}
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert Draft202012Validator(schema).is_valid(WORDS["stands"])
