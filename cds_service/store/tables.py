"""The tables.  Rows of advice and feedback are added, never changed, and deleted by the operator alone.

Nothing of a patient stands in them but keyed hashes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A time in UTC.  SQLite drops the zone, so it is put back when a row is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


SCHEMA = MetaData()

advice = Table(
    "advice",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(72), nullable=False, unique=True),  # of the row: a repeated call adds none
    Column("at", Moment, nullable=False),
    Column("card", String(64), nullable=False, index=True),
    Column("client", Text, nullable=False),
    Column("service", String(64), nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("rule", String(128), nullable=False),
    Column("policy", JSON, nullable=False),  # every policy id that took part
    Column("code", String(16), nullable=False),
    Column("proposed", JSON, nullable=False),
    Column("suggestions", JSON, nullable=False),  # the uuids that could be accepted
    Column("knowledge", String(64), nullable=False),  # the version that judged
    Column("matter", String(64), nullable=False, index=True),  # keyed hash of patient, code, rule, evidence; or empty
    Column("patient", String(64), nullable=False),  # keyed hash, or empty where the call named none
    Column("evidence", String(64), nullable=False),  # keyed hash
    Column("suppressed", Boolean, nullable=False),  # not shown, for whatever reason
    Column("withheld", String(16), nullable=False, server_default=""),  # by which setting; empty: by none
)

feedback = Table(
    "feedback",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(72), nullable=False, unique=True),  # of the entry: the same one twice is one row
    Column("at", Moment, nullable=False),  # when it was received
    Column("outcome_at", Moment, nullable=False),  # when it happened, by the client's clock
    Column("card", String(64), nullable=False, index=True),
    Column("client", Text, nullable=False),
    Column("service", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("reasoned", Boolean, nullable=False),  # a reason was given, by code or in words
    Column("reason", String(64), nullable=False),
    Column("reason_system", String(255), nullable=False),
    Column("comment", LargeBinary, nullable=True),  # encrypted; kept only where the operator asked for it
)

#: Tokens that were used, where several machines share the database.
used = Table(
    "used_tokens",
    SCHEMA,
    Column("token", String(64), primary_key=True),  # digest of issuer and id
    Column("until", Float, nullable=False, index=True),  # seconds since 1970; then it has expired
)
