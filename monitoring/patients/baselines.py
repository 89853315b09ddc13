"""What is usual for a patient: as the plan has it, and as the first days of the stay would propose."""

from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from alert_rules.kinds import HOUR_US, NEWS2, USUAL
from alert_rules.limits import DECIMALS, LIMITED
from alert_rules.usual import LEARNT_WITHIN, READINGS_MIN, Learnt, learn
from devices.reading import in_whole_units
from monitoring.acts import Act
from monitoring.patients.plans import in_force, stay_of

SETS_MAX: Final = 500
"""Of the first days: who is measured by the minute is known well enough by these."""

METHOD: Final = (
    f"The median of the first {LEARNT_WITHIN.days} days, of complete scores for NEWS2. With {READINGS_MIN} readings or "
    "more it can be proposed; a clinician puts it into the plan. Half of the readings are within `spread` of it."
)


class LearntView(msgspec.Struct, kw_only=True):
    """What the first days propose."""

    value: float
    readings: int
    over_h: float
    spread: float
    enough: bool


class BaselineView(msgspec.Struct, kw_only=True):
    """One usual value: decided, learnt, or not known."""

    name: str
    decided: float | None
    learnt: LearntView | None


class BaselinesView(msgspec.Struct, kw_only=True):
    """The usual values of a patient on a ward."""

    method: str
    items: list[BaselineView]


def baselines(act: Act, patient_id: UUID) -> BaselinesView:
    """What is decided and what would be proposed, counted anew each time. Raises NotFound where on no ward."""
    _, episode, _ = stay_of(act, patient_id)
    decided = in_force(act.session, episode, act.now).baselines
    since = episode.admitted_at
    asked = {"episode": episode.id, "from": since, "until": since + LEARNT_WITHIN, "most": SETS_MAX}
    rows = [dict(row) for row in act.session.execute(text(_FIRST_DAYS), asked).mappings()]
    found = {name: learn(_readings(rows, name)) for name in USUAL}
    return BaselinesView(
        method=METHOD,
        items=[
            BaselineView(name=name, decided=decided.get(name), learnt=None if one is None else _view(name, one))
            for name, one in found.items()
            if one is not None or name in decided
        ],
    )


# The current score of a set stands in `rescored` where a late one changed it.
_FIRST_DAYS: Final = """
SELECT r.taken_at, r.respiratory_rate, r.spo2, r.systolic, r.diastolic, r.pulse, r.temperature_tenths AS temperature,
       r.also, CASE WHEN again.set IS NULL THEN r.score ELSE again.score END AS score,
       CASE WHEN again.set IS NULL THEN r.score_max ELSE again.score_max END AS score_max
FROM reading AS r
LEFT JOIN LATERAL (
    SELECT * FROM rescored
    WHERE rescored.episode_id = r.episode_id AND rescored.taken_at = r.taken_at AND rescored.set = r.set
    ORDER BY revision DESC LIMIT 1
) AS again ON true
WHERE r.episode_id = :episode AND r.taken_at >= :from AND r.taken_at < :until AND r.quality = 'good'
ORDER BY r.taken_at, r.set
LIMIT :most
"""


def _readings(rows: list[dict[str, Any]], name: str) -> list[tuple[int, int]]:
    """When and what, of one name."""
    return [
        (round(row["taken_at"].timestamp() * 1_000_000), value)
        for row in rows
        if (value := _value(row, name)) is not None
    ]


def _value(row: dict[str, Any], name: str) -> int | None:
    if name == NEWS2:
        score: int | None = row["score"] if row["score"] == row["score_max"] else None
        return score
    if name in row:
        charted: int | None = row[name]
        return charted
    rarer = (row["also"] or {}).get(name)
    return None if rarer is None else in_whole_units(rarer, DECIMALS.get(name, 0))


def _view(name: str, one: Learnt) -> LearntView:
    scale = 10 ** (DECIMALS.get(name, 0) if name in LIMITED else 0)
    return LearntView(
        value=one.value / scale,
        readings=one.readings,
        over_h=round(one.over_us / HOUR_US, 1),
        spread=one.spread / scale,
        enough=one.enough,
    )
