"""Which messages are sent next: claimed for a while by whoever sends them, in order per address.

One connection that never waits for a lock of rows: it holds, for its session, the shared advisory locks of the alerts
whose messages are being sent. Where its process dies the locks go with it, and the leases run out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import dict_row

from alert_rules.ladder import FALLBACK
from alert_rules.severity import Severity
from monitoring.answering import AsyncBounded
from monitoring.delivery.outbox import SENDING_LOCK, Way, lock_key

LEASE: Final = timedelta(seconds=12)
"""A little longer than any attempt takes. A message whose sender died is sent again after it, under the same id."""

CLAIM_LOCK: Final = 7_714
"""Of the transaction that claims: two at once could both find an address free."""

RECOVERED_MAX: Final = 200
GIVEN_UP_MAX: Final = 100

# The last step of an alert that is not critical: several of one ward are told in one message (`together.py`).
_GOES_TOGETHER: Final = f"""(
    {{of}}.severity < {Severity.CRITICAL:d} AND {{of}}.body ->> 'type' = 'escalation.step'
    AND {{of}}.body -> 'data' ->> 'tell' = '{FALLBACK}')"""
# An address is free where nothing is being sent to it. To one address the graver goes first, then the older; what waits
# for its next attempt holds back later ones that are no graver.
_DUE: Final = f"""
SELECT id, alert_id,
       CASE WHEN {_GOES_TOGETHER.format(of="mine")} THEN coalesce(sent_as, public_id) END AS sent_as
FROM message AS mine
WHERE state = 'pending' AND next_at <= %(now)s AND give_up_at > %(now)s AND NOT EXISTS (
    SELECT FROM message AS other
    WHERE other.address = mine.address AND other.state IN ('pending', 'sending') AND other.id <> mine.id AND (
        other.state = 'sending'
        OR (other.id < mine.id AND other.severity >= mine.severity)
        OR (other.severity > mine.severity AND other.next_at <= %(now)s)))
ORDER BY severity DESC, next_at, id LIMIT %(most)s
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - a constant of ours
# What goes out with one of those: what went with it before or, at the first attempt, what was never tried either. So
# an alert is named under one id only, whoever dies when, and an id that was heard never names another alert.
_ALSO: Final = f"""
SELECT other.id, other.alert_id, coalesce(first.sent_as, first.public_id) AS sent_as
FROM message AS first JOIN message AS other ON other.address = first.address AND other.ways = first.ways
    AND other.ward_id = first.ward_id AND other.sent_as IS NOT DISTINCT FROM first.sent_as
WHERE first.id = ANY(%(first)s) AND other.id <> ALL(%(first)s) AND other.state = 'pending'
  AND other.next_at <= %(now)s AND other.give_up_at > %(now)s AND {_GOES_TOGETHER.format(of="other")}
ORDER BY other.severity DESC, other.id LIMIT %(most)s
FOR UPDATE OF other SKIP LOCKED
"""  # noqa: S608 - a constant of ours
# Each lock is tried once, for each message: they are counted, and given back one by one.
_CLAIM: Final = """
WITH held AS MATERIALIZED (
    SELECT id, sent_as FROM unnest(%(ids)s::bigint[], %(keys)s::int[], %(sent_as)s::uuid[]) AS due (id, key, sent_as)
    WHERE key IS NULL OR pg_try_advisory_lock_shared(%(lock)s, key))
UPDATE message
SET state = 'sending', attempts = attempts + 1, tries = tries + 1, lease_until = %(lease_until)s,
    sent_as = held.sent_as
FROM held WHERE message.id = held.id
RETURNING message.id, public_id, message.sent_as, alert_id, severity, ways, body, attempts, tries, give_up_at,
    created_at
"""
_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({CLAIM_LOCK})"
_RECOVER: Final = """
UPDATE message SET state = 'pending', next_at = %(now)s, lease_until = NULL
WHERE id IN (SELECT id FROM message WHERE state = 'sending' AND lease_until <= %(now)s
             ORDER BY lease_until LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
_SOONEST: Final = "SELECT min(next_at) FROM message WHERE state = 'pending' AND next_at > %s"
_TOO_LATE: Final = """
SELECT id FROM message WHERE state = 'pending' AND next_at <= %(now)s AND give_up_at <= %(now)s
ORDER BY next_at LIMIT %(most)s
"""
_LET_GO: Final = "SELECT pg_advisory_unlock_shared(%s, key) FROM unnest(%s::int[]) AS key"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send. `attempts` tells this attempt from a later one, by whomever."""

    id: int
    public_id: UUID
    sent_as: UUID | None  # the id under which it goes out, where that is not its own
    alert_id: int | None
    severity: int
    ways: tuple[Way, ...]  # the present one first; none where nobody can read them
    body: dict[str, Any]
    attempts: int
    tries: int  # by the present way, this one included
    give_up_at: datetime
    created_at: datetime
    also: tuple["Claimed", ...] = ()  # what goes out with it, in one message

    @property
    def by(self) -> str:
        """How it is sent, for logs and metrics."""
        return self.ways[0].by if self.ways else "none"


async def connect(database_url: str) -> AsyncBounded:
    """A connection for claims. What stops in the midst of one is cut off by the server."""
    options = "-c timezone=UTC -c idle_in_transaction_session_timeout=5s -c lock_timeout=5s -c statement_timeout=30s"
    return await AsyncBounded.to(database_url, options=options)


async def recover(connection: psycopg.AsyncConnection, now: datetime) -> None:
    """What dead senders had taken over is free again."""
    await connection.execute(_RECOVER, {"now": now, "most": RECOVERED_MAX})


async def claim(
    connection: psycopg.AsyncConnection, now: datetime, most: int, also_most: int
) -> tuple[list[Claimed], bool]:
    """Take over messages that are due, and up to `also_most` others that go out with them. In no order.

    Also whether some were passed over just now.

    Whoever cancels holds the lock of its alert: such a message is left alone, and looked at again soon.
    """
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_BEGIN)
        await cursor.execute(_DUE, {"now": now, "most": most})
        found = await cursor.fetchall()
        if first := [row["id"] for row in found if row["sent_as"] is not None]:
            await cursor.execute(_ALSO, {"first": first, "now": now, "most": also_most})
            found += await cursor.fetchall()
        due = {row["id"]: row for row in found}
        claimed = []
        if due:
            keys = [None if row["alert_id"] is None else lock_key(row["alert_id"]) for row in due.values()]
            sent_as = [row["sent_as"] for row in due.values()]
            values = {
                "ids": list(due), "keys": keys, "sent_as": sent_as, "lock": SENDING_LOCK, "lease_until": now + LEASE,
            }  # fmt: skip
            await cursor.execute(_CLAIM, values)
            claimed = [_claimed(row) for row in await cursor.fetchall()]
        await cursor.execute("COMMIT")
    return claimed, len(claimed) < len(due)


async def let_go(connection: psycopg.AsyncConnection, alerts: Sequence[int]) -> None:
    """Give back the locks of attempts that ended, one each."""
    if alerts:
        await connection.execute(_LET_GO, (SENDING_LOCK, [lock_key(alert_id) for alert_id in alerts]))


async def too_late(connection: psycopg.AsyncConnection, now: datetime, but: Collection[int]) -> list[int]:
    """Messages whose time is over, but those that are seen to already."""
    cursor = await connection.execute(_TOO_LATE, {"now": now, "most": GIVEN_UP_MAX + len(but)})
    return [key for (key,) in await cursor.fetchall() if key not in but]


async def soonest(connection: psycopg.AsyncConnection, now: datetime) -> datetime | None:
    """When the next attempt is due that is not due yet."""
    row = await (await connection.execute(_SOONEST, (now,))).fetchone()
    return row[0] if row else None


def _claimed(row: dict[str, Any]) -> Claimed:
    try:
        ways = msgspec.convert(row["ways"], tuple[Way, ...])
    except msgspec.ValidationError:
        ways = ()  # it fails, and keeps nobody else waiting
    return Claimed(**row | {"ways": ways})
