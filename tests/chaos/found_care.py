"""What the database holds of the care of some patients, read by plain SQL; and what those who are told have heard."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tests.chaos.staff import Promised
from tests.receivers import Call

STEP: Final = "escalation.step"


@dataclass(frozen=True, slots=True)
class StoredLadder:
    """Where an alert stands on its ladder."""

    alert: UUID
    run: int


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step that an alert took."""

    id: UUID
    alert: UUID
    run: int
    step: int
    repeat: int
    taken: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """What a step said to somebody, and under which id it goes out."""

    id: UUID
    step: UUID
    alert: UUID
    state: str
    give_up_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A step that somebody was told of, and under which id."""

    id: UUID
    step: UUID


@dataclass(frozen=True, slots=True)
class Care:
    """Everything that is there of some patients' care."""

    at: datetime  # when it was looked at
    ladders: list[StoredLadder] = field(default_factory=list)
    steps: list[StoredStep] = field(default_factory=list)  # in the order they were taken
    messages: list[StoredMessage] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    stays: list[tuple[UUID, bool]] = field(default_factory=list)  # of the ward: patients, and whether they left
    occupied: int = 0  # as the API counts
    audited: list[str] = field(default_factory=list)  # requests


LADDERS: Final = """
SELECT alert.public_id AS alert, run FROM escalation JOIN alert ON alert.id = escalation.alert_id
JOIN patient ON patient.id = alert.patient_id WHERE patient.public_id = ANY(%s)
"""

STEPS: Final = """
SELECT ladder_step.public_id AS id, alert.public_id AS alert, run, step, repeat, taken, at
FROM ladder_step JOIN alert ON alert.id = ladder_step.alert_id JOIN patient ON patient.id = alert.patient_id
WHERE patient.public_id = ANY(%s) ORDER BY ladder_step.id
"""

MESSAGES: Final = """
SELECT coalesce(sent_as, message.public_id) AS id, ladder_step.public_id AS step, alert.public_id AS alert,
       message.state, give_up_at, done_at
FROM message JOIN ladder_step ON ladder_step.id = message.ladder_step_id JOIN alert ON alert.id = message.alert_id
JOIN patient ON patient.id = alert.patient_id WHERE patient.public_id = ANY(%s)
"""

STAYS: Final = """
SELECT patient.public_id, until_at IS NOT NULL FROM ward_stay
JOIN patient ON patient.id = ward_stay.patient_id JOIN ward ON ward.id = ward_stay.ward_id WHERE ward.code = %s
"""

AUDITED: Final = "SELECT request_id FROM audit_event WHERE request_id = ANY(%s)"

WAITING: Final = """
SELECT EXISTS (SELECT FROM message WHERE state IN ('pending', 'sending') AND next_at < now() + interval '30 s')
    OR EXISTS (SELECT FROM escalation WHERE due_at < now())
"""


def find_care(
    connection: psycopg.Connection, patients: Collection[UUID], promised: Promised, calls: Sequence[Call],
    occupied: int, now: datetime,
) -> Care:  # fmt: skip
    """Read all that was done about these patients, and what the staff did on their ward."""
    whose = [list(patients)]
    with (
        connection.cursor(row_factory=class_row(StoredLadder)) as ladders,
        connection.cursor(row_factory=class_row(StoredStep)) as steps,
        connection.cursor(row_factory=class_row(StoredMessage)) as messages,
    ):
        found = messages.execute(MESSAGES, whose).fetchall()
        taken = steps.execute(STEPS, whose).fetchall()
        ours = {one.id for one in taken}
        looks = [look.request_id for look in promised.looks]
        return Care(
            at=now,
            ladders=ladders.execute(LADDERS, whose).fetchall(),
            steps=taken,
            messages=found,
            heard=[one for one in _heard(list(calls)) if one.step in ours],
            stays=connection.execute(STAYS, [promised.ward]).fetchall(),
            occupied=occupied,
            audited=[request for (request,) in connection.execute(AUDITED, [looks])],
        )


def is_settled(connection: psycopg.Connection) -> bool:
    """Whether nothing is due that was not done: no step, and no message."""
    return connection.execute(WAITING).fetchone() == (False,)


def never_taken(connection: psycopg.Connection, calls: Sequence[Call]) -> list[Heard]:
    """What somebody was told of and no alert has taken: a transaction that was undone spoke all the same."""
    heard = _heard(list(calls))  # first, for what is told meanwhile is not there yet
    steps = {step for (step,) in connection.execute("SELECT public_id FROM ladder_step")}
    return [one for one in heard if one.step not in steps]


def _heard(calls: Sequence[Call]) -> list[Heard]:
    """Several alerts may stand in one message."""
    heard = []
    for call in calls:
        said = json.loads(call.body)
        if said["type"] == STEP:
            data = said["data"]
            heard += [Heard(UUID(call.id), UUID(one["escalation"])) for one in (data, *data.get("also", ()))]
    return heard
