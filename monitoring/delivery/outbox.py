"""The outbox: what is to be told, written in the transaction of what it tells, and taken back when somebody answers.

Who sends it holds, from before a message is marked as being sent until it is, a shared advisory lock of the message's
alert (`claiming.py`). `cancel` waits for that lock: nobody is paged after an acknowledgement that was answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from psycopg.errors import LockNotAvailable
from sqlmodel import Session
from uuid_utils.compat import uuid7

from monitoring.bulk import as_rows, insert_into, row_of
from monitoring.database import driver
from monitoring.escalation.tables import By, MessageState

CHANNEL: Final = "message"
"""NOTIFY only wakes whoever delivers; the rows are the truth."""

SENDING_LOCK: Final = 7_713
"""With `lock_key` of an alert: held shared while one of its messages is being sent, exclusively while they are
cancelled."""

CANCEL_WAITS: Final = "2s"
"""For messages that are being sent at this moment. Whoever acknowledges should not wait for a receiver that hangs."""

KEPT_FOR: Final = timedelta(days=90)
"""What went out, to whom and what came of it."""

BODY_BYTES_MAX: Final = 20_000  # what Standard Webhooks recommends at most
ADDRESS_LENGTH_MAX: Final = 400  # of one that is kept as it is: longer ones would not fit into an index

_CANCEL: Final = """
UPDATE message SET state = 'cancelled', done_at = %(now)s, ways = '[]', lease_until = NULL
WHERE alert_id = %(alert)s AND state = ANY(%(states)s)
"""


_COLUMNS: Final = {
    "public_id": "uuid", "alert_id": "bigint", "ladder_step_id": "bigint", "ward_id": "bigint", "staff_id": "bigint",
    "severity": "smallint", "by": "text", "address": "text", "ways": "jsonb", "body": "jsonb", "state": "text",
    "attempts": "smallint", "tries": "smallint", "next_at": "timestamptz", "give_up_at": "timestamptz",
    "created_at": "timestamptz",
}  # fmt: skip
_Row: Final = row_of("Row", _COLUMNS)
_INSERT: Final = insert_into("message", _COLUMNS)


class Way(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way to reach somebody. `secrets` sign a webhook, the newest first.

    `bars`: a webhook to a system that takes FHIR messages in BaRS's shape. They are made when they are sent.
    """

    by: By
    to: str
    secrets: tuple[str, ...] = ()
    bars: bool = False

    @property
    def address(self) -> str:
        """What tells one receiver from another. An Apprise URL is a credential, and not kept readable."""
        if self.by is By.APPRISE or len(self.to) > ADDRESS_LENGTH_MAX:
            return f"{self.by}:{sha256(self.to.encode()).hexdigest()}"
        return self.to


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something to tell somebody. `ways` in order of preference, at least one; `body` as a webhook gets it."""

    ways: Sequence[Way]
    body: Mapping[str, Any]  # {"type", "timestamp", "data"}: ids, ward, severity, a link; never a name or a vital sign
    severity: int
    give_up_at: datetime
    alert_id: int | None = None
    ladder_step_id: int | None = None
    ward_id: int | None = None
    staff_id: int | None = None


def put(session: Session, messages: Sequence[NewMessage], now: datetime) -> None:
    """Write messages; who delivers them is woken by the commit."""
    if not messages:
        return
    session.flush()  # of what they tell
    connection = driver(session)
    connection.execute(_INSERT, (as_rows([_row(message, now) for message in messages]),))
    connection.execute(f"NOTIFY {CHANNEL}")


def cancel(session: Session, alert_id: int, now: datetime) -> None:
    """Take back what is not sent of an alert whose row is locked, and wait (2 s at most) for what is being sent."""
    connection = driver(session)
    values = {"now": now, "alert": alert_id}
    connection.execute(_CANCEL, values | {"states": [MessageState.PENDING]})  # from here on nobody begins to send
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{CANCEL_WAITS}'")
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (SENDING_LOCK, lock_key(alert_id)))
            connection.execute("SET LOCAL lock_timeout TO DEFAULT")
    except LockNotAvailable:
        pass  # a receiver hangs: whoever acknowledged is answered all the same
    connection.execute(_CANCEL, values | {"states": [MessageState.PENDING, MessageState.SENDING]})


def lock_key(alert_id: int) -> int:
    """The second half of an alert's advisory lock. Two alerts that share one only wait for each other."""
    return alert_id & 0x7FFF_FFFF


def _row(message: NewMessage, now: datetime) -> msgspec.Struct:
    first = message.ways[0]
    body = dict(message.body)
    assert len(msgspec.json.encode(body)) < BODY_BYTES_MAX, "a body is thin: ids and a link"
    return _Row(
        uuid7(), message.alert_id, message.ladder_step_id, message.ward_id, message.staff_id, message.severity,
        first.by, first.address, message.ways, body, MessageState.PENDING, 0, 0, now, message.give_up_at, now,
    )  # fmt: skip
