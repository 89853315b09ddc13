"""Where a hospital's message puts a patient: A01, A02 and A03, done by the use cases that people's requests run.

A hospital's system decides no admission: it asks a ward, and admits only whom a person has accepted. For somebody on a
ward of ours a real ward means a hospital stay: leave, with the bed kept, and the ward is told.
"""

from typing import Any

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import Outcome as AlertOutcome
from devices.formats.hl7v2.adt import ADMIT, DISCHARGE, TRANSFER, Adt
from devices.formats.hl7v2.message import Refused
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.escalation.about import about_of
from monitoring.events import NewEvent, emit
from monitoring.flow.decisions import AdmitBody, EndBody, admit, end
from monitoring.flow.discharge import DischargeBody, Outcome, discharge
from monitoring.flow.leave import LeaveBody, ReturnBody, come_back, leave
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.spells import Spell
from monitoring.flow.states import Move, State
from monitoring.flow.tables import Referral, ReferralHistory, Source
from monitoring.flow.transfer import TransferBody, transfer
from monitoring.hospital.people import UNKNOWN_KEY
from monitoring.hospital.steps import Step, at_of, by_whom, day_of, live_referrals, noted, spell_of, ward_of
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict
from monitoring.rounds.inpatients import DeclineInpatientBody, decline_inpatient
from monitoring.rounds.tables import Inpatient, InpatientState
from monitoring.ucr.leaving import DIED, call_off_all
from monitoring.wards.beds import lock_ward, ward_in_path
from monitoring.wards.leaves import open_leave
from monitoring.wards.tables import PAUSES, Episode, LeaveKind, Ward
from monitoring.wards.tables import Step as StepOf

OUTCOMES = {"51": Outcome.ACUTE, "88": Outcome.HOSPICE, "79": Outcome.DIED}
"""PV1-37, the NHS's codes of destination, by how a spell of ours ends; any other is home."""

BY_THEMSELVES = "2"
"""PV1-36: discharged by themselves or a relative."""


def place(act: Act, said: Adt, patient: Patient) -> Step:
    """Do what a message says of where the patient is. Raises Refused, and as the use cases do."""
    if said.trigger in {ADMIT, TRANSFER}:
        return _arrive(act, said, patient)
    assert said.trigger == DISCHARGE
    return _depart(act, said, patient)


def die(act: Act, said: Adt, patient: Patient) -> Step:
    """The patient died: everything stops. Raises as `discharge` does."""
    at = said.person.died_at or at_of(act, said)
    if (spell := spell_of(act, patient)) is not None:
        body = DischargeBody(outcome=Outcome.DIED, decided_by=by_whom(act, said), at=min(at, act.now))
        discharge(act, spell.episode.public_id, body)
        return Step("discharged: died", {"discharged": spell.episode.public_id})
    if patient.died_at is not None:
        return noted("it is known that the patient died")
    asked = live_referrals(act, patient)
    for _, ward in asked:  # all before the first is decided: in the order of their codes, and before any event
        ward_in_path(act, ward.code, lock=True)
    told = _stop(act, patient)
    for referral, _ in asked:
        end(act, referral.public_id, Move.WITHDRAW, EndBody(reason="the patient died"))
    act.session.refresh(patient, with_for_update={"key_share": True})
    patient.died_at = min(at, act.now)
    emit(act.session, told)
    return Step("the death is recorded; nothing is asked of any ward any more", {"died": True})


def _stop(act: Act, patient: Patient) -> list[NewEvent]:
    """Nobody is called about somebody dead whose spell is over, nor sent to them. Returns what to emit."""
    alerts = Alerts.lock(act.session, act.now, [patient.id])
    if one := next(iter(alerts.open.values()), None):
        alerts.resolve_all(about_of(act.session, one), AlertOutcome.DIED, act.who.id)
    return [*alerts.write(), *call_off_all(act.session, patient.id, DIED, act.now, act.who.id)]


def live(act: Act, patient: Patient) -> Step:
    """A death that was told is none. One that ended a spell is a discharge to cancel. Raises Conflict."""
    query = select(col(Episode.public_id)).where(
        col(Episode.patient_id) == patient.id, col(Episode.outcome) == Outcome.DIED
    )
    if (ended := act.session.execute(query.limit(1)).scalar_one_or_none()) is not None:
        raise Conflict("A spell ended with the death: cancel that discharge.", current={"episode": ended})
    act.session.refresh(patient, with_for_update={"key_share": True})
    patient.died_at = None
    return Step("the patient did not die; referrals that were withdrawn stay so", {"lives": True})


def _arrive(act: Act, said: Adt, patient: Patient) -> Step:
    """Admitted to or moved to a point of care: one of our wards, or one of the hospital's."""
    ours, spell = ward_of(act, said.visit.ward), spell_of(act, patient)
    if spell is None:
        return noted("no ward of ours is named") if ours is None else _ask(act, said, patient, ours)
    away = open_leave(act.session, spell.episode.id)
    if ours is None:
        return _to_hospital(act, said, spell)
    if ours.id == spell.ward.id:
        if away is None:
            return noted(f"the patient is on {ours.code}")
        return _back(act, said, spell, away.id)
    if said.trigger == ADMIT:
        return noted(f"the patient is on {spell.ward.code}, and goes to another ward by an A02")
    body = TransferBody(ward=ours.code, reason=f"as {by_whom(act, said)} says", at=at_of(act, said))
    transfer(act, spell.episode.public_id, body)
    return Step(f"transferred to {ours.code}", {"transferred": spell.episode.public_id, "from": spell.ward.code})


def _ask(act: Act, said: Adt, patient: Patient, ward: Ward) -> Step:
    """The ward is asked to take the patient, who comes where somebody has accepted them."""
    asked = next((one for one, to in live_referrals(act, patient) if to.id == ward.id), None)
    if asked is None:
        made = refer(act, _convert(ReferralBody, _referral(act, said, patient, ward)))
        return Step(f"referred to {ward.code}: a person decides", {"referral": made.id})
    _learn(act, said, asked, ward)
    if asked.state != State.ACCEPTED:
        return Step(f"the referral to {ward.code} is kept up to date: a person decides", {"told": asked.public_id})
    found = admit(act, asked.public_id, AdmitBody(decided_by=by_whom(act, said), at=at_of(act, said)))
    return Step(f"admitted to {ward.code}, as accepted", {"admitted": found.episode, "referral_of": asked.public_id})


def _referral(act: Act, said: Adt, patient: Patient, ward: Ward) -> dict[str, Any]:
    came = said.visit.admitted_at
    return {
        "patient": patient.public_id,
        "ward": ward.code,
        "source": Source.WARD,
        "step": StepOf.DOWN,
        "referrer": by_whom(act, said),
        "hospital": said.visit.hospital,
        "hospital_admitted_on": None if came is None else day_of(came),
        "note": f"by message: {said.trigger}",
        "at": at_of(act, said),
    }


def _learn(act: Act, said: Adt, asked: Referral, ward: Ward) -> bool:
    """What the hospital says of its own stay, where the referral does not say it. Returns whether it did anything."""
    lock_ward(act, ward.code)
    act.session.refresh(asked)
    came = said.visit.admitted_at
    news: dict[str, Any] = {}
    if asked.hospital is None and said.visit.hospital is not None:
        news["hospital"] = said.visit.hospital[:400]
    if asked.hospital_admitted_on is None and came is not None and came <= asked.received_at:
        news["hospital_admitted_on"] = day_of(came)
    if not news:
        return False
    for name, value in news.items():
        setattr(asked, name, value)
    asked.version += 1
    act.session.add(
        ReferralHistory(
            referral_id=asked.id, at=at_of(act, said), what="told_by_hospital", from_state=asked.state,
            to_state=asked.state, by=act.who.id, decided_by=by_whom(act, said), note=", ".join(sorted(news)),
            recorded_at=act.now,
        )
    )  # fmt: skip
    act.session.flush()
    return True


def _to_hospital(act: Act, said: Adt, spell: Spell) -> Step:
    """Somebody on a ward of ours is in a hospital: its ward keeps the bed, and is told."""
    at, kind = at_of(act, said), LeaveKind.ED if said.visit.in_emergency else LeaveKind.HOSPITAL
    away = open_leave(act.session, spell.episode.id)
    if away is not None and away.kind == kind:
        return noted("the patient is there already, by what is known here")
    if away is not None:  # from the family, or from an emergency department to a ward
        come_back(act, spell.episode.public_id, ReturnBody(at=at, note="to hospital"))
    leave(act, spell.episode.public_id, LeaveBody(kind=kind, at=at, note=f"by message: {said.visit.hospital or ''}"))
    began = open_leave(act.session, spell.episode.id)
    assert began is not None
    told = {"what": "patient_in_hospital", "episode": spell.episode.public_id, "kind": kind, "from": at}
    emit(act.session, [NewEvent("system", act.now, spell.ward.code, spell.patient.public_id, told)])
    return Step(f"on leave from {spell.ward.code}: {kind}", {"left": spell.episode.public_id, "leave": began.id})


def _back(act: Act, said: Adt, spell: Spell, leave_id: int) -> Step:
    come_back(act, spell.episode.public_id, ReturnBody(at=at_of(act, said), note=f"by message: {said.trigger}"))
    text = f"back on {spell.ward.code}: a full set of readings is due"
    return Step(text, {"returned": spell.episode.public_id, "leave": leave_id})


def _depart(act: Act, said: Adt, patient: Patient) -> Step:
    """Discharged from a point of care: one of our wards, or one of the hospital's."""
    if said.visit.died or said.person.died:
        return die(act, said, patient)
    ours, spell = ward_of(act, said.visit.ward), spell_of(act, patient)
    if spell is None:
        if ours is not None:
            raise Refused("PV1-3.1", "the patient is not on that ward", UNKNOWN_KEY)
        return _left_hospital(act, said, patient)
    if ours is None:
        away = open_leave(act.session, spell.episode.id)
        if away is None or away.kind not in PAUSES:
            return noted(f"the patient is on {spell.ward.code}, and not in a hospital by what is known here")
        return _back(act, said, spell, away.id)
    if ours.id != spell.ward.id:
        raise Refused("PV1-3.1", f"the patient is on {spell.ward.code}", UNKNOWN_KEY)
    home = Outcome.SELF if said.visit.method == BY_THEMSELVES else Outcome.HOME
    body = {
        "outcome": OUTCOMES.get(said.visit.destination or "", home),
        "destination": said.visit.destination,
        "decided_by": by_whom(act, said),
        "at": at_of(act, said),
    }
    discharge(act, spell.episode.public_id, _convert(DischargeBody, body))
    return Step(f"discharged: {body['outcome']}", {"discharged": spell.episode.public_id})


def _left_hospital(act: Act, said: Adt, patient: Patient) -> Step:
    """Gone from the hospital: its dates where a ward was asked, and no ward has them proposed from there any more."""
    learnt = [one.public_id for one, ward in live_referrals(act, patient) if _learn(act, said, one, ward)]
    query = select(Inpatient).where(
        col(Inpatient.patient_id) == patient.id, col(Inpatient.state) == InpatientState.PROPOSED
    )
    proposed = [one.public_id for one in act.session.execute(query.order_by(col(Inpatient.ward_id))).scalars()]
    for one in proposed:
        decline_inpatient(
            act, one, DeclineInpatientBody(reason="discharged from hospital", decided_by=by_whom(act, said))
        )
    if not learnt and not proposed:
        return noted("nothing is known here of that stay")
    return Step("the hospital stay is recorded as ended", {"told": learnt, "declined": proposed})


def _convert(kind: type[Any], fields: dict[str, Any]) -> Any:
    """Held against the body's own limits: a message's texts are no shorter than a client's. Raises Refused."""
    try:
        return msgspec.convert({name: value for name, value in fields.items() if value is not None}, kind)
    except msgspec.ValidationError as error:
        raise Refused("PV1", str(error).partition(" - ")[0]) from None
