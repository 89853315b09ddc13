"""What whoever operates the installation decides of one record: that it is held, or that it goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import psycopg

from monitoring.audit.events import write
from monitoring.clock import local_day
from monitoring.config import Settings
from monitoring.privacy import erasing, records
from monitoring.privacy.records import Record
from monitoring.refusals import unacceptable

ERASE: Final = "virtual-ward erase --apply"
HOLD: Final = "virtual-ward hold"
BECAUSE: Final = "its time was over"


def erase_one(settings: Settings, who: str, because: str | None, now: datetime, *, apply: bool) -> Mapping[str, int]:
    """Erase a record, or count what that would be. Raises Unacceptable where it may not go.

    Before its time it goes for a reason only: a health record is kept for care and for the public's interest
    (UK GDPR, article 17(3)), so that is for one that should never have been.
    """
    with erasing.as_owner(settings) as connection:
        record = _record(connection, who)
        if record.kept_because is not None:
            raise unacceptable("PATIENT", f"the record is kept for {record.kept_because}")
        if because is None and record.over_on > local_day(now):
            raise unacceptable("--because", f"is needed: the record's time is over on {record.over_on} only")
        if not apply:
            return erasing.count(connection, [record.patient])
        early = because is not None
        gone = erasing.erase(connection, record.patient, ERASE, because or BECAUSE, now, early=early)
        if gone is None:
            raise unacceptable("PATIENT", "the record is in use in this moment: try again")
        return gone


def hold_one(settings: Settings, who: str, because: str | None, now: datetime) -> None:
    """Hold a record, or end that where there is no reason. Raises Unacceptable."""
    with erasing.as_owner(settings) as connection, connection.transaction():
        changed = connection.execute(
            "UPDATE patient SET hold_reason = %(because)s WHERE id = %(id)s OR merged_into = %(id)s"
            " RETURNING public_id",
            {"because": because, "id": records.named(connection, who)},
        ).fetchall()
        what = "hold" if because else "end of hold"
        write(connection, erasing.event(HOLD, now, what, [one for (one,) in changed], "hold records"))


def _record(connection: psycopg.Connection, who: str) -> Record:
    found = records.one(connection, records.named(connection, who))
    if found is None:
        raise unacceptable("PATIENT", "the record was merged or erased in this moment")
    return found
