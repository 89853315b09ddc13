"""ORU^R01 from a device: decoded, put on disk like any readings, answered. Concerns in it are raised as any others.

Readings touch no database: they are taken while it is away. Sent twice they are the same sets, by their ids, so no
message has to be remembered. AA is said only of what is on disk; where the queue is away the request is answered 503.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog
from anyio import to_thread
from uuid_utils.compat import uuid7

from devices.formats.hl7v2 import ack, batch
from devices.formats.hl7v2.ack import ACCEPTED, ERROR, REJECTED, Answer, Remark
from devices.formats.hl7v2.message import Envelope, Refused, Unreadable
from devices.formats.hl7v2.observations import SETS_MAX, is_readings, merge, observe
from devices.formats.hl7v2.results import Observations, Worry
from devices.original import Format, pack
from devices.posted import Decoded
from devices.reading import Odd
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.concerns.raising import ConcernBody, raise_concern
from monitoring.concerns.tables import From
from monitoring.database import once_more, transaction
from monitoring.hospital.fitting import not_for_us, without_id
from monitoring.intake.routes import put_on_disk
from monitoring.patients.register import having
from monitoring.refusals import Conflict, NotFound, Unacceptable
from monitoring.service import Service

log = structlog.get_logger()

NOTHING: Final = "noted: holds no measurement"
CONCERNS_MAX: Final = 50
"""In one request: each is a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Unraised:
    """A concern of which nobody here could be told, and why."""

    worry: Worry
    reason: str


async def receive(
    service: Service, who: Caller, body: bytes, envelopes: Sequence[Envelope], now: datetime
) -> list[bytes]:
    """The answer to each message of a body, once what they hold is on disk. Raises Unreadable, Unavailable."""
    judged = [_judge(envelope, now) for envelope in envelopes]
    found = [one for one in judged if isinstance(one, Observations)]
    all_ = Decoded()
    for one in found:
        merge(all_, one.decoded)
    if len(all_.sets) + len(all_.odd) + len(all_.impossible) > SETS_MAX:
        raise Unreadable(f"holds more than {SETS_MAX} sets of readings")
    worries = [worry for one in found for worry in one.worries]
    if len(worries) > CONCERNS_MAX:
        raise Unreadable(f"holds more than {CONCERNS_MAX} concerns")
    await put_on_disk(service, all_, source=who.id, now=now, original=pack(who.id, Format.HL7V2, body))
    unraised = await _be_heard(service, who, worries, now) if worries else {}
    answers = [one if isinstance(one, Answer) else answer_to(one, unraised) for one in judged]
    log.info(
        "readings_message", messages=len(judged), sets=len(all_.sets), kept_aside=len(all_.odd),
        refused=len(all_.refused), concerns=len(worries), outcomes="".join(sorted({one.code for one in answers})),
    )  # fmt: skip
    return [
        ack.acknowledge(envelope.header, answer, own_id(), now)
        for envelope, answer in zip(envelopes, answers, strict=True)
    ]


def own_id() -> str:
    """The control id of an answer."""
    return uuid7().hex[:20]


def batched(body: bytes, answers: Sequence[bytes], now: datetime) -> bytes:
    """The answers as the batch that they answer; the only one by itself."""
    return batch.acknowledge(body, answers, own_id(), now) if batch.is_batch(body) else answers[0]


def _judge(envelope: Envelope, now: datetime) -> Observations | Answer:
    """What a message holds, or why it is not taken as a whole."""
    header = envelope.header
    if (refusal := without_id(header)) is not None:
        return refusal
    if header.code != "ORU":
        return Answer(REJECTED, "MSH-9: in a batch only ORU^R01 is read; send others one at a time", "MSH-9", 200)
    if not is_readings(header):
        return Answer(REJECTED, "MSH-9: of ORU only R01 is read", "MSH-9", 201)
    if (refusal := not_for_us(header)) is not None:
        return refusal
    try:
        return observe(envelope, now)
    except Refused as refused:
        return Answer(ERROR, str(refused), refused.place, refused.code)


def answer_to(found: Observations, unraised: Mapping[str, str]) -> Answer:
    """AA where anything was taken or kept aside: it is on disk, and sending it again would change nothing.

    What of it was refused, kept aside or not used is named, each by its place, as a warning. AE where all was refused,
    or nobody could be told of a concern, by its id with the reason: then a person must hear of it where it came from.
    """
    decoded = found.decoded
    unheard = [
        Remark(f"{one.place}-5", f"nobody was told of this concern: {unraised[one.id]}", 207)
        for one in found.worries
        if one.id in unraised
    ]
    counts = {
        "taken": len(decoded.sets), "kept aside": len(decoded.odd), "refused": len(decoded.refused),
        "raised as a concern": len(found.worries) - len(unheard),
        "NOT raised as a concern, kept aside": len(unheard),
    }  # fmt: skip
    text = "; ".join(f"{count} {what}" for what, count in counts.items() if count) or NOTHING
    is_all_refused = decoded.refused and not (decoded.sets or decoded.odd or found.worries)
    code = ERROR if is_all_refused or unheard else ACCEPTED
    return Answer(code, text, remarks=(*unheard, *found.remarks))


async def _be_heard(service: Service, who: Caller, worries: Sequence[Worry], now: datetime) -> dict[str, str]:
    """Raise concerns; by id those that are about nobody here, with the reason, which are kept aside.

    Raises what the database raises: send it again.
    """
    unraised = await to_thread.run_sync(lambda: [one for worry in worries if (one := _raise(service, who, worry, now))])
    if unraised:
        await put_on_disk(service, Decoded(odd=[_kept(one) for one in unraised]), source=who.id, now=now)
    return {one.worry.id: one.reason for one in unraised}


def _raise(service: Service, who: Caller, worry: Worry, now: datetime) -> Unraised | None:
    """One concern, in a transaction of its own; None where it is raised, now or before."""

    def in_one() -> None:
        with transaction(service.engine) as session:
            act = Act(session, who, now)
            at = now if worry.at is None or worry.at > now else worry.at
            body = ConcernBody(id=worry.id, at=at, patient=_patient(act, worry), from_=From.STAFF, text=worry.text)
            raise_concern(act, body, service.settings)

    try:
        once_more(in_one)
    except Conflict:
        return None  # it says no time, and was raised as of another
    except (Unacceptable, NotFound) as refused:
        return Unraised(worry, str(refused))
    return None


def _patient(act: Act, worry: Worry) -> UUID | None:
    """By NHS number, or by our own id. Raises Unacceptable, NotFound."""
    if worry.patient is None:
        return None
    try:
        return UUID(worry.patient)
    except ValueError:
        found = having(act, worry.patient)
    if found is None:
        raise NotFound("Nobody here has that NHS number.")
    return found.public_id


def _kept(one: Unraised) -> Odd:
    worry = one.worry
    return Odd(
        id=worry.id,
        reason="can hardly be this patient's",
        detail=f"{worry.place}-5: a concern that could not be raised: {one.reason}"[:300],
        document=msgspec.Raw(msgspec.json.encode(worry.line)),
        taken_at=worry.at,
        patient=worry.patient,
    )
