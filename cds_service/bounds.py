"""How much of a record is read in one call; what is beyond it is named on the card, never dropped in silence.

The bounds lie far above any stay that a person can survey.  Without them, one call of a few megabytes would occupy the
service for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from time import monotonic

from cds_service.reasons import Reason
from knowledge import Knowledge, Reader
from knowledge.model import Chart, Document, Gap

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
    kept, gaps, left = [], [], MOST_TEXT
    for one in _ranked(documents):
        if UNBROKEN.search(one.text):
            gaps.append(Gap(one.source, Reason.NOT_TEXT))
        elif len(one.text) > left:
            gaps.append(Gap(one.source, Reason.TOO_LARGE))
        else:
            kept.append(one)
            left -= len(one.text)
    return kept, gaps


def in_time(chart: Chart, known: Knowledge, reader: Reader, until: float) -> tuple[Chart, Reader]:
    """The chart with the documents that could be read in time, a gap for each other, and a reader that has read them.

    The time is looked at between two documents: one that was begun is read to its end, within its bounds.

    Args:
        chart: with its documents.
        known: what they are read with.
        reader: reads one.
        until: monotonic time after which none is begun.
    """
    if until == inf or not chart.chosen:
        return chart, reader
    read, gaps = {}, []
    for one in _ranked(chart.documents):
        if monotonic() > until:
            gaps.append(Gap(one.source, Reason.TIMED_OUT))
        else:
            read[one] = reader(one, known)
    kept = tuple(one for one in chart.documents if one in read)
    return replace(chart, documents=kept, gaps=(*chart.gaps, *gaps)), lambda document, _: read[document]


def _ranked(documents: Iterable[Document]) -> list[Document]:
    ranked = sorted(documents, key=lambda one: one.source)
    return sorted(ranked, key=lambda one: (one.of_encounter, one.date), reverse=True)
