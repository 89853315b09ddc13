"""Answers to the question whether sepsis is suspected. How the question stands is kept in the alert's own row."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from alert_rules.sepsis import Answer, Tool
from monitoring.columns import UtcDateTime, instant, internal_key, one_of


class SepsisAnswer(SQLModel, table=True):
    """What a clinician said. A later answer changes none before it: written once."""

    __tablename__ = "sepsis_answer"
    __table_args__ = (
        one_of("answer", Answer),
        one_of("tool", Tool),
        Index("sepsis_answer_of", "alert_id", "id"),
    )

    id: int = internal_key()
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    asked_at: datetime = instant()
    time_zero: datetime | None = Field(default=None, sa_type=UtcDateTime)
    act_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    score: int | None = None  # NEWS2, the highest since it was asked
    answer: Answer = Field(sa_type=Text)
    tool: Tool = Field(sa_type=Text)
    criteria: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    note: str | None = None
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    at: datetime = instant()
