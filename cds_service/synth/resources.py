"""One invented patient as FHIR resources (R4), visit by visit."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from cds_service.synth.frames import Frames
from cds_service.synth.story import Answer, Documented, Teller
from knowledge import ICD10CM

Resource = dict[str, Any]

TERMS = "http://terminology.hl7.org/CodeSystem/"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
BEGIN, END = "08:30:00Z", "09:15:00Z"  #: of every visit


@dataclass(frozen=True, slots=True)
class Visit:
    """One encounter with its number, its day, and where and by whom the patient was seen."""

    patient: str
    id: str
    day: str
    clinic: Resource
    clinician: Resource

    def of(self, kind: str, name: str, **members: Any) -> Resource:
        """A resource of this visit."""
        made = {"resourceType": kind, "id": f"{self.id}-{name}", "subject": _to("Patient", self.patient)}
        return made | members

    @property
    def encounter(self) -> Resource:
        return _to("Encounter", self.id)


def people(frames: Frames) -> Iterator[Resource]:
    """The clinics and the clinicians."""
    words = frames["people"]
    for number, name in enumerate(words["clinics"]):
        yield {"resourceType": "Organization", "id": f"clinic{number}", "name": name}
    for number, name in enumerate(words["surnames"]):
        yield {"resourceType": "Practitioner", "id": f"dr{number}", "name": [{"text": _signed(frames, number, name)}]}


def patient(number: int, seed: int, teller: Teller, share: float = 1) -> Iterator[tuple[Resource, Answer | None]]:
    """Every resource of a patient; the Encounter comes with the answer to its code.

    Of all patients a ``share`` has codes to judge; the others are seen for something else.
    """
    frames, rng = teller.frames, Random(f"{seed}/{number}")  # noqa: S311 - no secret: the same again from the same seed
    name, told, visits = f"p{number}", teller.tell(rng), frames["visits"]
    judged, other = rng.random() < share, rng.choice(frames["comorbidity"])["code"]
    sex = rng.choice(["female", "male"])
    born = f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    yield {"resourceType": "Patient", "id": name, "gender": sex, "birthDate": born}, None
    first = visits["first"] + timedelta(days=rng.randrange(visits["days"]))
    if rng.random() < visits["comorbid"]:
        yield _problem(name, first, rng.choice(frames["comorbidity"])), None
    if told.study:
        yield _report(name, first, told, frames), None
    clinic, clinician = _home(rng, frames)
    for count in range(rng.randint(1, visits["most"])):
        day = (first + timedelta(days=count * visits["between"])).isoformat()
        visit = Visit(name, f"{name}v{count}", day, clinic, clinician)
        answer = teller.choose(told, rng)
        yield _encounter(visit), answer if judged else None
        yield _diagnosis(visit, answer.code if judged else other), None
        yield _note(visit, told, rng, frames), None
        for place, vital in enumerate(rng.sample(frames["vital"], visits["observations"])):
            yield _vital(visit, place, vital, rng), None


def _home(rng: Random, frames: Frames) -> tuple[Resource, Resource]:
    """Where a patient is treated, and by whom."""
    words = frames["people"]
    number = rng.randrange(len(words["surnames"]))
    place = number % len(words["clinics"])
    clinic = _to("Organization", f"clinic{place}") | {"display": words["clinics"][place]}
    name = _signed(frames, number, words["surnames"][number])
    return clinic, _to("Practitioner", f"dr{number}") | {"display": name}


def _signed(frames: Frames, number: int, name: str) -> str:
    credentials = frames["people"]["credentials"]
    return f"{name} {credentials[number % len(credentials)]}"


def _encounter(visit: Visit) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": visit.id,
        "status": "finished",
        "class": {"system": f"{TERMS}v3-ActCode", "code": "AMB"},
        "subject": _to("Patient", visit.patient),
        "participant": [{"individual": visit.clinician}],
        "period": {"start": f"{visit.day}T{BEGIN}", "end": f"{visit.day}T{END}"},
        "diagnosis": [{"condition": _to("Condition", f"{visit.id}-c"), "rank": 1}],
        "serviceProvider": visit.clinic,
    }


def _diagnosis(visit: Visit, code: str) -> Resource:
    stated = _condition(code, "encounter-diagnosis")
    return visit.of("Condition", "c", encounter=visit.encounter, recordedDate=visit.day, **stated)


def _problem(name: str, day: date, problem: dict[str, str]) -> Resource:
    stated = _condition(problem["code"], "problem-list-item")
    stated["code"]["text"] = problem["text"]
    made = {"resourceType": "Condition", "id": f"{name}-problem", "subject": _to("Patient", name)}
    return made | stated | {"recordedDate": day.isoformat()}


def _condition(code: str, category: str) -> Resource:
    return {
        "clinicalStatus": _coded(f"{TERMS}condition-clinical", "active"),
        "verificationStatus": _coded(f"{TERMS}condition-ver-status", "confirmed"),
        "category": [_coded(f"{TERMS}condition-category", category)],
        "code": _coded(ICD10CM, code),
    }


def _note(visit: Visit, told: Documented, rng: Random, frames: Frames) -> Resource:
    return visit.of(
        "DocumentReference",
        "d",
        status="current",
        type=_coded(LOINC, frames["loinc"]["note"]),
        date=f"{visit.day}T{END}",
        author=[visit.clinician],
        content=[{"attachment": _attached(_text(told, rng, frames))}],
        context={"encounter": [visit.encounter]},
    )


def _text(told: Documented, rng: Random, frames: Frames) -> str:
    """The note: sections of filler, then the assessment, which holds the statement, and the plan."""
    words, filler = frames["note"], frames["filler"]
    left = rng.randint(*frames["visits"]["sentences"])
    parts = []
    for section in words["sections"]:
        count = min(left // 2, len(filler[section]))
        left -= count
        parts.append(f"{words['headings'][section]}\n" + " ".join(rng.sample(filler[section], count)))
    parts.append(words["assessment"].format(statement=told.statement))
    parts.append(f"{words['plan']}\n" + " ".join(rng.sample(filler["plan"], min(left, len(filler["plan"])))))
    return "\n\n".join(parts)


def _report(name: str, day: date, told: Documented, frames: Frames) -> Resource:
    """The study that shows the lesion, made before the first visit."""
    words = frames["imaging"]
    lines = [words["exam"].format(study=told.study), words["technique"]]
    lines += [words[part].format(statement=told.statement) for part in ("findings", "impression")]
    return {
        "resourceType": "DiagnosticReport",
        "id": f"{name}-r",
        "status": "final",
        "category": [_coded(f"{TERMS}v2-0074", "RAD")],
        "code": _coded(LOINC, frames["loinc"]["report"]),
        "subject": _to("Patient", name),
        "effectiveDateTime": f"{(day - timedelta(days=3)).isoformat()}T{BEGIN}",
        "resultsInterpreter": [{"display": frames["people"]["radiologist"]}],
        "presentedForm": [_attached("\n".join(lines))],
    }


def _vital(visit: Visit, place: int, vital: dict[str, Any], rng: Random) -> Resource:
    value = {"value": rng.randint(vital["low"], vital["high"]), "unit": vital["unit"], "system": UCUM}
    return visit.of(
        "Observation",
        f"o{place}",
        status="final",
        category=[_coded(f"{TERMS}observation-category", "vital-signs")],
        code=_coded(LOINC, vital["loinc"]) | {"text": vital["text"]},
        encounter=visit.encounter,
        effectiveDateTime=f"{visit.day}T{END}",
        valueQuantity=value,
    )


def _attached(text: str) -> Resource:
    return {"contentType": "text/plain; charset=utf-8", "data": b64encode(text.encode()).decode("ascii")}


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _to(kind: str, name: str) -> Resource:
    return {"reference": f"{kind}/{name}"}
