"""A referral that comes as a FHIR message: told from one that came before, done, kept, answered. One transaction.

What is refused does nothing and is not kept: the sender may send it again, mended or not, under the same id. Messages
of interfaces are worked off one after the other, by whichever format they come.
"""

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Engine, or_, select, text
from sqlmodel import col

from devices.formats.fhir.bars import Asks, Request, decode
from devices.formats.fhir.node import Refused, malformed
from devices.formats.fhir.person import Person
from devices.formats.native import explain
from monitoring.access.tokens import Caller
from monitoring.acts import Act, Leave
from monitoring.bars.outcomes import Repeated
from monitoring.bars.reading import newest
from monitoring.bars.tables import BarsMessage, Did
from monitoring.bars.writing import answer
from monitoring.clock import WARD_TIME
from monitoring.database import transaction
from monitoring.events import emit
from monitoring.hospital.inbox import INBOX_LOCK
from monitoring.hospital.interface import acting_for
from monitoring.hospital.steps import CLOCK_TOLERANCE
from monitoring.kit.devices import INTERFACE
from monitoring.kit.tables import Device
from monitoring.patients.register import PatientBody, having, is_somebody_else, register
from monitoring.patients.tables import Patient
from monitoring.refusals import Forbidden, NotFound, Unacceptable
from monitoring.ucr import by_ward
from monitoring.ucr.by_ward import UcrCancelBody
from monitoring.ucr.placing import Wanted, district_in
from monitoring.ucr.referring import ask, refuse_unsuitable, stay_of
from monitoring.ucr.tables import UcrReferral

log = structlog.get_logger()

REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")
REASON_MAX: Final = 2_000
OLD_AFTER: Final = timedelta(days=2)
"""A request that began longer ago is no two-hour one: somebody has to look. The design's own."""


def receive(engine: Engine, who: Caller, request_id: str, body: bytes, here: str, now: datetime, leave: Leave) -> bytes:
    """Take one message and answer it. Raises Forbidden, Refused, Repeated, NotFound, Conflict."""
    with transaction(engine) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INBOX_LOCK})
        device = _interface(Act(session, who, now))
        if not REQUEST_ID.fullmatch(request_id):
            raise malformed("", "the header X-Request-Id is required: 1 to 128 printable characters", "required")
        act = acting_for(Act(session, who, now), device)
        before = select(col(BarsMessage.chain)).where(
            col(BarsMessage.device_id) == device.id, col(BarsMessage.request_id) == request_id
        )
        if (chain := session.execute(before).scalar_one_or_none()) is not None:
            raise Repeated(chain)
        said = decode(body)
        try:
            did, chain = _do(act, device, said)
        except Unacceptable as error:
            raise _named(error, said) from None
        shown = newest(session, chain)
        kept = BarsMessage(
            device_id=device.id, request_id=request_id, bundle_id=said.bundle_id, sender_key=said.key, did=did,
            chain=chain, patient_id=shown.patient.id, asked_by=said.asked_by, received_at=now, raw=body,
        )  # fmt: skip
        session.add(kept)
        session.flush()
        leave(act, shown.patient)
        log.info("bars_message", message=str(kept.public_id), did=did)
        return msgspec.json.encode(answer(shown, said.bundle_id, said.reply_to, here, now))


def _interface(act: Act) -> Device:
    """The device that calls. Raises Forbidden for one that is no interface."""
    device = act.session.get_one(Device, act.who.id)
    if device.kind != INTERFACE:
        raise Forbidden("Referrals need a device of kind interface, made by an admin.")
    return device


def _do(act: Act, device: Device, said: Request) -> tuple[Did, UUID]:
    """Do what a message asks. Returns what it did, and to which chain."""
    known = _known(act, device, said)
    if said.asks is Asks.NEW:
        if known is not None:
            raise Repeated(known)
        return Did.REFERRED, _refer(act, said)
    if known is None:
        raise NotFound("No request of yours has that id here.")
    shown = newest(act.session, known)
    _refuse_another_patient(act, shown.patient, said.person)
    if said.asks is Asks.CANCEL:
        why = f"withdrawn by {act.who.name}: {said.reason or 'no reason given'}"
        by_ward.cancel(act, shown.referral.public_id, UcrCancelBody(reason=why[:REASON_MAX]), by_asker=True)
        return Did.CANCELLED, known
    by_ward.update(act, shown.referral.public_id, _in_words(said))
    return Did.UPDATED, known


def _known(act: Act, device: Device, said: Request) -> UUID | None:
    """The chain that this interface's request made: by any of the sender's names of it, or by ours."""
    ours = [key for one in said.ids if (key := _uuid(one)) is not None]
    of_referral = select(col(UcrReferral.chain)).where(col(UcrReferral.public_id).in_(ours))
    query = (
        select(col(BarsMessage.chain))
        .where(col(BarsMessage.device_id) == device.id, col(BarsMessage.did) == Did.REFERRED)
        .where(or_(col(BarsMessage.sender_key).in_(said.ids), col(BarsMessage.chain).in_(of_referral)))
        .order_by(col(BarsMessage.id).desc())
        .limit(1)
    )
    found: UUID | None = act.session.execute(query).scalar_one_or_none()
    return found


def _uuid(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None


def _refer(act: Act, said: Request) -> UUID:
    patient = _patient(act, said)
    refuse_unsuitable(act, patient, emergency=False)
    episode, ward = stay_of(act, patient)
    wanted = Wanted(
        patient=patient, episode=episode, ward=ward, alert=None, need=said.need, reason=_in_words(said),
        received_at=_received_at(act, said), by=act.who.id,
        district=None if said.seen_postcode is None else district_in(said.seen_postcode),
    )  # fmt: skip
    made, events = ask(act, wanted)
    emit(act.session, events)
    return made.chain


def _received_at(act: Act, said: Request) -> datetime:
    """When somebody first asked: the patient's clock runs from then."""
    started = said.starts_at or said.authored_at or act.now
    place = f"{said.place}.occurrencePeriod.start"
    if started > act.now + CLOCK_TOLERANCE:
        raise Refused(place, "is in the future")
    if started < act.now - OLD_AFTER:
        raise Refused(place, f"is more than {OLD_AFTER.days} days ago", "business-rule")
    return min(started, act.now)


def _in_words(said: Request) -> str:
    """What the team reads: what the sender asks, and where the patient is."""
    until = "" if said.asked_by is None else f"{said.asked_by.astimezone(WARD_TIME):%H:%M on %d %b}"
    parts = [
        *([f"The sender asks for a visit by {until}"] if until else []),
        *([f"the patient is at {said.seen_at}"] if said.seen_at else []),
        said.reason or said.need,
        *([f"close to them: {' / '.join(said.person.contacts)}"] if said.person.contacts else []),
    ]
    return "; ".join(parts)[:REASON_MAX]


def _patient(act: Act, said: Request) -> Patient:
    """Who has that number here, else somebody new. Without a number nobody is found: that would be a guess."""
    person = said.person
    found = None if person.nhs_number is None else having(act, person.nhs_number)
    if found is None:
        return _registered(act, said)
    _refuse_another_patient(act, found, person)
    return found


def _refuse_another_patient(act: Act, known: Patient, person: Person) -> None:
    """Raise Refused where a message means somebody else than the record that it names."""
    place = person.places["nhs_number"]
    if is_somebody_else(known, person.family_name, person.birth_date):
        raise Refused(place, "belongs here to somebody of another family name and another birth date", "business-rule")
    if person.nhs_number is not None and known.nhs_number is not None:
        found = having(act, person.nhs_number)
        if found is None or found.id != known.id:
            raise Refused(place, "is not that of the patient whom the request is about", "business-rule")


def _registered(act: Act, said: Request) -> Patient:
    """Somebody new. Raises Refused naming what is missing."""
    person = said.person
    missing = next((one for one in ("family_name", "given_name", "birth_date") if getattr(person, one) is None), None)
    if missing is not None:
        raise Refused(person.places[missing], "is required of somebody who is new here", "required")
    fields = {
        "family_name": person.family_name,
        "given_name": person.given_name,
        "birth_date": person.birth_date,
        "sex": person.sex,
        "nhs_number": person.nhs_number,
        "no_nhs_number_reason": None if person.nhs_number else f"none in the message of {act.who.name}",
        "address": person.address,
        "staying_at": said.seen_at,
        "postcode": person.postcode or said.seen_postcode,
        "phones": list(person.phones),
        "next_of_kin": list(person.contacts),
        "scene_safety": "; ".join(said.flags) or None,
    }
    try:
        body = msgspec.convert(msgspec.to_builtins(fields), PatientBody)
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise Refused(person.places.get(field.partition("[")[0], person.places["patient"]), reason) from None
    made = register(act, body)
    found: Patient = act.session.execute(select(Patient).where(col(Patient.public_id) == made.id)).scalar_one()
    return found


def _named(error: Unacceptable, said: Request) -> Refused:
    """What a use case refuses, with the FHIRPath of the field."""
    fault = error.faults[0]
    return Refused(said.person.places.get(fault.field, said.place), fault.reason, "business-rule")
