"""The tables as the service uses them: advice is recorded and heeded, feedback is kept, a token is used once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Lock
from time import monotonic

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cds_service.store import schema
from cds_service.store.connect import POOL_WAIT, WRITES, in_memory
from cds_service.store.tables import advice, feedback, used

#: s after a failure in which neither hook calls nor probes try again.
PAUSE = 5.0
#: s that feedback may wait for its turn: no clinician waits for it, and clients do not send it again.
PATIENT_WAIT = 5.0
SWEEP = 60.0  #: s between two clearings of used tokens that have expired
SLACK = 3600.0  #: s that they stay longer, since the clock of another machine may be behind


class Unavailable(Exception):  # noqa: N818 - the field's word, as in 503
    """The database cannot be used now; nothing was written."""


@dataclass(frozen=True, slots=True)
class Advised:
    """A piece of advice as it is recorded."""

    digest: str  #: of all that follows: the same advice on the same call is one row
    card: str
    client: str
    service: str
    verdict: str
    rule: str
    policy: tuple[str, ...]
    code: str
    proposed: tuple[str, ...]
    suggestions: tuple[str, ...]  #: their uuids
    knowledge: str
    matter: str  #: keyed hash of patient, code, rule and evidence; empty where the patient is not known
    patient: str  #: pseudonym
    evidence: str  #: fingerprint
    withheld: str = ""  #: the kind of setting that keeps it from being shown


@dataclass(frozen=True, slots=True)
class Heard:
    """One entry of feedback as it is kept."""

    digest: str
    outcome_at: datetime
    card: str
    client: str
    service: str
    outcome: str
    suggestions: tuple[str, ...]
    reasoned: bool
    reason: str
    reason_system: str
    comment: bytes | None = field(default=None, repr=False)  #: encrypted


def now() -> datetime:
    return datetime.now(UTC)


class Store:
    """The database, with its clock.  Every method raises ``Unavailable`` where it cannot be used."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], datetime] = now) -> None:
        self.engine = engine
        self.clock = clock
        self.kind = "memory" if in_memory(engine.url) else engine.dialect.name
        self.prepared = False  #: the tables were seen in their present shape
        self._preparing = Lock()
        self._turn = Lock()
        self._resume = self._swept = 0.0

    def ready(self) -> None:
        """Whether a row could be written now.  It is asked often, and must not wait for a dead database every time."""
        self._may_try()
        with self.writing() as connection:
            connection.execute(sa.delete(used).where(used.c.until < 0))  # none; a standby would refuse it

    def _may_try(self) -> None:
        if monotonic() < self._resume:
            raise Unavailable("failed a moment ago")

    def resume(self) -> None:
        """Forget a failure, so that the next hook call tries again."""
        self._resume = 0.0

    def advise(self, given: Sequence[Advised], days: int, postponing: Collection[str] = ()) -> set[str]:
        """Record what is to be advised, and tell the cards that were set aside before and are not to be shown.

        What cannot be recorded is not suppressed either.

        Args:
            given: the advice.
            days: how long an override holds; 0: never.
            postponing: codes of reasons that settle nothing.
        """
        if not given:
            return set()
        self._may_try()
        at = self.clock()
        matters = {one.matter for one in given} - {""} if days else set()
        with self.reading() as connection:
            settled = _settled(connection, matters, at - timedelta(days=days), postponing)
        rows = [asdict(one) | {"at": at, "suppressed": bool(one.withheld) or one.matter in settled} for one in given]
        for row in rows:
            row["digest"] += "s" if row["suppressed"] else ""
        with self.writing(hurried=True) as connection:
            _add(connection, advice, rows)
        return {one.card for one in given if one.matter in settled}

    def claim(self, token: bytes, until: float, now: float) -> bool:
        """Whether a token was not used yet on any machine; from now on it is (S4).

        Args:
            token: digest of its issuer and id.
            until: seconds since 1970 when it will be refused for its age.
            now: seconds since 1970.
        """
        self._may_try()
        row = {"token": token.hex(), "until": until}
        with self.writing() as connection:
            if now - self._swept >= SWEEP:
                connection.execute(sa.delete(used).where(used.c.until < now - SLACK))
                self._swept = now
            statement = _insert(connection.dialect.name, used).on_conflict_do_nothing().returning(used.c.token)
            return connection.execute(statement, row).first() is not None

    def hear(self, entries: Sequence[Heard]) -> set[str]:
        """Keep entries of feedback, all or none; tells the digests of those that were new."""
        at = self.clock()
        with self.writing() as connection:
            return _add(connection, feedback, [asdict(one) | {"at": at} for one in entries])

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        with self._guarded(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, hurried: bool = False) -> Iterator[sa.Connection]:
        """A connection in a transaction that is committed at the end of the block, or not at all.

        ``hurried``: a hook call waits, so nothing is tried where another call has just failed.
        """
        with self._guarded(), self._in_turn(hurried=hurried), self.engine.connect() as plain:
            connection = plain.execution_options(**{WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _in_turn(self, *, hurried: bool) -> Iterator[None]:
        """SQLite lets one write at a time, and who waits for that tries again by chance, the unlucky ones too late.

        So the threads of one worker wait for each other here, in turn.
        """
        if self.engine.dialect.name != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=POOL_WAIT if hurried else PATIENT_WAIT):
            raise Unavailable("too many wait to write")
        try:
            if hurried:
                self._may_try()
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """The tables are there, and what the database fails at is ``Unavailable``."""
        try:
            self.prepare()
            yield
        except (DBAPIError, PoolTimeoutError, CommandError) as error:
            self._resume = monotonic() + PAUSE
            raise Unavailable(type(error).__name__) from error

    def prepare(self) -> None:
        """Bring the tables to their present shape, once."""
        if self.prepared:
            return
        if not self._preparing.acquire(timeout=POOL_WAIT):
            raise Unavailable("being prepared")
        try:
            schema.upgrade(self.engine)
            self.prepared = True
        finally:
            self._preparing.release()


def _last_feedback() -> sa.Select[tuple[str, bool]]:
    """Whether each feedback on the cards of some matters settles them, in the order given.

    Made once: to make the statement costs more than to execute it.

    A card uuid that stood for several matters (a client that reuses its hookInstance) settles none of them.
    """
    shown, other = advice.alias(), advice.alias()
    same_card = sa.and_(other.c.card == shown.c.card, other.c.client == shown.c.client)
    settles = sa.and_(
        feedback.c.outcome == "overridden",
        feedback.c.reasoned,
        feedback.c.reason.not_in(sa.bindparam("postponing", expanding=True)),
        feedback.c.at >= sa.bindparam("since"),
    )
    return (
        sa.select(shown.c.matter, settles.label("settles"))
        .join(feedback, sa.and_(feedback.c.card == shown.c.card, feedback.c.client == shown.c.client))
        .where(shown.c.matter.in_(sa.bindparam("matters", expanding=True)))
        .where(~sa.exists().where(same_card, other.c.matter != shown.c.matter))
        .order_by(feedback.c.id)
    )


LAST_FEEDBACK = _last_feedback()


def _settled(
    connection: sa.Connection, matters: Iterable[str], since: datetime, postponing: Collection[str]
) -> set[str]:
    """Of these matters, those whose last feedback is an override with a reason that settles it, given since then."""
    asked = {"matters": list(matters), "since": since, "postponing": list(postponing)}
    last = {row.matter: row.settles for row in connection.execute(LAST_FEEDBACK, asked)} if asked["matters"] else {}
    return {matter for matter, settled in last.items() if settled}


def _add(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, object]]) -> set[str]:
    """Add the rows that are not there yet, and tell their digests."""
    if not rows:
        return set()
    return set(connection.execute(_addition(connection.dialect.name, table), list(rows)).scalars())


@cache
def _addition(dialect: str, table: sa.Table) -> sa.Executable:
    """The statement, made once."""
    made = _insert(dialect, table).on_conflict_do_nothing(index_elements=["digest"])
    return made.returning(table.c.digest)


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
