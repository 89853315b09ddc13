"""The recovery of a spell as the outside sees it: its instants, its clocks, its care."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.recovery.care import Care, find_care
from monitoring.recovery.clocks import Clock, Instant, Outcome, Service, Verdict, outcome_known, re_access_until
from monitoring.recovery.tables import ServiceLine
from monitoring.rules.holding import pathway_at

LINES_MAX: Final = 100
"""The newest of a spell: it has a few."""


class ClockView(msgspec.Struct, kw_only=True):
    """A clock of the service."""

    limit_h: int
    due_at: datetime | None  # None: nobody recorded its beginning
    verdict: Verdict


class LineView(msgspec.Struct, kw_only=True):
    """A kind of care that is asked for, given, or over."""

    id: UUID
    service: Service
    hours_per_week: float
    provider: str | None
    requested_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    re_access: bool


class RecoveryView(msgspec.Struct, kw_only=True):
    """The recovery, or discharge to assess, of a spell."""

    episode: UUID
    patient: UUID
    ward: str  # the service
    referred_at: datetime | None
    home_at: datetime | None
    first_care_at: datetime | None
    assessed_at: datetime | None
    first_care: ClockView | None  # None: the pathway has no such clock
    assessment: ClockView | None
    services: list[LineView]  # oldest first
    outcome: Outcome | None
    re_access_until: date | None  # therapy without a new referral; None: still there


def recovery(act: Act, episode_id: UUID) -> RecoveryView:
    """One spell's. Raises NotFound; Conflict where it was on no such service."""
    return view(act, find_care(act, episode_id))


def view(act: Act, care: Care) -> RecoveryView:
    """As it now is."""
    spell, known = care.spell, care.known
    pathway = pathway_at(act.session, care.ward.pathway, act.now)

    def clock(limit_h: int | None, since: Instant, done: Instant) -> ClockView | None:
        if limit_h is None:
            return None
        of, began_at = Clock(timedelta(hours=limit_h)), known.get(since)
        verdict = of.verdict(began_at, known.get(done), care.until_at, act.now)
        return ClockView(limit_h=limit_h, due_at=None if began_at is None else of.due_at(began_at), verdict=verdict)

    return RecoveryView(
        episode=spell.episode.public_id,
        patient=spell.patient.public_id,
        ward=care.ward.code,
        referred_at=known.get(Instant.REFERRED),
        home_at=known.get(Instant.HOME),
        first_care_at=known.get(Instant.FIRST_CARE),
        assessed_at=known.get(Instant.ASSESSED),
        first_care=clock(pathway.first_care_within_h, Instant.REFERRED, Instant.FIRST_CARE),
        assessment=clock(pathway.assessed_within_h, Instant.HOME, Instant.ASSESSED),
        services=_lines(act, spell.episode.id),
        outcome=Outcome(care.recorded.outcome) if care.recorded.outcome else outcome_known(spell.episode.outcome),
        re_access_until=None if care.until_at is None else re_access_until(care.until_at),
    )


def line_view(line: ServiceLine) -> LineView:
    """A line as the outside sees it."""
    fields = {name: getattr(line, name) for name in LineView.__struct_fields__ if name != "id"}
    return LineView(id=line.public_id, **fields | {"service": Service(line.service)})


def _lines(act: Act, episode_id: int) -> list[LineView]:
    query = (
        select(ServiceLine)
        .where(col(ServiceLine.episode_id) == episode_id)
        .order_by(col(ServiceLine.id).desc())
        .limit(LINES_MAX)
    )
    return [line_view(one) for one in act.session.execute(query).scalars().all()[::-1]]
