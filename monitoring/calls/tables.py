"""Calls to a cancer hotline, as they were taken."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from alert_rules.ukons import Colour, Result
from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


class CallFrom(StrEnum):
    """Who is on the phone."""

    PATIENT = "patient"
    CARER = "carer"
    STAFF = "staff"


class HotlineCall(SQLModel, table=True):
    """One call: who, what was answered, the least that the triage asks for, what was done. Written once.

    It is about a patient, or about somebody who is not registered here (`person`).
    """

    __tablename__ = "hotline_call"
    __table_args__ = (
        one_of("caller", CallFrom),
        one_of("colour", Colour),
        one_of("minimum", Result),
        one_of("result", Result),
        CheckConstraint("(patient_id IS NULL) <> (person IS NULL)", name="about_somebody"),
        CheckConstraint("NOT critical OR result IN ('999', 'acute_oncology')", name="critical_is_no_less"),
        CheckConstraint("(result = 'ucr') = (ucr_referral_id IS NOT NULL)", name="ucr_is_asked"),
        CheckConstraint("result <> 'ward' OR alert_id IS NOT NULL", name="ward_is_told"),
        Index("hotline_call_at", "at"),
        Index("hotline_call_in_ward", "ward_id", "id"),
        Index("hotline_call_with_result", "result", "id"),
        Index("hotline_call_sent_on", "ucr_referral_id", postgresql_where=text("ucr_referral_id IS NOT NULL")),
        Index("hotline_call_of_nobody", "recorded_at", postgresql_where=text("patient_id IS NULL")),
        Index("hotline_call_of_patient", "patient_id", "id", postgresql_where=text("patient_id IS NOT NULL")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    at: datetime = instant()
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    out_of_hours: bool  # by hours.py, when it was taken
    caller: CallFrom = Field(sa_type=Text)
    caller_name: str | None = None
    callback: str
    patient_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="patient.id")
    ward_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ward.id")  # then; None: on no ward
    person: dict[str, Any] | None = Field(default=None, sa_type=Json)
    cancer: str
    treatment: str
    treatment_name: str | None = None
    treated_on: date | None = None
    answers: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    temperature_tenths: int | None = Field(default=None, sa_type=SmallInteger)
    unwell: bool
    triage: str  # which rules: ukons.VERSION
    colour: Colour = Field(sa_type=Text)
    minimum: Result = Field(sa_type=Text)
    critical: bool
    why: list[str] = Field(sa_column=Column(Json, nullable=False))
    result: Result = Field(sa_type=Text)
    lowered: bool  # less than the triage asks for
    reason: str | None = None
    advice: str | None = None
    emergency: dict[str, Any] | None = Field(default=None, sa_type=Json)  # the record of 999
    alert_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="alert.id")
    ucr_referral_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="ucr_referral.id")
    taken_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    recorded_at: datetime = instant()
