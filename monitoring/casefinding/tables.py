"""Blood pressure that others measured, the lists that were sent on, and what came back. Written once, all of it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, Text
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, one_of, public_key


class OutsideContact(SQLModel, table=True):
    """A raised blood pressure that somebody else measured, of a person who was not conveyed. No other is kept."""

    __tablename__ = "outside_contact"
    __table_args__ = (
        Index("outside_contact_once", "nhs_number", "at", unique=True),
        Index("outside_contact_by_time", "at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    nhs_number: str
    at: datetime = instant()
    systolic: int = Field(sa_type=SmallInteger)
    diastolic: int = Field(sa_type=SmallInteger)
    gp_practice: str | None = None
    loaded_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    loaded_at: datetime = instant()


class CasesSent(SQLModel, table=True):
    """A list of cases that was sent to a GP practice's agreed contact."""

    __tablename__ = "cases_sent"
    __table_args__ = (Index("cases_sent_to_practice", "gp_practice", "id"),)

    id: int = internal_key()
    public_id: UUID = public_key()
    gp_practice: str
    to: str
    sent_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    sent_at: datetime = instant()


class CaseSent(SQLModel, table=True):
    """One case of a list. `case` is the public id of the spell, or of the outside contact."""

    __tablename__ = "case_sent"
    __table_args__ = (Index("case_sent_of_list", "list_id", "case", unique=True),)

    id: int = internal_key()
    list_id: int = Field(sa_type=BigInteger, foreign_key="cases_sent.id")
    case: UUID = Field(index=True)
    finding: str


class Reply(StrEnum):
    """What the practice did."""

    REVIEWED = "reviewed"
    DIAGNOSED = "diagnosed"
    OPTIMISED = "optimised"
    LIFESTYLE = "lifestyle"


class CaseReply(SQLModel, table=True):
    """What the practice said of a case; several in time."""

    __tablename__ = "case_reply"
    __table_args__ = (one_of("reply", Reply), Index("case_reply_to", "case_id", "id"))

    id: int = internal_key()
    case_id: int = Field(sa_type=BigInteger, foreign_key="case_sent.id")
    reply: Reply = Field(sa_type=Text)
    note: str | None = None
    at: datetime = instant()
    recorded_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()
