"""Where the system behind an interface is told what became of the referrals that it sent: an admin says so.

Not where a message says that it comes from: what is told is about a patient, and BaRS routes replies by headers that
are not known here.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.bars.tables import BarsReplies
from monitoring.delivery.targets import NO_SECRET, WrongTarget, address, is_secret, new_secret
from monitoring.escalation.tables import By
from monitoring.kit.devices import INTERFACE, device
from monitoring.kit.tables import Device
from monitoring.refusals import Conflict, unacceptable
from monitoring.ucr.teams import Secret, Url


class RepliesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Where, as sent; nowhere (null) ends it. Without a secret one is made, and shown once; one that is there stays."""

    to: Url | None
    secret: Secret | None = None


class RepliesView(msgspec.Struct, kw_only=True):
    """Where, as answered. `secret` only where it was just made."""

    device: UUID
    to: str | None
    set_at: datetime | None
    secret: str | msgspec.UnsetType = msgspec.UNSET


def replies(act: Act, device_id: UUID) -> RepliesView:
    """Where an interface's system is told. Raises NotFound."""
    device(act, device_id)
    found = act.session.get(BarsReplies, _key(act, device_id))
    if found is None:
        return RepliesView(device=device_id, to=None, set_at=None)
    return RepliesView(device=device_id, to=found.to, set_at=found.at)


def set_replies(act: Act, device_id: UUID, body: RepliesBody, *, allow_private: bool) -> RepliesView:
    """Say where. Raises NotFound, Unacceptable; Conflict for a device that sends no referrals."""
    shown = device(act, device_id)
    if shown.kind != INTERFACE:
        raise Conflict("Only an interface sends referrals.", current={"kind": shown.kind})
    if body.secret is not None and not is_secret(body.secret):
        raise unacceptable("secret", NO_SECRET)
    try:
        to = None if body.to is None else address(By.WEBHOOK, body.to, allow_private=allow_private)
    except WrongTarget as error:
        raise unacceptable("to", str(error)) from None
    key = _key(act, device_id, lock=True)
    before = act.session.get(BarsReplies, key)
    known = [] if before is None else before.secrets
    made = new_secret() if to is not None and body.secret is None and not known else None
    newest = [one for one in (body.secret, made) if one is not None]
    found = act.session.merge(
        BarsReplies(device_id=key, to=to, secrets=list(dict.fromkeys((*newest, *known)))[:2], by=act.who.id, at=act.now)
    )
    return RepliesView(device=device_id, to=found.to, set_at=found.at, secret=made or msgspec.UNSET)


def _key(act: Act, device_id: UUID, *, lock: bool = False) -> int:
    query = select(col(Device.id)).where(col(Device.public_id) == device_id)
    key: int = act.session.execute(query.with_for_update(key_share=True) if lock else query).scalar_one()
    return key
