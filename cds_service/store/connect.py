"""Settings -> a database: SQLite in a directory, PostgreSQL by URL, or the memory of the process.

A row that was acknowledged is on the disk: SQLite writes its log through (WAL, synchronous=FULL), PostgreSQL commits
synchronously.  Every wait has a limit: a database that is locked or gone may delay a hook call, never hold it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from sqlite3 import Connection as SqliteConnection
from tempfile import NamedTemporaryFile
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import QueuePool

from cds_service.settings import Settings, SettingsError

FILE = "foramen.db"
KEY_FILE = "pseudonyms.key"
MEMORY = "sqlite://"
SECRET_LENGTH = 32  #: characters; what pseudonyms are keyed with must not be guessed
LOCK_WAIT = 1000  #: ms for a lock that somebody else holds
STATEMENT_WAIT = 3000  #: ms for one statement, and for an answer of a server that fell silent
OPERATOR_WAIT = 600_000  #: ms for one statement of a command: an operator has years of feedback, and waits
CONNECT_WAIT = 2  #: s
POOL_WAIT = 1.0  #: s for a connection that another call holds
#: An execution option of a connection: its transaction writes, so SQLite takes the lock before it reads.
WRITES = "foramen_writes"


def secret(options: Settings) -> bytes:
    """The key of the pseudonyms: as set, else made once beside what is kept, else for the life of the process.

    Raises:
        SettingsError: it could be guessed, or there is no place for it.
    """
    if options.secret:
        if len(options.secret) < SECRET_LENGTH:
            raise SettingsError(f"FORAMEN_SECRET: at least {SECRET_LENGTH} characters are needed")
        return options.secret.encode()
    if options.data:
        return _made_once(Path(options.data) / KEY_FILE)
    if not in_memory(address(options)):
        raise SettingsError("FORAMEN_SECRET: to keep anything in FORAMEN_DATABASE, a secret is needed")
    return token_bytes()


def _made_once(path: Path) -> bytes:
    """A secret in a file that several workers may want to make at the same time: all read that of the first."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with NamedTemporaryFile(dir=path.parent) as mine:
                mine.write(token_hex().encode())
                mine.flush()
                os.fsync(mine.fileno())
                with suppress(FileExistsError):
                    os.link(mine.name, path)
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"FORAMEN_DATA: cannot keep {path}: {error.strerror}") from None


def comments(options: Settings) -> Fernet | None:
    """What encrypts the words of clinicians; None: they are not kept (B10).

    Raises:
        SettingsError: they are to be kept and there is no key.
    """
    if not options.keep_comments:
        return None
    try:
        return Fernet(options.comment_key)
    except ValueError:
        raise SettingsError("FORAMEN_COMMENT_KEY: to keep comments, a Fernet key is needed") from None


def address(options: Settings) -> sa.URL:
    """Where to keep things.

    Raises:
        SettingsError: it cannot be told, or is of a kind that is not supported.
    """
    if options.data and not options.database:
        return sa.URL.create("sqlite", database=str(Path(options.data) / FILE))
    try:
        url = sa.make_url(options.database or MEMORY)
    except ArgumentError:
        raise SettingsError("FORAMEN_DATABASE: not a database URL") from None
    kind = url.get_backend_name()
    if kind not in {"sqlite", "postgresql"}:
        raise SettingsError("FORAMEN_DATABASE: begin with postgresql:// or sqlite://")
    return url.set(drivername="postgresql+psycopg" if kind == "postgresql" else "sqlite")


def in_memory(url: sa.URL) -> bool:
    """Whether everything is lost with the process."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def engine(url: sa.URL, connections: int = 1, wait: int = STATEMENT_WAIT) -> sa.Engine:
    """A pool of connections; none is opened yet.

    Args:
        url: of the database.
        connections: at most.
        wait: ms that one statement may take, where the database can be told.

    Raises:
        SettingsError: a driver or a directory is missing.
    """
    if in_memory(url):
        return _sqlite(MEMORY, 1)
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, connections, wait)
    return _sqlite_file(Path(url.database or "").absolute(), connections)


def _postgresql(url: sa.URL, connections: int, wait: int) -> sa.Engine:
    limits = f"-c statement_timeout={wait} -c lock_timeout={LOCK_WAIT} -c synchronous_commit=on"
    arguments = {"connect_timeout": CONNECT_WAIT, "tcp_user_timeout": wait, "options": limits}
    try:
        return sa.create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_WAIT,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=arguments,
        )
    except ModuleNotFoundError:
        raise SettingsError("FORAMEN_DATABASE: PostgreSQL needs the package psycopg[binary]") from None


def _sqlite_file(path: Path, connections: int) -> sa.Engine:
    """A pool on a file that exists.  It is made here and only here: one that vanishes later is not made anew."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise SettingsError(f"FORAMEN_DATA: cannot write {path}: {error.strerror}") from None
    url = sa.URL.create("sqlite", database=path.as_uri(), query={"mode": "rw", "uri": "true"})
    made = _sqlite(url, connections)

    @sa.event.listens_for(made, "connect")
    def opened(_: SqliteConnection, entry: Any) -> None:
        entry.info["file"] = _identity(path)

    @sa.event.listens_for(made, "checkout")
    def still_there(_: SqliteConnection, entry: Any, __: Any) -> None:
        """A file that was deleted can still be written to by whoever has it open, and would be lost."""
        if entry.info["file"] != _identity(path):
            raise DisconnectionError("the database file was moved or deleted")

    return made


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sqlite(url: sa.URL | str, connections: int) -> sa.Engine:
    made = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_WAIT,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )

    @sa.event.listens_for(made, "connect")
    def prepare(connection: SqliteConnection, _: Any) -> None:
        connection.isolation_level = None  # the transaction is begun below, not by the driver's guess
        for pragma in (f"busy_timeout={LOCK_WAIT}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return made
