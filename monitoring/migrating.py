"""`python -m monitoring.migrating`: the schema is brought up to date, by one migrator at a time."""

import sys
from datetime import datetime
from importlib.resources import as_file, files
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from monitoring.clock import utc_now
from monitoring.config import read_settings
from monitoring.database import DATABASE_ERRORS, in_one_line, is_unavailable, make_engine
from monitoring.schema import MONTHS_AHEAD, months, version_of

MIGRATION_LOCK: Final = 7_703


def migrate(url: str, now: datetime) -> str:
    """Bring the schema up to date and make the months that are to come. Returns the version that it now has."""
    engine = make_engine(url, pool_size=1, within_s=None, transaction_s=None)  # it takes as long as it takes
    with engine.connect() as connection, as_file(files("monitoring") / "migrations") as folder:
        connection.execute(text("SET statement_timeout = 0; SET lock_timeout = 0"))
        connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        _make_months(connection, now)
        connection.commit()
        version = version_of(connection)
    engine.dispose()
    return version or ""


def _make_months(connection: Connection, now: datetime) -> None:
    """This month and the next ones. An older one of readings is made when the first late set of it comes."""
    for month in months(now, ahead=MONTHS_AHEAD):
        connection.execute(text("SELECT make_reading_month(:month), make_audit_month(:month)"), {"month": month})


def main() -> None:
    """Migrate the database of the settings, as its owner where that is named."""
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
