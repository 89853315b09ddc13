"""A call is taken: triaged, what follows is done, and all of it kept, in one transaction.

What follows uses what others use: a UCR referral as by hand, the ward's alert as by a concern, the record of 999.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col
from uuid_utils.compat import uuid7

from alert_rules.ukons import VERSION, Colour, Minimum, Result, Symptom, Told, is_lower, triage
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts import answers
from monitoring.alerts.tables import Alert
from monitoring.calls.hours import is_out_of_hours
from monitoring.calls.tables import CallFrom, HotlineCall
from monitoring.calls.views import CallView, call
from monitoring.clock import local_day
from monitoring.concerns.raising import ConcernBody, raise_concern
from monitoring.concerns.tables import From
from monitoring.config import Settings
from monitoring.escalation.by_hand import EmergencyCallBody, record_999
from monitoring.events import emit
from monitoring.fields import Instant, Line, Reason, Text, Word, in_utc
from monitoring.patients.register import PatientBody, find, having, register
from monitoring.patients.tables import Patient, Sex
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.ucr.placing import Wanted
from monitoring.ucr.referring import ask, refuse_unsuitable, stay_of
from monitoring.wards.tables import Episode, Ward

NOT_REGISTERED: Final = "called the cancer hotline without one"
UCR_ALONE: Final = "this may be neutropenic sepsis: the acute oncology 24-hour line, or 999"
CONCERN_TEXT_MAX: Final = 2000


class Kind(StrEnum):
    """What the last treatment was. Only systemic therapy (SACT: chemotherapy, immunotherapy, …) puts at risk of it."""

    SACT = "sact"
    RADIOTHERAPY = "radiotherapy"
    SURGERY = "surgery"
    TRANSPLANT = "transplant"
    HORMONES = "hormones"
    NONE = "none"


class TreatmentBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The last treatment; without a day it counts as recent."""

    kind: Kind
    on: date | None = None
    name: Line | None = None


class CallerBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody who is not registered here. `postcode`: a UCR team is chosen by it."""

    given_name: Line
    family_name: Line
    birth_date: date
    phone: Word
    sex: Sex = Sex.UNKNOWN
    nhs_number: Word | None = None
    address: Text | None = None
    postcode: Word | None = None


class CallBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A call as it was taken. `unwell`: asked on every call. `reason`: why less than the triage asks for."""

    caller: CallFrom
    callback: Line
    cancer: Line
    last_treatment: TreatmentBody
    answers: Annotated[dict[Symptom, Colour], msgspec.Meta(min_length=1)]
    unwell: bool
    result: Result
    patient: UUID | None = None
    person: CallerBody | None = None
    caller_name: Line | None = None
    temperature: Annotated[float, msgspec.Meta(ge=20, le=46)] | None = None  # °C
    reason: Reason | None = None
    advice: Text | None = None
    emergency: EmergencyCallBody | None = None
    at: Instant | None = None
    ended_at: Instant | None = None


def take_call(act: Act, body: CallBody, settings: Settings) -> CallView:
    """Take a call. Raises Unacceptable, and Conflict where UCR was asked already, or the person is registered."""
    at, ended_at = _when(act, body)
    patient = _patient(act, body)
    least = _least(body, at)
    _refuse_less(body, least)
    if body.result is Result.UCR and patient is None:
        patient = _registered(act, body)
    episode, ward = (None, None) if patient is None else stay_of(act, patient)
    temperature = _tenths(body.temperature)
    known: dict[str, Any] = {name: getattr(body, name) for name in _AS_SAID}
    taken = HotlineCall(
        **known, public_id=uuid7(), at=at, ended_at=ended_at, out_of_hours=is_out_of_hours(at),
        patient_id=patient.id if patient else None, ward_id=ward.id if ward else None,
        person=None if patient else msgspec.to_builtins(body.person), treatment=body.last_treatment.kind,
        treatment_name=body.last_treatment.name, treated_on=body.last_treatment.on,
        answers=msgspec.to_builtins(body.answers), temperature_tenths=temperature, triage=VERSION,
        colour=least.colour, minimum=least.result, critical=least.critical, why=list(least.why),
        lowered=is_lower(body.result, least.result), emergency=msgspec.to_builtins(body.emergency),
        taken_by=act.who.id, recorded_at=act.now,
    )  # fmt: skip
    if patient is not None:
        _follow(act, taken, body, settings, (patient, episode, ward))
    act.session.add(taken)
    act.session.flush()
    return call(act, taken.public_id)


_AS_SAID: Final = (
    "caller", "caller_name", "callback", "cancer", "unwell", "result", "reason", "advice",
)  # fmt: skip


def _when(act: Act, body: CallBody) -> tuple[datetime, datetime | None]:
    at = act.now if body.at is None else in_utc("at", body.at)
    ended_at = None if body.ended_at is None else in_utc("ended_at", body.ended_at)
    for field, moment in (("at", at), ("ended_at", ended_at)):
        if moment is not None and moment > act.now:
            raise unacceptable(field, "is in the future")
    if ended_at is not None and ended_at < at:
        raise unacceptable("ended_at", "is before the call began")
    treated_on = body.last_treatment.on
    if treated_on is not None and treated_on > local_day(at):
        raise unacceptable("last_treatment.on", "is after the call")
    return at, ended_at


def _patient(act: Act, body: CallBody) -> Patient | None:
    """Whom the call is about, where they are registered. Raises Unacceptable, Conflict."""
    if (body.patient is None) == (body.person is None):
        raise unacceptable("patient", "is required, or person for somebody who is not registered: one of the two")
    if body.patient is not None:
        try:
            found: Patient = find(act, body.patient)
        except NotFound as error:
            raise unacceptable("patient", str(error)) from None
        return found
    number = body.person.nhs_number if body.person else None
    if number is not None and (known := having(act, number)) is not None:
        raise Conflict("A patient with this NHS number is registered.", current={"patient": known.public_id})
    return None


def _least(body: CallBody, at: datetime) -> Minimum:
    treatment = body.last_treatment
    told = Told(
        answers=body.answers, temperature_tenths=_tenths(body.temperature), unwell=body.unwell,
        has_sact=treatment.kind is Kind.SACT, sact_on=treatment.on,
    )  # fmt: skip
    return triage(told, local_day(at))


def _tenths(temperature: float | None) -> int | None:
    """Rounded once, half up, in decimal arithmetic, as readings are."""
    if temperature is None:
        return None
    return int((Decimal(str(temperature)) * 10).quantize(Decimal(1), ROUND_HALF_UP))


def _refuse_less(body: CallBody, least: Minimum) -> None:
    """Raise Unacceptable where the result is less than it may be, or cannot be carried out as it was sent."""
    if is_lower(body.result, least.result):
        asks = f"the triage asks for {least.result} ({'; '.join(least.why)})"
        if least.critical:
            raise unacceptable("result", f"{asks}, and nothing less: {UCR_ALONE}")
        if body.reason is None:
            raise unacceptable("reason", f"is required: {asks}")
    if body.result is Result.WARD and body.patient is None:
        raise unacceptable("result", "is for patients of a ward: this person is not registered")
    if (body.result is Result.EMERGENCY) != (body.emergency is not None):
        wanted = "is required: who rang 999, and when" if body.emergency is None else "is for the result 999"
        raise unacceptable("emergency", wanted)


def _registered(act: Act, body: CallBody) -> Patient:
    """A UCR team has to find the door: who calls is registered. Raises Unacceptable."""
    person = body.person
    assert person is not None
    if person.postcode is None:
        raise unacceptable("person.postcode", "is required: the UCR team is chosen by it")
    made = register(
        act,
        PatientBody(
            given_name=person.given_name, family_name=person.family_name, birth_date=person.birth_date,
            sex=person.sex, nhs_number=person.nhs_number, address=person.address, postcode=person.postcode,
            phones=[person.phone], no_nhs_number_reason=None if person.nhs_number else NOT_REGISTERED,
        ),
    )  # fmt: skip
    found: Patient = act.session.execute(select(Patient).where(col(Patient.public_id) == made.id)).scalar_one()
    return found


def _follow(
    act: Act, taken: HotlineCall, body: CallBody, settings: Settings,
    of: tuple[Patient, Episode | None, Ward | None],
) -> None:  # fmt: skip
    """Do what the result says. Where more than the ward is asked, the patient's ward hears of it as well."""
    patient, episode, ward = of
    if body.result is Result.UCR:
        refuse_unsuitable(act, patient, emergency=False)
        wanted = Wanted(
            patient=patient, episode=episode, ward=ward, alert=None, need=f"cancer: {taken.cancer}",
            reason=_in_words(taken), received_at=taken.at, by=act.who.id,
            reviewed=act.who.role is Role.CLINICIAN,
        )  # fmt: skip
        made, events = ask(act, wanted)
        taken.ucr_referral_id = made.id
        emit(act.session, events)
    elif body.result is Result.WARD or (ward is not None and body.result is not Result.ADVICE):
        alert = _tell_ward(act, taken, patient, settings)
        taken.alert_id = alert.id
        if body.emergency is not None:
            record_999(act, alert, body.emergency)


def _tell_ward(act: Act, taken: HotlineCall, patient: Patient, settings: Settings) -> Alert:
    """A concern: red, and critical where the triage or the result says so. Its alert, locked."""
    concern = ConcernBody(
        id=f"call-{taken.public_id}", at=taken.at, patient=patient.public_id, from_=From(taken.caller),
        text=_in_words(taken)[:CONCERN_TEXT_MAX], callback=taken.callback,
        urgent=taken.critical or taken.result == Result.EMERGENCY,
    )  # fmt: skip
    told = raise_concern(act, concern, settings)
    answers.lock(act, told.alert)
    query = select(Alert).where(col(Alert.public_id) == told.alert)
    found: Alert = act.session.execute(query.execution_options(populate_existing=True)).scalar_one()
    return found


def _in_words(taken: HotlineCall) -> str:
    """The call for whoever goes on with it."""
    treated = f"{taken.treatment}{f' {taken.treatment_name}' if taken.treatment_name else ''}"
    on = "none" if taken.treatment == Kind.NONE else f"{treated} on {taken.treated_on or 'a day not known'}"
    parts = [
        f"cancer hotline, {taken.colour}: {'; '.join(taken.why) or 'nothing amber or red'}",
        f"cancer: {taken.cancer}; last treatment: {on}",
        f"result {taken.result}{f', though the triage asks for {taken.minimum}' if taken.lowered else ''}",
        *([f"because {taken.reason}"] if taken.reason else []),
        *([f"advised: {taken.advice}"] if taken.advice else []),
        f"call back {taken.callback}",
    ]
    return ". ".join(parts)[:CONCERN_TEXT_MAX]
