"""A record goes, or is counted: every row of `kept.RECORDS` that is its own. One transaction for each record.

The person's row stays, empty, under its id: what names it can be read still, and so can the audit of who looked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from monitoring.audit.events import Event, write
from monitoring.audit.subjects import PATIENT
from monitoring.audit.tables import By
from monitoring.config import Settings
from monitoring.database import RETRIED
from monitoring.patients.tables import MERGE_LOCK
from monitoring.privacy import records
from monitoring.privacy.kept import RECORDS, Kept
from monitoring.refusals import unacceptable

SETTLING_LOCKS: Final = (7_720, 7_721)
"""Of whoever moves entries of the ledger, and readings (migration 0021): they leave both alone meanwhile."""
LOCK_TIMEOUT: Final = "2s"
STATEMENT_TIMEOUT: Final = "10min"
ALLOWS: Final = "erase records"
"""What the audit says is let: to whoever operates the installation."""


@contextmanager
def as_owner(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection as whoever may delete what is written once. Waits for nobody longer than two seconds.

    Raises Unacceptable where the settings name the parts' own role only.
    """
    url = settings.database_owner_url or settings.database_url
    options = f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT}"
    with psycopg.connect(url, autocommit=True, connect_timeout=3, options=options) as connection:
        row = connection.execute("SELECT has_table_privilege('reading', 'DELETE')").fetchone()
        if row != (True,):
            raise unacceptable("VIRTUAL_WARD_DATABASE_OWNER_URL", "is needed: the parts' role may delete nothing of it")
        yield connection


def count(connection: psycopg.Connection, patients: Sequence[int]) -> Counter[str]:
    """How many rows of each table are of these records. Nothing is changed."""
    asked = records.keys_of(connection, patients).asked()
    found: Counter[str] = Counter()
    for table, kept in RECORDS.items():
        query = f"SELECT count(*) FROM {table} WHERE {kept.whose}"  # noqa: S608 - our own names
        row = connection.execute(query, asked).fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def erase(
    connection: psycopg.Connection, patient: int, route: str, because: str, now: datetime, *, early: bool = False
) -> Counter[str] | None:
    """One record goes, and the audit is told how much. Returns the rows of each table that went or were emptied.

    None: it is not due any more, or somebody has what is needed locked. `early`: though its time is not over.
    """
    for is_last in (False, True):
        try:
            with connection.transaction():
                return _erase(connection, patient, route, because, now, early=early)
        except psycopg.errors.LockNotAvailable:
            return None
        except psycopg.OperationalError as error:
            if is_last or error.sqlstate not in RETRIED:
                raise
    return None


def _erase(
    connection: psycopg.Connection, patient: int, route: str, because: str, now: datetime, *, early: bool
) -> Counter[str] | None:
    """Drains and merges wait: nobody finds a record that is half gone, and no set comes to it."""
    for lock in (MERGE_LOCK, *SETTLING_LOCKS):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
    connection.execute("SELECT FROM patient WHERE id = %(id)s OR merged_into = %(id)s FOR UPDATE", {"id": patient})
    record = records.one(connection, patient)
    if record is None or not (record.is_due(now) or (early and record.kept_because is None)):
        return None
    keys = records.keys_of(connection, [patient])
    asked = keys.asked() | {"now": now, "because": because}
    gone: Counter[str] = Counter()
    for table, kept in RECORDS.items():
        if kept.blank or not kept.stays:
            gone[table] = connection.execute(_statement(table, kept), asked).rowcount
    write(connection, event(route, now, f"rows {gone.total()}", _ids(connection, keys.patients)))
    return gone


def event(route: str, now: datetime, what: str, about: Sequence[UUID], allows: str = ALLOWS) -> Event:
    """Whoever operates the installation did something; `what` says how much, and never whose."""
    return Event(
        at=now, by=By.COMMAND, who=None, role=None, browser=False, method="", route=route, allows=allows, object=what,
        status=200, request_id="", about=[(PATIENT, one) for one in about],
    )  # fmt: skip


def _statement(table: str, kept: Kept) -> str:
    if not kept.stays:
        return f"DELETE FROM {table} WHERE {kept.whose}"  # noqa: S608 - our own names
    columns = ", ".join(f"{name} = {value}" for name, value in kept.blank.items())
    return f"UPDATE {table} SET {columns} WHERE {kept.whose}"  # noqa: S608 - likewise


def _ids(connection: psycopg.Connection, patients: Sequence[int]) -> list[UUID]:
    rows = connection.execute("SELECT public_id FROM patient WHERE id = ANY(%s)", (list(patients),)).fetchall()
    return [one for (one,) in rows]
