"""What leaves as a FHIR message: our referral to a team's own system, and replies to who asked for a visit.

In the outbox stands a thin body, as for every message; the FHIR message is made of the referral as it is when it is
sent, so that what is about the patient is kept nowhere else. The outbox's id of a message is its X-Request-Id.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from monitoring.bars import reading, writing
from monitoring.bars.tables import BarsMessage, BarsReplies, Did
from monitoring.bars.writing import Resource
from monitoring.config import Settings
from monitoring.database import snapshot
from monitoring.delivery.channels.attempts import NotDelivered
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.escalation.tables import By
from monitoring.ucr.states import LIVE, State
from monitoring.ucr.tables import UcrReferral

REPLY: Final = "bars.reply"
NEW: Final = "ucr.referral"
UPDATES: Final = frozenset({"ucr.updated", "ucr.told_again", "ucr.cancelled", "ucr.withdrawn"})
"""BaRS knows a new request and its updates, and no warnings of a clock: those are for the team's people."""
TRIED_FOR: Final = timedelta(hours=1)
"""How long a reply is tried. Who hears nothing acts by the breach time: that is BaRS's fail-safe. The design's own."""
NOWHERE: Final = "urn:virtual-ward"
"""Where we are, while nobody has set our public address."""


def can_be_said(what: str) -> bool:
    """Whether BaRS has a message for what happened to a referral."""
    return f"ucr.{what}" in {NEW, *UPDATES}


def reply(session: Session, referral: UcrReferral, what: str, now: datetime) -> None:
    """Tell who asked for this visit by a FHIR message what became of it, where an admin said where."""
    query = (
        select(BarsMessage, BarsReplies)
        .join(BarsReplies, col(BarsReplies.device_id) == col(BarsMessage.device_id))
        .where(col(BarsMessage.chain) == referral.chain, col(BarsMessage.did) == Did.REFERRED)
    )
    row = session.execute(query).one_or_none()
    if row is None or row[1].to is None:
        return
    asked, there = row
    body = {
        "type": REPLY,
        "timestamp": now,
        "data": {"referral": referral.public_id, "answers": asked.bundle_id, "what": what},
    }
    way = Way(By.WEBHOOK, there.to, tuple(there.secrets), bars=True)
    message = NewMessage([way], body, referral.severity, now + TRIED_FOR, ward_id=referral.ward_id)
    put(session, [message], now)


def bundle(engine: Engine, settings: Settings, body: Mapping[str, Any], now: datetime) -> Resource:
    """The FHIR message that a body stands for. Raises NotDelivered where there is none to send any more."""
    said, here = body["data"], settings.public_url or NOWHERE
    with snapshot(engine) as session:
        shown = reading.of(session, UUID(said["referral"]))
    if shown is None:
        raise NotDelivered("there is no such referral", permanent=True)
    if body["type"] == REPLY:
        return writing.reply(shown, said["answers"], here, now)
    if body["type"] == NEW and State(shown.referral.state) not in LIVE:
        raise NotDelivered("the referral has ended", permanent=True)
    return writing.request(shown, here, now, reason="new" if body["type"] == NEW else "update")
