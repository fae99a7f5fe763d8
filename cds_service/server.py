"""The server that keeps the service up.

Granian, because of those measured it answers with the least CPU time, finishes what is in flight when told to stop,
and needs no compiler.  The application is plain WSGI and also runs under any other WSGI server.

A client that sends half a request and then nothing holds one of the threads: in production a buffering proxy stands
in front.
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

from cds_service import journal
from cds_service.app import create_app
from cds_service.metrics import SHARED
from cds_service.settings import Settings

APPLICATION = "cds_service.server:application"
HEADER_TIMEOUT = 5000  #: ms a client may take to send its headers
GARBAGE = (50_000, 10, 50)  #: objects made, and collections of the younger, before a search for garbage
DRAIN = 10  #: s that calls in flight are given when the service is told to stop


def serve(host: str, port: int, options: Settings) -> None:
    """Answer calls until told to stop."""
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
        blocking_threads=options.threads,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        workers_kill_timeout=DRAIN,
        log_level=LogLevels.error,
    ).serve()


def application() -> Flask:
    """What each worker runs: the service, with its log on standard error."""
    journal.open_journal()
    app = create_app()
    _settle()
    return app


def _settle() -> None:
    """Leave what was loaded, a million objects that stay, out of every later search for garbage.

    A search through them takes a tenth of a second, in the middle of a call.  What calls leave behind is searched less
    often than by default: a call makes some ten thousand objects and no cycles worth mentioning.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
