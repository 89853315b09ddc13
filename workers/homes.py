"""Whose kit at home is in doubt, and what holds of it: one question of all wards, then all there is to know of those.

By when a device was heard, by its battery, or because something was told. A device that never spoke is in doubt only
where nothing of the patient's kit ever did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from alert_rules.kit import BATTERY_CHARGED_PERCENT, SILENT_AFTER, TOLD_AGAIN_AFTER, Trouble, Worn, troubles
from alert_rules.staffed import staffed_from
from monitoring.alerts.tables import OPEN
from monitoring.database import AnyRow

BATCH: Final = 500
"""Patients that are looked at in one transaction."""
Key = tuple[int, Trouble]
"""A device, and what is wrong with it."""

_DOUBTFUL: Final = text(
    """
    WITH worn AS (
        SELECT assignment.patient_id, assignment.device_id, seen.battery_percent,
               greatest(seen.last_seen_at, lower(during)) AS heard_at,
               coalesce(seen.last_seen_at >= lower(during), false) AS was_heard,
               bool_or(seen.last_seen_at >= lower(during)) OVER (PARTITION BY assignment.patient_id) AS some_heard
        FROM assignment
        LEFT JOIN device_seen AS seen ON seen.device_id = assignment.device_id
        WHERE (upper(during) IS NULL OR upper(during) > :now) AND lower(during) <= :now
    ), doubtful AS (
        SELECT patient_id FROM worn
        WHERE (was_heard OR some_heard IS NOT TRUE)
          AND (heard_at <= :silent_before OR was_heard AND battery_percent < :charged)
        UNION SELECT patient_id FROM device_trouble
    )
    SELECT patient_id FROM doubtful WHERE patient_id > :after ORDER BY patient_id LIMIT :batch
    """
)

# `during` is asked so that no index can tell: the patient's own few rows are found by the patient. The one over periods
# would be read for everybody's kit, patient by patient (14 ms each with 10,000 patients: measured).
_ABOUT: Final = text(
    f"""
    SELECT patient.id AS patient_id, patient.public_id, episode.id AS episode_id, ward.id AS ward_id, ward.code,
           ward.staffed_hours, plan.monitoring, plan.times, away.is_away,
           greatest(episode.admitted_at, plan.entered_at, away.back_at) AS watched_since,
           EXISTS (SELECT FROM alert WHERE alert.patient_id = patient.id AND kind = 'overdue' AND {OPEN}) AS overdue,
           EXISTS (SELECT FROM alert WHERE alert.patient_id = patient.id AND kind = 'device' AND {OPEN}) AS has_alert,
           worn.kit, told.told
    FROM unnest(CAST(:patients AS bigint[])) AS wanted (id)
    JOIN patient ON patient.id = wanted.id
    LEFT JOIN episode ON episode.patient_id = patient.id AND episode.discharged_at IS NULL
    LEFT JOIN ward ON ward.id = episode.ward_id
    LEFT JOIN LATERAL (SELECT monitoring, times,
                              (SELECT min(recorded_at) FROM plan WHERE plan.episode_id = episode.id) AS entered_at
                       FROM plan WHERE plan.episode_id = episode.id AND plan.from_at <= :now
                       ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan ON true
    LEFT JOIN LATERAL (SELECT max(until_at) AS back_at, coalesce(bool_or(until_at IS NULL), false) AS is_away
                       FROM leave WHERE leave.episode_id = episode.id) AS away ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
                   'device', device.id, 'id', device.public_id, 'kind', device.kind, 'serial', device.serial,
                   'since', lower(during), 'last_seen_at', seen.last_seen_at, 'battery', seen.battery_percent
               ) ORDER BY assignment.id) AS kit
        FROM assignment
        JOIN device ON device.id = assignment.device_id
        LEFT JOIN device_seen AS seen ON seen.device_id = device.id
        WHERE assignment.patient_id = patient.id
          AND lower(during) <= :now AND coalesce(upper(during), 'infinity') > :now
    ) AS worn ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
                   'device', device_id, 'trouble', trouble, 'patient', trouble.patient_id, 'told_at', told_at,
                   'id', device.public_id)) AS told
        FROM device_trouble AS trouble JOIN device ON device.id = device_id
        WHERE trouble.patient_id = patient.id
           OR device_id IN (SELECT CAST(one ->> 'device' AS bigint) FROM jsonb_array_elements(worn.kit) AS one)
    ) AS told ON true
    ORDER BY patient.id
    """  # noqa: S608 - our own names
)


@dataclass(frozen=True, slots=True)
class Home:
    """A patient whose kit is in doubt: what they have, what holds, and what was told of it."""

    row: AnyRow
    kit: list[dict[str, Any]]
    told: dict[Key, datetime]  # of this patient
    elsewhere: frozenset[Key]  # of others who share a device
    holds: frozenset[Key]  # nothing of who is on no ward, away, or to send nothing

    @classmethod
    def of(cls, row: AnyRow, now: datetime) -> "Home":
        """As a row tells it."""
        kit = row.kit or []
        told: dict[Key, datetime] = {}
        elsewhere: set[Key] = set()
        for one in row.told or []:
            key = one["device"], Trouble(one["trouble"])
            if one["patient"] == row.patient_id:
                told[key] = datetime.fromisoformat(one["told_at"])
            else:
                elsewhere.add(key)
        home = cls(row, kit, told, frozenset(elsewhere), frozenset())
        return replace(home, holds=_holds(home, now)) if home.is_watched else home

    def news(self, now: datetime) -> frozenset[Key]:
        """What is to be told now: while somebody is there, and not what was told, or is by another who shares it."""
        if self.row.episode_id is None or staffed_from(now, self.row.staffed_hours) > now:
            return frozenset()
        again = {
            key
            for key in self.holds & self.told.keys()
            if key[1] is Trouble.SILENT and not self.row.has_alert and now - self.told[key] >= TOLD_AGAIN_AFTER
        }
        return (self.holds - self.told.keys() - self.elsewhere) | again

    @property
    def is_watched(self) -> bool:
        """Whether the patient is at home, and to send readings."""
        row = self.row
        return bool(row.episode_id is not None and not row.is_away and row.monitoring == "full" and row.times)

    @property
    def names(self) -> dict[int, str]:
        """The public id of each device, those told of included."""
        return {one["device"]: one["id"] for one in [*self.kit, *(self.row.told or [])]}

    @property
    def over(self) -> frozenset[Key]:
        """What was told and holds no longer."""
        return frozenset(self.told.keys() - self.holds)


def doubtful(session: Session, now: datetime, after: int, batch: int) -> list[int]:
    """Patients whose kit is in doubt, a batch in order of their keys."""
    asked = {"now": now, "silent_before": now - SILENT_AFTER, "charged": BATTERY_CHARGED_PERCENT}
    return list(session.scalars(_DOUBTFUL, asked | {"after": after, "batch": batch}))


def homes(session: Session, patients: Sequence[int], now: datetime) -> list[Home]:
    """What is to be known of each."""
    if not patients:
        return []
    rows = session.execute(_ABOUT, {"patients": list(patients), "now": now}).all()
    return [Home.of(row, now) for row in rows]


def _holds(home: Home, now: datetime) -> frozenset[Key]:
    worn = [
        Worn(
            one["device"], one["kind"], datetime.fromisoformat(one["since"]),
            one["last_seen_at"] and datetime.fromisoformat(one["last_seen_at"]), one["battery"],
        )
        for one in home.kit
    ]  # fmt: skip
    return troubles(worn, home.row.watched_since, now, home.told.keys(), overdue=home.row.overdue)
