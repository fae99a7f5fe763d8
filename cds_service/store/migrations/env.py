"""What Alembic runs: the steps, on the connection that holds the lock."""

from __future__ import annotations

from alembic import context

from cds_service.store.tables import SCHEMA

context.configure(connection=context.config.attributes["connection"], target_metadata=SCHEMA)
context.run_migrations()
