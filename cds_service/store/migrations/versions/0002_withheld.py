"""Why advice was withheld by the operator's settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("advice", sa.Column("withheld", sa.String(16), nullable=False, server_default=""))
