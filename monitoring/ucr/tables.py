"""UCR teams, the referrals to them, and what happened to each.

A referral that is declined is followed by another to the next team: a chain, with one clock for the patient
(`received_at`, `breach_at`) and one for each provider (`sent_at`, `provider_breach_at`).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key
from monitoring.ucr.clock import Response
from monitoring.ucr.states import ACTIVE, LIVE, WAITING, Outcome, State


class Format(StrEnum):
    """What a team's webhook takes."""

    WEBHOOK = "webhook"
    BARS = "bars"


class UcrTeam(SQLModel, table=True):
    """A team that goes to people's homes. Whoever places a referral locks the rows of the area's teams."""

    __tablename__ = "ucr_team"
    __table_args__ = (
        CheckConstraint("max_active >= 0", name="visits_not_negative"),
        one_of("webhook_format", Format),
        Index("ucr_team_of_icb", "icb", "id"),
        Index("ucr_team_of_district", "postcode_districts", postgresql_using="gin"),
    )

    id: int = internal_key()
    code: str = Field(unique=True)
    name: str
    icb: str
    postcode_districts: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # none: the whole ICB
    hours: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # when it visits
    referral_hours: dict[str, Any] | None = Field(default=None, sa_type=Json)  # when it takes referrals; None: `hours`
    skills: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    max_news2: int | None = Field(default=None, sa_type=SmallInteger)
    exclusions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    phone: str | None = None
    max_active: int = Field(sa_type=Integer)  # visits at a time
    webhook: str | None = None
    webhook_format: Format = Field(default=Format.WEBHOOK, sa_type=Text)
    secrets: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))  # the newest first
    version: int = 1
    changed_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    changed_at: datetime = instant()
    created_at: datetime = instant()


def _in(states: tuple[State, ...]) -> str:
    return f"state IN ({', '.join(repr(str(state)) for state in states)})"


class UcrReferral(SQLModel, table=True):
    """Somebody is asked to see a patient at home. `due_at`: what its clock owes next, one stored deadline.

    `received_at`, `starts_at`, `breach_at` and `clock_rule` are the patient's, and never change along a chain.
    """

    __tablename__ = "ucr_referral"
    __table_args__ = (
        one_of("state", State),
        one_of("response", Response),
        one_of("outcome", Outcome),
        CheckConstraint("state <> 'sent' OR team_id IS NOT NULL", name="sent_to_somebody"),
        CheckConstraint(f"({_in(WAITING)}) = (due_at IS NOT NULL)", name="waiting_has_a_deadline"),
        Index("ucr_referral_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        # A decline never makes two of one patient, nor none.
        Index("ucr_referral_one_live", "chain", unique=True, postgresql_where=text(_in(LIVE))),
        Index("ucr_referral_once", "patient_id", "need", unique=True, postgresql_where=text(_in(WAITING))),
        Index("ucr_referral_active", "team_id", postgresql_where=text(_in(ACTIVE))),
        Index("ucr_referral_of_team", "team_id", "id"),
        Index("ucr_referral_in_ward", "ward_id", "id"),
        Index("ucr_referral_in_state", "state", "id"),
        Index("ucr_referral_of_alert", "alert_id", "id", postgresql_where=text("alert_id IS NOT NULL")),
        Index("ucr_referral_chain", "chain", "id"),
        Index("ucr_referral_received", "received_at"),
        Index("ucr_referral_sent", "sent_at"),
        Index("ucr_referral_of_patient", "patient_id", "id"),
        Index("ucr_referral_followed", "previous_id", unique=True, postgresql_where=text("previous_id IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    chain: UUID  # the public id of its first referral
    previous_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ucr_referral.id")
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    episode_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="episode.id")
    ward_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ward.id")  # None: on no ward
    alert_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="alert.id")
    team_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ucr_team.id")  # None: unplaced
    need: str
    reason: str
    skills: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # without which nobody need come
    response: Response = Field(sa_type=Text)
    severity: int = Field(default=0, sa_type=SmallInteger)  # of the alert, when it was made; 0: none
    news2: int | None = Field(default=None, sa_type=SmallInteger)
    sepsis: str  # suspected | unanswered | not_suspected | not_asked
    district: str | None = None
    automatic: bool  # by a ladder
    placing: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # why this team: choosing.Choice
    handover: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))  # as it was then
    state: State = Field(sa_type=Text)
    received_at: datetime = instant()  # the first request
    clock_rule: str
    starts_at: datetime = instant()
    breach_at: datetime = instant()
    sent_at: datetime = instant()  # to this team: when its provider received it
    provider_clock_rule: str
    provider_breach_at: datetime = instant()
    answer_by: datetime = instant()
    told: int = Field(default=0, sa_type=SmallInteger)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acted_at: datetime = instant()  # the last thing that was done to it: what is told late cannot come before
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dispatched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # face to face: nothing else stops the clock
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str | None = None  # of a decline or a cancellation
    unanswered: bool = False  # declined by silence
    outcome: str | None = None
    requested_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: a ladder
    accepted_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    reviewed_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class UcrHistory(SQLModel, table=True):
    """What happened to a referral to a UCR team. Written once."""

    __tablename__ = "ucr_history"
    __table_args__ = (Index("ucr_history_of", "referral_id", "id"),)

    id: int = internal_key()
    referral_id: int = Field(sa_type=BigInteger, foreign_key="ucr_referral.id")
    at: datetime = instant()
    what: str
    from_state: str | None = None
    to_state: str
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: the clock
    reason: str | None = None
    note: str | None = None
    recorded_at: datetime = instant()
