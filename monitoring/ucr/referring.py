"""A person asks a UCR team to see a patient."""

from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.escalation.climbing import resume
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Line, Reason, Word, in_utc
from monitoring.patients.plan import age_years
from monitoring.patients.register import find
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.ucr.clock import Response
from monitoring.ucr.placing import ADULT_YEARS, UNDER_AGE, Wanted, place
from monitoring.ucr.states import WAITING, State
from monitoring.ucr.tables import UcrReferral
from monitoring.ucr.views import UcrReferralDetail, referral, shown_of, view
from monitoring.wards.admission import refuse_dead
from monitoring.wards.tables import Episode, Ward

EMERGENCY = "UCR is not an emergency service: ring 999."


class UcrReferralBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A referral to UCR as sent. `skills`: without which nobody need come."""

    patient: UUID
    need: Line
    reason: Reason
    alert: UUID | None = None
    response: Response = Response.TWO_HOUR
    skills: Annotated[list[Word], msgspec.Meta(max_length=20)] = []
    suspected_sepsis: bool | None = None
    suspected_emergency: bool = False
    at: Instant | None = None


def refer_by_hand(act: Act, body: UcrReferralBody) -> UcrReferralDetail:
    """Ask for a visit; with no team the referral is `unplaced`, and an alert's ladder goes on at once.

    Raises Unacceptable where UCR is the wrong service, and Conflict where the patient waits for that already.
    """
    patient = _patient(act, body.patient)
    alert = _alert(act, body, patient)
    episode, ward = _where(act, patient)
    refuse_unsuitable(act, patient, emergency=body.suspected_emergency)
    received_at = act.now if body.at is None else in_utc("at", body.at)
    if received_at > act.now:
        raise unacceptable("at", "is in the future")
    wanted = Wanted(
        patient=patient, episode=episode, ward=ward, alert=alert, need=body.need, reason=body.reason,
        received_at=received_at, response=body.response, skills=tuple(body.skills),
        suspects_sepsis=body.suspected_sepsis, by=act.who.id, reviewed=act.who.role is Role.CLINICIAN,
        rules_out=act.who.role is Role.CLINICIAN and act.who.registered,
    )  # fmt: skip
    made, events = ask(act, wanted)
    found = referral(act, made.public_id)
    emit(act.session, events)
    return found


def ask(act: Act, wanted: Wanted) -> tuple[UcrReferral, list[NewEvent]]:
    """Ask for what somebody wants; with no team an alert's ladder goes on. Returns what to emit at the end.

    Raises Conflict where the patient waits for that already.
    """
    try:
        with act.session.begin_nested():
            made, events = place(act.session, wanted, act.now)
    except IntegrityError:
        current = _waiting(act, wanted.patient, wanted.need)
        raise Conflict("The patient waits for that already.", current=current) from None
    if wanted.alert is not None and made.state == State.UNPLACED:
        events += resume(act.session, wanted.alert, f"ucr_unplaced: {made.placing['why']}", act.now)
    return made, events


def stay_of(act: Act, patient: Patient) -> tuple[Episode | None, Ward | None]:
    """The patient's open stay and its ward, whoever asks; none for somebody who is on none."""
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient.id, col(Episode.discharged_at).is_(None))
    )
    row = act.session.execute(query).one_or_none()
    return (None, None) if row is None else (row[0], row[1])


def refuse_unsuitable(act: Act, patient: Patient, *, emergency: bool) -> None:
    """Raise Unacceptable, or Conflict for the dead, naming the other route."""
    refuse_dead(patient)
    if age_years(patient.birth_date, act.now.date()) < ADULT_YEARS:
        raise unacceptable("patient", UNDER_AGE)
    if emergency:
        raise unacceptable("suspected_emergency", EMERGENCY)


def _patient(act: Act, patient_id: UUID) -> Patient:
    try:
        return find(act, patient_id)
    except NotFound as error:
        raise unacceptable("patient", str(error)) from None


def _alert(act: Act, body: UcrReferralBody, patient: Patient) -> Alert | None:
    """The alert that it is about, locked. Raises Unacceptable for none of this patient."""
    if body.alert is None:
        return None
    query = select(Alert).where(col(Alert.public_id) == body.alert, col(Alert.patient_id) == patient.id)
    found: Alert | None = act.session.execute(query.with_for_update()).scalar_one_or_none()
    if found is None or not act.who.may_see(act.session.get_one(Ward, found.ward_id).code):
        raise unacceptable("alert", f"there is no alert {body.alert} of this patient")
    return found


def _where(act: Act, patient: Patient) -> tuple[Episode | None, Ward | None]:
    """The patient's open stay and its ward; none for somebody who is on none, and then for staff of every ward only."""
    episode, ward = stay_of(act, patient)
    if act.who.wards is not None and (ward is None or not act.who.may_see(ward.code)):
        raise unacceptable("patient", "is on none of your wards now")
    return episode, ward


def _waiting(act: Act, patient: Patient, need: str) -> object:
    query = select(col(UcrReferral.id)).where(
        col(UcrReferral.patient_id) == patient.id, col(UcrReferral.need) == need, col(UcrReferral.state).in_(WAITING)
    )
    found = act.session.execute(query).scalar_one_or_none()
    return None if found is None else view(shown_of(act.session, found), act.now)
