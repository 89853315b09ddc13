"""The table by which a trace goes on from an alert to what is told of it."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from monitoring.columns import instant


class AlertTrace(SQLModel, table=True):
    """In which trace an alert was raised, or changed last. Only where requests are traced; kept seven days."""

    __tablename__ = "alert_trace"
    __table_args__ = (Index("alert_trace_by_age", "at"),)

    alert_id: int = Field(sa_column=Column(BigInteger, ForeignKey("alert.id"), primary_key=True, autoincrement=False))
    traceparent: str
    at: datetime = instant()
