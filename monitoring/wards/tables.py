"""Wards, their beds from an instant on, and who was in them when.

An episode is a virtual-ward spell, in the words of the returns; it is made of ward stays, and a transfer ends one stay
and begins the next. Every count of beds, now or at any instant, comes from the periods in `ward_stay`, `leave` and
`bed_hold`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class Step(StrEnum):
    """Up: instead of a hospital bed. Down: out of one early."""

    UP = "up"
    DOWN = "down"


class Ward(SQLModel, table=True):
    """A virtual ward. Whoever takes a bed locks this row first.

    `beds_change_at` is the next instant from which other beds were planned, for the timekeeper to tell; None: no plan.
    """

    __table_args__ = (Index("ward_beds_change", "beds_change_at", postgresql_where=text("beds_change_at IS NOT NULL")),)

    id: int = internal_key()
    code: str = Field(unique=True)
    name: str
    pathway: str
    provider: str  # ODS code
    icb: str
    max_stay_days: int = Field(default=14, sa_type=SmallInteger)
    in_sitrep: bool = True
    staffed_hours: dict[str, Any] | None = Field(default=None, sa_type=Json)  # None: always staffed
    lead_clinician: str | None = None
    min_age: int | None = Field(default=None, sa_type=SmallInteger)  # whole years, both ends included
    max_age: int | None = Field(default=None, sa_type=SmallInteger)
    staff_on_shift: dict[str, Any] | None = Field(default=None, sa_type=Json)  # {"day": 4, "night": 1}
    created_at: datetime = instant()
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    beds_change_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    phone: str | None = None  # for its patients
    prompts_by_sms: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default="false"))


class WardCapacity(SQLModel, table=True):
    """Beds funded and staffed from an instant on; the row in force is the newest not after it. Written once.

    What was decided for one instant can be decided again: the row written last counts, the earlier one can be seen.
    """

    __tablename__ = "ward_capacity"
    __table_args__ = (
        CheckConstraint("funded >= 0 AND staffed >= 0", name="beds_not_negative"),
        Index("ward_capacity_of_ward", "ward_id", "from_at", "id"),
    )

    id: int = internal_key()
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    from_at: datetime = instant()
    funded: int
    staffed: int
    reason: str | None = None  # required to staff more beds than are funded: surge
    decided_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class IcbPopulation(SQLModel, table=True):
    """How many people are registered in an ICB, from a day on: the base of capacity per 100,000."""

    __tablename__ = "icb_population"
    __table_args__ = (CheckConstraint("basis IN ('16+', 'all')", name="population_basis_known"),)

    icb: str = Field(primary_key=True)
    from_on: date = Field(primary_key=True)
    population: int
    basis: str
    recorded_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()


class Episode(SQLModel, table=True):
    """One spell on virtual wards. `ward_id` is where the patient is now, or was last."""

    __table_args__ = (
        one_of("step", Step),
        Index("episode_open", "patient_id", unique=True, postgresql_where=text("discharged_at IS NULL")),
        Index("episode_in_ward", "ward_id", postgresql_where=text("discharged_at IS NULL")),
        Index("episode_of_patient", "patient_id", "admitted_at"),
        Index("episode_by_admission", "admitted_at"),
        Index("episode_of_referral", "referral_id", unique=True, postgresql_where=text("referral_id IS NOT NULL")),
        Index("episode_by_discharge", "discharged_at", postgresql_where=text("discharged_at IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    step: Step = Field(sa_type=Text)
    admitted_at: datetime = instant()
    admitted_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    referral_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="referral.id")
    readmission_of: int | None = Field(default=None, sa_type=BigInteger, foreign_key="episode.id")  # within 30 days
    expected_discharge_on: date | None = None
    extension_reason: str | None = None  # why the expected date of discharge is beyond the ward's maximum stay
    discharge_ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    discharged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    discharged_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    decided_by: str | None = None  # who decided the discharge, as told
    outcome: str | None = None  # home | acute | hospice | died | self
    destination: str | None = None  # a code of the national table


class WardStay(SQLModel, table=True):
    """When a patient was in a bed of a ward. Nobody is in two beds: the database refuses it."""

    __tablename__ = "ward_stay"
    __table_args__ = (
        # btree_gist is not in every build of PostgreSQL: a range of one stands in for equality.
        ExcludeConstraint(
            (text("int8range(patient_id, patient_id, '[]')"), "&&"),
            (text("tstzrange(from_at, until_at)"), "&&"),
            using="gist",
            name="ward_stay_one_bed_at_a_time",
        ),
        CheckConstraint("until_at >= from_at", name="ward_stay_not_backwards"),
        Index("ward_stay_of_ward", "ward_id", "from_at"),
        Index("ward_stay_until", "ward_id", "until_at", "from_at"),  # all that counting beds reads: no row is looked up
        Index("ward_stay_of_episode", "episode_id", "from_at"),
    )

    id: int = internal_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    from_at: datetime = instant()
    until_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LeaveKind(StrEnum):
    """Where a patient is who keeps their bed but is not at home."""

    ED = "ed"
    HOSPITAL = "hospital"
    FAMILY = "family"


PAUSES: Final = frozenset({LeaveKind.ED, LeaveKind.HOSPITAL})
"""Who is in a hospital is watched there, and owes us no readings; with the family, nobody else watches."""


class Leave(SQLModel, table=True):
    """A patient away who keeps the bed: it counts as occupied, and is shown apart."""

    __table_args__ = (
        one_of("kind", LeaveKind),
        Index("leave_open", "episode_id", unique=True, postgresql_where=text("until_at IS NULL")),
        Index("leave_of_ward", "ward_id", "until_at", "from_at"),
        Index("leave_by_time", "from_at"),
        Index("leave_open_in_ward", "ward_id", "id", postgresql_where=text("until_at IS NULL")),
        CheckConstraint("until_at >= from_at", name="leave_not_backwards"),
    )

    id: int = internal_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id", index=True)
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    kind: LeaveKind = Field(sa_type=Text)
    from_at: datetime = instant()
    until_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str | None = None


class BedHold(SQLModel, table=True):
    """A bed kept for an accepted referral: until `held_until`, or earlier, `ended_at`."""

    __tablename__ = "bed_hold"
    __table_args__ = (
        Index("bed_hold_open", "ward_id", postgresql_where=text("ended_at IS NULL")),
        Index("bed_hold_of_ward", "ward_id", "ended_at", "from_at", "held_until"),
        Index("bed_hold_of_referral", "referral_id", "id"),
        Index("bed_hold_once", "referral_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: int = internal_key()
    referral_id: int = Field(sa_type=BigInteger, foreign_key="referral.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    from_at: datetime = instant()
    held_until: datetime = instant()
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
