"""Identifiers and evidence as keyed hashes: equal for equal things, and telling nothing without the key (S16)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

import orjson

from cds_service.fhir_read import reference
from knowledge.model import Assertion, Assessment


def caller(issuer: str, tenant: str) -> str:
    """A client and its tenant, as what it tells of its patients is kept apart from that of others."""
    return " ".join(filter(None, (issuer, tenant)))


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The hashes of one installation: HMAC-SHA256, in hexadecimal."""

    key: bytes = field(repr=False)

    def of(self, purpose: str, *parts: object) -> str:
        """The hash of some JSON values; another purpose gives another hash of the same."""
        return hmac.digest(self.key, orjson.dumps([purpose, *parts]), "sha256").hex()

    def patient(self, client: str, server: str, patient: str) -> str:
        """A patient of a client's FHIR server; nothing where the call names no patient.

        Ids are the client's own, so the same id from elsewhere is somebody else.  ``Patient/1`` is 1 (Q7).
        """
        bare = reference(patient).id
        return self.of("patient", client, server.rstrip("/"), bare) if bare else ""

    def evidence(self, assessment: Assessment) -> str:
        """What the advice rests on and what it says.  Where a quote stands does not count, only that it is said."""
        quoted = {
            (piece.axis, piece.value, str(piece.assertion), " ".join(piece.quote.split()), piece.date)
            for piece in assessment.evidence
            if piece.assertion is not Assertion.ELSEWHERE
        }
        said = (assessment.proposed, assessment.alternatives, assessment.missing_hard, assessment.missing_soft)
        unread = sorted({gap.reason for gap in assessment.gaps})  # a card that names another gap says something new
        return self.of("evidence", str(assessment.verdict), said, sorted(quoted), unread)

    def matter(self, patient: str, assessment: Assessment) -> str:
        """What an override sets aside: this advice, for this patient, on this evidence; nothing without a patient."""
        if not patient:
            return ""
        return self.of("matter", patient, assessment.code, assessment.rule.id, self.evidence(assessment))
