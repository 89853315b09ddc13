"""Wards, their beds from an instant on, and the stays in them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class Step(StrEnum):
    """Up: instead of a hospital bed. Down: out of one early."""

    UP = "up"
    DOWN = "down"


class Ward(SQLModel, table=True):
    """A virtual ward. Whoever takes a bed locks this row first."""

    id: int = internal_key()
    code: str = Field(unique=True)
    name: str
    pathway: str
    provider: str  # ODS code
    icb: str
    max_stay_days: int = Field(default=14, sa_type=SmallInteger)
    in_sitrep: bool = True
    staffed_hours: dict[str, Any] | None = Field(default=None, sa_type=Json)  # None: always staffed
    created_at: datetime = instant()


class WardCapacity(SQLModel, table=True):
    """Beds funded and staffed from an instant on; the row in force is the newest not after it."""

    __tablename__ = "ward_capacity"
    __table_args__ = (CheckConstraint("funded >= 0 AND staffed >= 0", name="beds_not_negative"),)

    ward_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="ward.id")
    from_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    funded: int
    staffed: int


class Episode(SQLModel, table=True):
    """One stay on a virtual ward: a spell, in the words of the returns."""

    __table_args__ = (
        one_of("step", Step),
        Index("episode_open", "patient_id", unique=True, postgresql_where=text("discharged_at IS NULL")),
        Index("episode_in_ward", "ward_id", postgresql_where=text("discharged_at IS NULL")),
        Index("episode_of_patient", "patient_id", "admitted_at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    step: Step = Field(sa_type=Text)
    admitted_at: datetime = instant()
    admitted_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    discharged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
