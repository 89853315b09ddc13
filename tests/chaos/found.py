"""What the database holds of some homes, read by plain SQL: nothing of the service is asked or trusted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

Key = tuple[UUID, str]  # a device and its own id of a set


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A row of readings."""

    device: UUID
    id: str
    score: int | None
    severity: int

    @property
    def key(self) -> Key:
        """What must be there once."""
        return self.device, self.id


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert."""

    id: UUID
    patient: UUID
    kind: str
    state: str
    severity: int
    version: int
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of an alert's history, or an event that told of it: in the order they were written."""

    alert: UUID
    version: int
    severity: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that is there of some homes."""

    readings: list[StoredSet]
    ledger: list[Key]
    aside: list[Key]
    alerts: list[StoredAlert]
    events: list[Told]
    history: dict[UUID, int]  # entries by alert


READINGS: Final = """
SELECT device.public_id AS device, reading.id, score, severity
FROM reading JOIN device ON device.id = reading.source WHERE device.public_id = ANY(%s)
"""

LEDGER: Final = """
SELECT device.public_id, ledger.id
FROM ledger JOIN device ON device.id = ledger.source WHERE device.public_id = ANY(%s)
"""

ASIDE: Final = """
SELECT device.public_id, set_aside.id
FROM set_aside JOIN device ON device.id = set_aside.source WHERE device.public_id = ANY(%s)
"""

ALERTS: Final = """
SELECT alert.public_id AS id, patient.public_id AS patient, kind, state, severity, version, raised_at
FROM alert JOIN patient ON patient.id = alert.patient_id WHERE patient.public_id = ANY(%s) ORDER BY alert.id
"""

EVENTS: Final = """
SELECT (data -> 'alert' ->> 'id')::uuid AS alert, (data -> 'alert' ->> 'version')::int AS version,
       data -> 'alert' ->> 'severity' AS severity
FROM event WHERE kind = 'alert' AND patient = ANY(%s) ORDER BY id
"""

# Who is told of an alert stands in its history too, and changes nothing about it.
HISTORY: Final = """
SELECT alert.public_id, count(*)
FROM alert_history JOIN alert ON alert.id = alert_history.alert_id JOIN patient ON patient.id = alert.patient_id
WHERE patient.public_id = ANY(%s)
AND what NOT LIKE 'told %%' AND what NOT LIKE 'passed over %%' AND what NOT LIKE 'ucr_%%'
GROUP BY alert.public_id
"""


def find(connection: psycopg.Connection, devices: Collection[UUID], patients: Collection[UUID]) -> Found:
    """Read all that these devices and patients left behind."""
    of_devices, of_patients = [list(devices)], [list(patients)]
    with (
        connection.cursor(row_factory=class_row(StoredSet)) as readings,
        connection.cursor(row_factory=class_row(StoredAlert)) as alerts,
        connection.cursor(row_factory=class_row(Told)) as events,
    ):
        return Found(
            readings=readings.execute(READINGS, of_devices).fetchall(),
            ledger=[(device, own_id) for device, own_id in connection.execute(LEDGER, of_devices)],
            aside=[(device, own_id) for device, own_id in connection.execute(ASIDE, of_devices)],
            alerts=alerts.execute(ALERTS, of_patients).fetchall(),
            events=events.execute(EVENTS, of_patients).fetchall(),
            history=dict(connection.execute(HISTORY, of_patients).fetchall()),
        )
