"""How much of a record is read in one call; what is beyond it is named on the card, never dropped in silence.

The bounds lie far above any stay that a person can survey.  Without them, one call of a few megabytes would occupy the
service for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cds_service.reasons import Reason
from knowledge.model import Document, Gap

MOST_TEXT = 250_000  #: characters of all documents together
MOST_CODES = 20  #: chosen codes that are assessed
#: The gap of the codes beyond: without a card it must be said, since a code was not assessed.
MORE_CODES = Gap("conditions", Reason.TOO_LARGE)
#: A run of characters that no language has: packed data in place of words.
UNBROKEN = re.compile(r"\S{1000}")


def assessable(chosen: Sequence[str]) -> tuple[tuple[str, ...], list[Gap]]:
    """The codes that are assessed, the first ones, and the gap for the rest."""
    return tuple(chosen[:MOST_CODES]), [MORE_CODES] if len(chosen) > MOST_CODES else []


def readable(documents: Iterable[Document]) -> tuple[list[Document], list[Gap]]:
    """The documents that are read, and gaps for those that are not: packed ones, and what exceeds the bound.

    Those of the encounter come first, then the latest.
    """
    ranked = sorted(documents, key=lambda one: one.source)
    ranked.sort(key=lambda one: (one.of_encounter, one.date), reverse=True)
    kept, gaps, left = [], [], MOST_TEXT
    for one in ranked:
        if UNBROKEN.search(one.text):
            gaps.append(Gap(one.source, Reason.NOT_TEXT))
        elif len(one.text) > left:
            gaps.append(Gap(one.source, Reason.TOO_LARGE))
        else:
            kept.append(one)
            left -= len(one.text)
    return kept, gaps
