"""What a message did, and where the patient it is about stands."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from devices.formats.hl7v2.adt import Adt
from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.flow.spells import Spell
from monitoring.flow.states import LIVE
from monitoring.flow.tables import Referral
from monitoring.patients.tables import Patient
from monitoring.wards.tables import Episode, Ward

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""A hospital's clock may be so far ahead of ours. Source: clinical policy, *Spells, clocks and counts*."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, in words and for the message that may cancel it; nothing done where `did` is empty."""

    text: str
    did: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a message that was taken."""

    text: str
    patient: Patient | None = None
    did: dict[str, Any] = field(default_factory=dict)
    placed: bool = False  # it is the newest that tells where they are
    corrected: bool = False


def noted(why: str) -> Step:
    """Nothing was done."""
    return Step(f"noted, and not used: {why}")


def at_of(act: Act, said: Adt) -> datetime:
    """When it happened: not later than now, by a clock that is a little ahead."""
    return act.now if act.now < said.occurred_at <= act.now + CLOCK_TOLERANCE else said.occurred_at


def ward_of(act: Act, code: str | None) -> Ward | None:
    """The ward of ours that a message names as the point of care, closed or not."""
    found: Ward | None = act.session.execute(select(Ward).where(col(Ward.code) == code)).scalar_one_or_none()
    return found


def spell_of(act: Act, patient: Patient) -> Spell | None:
    """The spell that the patient is in."""
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient.id, col(Episode.discharged_at).is_(None))
    )
    row = act.session.execute(query).one_or_none()
    return None if row is None else Spell(row[0], patient, row[1])


def live_referrals(act: Act, patient: Patient) -> list[tuple[Referral, Ward]]:
    """What still asks a ward to take the patient."""
    query = (
        select(Referral, Ward)
        .join(Ward, col(Ward.id) == col(Referral.ward_id))
        .where(col(Referral.patient_id) == patient.id, col(Referral.state).in_(LIVE))
        .order_by(col(Ward.code))
    )
    return [(row[0], row[1]) for row in act.session.execute(query)]


def by_whom(act: Act, said: Adt) -> str:
    """Who decided, as far as the message says."""
    return (said.visit.clinician or said.visit.hospital or act.who.name)[:400]


def day_of(moment: datetime) -> date:
    """The day in London."""
    return moment.astimezone(WARD_TIME).date()
