"""What the home page tells: what is offered, one sample judged by the service itself, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cds_service import hooks
from cds_service.advice import ASSESSMENT
from cds_service.consult import answer
from cds_service.kept import Kept
from cds_service.pages import ehr, samples
from cds_service.pages.marks import Marked, marked
from cds_service.pages.samples import Sample
from cds_service.services import services
from cds_service.settings import Settings
from cds_service.store import Unavailable
from knowledge import Code, Knowledge
from knowledge.findings import findings


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample with its card and what was read in it, as the service itself says."""

    sample: Sample
    card: dict[str, Any]
    documents: list[Marked]


class Home:
    """The home page of one service."""

    def __init__(self, known: Knowledge, options: Settings, kept: Kept, name: str) -> None:
        self._known, self._options, self._kept, self._name = known, options, kept, name

    @property
    def healthy(self) -> bool:
        """Whether advice could be kept now."""
        try:
            self._kept.store.ready()
        except Unavailable:
            return False
        return True

    @cached_property
    def shown(self) -> Shown:
        """The sample, judged.  The knowledge does not change while a service runs: made once."""
        sample = samples.read()[self._name]
        request = ehr.request(sample.form(), "home", self._known)
        given = answer(hooks.read(services()[request.service], request.body), self._known, self._options)
        resting = [piece for one in given.assessments for piece in one.evidence]
        read = findings(given.chart, self._known)
        return Shown(sample, given.cards[0], marked(given.chart.documents, read, resting, self._known))

    @property
    def pictured(self) -> Code:
        """The code that the sample's card proposes, to be drawn."""
        told = self.shown.card["extension"][ASSESSMENT]
        return self._known.codes[told["proposedCodes"][0]]
