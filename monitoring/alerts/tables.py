"""Alerts, and everything that ever happened to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from alert_rules.alarms import Kind, State
from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key

OPEN = "state NOT IN ('resolved', 'expired')"


class Alert(SQLModel, table=True):
    """One cause for concern about one patient, until a person resolves it. At most one open per patient and kind."""

    __table_args__ = (
        one_of("kind", Kind),
        one_of("state", State),
        Index("alert_one_open", "patient_id", "kind", unique=True, postgresql_where=text(OPEN)),
        Index("alert_open_in_ward", "ward_id", "id", postgresql_where=text(OPEN)),
        Index("alert_in_ward", "ward_id", "id"),
        Index("alert_of_patient", "patient_id", "id"),
        Index("alert_by_time", "raised_at"),
        Index("alert_sepsis_due", "sepsis_due_at", postgresql_where=text("sepsis_due_at IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    episode_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="episode.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    kind: Kind = Field(sa_type=Text)
    severity: int = Field(sa_type=Integer)  # Severity's rank, so that it orders
    state: State = Field(sa_type=Text)
    raised_at: datetime = instant()
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # acknowledge, act or look again by
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None
    news2: dict[str, Any] | None = Field(default=None, sa_type=Json)
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    why: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    basis: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))  # alarms.Basis
    sepsis: dict[str, Any] | None = Field(default=None, sa_type=Json)  # sepsis.Question; None: nobody was asked
    sepsis_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # while it is unanswered
    version: int = 1


class AlertHistory(SQLModel, table=True):
    """What happened to an alert: from, to, why, who, when. Append-only."""

    __tablename__ = "alert_history"
    __table_args__ = (Index("alert_history_of", "alert_id", "id"),)

    id: int = internal_key()
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id")
    at: datetime = instant()
    from_state: State | None = Field(default=None, sa_type=Text)
    to_state: State = Field(sa_type=Text)
    severity: int
    what: str
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    note: str | None = None
    set: UUID | None = None
