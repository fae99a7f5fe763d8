"""What payers have published, for whoever reads a report; nothing that judges or words a card imports it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from knowledge.files import HERE, toml


@dataclass(frozen=True, slots=True)
class PayerNote:
    """One note: who says what, where, and whether the document itself was read on the point."""

    id: str
    title: str
    payer: str
    document: str
    says: str
    status: str  #: verified or unverified
    as_of: str  #: YYYY-MM-DD
    codes: tuple[str, ...]  #: beginnings of codes

    def concerns(self, code: str) -> bool:
        """Whether the note is about a code."""
        return code.startswith(self.codes)


def payer_notes(root: Path = HERE) -> tuple[PayerNote, ...]:
    """The notes of ``payers.toml``.

    Raises:
        KnowledgeError: the file is not what it has to be.
    """
    return tuple(
        PayerNote(**{**row, "codes": tuple(row["codes"])}) for row in toml(root / "payers.toml", "payers")["note"]
    )
