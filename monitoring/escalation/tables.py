"""Ladders and where each alert stands on its own; who can be told, and how; every message that leaves.

An alert's `escalation` row holds one stored deadline: whatever the alert owes next. Whoever changes that row has locked
the alert's row. Messages are written in the transaction of what they tell, and delivered by another.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from monitoring.access.roles import Role
from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class By(StrEnum):
    """How somebody is told."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    SMS = "sms"
    APPRISE = "apprise"  # Teams, Slack, pagers and what else Apprise knows


class WardLadders(SQLModel, table=True):
    """A ward's own ladders, in place of its pathway's. The newest row counts; written once.

    `ladders` by severity's name, or `no_hospital`: lists of steps as `alert_rules.ladder` reads them.
    """

    __tablename__ = "ward_ladders"
    __table_args__ = (Index("ward_ladders_of", "ward_id", "id"),)

    id: int = internal_key()
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    ladders: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    at: datetime = instant()


class WardRoutes(SQLModel, table=True):
    """A ward's ways out: number, hours, and how they can be told, by `alert_rules.ladder.ROUTES`. The newest counts."""

    __tablename__ = "ward_routes"
    __table_args__ = (Index("ward_routes_of", "ward_id", "id"),)

    id: int = internal_key()
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    routes: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    at: datetime = instant()


class Escalation(SQLModel, table=True):
    """Where an alert stands on its ladder. `due_at`: the next step, or what an answer promised by when."""

    __table_args__ = (Index("escalation_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    alert_id: int = Field(sa_column=Column(BigInteger, ForeignKey("alert.id"), primary_key=True, autoincrement=False))
    severity: int = Field(sa_type=SmallInteger)  # whose ladder this is
    ladder: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))  # as it was when it was begun
    version: str  # of that ladder
    no_hospital: bool = False  # whether it is that of a patient whose plan says not to hospital
    run: int = 1  # begun anew: one more
    step: int = Field(default=0, sa_type=SmallInteger)  # the next to take
    repeats: int = 0  # of the last step
    asked: int = Field(default=0, sa_type=SmallInteger)  # how often an outcome was asked for
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Taken(StrEnum):
    """What became of a step."""

    TOLD = "told"
    SKIPPED = "skipped"  # nobody there, or none who can be reached
    FAILED = "failed"  # nothing that was sent arrived


class LadderStep(SQLModel, table=True):
    """A step that was taken: who was to be told, and why it went on where it did. Written once."""

    __tablename__ = "ladder_step"
    __table_args__ = (
        one_of("taken", Taken),
        Index("ladder_step_once", "alert_id", "run", "step", "repeat", "taken", unique=True),
        Index("ladder_step_by_time", "at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    run: int
    step: int = Field(sa_type=SmallInteger)
    repeat: int
    severity: int = Field(sa_type=SmallInteger)
    tell: str
    taken: Taken = Field(sa_type=Text)
    reason: str
    people: int  # told
    due_at: datetime = instant()
    at: datetime = instant()


class MessageState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"  # handed over: a webhook answered, a mail server took it, a provider has it
    FAILED = "failed"  # by every way, or until too late
    CANCELLED = "cancelled"  # somebody answered first


UNSENT: Final = "state IN ('pending', 'sending')"
AWAITS_RECEIPT: Final = "state = 'delivered' AND ways <> '[]'::jsonb"


class Message(SQLModel, table=True):
    """Something to tell somebody: the outbox. Delivered at least once, under one id.

    `ways`: what is left to try, the present one first, each {"by", "to", "secrets"?}. Emptied when nothing is left to
    be tried, for secrets are not kept longer than needed; of what a provider took, with its receipt or when its time is
    over. `address` is the present way's: messages to one address go one by one.
    """

    __table_args__ = (
        one_of("state", MessageState),
        one_of("by", By),
        Index("message_due", "next_at", postgresql_where=text("state = 'pending'")),
        Index("message_sending", "lease_until", postgresql_where=text("state = 'sending'")),
        Index("message_to", "address", "id", postgresql_where=text(UNSENT)),
        Index("message_unsent_of_alert", "alert_id", postgresql_where=text(UNSENT)),
        Index("message_of_step", "ladder_step_id"),
        Index("message_to_staff", "staff_id", "id"),
        Index("message_by_receipt", "receipt", postgresql_where=text("receipt IS NOT NULL")),
        Index("message_awaits_receipt", "give_up_at", postgresql_where=text(AWAITS_RECEIPT)),
        Index("message_by_age", "created_at"),
        Index("message_sent_as", "sent_as", postgresql_where=text("sent_as IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()  # the webhook-id of every attempt, but where it goes out with others
    sent_as: UUID | None = None  # under whose id, from the first attempt on: those of one id go out in one message
    alert_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="alert.id")
    ladder_step_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ladder_step.id")
    ward_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ward.id")
    staff_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    severity: int = Field(default=0, sa_type=SmallInteger)
    by: By = Field(sa_type=Text)
    address: str
    ways: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    body: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # {"type", "timestamp", "data"}
    state: MessageState = Field(default=MessageState.PENDING, sa_type=Text)
    attempts: int = Field(default=0, sa_type=SmallInteger)
    tries: int = Field(default=0, sa_type=SmallInteger)  # of them by the present way
    next_at: datetime = instant()
    give_up_at: datetime = instant()  # with the step: from then on the next step tells somebody
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # sending: whose sender is taken to be dead
    receipt: str | None = None  # the provider's id
    error: str | None = None  # of the last attempt, without what was sent
    created_at: datetime = instant()
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Contact(SQLModel, table=True):
    """How a member of staff is told, in their own order of preference."""

    __table_args__ = (
        one_of("by", By),
        Index("contact_of", "staff_id", "place", unique=True),
        Index("contact_at", "to", "by"),
    )

    id: int = internal_key()
    staff_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    place: int = Field(sa_type=SmallInteger)
    by: By = Field(sa_type=Text)
    to: str
    secrets: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))  # the newest first
    previous_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # until when the second one signs too
    quiet: dict[str, str] | None = Field(default=None, sa_type=Json)  # {"from", "to"}: local times, off duty only
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recorded_at: datetime = instant()


class Rota(SQLModel, table=True):
    """Who is on duty: a weekly pattern, and what differs from it."""

    __table_args__ = (one_of("role", Role), Index("rota_of_ward", "ward_id"))

    id: int = internal_key()
    code: str = Field(unique=True)
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    role: Role = Field(sa_type=Text)
    weekly: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))  # {"staff", "day", "from", "to"}
    overrides: list[dict[str, Any]] = Field(sa_column=Column(Json, nullable=False))  # {"staff", "from", "to", "off"}
    version: int = Field(default=1, sa_type=Integer)
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    at: datetime = instant()


class EmergencyCall(SQLModel, table=True):
    """999 was called, or decided against: who decided, who called, who is with the patient, what came of it."""

    __tablename__ = "emergency_call"
    __table_args__ = (Index("emergency_call_of", "alert_id", "id"),)

    id: int = internal_key()
    public_id: UUID = public_key()
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    called: bool
    decided_by: str
    called_by: str | None = None
    at: datetime = instant()
    incident_number: str | None = None
    with_patient: str | None = None
    conveyed: bool | None = None
    destination: str | None = None
    note: str | None = None
    recorded_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()


class FallbackTest(SQLModel, table=True):
    """A day's test message to where a ward's last step is told. Its message says whether it arrived."""

    __tablename__ = "fallback_test"
    __table_args__ = (Index("fallback_test_message", "message_id"),)

    ward_id: int = Field(sa_column=Column(BigInteger, ForeignKey("ward.id"), primary_key=True, autoincrement=False))
    day: date = Field(primary_key=True)
    to: str = Field(primary_key=True)
    message_id: int = Field(sa_type=BigInteger, foreign_key="message.id")
    at: datetime = instant()


class HandoverEnd(StrEnum):
    """How a handover ended."""

    TAKEN = "taken"
    LAPSED = "lapsed"  # nobody took it by the end of the giver's shift: the alert is open again
    REPLACED = "replaced"  # handed to somebody else
    MOOT = "moot"  # the giver holds the alert no more: it ended, or it opened again


class Handover(SQLModel, table=True):
    """An alert offered by name by who answered it. Until it is taken, the giver still holds it."""

    __table_args__ = (
        CheckConstraint("ended IS NULL OR ended IN ('taken', 'lapsed', 'replaced', 'moot')", name="ended_known"),
        CheckConstraint("(ended IS NULL) = (ended_at IS NULL)", name="ended_when"),
        Index("handover_of_alert", "alert_id"),
        Index("handover_of", "alert_id", unique=True, postgresql_where=text("ended IS NULL")),
        Index("handover_due", "due_at", postgresql_where=text("ended IS NULL AND due_at IS NOT NULL")),
    )

    id: int = internal_key()
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    giver_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    to_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    offered_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")  # the giver, or a colleague once they are gone
    note: str | None = None
    offered_at: datetime = instant()
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # None: the giver's duty has no end
    put_off_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # it could not be ended when it was due
    ended: HandoverEnd | None = Field(default=None, sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
