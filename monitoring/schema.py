"""Which schema this program was written for, and the wait for it. Migrations are `migrating.py`'s."""

import time
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, text

from monitoring.database import DATABASE_ERRORS

HEAD: Final = "0030"
"""The newest migration; a test holds it against the migrations themselves."""

MONTHS_ACCEPTED: Final = 36
"""How old a set may be when it comes."""
RETENTION: Final = timedelta(days=30 * MONTHS_ACCEPTED)
MONTHS_AHEAD: Final = 2
WAIT_S: Final = 60


class WrongSchema(Exception):
    """The database's schema is not the one that this program was written for."""


def months(now: datetime, *, ahead: int) -> list[date]:
    """The first days of this month and the next ones."""
    this = now.year * 12 + now.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(this, this + ahead + 1)]


def version(engine: Engine) -> str | None:
    """The version that the database has, None where it has none yet."""
    with engine.connect() as connection:
        return version_of(connection)


def version_of(connection: Connection) -> str | None:
    """The same, over a connection."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def wait_for_schema(engine: Engine, timeout_s: float = WAIT_S) -> None:
    """Return once the schema is there and current. Raises WrongSchema naming both versions after `timeout_s`."""
    found, deadline = None, time.monotonic() + timeout_s
    while True:
        try:
            if (found := version(engine)) == HEAD:
                return
        except DATABASE_ERRORS:
            found = "unknown: the database does not answer"
        if time.monotonic() >= deadline:
            raise WrongSchema(f"needs version {HEAD}, the database has {found}; run `virtual-ward migrate`")
        time.sleep(0.2)
