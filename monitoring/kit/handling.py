"""What people do with a device that is nobody's any more: back, cleaned, on the shelf; lost, mended, retired."""

from datetime import datetime
from uuid import UUID

import msgspec

from monitoring.access.tokens import revoke
from monitoring.acts import Act
from monitoring.fields import Instant, Text, in_utc
from monitoring.kit import life
from monitoring.kit.assigning import is_somebodys, take_away
from monitoring.kit.devices import DeviceView, as_it_is, find
from monitoring.kit.states import TAKES_AWAY, Move
from monitoring.kit.tables import Device
from monitoring.refusals import Conflict, unacceptable


class MoveBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """When it was, where not now, and what else there is to say."""

    at: Instant | None = None
    note: Text | None = None


def handle(act: Act, device_id: UUID, move: Move, body: MoveBody) -> DeviceView:
    """Move a device. Raises NotFound, Unacceptable; Conflict with where it is.

    What came back, was lost or broke is nobody's from then on. What is retired is shut out; what is lost is not: should
    it still measure somebody, that is kept aside for a person rather than refused.
    """
    found = find(act, device_id)
    at = _when(act, found, body)
    if move in TAKES_AWAY:
        take_away(act, found, at)
        if is_somebodys(act, found):
            raise Conflict("Somebody on another ward has it, or is to have it.", current=life.current(found))
    life.go(act, found, move, at, body.note)
    if move is Move.RETIRE:
        revoke(act.session, act.now, device_id=found.id)
    act.session.flush()
    return as_it_is(act, found)


def _when(act: Act, device: Device, body: MoveBody) -> datetime:
    if body.at is None:
        return act.now
    at, last_at = in_utc("at", body.at), life.last_at(act, device)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    if last_at is not None and at < last_at:
        raise Conflict(
            "That is before what was done with it last.", current={**life.current(device), "last_at": last_at}
        )
    return at
