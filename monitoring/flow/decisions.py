"""What is decided of a referral, from triage to admission. Each decision is one transaction.

Whoever decides locks the ward's row first: the referrals of a ward change one after the other, and a bed that is held,
taken or given back is counted by nobody else meanwhile.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.fields import Instant, Line, Reason, Text, Version, in_utc
from monitoring.flow.holds import Said, end_hold, expire, hold_bed, move
from monitoring.flow.referral_views import ReferralDetail, ReferralView, as_view, no_such, referral, shown
from monitoring.flow.referrals import Frailty, Kit, refuse_unclinical
from monitoring.flow.spells import when
from monitoring.flow.states import HOLD, HOLD_MAX, PRIORITIES, Move, NotNow, Priority, State, moved
from monitoring.flow.tables import Referral, ReferralHistory
from monitoring.flow.waiting import place
from monitoring.patients.plan import EscalationBody, PlanBody
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, unacceptable
from monitoring.wards.admission import EpisodeBody, refuse_undecided, refuse_unsuitable, start_spell
from monitoring.wards.beds import Beds, beds_now, refuse_closed
from monitoring.wards.episodes import DEVICES_MAX
from monitoring.wards.occupancy_events import figures, tell_beds
from monitoring.wards.tables import BedHold, Ward

CONCERN_BEDS: Final = frozenset({State.WAITING, State.ACCEPTED, State.ADMITTED})
"""Whoever comes to or leaves one of these states takes, frees, or is offered a bed."""


class DecisionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every decision may say: who took it (the caller, unless said), and when, where it is told late."""

    decided_by: Line | None = None
    note: Text | None = None
    at: Instant | None = None
    version: Version | None = None


class TriageBody(DecisionBody, kw_only=True):
    """Assessed: how urgent, and what is known now."""

    priority: Priority | None = None
    condition: Line | None = None
    frailty: Frailty | None = None
    would_be_admitted: bool | None = None
    reason: Reason | None = None


class AcceptBody(DecisionBody, kw_only=True):
    """Taken, and until when a bed is held."""

    held_until: Instant | None = None
    hospital_until_on: date | None = None
    would_be_admitted: bool | None = None
    consent: bool | None = None
    kit: Kit | None = None


class EndBody(DecisionBody, kw_only=True):
    """Not taken, and why."""

    reason: Reason


class RedirectBody(EndBody, kw_only=True):
    """Sent elsewhere, and why."""

    to: Line | None = None


class AdmitBody(DecisionBody, kw_only=True):
    """The patient comes: with which kit, and which plan, where it is not the pathway's."""

    devices: Annotated[list[UUID], msgspec.Meta(max_length=DEVICES_MAX)] = []
    plan: PlanBody | None = None
    consent: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A referral that may change: its ward's row is locked. `hold` is its bed, where one is held now.

    `has_lapsed`: its hold ran out, and this act is the first to see it. Nobody else will tell that the bed is free.
    """

    referral: Referral
    patient: Patient
    ward: Ward
    hold: BedHold | None
    has_lapsed: bool


def triage(act: Act, referral_id: UUID, body: TriageBody) -> ReferralDetail:
    """Say how urgent it is; again too, and who waits moves in the list. Raises NotFound, Forbidden, Conflict."""
    refuse_unclinical(act, body.would_be_admitted)
    asked = _lock(act, referral_id)
    _refuse(act, asked, Move.TRIAGE, body)
    _learn(asked.referral, body, "condition", "frailty", "would_be_admitted")
    if body.priority is not None:
        asked.referral.urgency = PRIORITIES.index(body.priority)
    return _done(act, asked, _decide(act, asked, Move.TRIAGE, body))


def accept(act: Act, referral_id: UUID, body: AcceptBody) -> ReferralDetail | Conflict:
    """Hold a bed. Where none is free the referral joins the waiting list: that stands, and a Conflict is returned.

    Raises NotFound, Forbidden, Unacceptable; Conflict where the referral's state, the patient or the ward forbids it.
    """
    refuse_unclinical(act, body.would_be_admitted)
    asked = _lock(act, referral_id)
    held_until = _held_until(act, body)
    _refuse(act, asked, Move.ACCEPT, body)
    refuse_closed(asked.ward)
    refuse_unsuitable(asked.ward, asked.patient, local_day(act.now))
    _learn(asked.referral, body, "hospital_until_on", "would_be_admitted", "consent", "kit")
    counted = beds_now(act.session, [asked.ward.id], act.now)[asked.ward.id]
    if counted.available <= 0:
        return _wait(act, asked, body, counted)
    entry = _decide(act, asked, Move.ACCEPT, body)
    hold_bed(act.session, asked.referral, held_until, act.now)
    return _done(act, asked, entry)


def end(act: Act, referral_id: UUID, how: Move, body: EndBody) -> ReferralDetail:
    """Decline, redirect, withdraw, or say that monitoring never began: a bed that was held is free at once.

    Raises NotFound, Conflict.
    """
    asked = _lock(act, referral_id)
    _refuse(act, asked, how, body)
    entry = _decide(act, asked, how, body)
    asked.referral.redirected_to = body.to if isinstance(body, RedirectBody) else None
    end_hold(act.session, asked.referral, entry.at)
    return _done(act, asked, entry)


def admit(act: Act, referral_id: UUID, body: AdmitBody) -> ReferralDetail:
    """Start the spell: in the bed that was held or, where the hold is over, in a free one.

    Raises NotFound, Forbidden, Unacceptable; Conflict where the state, the beds, the patient or the ward forbids it.
    """
    asked = _lock(act, referral_id)
    refuse_undecided(act, asked.ward, body.plan)
    _refuse(act, asked, Move.ADMIT, body)
    refuse_closed(asked.ward)
    _learn(asked.referral, body, "consent")
    if asked.referral.consent is False:
        raise Conflict("The patient does not consent.", current={"state": asked.referral.state, "consent": False})
    entry = _decide(act, asked, Move.ADMIT, body)
    end_hold(act.session, asked.referral, entry.at)
    admission = EpisodeBody(
        patient=asked.patient.public_id,
        ward=asked.ward.code,
        step=asked.referral.step,
        devices=body.devices,
        plan=_with_escalation(body.plan or PlanBody(), asked.referral, local_day(act.now)),
        at=entry.at,
    )
    start_spell(act, asked.ward, admission, referral_id=asked.referral.id, bed_is_held=asked.hold is not None)
    return _done(act, asked, entry)


def _lock(act: Act, referral_id: UUID) -> Asked:
    """A referral to decide of, as it is once its ward is locked: it never goes to another. Raises NotFound.

    A hold that ran out is over, whether or not the timekeeper has been there.
    """
    to_ward = select(col(Referral.ward_id)).where(col(Referral.public_id) == referral_id).scalar_subquery()
    ward: Ward | None = act.session.execute(
        select(Ward).where(col(Ward.id) == to_ward).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if ward is None or not act.who.may_see(ward.code):
        raise no_such(referral_id)
    query = (
        select(Referral, Patient, BedHold)
        .join(Patient, col(Patient.id) == col(Referral.patient_id))
        .outerjoin(BedHold, (col(BedHold.referral_id) == col(Referral.id)) & col(BedHold.ended_at).is_(None))
        .where(col(Referral.public_id) == referral_id)
    )
    found, patient, hold = act.session.execute(query).one()
    has_lapsed = hold is not None and hold.held_until <= act.now
    if has_lapsed:
        expire(act.session, found, hold, act.now)
    return Asked(found, patient, ward, None if has_lapsed else hold, has_lapsed)


def _refuse(act: Act, asked: Asked, decision: Move, body: DecisionBody) -> None:
    """Raise Conflict, with the referral as it is, where its state forbids the decision or its version is another."""
    if body.version is not None and body.version != asked.referral.version:
        raise Conflict(f"The referral changed since version {body.version}.", current=_current(act, asked))
    try:
        moved(State(asked.referral.state), decision)
    except NotNow as error:
        raise Conflict(str(error), current=_current(act, asked)) from None


def _current(act: Act, asked: Asked) -> ReferralView:
    act.session.flush()
    return as_view(act.session.execute(shown(Referral).where(col(Referral.id) == asked.referral.id)).one())


def _learn(found: Referral, body: DecisionBody, *names: str) -> None:
    """Keep what the decision says anew of the patient."""
    for name in names:
        if (value := getattr(body, name)) is not None:
            setattr(found, name, value)


def _decide(act: Act, asked: Asked, decision: Move, body: DecisionBody) -> ReferralHistory:
    """Move the referral and write down who decided it. Raises Conflict where that was before the last decision."""
    by_people = (col(ReferralHistory.referral_id) == asked.referral.id) & col(ReferralHistory.by).is_not(None)
    last_at: datetime = act.session.execute(select(func.max(col(ReferralHistory.at))).where(by_people)).scalar_one()
    at = when(act, body.at, last_at, "the last decision")
    said = Said(act.who.id, body.decided_by or act.who.name, getattr(body, "reason", None), body.note)
    asked.referral.decided_by, asked.referral.reason = said.decided_by, said.reason
    return move(act.session, asked.referral, decision, said, at=at, now=act.now)


def _done(act: Act, asked: Asked, entry: ReferralHistory) -> ReferralDetail:
    """The referral as it now is; and the ward's beds are told, where it concerns them."""
    act.session.flush()
    found = referral(act, asked.referral.public_id)
    if asked.has_lapsed or {entry.from_state, entry.to_state} & CONCERN_BEDS:
        tell_beds(act.session, act.now, asked.ward)
    return found


def _wait(act: Act, asked: Asked, body: AcceptBody, counted: Beds) -> Conflict:
    """No bed is free: who was accepted waits for one, and who waits already keeps waiting."""
    if asked.referral.state != State.WAITING:
        entry = _decide(act, asked, Move.WAIT, body)
        _done(act, asked, entry)
    current = {
        "referral": asked.referral.public_id,
        "state": asked.referral.state,
        "ward": asked.ward.code,
        **figures(counted),
        "place": place(act.session, asked.referral),
    }
    return Conflict("No bed is free: the referral is in the ward's waiting list.", current=current)


def _held_until(act: Act, body: AcceptBody) -> datetime:
    if body.held_until is None:
        return act.now + HOLD
    held_until = in_utc("held_until", body.held_until)
    if not act.now < held_until <= act.now + HOLD_MAX:
        raise unacceptable("held_until", f"is not within {HOLD_MAX.total_seconds() / 3600:.0f} h from now")
    return held_until


def _with_escalation(plan: PlanBody, found: Referral, today: date) -> PlanBody:
    """The treatment escalation plan that came with the patient holds on the ward, unless a clinician names another.

    Nobody on this ward has decided it: it is due for review at once.
    """
    if plan.escalation is not None or found.escalation is None:
        return plan
    escalation = msgspec.convert(found.escalation, EscalationBody)
    return msgspec.structs.replace(
        plan,
        escalation=escalation,
        reason=plan.reason or "escalation: as referred",
        review_on=plan.review_on or today,
    )
