"""What Inferno's tests of a Da Vinci CRD server look at, written anew: no part of Inferno, and no run of it.

Read from inferno-framework/davinci-crd-test-kit at 1d1f2c4 (2026-03-09), CRD 2.0.1.  Each function yields what the
test of that name would complain of as an error; its warnings, and its checks of FHIR profiles, are left aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
#: Hooks whose answers it wants to hold systemActions.
ACTED_ON = {"appointment-book", "order-sign", "order-dispatch"}
BREAKS_OFF = "breaks off at a suggestion without actions"
#: What it takes for the update of an order; a Condition is not among it.
ALTERNATIVES = {
    "Device",
    "DeviceRequest",
    "Encounter",
    "Medication",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
}


def discovery(status: int, told: Any) -> Iterator[str]:
    """discovery_endpoint_test and discovery_services_validation_test."""
    if status != 200:
        yield f"status {status}"
    services = told.get("services") if isinstance(told, dict) else None
    if not isinstance(services, list):
        yield "no array of services"
        return
    for service in services:
        yield from _lacking(service, {"hook": str, "description": str, "id": str}, "service")


def response(hook: str, told: Json) -> Iterator[str]:
    """service_response_validation_test."""
    if not isinstance(told.get("cards"), list):
        yield "no array of cards"
        return
    if hook in ACTED_ON and not isinstance(told.get("systemActions"), list):
        yield "no array of systemActions"
    for card in told["cards"]:
        yield from _lacking(card, {"summary": str, "indicator": str, "source": dict}, "card")
        yield from _lacking(card.get("source", {}), {"label": str, "topic": dict}, "source")
        yield from _lacking(card.get("source", {}).get("topic", {}), {"code": str, "system": str}, "topic")
        if len(card.get("summary", "")) >= 140:
            yield "summary of 140 characters or more"
        if card.get("indicator") not in {"info", "warning", "critical"}:
            yield "unknown indicator"


def optional_fields(told: Json) -> Iterator[str]:
    """card_optional_fields_validation_test."""
    kinds = {"uuid": str, "detail": str, "suggestions": list, "overrideReasons": list, "links": list}
    for card in told["cards"]:
        yield from _lacking(card, {name: kind for name, kind in kinds.items() if name in card}, "card")
        if card.get("suggestions") and card.get("selectionBehavior") not in {"at-most-one", "any"}:
            yield "suggestions without selectionBehavior"
        for reason in card.get("overrideReasons", ()):
            yield from _lacking(reason, {"code": str, "system": str, "display": str}, "override reason")
        for link in card.get("links", ()):
            yield from _linked(link)
        for suggestion in card.get("suggestions", ()):
            yield from _lacking(suggestion, {"label": str}, "suggestion")
            if "actions" in suggestion and not suggestion["actions"]:
                yield "actions without an action"
            for action in suggestion.get("actions", ()):
                yield from _acted(action)


def alternate_request(context: Json, cards: Iterable[Json]) -> Iterator[str]:
    """propose_alternate_request_card_validation_test, of the cards that it takes for such: those with an update.

    It reads the actions of every suggestion of such a card, and breaks off at one without.
    """
    entries = context["draftOrders"]["entry"]
    drafts = {f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in entries}
    for card in cards:
        if updates([card]) and not all(suggestion.get("actions") for suggestion in card["suggestions"]):
            yield BREAKS_OFF
    for action in updates(cards):
        name = f"{action['resource']['resourceType']}/{action['resource'].get('id')}"
        if name not in drafts:
            yield f"update of {name}, which is not among the draft orders"
        if action["resource"]["resourceType"] not in ALTERNATIVES:
            yield f"update of a {action['resource']['resourceType']}"


def updates(cards: Iterable[Json]) -> list[Json]:
    """Every update that the cards suggest."""
    suggestions = [suggestion for card in cards for suggestion in card.get("suggestions", ())]
    return [act for suggestion in suggestions for act in suggestion.get("actions", ()) if act["type"] == "update"]


def references(cards: Iterable[Json]) -> list[Json]:
    """external_reference_card_validation_test: the cards of which every link is absolute."""
    return [card for card in cards if _all_links(card, "absolute")]


def launches(cards: Iterable[Json]) -> list[Json]:
    """launch_smart_app_card_validation_test: the cards of which every link is a SMART launch."""
    return [card for card in cards if _all_links(card, "smart")]


def instructions(cards: Iterable[Json]) -> list[Json]:
    """instructions_card_received_test: the cards with neither links nor suggestions."""
    return [card for card in cards if not card.get("links") and not card.get("suggestions")]


def _all_links(card: Json, kind: str) -> bool:
    return bool(card.get("links")) and all(link["type"] == kind for link in card["links"])


def _linked(link: Json) -> Iterator[str]:
    yield from _lacking(link, {"label": str, "type": str, "url": str}, "link")
    if urlsplit(link.get("url", "")).scheme not in {"http", "https"}:
        yield "link that is no address"
    if link.get("type") not in {"absolute", "smart"}:
        yield "link of an unknown type"
    if link.get("type") == "absolute" and link.get("appContext"):
        yield "appContext of an absolute link"


def _acted(action: Json) -> Iterator[str]:
    yield from _lacking(action, {"type": str, "description": str}, "action")
    if action.get("type") not in {"create", "update", "delete"}:
        yield "unknown type of action"
    elif action["type"] == "delete":
        yield from _lacking(action, {"resourceId": str}, "action")
    elif not action.get("resource", {}).get("resourceType"):
        yield "action without a resource"


def _lacking(members: Json, kinds: dict[str, type], what: str) -> Iterator[str]:
    """What is absent, empty or of another type: an empty value counts as none."""
    for name, kind in kinds.items():
        if not members.get(name):
            yield f"{what} without {name}"
        elif not isinstance(members[name], kind):
            yield f"{name} of a {what} is no {kind.__name__}"
