"""Assessment -> cards: none where the record supports the code, else exactly one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cards import override
from cards.call import Call, Json, Targets
from cards.detail import detail, gaps, summary
from cards.links import links, mention
from cards.suggestion import Answer, actions, answers, out_of_reach
from cards.task import task
from cards.words import ADVICES, BY_VERDICT, PHRASES, TOPICS, Advice, open_answers
from knowledge.model import Assertion, Assessment, Evidence, Gap

SUMMARY_LENGTH = 139  #: characters (CDS Hooks: fewer than 140)
UNAVAILABLE = "unavailable"


def write(assessment: Assessment, targets: Targets, call: Call) -> list[Json]:
    """The card about one assessed code, in the words of its advice."""
    if assessment.silent:
        return []
    advice = _advice(assessment)
    offered = answers(assessment, advice, call)
    uuid = _uuid(call.hook_instance, assessment.code, assessment.rule.id)
    changes = [] if call.informative else [actions(answer, assessment.code, targets, call) for answer in offered]
    manner = _manner(offered, changes, assessment.code, targets, call) if offered else ""
    later = None if call.informative else task(assessment, advice, targets, call)
    suggestions = [] if call.informative else _suggestions(uuid, advice, offered, changes, later, call)
    said = detail(assessment, advice, offered, call, manner)
    card = {
        **_head(uuid, advice, summary(assessment, advice)),
        "detail": "\n\n".join(filter(None, [said, mention(assessment.rule.id, call)])),
        "suggestions": suggestions,
        "selectionBehavior": "at-most-one" if suggestions else "",
        "overrideReasons": override.offered(),
        "links": links(assessment.rule.id, call),
        "extension": {"org.foramen.assessment": _for_machines(assessment, call)},
    }
    return [_without_empty(card)]


def unavailable(unread: Iterable[Gap], call: Call) -> Json:
    """The card that says that no check took place: silence would look like an answer."""
    advice = ADVICES[UNAVAILABLE]
    blocks = {"gaps": gaps(unread)}
    paragraphs = (paragraph.format_map(blocks) for paragraph in advice.detail)
    card = {
        **_head(_uuid(call.hook_instance, UNAVAILABLE), advice, advice.summary),
        "detail": "\n\n".join(paragraph for paragraph in paragraphs if paragraph),
        "links": links(UNAVAILABLE, call, app=False),
    }
    return _without_empty(card)


def _advice(assessment: Assessment) -> Advice:
    """The rule's words; a query in their place where the provider has not stated it, or no code is known for it."""
    advice = ADVICES[assessment.rule.advice or BY_VERDICT[assessment.verdict]]
    edit = assessment.provider_stated and assessment.proposed
    return ADVICES[advice.unstated] if advice.unstated and not edit else advice


def _head(uuid: str, advice: Advice, said: str) -> Json:
    topic = {"system": TOPICS["system"], "code": advice.topic, "display": TOPICS["display"][advice.topic]}
    return {
        "uuid": uuid,
        "summary": said if len(said) <= SUMMARY_LENGTH else shorten(said, SUMMARY_LENGTH, placeholder=" ..."),
        "indicator": advice.indicator,
        "source": {"label": TOPICS["label"], "topic": topic},
    }


def _suggestions(
    uuid: str, advice: Advice, offered: Sequence[Answer], changes: Sequence[list[Json]], later: Json | None, call: Call
) -> list[Json]:
    """The coded answers; in a query also the two that name no code, and the Task where there is one."""
    coded = [
        {"label": answer.label(call), "uuid": _uuid(uuid, *answer.codes), "actions": acts}
        for answer, acts in zip(offered, changes, strict=True)
    ]
    tasks = [{"label": PHRASES["task"]["label"], "uuid": _uuid(uuid, "task"), "actions": [later]}] if later else []
    open_ended = open_answers(advice).items() if advice.query else ()
    return [
        *(_without_empty(one) for one in coded),
        *tasks,
        *({"label": said, "uuid": _uuid(uuid, name)} for name, said in open_ended),
    ]


def _manner(offered: Sequence[Answer], changes: Sequence[list[Json]], code: str, targets: Targets, call: Call) -> str:
    """How much of a change a choice applies: what the clinician has to set by hand."""
    if call.informative:
        return "informative"
    if not any(changes):
        return "all"
    further = any(len(answer.codes) > 1 for answer in offered)
    return "rest" if out_of_reach(code, targets, call, further=further) else "applied"


def _for_machines(assessment: Assessment, call: Call) -> Json:
    """The decision as data."""
    evidence = [piece for piece in assessment.evidence if piece.assertion is not Assertion.ELSEWHERE]
    return _without_empty(
        {
            "code": assessment.code,
            "verdict": str(assessment.verdict),
            "knowledge": call.knowledge,
            "proposedCodes": list(assessment.proposed),
            "alternatives": list(assessment.alternatives),
            "missingHard": list(assessment.missing_hard),
            "missingSoft": list(assessment.missing_soft),
            "rules": list(assessment.policy),
            "evidence": [_piece(piece) for piece in evidence],
        }
    )


def _piece(piece: Evidence) -> Json:
    names = ("axis", "value", "assertion", "quote", "source", "start", "end", "date", "section", "author")
    return _without_empty({name: getattr(piece, name) for name in names} | {"assertion": str(piece.assertion)})


def _without_empty(members: dict[str, Any]) -> Json:
    """CDS Hooks knows no empty array and no empty string: an absent thing is absent."""
    return {name: value for name, value in members.items() if value not in ("", [], None)}


def _uuid(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "\n".join(("https://foramen.org/card", *parts))))
