"""Delivery receipts: a provider says later whether what it took arrived. What did not goes by the next way at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg.rows import dict_row
from sqlmodel import Session

from monitoring.database import driver
from monitoring.delivery.channels.notify import UNDELIVERED, undelivered
from monitoring.delivery.outbox import Way
from monitoring.delivery.settling import failing, lock_alert_of, onward, over, works
from monitoring.escalation.tables import MessageState
from monitoring.metrics import MESSAGES
from monitoring.refusals import NotFound

_FOUND: Final = "SELECT id FROM message WHERE public_id = %s"
_ALSO: Final = "SELECT id FROM message WHERE sent_as = %s AND id <> %s ORDER BY alert_id"
_LOCKED: Final = "SELECT id, public_id, by, state, ways, give_up_at FROM message WHERE id = %s FOR NO KEY UPDATE"
_ARRIVED: Final = "UPDATE message SET ways = '[]' WHERE id = %s"
_STATE: Final = "SELECT state FROM message WHERE id = %s"


class NotifyReceipt(msgspec.Struct):
    """What GOV.UK Notify posts. It holds more, and may hold yet more one day: here nothing unknown is refused."""

    status: str
    reference: str | None = None


class Receipt(msgspec.Struct):
    """The message that a receipt was for, as it now is."""

    id: UUID
    state: MessageState


def receive(session: Session, said: NotifyReceipt, now: datetime) -> Receipt:
    """Take note of a receipt. Raises NotFound for one of a message that is not ours, or forgotten.

    The reference tells the way that it is about: a message that went on meanwhile is left alone.
    """
    connection = driver(session)
    public_id, place = _referred(said.reference)
    known = connection.execute(_FOUND, (public_id,)).fetchone()
    if known is None:
        raise NotFound("There is no message with that reference.")
    for (also,) in connection.execute(_ALSO, (public_id, known[0])).fetchall():
        _receive(session, also, place, said, now)
    return _receive(session, known[0], place, said, now)


def _receive(session: Session, key: int, place: int, said: NotifyReceipt, now: datetime) -> Receipt:
    connection = driver(session)
    lock_alert_of(connection, key)
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_LOCKED, (key,)).fetchone()
    if row is None:
        raise NotFound("There is no message with that reference.")
    ways = msgspec.convert(row["ways"], tuple[Way, ...])
    state = MessageState(row["state"])
    if len(ways) == place and state in {MessageState.SENDING, MessageState.DELIVERED}:
        if said.status in UNDELIVERED:
            _undelivered(session, row["id"], state, ways, said.status, now, in_time=now < row["give_up_at"])
        elif said.status == "delivered":
            works(session, ways[0])
            if state is MessageState.DELIVERED:
                connection.execute(_ARRIVED, (key,))
    elif not ways and state is MessageState.DELIVERED and said.status in UNDELIVERED:
        over(session, _this(row["id"]), undelivered(said.status).reason, now, was=state)
    (after,) = connection.execute(_STATE, (key,)).fetchone() or (state,)
    return Receipt(row["public_id"], MessageState(after))


def _undelivered(
    session: Session, key: int, was: MessageState, ways: tuple[Way, ...], status: str, now: datetime, *, in_time: bool
) -> None:
    failure = undelivered(status)
    MESSAGES.labels(ways[0].by, "undelivered").inc()
    if in_time and len(ways) > 1:
        onward(session, _this(key), ways[1:], failure.reason, now, was=was)
    else:
        over(session, _this(key), failure.reason, now, was=was)
    if failure.gone:
        failing(session, ways[0], now)


def _this(key: int) -> Mapping[str, int | None]:
    return {"id": key, "attempts": None}


def _referred(reference: str | None) -> tuple[UUID, int]:
    """The message's id, and which of its ways. Raises NotFound where it is no reference of ours."""
    public_id, _, place = (reference or "").partition("/")
    try:
        return UUID(public_id), int(place)
    except ValueError as error:
        raise NotFound("There is no message with that reference.") from error
