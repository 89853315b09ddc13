"""Beds held for accepted referrals, and what moves a referral. Whoever comes here has locked the ward's row."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, update
from sqlmodel import Session, col

from monitoring.flow.states import Move, State, moved
from monitoring.flow.tables import Referral, ReferralHistory
from monitoring.wards.tables import BedHold


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a decision; nothing, where the clock took it."""

    by: int | None = None
    decided_by: str | None = None
    reason: str | None = None
    note: str | None = None


def hold_bed(session: Session, referral: Referral, held_until: datetime, now: datetime) -> None:
    """Keep one bed of the ward, which has one free, until then."""
    hold = BedHold(referral_id=referral.id, ward_id=referral.ward_id, from_at=now, held_until=held_until)
    session.add(hold)


def end_hold(session: Session, referral: Referral, at: datetime) -> None:
    """The bed is held no longer than `at`: told late, it was free, or its patient's own, from then on."""
    beyond = col(BedHold.ended_at).is_(None) | (col(BedHold.ended_at) > at)
    ended = (
        update(BedHold)
        .where(col(BedHold.referral_id) == referral.id, beyond)
        .values(ended_at=func.greatest(col(BedHold.from_at), at))
        .execution_options(synchronize_session=False)
    )
    session.execute(ended)


def expire(session: Session, referral: Referral, hold: BedHold, now: datetime) -> None:
    """The clock's own move: nobody came while the bed was held. It counted as free from that instant on."""
    hold.ended_at = hold.held_until
    session.add(hold)
    move(session, referral, Move.EXPIRE, Said(), at=hold.held_until, now=now)


def move(
    session: Session, referral: Referral, what: Move, said: Said, *, at: datetime, now: datetime
) -> ReferralHistory:
    """Move a referral. Returns the entry in its history. Raises NotNow."""
    was, referral.state = State(referral.state), moved(State(referral.state), what)
    referral.version += 1
    entry = ReferralHistory(
        referral_id=referral.id, at=at, what=what, from_state=was, to_state=referral.state, recorded_at=now,
        **asdict(said),
    )  # fmt: skip
    session.add_all([referral, entry])
    return entry
