"""Patients, their plans, and the latest known vital signs of each stay."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class Sex(StrEnum):
    """Person stated or recorded sex."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class Patient(SQLModel, table=True):
    """A person, with what somebody sent to their door needs to know."""

    __table_args__ = (
        one_of("sex", Sex),
        Index(
            "patient_by_nhs_number",
            "nhs_number",
            unique=True,
            postgresql_where=text("nhs_number IS NOT NULL"),
        ),
        Index("patient_merged", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("patient_of_practice", "gp_practice", postgresql_where=text("gp_practice IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    nhs_number: str | None = None
    no_nhs_number_reason: str | None = None
    nhs_number_is_test: bool = False  # 999 xxx xxxx
    given_name: str
    family_name: str
    birth_date: date
    sex: Sex = Field(sa_type=Text)
    address: str | None = None
    staying_at: str | None = None
    postcode: str | None = None
    postcode_district: str | None = None
    phones: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    next_of_kin: list[Any] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    carer: Any | None = Field(default=None, sa_type=Json)
    key_safe: str | None = None
    access_notes: str | None = None
    scene_safety: str | None = None
    allergies: Any | None = Field(default=None, sa_type=Json)
    language: str | None = None
    interpreter: Any | None = Field(default=None, sa_type=Json)
    communication_needs: Any | None = Field(default=None, sa_type=Json)
    ethnicity: str | None = None
    gp_practice: str | None = None
    pregnant: str = "unknown"  # true | false | unknown
    spinal_cord_injury: bool = False
    known_hypertension: str = "unknown"  # true | false | unknown
    died_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    merged_into: int | None = Field(default=None, sa_type=BigInteger, foreign_key="patient.id")
    created_at: datetime = instant()
    hold_reason: str | None = None  # while there is one nothing of the record goes
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the row stays, empty, for what names it
    erased_because: str | None = None

    @property
    def subject_id(self) -> UUID:
        """Whom the audit records as shown."""
        return self.public_id


MERGE_LOCK: Final = 7_706
"""Shared by every batch of the drain, exclusive to a merge: no set is looked up while its patient changes."""


class PatientMerge(SQLModel, table=True):
    """Two records of one person made one: what moved to the record that stays, by whom and why, so that it can go back.

    `moved` lists the keys of the rows that changed their patient, by table.
    """

    __tablename__ = "patient_merge"
    __table_args__ = (
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        Index("patient_merge_of", "patient_id", "id"),
        Index("patient_merge_into", "into_id", "id"),
        Index("patient_merge_once", "patient_id", unique=True, postgresql_where=text("undone_at IS NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")  # merged away
    into_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    at: datetime = instant()
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    reason: str
    moved: dict[str, list[int]] = Field(sa_column=Column(Json, nullable=False))
    brought_death: bool = False  # that the person died was known of the record merged away only
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    undone_reason: str | None = None


class Plan(SQLModel, table=True):
    """What was decided for a stay from an instant on: scale, oxygen, limits, schedule. A change is a new row."""

    __table_args__ = (
        Index("plan_in_force", "episode_id", "from_at"),
        CheckConstraint("spo2_scale IN (1, 2)", name="spo2_scale_known"),
        CheckConstraint("monitoring IN ('full', 'comfort')", name="monitoring_known"),
    )

    id: int = internal_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    from_at: datetime = instant()
    spo2_scale: int = Field(sa_type=SmallInteger)
    home_oxygen_l_min: Decimal | None = Field(default=None, sa_type=Numeric(5, 2))
    readings_per_day: int = Field(sa_type=SmallInteger)
    times: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # "08:00", Europe/London
    expects: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    usual_consciousness: str | None = None
    monitoring: str = "full"  # full | comfort
    limits: dict[str, dict[str, float]] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    baselines: dict[str, float] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    escalation: dict[str, Any] | None = Field(default=None, sa_type=Json)
    reason: str | None = None
    review_on: date | None = None
    decided_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()


class LatestVitals(SQLModel, table=True):
    """What is known of an open stay right now, and when readings are due next: one row from admission on.

    Whoever changes anything that follows from readings locks this row first. The drain reads and writes it, so
    that scoring never searches history. The arrays go by `alert_rules.compose.SLOTS`, in chart units.
    """

    __tablename__ = "latest_vitals"
    __table_args__ = (
        # The timekeeper's to-do list: small, however many patients are in time.
        Index("latest_vitals_overdue", "overdue_at", postgresql_where=text("overdue_at IS NOT NULL")),
        Index("latest_vitals_to_repeat", "repeat_by", postgresql_where=text("repeat_by IS NOT NULL")),
    )

    episode_id: int = Field(sa_column=Column(BigInteger, ForeignKey("episode.id"), primary_key=True))
    values: list[int | None] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    taken_us: list[int | None] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))  # since 1970, UTC
    sets: list[UUID | None] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    also: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))  # weight, glucose, …
    newest_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # of the newest scored set
    newest_set: UUID | None = None
    newest_severity: int = Field(default=0, sa_type=SmallInteger)
    heard_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # newest set that held what was due
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    missed: int = Field(default=0, sa_type=SmallInteger)  # slots missed since last heard
    repeat_by: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the open prompt's `until_at`
    accepted_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # of the last value that was accepted
    resolved: dict[str, Any] | None = Field(default=None, sa_type=Json)  # refractory.Resolved, while it may matter
