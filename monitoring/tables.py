"""Every table of the schema, imported once, so that metadata and foreign keys are whole in any process."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field, SQLModel

from monitoring.accepted.tables import AcceptedValue
from monitoring.access.tables import (
    Answered,
    BreakGlass,
    OidcAttempt,
    OidcIdentity,
    OidcSignIn,
    SignInLink,
    Staff,
    Token,
)
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.audit.tables import AuditEvent, AuditSeal, AuditSubjects
from monitoring.bars.tables import BarsMessage, BarsReplies
from monitoring.calls.tables import HotlineCall
from monitoring.casefinding.tables import CaseReply, CaseSent, CasesSent, OutsideContact
from monitoring.columns import Json, instant
from monitoring.concerns.tables import Concern
from monitoring.escalation.tables import (
    Contact,
    EmergencyCall,
    Escalation,
    FallbackTest,
    Handover,
    LadderStep,
    Message,
    Rota,
    WardLadders,
    WardRoutes,
)
from monitoring.fhir.tables import FhirObservation
from monitoring.flow.tables import Code, Delay, Letter, Referral, ReferralHistory, SpellEntry
from monitoring.hospital.tables import HospitalMessage
from monitoring.intake.tables import Aside, Ledger, Reading, Rescored, SetAside, SetAsideHistory
from monitoring.kit.tables import Assignment, Device, DeviceClock, DeviceSeen, DeviceTrouble, KitMove
from monitoring.loaded.tables import Deprivation, EthnicGroup, Loading, PopulationGroup, PostcodeLsoa, Practice
from monitoring.patients.tables import LatestVitals, Patient, PatientMerge, Plan
from monitoring.prompts.tables import Prompt, Suppressed
from monitoring.recovery.tables import CareCapacity, Prevention, Recovery, ServiceLine
from monitoring.reports.tables import PseudonymKey, SitRep
from monitoring.rounds.tables import Inpatient
from monitoring.rules.tables import RuleDecision, RuleProposal
from monitoring.sepsis.tables import SepsisAnswer
from monitoring.soft_signs.tables import SoftSigns
from monitoring.tracing.tables import AlertTrace
from monitoring.ucr.tables import UcrHistory, UcrReferral, UcrTeam
from monitoring.wards.tables import BedHold, Episode, IcbPopulation, Leave, Ward, WardCapacity, WardStay
from monitoring.watching.tables import SystemAlert


class Event(SQLModel, table=True):
    """What `/v1/live` tells, in the order in which it was committed. Kept seven days."""

    __table_args__ = (Index("event_by_age", "at"),)

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = instant()
    kind: str
    ward: str | None = None  # None: for everybody
    patient: UUID | None = None
    data: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class Heartbeat(SQLModel, table=True):
    """A worker, timekeeper or API process that is alive says so here."""

    name: str = Field(primary_key=True)
    part: str
    at: datetime = instant()
    began_at: datetime = instant()
    took_a_place: bool = False  # of one that died before it began


__all__ = [
    "AcceptedValue",
    "Alert",
    "AlertHistory",
    "AlertTrace",
    "Answered",
    "Aside",
    "Assignment",
    "AuditEvent",
    "AuditSeal",
    "AuditSubjects",
    "BarsMessage",
    "BarsReplies",
    "BedHold",
    "BreakGlass",
    "CareCapacity",
    "CaseReply",
    "CaseSent",
    "CasesSent",
    "Code",
    "Concern",
    "Contact",
    "Delay",
    "Deprivation",
    "Device",
    "DeviceClock",
    "DeviceSeen",
    "DeviceTrouble",
    "EmergencyCall",
    "Episode",
    "Escalation",
    "EthnicGroup",
    "Event",
    "FallbackTest",
    "FhirObservation",
    "Handover",
    "Heartbeat",
    "HospitalMessage",
    "HotlineCall",
    "IcbPopulation",
    "Inpatient",
    "KitMove",
    "LadderStep",
    "LatestVitals",
    "Leave",
    "Ledger",
    "Letter",
    "Loading",
    "Message",
    "OidcAttempt",
    "OidcIdentity",
    "OidcSignIn",
    "OutsideContact",
    "Patient",
    "PatientMerge",
    "Plan",
    "PopulationGroup",
    "PostcodeLsoa",
    "Practice",
    "Prevention",
    "Prompt",
    "PseudonymKey",
    "Reading",
    "Recovery",
    "Referral",
    "ReferralHistory",
    "Rescored",
    "Rota",
    "RuleDecision",
    "RuleProposal",
    "SQLModel",
    "SepsisAnswer",
    "ServiceLine",
    "SetAside",
    "SetAsideHistory",
    "SignInLink",
    "SitRep",
    "SoftSigns",
    "SpellEntry",
    "Staff",
    "Suppressed",
    "SystemAlert",
    "Token",
    "UcrHistory",
    "UcrReferral",
    "UcrTeam",
    "Ward",
    "WardCapacity",
    "WardLadders",
    "WardRoutes",
    "WardStay",
]
