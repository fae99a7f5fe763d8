"""What is missing, as a FHIR Task for the clinician: for clients that add one.  It changes no code and no note."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cards.call import Call, Json, Targets
from cards.detail import missing
from cards.words import PHRASES, Advice, label
from knowledge.model import Assessment

CLINICIAN = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9.-]{1,64}")
WORDS: dict[str, str] = PHRASES["task"]


def task(assessment: Assessment, advice: Advice, targets: Targets, call: Call) -> Json | None:
    """The action that adds the Task; None where nothing is missing, or the client adds none."""
    elements = missing(assessment)
    if not (advice.task and elements and "create-tasks" in call.applies):
        return None
    # A diagnosis before an order: a draft may not be on the server yet, and a reference to it would be refused.
    about = next(iter([*targets.conditions, *targets.orders, *targets.referring_orders]), {})
    resource = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "proposal",
        "code": {"text": WORDS["code"]},
        "description": WORDS["description"].format(code=call.named(assessment.code)),
        **_linked(about, call),
        "input": [{"type": {"text": WORDS["input"]}, "valueString": label("missing", name)} for name in elements],
    }
    return {"type": "create", "description": WORDS["action"], "resource": resource}


def _linked(about: Mapping[str, Any], call: Call) -> Json:
    """Whose it is, where it belongs, what it is about, and who is asked: as far as that is known."""
    links = {
        "focus": {"reference": f"{about['resourceType']}/{about['id']}"} if about.get("id") else None,
        "for": about.get("subject"),
        "encounter": about.get("encounter"),
        "owner": {"reference": call.user} if CLINICIAN.fullmatch(call.user) else None,
    }
    return {name: link for name, link in links.items() if link}
