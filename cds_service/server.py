"""The server that keeps the service up.

Granian, because of those measured it answers with the least CPU time, finishes what is in flight when told to stop,
and needs no compiler.  The application is plain WSGI and also runs under any other WSGI server.

A client that sends half a body and then nothing holds a thread.  Threads that wait are many and cheap, and those that
work are few (``turns``): clients by the hundred have to stall before others notice.  Against more of them a buffering
proxy stands in front.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

import cards
import knowledge
from cds_service import journal
from cds_service.app import create_app
from cds_service.documents import documents
from cds_service.metrics import SHARED
from cds_service.settings import Settings
from knowledge.model import Chart, Document

APPLICATION = "cds_service.server:application"
HEADER_TIMEOUT = 5000  #: ms a client may take to send its headers
WAITING = 256  #: threads of one worker for calls that are on their way or wait for their turn
RESPAWN = 15.0  #: s that a new worker is given to load before the one it replaces is told to stop
DRAIN = 20  #: s that calls in flight are given when the service is told to stop
HOUR = 3600  #: s
#: Objects made, and collections of the younger, before a search for garbage: a call makes some ten thousand objects
#: and next to no cycles, so to search as often as by default costs much and finds nothing.
GARBAGE = (50_000, 10, 50)


def serve(host: str, port: int, options: Settings) -> None:
    """Answer calls until told to stop.

    The knowledge is loaded before there are workers: where they are forks, as on Linux, they share it, and one that
    takes the place of another is there at once.
    """
    knowledge.load()
    _settle()
    with _counts_shared(options.workers):
        _serve(host, port, options)


@contextmanager
def _counts_shared(workers: int) -> Iterator[None]:
    """A place where several workers put their counts, so that whichever is asked for the metrics tells those of all."""
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="foramen-metrics-") as directory:
        os.environ[SHARED] = directory
        yield


def _serve(host: str, port: int, options: Settings) -> None:
    Granian(
        APPLICATION,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=WAITING + options.threads,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=RESPAWN,
        workers_lifetime=options.worker_hours * HOUR or None,
        workers_max_rss=options.worker_mb or None,
        workers_kill_timeout=DRAIN,
        log_level=LogLevels.error,
    ).serve()


def application() -> Flask:
    """What each worker runs: the service, warm, with its log on standard error."""
    journal.open_journal()
    app = create_app()
    warm(knowledge.load())
    _settle()
    return app


def warm(known: knowledge.Knowledge) -> None:
    """Judge an invented chart, so that the first caller does not wait for what is made on first use."""
    documents()
    code = next(code for code in known.codes.values() if code.family and code.billable)
    note = Document("DocumentReference/warm", f"{code.title}.", known.parts.discharge)
    call = cards.Call("", known.codes)
    for one in knowledge.assess(Chart(code.billable_from, (code.code,), documents=(note,)), known):
        cards.write(one, _Nothing(), call)


class _Nothing:
    """No resources of a client."""

    orders: tuple[()] = ()
    referring_orders: tuple[()] = ()
    conditions: tuple[()] = ()


def _settle() -> None:
    """Leave what was loaded, a million objects that stay, out of every later search for garbage.

    A search through them takes a tenth of a second, in the middle of a call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
