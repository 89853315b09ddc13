"""Who may come in: staff, tokens, and the answers kept for repeated requests."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from monitoring.access.roles import Role
from monitoring.columns import UtcDateTime, instant, internal_key, one_of, public_key

KEPT_FOR: Final = timedelta(hours=24)
"""How long the answer to a request with an Idempotency-Key is kept."""


class Staff(SQLModel, table=True):
    """A member of staff. Registered and senior are theirs, not a request's."""

    __table_args__ = (
        one_of("role", Role),
        Index("staff_of_device", "device_id", unique=True, postgresql_where=text("device_id IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    name: str
    role: Role = Field(sa_type=Text)
    wards: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))  # codes; NULL = every ward
    teams: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))  # UCR's, by code; NULL = every team
    registered: bool = False
    senior: bool = False
    device_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="device.id")  # of an interface
    created_at: datetime = instant()


class Token(SQLModel, table=True):
    """A bearer token of a device or a member of staff: its SHA-256 only, shown once when made.

    `changed_at` moves with every change, so that each process learns of revocations by reading what changed.
    """

    __table_args__ = (
        CheckConstraint("(device_id IS NULL) <> (staff_id IS NULL)", name="token_has_one_owner"),
        Index("token_changed", "changed_at"),
        Index("token_of_device", "device_id", postgresql_where="device_id IS NOT NULL"),
    )

    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    device_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="device.id")
    staff_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    created_at: datetime = instant()
    changed_at: datetime = instant()
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # of a session at a browser; moves with use


class SignInLink(SQLModel, table=True):
    """A link that signs somebody in at a browser, once and soon: its SHA-256 only."""

    __tablename__ = "sign_in_link"
    __table_args__ = (Index("sign_in_link_by_age", "expires_at"),)

    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    staff_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Answered(SQLModel, table=True):
    """The answer given under an Idempotency-Key, kept per token, method and path."""

    __tablename__ = "answered"
    __table_args__ = (Index("answered_by_age", "at"),)

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    request: str = Field(primary_key=True)  # "POST /v1/patients"
    key: str = Field(primary_key=True)
    body_sha256: bytes
    status: int
    location: str | None = None
    body: bytes
    at: datetime = instant()
