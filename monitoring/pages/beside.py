"""What the board page shows beside the board itself: the last day as a curve, what is known last, who is told next.

One query each for a whole ward, whatever the number of its patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from alert_rules.limits import SCALE_2
from alert_rules.vitals import ACVPU, CONSCIOUSNESS, OXYGEN, PARAMETERS, TEMPERATURE
from monitoring.acts import Act
from monitoring.pages.sparkline import Spot

SHOWN: Final = timedelta(hours=24)
FRESH: Final = timedelta(hours=1)
"""A value that is older says how old it is."""
SPOTS_MAX: Final = 96
"""Of one patient: a set every quarter of an hour."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SPOTS: Final = text(
    """
    SELECT episode.public_id AS episode, spot.taken_at, spot.score, spot.spo2, spot.single_red
    FROM ward
    JOIN episode ON episode.ward_id = ward.id AND episode.discharged_at IS NULL
    CROSS JOIN LATERAL (
        SELECT taken_at, score, spo2, position('3' IN coalesce(points, '')) > 0 AS single_red
        FROM reading
        WHERE reading.episode_id = episode.id AND taken_at >= greatest(episode.admitted_at, :since)
          AND taken_at <= :now AND quality <> 'test'
        ORDER BY taken_at DESC, set DESC LIMIT :limit
    ) AS spot
    WHERE ward.code = :ward
    ORDER BY spot.taken_at
    """
)

_KNOWN: Final = text(
    """
    SELECT episode.public_id AS episode, known.values, known.taken_us, plan.limits, plan.spo2_scale
    FROM ward
    JOIN episode ON episode.ward_id = ward.id AND episode.discharged_at IS NULL
    JOIN latest_vitals AS known ON known.episode_id = episode.id
    CROSS JOIN LATERAL (
        SELECT limits, spo2_scale FROM plan
        WHERE plan.episode_id = episode.id AND plan.from_at <= greatest(:now, episode.admitted_at)
        ORDER BY from_at DESC, id DESC LIMIT 1
    ) AS plan
    WHERE ward.code = :ward
    """
)

_NEXT: Final = text(
    """
    SELECT alert.public_id AS alert, escalation.due_at, staff.name AS taken_by,
           escalation.ladder -> CAST(escalation.step AS int) ->> 'tell' AS tell
    FROM ward
    JOIN alert ON alert.ward_id = ward.id AND alert.state NOT IN ('resolved', 'expired')
    LEFT JOIN escalation ON escalation.alert_id = alert.id
    LEFT JOIN staff ON staff.id = alert.acknowledged_by
    WHERE ward.code = :ward
    """
)


@dataclass(frozen=True, slots=True)
class Value:
    """A vital sign as it was measured last."""

    name: str
    said: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Next:
    """Who is told of an alert next and when, or who has it."""

    due_at: datetime | None
    tell: str | None
    taken_by: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a patient now, and the SpO2 lines that hold."""

    values: list[Value]
    red_low: int | None
    amber_low: int | None

    def by_age(self, now: datetime) -> list[tuple[datetime | None, list[Value]]]:
        """The values by when they were measured, the newest first; all that are fresh together, without it."""
        found: dict[datetime | None, list[Value]] = {}
        for value in sorted(self.values, key=lambda one: max(now - one.at, FRESH)):
            found.setdefault(None if now - value.at <= FRESH else value.at, []).append(value)
        return list(found.items())


def spots(act: Act, ward: str) -> dict[UUID, list[Spot]]:
    """By spell: the sets of the last 24 hours, oldest first."""
    asked = {"ward": ward, "now": act.now, "since": act.now - SHOWN, "limit": SPOTS_MAX}
    found: dict[UUID, list[Spot]] = {}
    for row in act.session.execute(_SPOTS, asked):
        found.setdefault(row.episode, []).append(Spot(row.taken_at, row.score, row.spo2, single_red=row.single_red))
    return found


def known(act: Act, ward: str, usual_red: int, usual_amber: int) -> dict[UUID, Known]:
    """By spell: the newest value of each parameter with its age. `usual`: the pathway's SpO2 lines for scale 1."""
    found = {}
    for row in act.session.execute(_KNOWN, {"ward": ward, "now": act.now}):
        own = row.limits.get("spo2", {})
        usual = (usual_red, usual_amber) if row.spo2_scale == 1 else (SCALE_2.red_low, SCALE_2.amber_low)
        red, amber = own.get("red_low", usual[0]), own.get("amber_low", usual[1])
        found[row.episode] = Known(_values(row.values, row.taken_us), red, amber)
    return found


def whats_next(act: Act, ward: str) -> dict[UUID, Next]:
    """By alert: who is told next, of those that are open."""
    rows = act.session.execute(_NEXT, {"ward": ward})
    return {row.alert: Next(row.due_at, row.tell, row.taken_by) for row in rows}


_NAMES: Final = ("RR", "SpO2", "", "BP", "pulse", "", "temp")


def _values(values: Sequence[Any], taken_us: Sequence[int | None]) -> list[Value]:
    found = []
    for place in range(len(PARAMETERS)):
        value, at_us = values[place], taken_us[place]
        if value is None or at_us is None:
            continue
        found.append(Value(_NAMES[place], said(place, value), _EPOCH + timedelta(microseconds=at_us)))
    return found


def said(place: int, value: int) -> str:
    """A value of a parameter, in chart units, as people say it."""
    if place == OXYGEN:
        return "on oxygen" if value else "on air"
    if place == CONSCIOUSNESS:
        return ("alert", "confused", "voice", "pain", "unresponsive")[value] if value < len(ACVPU) else "?"
    return f"{value / 10:.1f}" if place == TEMPERATURE else str(value)
