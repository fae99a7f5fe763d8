"""Tokens that were used, known to all machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "used_tokens",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("until", sa.Float, nullable=False, index=True),
    )
