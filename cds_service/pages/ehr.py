"""A chart of the form -> the hook request that an EHR would send."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cds_service.pages.samples import USUAL, Form, orders
from cds_service.services import Service, services
from knowledge import ICD10CM, Knowledge

Json = dict[str, Any]
TERMS = "http://terminology.hl7.org/CodeSystem/"
CPT, LOINC = "http://www.ama-assn.org/go/cpt", "http://loinc.org"
NOTE, REPORT = "11506-3", "18748-4"
PATIENT, ENCOUNTER, PRACTITIONER = "playground", "e1", "Practitioner/dr1"
#: The hooks whose orders stand in the context; elsewhere they stand on the encounter.
SIGNING = frozenset({"order-sign", "order-select"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A hook request and the service it is for."""

    service: str
    body: Json = field(repr=False)


def request(form: Form, visit: str, known: Knowledge) -> Asked:
    """The hook request of a form.  ``visit`` tells the patients of one visitor from those of another."""
    service = next((one for one in services().values() if one.hook == form.hook), None) or services()[f"m99-{USUAL}"]
    made = _Made(form, f"{PATIENT}-{visit}", known)
    return Asked(
        service.id,
        {
            "hook": service.hook,
            "hookInstance": str(uuid4()),
            "context": made.context(service),
            "prefetch": made.prefetch(service),
        },
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """The resources of a form."""

    form: Form
    patient: str
    known: Knowledge

    def context(self, service: Service) -> Json:
        """What the hook carries."""
        said: Json = {"userId": PRACTITIONER, "patientId": self.patient, "encounterId": ENCOUNTER}
        if service.hook in SIGNING:
            said["draftOrders"] = _bundle("collection", self.orders())
        if service.hook != USUAL and service.hook in SIGNING:
            said["selections"] = [f"ServiceRequest/{order['id']}" for order in self.orders()]
        if service.assessed == "context":
            said["conditions"] = _bundle("collection", self.conditions("problem-list-item"))
        return said

    def prefetch(self, service: Service) -> Json:
        """What the hook is given besides; null is an answer, nothing there."""
        held = {
            "patient": {"resourceType": "Patient", "id": self.patient},
            "encounter": self.encounter(),
            "conditions": _bundle("searchset", self.conditions("encounter-diagnosis")),
            "notes": _bundle("searchset", self.notes()),
            "reports": _bundle("searchset", self.reports()),
            "orders": None if service.hook in SIGNING else _bundle("searchset", self.orders()),
        }
        return {name: held[name] for name in held} | dict.fromkeys(("problems", "observations", "procedures"))

    def encounter(self) -> Json:
        return {
            "resourceType": "Encounter",
            "id": ENCOUNTER,
            "status": "in-progress",
            "class": {"system": f"{TERMS}v3-ActCode", "code": self.form.setting},
            "subject": self._subject(),
            "period": {"start": self._at("09:00:00Z")},
            "diagnosis": [
                {"condition": {"reference": f"Condition/c{number}"}, "rank": number}
                for number, _ in enumerate(self.form.codes, 1)
            ],
        }

    def conditions(self, category: str) -> list[Json]:
        return [
            {
                "resourceType": "Condition",
                "id": f"c{number}",
                "clinicalStatus": _concept(f"{TERMS}condition-clinical", "active"),
                "verificationStatus": _concept(f"{TERMS}condition-ver-status", "confirmed"),
                "category": [_concept(f"{TERMS}condition-category", category)],
                "code": self._code(code),
                **self._of_visit(),
            }
            for number, code in enumerate(self.form.codes, 1)
        ]

    def orders(self) -> list[Json]:
        """The orders, each with every code as its reason; a bare one where nothing is ordered."""
        chosen = [orders()[name] for name in self.form.orders]
        described = [{"coding": [{"system": CPT, "code": one.cpt}], "text": one.text} for one in chosen]
        return [
            {
                "resourceType": "ServiceRequest",
                "id": f"o{number}",
                "status": "draft",
                "intent": "order",
                **({"code": code} if code else {}),
                **self._of_visit(),
                "authoredOn": self._at("09:30:00Z"),
                "requester": {"reference": PRACTITIONER},
                "reasonCode": [self._code(code) for code in self.form.codes],
            }
            for number, code in enumerate(described or [{}], 1)
        ]

    def notes(self) -> list[Json]:
        if not self.form.note.strip():
            return []
        return [
            {
                "resourceType": "DocumentReference",
                "id": "n1",
                "status": "current",
                "docStatus": "final",
                "type": {"coding": [{"system": LOINC, "code": NOTE, "display": "Progress note"}]},
                "subject": self._subject(),
                "date": self._at("09:20:00Z"),
                "author": [{"display": "Jordan Example, MD"}],
                "content": [{"attachment": _attachment(self.form.note)}],
                "context": {"encounter": [{"reference": f"Encounter/{ENCOUNTER}"}]},
            }
        ]

    def reports(self) -> list[Json]:
        if not self.form.report.strip():
            return []
        return [
            {
                "resourceType": "DiagnosticReport",
                "id": "r1",
                "status": "final",
                "category": [_concept(f"{TERMS}v2-0074", "RAD")],
                "code": {"coding": [{"system": LOINC, "code": REPORT}], "text": "Imaging report"},
                **self._of_visit(),
                "effectiveDateTime": self.form.date,
                "performer": [{"display": "Robin Example, MD, Radiologist"}],
                "presentedForm": [_attachment(self.form.report)],
            }
        ]

    def _at(self, time: str) -> str:
        return f"{self.form.date}T{time}"

    def _code(self, code: str) -> Json:
        coding = {"system": ICD10CM, "code": code}
        title = self.known.codes[code].title if code in self.known.codes else ""
        return {"coding": [coding | ({"display": title} if title else {})], **({"text": title} if title else {})}

    def _subject(self) -> Json:
        return {"reference": f"Patient/{self.patient}"}

    def _of_visit(self) -> Json:
        return {"subject": self._subject(), "encounter": {"reference": f"Encounter/{ENCOUNTER}"}}


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _attachment(text: str) -> Json:
    return {"contentType": "text/plain; charset=utf-8", "data": b64encode(text.encode()).decode()}


def _bundle(kind: str, resources: Iterable[Json]) -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]}
