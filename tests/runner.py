"""A clinical case put to the service over HTTP, and what is wrong with the answer.

``Desk.ask`` sends a case in one placement; ``faults`` holds the answer against the case's gold and against what every
answer owes: cards and resources that are valid, quotes that stand in the record.  Nothing here knows the engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from charts import PLACEMENTS, needs_server, request, stored
from fhir_server import FhirServer
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from record_text import fold, held, said
from referencing import Registry, Resource

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent / "cases"
SERVICE = "/cds-services/m99-order-sign"
EXTENSION = "org.foramen.assessment"
SCHEMAS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "cards/schemas").glob("*.json"))]
REGISTRY = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in SCHEMAS if "$id" in one)
ANSWER = Draft202012Validator({"$ref": "https://foramen.org/schemas/response.schema.json"}, registry=REGISTRY)


@dataclass(frozen=True)
class Decision:
    """What a coder decides about one code."""

    verdict: str
    codes: frozenset[str]
    missing_hard: frozenset[str]
    missing_soft: frozenset[str]

    @property
    def hard(self) -> tuple[str, frozenset[str], frozenset[str]]:
        return self.verdict, self.codes, self.missing_hard

    @property
    def silent(self) -> bool:
        return self.verdict == "supported" and not self.missing_soft

    def __str__(self) -> str:
        lists = [" ".join(sorted(one)) or "-" for one in (self.codes, self.missing_hard, self.missing_soft)]
        return f"{self.verdict}, codes {lists[0]}, missing {lists[1]}, soft {lists[2]}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an answer; ``kind`` is what the figures count."""

    kind: str  #: decision, soft, alarm, quote, card, resource
    text: str
    placement: str = ""

    def __str__(self) -> str:
        return f"[{self.placement}] {self.kind}: {self.text}"


@dataclass(frozen=True)
class Exchange:
    """What was sent, what the client's server holds beside it, and what came back."""

    body: Json
    held: list[Json]
    reply: Json

    @property
    def cards(self) -> list[Json]:
        return self.reply["cards"]

    @property
    def record(self) -> dict[str, Json]:
        """Every resource of the request and of the client's server by ``Type/id``."""
        return held([self.body, self.held])


@cache
def cases() -> dict[str, Json]:
    """Every case by its id."""
    paths = [path for path in sorted(HERE.glob("*.json")) if path.stem != "schema"]
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def gold(case: Json) -> Decision:
    told = case["gold"]
    return Decision(told["verdict"], *(frozenset(told[name]) for name in ("codes", "missing_hard", "missing_soft")))


@dataclass(frozen=True)
class Desk:
    """Where cases are put: the service, and the FHIR server of the client."""

    client: FlaskClient
    server: FhirServer

    def ask(self, case: Json, placement: str = "plain") -> Exchange:
        """Send a case as an EHR would."""
        placed = PLACEMENTS[placement]
        base = self.server.base if needs_server(placed) else ""
        return self.send(request(case, placed, server=base), stored(case, placed))

    def send(self, body: Json, held: Iterable[Json] = ()) -> Exchange:
        self.server.held = {f"{one['resourceType']}/{one['id']}": one for one in held}
        reply = self.client.post(SERVICE, json=body)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return Exchange(body, list(self.server.held.values()), reply.get_json())


def decided(exchange: Exchange, code: str) -> Decision:
    """What the answer says of a code.  No card means that it is supported; a card without an assessment, nothing."""
    told = [assessed(card) for card in exchange.cards if assessed(card).get("code") in {code, None}]
    if told and "code" not in told[0]:
        return Decision("unavailable", frozenset(), frozenset(), frozenset())
    if not told:
        return Decision("supported", frozenset(), frozenset(), frozenset())
    names = ("proposedCodes", "missingHard", "missingSoft")
    return Decision(told[0]["verdict"], *(frozenset(told[0].get(name, ())) for name in names))


def assessed(card: Json) -> Json:
    """The machine-readable part of a card; empty where nothing was assessed."""
    return card.get("extension", {}).get(EXTENSION, {})


def faults(case: Json, exchange: Exchange, placement: str = "") -> list[Fault]:
    """Everything that is wrong with the answer to a case; empty where it is right."""
    found = [*_judged(case, exchange), *_written(case, exchange), *_quoted(exchange), *_changed(exchange)]
    return [Fault(kind, text, placement) for kind, text in found]


def _judged(case: Json, exchange: Exchange) -> Iterator[tuple[str, str]]:
    """The decision about the first chosen code, and its documentation elements."""
    expected, got = gold(case), decided(exchange, case["chosen"][0])
    if got.hard != expected.hard:
        yield "decision", f"{got}; expected {expected}"
    if got.missing_soft != expected.missing_soft:
        yield "soft", f"{sorted(got.missing_soft)}; expected {sorted(expected.missing_soft)}"
    if expected.verdict == "supported" and (got.verdict != "supported" or (expected.silent and not got.silent)):
        yield "alarm", f"{got}; the record supports {case['chosen'][0]}"


def _written(case: Json, exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Cards that are valid, one for a chosen code at most, each with something to say."""
    for wrong in ANSWER.iter_errors(exchange.reply):
        yield "card", f"{wrong.json_path}: {wrong.message[:200]}"
    codes = [assessed(card).get("code") for card in exchange.cards]
    if len(codes) != len(set(codes)):
        yield "card", f"more than one card for a code: {codes}"
    if strange := set(codes) - set(case["chosen"]):
        yield "card", f"a card about what was not chosen: {strange}"
    for code in case["chosen"]:
        if code in codes and decided(exchange, code).silent:
            yield "card", f"a card that has nothing to say about {code}"


def _quoted(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Every quote stands in the resource that it names."""
    record = exchange.record
    for card in exchange.cards:
        for one in assessed(card).get("evidence", ()):
            words = said(one["source"], record)
            if not any(fold(one["quote"]) in text for text in words):
                yield "quote", f"{one['quote']!r} is not in {one['source']}"


def _changed(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Every emitted resource is valid R4B where the client's own was."""
    record = exchange.record
    actions = [
        action
        for card in exchange.cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion.get("actions", ())
    ]
    for action in actions:
        emitted = action["resource"]
        own = record.get(f"{emitted['resourceType']}/{emitted.get('id')}")
        if action["type"] == "update" and own is None:
            yield "resource", f"update of {emitted['resourceType']}/{emitted.get('id')}, which nobody sent"
        elif (own is None or not invalid(own)) and (wrong := invalid(emitted)):
            yield "resource", f"{emitted['resourceType']}: {wrong}"


def invalid(resource: Json) -> str:
    """What R4B says against a resource, or empty."""
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return str(error)[:300]
    return ""
