"""What goes by its age alone: some thousand rows at a time, so that nobody waits."""

from datetime import datetime
from typing import Final

import psycopg

from monitoring.privacy.kept import Kept

AT_ONCE: Final = 10_000
"""Rows deleted in one statement: no growth with history, and no long lock."""


def goes_by_age(kept: Kept, now: datetime) -> bool:
    """Whether rows of the table go by their age."""
    return bool(kept.alone) and kept.policy.before(now) is not None


def count(connection: psycopg.Connection, table: str, kept: Kept, now: datetime) -> int:
    """How many are old enough."""
    query = f"SELECT count(*) FROM {table} WHERE {kept.alone}"  # noqa: S608 - our own names
    row = connection.execute(query, {"before": kept.policy.before(now)}).fetchone()
    assert row is not None
    return int(row[0])


def delete_some(connection: psycopg.Connection, table: str, kept: Kept, now: datetime) -> int:
    """The oldest of them go. Returns how many: fewer than AT_ONCE where that was all."""
    order = f"ORDER BY {kept.at}" if kept.at else ""
    query = (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608 - our own names
        f"SELECT ctid FROM {table} WHERE {kept.alone} {order} LIMIT {AT_ONCE}))"
    )
    return connection.execute(query, {"before": kept.policy.before(now)}).rowcount
