"""What people released: scored once, like any set, and noted on its row in the same transaction.

The row is its own ledger. It is taken before anything else is done with the set, so that the same release that comes
twice has one effect; and where the set can't be scored after all, its row is open again and says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from monitoring.bulk import as_rows
from monitoring.intake.tables import Aside
from workers.drain.items import Item, Kept


@dataclass(frozen=True, slots=True)
class Released:
    """A row that was released: how bad the ward was told that it would be, and of whom."""

    id: str
    severity: int
    patients: tuple[int, ...]


_TAKE: Final = """
UPDATE set_aside AS kept SET scored_at = %(now)s, set = asked.set
FROM json_to_recordset(%(asked)s) AS asked (id uuid, set uuid)
WHERE kept.public_id = asked.id AND decision = 'released' AND scored_at IS NULL
RETURNING kept.public_id::text, kept.severity, CASE WHEN kept.patient_id IS NOT NULL THEN ARRAY[kept.patient_id]
    ELSE ARRAY(SELECT patient_id FROM assignment
               WHERE device_id = kept.source AND during @> kept.received_at ORDER BY patient_id) END
"""


def take(connection: psycopg.Connection, items: Sequence[Item], now: datetime) -> tuple[list[Item], list[Released]]:
    """The items that were released and are not scored yet, each once, and what is known of their rows."""
    first = {item.released: item for item in reversed(items)}
    if not first:
        return [], []
    asked = [{"id": item.released, "set": item.key} for _, item in sorted(first.items(), key=lambda pair: str(pair[0]))]
    found = connection.execute(_TAKE, {"now": now, "asked": as_rows(asked)}).fetchall()
    released = [Released(one, severity, tuple(patients)) for one, severity, patients in found]
    return [first[one.id] for one in released], released


_REOPEN: Final = """
WITH again AS (
    UPDATE set_aside AS kept
    SET reason = asked.reason, detail = asked.detail, decided_at = NULL, decision = NULL, decided_by = NULL,
        released = NULL, queued_at = NULL, scored_at = NULL, set = NULL
    FROM json_to_recordset(%(asked)s) AS asked (id uuid, reason text, detail text)
    WHERE kept.public_id = asked.id AND decision = 'released'
    RETURNING kept.key, kept.reason, kept.detail
)
INSERT INTO set_aside_history (set_aside_key, at, what, why)
SELECT key, %(now)s, 'kept aside again: ' || reason, detail FROM again
"""


def reopen(connection: psycopg.Connection, kept: Sequence[Kept], now: datetime) -> None:
    """What was released and could not be scored is for a person once more, for the reason that it has now."""
    asked = [{"id": one.released, "reason": one.reason, "detail": one.detail} for one in kept if one.released]
    if asked:
        connection.execute(_REOPEN, {"now": now, "asked": as_rows(asked)})


def reopen_poison(connection: psycopg.Connection, released: str, detail: str, now: datetime) -> None:
    """The same of what could not be processed."""
    connection.execute(
        _REOPEN, {"now": now, "asked": as_rows([{"id": released, "reason": Aside.POISON, "detail": detail}])}
    )
