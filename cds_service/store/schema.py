"""The tables, brought to their present shape under a lock: several workers may start at the same time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from cds_service.store.connect import WRITES

STEPS = Path(__file__).parent / "migrations"
#: An arbitrary number that PostgreSQL's advisory lock is known by.
LOCK = 0x464F52414D454E
#: How long another worker's migration is waited for; the limits of a call do not hold for it.
PATIENCE = "60s"


def upgrade(engine: sa.Engine) -> None:
    """Take every step that is missing, all of them or none.

    Raises:
        sqlalchemy.exc.DBAPIError: the database cannot be reached, or is locked.
        alembic.util.CommandError: a later release has changed the tables.
    """
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"SET LOCAL statement_timeout = '{PATIENCE}'"))
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        command.upgrade(_steps(connection), "head")


def revision(engine: sa.Engine) -> str:
    """The last step that was taken, or nothing."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def latest() -> str:
    """The step that this release expects."""
    return ScriptDirectory(STEPS).get_current_head() or ""


def _steps(connection: sa.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(STEPS).replace("%", "%%"))
    return config
