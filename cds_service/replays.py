"""Tokens that were used: kept until they expire, so that none is used twice, by whichever worker (S4)."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path
from threading import Lock
from weakref import finalize

from cds_service.settings import SettingsError

FILE = "replays.sqlite3"
PATIENCE = 2.0  #: s to wait for another worker
SWEEP = 60.0  #: s between two clearings of what has expired
TABLE = "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"
CLAIM = "INSERT INTO used VALUES (?, ?) ON CONFLICT DO NOTHING"


class Replays:
    """Digests of issuer and token id, in a file that all workers share, or in memory where there is one worker.

    One insertion both asks and claims, so of two workers with the same token one wins.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._lock = Lock()
        self._swept = 0.0
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

    def first(self, iss: str, jti: str, until: float, now: float) -> bool:
        """Whether this token is used for the first time; from now on it is used.

        Args:
            iss: issuer.
            jti: the token's id; it need only be unique to its issuer.
            until: seconds since 1970 when it will be refused for its age.
            now: seconds since 1970.

        Raises:
            sqlite3.Error: the file cannot be had.
        """
        token = sha256(f"{iss}\n{jti}".encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if now - self._swept >= SWEEP:
                self._used.execute("DELETE FROM used WHERE until < ?", (now,))
                self._swept = now
            return self._used.execute(CLAIM, (token, until)).rowcount == 1
