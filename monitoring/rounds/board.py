"""The board: every patient on a ward, the most worrying and longest waiting first. One query, whatever their number.

The order is that of the worst open alert (an open one before one that somebody has), then of its clock, then of NEWS2,
then of the name. It goes by what is stored now: a patient who gets worse between two pages may be on neither, so that
who shows the whole board asks for it in one page.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import text

from alert_rules.severity import Severity
from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.alerts.tables import OPEN
from monitoring.alerts.views import AlertView
from monitoring.database import AnyRow
from monitoring.flow.contacts import NOT_SPOKEN
from monitoring.paging import Page
from monitoring.patients.views import score_view
from monitoring.refusals import NotFound
from monitoring.rounds.board_views import BeforeView, BoardView, WellnessView, kit
from monitoring.rounds.cursors import BEGINNING, NEVER, as_instant, as_number, cursor_at, place_of
from monitoring.rounds.days import today
from monitoring.rounds.people import PERSON, person
from monitoring.rounds.round_lists import IN_FORCE, SPOKEN_TO
from monitoring.rounds.trend import changed, trend
from monitoring.sepsis.views import sepsis_view
from monitoring.wards.length import length

# The newest two sets that were scored: a look at the end of an index, never a search. `placed` is the ward in its
# order; all else is found for the page alone.
_BOARD: Final = text(
    f"""
    WITH placed AS (
        SELECT {PERSON}, episode.id AS episode_id, episode.patient_id, episode.referral_id, episode.step,
               episode.admitted_at, episode.expected_discharge_on, episode.extension_reason,
               episode.discharge_ready_at, plan.monitoring, known.due_at AS readings_due_at, known.missed,
               known.heard_at, known.also -> 'wellness' AS wellness,
               to_jsonb(alert) - CAST('{{why,basis}}' AS text[]) AS alert, alert.open_alerts, newest.*,
               2 * coalesce(alert.severity, 0) + CAST(coalesce(alert.state = 'open', false) AS int) AS urgency,
               coalesce(alert.due_at, :never) AS clock,
               coalesce(100 * newest.now_score + newest.now_score_max + 1, 0) AS news2_rank,
               lower(patient.family_name || ', ' || patient.given_name) AS name
        FROM ward
        JOIN episode ON episode.ward_id = ward.id AND episode.discharged_at IS NULL
        JOIN patient ON patient.id = episode.patient_id
        JOIN latest_vitals AS known ON known.episode_id = episode.id
        {IN_FORCE}
        LEFT JOIN LATERAL (
            SELECT one.*, count(*) OVER () AS open_alerts FROM alert AS one
            WHERE one.patient_id = episode.patient_id AND one.{OPEN}
            ORDER BY one.severity DESC, one.state = 'open' DESC, one.due_at NULLS LAST, one.id LIMIT 1
        ) AS alert ON true
        LEFT JOIN LATERAL (
            SELECT two.*, lead(taken_at) OVER latest AS before_at, lead(now_points) OVER latest AS before_points,
                   lead(now_score) OVER latest AS before_score, lead(now_score_max) OVER latest AS before_score_max
            FROM (
                SELECT reading.taken_at, reading.set, reading.points, reading.score, reading.score_max, reading.scale,
                       reading.oxygen_assumed, reading.uses, reading.not_scored, to_jsonb(again) AS again,
                       CASE WHEN again.set IS NULL THEN reading.points ELSE again.points END AS now_points,
                       CASE WHEN again.set IS NULL THEN reading.score ELSE again.score END AS now_score,
                       CASE WHEN again.set IS NULL THEN reading.score_max ELSE again.score_max END AS now_score_max
                FROM reading
                LEFT JOIN LATERAL (
                    SELECT * FROM rescored
                    WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
                      AND rescored.set = reading.set
                    ORDER BY revision DESC LIMIT 1
                ) AS again ON true
                WHERE reading.episode_id = episode.id AND plan.monitoring = 'full'
                  AND reading.taken_at BETWEEN episode.admitted_at AND known.newest_at
                  AND CASE WHEN again.set IS NULL THEN reading.points ELSE again.points END IS NOT NULL
                ORDER BY reading.taken_at DESC, reading.set DESC LIMIT 2
            ) AS two
            WINDOW latest AS (ORDER BY taken_at DESC, set DESC)
            ORDER BY taken_at DESC, set DESC LIMIT 1
        ) AS newest ON true
        WHERE ward.code = :ward
    )
    SELECT ward.max_stay_days, ward.code AS ward, page.*, away.kind AS on_leave, away.from_at AS on_leave_since,
           referral.condition, referral.frailty, staff.public_id AS acknowledged_by, worn.devices, done.*
    FROM ward
    LEFT JOIN (
        SELECT *, row_number() OVER (ORDER BY -urgency, clock, -news2_rank, name, episode_id) AS place FROM placed
        WHERE (-urgency, clock, -news2_rank, name, episode_id) > (
            -CAST(:urgency AS int), :clock, -CAST(:news2_rank AS int),
            (SELECT lower(family_name || ', ' || given_name) FROM patient
             WHERE id = (SELECT patient_id FROM episode WHERE episode.id = :after)),
            :after)
        ORDER BY place LIMIT :limit
    ) AS page ON true
    LEFT JOIN leave AS away ON away.episode_id = page.episode_id AND away.until_at IS NULL
    LEFT JOIN referral ON referral.id = page.referral_id
    LEFT JOIN staff ON staff.id = CAST(page.alert ->> 'acknowledged_by' AS bigint)
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
                   'id', device.public_id, 'kind', device.kind, 'last_seen_at', seen.last_seen_at,
                   'battery', seen.battery_percent) ORDER BY assignment.id) AS devices
        FROM assignment
        JOIN device ON device.id = assignment.device_id
        LEFT JOIN device_seen AS seen ON seen.device_id = device.id
        WHERE assignment.patient_id = page.patient_id AND assignment.during @> CAST(:now AS timestamptz)
    ) AS worn ON true
    LEFT JOIN LATERAL (
        SELECT max(at) FILTER (WHERE kind = 'review') AS reviewed_at,
               max(at) FILTER (WHERE kind = 'review' AND senior) AS senior_reviewed_at,
               max(at) FILTER (WHERE kind = 'contact' AND {SPOKEN_TO}) AS spoken_to_at
        FROM spell_entry WHERE spell_entry.episode_id = page.episode_id AND kind IN ('review', 'contact')
    ) AS done ON true
    WHERE ward.code = :ward
    ORDER BY page.place
    """  # noqa: S608 - our own names
)

_FIRST: Final = (99, as_number(BEGINNING), 0, 0)
"""A place before everybody's: no alert is so grave."""

DAY: Final = timedelta(days=1)


def board(act: Act, code: str, limit: int, cursor: str | None) -> Page[BoardView]:
    """A page of the ward's patients, the most worrying first. Raises Forbidden, NotFound, Unacceptable."""
    see_ward(act.who, code)
    urgency, clock, news2_rank, after = _FIRST if cursor is None else place_of(cursor, len(_FIRST))
    asked = {
        "ward": code,
        "now": act.now,
        "never": NEVER,
        "not_spoken": sorted(NOT_SPOKEN),
        "urgency": min(urgency, _FIRST[0]),
        "clock": as_instant(clock),
        "news2_rank": min(news2_rank, 10_000),
        "after": after,
        "limit": limit + 1,
    }
    rows = act.session.execute(_BOARD, asked).all()
    if not rows:
        raise NotFound(f"There is no ward {code}.")
    found = [row for row in rows if row.episode is not None]  # a ward without patients is a row of its own
    return Page([_view(row, act.now) for row in found[:limit]], _next(found, limit))


def _next(rows: list[AnyRow], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursor_at(last.urgency, as_number(last.clock), last.news2_rank, last.episode_id)


def _view(row: AnyRow, now: datetime) -> BoardView:
    devices, device_state = kit(row.devices, now)
    return BoardView(
        **person(row, today(now)),
        step=row.step,
        condition=row.condition,
        frailty=row.frailty,
        monitoring=row.monitoring,
        on_leave=row.on_leave,
        on_leave_since=row.on_leave_since,
        admitted_at=row.admitted_at,
        day_of_stay=(now - row.admitted_at) // DAY + 1,
        length_of_stay=length(
            row.admitted_at,
            None,
            now,
            row.max_stay_days,
            extension_reason=row.extension_reason,
            expected_on=row.expected_discharge_on,
        ),
        expected_discharge=row.expected_discharge_on,
        discharge_ready_at=row.discharge_ready_at,
        news2=None if row.set is None else score_view(row),
        trend=trend(row.now_points, row.before_points),
        changed=changed(row.now_points, row.before_points),
        before=_before(row),
        alert=_alert(row),
        open_alerts=row.open_alerts or 0,
        due_at=row.readings_due_at,
        missed=row.missed,
        overdue=row.missed > 0,
        heard_at=row.heard_at,
        wellness=WellnessView.of(row.wellness),
        device_state=device_state,
        devices=devices,
        reviewed_at=row.reviewed_at,
        senior_reviewed_at=row.senior_reviewed_at,
        spoken_to_at=row.spoken_to_at,
    )


def _before(row: AnyRow) -> BeforeView | None:
    if row.before_at is None:
        return None
    return BeforeView(at=row.before_at, score=row.before_score, score_max=row.before_score_max)


def _alert(row: AnyRow) -> AlertView | None:
    """The worst open alert as it is everywhere else, so that a screen can put a live one in its place."""
    if row.alert is None:
        return None
    named = {
        "id": row.alert["public_id"],
        "patient": row.patient,
        "ward": row.ward,
        "severity": Severity(row.alert["severity"]).label,
        "acknowledged_by": row.acknowledged_by,
        "sepsis": sepsis_view(row.alert["sepsis"]),
    }
    return msgspec.convert(row.alert | named, AlertView)
