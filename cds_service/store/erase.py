"""Rows that are deleted: what is older than the operator keeps, and everything of one patient (S16)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, suppress
from datetime import timedelta

import sqlalchemy as sa

from cds_service.store.ledger import Store
from cds_service.store.tables import advice, feedback

#: Rows that are deleted at a time: between two batches the service can write.
BATCH = 1000


def expire(store: Store, days: int) -> Counter[str]:
    """Delete what was recorded more than so many days ago; tells how many rows of each table.

    Raises:
        Unavailable: the database failed; what was deleted before that stays deleted.
    """
    before = store.clock() - timedelta(days=days)
    gone = Counter({table.name: _emptied(store, table, table.c.at < before) for table in (advice, feedback)})
    _wipe(store)
    return gone


def forget(store: Store, patient: str) -> Counter[str]:
    """Delete the advice on one patient, and the feedback on it; all of it or none.

    Feedback is of the patient by its card.  A card that stood for several patients, as some clients number theirs,
    loses its feedback with the first of them.

    Args:
        store: the database.
        patient: the pseudonym, as ``Pseudonyms.patient`` makes it; an empty one is nobody's.

    Raises:
        Unavailable: nothing was deleted.
    """
    if not patient:
        return Counter()
    same_card = sa.and_(advice.c.client == feedback.c.client, advice.c.card == feedback.c.card)
    on_it = sa.exists().where(same_card, advice.c.patient == patient)
    with store.writing() as connection:
        gone = Counter(feedback=connection.execute(sa.delete(feedback).where(on_it)).rowcount)
        gone["advice"] = connection.execute(sa.delete(advice).where(advice.c.patient == patient)).rowcount
    _wipe(store)
    return gone


def _emptied(store: Store, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    """Delete in batches."""
    some = sa.select(table.c.id).where(which).order_by(table.c.id).limit(BATCH)
    total, count = 0, BATCH
    while count == BATCH:
        with store.writing() as connection:
            count = connection.execute(sa.delete(table).where(table.c.id.in_(some))).rowcount
        total += count
    return total


def _wipe(store: Store) -> None:
    """SQLite overwrites what it deletes; this empties its log, which holds it still, unless somebody is reading.

    PostgreSQL drops deleted rows from its files by itself, when it vacuums.
    """
    if store.engine.dialect.name == "sqlite":
        connection = store.engine.raw_connection()
        with closing(connection), suppress(sqlite3.OperationalError):
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
