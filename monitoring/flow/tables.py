"""Referrals and what happened to them; what is done and recorded during a spell."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key
from monitoring.flow.states import LIVE, State
from monitoring.wards.tables import Step


class Source(StrEnum):
    """Who referred."""

    GP = "gp"
    AMBULANCE = "999"
    NHS_111 = "111"
    UCR = "ucr"
    SDEC = "sdec"
    WARD = "ward"
    CARE_HOME = "care_home"
    SPOA = "spoa"  # single point of access
    SELF = "self"


_LIVE = ", ".join(f"'{state}'" for state in LIVE)


class Referral(SQLModel, table=True):
    """Somebody asks a virtual ward to take a patient. `urgency` is the priority's place: 0 is an emergency."""

    __table_args__ = (
        one_of("source", Source),
        one_of("step", Step),
        one_of("state", State),
        CheckConstraint("frailty BETWEEN 1 AND 9", name="frailty_on_the_scale"),
        Index("referral_waiting", "ward_id", "urgency", "received_at", postgresql_where=text("state = 'waiting'")),
        Index("referral_in_ward", "ward_id", "id"),
        Index("referral_of_patient", "patient_id", "id"),
        Index("referral_received", "received_at"),
        Index(
            "referral_by_hospital_admission",
            "hospital_admitted_on",
            postgresql_where=text("hospital_admitted_on IS NOT NULL"),
        ),
        Index("referral_in_state", "state", "id"),
        # Somebody is referred to a ward once at a time.
        Index("referral_live", "patient_id", "ward_id", unique=True, postgresql_where=text(f"state IN ({_LIVE})")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    source: Source = Field(sa_type=Text)
    step: Step = Field(sa_type=Text)
    urgency: int = Field(sa_type=SmallInteger)
    referrer: str | None = None  # as told: a name, a practice, a crew
    condition: str | None = None
    hospital: str | None = None  # ODS code, where the patient steps down from one
    hospital_admitted_on: date | None = None
    hospital_until_on: date | None = None  # expected to stay there without the ward; recorded at acceptance
    would_be_admitted: bool | None = None  # a clinician: without the ward, to hospital
    frailty: int | None = Field(default=None, sa_type=SmallInteger)  # Clinical Frailty Scale, 1 to 9
    consent: bool | None = None
    baselines: dict[str, float] | None = Field(default=None, sa_type=Json)  # usual values: news2, spo2, …
    escalation: dict[str, Any] | None = Field(default=None, sa_type=Json)  # treatment escalation plan
    kit: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    note: str | None = None
    state: State = Field(sa_type=Text)
    received_at: datetime = instant()
    recorded_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    decided_by: str | None = None  # who took the last decision, as told
    reason: str | None = None  # of the last decision
    redirected_to: str | None = None
    version: int = 1


class ReferralHistory(SQLModel, table=True):
    """What happened to a referral. Written once."""

    __tablename__ = "referral_history"
    __table_args__ = (
        Index("referral_history_of", "referral_id", "id"),
        Index("referral_history_by_time", "what", "at"),
    )

    id: int = internal_key()
    referral_id: int = Field(sa_type=BigInteger, foreign_key="referral.id")
    at: datetime = instant()
    what: str
    from_state: str | None = None
    to_state: str
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: the clock
    decided_by: str | None = None
    reason: str | None = None
    note: str | None = None
    recorded_at: datetime = instant()


class Entry(StrEnum):
    """Kinds of entry in the record of a spell."""

    ADMITTED = "admitted"
    REVIEW = "review"
    EXPECTED_DISCHARGE = "expected_discharge"
    LEAVE = "leave"
    RETURN = "return"
    TRANSFER = "transfer"
    DISCHARGE_READY = "discharge_ready"
    DELAY = "delay"
    DELAY_ENDED = "delay_ended"
    DISCHARGE_FAILED = "discharge_failed"
    DISCHARGE = "discharge"
    DISCHARGE_CANCELLED = "discharge_cancelled"
    CONTACT = "contact"
    MDT = "mdt"
    EXPERIENCE = "experience"
    LETTER = "letter"
    CARE = "care"


class SpellEntry(SQLModel, table=True):
    """Something done or decided during a spell, with what was said of it. Written once."""

    __tablename__ = "spell_entry"
    __table_args__ = (
        one_of("kind", Entry),
        Index("spell_entry_of", "episode_id", "kind", "at"),
        Index("spell_entry_by_time", "kind", "at"),
        Index(
            "spell_entry_visit",
            "ward_id",
            "at",
            postgresql_where=text("kind = 'contact' AND (data ->> 'mode') = 'visit'"),
        ),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    kind: Entry = Field(sa_type=Text)
    at: datetime = instant()
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    senior: bool = False  # whether whoever did it was senior then
    data: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    recorded_at: datetime = instant()


class Delay(SQLModel, table=True):
    """Why a patient who is ready does not leave: a reason with an owner and a time by which it is to be solved."""

    __table_args__ = (
        Index("delay_open", "ward_id", "due_at", postgresql_where=text("ended_at IS NULL")),
        Index("delay_of", "episode_id", "id"),
        Index("delay_by_end", "ended_at"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    reason: str  # a code of the loadable table `delay_reason`
    owner: str
    due_at: datetime = instant()
    from_at: datetime = instant()
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LetterKind(StrEnum):
    """What the GP has to be told."""

    ADMISSION_NOTICE = "admission_notice"
    DISCHARGE_SUMMARY = "discharge_summary"


class Letter(SQLModel, table=True):
    """A notice to the GP that is due, and when it was sent."""

    __table_args__ = (
        one_of("kind", LetterKind),
        Index("letter_unsent", "ward_id", "due_at", postgresql_where=text("sent_at IS NULL")),
        Index("letter_once", "episode_id", "kind", unique=True),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    ward_id: int = Field(sa_type=BigInteger, foreign_key="ward.id")
    kind: LetterKind = Field(sa_type=Text)
    due_at: datetime = instant()
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    how: str | None = None


class Code(SQLModel, table=True):
    """A national or local list that is loaded, not coded: delay reasons, destinations, criteria to reside, …"""

    list: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    meaning: str
    until_on: date | None = None  # no longer used from then on
