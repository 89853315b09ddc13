"""A patient's chart: what was measured, as it was posted, and what each set scores now."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.moments import instant
from monitoring.paging import Page
from monitoring.patients.register import find
from monitoring.patients.views import ReadingView, ScoreView, reading_view, score_view
from monitoring.refusals import unacceptable

_AGAIN: Final = """
(SELECT to_jsonb(rescored) FROM rescored
 WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
   AND rescored.set = reading.set
 ORDER BY revision DESC LIMIT 1) AS again
"""

# The lower bound by the stay lets PostgreSQL look into that stay's months only.
_READINGS: Final = text(
    f"""
    SELECT reading.*, device.public_id AS device, {_AGAIN}
    FROM episode
    CROSS JOIN LATERAL (
        SELECT * FROM reading
        WHERE reading.episode_id = episode.id
          AND reading.taken_at >= greatest(episode.admitted_at, :since) AND reading.taken_at <= :until
          AND (reading.taken_at, reading.set) < (:before_at, :before_set)
        ORDER BY reading.taken_at DESC, reading.set DESC LIMIT :limit
    ) AS reading
    LEFT JOIN device ON device.id = reading.source
    WHERE episode.patient_id = :patient
    ORDER BY reading.taken_at DESC, reading.set DESC LIMIT :limit
    """  # noqa: S608 - made of our own text
)

_SCORES: Final = text(
    f"""
    SELECT reading.*, {_AGAIN}
    FROM episode
    CROSS JOIN LATERAL (
        SELECT * FROM reading
        WHERE reading.episode_id = episode.id
          AND reading.taken_at >= episode.admitted_at AND reading.taken_at <= :before_at
          AND (reading.taken_at, reading.set) < (:before_at, :before_set)
          AND (reading.points IS NOT NULL OR reading.not_scored NOT IN ('test', 'declined', 'no_scored_vital'))
        ORDER BY reading.taken_at DESC, reading.set DESC LIMIT :limit
    ) AS reading
    WHERE episode.patient_id = :patient
    ORDER BY reading.taken_at DESC, reading.set DESC LIMIT :limit
    """  # noqa: S608 - made of our own text
)

FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)
LAST_SET: Final = UUID(int=(1 << 128) - 1)


def readings(
    act: Act, patient_id: UUID, since: str | None, until: str | None, limit: int, cursor: str | None
) -> Page[ReadingView]:
    """Sets as posted, newest first. Raises NotFound, Unacceptable."""
    patient = find(act, patient_id)
    rows = sets(
        act.session, patient.id, instant("from", since) or FIRST, instant("to", until) or LAST, limit + 1, cursor
    )
    return Page([reading_view(row, patient.public_id) for row in rows[:limit]], _next(rows, limit))


def sets(
    session: Session, patient: int, since: datetime, until: datetime, limit: int, cursor: str | None = None
) -> Sequence[AnyRow]:
    """Rows of `reading`, newest first, each with its device's id and, in `again`, its score where it was made anew."""
    at, of = _before(cursor)
    asked = {
        "patient": patient, "before_at": at, "before_set": of, "since": since, "until": min(at, until), "limit": limit,
    }  # fmt: skip
    return session.execute(_READINGS, asked).all()


def scores(act: Act, patient_id: UUID, limit: int, cursor: str | None) -> Page[ScoreView]:
    """The current score of each set once, newest first. Raises NotFound, Unacceptable."""
    patient = find(act, patient_id)
    at, of = _before(cursor)
    asked = {"patient": patient.id, "before_at": at, "before_set": of, "limit": limit + 1}
    rows = act.session.execute(_SCORES, asked).all()
    return Page([score_view(row) for row in rows[:limit]], _next(rows, limit))


_CURSOR: Final = re.compile(r"([0-9]{1,17})_([0-9a-f]{32})")


def _before(cursor: str | None) -> tuple[datetime, UUID]:
    if cursor is None:
        return LAST, LAST_SET
    if not (match := _CURSOR.fullmatch(cursor)):
        raise unacceptable("cursor", "is not one that a list returned")
    return FIRST + timedelta(microseconds=int(match[1])), UUID(hex=match[2])


def _next(rows: Sequence[AnyRow], limit: int) -> str | None:
    return None if len(rows) <= limit else cursor_after(rows[limit - 1])


def cursor_after(last: AnyRow) -> str:
    """The cursor of what is older than a set."""
    return f"{(last.taken_at - FIRST) // timedelta(microseconds=1)}_{last.set.hex}"
