"""What stands on a patient's chart, read in a few queries, however long the stay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from alert_rules.news2 import RED, Scale
from alert_rules.rulebook import Held
from alert_rules.severity import Severity
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.chart.paper import Limit, Mark, Paper, Point
from monitoring.clock import local_day
from monitoring.database import AnyRow
from monitoring.flow.tables import Entry, SpellEntry
from monitoring.patients.chart import sets
from monitoring.patients.plan import age_years, lines_of
from monitoring.patients.register import find
from monitoring.patients.tables import Patient, Plan
from monitoring.patients.views import score_view
from monitoring.refusals import NotFound
from monitoring.rules.holding import rulebook
from monitoring.wards.tables import Episode, Ward

SETS_MAX: Final = 5000
"""Drawn on one chart: a fortnight of a set every four minutes."""
ALERTS_MAX: Final = 200
CONTACTS_MAX: Final = 100
PLANS_MAX: Final = 100

GAP_MIN: Final = timedelta(hours=1)
GAP_INTERVALS: Final = 2
"""Sets further apart than this many times the plan's interval are not joined: what lay between is not known."""


class Span(StrEnum):
    """How much of a stay a chart shows, until now or the stay's end."""

    DAY = "24h"
    THREE_DAYS = "3d"
    STAY = "stay"


_LENGTHS: Final = {Span.DAY: timedelta(days=1), Span.THREE_DAYS: timedelta(days=3)}


@dataclass(frozen=True, slots=True)
class _Stay:
    patient: Patient
    episode: Episode
    ward: Ward
    since: datetime
    until: datetime


def paper(act: Act, patient_id: UUID, span: Span) -> Paper:
    """The chart of a patient's newest stay. Raises NotFound where there is none that the caller may see."""
    patient = find(act, patient_id)
    return paper_of(act, patient, *_newest(act, patient), span)


def paper_of(act: Act, patient: Patient, episode: Episode, ward: Ward, span: Span) -> Paper:
    """The chart of one stay, which the caller may see."""
    until = episode.discharged_at or act.now
    since = max(until - _LENGTHS[span], min(episode.admitted_at, until)) if span in _LENGTHS else episode.admitted_at
    stay = _Stay(patient, episode, ward, since, max(until, since + timedelta(hours=1)))
    points = _points(act, stay)
    plans = _plans(act, stay)
    scale, per_day = _held(plans)
    return Paper(
        who=_who(stay.patient),
        about=_about(stay, act.now),
        since=stay.since,
        until=stay.until,
        scale=scale,
        gap=max(GAP_MIN, GAP_INTERVALS * timedelta(days=1) / per_day) if per_day else timedelta(days=1),
        points=points[-SETS_MAX:],
        limits=_limits(stay, plans, rulebook(act.session).held[stay.ward.pathway]),
        marks=sorted([*_alerts(act, stay), *_contacts(act, stay)], key=lambda mark: mark.at),
        is_cut=len(points) > SETS_MAX,
    )


def _newest(act: Act, patient: Patient) -> tuple[Episode, Ward]:
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient.id)
        .order_by(col(Episode.admitted_at).desc(), col(Episode.id).desc())
        .limit(1)
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[1].code):
        raise NotFound("The patient has been on no ward.")
    return row[0], row[1]


def _who(patient: Patient) -> str:
    number = patient.nhs_number
    shown = f"NHS {number[:3]} {number[3:6]} {number[6:]}" if number else "no NHS number"
    return f"{patient.family_name.upper()}, {patient.given_name}, {shown}"


def _about(stay: _Stay, now: datetime) -> str:
    born = stay.patient.birth_date
    return (
        f"Born {born:%-d %b %Y} ({age_years(born, local_day(now))} years), {stay.patient.sex}. "
        f"{stay.ward.name} ({stay.ward.code}), admitted {local_day(stay.episode.admitted_at):%-d %b %Y}"
    )


def _points(act: Act, stay: _Stay) -> list[Point]:
    rows = sets(act.session, stay.patient.id, stay.since, stay.until, SETS_MAX + 1)
    return [_point(row) for row in reversed(rows) if row.quality != "test"]


def _point(row: AnyRow) -> Point:
    score = score_view(row)
    return Point(
        at=row.taken_at,
        respiratory_rate=row.respiratory_rate,
        spo2=row.spo2,
        on_oxygen=row.on_oxygen,
        oxygen_flow_hundredths=row.oxygen_flow_hundredths,
        systolic=row.systolic,
        diastolic=row.diastolic,
        pulse=row.pulse,
        consciousness=row.consciousness,
        temperature_tenths=row.temperature_tenths,
        score=score.score,
        complete=score.complete,
        single_red=RED in score.subscores.values(),
        is_doubtful=row.quality == "low",
    )


def _plans(act: Act, stay: _Stay) -> Sequence[Plan]:
    """The plans that held in the span, oldest first; of several from one instant the last decided."""
    query = (
        select(Plan)
        .where(col(Plan.episode_id) == stay.episode.id, col(Plan.from_at) <= stay.until)
        .order_by(col(Plan.from_at).desc(), col(Plan.id).desc())
        .limit(PLANS_MAX)
    )
    newest_first = {plan.from_at: plan for plan in reversed(act.session.execute(query).scalars().all())}
    return [newest_first[at] for at in sorted(newest_first)]


def _held(plans: Sequence[Plan]) -> tuple[Scale, int]:
    """Scale and readings a day of the newest plan."""
    if not plans:
        return 1, 0
    return (2 if plans[-1].spo2_scale == 2 else 1), plans[-1].readings_per_day


def _limits(stay: _Stay, plans: Sequence[Plan], held: Sequence[Held]) -> list[Limit]:
    """Each plan's own lines while it held, and the pathway's SpO2 lines, as they held, where it draws none."""
    found = []
    for number, plan in enumerate(plans):
        since = max(plan.from_at, stay.since)
        until = plans[number + 1].from_at if number + 1 < len(plans) else stay.until
        if until <= stay.since:
            continue
        own = {
            (vital, name): value
            for vital, drawn in lines_of(plan.limits).items()
            for name in drawn.__slots__
            if (value := getattr(drawn, name)) is not None
        }
        if plan.spo2_scale == 1:
            found += [one for one in _usual(held, since, until) if (one.vital, one.line) not in own]
        found += [
            Limit("temperature_tenths" if vital == "temperature" else vital, name, value, since, until)
            for (vital, name), value in own.items()
        ]
    return found


def _usual(held: Sequence[Held], since: datetime, until: datetime) -> Iterator[Limit]:
    """The SpO2 lines of each version of a pathway that held between two instants."""
    ends = [*(one.from_at for one in held[1:]), until]
    for one, end in zip(held, ends, strict=True):
        start, stop, spo2 = max(one.from_at, since), min(end, until), one.pathway.spo2
        if start < stop:
            yield Limit("spo2", "red_low", spo2.red_low, start, stop)
            yield Limit("spo2", "amber_low", spo2.amber_low, start, stop)


def _alerts(act: Act, stay: _Stay) -> list[Mark]:
    query = (
        select(Alert)
        .where(
            col(Alert.patient_id) == stay.patient.id,
            col(Alert.raised_at) >= stay.since,
            col(Alert.raised_at) <= stay.until,
        )
        .order_by(col(Alert.id).desc())
        .limit(ALERTS_MAX)
    )
    return [
        Mark(one.raised_at, _said(one), Severity(one.severity).label) for one in act.session.execute(query).scalars()
    ]


def _said(alert: Alert) -> str:
    """An alert in a line: how bad, what kind, why, and what became of it."""
    why = alert.reasons[0]["text"] if alert.reasons else ""
    severity = Severity(alert.severity).label.replace("_plus", "+")
    ended = f", {alert.outcome.replace('_', ' ')}" if alert.outcome else ""
    return f"{severity} {alert.kind.replace('_', ' ')}: {why} ({alert.state}{ended})"[:150]


def _contacts(act: Act, stay: _Stay) -> list[Mark]:
    query = (
        select(SpellEntry)
        .where(
            col(SpellEntry.episode_id) == stay.episode.id,
            col(SpellEntry.kind) == Entry.CONTACT,
            col(SpellEntry.at) >= stay.since,
            col(SpellEntry.at) <= stay.until,
        )
        .order_by(col(SpellEntry.at).desc())
        .limit(CONTACTS_MAX)
    )
    return [Mark(one.at, _told(one.data)) for one in act.session.execute(query).scalars()]


def _told(contact: dict[str, Any]) -> str:
    note = f": {contact['note']}" if contact.get("note") else ""
    return f"{contact['mode']}, {str(contact['outcome']).replace('_', ' ')}{note}"[:150]
