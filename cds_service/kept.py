"""What of a call outlives it: the counts, the advice that was given, the feedback on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum

from cds_service import journal, store
from cds_service.advice import Advice
from cds_service.feedback import Feedback
from cds_service.metrics import Metrics
from cds_service.pseudonyms import Pseudonyms
from cds_service.settings import Settings
from cds_service.store import Store, Unavailable


class State(StrEnum):
    """What the platform is told of this worker."""

    STARTING = "starting"  #: the database could not be used since the start: it may be the wrong one
    READY = "ready"
    DEGRADED = "degraded"  #: hooks are answered in full; advice is not recorded, overrides and feedback are not heeded


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts of one application that share a database and a key."""

    store: Store
    metrics: Metrics
    advice: Advice
    feedback: Feedback

    def readiness(self) -> State:
        """Whether calls should be sent here.

        A database that fails later does not change that: it is the same for every replica, and with all of them
        taken out, clients would show their silence as "all clear".
        """
        try:
            self.store.ready()
        except Unavailable as error:
            self.unavailable("ready", error)
            return State.DEGRADED if self.store.prepared else State.STARTING
        return State.READY

    def unavailable(self, task: str, error: Unavailable) -> None:
        """Note and count that the database could not be used."""
        journal.note("database unavailable", {"task": task, **journal.where(error.__cause__ or error)}, logging.ERROR)
        self.metrics.unavailable(task)


def keep(options: Settings, knowledge: str) -> Kept:
    """Open what the settings name.  A database that cannot be used yet does not keep the service from answering.

    Raises:
        SettingsError: nothing could be kept under these settings, or a stranger could read it.
    """
    metrics, pseudonyms = Metrics(), Pseudonyms(store.secret(options))
    database = Store(store.engine(store.address(options), options.threads))
    advice = Advice(database, pseudonyms, metrics, options.suppress_days)
    kept = Kept(database, metrics, advice, Feedback(database, pseudonyms, metrics, store.comments(options)))
    metrics.knows(knowledge)
    try:
        database.ready()
    except Unavailable as error:
        kept.unavailable("start", error)
    if database.kind == "memory":
        journal.note("nothing is kept beyond this process", {"set": "FORAMEN_DATA"}, logging.WARNING)
    return kept
