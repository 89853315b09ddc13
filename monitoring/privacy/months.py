"""Whole months of readings: a month all of whose readings are of records that may go is dropped as a part.

Not a row of it is touched. What the ledger knows of its sets goes before, some thousand at a time; the part goes in a
transaction that waits for nobody longer than two seconds. Whatever is interrupted is gone on with by the next run.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import psycopg

from monitoring.audit.events import write
from monitoring.privacy.erasing import SETTLING_LOCKS, event
from monitoring.privacy.policies import RECORD

SETS_AT_ONCE: Final = 2_000
PREFIX: Final = "reading_"
_FIRST: Final = (0, datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
"""Before every set."""


@dataclass(frozen=True, slots=True)
class Month:
    """A part of the readings."""

    table: str
    first: date
    rows: int


def old_months(connection: psycopg.Connection, due: Sequence[int], now: datetime) -> list[Month]:
    """Months before every record's shortest time, in which there is nobody's reading but of those that are `due`."""
    before = RECORD.before(now)
    assert before is not None
    found = []
    for (table,) in connection.execute(_PARTS):
        first = date.fromisoformat(table.removeprefix(PREFIX).replace("_", "-") + "-01")
        if (first.year, first.month) < (before.year, before.month) and not _is_others(connection, table, due):
            found.append(Month(table, first, _count(connection, table)))
    return found


def oldest(connection: psycopg.Connection, without: Sequence[Month]) -> date | None:
    """The first month that has readings and stays."""
    going = {month.table for month in without}
    for (table,) in connection.execute(_PARTS):
        if (
            table not in going
            and connection.execute(_named("SELECT FROM {table} LIMIT 1", table)).fetchone() is not None
        ):
            return date.fromisoformat(table.removeprefix(PREFIX).replace("_", "-") + "-01")
    return None


def drop(
    connection: psycopg.Connection,
    month: Month,
    due: Sequence[int],
    route: str,
    now: datetime,
    tell: Callable[[str], None],
) -> Counter[str] | None:
    """One month goes. Returns the rows that went, by table.

    None: somebody has it locked, or it is not only theirs any more.
    """
    gone: Counter[str] = Counter()
    done = 0
    after: tuple[object, ...] | None = _FIRST
    try:
        while after is not None:
            with connection.transaction():
                after, some = _forget_some(connection, month, due, after, gone)
            done += some
            tell(f"{month.first:%Y-%m}: {done:,} of {month.rows:,} sets")
        with connection.transaction():
            if _is_others(connection, month.table, due):
                return None
            write(connection, event(route, now, f"month {month.first:%Y-%m} rows {month.rows}", ()))
            connection.execute(_named("DROP TABLE {table}", month.table))
    except psycopg.errors.LockNotAvailable:
        return None
    return gone + Counter(reading=month.rows)


def _forget_some(
    connection: psycopg.Connection, month: Month, due: Sequence[int], after: tuple[object, ...], gone: Counter[str]
) -> tuple[tuple[object, ...] | None, int]:
    """What else knows the next sets of the month goes. Returns the last set's key, if any, and how many they were."""
    for lock in SETTLING_LOCKS:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
    rows = connection.execute(_named(_SETS, month.table), (*after, SETS_AT_ONCE)).fetchall()
    if not rows:
        return None, 0
    asked = {
        "sources": [row[3] for row in rows],
        "ids": [row[4] for row in rows],
        "sets": [row[2] for row in rows],
        "originals": list({row[5] for row in rows if row[5] is not None}),
        "due": list(due),
    }
    for table, condition in _FORGET.items():
        statement = f"DELETE FROM {table} WHERE {condition}"  # noqa: S608 - our own names
        gone[table] += connection.execute(statement, asked).rowcount
    return rows[-1][:3], len(rows)


def _is_others(connection: psycopg.Connection, table: str, due: Sequence[int]) -> bool:
    """Whether the part holds a reading of a record that is not due, or is not any more since it was looked for.

    One probe of its index for each stay in it.
    """
    return connection.execute(_named(_OTHERS, table), {"due": list(due)}).fetchone() is not None


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(_named("SELECT count(*) FROM {table}", table)).fetchone()
    assert row is not None
    return int(row[0])


def _named(statement: str, table: str) -> str:
    """The statement about a part; its name came from the catalogue, by our own pattern."""
    return statement.replace("{table}", table)


_PARTS: Final = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'reading_settled'::regclass AND relname ~ '^reading_[0-9]{4}_[0-9]{2}$' ORDER BY relname
"""

_OTHERS: Final = """
WITH RECURSIVE stay (id) AS (
    (SELECT episode_id FROM {table} ORDER BY episode_id LIMIT 1)
    UNION ALL
    SELECT (SELECT episode_id FROM {table} WHERE episode_id > stay.id ORDER BY episode_id LIMIT 1)
    FROM stay WHERE stay.id IS NOT NULL
)
SELECT FROM stay LEFT JOIN episode ON episode.id = stay.id LEFT JOIN patient ON patient.id = episode.patient_id
WHERE stay.id IS NOT NULL AND (
    patient.id IS NULL OR patient.id <> ALL(%(due)s) OR hold_reason IS NOT NULL
    OR EXISTS (SELECT FROM episode AS open WHERE open.patient_id = patient.id AND open.discharged_at IS NULL)
) LIMIT 1
"""

_SETS: Final = """
SELECT episode_id, taken_at, set, source, id, (also ->> 'original')::uuid FROM {table}
WHERE (episode_id, taken_at, set) > (%s, %s, %s) ORDER BY episode_id, taken_at, set LIMIT %s
"""

_FORGET: Final[Mapping[str, str]] = {
    "ledger": "(source, id) IN (SELECT * FROM unnest(%(sources)s::bigint[], %(ids)s::text[]))",
    "fhir_observation": "set = ANY(%(sets)s)",
    "original": "id = ANY(%(originals)s) AND NOT EXISTS ("
    "SELECT FROM patient WHERE patient.id = ANY(original.patients) AND erased_at IS NULL"
    " AND patient.id <> ALL(%(due)s) AND coalesce(merged_into, patient.id) <> ALL(%(due)s))",
}
"""As `kept.TABLES` has it of one record."""
