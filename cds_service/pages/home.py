"""What the home page tells: what is offered, one sample judged by the service itself, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cds_service import hooks
from cds_service.consult import answer
from cds_service.kept import Kept
from cds_service.pages import samples
from cds_service.services import services
from cds_service.settings import Settings
from cds_service.store import Unavailable
from knowledge import Knowledge


@dataclass(slots=True)
class Home:
    """The home page of one service."""

    known: Knowledge
    options: Settings
    kept: Kept

    @property
    def healthy(self) -> bool:
        """What ``/readyz`` tells: whether advice could be kept now."""
        try:
            self.kept.store.ready()
        except Unavailable:
            return False
        return True


class Shown:
    """The sample of the home page with its card.  The knowledge does not change while a service runs: made once."""

    def __init__(self, known: Knowledge, options: Settings, name: str) -> None:
        self._known, self._options = known, options
        self.sample = samples.read()[name]

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the service says to the sample's hook request."""
        request = samples.request(self.sample.form(), "home", self._known)
        call = hooks.read(services()[request.service], request.body)
        card: dict[str, Any] = answer(call, self._known, self._options).cards[0]
        return card
