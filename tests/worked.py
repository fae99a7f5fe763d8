"""A worked example judged without FHIR: one code, a record of a few sentences, one decision.

``text`` is the provider's note of the day, ``report`` a radiologist's report (of ``reported``, else of the day),
``study`` its LOINC codes and titles; ``before`` an earlier note of the provider, ``therapy`` a therapist's note;
``conditions`` are confirmed encounter diagnoses, ``orders`` CPT numbers ordered for the code, ``procedures`` what was
done, as "YYYY-MM-DD text".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import knowledge
from knowledge.model import Assertion, Assessment, Chart, Diagnosis, Document, Order, Procedure, Role

Example = dict[str, Any]

KNOWN = knowledge.load()
DATE = "2026-11-03"
EARLIER = "2026-09-01"


def judged(example: Example) -> Assessment:
    day, code = example.get("date", DATE), example["chosen"]
    chart = Chart(
        day,
        (code,),
        inpatient=example.get("inpatient", False),
        documents=tuple(_documents(example, day)),
        diagnoses=tuple(
            Diagnosis(f"Condition/c{number}", one, Assertion.AFFIRMED, encounter_diagnosis=True)
            for number, one in enumerate(example.get("conditions", ()))
        ),
        procedures=tuple(
            Procedure(f"Procedure/p{number}", one.partition(" ")[2], "", completed=True, date=one.partition(" ")[0])
            for number, one in enumerate(example.get("procedures", ()))
        ),
        orders=tuple(
            Order(f"ServiceRequest/o{number}", "", (cpt,), (code,))
            for number, cpt in enumerate(example.get("orders", ()))
        ),
    )
    (assessment,) = knowledge.assess(chart, KNOWN)
    return assessment


def _documents(example: Example, day: str) -> Iterator[Document]:
    told = (
        ("text", example.get("kind", "progress"), Role.TREATING, day),
        ("before", "progress", Role.TREATING, EARLIER),
        ("report", "radiology", Role.RADIOLOGIST, example.get("reported", day)),
        ("therapy", "therapy", Role.THERAPIST, EARLIER),
    )
    for number, (name, kind, author, date) in enumerate(told):
        if name in example:
            study = tuple(example.get("study", ())) if name == "report" else ()
            yield Document(f"DocumentReference/d{number}", example[name], kind, author, date, study=study)


def wrong(example: Example) -> str:
    """What is wrong with the answer to an example, or empty."""
    answer = judged(example)
    got = {
        "verdict": {str(answer.verdict)},
        "codes": {*answer.proposed},
        "hard": {*answer.missing_hard},
        "soft": {*answer.missing_soft},
    }
    wanted = {"verdict": {example["verdict"]}}
    wanted |= {name: {*example.get(name, ())} for name in ("codes", "hard", "soft")}
    told = {*answer.proposed, *answer.alternatives}
    faults = [f"{name}: {sorted(got[name])}" for name in got if got[name] != wanted[name]]
    faults += [f"{code} is not named" for code in example.get("named", ()) if code not in told]
    faults += [f"{code} is named" for code in example.get("never", ()) if code in told]
    return "; ".join(faults)
