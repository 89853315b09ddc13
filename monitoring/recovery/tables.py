"""What recovery and discharge to assess record of a spell, the care that they bring, and the caseload of prevention."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import UtcDateTime, instant, internal_key, one_of, public_key
from monitoring.recovery.clocks import Outcome, Service, Support


class Recovery(SQLModel, table=True):
    """The instants that the clocks of a spell run by, and what became of the patient. Made with the first of them."""

    __table_args__ = (
        one_of("outcome", Outcome),
        Index("recovery_by_home", "home_at", postgresql_where=text("home_at IS NOT NULL")),
    )

    episode_id: int = Field(
        sa_type=BigInteger, foreign_key="episode.id", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    referred_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # where no referral to the service says so
    home_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_care_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    assessed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: Outcome | None = Field(default=None, sa_type=Text)


class ServiceLine(SQLModel, table=True):
    """One kind of care for one patient: asked for, then given, then over. Until it begins the patient awaits it."""

    __tablename__ = "service_line"
    __table_args__ = (
        one_of("service", Service),
        CheckConstraint("hours_per_week > 0", name="hours_above_zero"),
        CheckConstraint(
            "begun_at >= requested_at AND ended_at >= coalesce(begun_at, requested_at)", name="line_not_backwards"
        ),
        Index("service_line_of", "episode_id", "id"),
        Index("service_line_of_patient", "patient_id", postgresql_where=text("ended_at IS NULL")),
        # What has no end yet and what ended later are two reaches into an index, as with beds.
        Index("service_line_of_ward", "ward_id", "ended_at", "requested_at"),
        Index("service_line_awaited", "ward_id", "requested_at", postgresql_where=text("begun_at IS NULL")),
        Index("service_line_by_beginning", "begun_at"),
        # A service is asked for again once it is over.
        Index("service_line_once", "episode_id", "service", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")  # that gives it
    service: Service = Field(sa_type=Text)
    hours_per_week: float  # planned care, in quarters of an hour
    provider: str | None = None  # who comes, as told
    requested_at: datetime = instant()
    begun_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str | None = None
    re_access: bool = False  # to therapy after the spell, without a new referral


class CareCapacity(SQLModel, table=True):
    """Hours of care a week that a ward can give from an instant on, beside its beds. Written once.

    The row in force is the newest not after an instant; decided again for the same one, the row written last.
    """

    __tablename__ = "care_capacity"
    __table_args__ = (
        CheckConstraint("hours_per_week >= 0", name="hours_not_negative"),
        Index("care_capacity_of_ward", "ward_id", "from_at", "id"),
    )

    id: int = internal_key()
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    from_at: datetime = instant()
    hours_per_week: float
    decided_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()


class Prevention(SQLModel, table=True):
    """Somebody whom a charity supports before or after a stay on a ward: no bed, no plan, no readings."""

    __table_args__ = (
        CheckConstraint("closed_at >= opened_at", name="prevention_not_backwards"),
        CheckConstraint("(closed_at IS NULL) = (close_reason IS NULL)", name="closed_with_a_reason"),
        Index("prevention_once", "patient_id", "ward_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("prevention_of_ward", "ward_id", "id"),
        Index("prevention_of", "patient_id"),
        Index("prevention_open", "id", postgresql_where=text("closed_at IS NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")  # whose patients are supported
    after_episode_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="episode.id")  # None: before
    organisation: str
    support: list[Support] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    note: str | None = None
    opened_at: datetime = instant()
    opened_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    close_reason: str | None = None
