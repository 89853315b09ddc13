"""A hospital's message: told from one that came before, judged, done, kept, answered. One transaction.

They are worked off one after the other, whichever interface they come by: what is older or newer, and what is a
repeat, is decided by what is there. A refusal undoes what the message did, and keeps its row.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import ColumnElement, Engine, select, text
from sqlmodel import col

from devices.formats.hl7v2 import ack, adt
from devices.formats.hl7v2.ack import ACCEPTED, ERROR, REJECTED, Answer
from devices.formats.hl7v2.message import CONTROL_ID_MAX, Envelope, Header, Refused
from monitoring.access.tokens import Caller
from monitoring.acts import Act, Leave
from monitoring.database import transaction
from monitoring.hospital.applying import apply
from monitoring.hospital.fitting import not_for_us, without_id
from monitoring.hospital.interface import acting_for
from monitoring.hospital.people import PLACES
from monitoring.hospital.steps import Done
from monitoring.hospital.tables import HospitalMessage
from monitoring.kit.devices import INTERFACE
from monitoring.kit.tables import Device
from monitoring.refusals import Conflict, Forbidden, NotFound, Unacceptable

log = structlog.get_logger()

INBOX_LOCK: Final = 7_707
"""Held by the one message that is worked off. First of all locks."""

REASON_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a message is answered, and what it did."""

    answer: Answer
    event_at: datetime | None = None
    visit: str | None = None
    done: Done | None = None


def receive(engine: Engine, who: Caller, envelope: Envelope, now: datetime, leave: Leave) -> bytes:
    """Take one message and answer it."""
    with transaction(engine) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": INBOX_LOCK})
        act = Act(session, who, now)
        content = hashlib.sha256(envelope.body).digest()
        same = _before(act, envelope.header, col(HospitalMessage.content) == content)
        if same is not None and same.outcome == ACCEPTED:
            return same.answer
        first = _before(act, envelope.header)
        is_used = bool(envelope.header.control_id) and first is not None and first.content != content
        verdict = _used_before() if is_used else _judge(act, envelope)
        kept = _keep(act, envelope, content, same, verdict)
        leave(act, None if verdict.done is None else verdict.done.patient)
        log.info("hospital_message", message=str(kept.public_id), outcome=kept.outcome, place=kept.place)
        return kept.answer


def _before(act: Act, header: Header, *which: ColumnElement[bool]) -> HospitalMessage | None:
    """The first message of this device with that control id."""
    query = select(HospitalMessage).where(
        col(HospitalMessage.device_id) == act.who.id, col(HospitalMessage.control_id) == _control_id(header), *which
    )
    found: HospitalMessage | None = act.session.execute(
        query.order_by(col(HospitalMessage.id)).limit(1)
    ).scalar_one_or_none()
    return found


def _used_before() -> Verdict:
    return Verdict(Answer(ERROR, "this control id was used for another message", "MSH-10", 205))


def _judge(act: Act, envelope: Envelope) -> Verdict:
    """What becomes of a message that is new, or was refused before."""
    header = envelope.header
    device = act.session.get_one(Device, act.who.id)
    if (refusal := without_id(header)) is not None:
        return Verdict(refusal)
    if header.code != "ADT":
        return Verdict(Answer(REJECTED, "this kind of message is not supported: ADT and ORU^R01 are", "MSH-9", 200))
    if device.kind != INTERFACE:
        return Verdict(Answer(REJECTED, "ADT needs a device of kind interface, made by an admin", "MSH-9", 207))
    if (refusal := not_for_us(header)) is not None:
        return Verdict(refusal)
    if header.trigger not in adt.TRIGGERS:
        return Verdict(Answer(ACCEPTED, "noted, and not used: this event changes nothing here"))
    return _do(acting_for(act, device), envelope)


def _do(act: Act, envelope: Envelope) -> Verdict:
    """Do it, or undo what was done of it and say why not."""
    try:
        said = adt.decode(envelope)
    except Refused as refused:
        return Verdict(_refusal(refused))
    try:
        with act.session.begin_nested():
            done = apply(act, said)
            act.session.flush()
    except (Refused, Unacceptable, Conflict, Forbidden, NotFound) as refused:
        act.session.expire_all()
        return Verdict(_refusal(refused), said.recorded_at, said.visit.number)
    return Verdict(Answer(ACCEPTED, done.text), said.recorded_at, said.visit.number, done)


def _refusal(refused: Exception) -> Answer:
    """AE with the place, as far as it is known, and the reason."""
    if isinstance(refused, Refused):
        return Answer(ERROR, str(refused), refused.place, refused.code)
    if isinstance(refused, Unacceptable):
        fault = refused.faults[0]
        place = PLACES.get(fault.field)
        return Answer(ERROR, f"{place or fault.field}: {fault.reason}", place, 102)
    return Answer(ERROR, str(refused), None, 207)


def _keep(
    act: Act, envelope: Envelope, content: bytes, same: HospitalMessage | None, verdict: Verdict
) -> HospitalMessage:
    """The message's row: a new one, or its own from the time when it was refused."""
    header, answer, done = envelope.header, verdict.answer, verdict.done
    row = same or HospitalMessage(
        device_id=act.who.id, control_id=_control_id(header), content=content, kind=_kind(header),
        trigger=header.trigger[:16] or None, received_at=act.now, tries=0, outcome=answer.code, reason="",
        raw=envelope.body, answer=b"",
    )  # fmt: skip
    row.tries = min(row.tries + 1, 32_767)
    row.outcome, row.place, row.reason = answer.code, answer.place, answer.text[:REASON_MAX]
    row.event_at, row.visit = verdict.event_at, verdict.visit
    if done is not None:
        row.patient_id = None if done.patient is None else done.patient.id
        row.did, row.placed, row.corrected = _as_json(done.did), done.placed, done.corrected
    row.answer = ack.acknowledge(header, answer, row.public_id.hex[:20], act.now)
    act.session.add(row)
    act.session.flush()
    return row


def _as_json(did: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(did)
    return found


def _kind(header: Header) -> str:
    return "^".join(part for part in (header.code, header.trigger) if part)[:64]


def _control_id(header: Header) -> str:
    return header.control_id[:CONTROL_ID_MAX].replace("\0", "")
