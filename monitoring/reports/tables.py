"""What reports keep: SitReps as they were taken, and the key of the extract's pseudonyms."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, instant, internal_key


class SitRep(SQLModel, table=True):
    """The virtual-ward SitRep of an instant, as it was known when it was taken. Written once.

    What was recorded too late for it is in a correction: a new version, with its reason.
    """

    __tablename__ = "sitrep"
    __table_args__ = (
        CheckConstraint("version >= 1 AND (version = 1) = (reason IS NULL)", name="a_correction_has_a_reason"),
        Index("sitrep_version", "as_of", "version", unique=True),
    )

    id: int = internal_key()
    as_of: datetime = instant()
    version: int = Field(sa_type=SmallInteger)
    taken_at: datetime = instant()
    taken_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: the clock
    reason: str | None = None
    content: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # monitoring.reports.sitrep_counts.Counted


class PseudonymKey(SQLModel, table=True):
    """The key of this installation's pseudonyms, made by the migration: 256 random bits, one row, never changed."""

    __tablename__ = "pseudonym_key"
    __table_args__ = (CheckConstraint("id = 1", name="one_key"),)

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
