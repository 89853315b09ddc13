"""What tests ask of the audit: the events that were left, and whom they name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from monitoring.audit.chain import Signer
from monitoring.audit.sealing import seal
from monitoring.audit.verifying import Found, verify
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import driver_of, make_engine
from monitoring.embedded.postgres import OWNER
from tests.workers.records import rows


def events(engine: Engine) -> Sequence[Any]:
    """All that was left, in its order, each with the ids of whom it names."""
    return rows(
        engine,
        "SELECT event.*, array(SELECT DISTINCT unnest(patients)::text FROM audit_subjects WHERE sha256 = subjects"
        " ORDER BY 1) AS patients FROM audit_event AS event ORDER BY id",
    )


def newest(engine: Engine) -> Any:
    """The newest one."""
    return events(engine)[-1]


@contextmanager
def owner_of(settings: Settings) -> Iterator[Engine]:
    """The database as the role that owns it, which can do what the application cannot."""
    engine = make_engine(settings.database_url.replace("vw_app", OWNER))
    yield engine
    engine.dispose()


def verified(
    engine: Engine,
    trusted: frozenset[bytes] = frozenset(),
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> Found:
    """What somebody who verifies is told."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        return verify(driver_of(connection), trusted, now or utc_now(), since, until, lambda *_: None)


def told(found: Found) -> list[tuple[str, int | None]]:
    """What is wrong, and in which seal."""
    return [(one.what, one.seal) for one in found.wrong]


def sealed(engine: Engine, signer: Signer | None = None, after_s: int = 0) -> int:
    """The timekeeper seals, so many seconds from now."""
    return seal(engine, signer, utc_now() + timedelta(seconds=after_s))
