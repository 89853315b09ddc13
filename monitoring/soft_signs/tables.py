"""Soft signs as they were asked about and answered: who saw which, when. None seen is an answer too."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, Text
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, one_of, public_key


class Source(StrEnum):
    """How they came to the ward."""

    CONTACT = "contact"  # seen or heard by staff
    CONCERN = "concern"
    PROMPT = "prompt"  # in answer to the question of the day


class SoftSigns(SQLModel, table=True):
    """One answer. Written once."""

    __tablename__ = "soft_signs"
    __table_args__ = (
        one_of("source", Source),
        CheckConstraint("(by IS NULL) <> (device_id IS NULL)", name="soft_signs_by_one"),
        Index("soft_signs_of", "episode_id", "at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    source: Source = Field(sa_type=Text)
    signs: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    device_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="device.id")
    at: datetime = instant()
    recorded_at: datetime = instant()
