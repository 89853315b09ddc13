"""What a spell is made of, as its GET shows it: ward stays, leave, delays, letters."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.flow.tables import Delay, Letter, LetterKind
from monitoring.intake.tables import Reading
from monitoring.wards.leaves import decide_by
from monitoring.wards.tables import Episode, Leave, LeaveKind, Ward, WardStay

SHOWN_MAX: Final = 100
"""Of each kind, the newest: a spell of weeks has a few."""


class StayView(msgspec.Struct, kw_only=True):
    """A time in a bed of one ward."""

    ward: str
    from_: datetime = msgspec.field(name="from")
    until: datetime | None


class LeaveView(msgspec.Struct, kw_only=True):
    """A time away with the bed kept."""

    kind: LeaveKind
    from_: datetime = msgspec.field(name="from")
    until: datetime | None
    note: str | None
    decide_by: datetime | None  # return, transfer or discharge: in a hospital only
    decision_due: bool


class DelayView(msgspec.Struct, kw_only=True):
    """Why a patient who is ready has not left."""

    id: UUID
    reason: str
    owner: str
    from_: datetime = msgspec.field(name="from")
    due_at: datetime
    ended_at: datetime | None
    overdue: bool


class LetterView(msgspec.Struct, kw_only=True):
    """What the GP has to be told."""

    kind: LetterKind
    due_at: datetime
    sent_at: datetime | None
    how: str | None
    overdue: bool


def ward_stays(act: Act, stay: Episode) -> list[StayView]:
    """The wards of a spell, oldest first."""
    query = (
        select(col(Ward.code), col(WardStay.from_at), col(WardStay.until_at))
        .join(Ward, col(Ward.id) == col(WardStay.ward_id))
        .where(col(WardStay.episode_id) == stay.id)
        .order_by(col(WardStay.from_at).desc(), col(WardStay.id).desc())
        .limit(SHOWN_MAX)
    )
    rows = act.session.execute(query).all()[::-1]
    return [StayView(ward=ward, from_=from_at, until=until) for ward, from_at, until in rows]


def leaves(act: Act, stay: Episode) -> list[LeaveView]:
    """The times away, oldest first."""
    query = select(Leave).where(col(Leave.episode_id) == stay.id).order_by(col(Leave.id).desc()).limit(SHOWN_MAX)
    return [leave_view(one, act.now) for one in act.session.execute(query).scalars().all()[::-1]]


def leave_view(leave: Leave, now: datetime) -> LeaveView:
    """A leave as the outside sees it."""
    until_decided = decide_by(leave)
    return LeaveView(
        kind=leave.kind,
        from_=leave.from_at,
        until=leave.until_at,
        note=leave.note,
        decide_by=until_decided,
        decision_due=until_decided is not None and now >= until_decided,
    )


def delays(act: Act, stay: Episode) -> list[DelayView]:
    """The delays, oldest first."""
    query = select(Delay).where(col(Delay.episode_id) == stay.id).order_by(col(Delay.id).desc()).limit(SHOWN_MAX)
    return [
        DelayView(
            id=one.public_id,
            reason=one.reason,
            owner=one.owner,
            from_=one.from_at,
            due_at=one.due_at,
            ended_at=one.ended_at,
            overdue=one.ended_at is None and act.now > one.due_at,
        )
        for one in act.session.execute(query).scalars().all()[::-1]
    ]


def letters(act: Act, stay: Episode) -> list[LetterView]:
    """The letters to the GP, oldest first: one of a kind."""
    query = select(Letter).where(col(Letter.episode_id) == stay.id).order_by(col(Letter.id))
    return [
        LetterView(
            kind=one.kind,
            due_at=one.due_at,
            sent_at=one.sent_at,
            how=one.how,
            overdue=one.sent_at is None and act.now > one.due_at,
        )
        for one in act.session.execute(query).scalars()
    ]


def has_full_set_since(act: Act, stay: Episode, since: datetime) -> bool:
    """Whether a set with all seven parameters was taken since."""
    query = (
        select(col(Reading.set))
        .where(col(Reading.episode_id) == stay.id, col(Reading.taken_at) >= since)
        .where(col(Reading.score) == col(Reading.score_max), col(Reading.oxygen_assumed).is_(False))
        .limit(1)
    )
    return act.session.execute(query).first() is not None
