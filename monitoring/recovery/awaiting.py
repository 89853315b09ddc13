"""Who awaits a package of care: now, at any instant, and day by day.

Awaited is what was asked for and has not begun: a service line; and, by a service that has to bring first care in time,
everybody from the hospital's referral to the first care. Somebody counts once on a ward, however much they await.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, DateTime, bindparam

from alert_rules.pathway import pathways  # which clocks a pathway has never changes: `rules.deciding`
from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.database import AnyRow
from monitoring.paging import Page, before
from monitoring.recovery.asked_query import ASKED_AND_NOT_OVER, bound, of_services
from monitoring.recovery.care import care_pathways, refuse_no_care
from monitoring.recovery.clocks import Service, hours
from monitoring.refusals import unacceptable
from monitoring.reports.periods import Span
from monitoring.wards.beds import ward_in_path

COUNTED_AT_HOUR: Final = 8
"""Every day at 08:00 in London, as the SitRep counts. The design's own."""

DAYS_MAX: Final = 366


class AwaitedView(msgspec.Struct, kw_only=True):
    """A line that has not begun."""

    service: Service
    hours_per_week: float
    provider: str | None
    requested_at: datetime


class AwaitingView(msgspec.Struct, kw_only=True):
    """Somebody who awaits care, and since when. Without an episode they are referred, and not on the ward yet."""

    place: int
    patient: UUID
    given_name: str
    family_name: str
    birth_date: date
    nhs_number: str | None
    referral: UUID | None
    episode: UUID | None
    since: datetime
    waited_h: float
    first_care: bool  # that a clock runs for
    services: list[AwaitedView]
    hours_per_week: float


class AwaitingRow(msgspec.Struct, kw_only=True):
    """How many await care on a ward on a day."""

    day: date
    at: datetime
    ward: str
    patients: int
    first_care: int  # of those, who await the first care
    hours_per_week: float  # that lines which have not begun will take
    longest_h: float | None


class AwaitingReport(msgspec.Struct, kw_only=True):
    """The daily count, by ward."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    method: str
    rows: list[AwaitingRow]


METHOD: Final = (
    "At 08:00 in London of each day of the period. Who awaits care: from the hospital's referral (or, where nobody "
    "recorded one, from coming to the service) to the first care; and from the request of a service to its beginning. "
    "A referral that was not taken, and a patient who left, await nothing. As it is known now."
)


def awaiting(act: Act, code: str, at: datetime | None, limit: int, cursor: str | None) -> Page[AwaitingView]:
    """Who awaits care of a ward at an instant, the longest first. Raises Forbidden, NotFound, Conflict."""
    ward = ward_in_path(act, code)
    refuse_no_care(ward)
    when = at or act.now
    asked = _asked(act, when) | {"ward": ward.id, "at": when, "place": 0 if cursor is None else before(cursor)}
    rows = act.session.execute(_LIST, asked | {"limit": limit + 1}).all()
    last = str(rows[limit - 1].place) if len(rows) > limit else None
    return Page([_view(row, when) for row in rows[:limit]], last)


def awaiting_daily(act: Act, span: Span) -> AwaitingReport:
    """The daily count of the caller's services. Raises Unacceptable for a period that is too long."""
    until_at = max(span.from_at, min(span.until_at, act.now))
    moments = _moments(span.from_at, until_at)
    asked = _asked(act, moments[0]) | {"moments": moments} if moments else {}
    rows = act.session.execute(_DAILY, asked) if moments else ()
    return AwaitingReport(from_=span.from_at, to=until_at, method=METHOD, rows=[_row(row) for row in rows])


def _moments(from_at: datetime, until_at: datetime) -> list[datetime]:
    """08:00 of each day that lies in the span."""
    first, last = (moment.astimezone(WARD_TIME).date() for moment in (from_at, until_at))
    if (last - first).days > DAYS_MAX:
        raise unacceptable("from", f"is more than {DAYS_MAX} days before to")
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    counted = (datetime(day.year, day.month, day.day, COUNTED_AT_HOUR, tzinfo=WARD_TIME) for day in days)
    return [moment for moment in counted if from_at <= moment < until_at]


def _asked(act: Act, since: datetime) -> dict[str, Any]:
    by_first_care = [name for name, one in pathways().items() if one.first_care_within_h is not None]
    of = of_services(act, by_first_care)  # whoever was asked first: the patient may be on the caller's ward by now
    return of | {"wards": None, "mine": of["wards"], "services": list(care_pathways()), "since": since}


def _view(row: AnyRow, at: datetime) -> AwaitingView:
    return AwaitingView(
        place=row.place,
        patient=row.patient,
        given_name=row.given_name,
        family_name=row.family_name,
        birth_date=row.birth_date,
        nhs_number=row.nhs_number,
        referral=row.referral,
        episode=row.episode,
        since=row.since,
        waited_h=round(hours(row.since, at), 2),
        first_care=row.first_care,
        services=[msgspec.convert(one, AwaitedView, strict=False) for one in row.services or ()],
        hours_per_week=row.hours,
    )


def _row(row: AnyRow) -> AwaitingRow:
    return AwaitingRow(
        day=row.at.astimezone(WARD_TIME).date(),
        at=row.at,
        ward=row.code,
        patients=row.patients,
        first_care=row.first_care,
        hours_per_week=row.hours,
        longest_h=None if row.since is None else round(hours(row.since, row.at), 2),
    )


_WAITS: Final = f"""{ASKED_AND_NOT_OVER}, waits AS MATERIALIZED (
    SELECT asked.at_ward_id AS ward_id, asked.patient_id, asked.referral_id, asked.episode_id, asked.came_at AS since,
           least(recovery.first_care_at, asked.ended_at) AS until, NULL::bigint AS line_id, NULL::float8 AS hours
    FROM asked LEFT JOIN recovery ON recovery.episode_id = asked.episode_id
    UNION ALL
    SELECT line.ward_id, line.patient_id, NULL, line.episode_id, line.requested_at,
           line.ended_at, line.id, line.hours_per_week
    FROM service_line line WHERE line.begun_at IS NULL AND (line.ended_at IS NULL OR line.ended_at > :since)
    UNION ALL
    SELECT line.ward_id, line.patient_id, NULL, line.episode_id, line.requested_at,
           line.begun_at, line.id, line.hours_per_week
    FROM service_line line WHERE line.begun_at > :since
)"""  # noqa: S608 - put together from the constants above

_LIST: Final = bound(
    f"""
WITH {_WAITS}, listed AS (
    SELECT waits.patient_id, min(waits.since) AS since, max(waits.referral_id) AS referral_id,
           max(waits.episode_id) AS episode_id, bool_or(waits.line_id IS NULL) AS first_care,
           coalesce(sum(waits.hours), 0)::float8 AS hours,
           jsonb_agg(jsonb_build_object('service', line.service, 'hours_per_week', line.hours_per_week,
                                        'provider', line.provider, 'requested_at', line.requested_at)
                     ORDER BY line.requested_at, line.id) FILTER (WHERE line.id IS NOT NULL) AS services,
           row_number() OVER (ORDER BY min(waits.since), waits.patient_id) AS place
    FROM waits LEFT JOIN service_line line ON line.id = waits.line_id
    WHERE waits.ward_id = :ward AND waits.since <= :at AND (waits.until IS NULL OR waits.until > :at)
    GROUP BY waits.patient_id
)
SELECT listed.*, patient.public_id AS patient, patient.given_name, patient.family_name, patient.birth_date,
       patient.nhs_number, referral.public_id AS referral, episode.public_id AS episode
FROM listed JOIN patient ON patient.id = listed.patient_id
LEFT JOIN episode ON episode.id = listed.episode_id
LEFT JOIN referral ON referral.id = coalesce(listed.referral_id, episode.referral_id)
WHERE listed.place > :place ORDER BY listed.place LIMIT :limit
"""  # noqa: S608 - put together from the constants above
)

_DAILY: Final = bound(
    f"""
WITH {_WAITS}
SELECT moment.at, ward.code, count(DISTINCT waits.patient_id) AS patients, min(waits.since) AS since,
       count(DISTINCT waits.patient_id) FILTER (WHERE waits.line_id IS NULL) AS first_care,
       coalesce(sum(waits.hours), 0)::float8 AS hours
FROM unnest(:moments) AS moment (at)
JOIN ward ON ward.pathway = ANY(:services) AND (:mine IS NULL OR ward.code = ANY(:mine))
LEFT JOIN waits ON waits.ward_id = ward.id AND waits.since <= moment.at
    AND (waits.until IS NULL OR waits.until > moment.at)
GROUP BY moment.at, ward.id
HAVING count(waits.patient_id) > 0 -- or the ward was open then
    OR (ward.created_at <= moment.at AND (ward.closed_at IS NULL OR ward.closed_at > moment.at))
ORDER BY moment.at, ward.code
""",  # noqa: S608 - put together from the constants above
    "services",
    "mine",
).bindparams(bindparam("moments", type_=ARRAY(DateTime(timezone=True))))
