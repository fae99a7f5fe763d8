"""Cards -> what is shown of them: each is recorded first; what was set aside before, or is withheld, is left out."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cards
from cds_service import hooks, journal
from cds_service.consult import Consultation
from cds_service.metrics import Metrics
from cds_service.pseudonyms import Pseudonyms
from cds_service.showing import Showing
from cds_service.store import Advised, Store, Unavailable
from knowledge.model import Assessment

#: Fates of a card, beside the settings that withhold it.
SHOWN, SUPPRESSED = "shown", "suppressed"
ASSESSMENT = "org.foramen.assessment"
Card = dict[str, Any]
#: A chosen code is the client's text: it is kept where it looks like a code.
CODE = re.compile(r"[A-Z0-9.]{1,16}")


@dataclass(frozen=True, slots=True)
class Advice:
    """Records and heeds; a database that fails costs the record, never a card."""

    store: Store
    pseudonyms: Pseudonyms
    metrics: Metrics
    days: int  #: how long an override with a reason holds; 0: not heeded

    def shown(
        self, call: hooks.Call, client: str, given: Consultation, knowledge: str, showing: Showing
    ) -> tuple[list[Card], Counter[str]]:
        """The cards to show, and how many are not, by why.

        Where the database fails, nothing counts as set aside before; what is withheld by a setting stays so.
        """
        recorded = list(_recorded(call, client, given, knowledge, self.pseudonyms, showing))
        try:
            aside = self.store.advise(recorded, self.days, cards.POSTPONING)
        except Unavailable as error:
            journal.note("advice not recorded", journal.where(error.__cause__ or error), logging.ERROR)
            self.metrics.unavailable("advise")
            aside = set()
        self.metrics.judged(given.assessments)
        fates = {one.card: one.withheld or (SUPPRESSED if one.card in aside else SHOWN) for one in recorded}
        self.metrics.advised((one.verdict, fates[one.card]) for one in recorded)
        left_out = Counter(fate for fate in fates.values() if fate != SHOWN)
        return [card for card in given.cards if fates[card["uuid"]] == SHOWN], left_out


def counted(left_out: Mapping[str, int]) -> dict[str, Any]:
    """How many cards are not shown and, of those that a setting withholds, how many by which."""
    withheld = {why: count for why, count in sorted(left_out.items()) if why != SUPPRESSED}
    return {"cards": sum(left_out.values())} | ({"withheld": withheld} if withheld else {})


def _recorded(
    call: hooks.Call, client: str, given: Consultation, knowledge: str, pseudonyms: Pseudonyms, showing: Showing
) -> Iterator[Advised]:
    """Each card as a row.  A card without an assessment says that no check took place."""
    by_code = {one.code: one for one in given.assessments}
    patient = pseudonyms.patient(client, call.fhir_server, call.context.get("patientId", ""))
    for card in given.cards:
        assessment = by_code.get(card.get("extension", {}).get(ASSESSMENT, {}).get("code"))
        known = {
            "card": card["uuid"],
            "client": client,
            "service": call.service.id,
            "verdict": card["source"]["topic"]["code"],
            "rule": "",
            "policy": (),
            "code": "",
            "proposed": (),
            "suggestions": tuple(one["uuid"] for one in card.get("suggestions", ())),
            "knowledge": knowledge,
            "patient": patient,
            "evidence": "",
            "matter": "",
            "withheld": showing.withholds(assessment),
        }
        known |= _judged(assessment, patient, pseudonyms) if assessment else {}
        yield Advised(digest=pseudonyms.of("advice", known), **known)


def _judged(assessment: Assessment, patient: str, pseudonyms: Pseudonyms) -> dict[str, Any]:
    return {
        "verdict": str(assessment.verdict),
        "rule": assessment.rule.id,
        "policy": assessment.policy,
        "code": assessment.code if CODE.fullmatch(assessment.code) else "(unreadable)",
        "proposed": assessment.proposed,
        "evidence": pseudonyms.evidence(assessment),
        "matter": pseudonyms.matter(patient, assessment),
    }
