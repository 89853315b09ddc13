"""Who may come in: staff, tokens, who they are to an issuer, and the answers kept for repeated requests."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Text, text
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
        Index("token_of_staff", "staff_id", postgresql_where="staff_id IS NOT NULL"),
    )

    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    device_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="device.id")
    staff_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    created_at: datetime = instant()
    changed_at: datetime = instant()
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # of a session at a browser; moves with use
    signed_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # at the issuer; None: by an issued token


class SignInLink(SQLModel, table=True):
    """A link that signs somebody in at a browser, once and soon: its SHA-256 only."""

    __tablename__ = "sign_in_link"
    __table_args__ = (Index("sign_in_link_by_age", "expires_at"),)

    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    staff_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OidcIdentity(SQLModel, table=True):
    """Who a member of staff is to the issuer that they sign in at.

    `named` is what an admin named of them, a claim's value. With the first sign-in by it they are known by `subject`,
    and by nothing else from then on: an e-mail address may be somebody else's next year.
    """

    __tablename__ = "oidc_identity"
    __table_args__ = (
        CheckConstraint("named IS NOT NULL OR subject IS NOT NULL", name="identity_of_somebody"),
        Index("oidc_identity_subject", "issuer", "subject", unique=True),
        Index("oidc_identity_named", "issuer", "named", unique=True),
    )

    staff_id: int = Field(sa_column=Column(BigInteger, ForeignKey("staff.id"), primary_key=True, autoincrement=False))
    issuer: str
    named: str | None = None
    subject: str | None = None
    by_claims: bool = False  # role and wards are the issuer's to say, at every sign-in
    recorded_at: datetime = instant()
    linked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # since when the subject is known


class OidcAttempt(SQLModel, table=True):
    """A sign-in that was begun at the issuer: gone as soon as somebody comes back with it, so that it works once."""

    __tablename__ = "oidc_attempt"
    __table_args__ = (Index("oidc_attempt_by_age", "expires_at"),)

    state: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))  # SHA-256
    browser: bytes  # SHA-256 of what only the browser knows that began
    nonce: str
    verifier: str  # PKCE's
    wanted: str
    again: bytes | None = None  # the session that signs in anew
    expires_at: datetime = instant()


class OidcSignIn(SQLModel, table=True):
    """How a session began at the issuer, as its ID token says. Written once."""

    __tablename__ = "oidc_sign_in"
    __table_args__ = (Index("oidc_sign_in_of", "staff_id", "at"),)

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    staff_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    issuer: str
    subject: str
    signed_in_at: datetime = instant()
    acr: str | None = None
    amr: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    id_token: str  # signing out at the issuer asks for it; it opens nothing
    at: datetime = instant()


class BreakGlass(SQLModel, table=True):
    """Access to a ward that somebody opened for themselves because of one patient. Ends by itself. Written once."""

    __tablename__ = "break_glass"
    __table_args__ = (
        Index("break_glass_open", "until_at"),
        Index("break_glass_by", "staff_id", "id"),
        Index("break_glass_on", "ward_id", "id"),
        Index("break_glass_of", "patient_id"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    staff_id: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    reason: str
    at: datetime = instant()
    until_at: datetime = instant()
    told: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))  # by name


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
