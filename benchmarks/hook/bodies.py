"""Hook requests of a size, as an EHR sends them: an order with a chosen code, and the record around it.

Every resource carries what US Core asks of it, so that the share of what is read in what is sent is a usual one.  The
notes are those of the clinical cases; nothing here is about anyone.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent.parent
KB = 1000
SIZES = (5 * KB, 20 * KB, 200 * KB, 2000 * KB)
CHOSEN = "M99.53"
DAY = "2026-03-12"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core"
TERMS = "http://terminology.hl7.org/CodeSystem"
ICD, LOINC, SNOMED = "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org", "http://snomed.info/sct"
#: What is wrong with the patient besides: (ICD-10-CM, SNOMED CT, words).
PROBLEMS = (
    ("I10", "59621000", "Essential (primary) hypertension"),
    ("E11.9", "44054006", "Type 2 diabetes mellitus without complications"),
    ("J45.909", "195967001", "Unspecified asthma, uncomplicated"),
    ("F41.1", "21897009", "Generalized anxiety disorder"),
)
MEASURED = (
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 128),
    ("8867-4", "Heart rate", "/min", 71),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 6),
)
NOTE_EVERY = 9  #: of the resources beyond the first few, one in so many is a note, and one a report


@cache
def notes() -> tuple[str, ...]:
    """The plain notes of the clinical cases, in the order of their files."""
    files = sorted((ROOT / "tests/cases").glob("*-*.json"))
    cases = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return tuple(note["text"] for case in cases for note in case["notes"] if note["format"] == "text")


def texts() -> Iterator[str]:
    """Those notes, over and over."""
    return cycle(notes())


def body(size: int, *, notes: bool, number: int = 0) -> Json:
    """A request of about so many bytes; another ``number`` is another chart, no note of which was read before."""
    patient = f"Patient/p{number}"
    said = (f"{text}\n\nChart {number}." for text in islice(texts(), number * 7, None))
    held: dict[str, list[Json]] = {"encounter": [_encounter(patient)], "conditions": [_chosen(patient)]}
    made = _request(patient, held)
    length = len(json.dumps(made, separators=(",", ":")))
    for place in count():
        key, resource = _resource(place, patient, said, notes=notes)
        length += len(json.dumps(resource, separators=(",", ":"))) + 20
        if length > size * 1.05 and place > 1:
            break
        held.setdefault(key, []).append(resource)
    return _request(patient, held)


def encoded(size: int, *, notes: bool, number: int = 0) -> bytes:
    """The request as it goes over the wire."""
    return json.dumps(body(size, notes=notes, number=number), separators=(",", ":")).encode()


def _request(patient: str, held: dict[str, list[Json]]) -> Json:
    order = {
        "resourceType": "ServiceRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "98940"}], "text": "Manipulation"},
        "subject": {"reference": patient},
        "encounter": {"reference": "Encounter/e1"},
        "authoredOn": DAY,
        "requester": {"reference": "Practitioner/dr1"},
        "reasonCode": [{"coding": [{"system": ICD, "code": CHOSEN}]}],
    }
    kinds = ("encounter", "conditions", "problems", "notes", "reports", "observations", "procedures")
    return {
        "hook": "order-sign",
        "hookInstance": f"4b5c1c5e-0000-4000-8000-{patient.removeprefix('Patient/p'):0>12}",
        "context": {
            "userId": "Practitioner/dr1",
            "patientId": patient.removeprefix("Patient/"),
            "encounterId": "e1",
            "draftOrders": _bundle([order]),
        },
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": patient.removeprefix("Patient/"), "gender": "female"},
            **{kind: _bundle(held[kind]) if kind in held else None for kind in kinds},
        },
    }


def _bundle(resources: list[Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"fullUrl": f"https://ehr.example/fhir/{x['id']}", "resource": x} for x in resources],
    }


def _resource(place: int, patient: str, said: Iterator[str], *, notes: bool) -> tuple[str, Json]:
    """The next resource and its prefetch key: problems and measurements, among them a note and a report."""
    base = {"id": f"x{place}", "subject": {"reference": patient}, "encounter": {"reference": "Encounter/e1"}}
    turn = place % NOTE_EVERY
    if notes and turn == 0:
        return "notes", _note(base, next(said))
    if notes and turn == NOTE_EVERY // 2:
        return "reports", _report(base, next(said))
    return ("problems", _problem(base, place)) if turn % 2 else ("observations", _observation(base, place))


def _encounter(patient: str) -> Json:
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "meta": _meta("encounter"),
        "status": "in-progress",
        "class": {"system": f"{TERMS}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [{"coding": [{"system": SNOMED, "code": "185349003", "display": "Encounter for check up"}]}],
        "subject": {"reference": patient},
        "period": {"start": f"{DAY}T08:30:00Z"},
        "participant": [{"individual": {"reference": "Practitioner/dr1", "display": "Jordan Example, MD"}}],
        "diagnosis": [{"condition": {"reference": "Condition/c0"}, "rank": 1}],
    }


def _chosen(patient: str) -> Json:
    base = {"id": "c0", "subject": {"reference": patient}, "encounter": {"reference": "Encounter/e1"}}
    made = _problem(base, 0) | {"category": _category("condition-category", "encounter-diagnosis")}
    return made | {"code": {"coding": [{"system": ICD, "code": CHOSEN}]}}


def _problem(base: Json, place: int) -> Json:
    code, concept, words = PROBLEMS[place % len(PROBLEMS)]
    return {
        "resourceType": "Condition",
        **base,
        "meta": _meta("condition-problems-health-concerns"),
        "clinicalStatus": _concept(f"{TERMS}/condition-clinical", "active", "Active"),
        "verificationStatus": _concept(f"{TERMS}/condition-ver-status", "confirmed", "Confirmed"),
        "category": _category("condition-category", "problem-list-item"),
        "code": {
            "coding": [
                {"system": ICD, "code": code, "display": words},
                {"system": SNOMED, "code": concept, "display": words},
            ],
            "text": words,
        },
        "onsetDateTime": "2019-05-02T09:00:00-05:00",
        "recordedDate": "2019-05-02",
        "recorder": {"reference": "Practitioner/dr1", "display": "Jordan Example, MD"},
    }


def _observation(base: Json, place: int) -> Json:
    code, words, unit, value = MEASURED[place % len(MEASURED)]
    return {
        "resourceType": "Observation",
        **base,
        "meta": _meta("vital-signs"),
        "status": "final",
        "category": _category("observation-category", "vital-signs"),
        "code": _concept(LOINC, code, words) | {"text": words},
        "effectiveDateTime": f"{DAY}T08:41:00Z",
        "issued": f"{DAY}T08:41:09.123Z",
        "performer": [{"reference": "Practitioner/dr1", "display": "Jordan Example, MD"}],
        "valueQuantity": {
            "value": value + place % 7,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def _note(base: Json, text: str) -> Json:
    return {
        "resourceType": "DocumentReference",
        **{name: value for name, value in base.items() if name != "encounter"},
        "meta": _meta("documentreference"),
        "status": "current",
        "type": _concept(LOINC, "11506-3", "Progress note"),
        "category": _category("us-core-documentreference-category", "clinical-note"),
        "date": f"{DAY}T08:50:00Z",
        "author": [{"reference": "Practitioner/dr1", "display": "Jordan Example, MD"}],
        "content": [{"attachment": _attachment(text)}],
        "context": {"encounter": [{"reference": "Encounter/e1"}], "period": {"start": f"{DAY}T08:30:00Z"}},
    }


def _report(base: Json, text: str) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        **base,
        "meta": _meta("diagnosticreport-note"),
        "status": "final",
        "category": _category("v2-0074", "RAD"),
        "code": _concept(LOINC, "24972-2", "MR Lumbar spine"),
        "effectiveDateTime": "2026-02-20T11:00:00Z",
        "issued": "2026-02-20T15:12:00Z",
        "resultsInterpreter": [{"reference": "Practitioner/dr2", "display": "Robin Example, MD, Radiologist"}],
        "presentedForm": [_attachment(text)],
    }


def _attachment(text: str) -> Json:
    return {"contentType": "text/plain; charset=utf-8", "data": b64encode(text.encode()).decode()}


def _meta(profile: str) -> Json:
    return {"versionId": "1", "lastUpdated": f"{DAY}T08:45:00.000Z", "profile": [f"{CORE}-{profile}"]}


def _concept(system: str, code: str, words: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": words}]}


def _category(system: str, code: str) -> list[Json]:
    return [{"coding": [{"system": f"{TERMS}/{system}", "code": code}]}]
