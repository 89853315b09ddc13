"""Hospital inpatients whom the ward could take."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import UtcDateTime, instant, internal_key, one_of, public_key


class InpatientState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    REFERRED = "referred"
    DECLINED = "declined"


class Inpatient(SQLModel, table=True):
    """Somebody in a hospital who is found suitable for a virtual ward, until they are referred to it or declined."""

    __table_args__ = (
        one_of("state", InpatientState),
        CheckConstraint("(state = 'referred') = (referral_id IS NOT NULL)", name="referred_has_a_referral"),
        Index("inpatient_proposed", "patient_id", "ward_id", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("inpatient_to_ward", "ward_id", "state", "id"),
        Index("inpatient_of", "patient_id"),
        Index("inpatient_referred", "referral_id", postgresql_where=text("referral_id IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    hospital: str
    location: str | None = None  # where in the hospital
    hospital_admitted_on: date | None = None
    hospital_until_on: date | None = None  # expected to stay there without the ward
    reason: str  # why suitable
    seen_by: str
    state: InpatientState = Field(sa_type=Text)
    proposed_at: datetime = instant()
    proposed_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = None
    decision_reason: str | None = None
    referral_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="referral.id")
