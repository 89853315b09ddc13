"""Referrals that came as FHIR messages, as they came, and what each did."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class Did(StrEnum):
    """What a message did."""

    REFERRED = "referred"
    UPDATED = "updated"
    CANCELLED = "cancelled"


class BarsMessage(SQLModel, table=True):
    """A message that was taken. What was refused did nothing, and may come again under its id. Written once.

    `chain`: the first of the UCR referrals that it is about, the id under which the sender asks for it.
    """

    __tablename__ = "bars_message"
    __table_args__ = (
        one_of("did", Did),
        Index("bars_message_once", "device_id", "request_id", unique=True),
        # The sender's own id of a request makes one referral, in whatever messages it comes.
        Index("bars_message_new", "device_id", "sender_key", unique=True, postgresql_where=text("did = 'referred'")),
        Index("bars_message_chain", "chain", "id"),
        Index("bars_message_of_patient", "patient_id"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id")
    request_id: str  # X-Request-Id
    bundle_id: str
    sender_key: str  # the ServiceRequest's identifier, else its id
    did: Did = Field(sa_type=Text)
    chain: UUID
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    asked_by: datetime | None = Field(default=None, sa_type=UtcDateTime)  # occurrencePeriod.end
    received_at: datetime = instant()
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class BarsReplies(SQLModel, table=True):
    """Where the system behind an interface is told what became of what it asked for."""

    __tablename__ = "bars_replies"

    device_id: int = Field(sa_column=Column(BigInteger, ForeignKey("device.id"), primary_key=True, autoincrement=False))
    to: str | None = None  # None: nowhere
    secrets: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))  # the newest first
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    at: datetime = instant()
