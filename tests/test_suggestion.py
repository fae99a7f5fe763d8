"""What choosing an answer changes in the client's own JSON: the assessed coding, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.servicerequest import ServiceRequest
from hypothesis import given
from hypothesis import strategies as st

from cards import Call
from cards.suggestion import Answer, actions, out_of_reach
from knowledge.model import ICD10CM, Code

OID = "urn:oid:2.16.840.1.113883.6.90"
TITLES = {
    "M99.60": "Osseous and subluxation stenosis of intervertebral foramina of head region",
    "M99.61": "Osseous and subluxation stenosis of intervertebral foramina of cervical region",
    "M99.70": "Connective tissue and disc stenosis of intervertebral foramina of head region",
}
CALL = Call(
    "9f7bb36d-3896-4183-a1f9-35fa3b16b05e", {code: Code(code, title, billable=True) for code, title in TITLES.items()}
)


@dataclass(frozen=True)
class Received:
    orders: list[dict[str, Any]] = field(default_factory=list)
    referring_orders: list[dict[str, Any]] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)


def order(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "sr-1",
        "meta": {"versionId": "7", "lastUpdated": "2026-11-20T08:57:28.000Z"},
        "status": "draft",
        "intent": "order",
        "code": {
            "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "72141"}],
            "text": "MRI cervical spine",
        },
        "subject": {"reference": "Patient/p1"},
        "quantityQuantity": {"value": 1.10},
        "reasonCode": [{"coding": [coding()]}],
    } | members


def condition(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c-1",
        "meta": {"versionId": "3"},
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
        },
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                        "code": "encounter-diagnosis",
                    }
                ]
            }
        ],
        "code": {"coding": [coding()]},
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "note": [{"text": "seen today"}],
    } | members


def coding(code: str = "M99.60", **members: Any) -> dict[str, Any]:
    return {"system": ICD10CM, "code": code, "display": "former display"} | members


def chosen(code: str) -> dict[str, Any]:
    return {"system": ICD10CM, "code": code, "display": TITLES[code]}


def offered(received: Received, *codes: str, current: bool = False) -> list[dict[str, Any]]:
    before = deepcopy(received)
    result = actions(Answer(codes, current), "M99.60", received, CALL)
    assert received == before, "what was received stays as it was"
    return result


def resources(received: Received, *codes: str) -> list[dict[str, Any]]:
    return [action["resource"] for action in offered(received, *codes)]


# --- orders and conditions ---------------------------------------------------------------------------


def test_a_new_code_changes_the_order_first_and_the_condition_beside_it():
    acts = offered(Received([order()], conditions=[condition()]), "M99.61")
    assert [(act["type"], act["resource"]["resourceType"]) for act in acts] == [
        ("update", "ServiceRequest"),
        ("update", "Condition"),
    ]
    assert all(act["description"] for act in acts)
    assert acts[0]["resource"] == order(reasonCode=[{"coding": [chosen("M99.61")]}])
    assert acts[1]["resource"] == condition(code={"coding": [chosen("M99.61")]})


def test_every_draft_order_is_changed():
    changed = resources(Received([order(), order(id="sr_2")]), "M99.61")
    assert [each["id"] for each in changed] == ["sr-1", "sr_2"]


def test_further_codes_are_appended_and_get_a_condition_of_their_own():
    reason, diagnosis, further = resources(Received([order()], conditions=[condition()]), "M99.61", "M99.70")
    assert reason["reasonCode"] == [{"coding": [chosen("M99.61")]}, {"coding": [chosen("M99.70")]}]
    assert diagnosis["code"]["coding"] == [chosen("M99.61")]
    assert further["code"]["coding"] == [chosen("M99.70")]


def test_an_additional_code_leaves_the_selected_one_untouched():
    acts = offered(Received([order()], conditions=[condition()]), "M99.60", "M99.70")
    assert [act["type"] for act in acts] == ["update", "create"]
    assert acts[0]["resource"] == order(reasonCode=[{"coding": [coding()]}, {"coding": [chosen("M99.70")]}])
    shared = ("clinicalStatus", "verificationStatus", "category", "subject", "encounter")
    model = condition()
    assert acts[1]["resource"] == {
        "resourceType": "Condition",
        **{key: model[key] for key in shared},
        "code": {"coding": [chosen("M99.70")]},
    }


def test_a_reason_that_is_already_there_is_not_appended_twice():
    carries_both = order(reasonCode=[{"coding": [coding()]}, {"coding": [coding("M9970")]}])
    assert offered(Received([carries_both]), "M99.60", "M99.70") == []


def test_orders_that_only_refer_change_through_their_condition_alone():
    referring = order(reasonReference=[{"reference": "Condition/c-1"}])
    del referring["reasonCode"]
    assert [each["id"] for each in resources(Received([], [referring], [condition()]), "M99.61")] == ["c-1"]


def test_a_condition_that_an_order_contains_is_changed_within_the_order():
    inner = condition(id="c")
    holding = order(contained=[inner, {"resourceType": "Patient", "id": "p"}], reasonReference=[{"reference": "#c"}])
    del holding["reasonCode"]
    (act,) = offered(Received([holding]), "M99.61")
    recoded = condition(id="c", code={"coding": [chosen("M99.61")]})
    assert act["resource"] == holding | {"contained": [recoded, holding["contained"][1]]}
    (act,) = offered(Received([holding]), "M99.60", "M99.70")
    assert act["resource"] == holding | {"reasonCode": [{"coding": [chosen("M99.70")]}]}


def test_an_order_that_only_refers_cannot_refer_to_a_diagnosis_that_is_yet_to_be_added():
    referring = order(reasonReference=[{"reference": "Condition/c-1"}])
    del referring["reasonCode"]
    received = Received([], [referring], [condition()])
    assert [act["type"] for act in offered(received, "M99.60", "M99.70")] == ["create"]
    assert out_of_reach("M99.60", received, CALL, further=True)
    assert not out_of_reach("M99.60", received, CALL)
    assert not out_of_reach("M99.60", Received([order()], [], [condition()]), CALL, further=True)


def test_every_coding_of_the_code_is_changed_and_no_other_of_the_same_concept():
    """Twice under two names of the system, beside another ICD-10-CM code and a local one."""
    others = [coding("M54.16"), {"system": "http://local.example", "code": "M99.60"}]
    concept = {"coding": [coding(), *others, coding("M9960", system=OID)]}
    (changed,) = resources(Received([order(reasonCode=[concept, {"coding": [coding("M54.2")]}])]), "M99.61")
    first, second = changed["reasonCode"]
    assert first["coding"] == [chosen("M99.61"), *others, chosen("M99.61") | {"system": OID, "code": "M9961"}]
    assert second == {"coding": [coding("M54.2")]}


def test_the_version_that_was_received_is_the_one_that_is_updated():
    """A10: a client can tell that somebody else changed the resource meanwhile."""
    changed = resources(Received([order()], conditions=[condition()]), "M99.61")
    assert [one["meta"] for one in changed] == [order()["meta"], condition()["meta"]]


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "[a](javascript:b)", "x" * 300, "a b"])
def test_an_id_that_is_none_is_updated_and_not_told(name):
    """S18: descriptions are shown as they are."""
    (act,) = offered(Received([order(id=name)]), "M99.61")
    assert act["resource"]["id"] == name
    assert act["description"].startswith("Set the reason of ServiceRequest to M99.61.")


@pytest.mark.parametrize("kind", [7, "<b>", True])
def test_a_type_that_is_none_is_updated_and_not_told(kind):
    """S18: it comes back as it was sent, and what is no word is not said."""
    for name, told in (("o1", f"{kind}/o1" if kind != "<b>" else "o1"), ("<i>", str(kind))):
        (act,) = offered(Received([order(resourceType=kind, id=name)]), "M99.61")
        assert act["resource"]["resourceType"] == kind
        said = told if told != "<b>" else "the entry"
        assert act["description"].startswith(f"Set the reason of {said} to M99.61.")


def test_the_current_selection_changes_nothing():
    assert offered(Received([order()], conditions=[condition()]), "M99.60", current=True) == []


@pytest.mark.parametrize("status", ["completed", "revoked", "cancelled", "entered-in-error", "stopped"])
def test_a_closed_order_is_not_changed(status):
    received = Received([order(status=status)], conditions=[condition()])
    assert [each["resourceType"] for each in resources(received, "M99.61")] == ["Condition"]
    assert out_of_reach("M99.60", received, CALL)


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", "unknown", None])
def test_an_open_order_is_changed(status):
    assert offered(Received([order(status=status)]), "M99.61")


def test_a_resource_without_id_is_left_to_the_clinician():
    received = Received([order(id=None)], conditions=[condition(id="")])
    assert offered(received, "M99.61") == []
    assert out_of_reach("M99.60", received, CALL)
    assert not out_of_reach("M99.60", Received([order()], conditions=[condition()]), CALL)


# --- how the client writes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"), [("M99.60", "M99.61"), ("M9960", "M9961"), ("m9960", "M9961"), ("m99.60", "M99.61")]
)
def test_the_dot_stays_as_the_client_writes_it(written, expected):
    received = Received([order(reasonCode=[{"coding": [coding(written)]}])])
    assert resources(received, "M99.61")[0]["reasonCode"][0]["coding"][0]["code"] == expected


def test_an_appended_code_is_written_in_the_same_manner():
    received = Received([order(reasonCode=[{"coding": [coding("M9960", system=OID)]}])])
    appended = resources(received, "M99.60", "M99.70")[0]["reasonCode"][1]["coding"][0]
    assert appended == {"system": OID, "code": "M9970", "display": TITLES["M99.70"]}


@pytest.mark.parametrize("system", [ICD10CM, OID, None, ""])
def test_the_coding_is_found_under_any_name_of_the_system(system):
    bare = coding(system=system)
    changed = resources(Received([order(reasonCode=[{"coding": [bare]}])]), "M99.61")[0]["reasonCode"][0]["coding"][0]
    assert changed == bare | {"code": "M99.61", "display": TITLES["M99.61"]}


def test_other_codings_and_the_words_stay_and_the_description_says_so():
    snomed = {"system": "http://snomed.info/sct", "code": "M99.60", "display": "looks alike"}
    concept = {"text": "as I see it", "coding": [snomed, coding(userSelected=True, extension=[{"url": "x"}])]}
    (act,) = offered(Received(conditions=[condition(code=concept)]), "M99.61")
    assert act["resource"]["code"] == {
        "text": "as I see it",
        "coding": [snomed, chosen("M99.61") | {"userSelected": True, "extension": [{"url": "x"}]}],
    }
    assert "stay as they are" in act["description"]
    assert "stay as they are" not in offered(Received(conditions=[condition()]), "M99.61")[0]["description"]


def test_an_object_where_an_array_belongs_stays_one_until_a_reason_is_added():
    received = Received([order(reasonCode={"coding": coding()})])
    assert resources(received, "M99.61")[0]["reasonCode"] == {"coding": chosen("M99.61")}
    assert resources(received, "M99.61", "M99.70")[0]["reasonCode"] == [
        {"coding": chosen("M99.61")},
        {"coding": [chosen("M99.70")]},
    ]


def test_reasons_that_are_no_objects_are_kept():
    received = Received([order(reasonCode=[None, {"coding": [None, coding()]}])])
    assert resources(received, "M99.60", "M99.70")[0]["reasonCode"][0] is None


def test_nonsense_where_a_string_belongs_is_no_failure():
    odd = order(
        status={}, reasonCode=[{"coding": [{"system": [], "code": "M99.60"}, {"system": {"a": 1}, "code": {}}]}]
    )
    assert [each["id"] for each in resources(Received([odd, order()]), "M99.61")] == ["sr-1", "sr-1"]


def test_a_title_nobody_knows_leaves_no_former_display():
    changed = resources(Received([order()]), "Z99.99")[0]["reasonCode"][0]["coding"][0]
    assert changed == {"system": ICD10CM, "code": "Z99.99"}


def test_a_condition_coded_only_otherwise_is_left_to_the_clinician():
    other = condition(code={"coding": [{"system": "http://snomed.info/sct", "code": "202794004"}]})
    assert offered(Received(conditions=[other]), "M99.61") == []
    assert out_of_reach("M99.60", Received(conditions=[other]), CALL)


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda key: key not in {"id", "status", "reasonCode", "resourceType"}),
        st.recursive(st.none() | st.booleans() | st.text() | st.floats(allow_nan=False), st.lists, max_leaves=5),
    )
)
def test_nothing_but_the_coding_differs_whatever_else_the_client_sends(members):
    received = Received([order(**members)])
    (changed,) = resources(received, "M99.61")
    changed["reasonCode"][0]["coding"][0] = coding()
    assert changed == received.orders[0]


# --- what is emitted is FHIR where the client's was --------------------------------------------------


@pytest.mark.parametrize("codes", [("M99.61",), ("M99.61", "M99.70"), ("M99.60", "M99.70")])
def test_what_is_emitted_validates_where_what_came_in_did(codes):
    model = {"ServiceRequest": ServiceRequest, "Condition": Condition}
    received = Received([order(), order(id="sr-2")], conditions=[condition()])
    for given_resource in (*received.orders, *received.conditions):
        model[given_resource["resourceType"]].model_validate(deepcopy(given_resource))
    emitted = resources(received, *codes)
    assert emitted
    for resource in emitted:
        model[resource["resourceType"]].model_validate(deepcopy(resource))
