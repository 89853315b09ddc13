"""A UCR referral with all that a FHIR message says of it, found for whoever asks."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.bars.tables import BarsMessage
from monitoring.database import AnySelect
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.views import no_such, seen_by
from monitoring.wards.tables import Ward


@dataclass(frozen=True, slots=True)
class Shown:
    """A referral and whom it is between."""

    referral: UcrReferral
    patient: Patient
    team: UcrTeam | None
    ward: Ward | None
    requester: str  # who asked, or the ladder


def newest(session: Session, chain: UUID) -> Shown:
    """The referral of a chain that counts now: after declines the last."""
    query = _shown().where(col(UcrReferral.chain) == chain).order_by(col(UcrReferral.id).desc()).limit(1)
    return Shown(*session.execute(query).one())


def asked_for(act: Act, request_id: UUID) -> Shown:
    """What became of a request: to staff of its ward or team, and to the interface that sent it. Raises NotFound."""
    named = aliased(UcrReferral)
    chain = select(col(named.chain)).where(col(named.public_id) == request_id).scalar_subquery()
    query = _shown().where(col(UcrReferral.chain) == chain).order_by(col(UcrReferral.id).desc()).limit(1)
    if act.who.role is None:
        sent = (col(BarsMessage.chain) == col(UcrReferral.chain)) & (col(BarsMessage.device_id) == act.who.id)
        query = query.where(exists().where(sent))
    else:
        query = query.where(*seen_by(act.who))
    row = act.session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no ServiceRequest {request_id}.")
    return Shown(*row)


def own(act: Act, referral_id: UUID) -> Shown:
    """One referral, for staff of its ward or team. Raises NotFound."""
    query = _shown().where(col(UcrReferral.public_id) == referral_id, *seen_by(act.who))
    row = act.session.execute(query).one_or_none()
    if row is None:
        raise no_such(referral_id)
    return Shown(*row)


def of(session: Session, referral_id: UUID) -> Shown | None:
    """One referral, for whom a message of it is written to."""
    row = session.execute(_shown().where(col(UcrReferral.public_id) == referral_id)).one_or_none()
    return None if row is None else Shown(*row)


def _shown() -> AnySelect:
    from_ladder = "the ward's ladder"
    return (
        select(UcrReferral, Patient, UcrTeam, Ward, func.coalesce(col(Staff.name), from_ladder))
        .join(Patient, col(Patient.id) == col(UcrReferral.patient_id))
        .outerjoin(UcrTeam, col(UcrTeam.id) == col(UcrReferral.team_id))
        .outerjoin(Ward, col(Ward.id) == col(UcrReferral.ward_id))
        .outerjoin(Staff, col(Staff.id) == col(UcrReferral.requested_by))
    )
