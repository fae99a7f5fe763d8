"""FHIR as clients send it becomes the chart that the policy speaks of (Inputs, A1, A4, A7)."""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from importlib import import_module

import pytest
from charts import ICD, LOINC, PLACEMENTS, bundled, needs_server, request, resources, stored
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.words import GAPS
from cds_service import chart, prefetch
from cds_service.chart import Question, Reason, Record
from cds_service.documents import DocumentsError, documents, parsed
from cds_service.fhir_read import Reference, cpt_codes, icd, reference
from knowledge.model import Assertion, Gap, Role

CATEGORY = "M99"
CASE = {
    "id": "chart-001",
    "encounter_class": "ambulatory",
    "date": "2026-10-14",
    "chosen": ["M99.73", "M99.63"],
    "conditions": [
        {
            "code": "M54.16",
            "text": "Lumbar radiculopathy",
            "clinical": "active",
            "verification": "confirmed",
            "category": "problem-list-item",
            "note": "Since spring.",
        },
        {
            "code": "M48.061",
            "text": "Stenosis",
            "clinical": "active",
            "verification": "refuted",
            "category": "encounter-diagnosis",
            "note": "Not on this MRI.",
        },
    ],
    "notes": [
        {
            "kind": "progress",
            "author": "treating",
            "date": "2026-10-14",
            "format": "text",
            "text": "Spur at L4–5.\nPlan: PT",
        },
        {
            "kind": "radiology",
            "author": "radiologist",
            "date": "2026-09-01",
            "format": "text",
            "text": "MRI L-spine.\nBulge.",
        },
        {
            "kind": "therapy",
            "author": "therapist",
            "date": "2026-10-01",
            "format": "html",
            "text": "<p>Six visits.</p><p>Better.</p>",
        },
        {
            "kind": "nursing",
            "author": "nurse",
            "date": "2026-10-14",
            "format": "rtf",
            "text": "{\\rtf1 Pain 6/10\\par}",
        },
    ],
    "observations": [
        {"text": "Straight leg raise, left", "value": "positive", "loinc": "72089-6", "date": "2026-10-14"}
    ],
    "procedures": [{"text": "Therapy", "cpt": "97110", "status": "completed", "date": "2026-09-01"}],
    "orders": [{"text": "MRI lumbar spine", "cpt": "72148"}, {"text": "Follow-up visit"}],
}


def asked(**facts):
    return Question(**{"hook": "order-sign", "patient": "p1", "encounter": "e1", "today": "2026-12-01", **facts})


def read(*held, **facts):
    fetch = facts.pop("fetch", None)
    return chart.read(Record(held, asked(**facts)), CATEGORY, fetch=fetch)


def concept(*codes, text=None, system=ICD):
    return {"coding": [{"system": system, "code": code} for code in codes], **({"text": text} if text else {})}


def condition(icd10="M99.63", name="c1", **members):
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
        "code": concept(icd10),
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        **members,
    }


def status(code):
    return {"coding": [{"code": code}]}


def visit(**members):
    return {"resourceType": "Encounter", "id": "e1", "period": {"start": "2026-10-14T23:30:00-08:00"}, **members}


def order(**members):
    return {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "code": {"text": "MRI"}, **members}


def note(said="Spur.", name="d1", **members):
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "type": concept("11506-3", system=LOINC),
        "date": "2026-10-14",
        "content": [{"attachment": attachment(said)}],
        "context": {"encounter": [{"reference": "Encounter/e1"}]},
        **members,
    }


def report(said="Bulge.", name="r1", **members):
    return {
        "resourceType": "DiagnosticReport",
        "id": name,
        "status": "final",
        "code": concept("24968-0", system=LOINC),
        "effectiveDateTime": "2026-10-01",
        "conclusion": said,
        **members,
    }


def attachment(text, kind="text/plain"):
    return {"contentType": kind, "data": b64encode(text.encode()).decode()}


# --- every placement tells the same -------------------------------------------------------------------


def chart_of(placement, hook="order-sign", shuffled=None):
    body = request(CASE, placement, hook, "http://ehr.example" if needs_server(placement) else "")
    held = stored(CASE, placement, hook)
    question = prefetch.question(hook, body["context"], created=hook == "problem-list-item-create", today="2030-01-01")
    gathered = prefetch.received(body.get("prefetch", {}), {})
    everything = gathered.resources + [one for one in held if one["resourceType"] != "Binary"]
    if shuffled is not None:
        random.Random(shuffled).shuffle(everything)  # noqa: S311  (an order, not a secret)
    binaries = {f"Binary/{one['id']}": one for one in held if one["resourceType"] == "Binary"}

    def fetch(url):
        return b64decode(binaries[url]["data"]), binaries[url]["contentType"]

    return chart.read(Record(everything, question), CATEGORY, fetch=fetch if binaries else None)


def told(found):
    """What a chart says, sources apart: they differ with the resource that carries a text."""
    texts = sorted((one.text.strip(), one.kind, one.author, one.date, one.of_encounter) for one in found.documents)
    orders = [(one.text, one.cpt, one.reasons, one.selected) for one in found.orders]
    coded = [(one.code, one.assertion, one.encounter_diagnosis) for one in found.diagnoses]
    done = [(one.text, one.cpt, one.completed, one.date) for one in found.procedures]
    return found.date, found.chosen, found.inpatient, texts, orders, coded, done, found.gaps


EXPECTED = [
    ("Lumbar radiculopathy\nSince spring.", "condition", Role.TREATING, "2026-10-14", True),
    ("MRI L-spine.\nBulge.", "radiology", Role.RADIOLOGIST, "2026-09-01", True),
    ("Not on this MRI.", "condition-note", Role.TREATING, "2026-10-14", True),
    ("Pain 6/10", "nursing", Role.NURSE, "2026-10-14", True),
    ("Six visits.\nBetter.", "therapy", Role.THERAPIST, "2026-10-01", True),
    ("Spur at L4–5.\nPlan: PT", "progress", Role.TREATING, "2026-10-14", True),
    ("Straight leg raise, left: positive", "observation", Role.TREATING, "2026-10-14", True),
]


@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_case_is_the_same_chart_in_every_placement(name):
    date, chosen, inpatient, texts, orders, coded, done, gaps = told(chart_of(PLACEMENTS[name]))
    assert (date, chosen, inpatient, gaps) == ("2026-10-14", ("M99.73", "M99.63"), False, ())
    assert texts == EXPECTED
    assert orders == [
        ("MRI lumbar spine", ("72148",), ("M99.73", "M99.63"), True),
        ("Follow-up visit", (), ("M99.73", "M99.63"), True),
    ]
    assert coded == [
        ("M99.73", Assertion.AFFIRMED, True),
        ("M99.63", Assertion.AFFIRMED, True),
        ("M54.16", Assertion.AFFIRMED, False),
        ("M48.061", Assertion.NEGATED, True),
    ]
    assert done == [("Therapy", "97110", True, "2026-09-01")]


@pytest.mark.parametrize("hook", ["order-select", "encounter-discharge", "patient-view", "problem-list-item-create"])
def test_every_hook_reads_the_same_chart(hook):
    assert told(chart_of(PLACEMENTS["plain"], hook))[:4] == told(chart_of(PLACEMENTS["plain"]))[:4]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_resources_changes_nothing(seed):
    plain = PLACEMENTS["plain"]
    assert chart_of(plain, shuffled=seed) == chart_of(plain)


@pytest.mark.parametrize("name", PLACEMENTS)
def test_the_placements_are_valid_r4b(name):
    for one in [*resources(CASE, PLACEMENTS[name]), *stored(CASE, PLACEMENTS[name]), *drafts(PLACEMENTS[name])]:
        kind = one["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        assert model.model_validate_json(json.dumps(one)).id == one["id"]


def drafts(placement):
    return prefetch.question("order-sign", request(CASE, placement)["context"], created=False, today="").orders


# --- which codes are chosen ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, True),
        ({"clinicalStatus": None, "verificationStatus": None}, True),
        ({"clinicalStatus": "active", "verificationStatus": "confirmed"}, True),  # STU3
        ({"clinicalStatus": status("recurrence")}, True),
        ({"clinicalStatus": status("resolved")}, False),
        ({"clinicalStatus": status("inactive")}, False),
        ({"clinicalStatus": None, "abatementDateTime": "2026-01-01"}, False),
        ({"verificationStatus": status("refuted")}, False),
        ({"verificationStatus": status("provisional")}, False),
        ({"verificationStatus": status("entered-in-error")}, False),
        ({"category": status("encounter-diagnosis")}, True),  # an object for an array
        ({"category": [status("problem-list-item")]}, False),
        ({"category": [status("problem-list-item"), status("encounter-diagnosis")]}, True),
        ({"category": None}, True),
        ({"category": None, "encounter": None}, False),
        ({"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "55607006"}]}]}, True),
        ({"encounter": None}, True),
        ({"encounter": {"reference": "https://ehr.example/fhir/Encounter/e1/_history/2"}}, True),
        ({"encounter": {"reference": "Encounter/e0"}}, False),
        ({"subject": {"reference": "Patient/p2"}}, False),
    ],
)
def test_what_makes_a_condition_a_chosen_code(members, expected):
    assert read(condition(**members)).chosen == (("M99.63",) if expected else ())


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("M9963", "M99.63"), ("m99.63", "M99.63"), (" M99.63 ", "M99.63"), ("M99.63A", "M99.63A")),
        *(
            ("M99.701", "M99.701"),
            ("M99.7", "M99.7"),
            ("M997", "M99.7"),
            ("M99", "M99"),
            ("M99.", "M99"),
            ("M99.6.3", "M99.6.3"),
        ),
    ],
)
def test_malformed_codes_are_chosen_too(written, code):
    assert icd(written) == code
    assert read(condition(written)).chosen == (code,)
    assert read(orders=(order(reasonCode=[concept(written)]),)).chosen == (code,)


@pytest.mark.parametrize(
    "coding",
    [
        {"system": "urn:oid:2.16.840.1.113883.6.90", "code": "M99.63"},
        {"code": "M99.63"},
        [{"system": "http://snomed.info/sct", "code": "76107001"}, {"system": ICD, "code": "M9963"}],
    ],
)
def test_the_code_is_found_among_codings(coding):
    assert read(condition(code={"coding": coding})).chosen == ("M99.63",)


@pytest.mark.parametrize("system", ["http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10"])
def test_a_code_of_another_system_is_not_chosen(system):
    assert not read(condition(code=concept("M99.63", system=system))).chosen


def test_codes_come_by_rank_then_as_received_then_from_orders():
    ranked = visit(
        diagnosis=[
            {"condition": {"reference": "Condition/c3"}},
            {"condition": {"reference": "Condition/c2"}, "rank": 2},
            {"condition": {"reference": "Condition/c4"}, "rank": 1},
        ]
    )
    held = [condition(f"M99.0{i}", f"c{i}") for i in (1, 2, 3, 4)]
    reasons = order(reasonCode=concept("M99.05", "M99.02", "M54.5"))
    assert read(ranked, *held, orders=(reasons,)).chosen == ("M99.04", "M99.02", "M99.03", "M99.01", "M99.05")


def test_a_diagnosis_that_the_encounter_lists_needs_no_category():
    listed = visit(diagnosis=[{"condition": {"reference": "Condition/c1"}}])
    assert read(listed, condition(category=[status("problem-list-item")], encounter=None)).chosen == ("M99.63",)


def test_a_diagnosis_that_only_another_encounter_lists_is_not_of_this_one():
    loose = condition(encounter=None)
    other = visit(id="e0", diagnosis=[{"condition": {"reference": "Condition/c1"}}])
    mine = visit(diagnosis=[{"condition": {"reference": "Condition/c1"}}])
    assert read(visit(), loose).chosen == ("M99.63",)
    assert read(visit(), other, loose).chosen == ()
    assert read(mine, other, loose).chosen == ("M99.63",)


@pytest.mark.parametrize(
    "members", [{"category": [status("problem-list-item")]}, {"verificationStatus": status("provisional")}]
)
def test_the_reason_of_an_order_is_chosen_whatever_the_condition(members):
    found = read(condition(**members), orders=(order(reasonReference={"reference": "Condition/c1"}),))
    assert found.chosen == ("M99.63",)
    assert found.orders[0].reasons == ("M99.63",)


def test_a_reason_may_be_contained():
    inner = {"resourceType": "Condition", "id": "in", "code": concept("M99.63")}
    assert read(orders=(order(contained=[inner], reasonReference=[{"reference": "#in"}]),)).chosen == ("M99.63",)


def test_a_reason_that_was_not_received_is_a_gap():
    found = read(orders=(order(reasonReference=[{"reference": "Condition/c9"}]),))
    assert found.gaps == (Gap("Condition/c9", Reason.UNRESOLVED),)


@pytest.mark.parametrize("state", ["entered-in-error", "revoked"])
def test_a_withdrawn_order_gives_no_reason(state):
    assert not read(orders=(order(status=state, reasonCode=concept("M99.63")),)).chosen


@pytest.mark.parametrize(("hook", "expected"), [("patient-view", ()), ("order-sign", ("M99.63",))])
def test_a_view_without_an_encounter_assesses_nothing(hook, expected):
    held = condition(encounter=None), visit()
    assert read(*held, hook=hook, encounter="").chosen == expected


def test_without_an_encounter_only_the_reasons_of_orders_are_sure():
    found = read(condition(), orders=(order(reasonCode=concept("M99.73")),), encounter="")
    assert found.chosen == ("M99.73",)


@pytest.mark.parametrize("named", ["", "enc89284"])
def test_the_orders_name_the_encounter_where_the_context_does_not_know_it(named):
    mine = order(encounter={"reference": "Encounter/e1"})
    assert read(condition(), visit(), orders=(mine,), encounter=named).chosen == ("M99.63",)


def test_of_several_encounters_the_one_in_progress_is_meant():
    visits = [visit(id=f"e{i}", status="finished" if i else "in-progress") for i in range(3)]
    assert read(*visits, condition(encounter={"reference": "Encounter/e0"}), encounter="").chosen == ("M99.63",)


def test_on_creation_the_conditions_of_the_context_are_assessed_and_nothing_else():
    made = [
        condition("M99.01", "n1", category=[status("problem-list-item")], encounter=None),
        condition("M99.02", "n2", verificationStatus=status("provisional")),
        condition("M99.03", "n3", verificationStatus=status("entered-in-error")),
        condition("M99.04", "n4", verificationStatus=status("refuted")),
        condition("M54.5", "n5"),
    ]
    facts = {"hook": "problem-list-item-create", "created": True, "conditions": tuple(made)}
    assert read(condition(), **facts).chosen == ("M99.01", "M99.02")


def test_targets_are_the_clients_own_json():
    by_code = order(id="s1", reasonCode=[concept("M9963")])
    by_reference = order(id="s2", reasonReference=[{"reference": "Condition/c1"}])
    both = order(id="s3", reasonCode=concept("M99.63"), reasonReference=[{"reference": "Condition/c1"}])
    other = order(id="s4", reasonCode=[concept("M54.5")])
    problem = condition(name="c7", category=[status("problem-list-item")])
    mine = condition(vendor="kept")
    found = chart.targets(Record([mine, problem], asked(orders=(by_code, by_reference, both, other))), "M99.63")
    assert found.orders == (by_code, both)
    assert found.referring_orders == (by_reference,)
    assert found.conditions == (mine,)
    assert found.conditions[0] is mine


def test_a_condition_inside_an_order_is_changed_with_the_order():
    """It has no address of its own: an update of it would reach another resource, or make one."""
    inner = condition("M99.63", "k9")
    holding = order(contained=[inner], reasonReference=[{"reference": "#k9"}])
    found = chart.targets(Record([], asked(orders=(holding,))), "M99.63")
    assert (found.orders, found.referring_orders, found.conditions) == ((holding,), (), ())


@pytest.mark.parametrize(
    ("status", "code", "changed"),
    [
        ("verificationStatus", "confirmed", True),
        ("verificationStatus", "provisional", True),
        ("verificationStatus", "refuted", False),
        ("verificationStatus", "entered-in-error", False),
        ("clinicalStatus", "resolved", False),
    ],
)
def test_a_condition_behind_an_order_is_changed_only_where_it_stands(status, code, changed):
    behind = condition("M99.63", "c9") | {status: {"coding": [{"code": code}]}}
    referring = order(reasonCode=[concept("M99.63")], reasonReference=[{"reference": "Condition/c9"}])
    found = chart.targets(Record([behind], asked(orders=(referring,))), "M99.63")
    assert found.conditions == ((behind,) if changed else ())
    assert found.orders == (referring,)


def test_targets_at_discharge_are_the_drafts_of_the_encounter():
    drafts = [
        order(id=f"s{i}", status=state, reasonCode=concept("M99.63")) for i, state in enumerate(["draft", "active"])
    ]
    question = asked(hook="encounter-discharge")
    assert chart.targets(Record(drafts, question), "M99.63").orders == (drafts[0],)
    assert len(chart.read(Record(drafts, question), CATEGORY).orders) == 2


# --- the encounter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "orders", "expected"),
    [
        ({}, (), ("2026-10-14", False)),  # the calendar date as written
        ({"class": {"code": "AMB"}, "period": {"start": "2026-10-14", "end": "2026-10-16"}}, (), ("2026-10-14", False)),
        ({"class": {"code": "IMP"}, "period": {"start": "2026-10-14", "end": "2026-10-16"}}, (), ("2026-10-16", True)),
        ({"class": [{"code": "ACUTE"}]}, (), ("2026-10-14", True)),
        ({"class": [{"coding": [{"code": "NONAC"}]}]}, (), ("2026-10-14", True)),
        ({"class_fhir": {"code": "imp"}}, (), ("2026-10-14", True)),
        *(({"class": {"code": code}}, (), ("2026-10-14", False)) for code in ("EMER", "OBSENC", "SS", "VR", "HH")),
        ({"period": None}, ({"authoredOn": "2026-10-20T01:00:00Z"},), ("2026-10-20", False)),
        ({"period": {"start": "2026-10"}}, (), ("2026-12-01", False)),
        ({"period": "yesterday"}, ({"authoredOn": 7},), ("2026-12-01", False)),
    ],
)
def test_date_of_service_and_class(members, orders, expected):
    found = read(visit(**members), orders=tuple(order(**one) for one in orders))
    assert (found.date, found.inpatient) == expected


def test_a_stay_lasts_until_its_end_or_until_today():
    stay = {"class": {"code": "IMP"}}
    ended = read(visit(**stay, period={"start": "2026-10-14", "end": "2026-10-16"}))
    assert (ended.start, ended.end) == ("2026-10-14", "2026-10-16")
    lasting = read(visit(**stay))
    assert (lasting.start, lasting.end, lasting.date) == ("2026-10-14", "2026-12-01", "2026-10-14")


# --- what the record says -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, Assertion.AFFIRMED),
        ({"clinicalStatus": status("relapse")}, Assertion.AFFIRMED),
        ({"verificationStatus": status("refuted"), "clinicalStatus": status("resolved")}, Assertion.NEGATED),
        ({"clinicalStatus": status("remission")}, Assertion.HISTORICAL),
        ({"verificationStatus": status("differential")}, Assertion.UNCERTAIN),
        ({"verificationStatus": {"text": "Unconfirmed"}}, Assertion.UNCERTAIN),
    ],
)
def test_conditions_are_held_by_their_status(members, expected):
    found = read(condition("M48.061", **members, note=[{"text": "See MRI."}]))
    assert [one.assertion for one in found.diagnoses] == [expected]
    assert [one.text for one in found.documents] == ["See MRI."]


def test_the_note_of_a_diagnosis_that_is_past_tells_what_was():
    found = read(visit(), condition("M48.061", clinicalStatus=status("resolved"), note=[{"text": "Spur in 2019."}]))
    assert [one.of_encounter for one in found.documents] == [False]
    found = read(visit(), condition("M48.061", verificationStatus=status("refuted"), note=[{"text": "Not on MRI."}]))
    assert [one.of_encounter for one in found.documents] == [True]


def test_a_condition_entered_in_error_is_absent():
    found = read(condition("M48.061", verificationStatus=status("entered-in-error"), note=[{"text": "x"}]))
    assert not found.diagnoses
    assert not found.documents


def test_the_name_of_a_chosen_code_is_no_documentation_of_it():
    named = {"code": concept("M99.63", text="Osseous stenosis"), "note": [{"text": "Spur seen."}]}
    listed = condition(name="c2", category=[status("problem-list-item")], **named)
    found = read(condition(**named), listed)
    assert {(one.text, one.kind) for one in found.documents} == {("Spur seen.", "condition-note")}


def test_a_condition_that_was_not_chosen_is_read_with_its_name():
    [found] = read(condition(code=concept("M54.16", text="Radiculopathy"), note={"text": "Left."})).documents
    assert (found.text, found.kind, found.author) == ("Radiculopathy\nLeft.", "condition", Role.TREATING)


def test_snomed_and_several_codes():
    both = {
        "coding": [{"system": "http://snomed.info/sct", "code": "76107001"}, *concept("M48.061", "M54.16")["coding"]]
    }
    first, second = read(condition(code=both)).diagnoses
    assert (first.code, first.snomed, second.code, second.snomed) == ("M48.061", ("76107001",), "M54.16", ())
    [bare] = read(condition(code=concept("76107001", system="http://snomed.info/sct"))).diagnoses
    assert (bare.code, bare.snomed) == ("", ("76107001",))


def seen(**members):
    return {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "SLR"}, **members}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"valueString": "positive"}, "SLR: positive"),
        ({"valueCodeableConcept": {"coding": [{"display": "positive"}]}}, "SLR: positive"),
        ({"valueQuantity": {"value": 40, "unit": "deg", "comparator": "<"}}, "SLR: < 40 deg"),
        ({"valueBoolean": False}, "SLR: no"),
        ({"valueInteger": 0}, "SLR: 0"),
        ({"valueRange": {"low": {"value": 30}, "high": {"value": 40, "unit": "deg"}}}, "SLR: 30 - 40 deg"),
        ({"interpretation": [{"text": "positive"}]}, "SLR: positive"),
        ({"valueString": "40 deg", "interpretation": {"coding": [{"display": "Abnormal"}]}}, "SLR: 40 deg\nAbnormal"),
        ({"component": [{"code": {"text": "left"}, "valueString": "positive"}]}, "SLR\nleft: positive"),
        ({"valueString": "positive", "note": [{"text": "at 40"}]}, "SLR: positive\nat 40"),
        ({"code": {"coding": {"display": "SLR"}}, "valueString": "positive"}, "SLR: positive"),
        ({}, "SLR"),
        ({"dataAbsentReason": {"text": "not performed"}}, None),
        ({"status": "entered-in-error", "valueString": "positive"}, None),
        ({"status": "cancelled", "valueString": "positive"}, None),
        ({"valueString": "positive", "subject": {"reference": "Patient/p2"}}, None),
    ],
)
def test_observations_are_the_providers_words(members, expected):
    texts = [(one.text, one.kind, one.author) for one in read(seen(**members)).documents]
    assert texts == ([(expected, "observation", Role.TREATING)] if expected else [])


@pytest.mark.parametrize(
    ("state", "completed"), [("completed", True), ("not-done", False), ("preparation", False), (None, False)]
)
def test_procedures_count_when_completed(state, completed):
    done = {
        "resourceType": "Procedure",
        "id": "x1",
        "status": state,
        "code": concept("97110", system="urn:local", text="PT"),
    }
    [found] = read({**done, "performedPeriod": {"start": "2026-09-01"}}).procedures
    assert (found.text, found.cpt, found.completed, found.date) == ("PT", "97110", completed, "2026-09-01")


def test_a_procedure_entered_in_error_is_absent():
    assert not read({"resourceType": "Procedure", "status": "entered-in-error"}).procedures


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("http://www.ama-assn.org/go/cpt", "72148", ["72148"]),
        ("", "72148", ["72148"]),
        ("urn:local", "G0283", ["G0283"]),
        ("urn:local", "MRLS", []),
        ("http://snomed.info/sct", "72148", []),
        ("http://loinc.org", "24968", []),
    ],
)
def test_cpt_codes(system, code, expected):
    assert cpt_codes([concept(code, system=system)]) == expected


def test_orders_of_the_call_and_those_that_stand_on_the_encounter():
    mine = order(id="s1", code={"text": "MRI", **concept("72148", system="http://www.ama-assn.org/go/cpt")})
    drug = {"resourceType": "MedicationRequest", "id": "m1", "medicationCodeableConcept": {"text": "Ibuprofen"}}
    active = order(id="s2", status="active", code={"coding": {"display": "Therapy"}})
    held = [
        mine,
        active,
        order(id="s3", status="completed"),
        order(id="s4", status="active", encounter={"reference": "Encounter/e0"}),
    ]
    found = read(*held, orders=(mine, drug), selections=frozenset({Reference("ServiceRequest", "s1")}))
    assert [(one.source, one.text, one.cpt, one.selected) for one in found.orders] == [
        ("ServiceRequest/s1", "MRI", ("72148",), True),
        ("MedicationRequest/m1", "Ibuprofen", (), False),
        ("ServiceRequest/s2", "Therapy", (), False),
    ]


# --- documents ----------------------------------------------------------------------------------------


def sources(*held, **facts):
    return {one.source for one in read(visit(), *held, **facts).documents}


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([note(status="entered-in-error")], set()),
        ([note(status="superseded")], set()),
        ([note(docStatus="entered-in-error")], set()),
        ([report(status="cancelled")], set()),
        (
            [
                note("Old."),
                note("New.", "d2", relatesTo=[{"code": "replaces", "target": {"reference": "DocumentReference/d1"}}]),
            ],
            {"d2"},
        ),
        (
            [
                note("Old."),
                note("More.", "d2", relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/d1"}}]),
            ],
            {"d1", "d2"},
        ),
        (
            [
                note("Old."),
                note(
                    "X.",
                    "d2",
                    status="entered-in-error",
                    relatesTo={"code": "replaces", "target": {"reference": "DocumentReference/d1"}},
                ),
            ],
            {"d1"},
        ),
        ([report(status="preliminary")], {"r1"}),
        ([report(status="preliminary"), report("Final.", "r2")], {"r2"}),
        ([report(status="preliminary"), report("Final.", "r2", effectiveDateTime="2026-10-02")], {"r1", "r2"}),
        ([report(status="preliminary"), report("Final.", "r2", code=concept("24935-9", system=LOINC))], {"r1", "r2"}),
        (
            [
                report(status="preliminary", basedOn=[{"reference": "ServiceRequest/s9"}]),
                report("Final.", "r2", basedOn={"reference": "ServiceRequest/s9"}, effectiveDateTime="2026-10-02"),
            ],
            {"r2"},
        ),
        (
            [
                report(status="preliminary", basedOn=[{"reference": "ServiceRequest/s8"}]),
                report("Final.", "r2", basedOn={"reference": "ServiceRequest/s9"}),
            ],
            {"r1", "r2"},
        ),
        ([note(docStatus="preliminary"), note("Another visit.", "d2")], {"d1", "d2"}),
    ],
)
def test_which_documents_count(held, expected):
    assert {source.partition("/")[2] for source in sources(*held)} == expected


def test_a_preliminary_document_says_so():
    assert [one.preliminary for one in read(visit(), report(status="preliminary"), note()).documents] == [True, False]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (note(), True),
        (note(context={"encounter": {"reference": "Encounter/e0"}}), False),
        (note(context={"encounter": [{"reference": "Encounter/e0"}, {"reference": "Encounter/e1"}]}), True),
        (note(context=None), True),
        (note(context=None, date="2026-10-15"), False),
        (note(date="2026-10-15"), True),
        (note(date="2026-05-01"), True),
        (note(date="2026-04-01"), False),  # filed under this encounter, and half a year older
        (report(effectiveDateTime="2024-04-01"), True),
        (report(encounter={"reference": "Encounter/e0"}), True),
        (report(encounter={"reference": "Encounter/e0"}, effectiveDateTime="2026-10-15"), False),
        (note(type=concept("18748-4", system=LOINC), context={"encounter": {"reference": "Encounter/e0"}}), True),
        (seen(valueString="x", encounter={"reference": "Encounter/e0"}), False),
        (seen(valueString="x", effectiveDateTime="2026-10-15"), False),
    ],
)
def test_what_belongs_to_the_encounter(held, expected):
    assert [one.of_encounter for one in read(visit(), held).documents] == [expected]


@pytest.mark.parametrize(
    ("members", "kind", "role"),
    [
        ({}, "progress", Role.TREATING),
        ({"type": concept("11508-9", system=LOINC)}, "therapy", Role.THERAPIST),
        ({"type": concept("34746-8", system=LOINC)}, "nursing", Role.NURSE),
        ({"type": concept("18748-4", system=LOINC)}, "radiology", Role.RADIOLOGIST),
        ({"type": concept("11488-4", system=LOINC)}, "consult", Role.TREATING),
        ({"type": {"text": "Physical Therapy Evaluation"}}, "therapy", Role.THERAPIST),
        ({"type": {"coding": [{"display": "MRI Lumbar Spine"}]}}, "radiology", Role.RADIOLOGIST),
        ({"type": {"text": "Something"}}, "note", Role.TREATING),
        ({"type": None}, "note", Role.TREATING),
        ({"author": [{"display": "Ann Lee, PT, DPT"}]}, "progress", Role.THERAPIST),
        ({"author": {"display": "Ann Lee RN, BSN"}}, "progress", Role.NURSE),
        ({"author": [{"display": "Medical Assistant Lee"}]}, "progress", Role.NURSE),
        ({"author": [{"display": "Ann Lee, M.A."}]}, "progress", Role.NURSE),
        (
            {"type": concept("34746-8", system=LOINC), "author": [{"display": "Ann Lee, FNP-BC"}]},
            "nursing",
            Role.TREATING,
        ),
        (
            {"type": concept("34746-8", system=LOINC), "author": [{"display": "Nurse Practitioner Lee"}]},
            "nursing",
            Role.TREATING,
        ),
        (
            {"type": concept("11508-9", system=LOINC), "author": [{"display": "Lee, Ann (D.C.)"}]},
            "therapy",
            Role.TREATING,
        ),
        (
            {"type": concept("11508-9", system=LOINC), "author": [{"display": "Ann Lee, PA-C"}]},
            "therapy",
            Role.TREATING,
        ),
        ({"type": concept("11508-9", system=LOINC), "author": [{"display": "Ann Do"}]}, "therapy", Role.THERAPIST),
        (
            {"type": concept("18748-4", system=LOINC), "author": [{"display": "Ann Lee, MD"}]},
            "radiology",
            Role.RADIOLOGIST,
        ),
        (
            {"type": concept("18748-4", system=LOINC), "author": [{"display": "Ann Lee, DC"}]},
            "radiology",
            Role.TREATING,
        ),
        ({"author": [{"display": "Ann Lee, MD, Radiologist"}]}, "progress", Role.RADIOLOGIST),
    ],
)
def test_kind_and_author_of_a_note(members, kind, role):
    [found] = read(note(**members)).documents
    assert (found.kind, found.author) == (kind, role)


@pytest.mark.parametrize(
    ("members", "kind", "role"),
    [
        ({}, "radiology", Role.RADIOLOGIST),
        ({"code": None}, "radiology", Role.RADIOLOGIST),
        ({"performer": [{"display": "Ann Lee, MD"}]}, "radiology", Role.RADIOLOGIST),
        (
            {"code": None, "category": [status("EN")], "performer": [{"display": "Ann Lee, MD"}]},
            "consult",
            Role.TREATING,
        ),
        ({"code": {"text": "EMG upper limb"}}, "consult", Role.TREATING),
        ({"code": concept("11506-3", system=LOINC)}, "progress", Role.TREATING),
        ({"code": None, "category": status("LAB")}, "laboratory", Role.RADIOLOGIST),
    ],
)
def test_kind_and_author_of_a_report(members, kind, role):
    [found] = read(report(**members)).documents
    assert (found.kind, found.author) == (kind, role)


@pytest.mark.parametrize("contained", [True, False])
def test_the_credential_of_an_author_who_is_only_referred_to(contained):
    person = {
        "resourceType": "Practitioner",
        "id": "pr1",
        "name": [{"text": "Ann Lee"}],
        "qualification": [{"code": {"coding": [{"code": "PT"}]}}],
    }
    target = {"author": [{"reference": "#pr1" if contained else "Practitioner/pr1"}]}
    held = [note(**target, contained=[person])] if contained else [person, note(**target)]
    assert [one.author for one in read(*held).documents] == [Role.THERAPIST]


DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>{}</p></div>'


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"conclusion": None, "presentedForm": [attachment("Full.")]}, "Full."),
        ({"conclusion": None, "presentedForm": attachment("Full.")}, "Full."),
        ({"conclusion": "Bulge.", "presentedForm": [attachment("Findings: Bulge.\n")]}, "Findings: Bulge.\n"),
        ({"conclusion": "Spur.", "presentedForm": [attachment("Findings: Bulge.")]}, "Findings: Bulge.\n\nSpur."),
        ({"conclusion": None, "conclusionCode": [{"text": "Spondylosis"}]}, "Spondylosis"),
        ({"conclusion": "Bulge.", "conclusionCode": [{"text": "bulge"}]}, "Bulge."),
        ({"conclusion": None, "text": {"status": "generated", "div": DIV.format("Told.")}}, "Told."),
        ({"conclusion": "Bulge.", "text": {"status": "generated", "div": DIV.format("Other.")}}, "Bulge."),
        ({"conclusion": "Bulge.", "text": {"status": "additional", "div": DIV.format("All. Bulge.")}}, "All. Bulge."),
        (
            {
                "conclusion": None,
                "presentedForm": [attachment("<p>A.</p><p>B.</p>", "text/html"), attachment("A.\nB.")],
            },
            "A.\nB.",
        ),
        ({"conclusion": None, "presentedForm": [attachment("A."), attachment("x", "application/pdf")]}, "A."),
    ],
)
def test_everything_a_report_says_is_one_text(members, expected):
    found = read(report(**members))
    assert [one.text for one in found.documents] == [expected]
    assert not found.gaps


def test_struck_spans_move_with_their_text():
    old = attachment("<p>a <del>gone</del></p><p>", "text/html")
    [found] = read(report(presentedForm=[attachment("First."), old], conclusion=None)).documents
    assert [found.text[start:end] for start, end in found.struck] == ["gone"]


def test_the_same_text_met_twice_is_one_document_and_the_report_stays():
    held = [note("MRI.\n- Bulge.", date=None), report("MRI.  Bulge.")]
    for both in (held, held[::-1]):
        [found] = read(visit(), *both).documents
        assert (found.source, found.author, found.date) == ("DiagnosticReport/r1", Role.RADIOLOGIST, "2026-10-01")


def test_of_two_copies_that_of_this_encounter_stays():
    old = note(name="d0", date="2026-01-01", context={"encounter": {"reference": "Encounter/e0"}})
    [found] = read(visit(), old, note()).documents
    assert (found.source, found.of_encounter) == ("DocumentReference/d1", True)


# --- gaps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"contentType": "application/pdf", "data": "JVBERi0="}, Reason.MALFORMED),
        ({"contentType": "text/plain", "data": "no base64!"}, Reason.NOT_DECODED),
        ({"contentType": "text/plain", "data": "AAEC"}, Reason.NOT_DECODED),
        ({"contentType": "application/rtf", "data": "eA=="}, Reason.MALFORMED),
        ({"contentType": "text/plain", "data": "ICAK"}, Reason.EMPTY),
        ({"contentType": "text/plain"}, Reason.EMPTY),
        ({"contentType": "text/plain", "url": "Binary/b1"}, Reason.NOT_FETCHED),
        ({"contentType": "text/plain", "url": "https://elsewhere.example/x"}, Reason.NOT_FETCHED),
    ],
)
def test_an_attachment_that_cannot_be_read_is_a_gap(held, reason):
    found = read(note(content=[{"attachment": held}]))
    assert not found.documents
    assert found.gaps == (Gap("DocumentReference/d1", reason),)


def test_a_form_that_cannot_be_read_is_named_beside_a_mere_conclusion():
    found = read(report(presentedForm=[attachment("x", "application/pdf")]))
    assert [one.text for one in found.documents] == ["Bulge."]
    assert found.gaps == (Gap("DiagnosticReport/r1", Reason.MALFORMED),)


@pytest.mark.parametrize("held", [note(content=None), note(content=[]), report(conclusion=None)])
def test_a_document_without_content_is_a_gap(held):
    assert [gap.reason for gap in read(held).gaps] == [Reason.EMPTY]


@pytest.mark.parametrize("packed", ["U3B1cg", "U3B1\r\ncg==", "U3B1cg=="])
def test_base64_as_clients_write_it(packed):
    assert [one.text for one in read(note(content={"attachment": {"data": packed}})).documents] == ["Spur"]


def test_a_binary_of_the_record_and_one_that_is_fetched():
    held = {"resourceType": "Binary", "id": "b1", "contentType": "text/html", "data": attachment("<p>a<p>b")["data"]}
    behind = note(content=[{"attachment": {"contentType": "application/octet-stream", "url": "Binary/b1"}}])
    assert [one.text for one in read(behind, held).documents] == ["a\nb"]
    assert [one.text for one in read(behind, fetch=lambda url: (f"from {url}".encode(), "text/plain")).documents] == [
        "from Binary/b1"
    ]
    assert read(behind, fetch=lambda _: Reason.TIMED_OUT).gaps == (Gap("DocumentReference/d1", Reason.TIMED_OUT),)


def test_what_belongs_to_another_patient_is_left_out_and_named():
    other = {"subject": {"reference": "https://ehr.example/fhir/Patient/p2"}}
    found = read(
        note(**other),
        condition(patient={"reference": "Patient/p2"}, subject=None),
        {"resourceType": "Patient", "id": "p3"},
        orders=(order(**other),),
    )
    assert (found.documents, found.diagnoses, found.orders, found.chosen) == ((), (), (), ())
    assert {gap.source for gap in found.gaps} == {
        "DocumentReference/d1",
        "Condition/c1",
        "Patient/p3",
        "ServiceRequest/s1",
    }
    assert {gap.reason for gap in found.gaps} == {Reason.OTHER_PATIENT}


def test_a_resource_without_id_is_named_by_its_place():
    nameless = {**note(), "id": None}
    found = chart.read(Record([nameless, nameless | {"content": []}], asked(), ["prefetch.notes.entry[0]"]), CATEGORY)
    assert [one.source for one in found.documents] == ["prefetch.notes.entry[0]"]
    assert [gap.source for gap in found.gaps] == ["DocumentReference[1]"]


def test_every_reason_has_its_words():
    assert {str(reason) for reason in Reason} <= GAPS.keys()


# --- tolerance ----------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("Condition/c1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "coding", "code", "text", "data", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_in_a_resource_raises(data):
    held = resources(CASE, PLACEMENTS["plain"], "encounter-discharge")
    for _ in range(3):
        victim = data.draw(st.sampled_from(held))
        victim[data.draw(st.sampled_from(sorted(victim)))] = data.draw(JUNK)
    drafts = tuple(
        prefetch.question(
            "order-sign", {"draftOrders": bundled(held, PLACEMENTS["plain"])}, created=False, today=""
        ).orders
    )
    for question in (asked(hook="encounter-discharge"), asked(orders=drafts)):
        record = Record(held, question)
        for code in chart.read(record, CATEGORY).chosen:
            chart.targets(record, code)


@pytest.mark.parametrize(
    "held", [None, 7, "x", [], {}, {"resourceType": 7}, {"resourceType": "Condition", "code": "M99.63"}]
)
def test_what_is_no_resource_is_passed_over(held):
    assert not read(held).chosen


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Condition/c1", ("Condition", "c1")),
        ("https://ehr.example/fhir/Condition/c1/_history/3", ("Condition", "c1")),
        ("urn:uuid:0a1b", ("", "0a1b")),
        ("#c1", ("", "c1")),
        ("c1", ("", "c1")),
    ],
)
def test_references(written, expected):
    assert reference(written) == expected


# --- the table of documents ---------------------------------------------------------------------------

LOST_KIND = """
report = "x"
default = "note"
inpatient = []
credential = [{role = "nurse"}]
kind = [{id = "note", role = "nurse"}]
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("report = ", "documents.toml"),
        ('report = "x"', "required"),
        (LOST_KIND, "no such kind: x"),
        ('report = "x"\ndefault = "x"\ninpatient = []\ncredential = []\n[[kind]]\nid = "x"\nrole = "clerk"\n', "clerk"),
    ],
)
def test_a_wrong_table_of_documents_stops_the_start(text, problem):
    with pytest.raises(DocumentsError, match=problem):
        parsed(text)


def test_no_type_code_names_two_kinds():
    codes = [code for kind in documents().kinds for code in kind.loinc | kind.categories]
    assert len(codes) == len(set(codes))
