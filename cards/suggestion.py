"""Proposed codes -> answers a clinician can choose, and what choosing one changes.

A changed resource is the client's own JSON with the ICD-10-CM coding of the assessed code exchanged and nothing
else: the concept's ``text``, its other codings, ``meta.versionId`` and unknown fields stay.  Where words or other
codings stay beside a new code, the action's description says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cards.call import Call, Json, Targets
from cards.words import PHRASES, Advice
from knowledge.model import ICD10CM, Assertion, Assessment

#: Tuples: a client may send anything where a string belongs, and not all of it can be looked up in a set.
SYSTEMS = (ICD10CM, "urn:oid:2.16.840.1.113883.6.90")
#: An order in one of these states is history; it is judged, not changed.
CLOSED = ("completed", "revoked", "cancelled", "stopped", "ended", "entered-in-error")
#: What a further diagnosis shares with the one it stands beside.
SHARED = ("clinicalStatus", "verificationStatus", "category", "subject", "encounter")
#: An id that may be told in plain text; a client's may hold anything, and a description is not escaped.
PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")
CATEGORY_LENGTH = 3  #: characters of a code before its dot


@dataclass(frozen=True, slots=True)
class Answer:
    """Codes that would stand where the assessed code stands: the first in its place, the others beside it."""

    codes: tuple[str, ...]
    current: bool = False  #: the selection as it is

    def label(self, call: Call) -> str:
        """All answers are labelled in one shape; only the current selection is marked as such."""
        return " + ".join(map(call.named, self.codes)) + (PHRASES["current"] if self.current else "")


def answers(assessment: Assessment, advice: Advice, call: Call) -> list[Answer]:
    """The coded answers, each of them carried by the record.

    A query lists the current selection among them, in code order, and offers none where only one would remain.
    """
    offered = list(dict.fromkeys(_proposed(assessment, advice)))
    if not advice.query:
        return [Answer(codes) for codes in offered]
    selection = (assessment.code,)
    options = sorted({*offered, selection}) if offered and call.options and _quoted(assessment) else []
    return [Answer(codes, current=codes == selection) for codes in options if len(options) > 1]


def actions(answer: Answer, code: str, targets: Targets, call: Call) -> list[Json]:
    """What an answer changes: the open orders first, then the diagnoses, then the diagnoses to be created."""
    if answer.current:
        return []
    first, *further = answer.codes
    orders = [_reasoned(order, code, answer.codes, call) for order in targets.orders if _open(order)]
    conditions = [_recoded(condition, code, first, call) for condition in targets.conditions]
    created = [_beside(model, code, one, call) for model in targets.conditions[:1] for one in further]
    possible = {
        "update-orders": [_update(order, "order", answer.codes) for order in orders if order],
        "update-conditions": [_update(condition, "condition", (first,)) for condition in conditions if condition],
        "create-conditions": [_create(condition, one) for condition, one in zip(created, further, strict=False)],
    }
    return [action for word, acts in possible.items() if word in call.applies for action in acts]


def out_of_reach(code: str, targets: Targets, call: Call, *, further: bool = False) -> bool:
    """Whether something is left that no action changes: closed, without id, coded or applied otherwise.

    With a further code also an order that only refers to a diagnosis: the one that is added has no id to refer to.
    """
    orders = all(order.get("id") and _open(order) for order in targets.orders)
    conditions = all(one.get("id") and _found(one.get("code"), code) for one in targets.conditions)
    unapplied = (targets.orders and "update-orders" not in call.applies) or (
        targets.conditions and not call.applies >= {"update-conditions", "create-conditions"}
    )
    unlinked = further and bool(targets.referring_orders)
    return bool(unapplied) or unlinked or not (orders and conditions)


def _proposed(assessment: Assessment, advice: Advice) -> Iterator[tuple[str, ...]]:
    """The proposed codes as answers: together, each for itself, or beside the selected one.

    A query asks also for each of several further codes alone: what is offered as a whole only would lead to the whole.
    """
    how = advice.answers
    if how == "each":
        yield from ((code,) for code in assessment.proposed)
    elif how == "set" and assessment.proposed:
        yield assessment.proposed
    elif how == "append" and assessment.proposed:
        further = [one for one in assessment.proposed if one != assessment.code]
        yield (assessment.code, *further)
        yield from ((assessment.code, one) for one in further if advice.query)


def _quoted(assessment: Assessment) -> bool:
    """Whether the card quotes anything that carries an option."""
    return any(piece.assertion is Assertion.AFFIRMED and piece.quote for piece in assessment.evidence)


def _open(order: Mapping[str, Any]) -> bool:
    return order.get("status") not in CLOSED


def _update(resource: Json, wording: str, codes: tuple[str, ...]) -> Json:
    named = [said for member in ("resourceType", "id") if PLAIN.fullmatch(said := str(resource[member]))]
    name = "/".join(named) or PHRASES["action"]["unnamed"]
    said = PHRASES["action"][wording].format(resource=name, codes=" and ".join(codes))
    concepts = _reasons(resource) if wording == "order" else _listed(resource.get("code"))
    kept = PHRASES["action"]["kept"] if any(map(_has_words, concepts)) else ""
    return {"type": "update", "description": said + kept, "resource": resource}


def _create(resource: Json, code: str) -> Json:
    return {"type": "create", "description": PHRASES["action"]["create"].format(codes=code), "resource": resource}


def _has_words(concept: Mapping[str, Any]) -> bool:
    """Whether something stands beside the coding that may still describe the former code."""
    return bool(concept.get("text")) or len(_listed(concept.get("coding"))) > 1


# --- the client's own JSON --------------------------------------------------------------------------


def _reasoned(order: Mapping[str, Any], code: str, codes: tuple[str, ...], call: Call) -> Json | None:
    """The order with other reasons; None where it cannot be addressed, lacks the code or would stay as it is."""
    copy: Json = _copied(order)
    reasons, concepts = copy.get("reasonCode"), _reasons(copy)
    found = _found(concepts, code)
    present = {_bare(coding.get("code")) for concept in concepts for coding in _listed(concept.get("coding"))}
    further = [one for one in codes[1:] if _bare(one) not in present]
    if not copy.get("id") or not found or not (further or codes[0] != code):
        return None
    style = _copied(found[0])
    if codes[0] != code:
        for coding in found:
            _exchange(coding, codes[0], call)
    if further:
        kept = reasons if isinstance(reasons, list) else [reasons] if reasons else []
        copy["reasonCode"] = [*kept, *(_concept(style, one, call) for one in further)]
    return copy


def _reasons(order: Mapping[str, Any]) -> list[Json]:
    """The concepts that an order gives as its reason, those of the Conditions that it contains among them."""
    inside = [part for part in _listed(order.get("contained")) if part.get("resourceType") == "Condition"]
    return [*_listed(order.get("reasonCode")), *(concept for part in inside for concept in _listed(part.get("code")))]


def _recoded(condition: Mapping[str, Any], code: str, other: str, call: Call) -> Json | None:
    """The diagnosis under another code; None where it cannot be addressed, lacks the code or keeps it."""
    copy: Json = _copied(condition)
    found = _found(copy.get("code"), code)
    if not copy.get("id") or not found or other == code:
        return None
    for coding in found:
        _exchange(coding, other, call)
    return copy


def _beside(model: Mapping[str, Any], code: str, further: str, call: Call) -> Json:
    """A new diagnosis that shares patient, encounter, category and statuses with an existing one."""
    found = _found(model.get("code"), code)
    style = found[0] if found else {}
    shared = {key: _copied(model[key]) for key in SHARED if key in model}
    return {"resourceType": "Condition", **shared, "code": _concept(style, further, call)}


def _concept(style: Mapping[str, Any], code: str, call: Call) -> Json:
    """A concept written the way the client writes the assessed code: its system, with or without the dot."""
    coding: Json = {"system": style.get("system") or ICD10CM, "code": style.get("code", "")}
    _exchange(coding, code, call)
    return {"coding": [coding]}


def _exchange(coding: Json, code: str, call: Call) -> None:
    """Put another code into a coding; a display that would name the former code goes."""
    written = str(coding["code"])
    dotless = len(_bare(written)) > CATEGORY_LENGTH and "." not in written
    coding["code"] = _bare(code) if dotless else code
    coding.pop("display", None)
    if code in call.codes:
        coding["display"] = call.codes[code].title


def _found(concepts: object, code: str) -> list[Json]:
    """The codings of a concept, or of several, that are the assessed code, however written."""
    return [
        coding
        for concept in _listed(concepts)
        for coding in _listed(concept.get("coding"))
        if (not coding.get("system") or coding["system"] in SYSTEMS) and _bare(coding.get("code")) == _bare(code)
    ]


def _copied(value: Any) -> Any:
    """JSON that can be changed without changing the client's."""
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value


def _bare(code: object) -> str:
    return str(code or "").replace(".", "").strip().upper()


def _listed(value: object) -> list[Any]:
    """An array as it is, an object where an array belongs as the one entry it means, anything else as none."""
    return [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]
