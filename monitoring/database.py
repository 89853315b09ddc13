"""The database: one engine per process, short transactions, and what every SQL error means."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, Engine, ExceptionContext, Row, Select, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from monitoring.answering import ANSWER_S, PING_S, Bounded

T = TypeVar("T")
AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]

DATABASE_ERRORS = (DBAPIError, psycopg.Error, PoolTimeout)
"""What the database can raise: through SQLAlchemy, from the driver itself, from an exhausted pool."""

STALE = "0A000"
"""Among other things: a kept statement whose table a migration gave another column."""
RETRIED = frozenset({"40P01", "40001", "25P03", STALE})
"""Deadlock, serialization failure, a transaction ended while we stood still, a stale statement: nothing was done, so it
is once more."""

# A stopped process must not hold everyone: its transaction is ended for it. Nor one that can't be reached any more in
# the midst of sending a statement, which no time limit of statements ends: over TCP it is asked whether it is there.
SESSION_OPTIONS = (
    "-c timezone=UTC -c idle_in_transaction_session_timeout=5s -c lock_timeout=5s -c statement_timeout=30s"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10s"
)
TRANSACTION_S = 60
"""A part's transaction ends by then, whatever it waits for: PostgreSQL 17 and later can tell."""
TELLS_TRANSACTIONS = 170_000
PREPARED_MAX = 500
"""At the driver's own hundred, those of a mixed day would push each other out in turn."""


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    max_overflow: int = 10,
    within_s: float | None = ANSWER_S,
    transaction_s: int | None = TRANSACTION_S,
) -> Engine:
    """An engine for `url` (postgresql://…), every session in UTC and bounded in time, and every wait for an answer."""
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_use_lifo=True,  # one that was just used still has its plans and pages at hand
        pool_timeout=5,
        pool_recycle=1800,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),  # knows UUIDs and instants
        connect_args={"options": SESSION_OPTIONS},
    )
    _bound(engine, within_s, transaction_s)
    return engine


def _bound(engine: Engine, within_s: float | None, transaction_s: int | None) -> None:
    """Wait for answers no longer than that; and when an idle connection is asked whether it lives, much shorter."""

    def connect(_dialect: Dialect, _record: object, _words: object, settings: dict[str, Any]) -> Bounded:
        connection = Bounded.to("", within_s=within_s, **settings)
        if transaction_s is not None and connection.info.server_version >= TELLS_TRANSACTIONS:
            connection.execute("SELECT set_config('transaction_timeout', %s, false)", (f"{transaction_s}s",))
            connection.commit()
        connection.prepared_max = PREPARED_MAX
        return connection

    def used(connection: Bounded, _record: object, _proxy: object) -> None:
        connection.answers_within_s = within_s

    def idle(connection: Bounded | None, _record: object) -> None:
        if connection is not None:  # one that was found dead
            connection.answers_within_s = PING_S

    def failed(context: ExceptionContext) -> None:
        if context.original_exception is not None and sqlstate(context.original_exception) == STALE:
            context.is_disconnect = True  # every connection of the pool has kept it: none of them is used again

    event.listen(engine, "handle_error", failed)
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", used)
    event.listen(engine, "checkin", idle)


@contextmanager
def connected(url: str) -> Iterator[Engine]:
    """An engine for one piece of work of a command, let go of whatever becomes of it."""
    engine = make_engine(url, pool_size=1, transaction_s=None)  # a report may read for minutes
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One read-write transaction: commits at the end, rolls back on any error."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def snapshot(engine: Engine, *, leaves_event: bool = False) -> Iterator[Session]:
    """One view of the database as it is at one instant: read-only, but for the event that the look leaves.

    It ends by COMMIT, also where somebody is refused: at a ROLLBACK the driver forgets all that it has prepared, and
    every statement is planned anew.
    """
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": not leaves_event}
    with Session(engine, expire_on_commit=False) as session:
        connection = driver_of(session.connection(execution_options=options))
        try:
            yield session
        finally:
            if connection.info.transaction_status is TransactionStatus.INTRANS:
                session.expunge_all()  # who was refused in the midst of something leaves nothing behind
                session.commit()


def once_more(work: Callable[[], T]) -> T:
    """Run `work`; where the database ended its transaction for reasons that pass, run it a second time."""
    try:
        return work()
    except DATABASE_ERRORS as error:
        if not any(sqlstate(one) in RETRIED for one in _chain(error)):
            raise
        return work()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it came of: a rollback over a connection that was ended raises one that hides why."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE that the server sent, through SQLAlchemy or from the driver itself."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is away or refusing (class 08, 53, 57, or no answer at all), not our statement wrong."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return isinstance(error, PoolTimeout)
    return cause.sqlstate is None or cause.sqlstate[:2] in {"08", "53", "57", "25"}


def in_one_line(error: BaseException) -> str:
    """What the database said, for whoever typed a command: without our statement, which may hold names."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = str(cause).strip().partition("\n")[0]
    return f"the database {'is not available' if is_unavailable(error) else 'refused'}: {said}"


def driver(session: Session) -> psycopg.Connection:
    """The psycopg connection under `session`, for statements of our own within the same transaction."""
    return driver_of(session.connection())


def driver_of(connection: Connection) -> psycopg.Connection:
    """The psycopg connection under an SQLAlchemy one."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
