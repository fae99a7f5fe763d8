"""What is counted, for Prometheus.  Labels are names of ours and never a word of a caller's."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from knowledge.model import Assessment

TYPE = CONTENT_TYPE_LATEST
#: A directory that all workers of one service share, so that each can tell the counts of all.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: s; a service should answer within half a second (R8).
LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counts of one application, in a registry of its own."""

    def __init__(self) -> None:
        # Decided by the library when it is imported, which was before the service knew how many workers it has.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        self.registry = own = CollectorRegistry()
        self._calls = Counter("foramen_calls", "Calls answered", ["route", "service", "status"], registry=own)
        self._seconds = Histogram(
            "foramen_call_seconds", "Time to answer a hook call", ["service"], buckets=LATENCY, registry=own
        )
        self._verdicts = Counter("foramen_assessments", "Chosen codes assessed", ["verdict"], registry=own)
        self._rules = Counter("foramen_rules", "Assessments by the rule that decided", ["rule"], registry=own)
        self._advice = Counter("foramen_advice", "Cards, shown or not and why", ["verdict", "fate"], registry=own)
        self._feedback = Counter("foramen_feedback", "Feedback kept", ["service", "outcome"], registry=own)
        self._failures = Counter(
            "foramen_database_failures", "Times the database could not be used", ["task"], registry=own
        )
        self._knowledge = Gauge(
            "foramen_knowledge", "Version of the knowledge", ["version"], registry=own, multiprocess_mode="max"
        )

    def knows(self, version: str) -> None:
        self._knowledge.labels(version).set(1)

    def called(self, route: str, service: str, status: int, seconds: float, *, hook: bool) -> None:
        """A call was answered; ``service`` is empty unless it is one of ours, ``hook`` asked for cards."""
        self._calls.labels(route, service, status).inc()
        if service and hook:
            self._seconds.labels(service).observe(seconds)

    def judged(self, assessments: Iterable[Assessment]) -> None:
        for one in assessments:
            self._verdicts.labels(str(one.verdict)).inc()
            self._rules.labels(one.rule.id).inc()

    def advised(self, given: Iterable[tuple[str, str]]) -> None:
        """Cards by verdict and fate: shown, suppressed (set aside before), or the setting that withheld it."""
        for verdict, fate in given:
            self._advice.labels(verdict, fate).inc()

    def heard(self, service: str, outcomes: Iterable[str]) -> None:
        for outcome in outcomes:
            self._feedback.labels(service, outcome).inc()

    def unavailable(self, task: str) -> None:
        self._failures.labels(task).inc()

    def exposed(self) -> bytes:
        """The counts as text; with several workers, those of all."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
