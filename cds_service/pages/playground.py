"""The playground: a chart becomes a genuine hook request, its answer is explained where the chart says so.

The page posts the request to the service itself.  What it needs beyond the answer is told by ``/playground/explain``,
which asks the same line again (``consult``): there is no second judgement.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as Redirect

from cds_service import catalogue, hooks
from cds_service.consult import answer
from cds_service.pages import ehr, samples, terms
from cds_service.pages.changes import changes
from cds_service.pages.marks import FIRST, marked
from cds_service.pages.rules import Page
from cds_service.pages.site import WORDS, operators, rendered, root, shown
from cds_service.services import services
from cds_service.settings import Settings
from cds_service.shape import expect, optional, required
from cds_service.wire import as_json, json_body
from knowledge import Assertion, Assessment, Knowledge
from knowledge.findings import findings

#: Axes whose evidence may stand under another one's name: a level lies in a region, a narrow site is a narrowing.
QUOTED = {"region": ("region", "level"), "lesion": ("lesion", "site", "structural")}
SUPPRESSED = "org.foramen.suppressed"


@dataclass(frozen=True, slots=True)
class Playground:
    """The playground of one service."""

    known: Knowledge
    options: Settings
    rules: dict[str, Page]

    def blueprint(self) -> Blueprint:
        """``/playground`` and what its page asks for."""
        pages = Blueprint("playground", __name__)
        pages.add_url_rule("/playground", "page", self._page)
        pages.add_url_rule("/playground/samples/<name>", "sample", self._sample)
        pages.add_url_rule("/playground/request", "request", self._request, methods=["POST"])
        pages.add_url_rule("/playground/explain", "explain", self._explain, methods=["POST"])
        return pages

    def _page(self) -> Response | Redirect:
        door = operators()
        if not door.admits:
            return turned_away()
        if root():  # what is explained has links from here on
            return redirect(f"{root()}playground", HTTPStatus.PERMANENT_REDIRECT)
        return shown(
            "playground.html",
            scripted=True,
            here="playground",
            said=WORDS["playground"],
            chart=WORDS["chart"],
            verdicts=WORDS["verdict"],
            session=door.word or "dev",
            visit=uuid4().hex[:12],
            samples=samples.read().values(),
            orders=samples.orders().values(),
            settings=samples.SETTINGS,
            setting_words=WORDS["setting"],
            services=services().values(),
            codes=catalogue.category(self.known),
        )

    def _sample(self, name: str) -> Response:
        if not operators().admits or name not in samples.read():
            abort(HTTPStatus.NOT_FOUND)
        return as_json(asdict(samples.read()[name]))

    def _request(self) -> Response:
        """The hook request of a chart in the form."""
        body = _trusted()
        visit = required(body, "visit", (str,))
        asked = ehr.request(samples.form_of(body), visit[:12], self.known)
        return as_json({"service": asked.service, "request": asked.body})

    def _explain(self) -> Response:
        """What led to an answer: the chart with its findings in place, axes, rules, changes; as a piece of a page."""
        body = _trusted()
        asked = required(body, "request", (dict,))
        replied = optional(body, "response", (dict,)) or {}
        service = services().get(required(body, "service", (str,))) or abort(HTTPStatus.NOT_FOUND)
        given = answer(hooks.read(service, asked), self.known, self.options)
        resting = [piece for one in given.assessments for piece in one.evidence]
        documents = marked(given.chart.documents, findings(given.chart, self.known), resting, self.known)
        html = rendered(
            "explained.html",
            said=WORDS["playground"],
            chart=WORDS["chart"],
            ehr=WORDS["ehr"],
            held=WORDS["held"],
            axes=FIRST,
            verdicts=WORDS["verdict"],
            documents=documents,
            gaps=given.chart.gaps,
            answers=[self._answered(one) for one in given.assessments],
            cards=[_carded(card, asked) for card in optional(replied, "cards", (list,)) or ()],
            left_out=(optional(replied, "extension", (dict,)) or {}).get(SUPPRESSED, {}),
            raw={"request": _pretty(asked), "response": _pretty(replied)},
            curl=_curl(self._address(service.id), asked, signed=not self.options.dev),
        )
        return as_json({"html": html})

    def _answered(self, one: Assessment) -> dict[str, Any]:
        """One assessment in words."""
        facts = [
            (said["asked"], said[one.situation[fact]]) for fact, said in WORDS["fact"].items() if fact in one.situation
        ]
        return {"answer": one, "facts": facts, "rule": self.rules.get(one.rule.id), "axes": list(self._axes(one))}

    def _axes(self, one: Assessment) -> Any:
        """Each axis of the code: coded, documented, quoted, and how it stands."""
        for axis in one.comparisons:
            said = QUOTED.get(axis.axis, (axis.axis,)) if axis.documented else ()
            quotes = dict.fromkeys(
                " ".join(piece.quote.split())
                for piece in one.evidence
                if piece.axis in said and piece.assertion is Assertion.AFFIRMED
            )
            yield {
                "axis": axis.axis,
                "claimed": [terms.said(axis.axis, value, self.known) for value in axis.claimed],
                "documented": [terms.said(axis.axis, value, self.known) for value in axis.documented],
                "quotes": list(quotes),
                "standing": axis.standing,
                "stands": WORDS["stands"][axis.standing],
            }

    def _address(self, service: str) -> str:
        base = self.options.public_url or request.host_url
        return f"{base.rstrip('/')}/cds-services/{service}"


def turned_away() -> Response | Redirect:
    """Whoever is not let in is asked to sign in, where one can; else there is nothing here."""
    if operators().offered:
        return redirect(f"{root()}sign-in", HTTPStatus.SEE_OTHER)
    return shown("missing.html", HTTPStatus.NOT_FOUND, more=WORDS["door"]["off"])


def _trusted() -> dict[str, Any]:
    """The body of a call that comes from a page of ours."""
    if not operators().trusts():
        abort(HTTPStatus.FORBIDDEN)
    body: dict[str, Any] = expect(json_body(), (dict,), ())
    return body


def _carded(card: dict[str, Any], asked: Any) -> dict[str, Any]:
    """A card with what each of its suggestions would change, and the feedback that each answer to it sends."""
    offered = [
        {"suggestion": one, "changes": changes(one, asked), "feedback": _accepted(card, one)}
        for one in card.get("suggestions", ())
    ]
    reasons = [{"said": one["display"], "feedback": _overridden(card, one)} for one in card.get("overrideReasons", ())]
    return {"card": card, "offered": offered, "reasons": reasons}


def _accepted(card: dict[str, Any], suggestion: dict[str, Any]) -> str:
    said = {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion["uuid"]}]}
    return json.dumps(said)


def _overridden(card: dict[str, Any], reason: dict[str, Any]) -> str:
    coded = {"code": reason["code"], "system": reason.get("system", "")}
    return json.dumps({"card": card["uuid"], "outcome": "overridden", "overrideReason": {"reason": coded}})


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(address: str, asked: Any, *, signed: bool) -> str:
    """The same call from a terminal."""
    token = ' \\\n  --header "Authorization: Bearer $TOKEN"' if signed else ""
    head = f"curl --silent --header 'Content-Type: application/json'{token} \\\n  --data-binary @- '{address}' <<'JSON'"
    return f"{head}\n{_pretty(asked)}\nJSON\n"
