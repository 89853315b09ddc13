"""`python -m monitoring.migrating`: the schema is brought up to date, by one migrator at a time."""

import sys
import time
from datetime import datetime
from importlib.resources import as_file, files
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from monitoring.clock import utc_now
from monitoring.config import read_settings
from monitoring.database import DATABASE_ERRORS, in_one_line, is_unavailable, make_engine, sqlstate
from monitoring.lean import resume_collecting
from monitoring.schema import HEAD, MONTHS_AHEAD, months, version_of

MIGRATION_LOCK: Final = 7_703
LOCK_NOT_AVAILABLE: Final = "55P03"


LOCK_WAIT_S: Final = 2
"""Who asks for a table that a migration waits for waits behind it: no longer than this, though it has to ask again."""
TRIES: Final = 60


def migrate(url: str, now: datetime, to: str = "head") -> str:
    """Bring the schema up to date and make the months that are to come. Returns the version that it now has.

    While the version before serves: a migration that does not get its locks in time gives way, and begins again.
    """
    engine = make_engine(url, pool_size=1, within_s=None, transaction_s=None)  # it takes as long as it takes
    with engine.connect() as connection, as_file(files("monitoring") / "migrations") as folder:
        connection.execute(text("SET statement_timeout = 0; SET lock_timeout = 0"))
        connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        if to != "head" or version_of(connection) != HEAD:  # alembic reads every migration to find nothing to do
            config = Config()
            config.set_main_option("script_location", str(folder).replace("%", "%%"))
            config.attributes["connection"] = connection
            _upgrade(connection, config, to)
        version = version_of(connection)
        if version == HEAD:
            _make_months(connection, now)
        connection.commit()
    engine.dispose()
    return version or ""


def _upgrade(connection: Connection, config: Config, to: str) -> None:
    """Each migration in a transaction of its own."""
    connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT_S}s'"))
    connection.commit()
    for tries in range(1, TRIES + 1):
        try:
            command.upgrade(config, to)
            break
        except DATABASE_ERRORS as error:
            connection.rollback()
            if sqlstate(error) != LOCK_NOT_AVAILABLE or tries == TRIES:
                raise
            time.sleep(1)  # so that who waited behind us is served
    connection.execute(text("SET lock_timeout = 0"))
    connection.commit()


def _make_months(connection: Connection, now: datetime) -> None:
    """This month and the next ones. An older one of readings is made when the first late set of it comes."""
    for month in months(now, ahead=MONTHS_AHEAD):
        connection.execute(text("SELECT make_reading_month(:month), make_audit_month(:month)"), {"month": month})


def main() -> None:
    """Migrate the database of the settings, as its owner where that is named."""
    resume_collecting()
    settings = read_settings()
    try:
        version = migrate(settings.database_owner_url or settings.database_url, utc_now())
    except DATABASE_ERRORS as error:
        if not is_unavailable(error):
            raise  # a migration that fails is shown whole
        sys.exit(f"virtual-ward: {in_one_line(error)}")
    sys.stdout.write(f"schema {version}\n")


if __name__ == "__main__":
    main()
