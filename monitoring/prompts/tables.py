"""Repeats that patients were asked for, and every alert that was not raised since a repeat was normal."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, SmallInteger, Text, Uuid, text
from sqlmodel import Field, SQLModel

from alert_rules.repeating import Ended, Why
from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class Prompt(SQLModel, table=True):
    """A repeat that a patient is asked for instead of an alert: at most one open per stay.

    Whoever changes one holds the stay's `latest_vitals`, whose `repeat_by` is when the timekeeper raises it.
    """

    __table_args__ = (
        one_of("why", Why),
        CheckConstraint(f"outcome IN ({', '.join(repr(str(one)) for one in Ended)})", name="outcome_known"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="prompt_ended"),
        Index("prompt_open", "episode_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("prompt_untold", "asked_at", postgresql_where=text("ended_at IS NULL AND told_at IS NULL")),
        Index("prompt_of_patient", "patient_id", "id"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    why: Why = Field(sa_type=Text)
    asked_at: datetime = instant()
    until_at: datetime = instant()
    taken_us: int = Field(sa_type=BigInteger)  # of the first set, since 1970, UTC
    vitals: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # still to be measured again
    finding: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # alarms.Finding
    evidence: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # alerts.life.Evidence
    measured: dict[str, str] = Field(sa_column=Column(Json, nullable=False))  # by vital sign, as a person reads it
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # by SMS
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: Ended | None = Field(default=None, sa_type=Text)


class NotRaised(StrEnum):
    """Why a rule raised nothing."""

    REPEATED = Ended.REPEATED.value
    RAISED = Ended.RAISED.value
    NOT_WATCHED = Ended.NOT_WATCHED.value
    REFRACTORY = "refractory"  # the same was resolved shortly before


class Suppressed(SQLModel, table=True):
    """A rule that fired and raised nothing: its repeat was normal, nobody watched the patient any more, or the same was
    resolved shortly before. Append-only.

    A row for each rule; those of one asking share its prompt, those of a set after a resolved alert that and the set.
    """

    __table_args__ = (
        one_of("why", NotRaised),
        CheckConstraint("(prompt_id IS NULL) <> (alert_id IS NULL)", name="suppressed_by_one"),
        Index("suppressed_in_ward", "ward_id", "at"),
        Index("suppressed_of_patient", "patient_id", "id"),
    )

    id: int = internal_key()
    prompt_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="prompt.id")
    alert_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="alert.id")  # that was resolved
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    rule: str
    severity: int = Field(sa_type=SmallInteger)
    sets: list[UUID] = Field(
        sa_column=Column(ARRAY(Uuid), nullable=False)
    )  # the first, and its repeat where there is one; or the one that raised nothing
    values: dict[str, list[str]] = Field(
        sa_column=Column(Json, nullable=False)
    )  # by vital sign, of those sets; or as it was resolved, and of this set
    why: NotRaised = Field(sa_type=Text)
    at: datetime = instant()
