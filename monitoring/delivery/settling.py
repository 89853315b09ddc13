"""What follows from an attempt: done, once more, by the next way; or, with no way left, the ladder's next step at once.

The last of these takes the alert's row first, for the escalation under it changes. Each is one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import Engine
from sqlmodel import Session
from uuid_utils.compat import uuid7

from monitoring.database import driver, transaction
from monitoring.delivery.channels.attempts import NotDelivered, Taken
from monitoring.delivery.claiming import Claimed
from monitoring.delivery.outbox import CHANNEL, Way
from monitoring.escalation.tables import MessageState

TRIES_MAX: Final = 4
"""By a way that has another behind it: some seven seconds. By the last one as long as the step lasts."""
DELAY_S_MAX: Final = 30.0
TOO_LATE: Final = "not sent in time"


@dataclass(frozen=True, slots=True)
class Again:
    """The same way once more."""

    at: datetime


class Onward:
    """The next way, at once."""


class Over:
    """Nobody is reached by this message."""


_OUTCOMES: Final = {Again: "retried", Onward: "moved_on", Over: "failed"}


def after(message: Claimed, failure: NotDelivered, now: datetime, chance: float) -> Again | Onward | Over:
    """What a failed attempt calls for. `chance`, 0 to 1, spreads those that failed together."""
    has_another, in_time = len(message.ways) > 1, now < message.give_up_at
    if not in_time:
        return Over()
    if failure.permanent or (has_another and message.tries >= TRIES_MAX):
        return Onward() if has_another else Over()
    delay_s = min(DELAY_S_MAX, 2.0 ** (message.tries - 1)) * (0.75 + chance / 2)
    at = now + timedelta(seconds=max(delay_s, failure.after_s or 0))
    if at < message.give_up_at:
        return Again(at)
    return Onward() if has_another else Over()


def settle(engine: Engine, message: Claimed, came_of_it: Taken | NotDelivered, now: datetime, chance: float) -> str:
    """Write down what came of an attempt, for all that went out with it. Returns it in a word, for the metrics.

    Where somebody else took a message over meanwhile, or cancelled it, a failure changes nothing any more.
    """
    with transaction(engine) as session:
        outcomes = {
            one.id: _settle(session, one, came_of_it, now, chance)
            for one in sorted((message, *message.also), key=lambda one: one.alert_id or 0)
        }
        if isinstance(came_of_it, NotDelivered) and came_of_it.gone:
            failing(session, message.ways[0], now)
    return outcomes[message.id]


def _settle(session: Session, message: Claimed, came_of_it: Taken | NotDelivered, now: datetime, chance: float) -> str:
    if isinstance(came_of_it, Taken):
        _delivered(session, message, came_of_it, now)
        return "delivered"
    todo = after(message, came_of_it, now, chance)
    this = {"id": message.id, "attempts": message.attempts}
    if isinstance(todo, Again):
        driver(session).execute(_AGAIN, this | {"at": todo.at, "error": came_of_it.reason})
    elif isinstance(todo, Onward):
        onward(session, this, message.ways[1:], came_of_it.reason, now)
    else:
        over(session, this, came_of_it.reason, now)
    return _OUTCOMES[type(todo)]


def give_up(engine: Engine, message_id: int, now: datetime) -> None:
    """A message whose time is over before it could be sent."""
    with transaction(engine) as session:
        over(session, {"id": message_id, "attempts": None}, TOO_LATE, now, was=MessageState.PENDING)


# One statement, for all others to that address wait for it. What a person cancelled and had left all the same is told
# as it was; a provider that took a message has not reached anybody yet.
_DELIVERED: Final = """
WITH done AS (
    UPDATE message SET state = 'delivered', done_at = %(now)s, lease_until = NULL, error = NULL,
        receipt = %(receipt)s::text, ways = CASE WHEN %(receipt)s::text IS NULL THEN '[]' ELSE ways END
    WHERE id = %(id)s AND attempts = %(attempts)s AND state IN ('sending', 'cancelled'))
UPDATE contact SET failing_since = NULL
WHERE %(receipt)s::text IS NULL AND "to" = %(to)s AND by = %(by)s AND failing_since IS NOT NULL
"""
_AGAIN: Final = """
UPDATE message SET state = 'pending', next_at = %(at)s, lease_until = NULL, error = %(error)s
WHERE id = %(id)s AND attempts = %(attempts)s AND state = 'sending'
"""
_ONWARD: Final = """
UPDATE message SET state = 'pending', next_at = %(now)s, lease_until = NULL, done_at = NULL, receipt = NULL, tries = 0,
    by = %(by)s, address = %(address)s, ways = %(ways)s, error = %(error)s
WHERE id = %(id)s AND state = %(was)s AND (%(attempts)s::int IS NULL OR attempts = %(attempts)s)
"""
_FAILED: Final = """
UPDATE message SET state = 'failed', done_at = %(now)s, lease_until = NULL, ways = '[]', error = %(error)s
WHERE id = %(id)s AND state = %(was)s AND (%(attempts)s::int IS NULL OR attempts = %(attempts)s)
RETURNING alert_id, ladder_step_id
"""
_LOCK_ALERT: Final = """
SELECT FROM alert WHERE id = (SELECT alert_id FROM message WHERE id = %s) FOR NO KEY UPDATE
"""
_OTHERS: Final = """
SELECT FROM message WHERE ladder_step_id = %s AND state IN ('pending', 'sending', 'delivered') LIMIT 1
"""
_STEP_FAILED: Final = """
INSERT INTO ladder_step (public_id, alert_id, run, step, repeat, severity, tell, taken, reason, people, due_at, at)
SELECT %(public_id)s, alert_id, run, step, repeat, severity, tell, 'failed', %(reason)s::text, 0, due_at, %(now)s
FROM ladder_step WHERE id = %(step)s
ON CONFLICT (alert_id, run, step, repeat, taken) DO NOTHING
"""
# Not where the ladder has gone on or begun anew since; not from a step by hand, which is none of the ladder's; and not
# from the last step, which repeats by itself: with nobody in reach it would spin.
_NEXT_STEP: Final = """
UPDATE escalation SET due_at = %(now)s FROM ladder_step AS taken, alert
WHERE taken.id = %(step)s AND taken.step >= 0 AND alert.id = taken.alert_id AND alert.state = 'open'
  AND escalation.alert_id = taken.alert_id AND escalation.run = taken.run AND escalation.step = taken.step + 1
  AND escalation.step < jsonb_array_length(escalation.ladder) AND escalation.due_at > %(now)s
"""
_FAILING: Final = """
UPDATE contact SET failing_since = %(now)s WHERE "to" = %(to)s AND by = %(by)s AND failing_since IS NULL
"""
_WORKS: Final = """
UPDATE contact SET failing_since = NULL WHERE "to" = %(to)s AND by = %(by)s AND failing_since IS NOT NULL
"""


def _delivered(session: Session, message: Claimed, taken: Taken, now: datetime) -> None:
    way = message.ways[0]
    values = {"now": now, "receipt": taken.receipt, "id": message.id, "attempts": message.attempts}
    driver(session).execute(_DELIVERED, values | {"to": way.to, "by": way.by})


def onward(
    session: Session,
    this: Mapping[str, int | None],
    ways: tuple[Way, ...],
    reason: str,
    now: datetime,
    was: MessageState = MessageState.SENDING,
) -> None:
    """A message goes by the first of these ways, at once. `this`: its id and, where an attempt is meant, its number."""
    first = ways[0]
    values = {
        "now": now,
        "was": was,
        "by": first.by,
        "address": first.address,
        "ways": Jsonb(msgspec.to_builtins(ways)),
        "error": reason,
    }
    driver(session).execute(_ONWARD, {**this, **values})
    driver(session).execute(f"NOTIFY {CHANNEL}")


def over(
    session: Session,
    this: Mapping[str, int | None],
    reason: str,
    now: datetime,
    was: MessageState = MessageState.SENDING,
) -> None:
    """A message failed. Where it was the last hope of its step, the ladder takes the next one at once."""
    connection = driver(session)
    lock_alert_of(connection, this["id"])
    with connection.cursor(row_factory=dict_row) as cursor:
        failed = cursor.execute(_FAILED, {**this, "now": now, "was": was, "error": reason}).fetchone()
    if failed is None or failed["ladder_step_id"] is None or failed["alert_id"] is None:
        return
    step = failed["ladder_step_id"]
    if connection.execute(_OTHERS, (step,)).fetchone() is not None:
        return
    values = {"step": step, "now": now, "public_id": uuid7(), "reason": f"no message arrived: {reason}"}
    connection.execute(_STEP_FAILED, values)
    connection.execute(_NEXT_STEP, values)


def lock_alert_of(connection: psycopg.Connection, message_id: int | None) -> None:
    """Whoever fails a message may change the escalation of its alert, whose row comes first."""
    connection.execute(_LOCK_ALERT, (message_id,))


def failing(session: Session, way: Way, now: datetime) -> None:
    """Nobody is there: whoever lists that way is warned."""
    driver(session).execute(_FAILING, {"now": now, "to": way.to, "by": way.by})


def works(session: Session, way: Way) -> None:
    """Somebody was reached that way: whoever lists it need not be warned any more."""
    driver(session).execute(_WORKS, {"to": way.to, "by": way.by})
