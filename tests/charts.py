"""A clinical case -> the hook request an EHR would send, in every placement that occurs.

``request`` makes one body, ``requests`` one for every named placement; ``stored`` is what the client's FHIR server
holds beside it (attachments behind an address, or everything where there is no prefetch).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]

ICD, CPT = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.ama-assn.org/go/cpt"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
TERMS = "http://terminology.hl7.org/CodeSystem/"
PATIENT, ENCOUNTER = "p1", "e1"
CLASSES = {"ambulatory": "AMB", "inpatient": "IMP", "emergency": "EMER"}
TYPES = {
    "text": "text/plain",
    "html": "text/html",
    "rtf": "application/rtf",
    "xml": "application/xml",
    "pdf": "application/pdf",
}
LOINC_TYPES = {
    "progress": "11506-3",
    "consult": "11488-4",
    "procedure": "28570-0",
    "operative": "11504-8",
    "discharge": "18842-5",
    "referral": "57133-1",
    "therapy": "11508-9",
    "nursing": "34746-8",
    "radiology": "18748-4",
}
AUTHORS = {
    "treating": "Jordan Example, MD",
    "radiologist": "Robin Example, MD, Radiologist",
    "therapist": "Sam Example, PT, DPT",
    "nurse": "Kim Example, RN",
}
#: The hooks whose orders stand in the context; elsewhere they stand on the encounter.
SIGNING = {"order-sign", "order-select"}
KEYS = {
    "Encounter": "encounter",
    "Condition": "conditions",
    "DocumentReference": "notes",
    "DiagnosticReport": "reports",
    "Observation": "observations",
    "Procedure": "procedures",
    "ServiceRequest": "orders",
}


@dataclass(frozen=True)
class Placement:
    """Where each fact of a case stands."""

    reason: str = "both"  #: code, reference, both
    note: str = "inline-charset"  #: inline, inline-charset, url (on the server), binary (in the prefetch)
    radiology: str = "form"  #: form, conclusion, div, document
    dotted: bool = True
    worded: bool = True  #: Conditions with code.text
    author: str = "credential"  #: credential, type (nobody is named)
    bundle: str = "searchset"  #: searchset, collection, untyped, array, single (where there is one)
    delivery: str = "prefetch"  #: prefetch, server
    keyed: str = "encounter"  #: encounter, patient (the sibling keys)
    value: str = "string"  #: string, concept, interpretation
    performed: str = "date"  #: date, period
    listed: bool = True  #: the Encounter lists its diagnoses


PLACEMENTS: Mapping[str, Placement] = {
    "plain": Placement(),
    "reason as code": Placement(reason="code", listed=False),
    "reason as reference": Placement(reason="reference"),
    "inline without charset": Placement(note="inline"),
    "notes behind an address": Placement(note="url"),
    "notes in a Binary of the prefetch": Placement(note="binary"),
    "report in the conclusion": Placement(radiology="conclusion"),
    "report in the narrative": Placement(radiology="div", performed="period"),
    "report as a document": Placement(radiology="document", author="type"),
    "codes without dot": Placement(dotted=False, bundle="collection"),
    "nobody signs": Placement(author="type", worded=False),
    "untyped bundles": Placement(bundle="untyped", value="concept"),
    "bare arrays": Placement(bundle="array", value="interpretation"),
    "single resources": Placement(bundle="single", keyed="patient"),
    "server only": Placement(delivery="server"),
    "server only, everything otherwise": Placement(
        delivery="server", note="url", radiology="document", reason="reference", dotted=False, value="concept"
    ),
}


def requests(case: Json, hook: str = "order-sign", server: str = "") -> Iterator[tuple[str, Json]]:
    """A body for every placement by its name; without a server only those that need none."""
    for name, placement in PLACEMENTS.items():
        if server or not needs_server(placement):
            yield name, request(case, placement, hook, server)


def needs_server(placement: Placement) -> bool:
    """Whether the record is not whole without a FHIR server."""
    return placement.delivery == "server" or placement.note == "url"


def request(case: Json, placement: Placement = PLACEMENTS["plain"], hook: str = "order-sign", server: str = "") -> Json:
    """The hook request of a case; ``server`` is the base address of the client's FHIR server."""
    context: Json = {"userId": "Practitioner/dr1", "patientId": PATIENT, "encounterId": ENCOUNTER}
    orders = [service_request(case, order, i, placement) for i, order in enumerate(case["orders"])]
    if hook in SIGNING:
        context["draftOrders"] = bundled(orders, placement if placement.bundle != "single" else Placement())
    if hook == "order-select":
        context["selections"] = [f"ServiceRequest/{order['id']}" for order in orders]
    if hook == "problem-list-item-create":
        context["conditions"] = bundled(
            [
                problem
                for problem in chosen(case, placement)
                if not problem.update(category=category("problem-list-item"))
            ],
            placement,
        )
    body: Json = {
        "hook": hook,
        "hookInstance": str(uuid5(NAMESPACE_URL, f"{case['id']}/{hook}/{placement}")),
        "context": context,
    }
    if server:
        body["fhirServer"] = server
    if placement.delivery == "prefetch":
        body["prefetch"] = prefetch(resources(case, placement, hook), placement)
    return body


def stored(case: Json, placement: Placement, hook: str = "order-sign") -> list[Json]:
    """What the client's FHIR server holds: everything, or what the prefetch only points at."""
    binaries = [binary(note, i) for i, note in enumerate(case["notes"])] if placement.note == "url" else []
    return binaries + (resources(case, placement, hook) if placement.delivery == "server" else [])


def resources(case: Json, placement: Placement, hook: str = "order-sign") -> list[Json]:
    """The record of a case, the draft orders of the context apart."""
    notes = [note_resource(note, i, placement) for i, note in enumerate(case["notes"])]
    held = [
        {"resourceType": "Patient", "id": PATIENT},
        encounter(case, placement),
        *chosen(case, placement),
        *(condition(case, one, f"k{i}", placement) for i, one in enumerate(case["conditions"])),
        *notes,
        *(observation(case, one, i, placement) for i, one in enumerate(case["observations"])),
        *(procedure(one, i, placement) for i, one in enumerate(case["procedures"])),
    ]
    if placement.note == "binary":
        held += [binary(note, i) for i, note in enumerate(case["notes"])]
    if hook not in SIGNING:
        held += [service_request(case, order, i, placement) for i, order in enumerate(case["orders"])]
    return held


# --- one resource each --------------------------------------------------------------------------------


def encounter(case: Json, placement: Placement) -> Json:
    code = CLASSES[case["encounter_class"]]
    period = {"start": f"{case['date']}T08:30:00Z"}
    made: Json = {
        "resourceType": "Encounter",
        "id": ENCOUNTER,
        "status": "in-progress",
        "class": {"system": f"{TERMS}v3-ActCode", "code": code},
        "subject": subject(),
        "period": {**period, "end": f"{case['date']}T17:00:00Z"} if code == "IMP" else period,
    }
    if placement.listed:
        made["diagnosis"] = [
            {"condition": {"reference": f"Condition/c{i}"}, "rank": i + 1} for i in range(len(case["chosen"]))
        ]
    return made


def chosen(case: Json, placement: Placement) -> list[Json]:
    given = {"clinical": "active", "verification": "confirmed", "category": "encounter-diagnosis"}
    return [condition(case, {"code": code, **given}, f"c{i}", placement) for i, code in enumerate(case["chosen"])]


def condition(case: Json, given: Json, name: str, placement: Placement) -> Json:
    code = given["code"] if placement.dotted else given["code"].replace(".", "")
    made: Json = {
        "resourceType": "Condition",
        "id": name,
        "meta": {"versionId": "1"},
        "clinicalStatus": concept(f"{TERMS}condition-clinical", given["clinical"]),
        "verificationStatus": concept(f"{TERMS}condition-ver-status", given["verification"]),
        "category": category(given["category"]),
        "code": {"coding": [{"system": ICD, "code": code}]},
        "subject": subject(),
        "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
        "recordedDate": case["date"],
    }
    if given.get("text"):
        made["code"]["coding"][0]["display"] = given["text"]
        if placement.worded:
            made["code"]["text"] = given["text"]
    if given.get("note"):
        made["note"] = [{"text": given["note"]}]
    return made


def note_resource(note: Json, position: int, placement: Placement) -> Json:
    if note["kind"] != "radiology" or placement.radiology == "document":
        return document(note, position, placement)
    return report(note, position, placement)


def document(note: Json, position: int, placement: Placement) -> Json:
    made: Json = {
        "resourceType": "DocumentReference",
        "id": f"d{position}",
        "status": "current",
        "type": {"coding": [{"system": LOINC, "code": LOINC_TYPES[note["kind"]]}]},
        "subject": subject(),
        "date": f"{note['date']}T09:00:00Z",
        "content": [{"attachment": attachment(note, position, placement)}],
        "context": {"encounter": [{"reference": f"Encounter/{ENCOUNTER}"}]},
    }
    if placement.author == "credential":
        made["author"] = [{"display": AUTHORS[note["author"]]}]
    return made


def report(note: Json, position: int, placement: Placement) -> Json:
    made: Json = {
        "resourceType": "DiagnosticReport",
        "id": f"r{position}",
        "status": "final",
        "category": [concept(f"{TERMS}v2-0074", "RAD")],
        "code": {"coding": [{"system": LOINC, "code": LOINC_TYPES["radiology"]}]},
        "subject": subject(),
        "effectiveDateTime": f"{note['date']}T07:00:00Z",
    }
    plain = note["format"] == "text"
    if placement.radiology == "conclusion" and plain:
        made["conclusion"] = note["text"]
    elif placement.radiology == "div" and note["format"] != "rtf":
        inner = f"<p>{'<br/>'.join(escape(note['text'], quote=False).split(chr(10)))}</p>" if plain else note["text"]
        made["text"] = {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'}
    else:
        made["presentedForm"] = [attachment(note, position, placement)]
    if placement.author == "credential":
        made["resultsInterpreter"] = [{"display": AUTHORS[note["author"]]}]
    return made


def attachment(note: Json, position: int, placement: Placement) -> Json:
    kind = TYPES[note["format"]]
    if placement.note in {"url", "binary"}:
        return {"contentType": kind, "url": f"Binary/b{position}"}
    kind += "; charset=utf-8" if placement.note == "inline-charset" else ""
    return {"contentType": kind, "data": packed(note["text"])}


def binary(note: Json, position: int) -> Json:
    made = {"resourceType": "Binary", "id": f"b{position}", "contentType": TYPES[note["format"]]}
    return {**made, "data": packed(note["text"])}


def observation(case: Json, given: Json, position: int, placement: Placement) -> Json:
    codings = [
        {"system": system, "code": given[name]}
        for name, system in (("loinc", LOINC), ("snomed", SNOMED))
        if name in given
    ]
    made: Json = {
        "resourceType": "Observation",
        "id": f"o{position}",
        "status": "final",
        "code": {**({"coding": codings} if codings else {}), "text": given["text"]},
        "subject": subject(),
        "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
        "effectiveDateTime": given.get("date", case["date"]),
    }
    member = {"string": "valueString", "concept": "valueCodeableConcept", "interpretation": "interpretation"}
    value = given["value"] if placement.value == "string" else {"text": given["value"]}
    made[member[placement.value]] = [value] if placement.value == "interpretation" else value
    return made


def procedure(given: Json, position: int, placement: Placement) -> Json:
    made: Json = {
        "resourceType": "Procedure",
        "id": f"x{position}",
        "status": given["status"],
        "code": {"text": given["text"], **cpt(given)},
        "subject": subject(),
    }
    if placement.performed == "period":
        made["performedPeriod"] = {"start": given["date"]}
    else:
        made["performedDateTime"] = given["date"]
    return made


def service_request(case: Json, order: Json, position: int, placement: Placement) -> Json:
    made: Json = {
        "resourceType": "ServiceRequest",
        "id": f"s{position}",
        "status": "draft",
        "intent": "order",
        "code": {"text": order["text"], **cpt(order)},
        "subject": subject(),
        "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
        "authoredOn": case["date"],
        "requester": {"reference": "Practitioner/dr1"},
    }
    if placement.reason in {"code", "both"}:
        codes = [code if placement.dotted else code.replace(".", "") for code in case["chosen"]]
        made["reasonCode"] = [concept(ICD, code) for code in codes]
    if placement.reason in {"reference", "both"}:
        made["reasonReference"] = [{"reference": f"Condition/c{i}"} for i in range(len(case["chosen"]))]
    return made


# --- parts --------------------------------------------------------------------------------------------


def prefetch(held: Iterable[Json], placement: Placement) -> Json:
    """The resources under the service's keys; a key without any holds null, as the specification has it."""
    suffix = "OfPatient" if placement.keyed == "patient" else ""
    groups: dict[str, list[Json]] = {"problems": [], **{f"{key}{suffix}": [] for key in KEYS.values()}}
    for one in held:
        if one["resourceType"] == "Patient":
            groups["patient"] = [one]
        elif one["resourceType"] == "Binary":
            groups[f"notes{suffix}"].append(one)
        elif one.get("category") == category("problem-list-item"):
            groups["problems"].append(one)
        else:
            groups[f"{KEYS[one['resourceType']]}{suffix}"].append(one)
    single = {"patient", "encounter"}
    shape = replace(placement, bundle="single")
    return {
        key: bundled(group, shape if key in single else placement) if group else None for key, group in groups.items()
    }


def bundled(group: list[Json], placement: Placement) -> Any:
    if placement.bundle == "array":
        return group
    if placement.bundle == "single" and len(group) == 1:
        return group[0]
    made: Json = {"resourceType": "Bundle", "entry": [{"resource": one} for one in group]}
    if placement.bundle in {"searchset", "single"}:
        made |= {"type": "searchset", "total": len(group)}
    elif placement.bundle == "collection":
        made["type"] = "collection"
    return made


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def category(code: str) -> list[Json]:
    return [concept(f"{TERMS}condition-category", code)]


def cpt(given: Json) -> Json:
    return {"coding": [{"system": CPT, "code": given["cpt"]}]} if given.get("cpt") else {}


def subject() -> Json:
    return {"reference": f"Patient/{PATIENT}"}


def packed(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
