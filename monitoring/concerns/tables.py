"""Concerns as they were told, in the words of whoever is worried."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, Text
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, one_of, public_key


class From(StrEnum):
    """Who is worried."""

    PATIENT = "patient"
    CARER = "carer"
    STAFF = "staff"


class Concern(SQLModel, table=True):
    """One concern. `source`: the device that sent it, or, below zero, the member of staff. Written once."""

    __table_args__ = (
        one_of("from_whom", From),
        Index("concern_once", "source", "said_id", unique=True),
        Index("concern_of_patient", "patient_id", "id"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    source: int = Field(sa_type=BigInteger)
    said_id: str  # the sender's own
    content: bytes  # SHA-256 of what was sent
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    from_whom: From = Field(sa_type=Text)
    severity: int = Field(sa_type=SmallInteger)
    text: str
    callback: str | None = None
    urgent: bool = False
    at: datetime = instant()
    received_at: datetime = instant()
