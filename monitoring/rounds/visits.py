"""The visits of a day, by postcode district: who was seen at home, and where."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.paging import Page
from monitoring.rounds.cursors import cursor_at, place_of
from monitoring.rounds.days import begins_at, day_named, ends_at, today
from monitoring.rounds.people import PERSON, PersonView, person


class VisitView(PersonView, kw_only=True):
    """A visit to a patient's home."""

    id: UUID
    ward: str
    district: str | None  # of the patient's postcode
    at: datetime
    planned: bool
    outcome: str
    by: UUID
    by_name: str


# A page begins after a visit that is named by its key, since districts are texts. Where none is known comes first.
_VISITS: Final = text(
    f"""
    WITH visit AS (
        SELECT {PERSON}, entry.id AS key, entry.public_id AS id, ward.code AS ward, entry.at, entry.data,
               patient.postcode_district AS district, coalesce(patient.postcode_district, '') AS place,
               staff.public_id AS by, staff.name AS by_name
        FROM spell_entry AS entry
        JOIN ward ON ward.id = entry.ward_id
        JOIN episode ON episode.id = entry.episode_id
        JOIN patient ON patient.id = episode.patient_id
        JOIN staff ON staff.id = entry.by
        WHERE entry.kind = 'contact' AND entry.data ->> 'mode' = 'visit'
          AND entry.at >= :since AND entry.at < :until
          AND entry.ward_id = ANY(ARRAY(SELECT id FROM ward WHERE :everywhere OR code = ANY(:wards)))
    )
    SELECT * FROM visit
    WHERE :after = 0 OR (place, at, key) > (SELECT place, at, key FROM visit WHERE key = :after)
    ORDER BY place, at, key LIMIT :limit
    """  # noqa: S608 - our own names
)


def visits(act: Act, day: str | None, ward: str | None, limit: int, cursor: str | None) -> Page[VisitView]:
    """A day's visits of a ward, or of all the caller's. Raises Forbidden, Unacceptable."""
    if ward is not None:
        see_ward(act.who, ward)
    of = day_named("date", day, act.now)
    wards = act.who.wards if ward is None else {ward}
    asked = {
        "since": begins_at(of),
        "until": ends_at(of),
        "everywhere": wards is None,
        "wards": sorted(wards or ()),
        "after": 0 if cursor is None else place_of(cursor, 1)[0],
        "limit": limit + 1,
    }
    rows = act.session.execute(_VISITS, asked).all()
    shown = [_view(row, act.now) for row in rows[:limit]]
    return Page(shown, cursor_at(rows[limit - 1].key) if len(rows) > limit else None)


def _view(row: AnyRow, now: datetime) -> VisitView:
    return VisitView(
        **person(row, today(now)),
        id=row.id,
        ward=row.ward,
        district=row.district,
        at=row.at,
        planned=row.data["planned"],
        outcome=row.data["outcome"],
        by=row.by,
        by_name=row.by_name,
    )
