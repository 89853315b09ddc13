"""Column kinds that every table shares."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field
from uuid_utils.compat import uuid7

UtcDateTime = DateTime(timezone=True)
Json = JSONB(none_as_null=True)
Enumerated = TypeVar("Enumerated", bound=StrEnum)


def internal_key() -> int:
    """The key inside: a bigint that the database counts. Never shown outside."""
    key: int = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    return key


def public_key() -> UUID:
    """The id outside: UUIDv7, opaque to clients."""
    key: UUID = Field(default_factory=uuid7, unique=True)
    return key


def instant(*, index: bool = False) -> datetime:
    """A required instant, stored in UTC."""
    at: datetime = Field(sa_type=UtcDateTime, index=index)
    return at


def one_of(column: str, values: type[Enumerated]) -> CheckConstraint:
    """Enums are text with a CHECK: a native PostgreSQL type can't be compared in a partial index."""
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")
