"""The audit's tables. All of them are written once: the role that the parts run as can neither change nor delete."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Identity, Index, LargeBinary, SmallInteger, Text, Uuid, text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, Range
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, one_of


class By(StrEnum):
    """What kind of caller it was."""

    STAFF = "staff"
    DEVICE = "device"
    COMMAND = "command"  # typed by whoever operates the installation


class AuditEvent(SQLModel, table=True):
    """One look at, or change of, what belongs to patients: who, when, what, whose. Ids, never names or values.

    In one part per month of `at`.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        one_of("by", By),
        Index("audit_event_of_subjects", "subjects", "id", postgresql_where=text("subjects IS NOT NULL")),
        Index("audit_event_by", "who", "id"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    by: By = Field(sa_type=Text)
    who: UUID | None = None  # the public id of the member of staff, or of the device
    role: str | None = None
    browser: bool  # in a session at a browser; else with a token
    method: str
    route: str  # its template
    allows: str  # the permission that it asks for
    object: str | None = None  # the id or code that the route or its filter names
    subjects: bytes | None = Field(default=None, sa_type=LargeBinary)  # `audit_subjects`
    status: int = Field(sa_type=SmallInteger)  # as answered
    request_id: str


class AuditSubjects(SQLModel, table=True):
    """Patients who were shown or changed together, once for all events that name the same ones.

    A board is asked for all day: its thirty ids stand here, and its events name them by 32 bytes. Twice where two wrote
    them first at the same time: a unique index would have one wait until the other has committed.
    """

    __tablename__ = "audit_subjects"
    __table_args__ = (
        Index("audit_subjects_by_hash", "sha256"),
        Index("audit_subjects_patients", "patients", postgresql_using="gin"),
    )

    id: int = internal_key()
    sha256: bytes  # of the ids, in their order
    patients: list[UUID] = Field(sa_column=Column(ARRAY(Uuid()), nullable=False))  # public ids, sorted


class AuditSeal(SQLModel, table=True):
    """What had come since the seal before, hashed together with that one's hash.

    It covers the events whose ids are above `after_id` and up to `to_id`, without `gaps`: ids that no event had then,
    for their transaction was not committed, or never was; and `late`, events out of the gaps of earlier seals.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (
        Index("audit_seal_by_time", "sealed_at"),
        Index("audit_seal_with_gaps", "sealed_at", postgresql_where=text("gaps <> '{}' OR late <> '{}'")),
        Index("audit_seal_late", "late", postgresql_using="gin"),
    )

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # 1, 2, 3, …
    sealed_at: datetime = instant()
    after_id: int = Field(sa_type=BigInteger)
    to_id: int = Field(sa_type=BigInteger)
    gaps: list[Range[int]] = Field(sa_column=Column(INT8MULTIRANGE, nullable=False))
    late: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    events: int
    previous: bytes  # the hash of the seal before
    hash: bytes
    public_key: bytes | None = None  # of who signed
    signature: bytes | None = None  # Ed25519, of the hash
