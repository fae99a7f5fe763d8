"""Advice that was shown, and feedback on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "advice",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(72), nullable=False, unique=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("card", sa.String(64), nullable=False, index=True),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(128), nullable=False),
        sa.Column("policy", sa.JSON, nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("proposed", sa.JSON, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("knowledge", sa.String(64), nullable=False),
        sa.Column("matter", sa.String(64), nullable=False, index=True),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("evidence", sa.String(64), nullable=False),
        sa.Column("suppressed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(72), nullable=False, unique=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("outcome_at", MOMENT, nullable=False),
        sa.Column("card", sa.String(64), nullable=False, index=True),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("reasoned", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("reason_system", sa.String(255), nullable=False),
        sa.Column("comment", sa.LargeBinary, nullable=True),
    )
