"""Messages that hospitals sent, as they came, and what became of each."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, SmallInteger, text
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, public_key

CORRECTED: Final = {"corrected": True}
"""Among what a message did: it changed what is recorded of the patient. Nothing that another message cancels."""


class HospitalMessage(SQLModel, table=True):
    """A message as it came, how it was answered, and what it did, so that the one that cancels it can undo that.

    What was refused (AE, AR) did nothing: the same message sent again is tried again, and its row tells the last try.
    """

    __tablename__ = "hospital_message"
    __table_args__ = (
        CheckConstraint("outcome IN ('AA', 'AE', 'AR')", name="outcome_known"),
        CheckConstraint("outcome = 'AA' OR NOT (placed OR corrected)", name="refused_did_nothing"),
        Index("hospital_message_once", "device_id", "control_id", "content", unique=True),
        Index("hospital_message_by_outcome", "outcome", "id"),
        # In what order things were told of a patient, and what can be cancelled.
        Index("hospital_message_placed", "patient_id", "trigger", "event_at", postgresql_where=text("placed")),
        Index("hospital_message_corrected", "patient_id", "event_at", postgresql_where=text("corrected")),
        Index("hospital_message_of_nobody", "received_at", postgresql_where=text("patient_id IS NULL")),
        Index("hospital_message_of", "patient_id", postgresql_where=text("patient_id IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id")
    control_id: str  # MSH-10
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # SHA-256 of the bytes
    kind: str  # MSH-9: ADT^A01
    trigger: str | None = None
    visit: str | None = None  # PV1-19
    event_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # EVN-2
    patient_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="patient.id")
    received_at: datetime = instant()
    tries: int = Field(default=1, sa_type=SmallInteger)
    outcome: str  # AA, AE, AR
    place: str | None = None  # PID-3.1
    reason: str
    placed: bool = False  # it is the newest so far that tells where the patient is, even where nothing followed
    corrected: bool = False  # it changed what is recorded of the patient
    did: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answer: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
