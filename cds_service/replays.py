"""Tokens that were used: kept until they expire, so that none is used twice, by whichever worker (S4).

Each worker knows its own at any rate.  What the others used it asks of a list that all of them share: a file of this
machine, or the database where there are several machines.  While that cannot be had, a token counts once for each
worker, and the log says so: a refusal of everybody would look like "all clear" to every clinician.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Protocol
from weakref import finalize

from cds_service import journal
from cds_service.settings import SettingsError
from cds_service.store import Unavailable

FILE = "replays.sqlite3"
PATIENCE = 2.0  #: s to wait for another worker
SWEEP = 60.0  #: s between two clearings of what has expired
PAUSE = 5.0  #: s after a failure in which the file is not asked: calls must not wait for it one by one
TABLE = "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"
CLAIM = "INSERT INTO used VALUES (?, ?) ON CONFLICT DO NOTHING"


class Shared(Protocol):
    """A list of used tokens.  One insertion both asks and claims, so of two workers with the same token one wins."""

    def claim(self, token: bytes, until: float, now: float) -> bool:
        """Whether a token was not in it yet; from now on it is.

        Args:
            token: digest of issuer and token id.
            until: seconds since 1970 when it will be refused for its age.
            now: seconds since 1970.

        Raises:
            sqlite3.Error, Unavailable: the list cannot be had.
        """


class Used:
    """A list in a file that the workers of one machine share, or in the memory of one worker."""

    def __init__(self, directory: Path | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._lock = Lock()
        self._clock = clock
        self._swept = 0.0
        self._resume = float("-inf")
        try:
            if directory:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = directory / FILE if directory else ":memory:"
            self._used = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._used.execute("PRAGMA journal_mode=WAL")
            self._used.execute("PRAGMA synchronous=NORMAL")  # what a power cut loses has expired when it is back
            self._used.execute(TABLE)
            finalize(self, self._used.close)
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(f"FORAMEN_DATA={directory}: {error}") from None

    def claim(self, token: bytes, until: float, now: float) -> bool:
        """As ``Shared`` says."""
        with self._lock:
            if self._clock() < self._resume:
                raise sqlite3.OperationalError("failed a moment ago")
            try:
                return self._claim(token, until, now)
            except sqlite3.Error:
                self._resume = self._clock() + PAUSE
                raise

    def _claim(self, token: bytes, until: float, now: float) -> bool:
        if now - self._swept >= SWEEP:
            self._used.execute("DELETE FROM used WHERE until < ?", (now,))
            self._swept = now
        return self._used.execute(CLAIM, (token, until)).rowcount == 1


class Replays:
    """Which tokens were used, as far as one worker can know."""

    def __init__(self, shared: Shared | None = None, failed: Callable[[], None] = lambda: None) -> None:
        """``failed`` is called whenever the shared list could not be had."""
        self._own = Used()
        self._shared = shared
        self._failed = failed

    def first(self, iss: str, jti: str, until: float, now: float) -> bool:
        """Whether this token is used for the first time; from now on it is used.

        Args:
            iss: issuer.
            jti: the token's id; it need only be unique to its issuer.
            until: seconds since 1970 when it will be refused for its age.
            now: seconds since 1970.
        """
        token = sha256(f"{iss}\n{jti}".encode("utf-8", "surrogatepass")).digest()
        if not self._own.claim(token, until, now):
            return False
        try:
            return self._shared is None or self._shared.claim(token, until, now)
        except (sqlite3.Error, Unavailable) as error:
            facts = journal.where(error.__cause__ or error)
            journal.note("used tokens are known to this worker alone", facts, logging.ERROR)
            self._failed()
            return True
