"""The steps of many alerts as they were taken, and what each alert's history says of it: a statement each for all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session
from uuid_utils.compat import uuid7

from alert_rules.alarms import State
from monitoring.bulk import as_rows, insert_into, row_of
from monitoring.database import driver
from monitoring.escalation.tables import Taken
from monitoring.escalation.telling import Told

_STEP: Final = {
    "public_id": "uuid", "alert_id": "bigint", "run": "integer", "step": "smallint", "repeat": "integer",
    "severity": "smallint", "tell": "text", "taken": "text", "reason": "text", "people": "integer",
    "due_at": "timestamptz", "at": "timestamptz",
}  # fmt: skip
_HISTORY: Final = {
    "alert_id": "bigint", "at": "timestamptz", "from_state": "text", "to_state": "text", "severity": "integer",
    "what": "text", "note": "text",
}  # fmt: skip
_Step, _History = row_of("Step", _STEP), row_of("History", _HISTORY)
_INSERT_STEPS: Final = insert_into("ladder_step", _STEP) + " RETURNING public_id, id"
_INSERT_HISTORY: Final = insert_into("alert_history", _HISTORY)


def record(session: Session, told: Sequence[Told], now: datetime) -> list[tuple[int, UUID]]:
    """Write the steps, and each alert's history. Returns their keys, inside and outside, in the order given."""
    if not told:
        return []
    session.flush()  # what was noted before comes before
    public_ids: list[UUID] = [uuid7() for _ in told]
    connection = driver(session)
    steps = [
        _Step(
            public_id, one.due.alert.id, one.due.escalation.run, one.place.step, one.place.repeats,
            one.due.alert.severity, one.step.tell, one.reach.taken, one.reach.reason, len(one.reach.to), one.due_at,
            now,
        )
        for public_id, one in zip(public_ids, told, strict=True)
    ]  # fmt: skip
    keys: dict[UUID, int] = dict(connection.execute(_INSERT_STEPS, (as_rows(steps),)).fetchall())
    connection.execute(_INSERT_HISTORY, (as_rows([_history(one, now) for one in told]),))
    return [(keys[public_id], public_id) for public_id in public_ids]


def _history(told: Told, now: datetime) -> msgspec.Struct:
    alert, state = told.due.alert, State(told.due.alert.state)
    who = told.step.tell + (f" ({', '.join(told.reach.names)})" if told.reach.names else "")
    what = f"told {who}" if told.reach.taken is Taken.TOLD else f"passed over {told.step.tell}"
    return _History(alert.id, now, state, state, alert.severity, what, told.reach.reason)
