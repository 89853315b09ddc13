"""The table of what was told of the system's own problems."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, one_of, public_key
from monitoring.watching.problems import State


class SystemAlert(SQLModel, table=True):
    """Something that was told of a problem: that it began, that it is still there, that it ended. Kept 90 days."""

    __tablename__ = "system_alert"
    __table_args__ = (
        one_of("state", State),
        Index("system_alert_of", "problem", "id"),
        Index("system_alert_by_age", "at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()  # the webhook-id
    problem: str
    state: State = Field(sa_type=Text)
    detail: str
    seen_by: str  # the part and its machine
    since: datetime = instant()
    at: datetime = instant()
    unheard: bool = False  # it reached nobody: the next one is told at once
