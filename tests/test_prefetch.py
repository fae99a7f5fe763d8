"""Prefetch in its four states, and the service's own queries where a FHIR server may be asked (P1-P10, P18)."""

from __future__ import annotations

import pytest
from charts import PLACEMENTS, request, stored
from fhir_server import serving
from test_chart import CASE, condition, note, order, report, visit

from cds_service import chart, fhir, prefetch
from cds_service.errors import RequestError
from cds_service.fhir_read import Reference
from cds_service.prefetch import State
from cds_service.queries import filled, wants
from cds_service.reasons import Reason
from cds_service.services import services
from knowledge.model import Gap

SERVICE = services()["m99-order-sign"]
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
    "conditions": "Condition?encounter={{context.encounterId}}",
    "conditionsOfPatient": "Condition?patient={{context.patientId}}&category=encounter-diagnosis",
    "notes": "DocumentReference?encounter={{context.encounterId}}",
    "notesOfPatient": "DocumentReference?patient={{context.patientId}}",
}
REQUIRED = ("context.draftOrders", "conditions", "conditionsOfPatient")
CONTEXT = {"patientId": "p1", "encounterId": "e1"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}


def gather(sent, server=None, context=CONTEXT, hook="order-sign", **limits):
    question = prefetch.question(hook, context, created=False, today="2026-12-01")
    access = fhir.connect(server.base, "tok", dev=True, limits=fhir.Limits(**limits)) if server else None
    return prefetch.gather(sent, context, question, templates=TEMPLATES, required=REQUIRED, fhir=access)


def bundle(*held, **members):
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in held], **members}


def names(gathered):
    return [f"{one['resourceType']}/{one['id']}" for one in gathered.resources]


# --- what came ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        bundle(note(), type="searchset"),
        bundle(note(), type="collection"),
        bundle(note()),
        note(),
        [note()],
        [{"resource": note()}],
        {"entry": {"resource": note()}},
        bundle(bundle(note())),
        bundle(WARNING, note()),
    ],
)
def test_a_value_of_any_shape_is_read(value):
    gathered = prefetch.received({"x": value}, {})
    assert names(gathered) == ["DocumentReference/d1"]
    assert gathered.states == {"x": State.DATA}


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, State.EMPTY),
        (bundle(), State.EMPTY),
        ({"resourceType": "Bundle"}, State.EMPTY),
        ([], State.EMPTY),
        (bundle(WARNING), State.EMPTY),
        (OUTCOME, State.FAILED),
        (WARNING, State.FAILED),
        (bundle(OUTCOME), State.FAILED),
        ("oops", State.FAILED),
        (7, State.FAILED),
    ],
)
def test_known_empty_is_not_failed(value, state):
    gathered = prefetch.received({"notes": value}, TEMPLATES)
    assert not gathered.resources
    assert gathered.states["notes"] is state
    assert gathered.states["notesOfPatient"] is State.ABSENT


def test_what_was_not_asked_for_does_not_settle_a_key():
    """P7: the service holds what came against its query; what it can use all the same it uses."""
    gathered = prefetch.received({"notes": bundle(condition()), "docs": bundle(condition(name="c2"))}, TEMPLATES)
    assert gathered.states["notes"] is State.FAILED
    assert gathered.states["docs"] is State.DATA
    assert names(gathered) == ["Condition/c1", "Condition/c2"]


def test_a_key_with_something_else_is_asked_for_once():
    """P7, P9."""
    with serving([note()]) as server:
        gathered = gather({"encounter": visit(), "conditions": None, "notes": visit(name="e9")}, server)
    assert server.asked.count("DocumentReference?encounter=e1") == 1
    assert "DocumentReference/d1" in names(gathered)


def test_places_name_where_a_resource_stood():
    sent = {"notes": bundle(note(), note(name="d2")), "encounter": visit(), "list": [report()]}
    assert prefetch.received(sent, {}).places == [
        "prefetch.notes.entry[0]",
        "prefetch.notes.entry[1]",
        "prefetch.encounter",
        "prefetch.list[0]",
    ]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"patientId": "Patient/p1", "encounterId": "Encounter/e1"}, ("p1", "e1", (), None)),
        ({}, ("", "", (), None)),
        ({"patientId": 7, "draftOrders": "x", "selections": []}, ("7", "", (), frozenset())),
        (
            {"draftOrders": bundle(order()), "selections": ["https://ehr.example/fhir/ServiceRequest/s1", None]},
            ("", "", (order(),), frozenset({Reference("ServiceRequest", "s1")})),
        ),
        ({"draftOrders": [order()]}, ("", "", (order(),), None)),
    ],
)
def test_the_facts_of_a_call(context, expected):
    found = prefetch.question("order-sign", context, created=False, today="")
    assert (found.patient, found.encounter, found.orders, found.selections) == expected


def test_only_conditions_are_created():
    context = {"conditions": bundle(condition(), note())}
    assert prefetch.question("problem-list-item-create", context, created=True, today="").conditions == (condition(),)


# --- without a server ---------------------------------------------------------------------------------


def test_absent_and_failed_keys_are_named_and_an_unread_one_is_not():
    gathered = gather({"conditions": None, "notes": OUTCOME})
    assert gathered.gaps == [Gap("encounter", Reason.NOT_RECEIVED), Gap("notes", Reason.NOT_RETRIEVED)]


def test_a_sibling_stands_in_for_an_absent_key():
    assert gather({"conditionsOfPatient": None, "notesOfPatient": bundle(note()), "encounter": visit()}).gaps == []


def test_what_came_under_a_key_of_the_clients_own_is_there():
    assert gather({"condition": condition(), "docs": bundle(note()), "visit": visit()}).gaps == []


def test_further_pages_that_cannot_be_had_are_named():
    link = [{"relation": "self", "url": "x"}, {"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
    assert Gap("notes", Reason.MORE_PAGES) in gather({"conditions": None, "notes": bundle(note(), link=link)}).gaps


@pytest.mark.parametrize(
    ("context", "sent", "hook", "refused"),
    [
        ({"patientId": "p1"}, {}, "order-sign", True),
        ({"patientId": "p1"}, {"notes": None}, "order-sign", True),
        ({"patientId": "p1"}, {"conditions": OUTCOME}, "order-sign", True),
        ({"patientId": "p1", "draftOrders": None}, {}, "order-sign", True),
        ({"patientId": "p1", "draftOrders": bundle()}, {}, "order-sign", False),
        ({"patientId": "p1"}, {"conditions": None}, "order-sign", False),
        ({"patientId": "p1"}, {"conditionsOfPatient": bundle()}, "order-sign", False),
        ({"patientId": "p1"}, {"condition": condition()}, "order-sign", False),
        ({"patientId": "p1"}, {}, "patient-view", False),
        ({"patientId": "p1", "encounterId": "e1"}, {}, "patient-view", True),
    ],
)
def test_412_only_when_no_code_can_be_looked_for(context, sent, hook, refused):
    """P8, S21."""
    if not refused:
        gather(sent, context=context, hook=hook)
        return
    with pytest.raises(RequestError) as caught:
        gather(sent, context=context, hook=hook)
    assert caught.value.status == 412


def test_412_where_the_server_is_not_to_be_asked():
    question = prefetch.question("order-sign", CONTEXT, created=False, today="")
    with pytest.raises(RequestError) as caught:
        prefetch.gather({}, CONTEXT, question, templates=TEMPLATES, required=REQUIRED, fhir=Reason.NOT_PERMITTED)
    assert caught.value.status == 412


# --- with one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["server only", "server only, everything otherwise", "notes behind an address"])
def test_the_services_own_queries_bring_the_same_chart(name):
    """P18, F1, F2: encounter-keyed queries, Binary, and the patient's earlier imaging and care."""
    placement = PLACEMENTS[name]
    with serving(stored(CASE, placement)) as server:
        body = request(CASE, placement, server=server.base)
        question = prefetch.question("order-sign", body["context"], created=False, today="2030-01-01")
        access = fhir.connect(body["fhirServer"], "tok", dev=True)
        gathered = prefetch.gather(
            body.get("prefetch", {}),
            body["context"],
            question,
            templates=SERVICE.prefetch,
            required=SERVICE.required,
            fhir=access,
        )
        found = chart.read(
            chart.Record(gathered.resources, question, gathered.places),
            "M99",
            gaps=gathered.gaps,
            fetch=access.binary,
        )
    plain = prefetch.received(request(CASE)["prefetch"], {}).resources
    expected = chart.read(chart.Record(plain, question), "M99")
    assert sorted(one.text.strip() for one in found.documents) == sorted(one.text.strip() for one in expected.documents)
    assert (found.chosen, found.diagnoses, found.procedures, found.gaps) == (
        expected.chosen,
        expected.diagnoses,
        expected.procedures,
        (),
    )
    assert set(server.tokens) == {"Bearer tok"}


def test_known_empty_is_not_asked_for_again():
    with serving([condition(), note(), visit()]) as server:
        gathered = gather(
            {"conditions": None, "conditionsOfPatient": None, "notes": None, "notesOfPatient": None, "encounter": None},
            server,
        )
    assert server.asked == []
    assert (gathered.resources, gathered.gaps) == ([], [])


def test_a_failed_key_is_asked_for_once():
    """P9."""
    with serving([note()]) as server:
        gathered = gather({"encounter": visit(), "conditions": None, "notes": OUTCOME}, server)
    assert server.asked.count("DocumentReference?encounter=e1") == 1
    assert "DocumentReference/d1" in names(gathered)
    assert gathered.gaps == []


def test_the_sibling_is_asked_where_the_encounter_is_unknown():
    with serving([condition(), note()]) as server:
        gathered = gather({"encounter": None}, server, context={"patientId": "p1"})
    assert server.asked == ["Condition?patient=p1&category=encounter-diagnosis", "DocumentReference?patient=p1"]
    assert names(gathered) == ["Condition/c1"]


def test_the_sibling_is_asked_where_the_server_does_not_know_the_search():
    def refuse(path):
        return (400, {}, b"") if path.startswith("Condition?encounter") else None

    with serving([condition()], refuse) as server:
        gathered = gather({"encounter": visit(), "notes": None, "notesOfPatient": None}, server)
    assert names(gathered) == ["Encounter/e1", "Condition/c1"]
    assert gathered.gaps == []


def test_a_key_that_the_server_cannot_give_is_a_gap_and_no_error():
    with serving([], lambda _: (500, {}, b"boom")) as server:
        gathered = gather({}, server)
    assert gathered.gaps == [Gap(key, Reason.NOT_RETRIEVED) for key in ("encounter", "conditions", "notes")]


def test_the_encounter_that_only_the_orders_know():
    """Q9: crd-request-generator sends an encounterId that its server does not hold."""
    mine = order(encounter={"reference": "Encounter/e1"})
    context = {"patientId": "p1", "encounterId": "enc89284", "draftOrders": bundle(mine)}
    with serving([visit(), condition(), note(subject={"reference": "Patient/p1"})]) as server:
        gathered = gather({}, server, context=context)
    assert {"Encounter/e1", "Condition/c1", "DocumentReference/d1"} == set(names(gathered))
    assert "Condition?encounter=enc89284" not in server.asked


def test_a_condition_that_only_an_order_names_is_fetched():
    problem = condition(name="c9", category=[{"coding": [{"code": "problem-list-item"}]}], encounter=None)
    mine = order(reasonReference=[{"reference": "Condition/c9"}, {"reference": "Condition/../Patient"}])
    with serving([problem]) as server:
        gathered = gather(
            {"encounter": visit(), "conditions": None, "notes": None, "notesOfPatient": None},
            server,
            {**CONTEXT, "draftOrders": bundle(mine)},
        )
    assert server.asked == ["Condition/c9"]
    assert names(gathered) == ["Encounter/e1", "Condition/c9"]


def test_further_pages_of_the_prefetch_are_followed():
    """P10."""
    with serving([note(name=f"d{i}") for i in range(5)], page=2) as server:
        first = bundle(
            note(name="d0"),
            link=[{"relation": "next", "url": f"{server.base}/DocumentReference?encounter=e1&_start=2"}],
        )
        gathered = gather({"encounter": visit(), "conditions": None, "notes": first, "notesOfPatient": None}, server)
    assert names(gathered)[2:] == ["DocumentReference/d2", "DocumentReference/d3", "DocumentReference/d4"]


# --- templates ----------------------------------------------------------------------------------------


def test_every_encounter_keyed_query_of_the_services_has_a_sibling():
    for service in services().values():
        groups = wants(service.prefetch)
        assert sorted(key for group in groups for key in group) == sorted(service.prefetch)
        alone = [group for group in groups if len(group) == 1]
        assert all("context.encounterId" not in service.prefetch[group[0]] for group in alone)


@pytest.mark.parametrize(
    ("patient", "encounter", "expected"),
    [
        ("p1", "e_1.a-b", "X?p=p1&e=e_1.a-b"),
        *(("p1", bad, "") for bad in ("", "..", "a/b", "a&b=c", "a%2Fb", "é", "a b", "x" * 600)),
    ],
)
def test_only_ids_enter_an_address(patient, encounter, expected):
    """S12."""
    assert filled("X?p={{context.patientId}}&e={{ context.encounterId }}", patient, encounter) == expected


def test_a_token_that_nobody_fills_leaves_no_query():
    assert filled("X?user={{userPractitionerId}}", "p1", "e1") == ""


def test_gathered_facts_do_not_show_the_record():
    assert "Spur" not in repr(prefetch.received({"notes": note(text={"div": "Spur"})}, {}))
