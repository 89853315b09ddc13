"""The newest set of each patient on a ward, and its score: what somebody who begins to watch has to see first."""

from collections.abc import Collection, Iterator
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Engine, text

from monitoring.database import snapshot
from monitoring.patients.views import ReadingView, ScoreView, reading_view, score_view

PAGE: Final = 500


class Latest(msgspec.Struct):
    """The newest set of one patient."""

    ward: str
    patient: UUID
    reading: ReadingView
    score: ScoreView | None  # None where nothing of the set is scored


_LATEST: Final = text(
    """
    SELECT reading.*, device.public_id AS device, patient.public_id AS patient, ward.code AS ward,
           (SELECT to_jsonb(rescored) FROM rescored
            WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
              AND rescored.set = reading.set
            ORDER BY revision DESC LIMIT 1) AS again
    FROM latest_vitals AS known
    JOIN episode ON episode.id = known.episode_id AND episode.discharged_at IS NULL
    JOIN patient ON patient.id = episode.patient_id
    JOIN ward ON ward.id = episode.ward_id AND (:everywhere OR ward.code = ANY(:wards))
    JOIN reading ON reading.episode_id = known.episode_id AND reading.taken_at = known.newest_at
                AND reading.set = known.newest_set
    LEFT JOIN device ON device.id = reading.source
    WHERE known.episode_id > :after
    ORDER BY known.episode_id LIMIT :page
    """
)


def latest(engine: Engine, wards: Collection[str] | None) -> Iterator[list[Latest]]:
    """The newest set of every patient on these wards (None: on any), some at a time."""
    after = 0
    asked = {"everywhere": wards is None, "wards": list(wards or ()), "page": PAGE}
    while True:
        with snapshot(engine) as session:
            rows = session.execute(_LATEST, {**asked, "after": after}).all()
        if not rows:
            return
        after = rows[-1].episode_id
        yield [
            Latest(
                ward=row.ward,
                patient=row.patient,
                reading=reading_view(row, row.patient),
                score=None if row.points is None else score_view(row),
            )
            for row in rows
        ]
