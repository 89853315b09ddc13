"""A11 and A13: what the message that they cancel did is undone, where that is still possible, and nothing else."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from devices.formats.hl7v2.adt import ADMIT, CANCEL_ADMIT, DISCHARGE, Adt
from devices.formats.hl7v2.message import Refused
from monitoring.acts import Act
from monitoring.flow.decisions import EndBody, end
from monitoring.flow.leave import LeaveBody, ReturnBody, come_back, leave
from monitoring.flow.reopening import CancelDischargeBody, cancel_discharge
from monitoring.flow.states import Move
from monitoring.hospital.people import UNKNOWN_KEY
from monitoring.hospital.steps import Step, at_of, noted
from monitoring.hospital.tables import CORRECTED, HospitalMessage
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict
from monitoring.wards.leaves import open_leave
from monitoring.wards.tables import Episode, Leave, LeaveKind

REASON = "cancelled by the hospital"


def undo(act: Act, said: Adt, patient: Patient) -> Step:
    """Undo what the last A01, or A03, of this patient did. Raises Refused where there is none, Conflict, as they do."""
    cancels = ADMIT if said.trigger == CANCEL_ADMIT else DISCHARGE
    done = _counterpart(act, said, patient, cancels)
    step = _undo_admission(act, said, done) if cancels == ADMIT else _undo_discharge(act, said, done)
    done.undone_at = act.now
    return step


def _counterpart(act: Act, said: Adt, patient: Patient, trigger: str) -> HospitalMessage:
    """The last such message that did something and was not cancelled; of the same visit, where both name one."""
    query = select(HospitalMessage).where(
        col(HospitalMessage.patient_id) == patient.id,
        col(HospitalMessage.trigger) == trigger,
        col(HospitalMessage.placed),
        col(HospitalMessage.did) != {},
        col(HospitalMessage.did) != CORRECTED,
        col(HospitalMessage.undone_at).is_(None),
        col(HospitalMessage.event_at) <= said.recorded_at,
    )
    if said.visit.number is not None:
        query = query.where(col(HospitalMessage.visit).is_(None) | (col(HospitalMessage.visit) == said.visit.number))
    newest = query.order_by(col(HospitalMessage.event_at).desc(), col(HospitalMessage.id).desc()).limit(1)
    found: HospitalMessage | None = act.session.execute(newest).scalar_one_or_none()
    if found is None:
        raise Refused("PID-3", f"no {trigger} of this patient did anything here that could be cancelled", UNKNOWN_KEY)
    return found


def _undo_admission(act: Act, said: Adt, done: HospitalMessage) -> Step:
    did = done.did
    if "referral" in did:
        end(act, UUID(did["referral"]), Move.WITHDRAW, EndBody(reason=REASON))
        return Step("the referral is withdrawn", {"withdrawn": did["referral"]})
    if "left" in did:
        return _end_leave(act, said, UUID(did["left"]), did["leave"])
    if "admitted" in did:
        raise Conflict("The spell has begun with it: a person ends it, or not.", current={"episode": did["admitted"]})
    if "returned" in did:
        return _leave_again(act, said, UUID(did["returned"]))
    return noted("what it told of the hospital stay stays with the referral")


def _undo_discharge(act: Act, said: Adt, done: HospitalMessage) -> Step:
    did = done.did
    if "discharged" in did:
        shown = cancel_discharge(act, UUID(did["discharged"]), CancelDischargeBody(reason=REASON))
        return Step(f"the spell on {shown.ward} goes on: readings are due again", {"reopened": did["discharged"]})
    if "returned" in did:
        return _leave_again(act, said, UUID(did["returned"]))
    if "died" in did:
        patient = act.session.get_one(Patient, done.patient_id, with_for_update={"key_share": True})
        patient.died_at = None
        return Step("the patient did not die; referrals that were withdrawn stay so", {"lives": True})
    raise Conflict(
        "What was declined and withdrawn with it is a person's to decide again.", current={"did": sorted(did)}
    )


def _end_leave(act: Act, said: Adt, episode: UUID, leave_id: int) -> Step:
    """The patient was in no hospital: they are watched again, unless that leave has ended since."""
    found = act.session.get_one(Leave, leave_id)
    away = open_leave(act.session, found.episode_id)
    if away is None or away.id != leave_id:
        raise Conflict("That leave has ended since.", current={"episode": episode})
    come_back(act, episode, ReturnBody(at=at_of(act, said), note=REASON))
    return Step("back from leave: a full set of readings is due", {"returned": episode, "leave": leave_id})


def _leave_again(act: Act, said: Adt, episode: UUID) -> Step:
    """The patient did not come back: they are in the hospital still."""
    leave(act, episode, LeaveBody(kind=LeaveKind.HOSPITAL, at=at_of(act, said), note=REASON))
    key = select(col(Episode.id)).where(col(Episode.public_id) == episode).scalar_subquery()
    began = select(col(Leave.id)).where(col(Leave.episode_id) == key, col(Leave.until_at).is_(None))
    return Step("on leave again: hospital", {"left": episode, "leave": act.session.execute(began).scalar_one()})
