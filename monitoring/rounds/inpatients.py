"""Hospital inpatients suitable for a ward: proposed by whoever saw them there, then referred to it or declined."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.fields import Instant, Line, Reason, Text, WardCode
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.spells import when
from monitoring.flow.states import Priority
from monitoring.flow.tables import Referral, Source
from monitoring.paging import Page, before, page
from monitoring.patients.register import refuse_merged
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.rounds.days import today
from monitoring.rounds.tables import Inpatient, InpatientState
from monitoring.wards.admission import refuse_unsuitable
from monitoring.wards.beds import lock_ward, ward_in_path
from monitoring.wards.tables import Step, Ward


class InpatientFacts(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the patient is, why the ward could take them, and who found that."""

    hospital: Line
    reason: Reason
    seen_by: Line
    location: Line | None = None
    hospital_admitted_on: date | None = None
    hospital_until_on: date | None = None  # expected to stay there without the ward


class InpatientBody(InpatientFacts, kw_only=True):
    """A hospital inpatient who is proposed to a ward."""

    patient: UUID
    ward: WardCode


class ReferInpatientBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The ward is asked to take the patient; the rest of the referral is known."""

    priority: Priority = Priority.ROUTINE
    consent: bool | None = None
    condition: Line | None = None
    note: Text | None = None
    decided_by: Line | None = None
    at: Instant | None = None


class DeclineInpatientBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The ward is not for this patient, or not yet."""

    reason: Reason
    decided_by: Line | None = None
    at: Instant | None = None


class InpatientView(InpatientBody, kw_only=True):
    """A proposal as it stands."""

    id: UUID
    state: InpatientState
    proposed_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    referral: UUID | None


_FACTS: Final = InpatientFacts.__struct_fields__


def propose(act: Act, body: InpatientBody) -> InpatientView:
    """Somebody in hospital could come to a ward. Raises Forbidden, Unacceptable; Conflict where they are proposed."""
    ward = lock_ward(act, body.ward)
    patient: Patient | None = act.session.execute(
        select(Patient).where(col(Patient.public_id) == body.patient).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if patient is None:
        raise unacceptable("patient", f"there is no patient {body.patient}")
    refuse_merged(act, patient)
    refuse_unsuitable(ward, patient, today(act.now))
    _refuse_impossible_stay(act, body)
    open_one = _shown().where(
        col(Inpatient.patient_id) == patient.id,
        col(Inpatient.ward_id) == ward.id,
        col(Inpatient.state) == InpatientState.PROPOSED,
    )
    if (known := act.session.execute(open_one).one_or_none()) is not None:
        raise Conflict("The patient is proposed to this ward already.", current=_view(known))
    made = Inpatient(
        **{name: getattr(body, name) for name in _FACTS},
        patient_id=patient.id,
        ward_id=ward.id,
        state=InpatientState.PROPOSED,
        proposed_at=act.now,
        proposed_by=act.who.id,
    )
    act.session.add(made)
    return _done(act, made)


def correct(act: Act, inpatient_id: UUID, body: InpatientFacts) -> InpatientView:
    """What is known of an inpatient, replaced, until it is decided. Raises NotFound, Unacceptable, Conflict."""
    found, _ = _lock(act, inpatient_id)
    _refuse_impossible_stay(act, body)
    for name in _FACTS:
        setattr(found, name, getattr(body, name))
    return _done(act, found)


def refer_inpatient(act: Act, inpatient_id: UUID, body: ReferInpatientBody) -> InpatientView:
    """The ward is asked: a referral, to step down. Raises NotFound; Conflict where that is decided already."""
    found, shown = _lock(act, inpatient_id)
    referral = refer(
        act,
        ReferralBody(
            patient=shown.patient,
            ward=shown.ward,
            source=Source.WARD,
            step=Step.DOWN,
            priority=body.priority,
            referrer=found.seen_by,
            condition=body.condition,
            hospital=found.hospital,
            hospital_admitted_on=found.hospital_admitted_on,
            hospital_until_on=found.hospital_until_on,
            consent=body.consent,
            note=body.note or found.reason,
            at=body.at,
        ),
    )
    key = select(col(Referral.id)).where(col(Referral.public_id) == referral.id)
    found.referral_id = act.session.execute(key).scalar_one()
    found.state = InpatientState.REFERRED
    found.decided_at, found.decided_by = referral.received_at, body.decided_by or act.who.name
    return _done(act, found)


def decline_inpatient(act: Act, inpatient_id: UUID, body: DeclineInpatientBody) -> InpatientView:
    """The ward is not for them. Raises NotFound, Unacceptable; Conflict where it is decided already."""
    found, _ = _lock(act, inpatient_id)
    found.decided_at = when(act, body.at, found.proposed_at, "the proposal")
    found.state, found.decision_reason = InpatientState.DECLINED, body.reason
    found.decided_by = body.decided_by or act.who.name
    return _done(act, found)


def inpatient(act: Act, inpatient_id: UUID) -> InpatientView:
    """One proposal. Raises NotFound."""
    row = act.session.execute(_shown().where(col(Inpatient.public_id) == inpatient_id)).one_or_none()
    if row is None or not act.who.may_see(row.ward):
        raise NotFound(f"There is no inpatient {inpatient_id}.")
    return _view(row)


def suitable(act: Act, code: str, state: InpatientState, limit: int, cursor: str | None) -> Page[InpatientView]:
    """Who in hospital is proposed to a ward, or was, newest first. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    query = _shown().where(
        col(Inpatient.ward_id) == ward.id, col(Inpatient.state) == state, col(Inpatient.id) < before(cursor)
    )
    newest_first = query.order_by(col(Inpatient.id).desc())
    return page(act.session, newest_first, limit, key=lambda row: row[0].id, show=_view)


def _lock(act: Act, inpatient_id: UUID) -> tuple[Inpatient, InpatientView]:
    """A proposal that is not decided yet; its ward's row is locked first. Raises NotFound, Conflict."""
    ward_in_path(act, inpatient(act, inpatient_id).ward, lock=True)
    as_it_now_is = _shown().where(col(Inpatient.public_id) == inpatient_id).execution_options(populate_existing=True)
    row = act.session.execute(as_it_now_is).one()
    if (shown := _view(row)).state is not InpatientState.PROPOSED:
        raise Conflict(f"It is {shown.state} already.", current=shown)
    return row[0], shown


def _refuse_impossible_stay(act: Act, body: InpatientFacts) -> None:
    came, until = body.hospital_admitted_on, body.hospital_until_on
    if came is not None and came > today(act.now):
        raise unacceptable("hospital_admitted_on", "is in the future")
    if came is not None and until is not None and until < came:
        raise unacceptable("hospital_until_on", "is before the patient came to hospital")


def _done(act: Act, made: Inpatient) -> InpatientView:
    act.session.flush()
    return _view(act.session.execute(_shown().where(col(Inpatient.id) == made.id)).one())


def _shown() -> AnySelect:
    return (
        select(
            Inpatient,
            col(Patient.public_id).label("patient"),
            col(Ward.code).label("ward"),
            col(Referral.public_id).label("referral"),
        )
        .join(Patient, col(Patient.id) == col(Inpatient.patient_id))
        .join(Ward, col(Ward.id) == col(Inpatient.ward_id))
        .outerjoin(Referral, col(Referral.id) == col(Inpatient.referral_id))
    )


def _view(row: AnyRow) -> InpatientView:
    found: Inpatient = row[0]
    own = (name for name in InpatientView.__struct_fields__ if name in Inpatient.model_fields and name != "id")
    fields = {name: getattr(found, name) for name in own} | {"state": InpatientState(found.state)}
    return InpatientView(id=found.public_id, patient=row.patient, ward=row.ward, referral=row.referral, **fields)
