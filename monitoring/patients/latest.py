"""The newest set of each patient and its score, as `/v1/live` tells them: to who comes, and when a set came."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Engine, TextClause, text

from monitoring.database import AnyRow, once_more, snapshot
from monitoring.events import NewEvent
from monitoring.patients.views import reading_view, score_view

PAGE: Final = 500
KINDS: Final = ("reading", "score")

_NEWEST: Final = """
    SELECT reading.*, device.public_id AS device, patient.public_id AS patient, ward.code AS ward,
           (SELECT to_jsonb(rescored) FROM rescored
            WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
              AND rescored.set = reading.set
            ORDER BY revision DESC LIMIT 1) AS again
    FROM latest_vitals AS known
    JOIN episode ON episode.id = known.episode_id AND episode.discharged_at IS NULL
    JOIN patient ON patient.id = episode.patient_id
    JOIN ward ON ward.id = episode.ward_id
    JOIN reading ON reading.episode_id = known.episode_id AND reading.taken_at = known.newest_at
                AND reading.set = known.newest_set
    LEFT JOIN device ON device.id = reading.source
"""
_OF_WARDS: Final = text(
    f"""
    {_NEWEST}
    WHERE known.episode_id > :after AND (:everywhere OR ward.code = ANY(:wards))
    ORDER BY known.episode_id LIMIT :page
    """
)
_OF_STAYS: Final = text(f"{_NEWEST} WHERE known.episode_id = ANY(:stays)")


def latest(engine: Engine, wards: Collection[str] | None) -> Iterator[list[NewEvent]]:
    """Of every patient on these wards (None: on any), some at a time."""
    after = 0
    asked = {"everywhere": wards is None, "wards": list(wards or ()), "page": PAGE}
    while True:
        rows = once_more(partial(_read, engine, _OF_WARDS, {**asked, "after": after}))
        if not rows:
            return
        after = rows[-1].episode_id
        yield [event for row in rows for event in _events(row)]


def latest_of(engine: Engine, stays: Sequence[int]) -> Iterator[list[NewEvent]]:
    """Of the patients who are in these stays, some at a time."""
    for start in range(0, len(stays), PAGE):
        rows = once_more(partial(_read, engine, _OF_STAYS, {"stays": list(stays[start : start + PAGE])}))
        yield [event for row in rows for event in _events(row)]


def _read(engine: Engine, query: TextClause, values: Mapping[str, object]) -> Sequence[AnyRow]:
    with snapshot(engine) as session:
        return session.execute(query, values).all()


def _events(row: AnyRow) -> Iterator[NewEvent]:
    """The set, and its score where anything of it is scored."""
    yield NewEvent("reading", row.taken_at, row.ward, row.patient, reading_view(row, row.patient))
    if row.points is not None:
        yield NewEvent("score", row.taken_at, row.ward, row.patient, score_view(row))
