"""Readings as they came, the ledger that absorbs repeats, later scores, and what was kept aside.

`reading`, `rescored` and `ledger` are written once. What comes is `recent`: a part of `reading` and of `ledger` that
stays small, whatever came before. From there it is settled (`workers/settling.py`), readings into a part for each month
of `taken_at` (`make_reading_month`). Why: docs/decisions/0011.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from monitoring.columns import Json, UtcDateTime, instant, internal_key, one_of, public_key


def is_recent() -> bool:
    """Which part of its table a row is in: it comes into the recent one, which only settling takes it from."""
    made: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    return made


class Ledger(SQLModel, table=True):
    """Each id that a source ever sent, with what it said: the same id again changes nothing.

    `source` is a device's internal key, or the negative of a member of staff's. Unique within each part; that no id is
    in both, `workers/drain/ledger.py` sees to.
    """

    __table_args__ = ({"postgresql_partition_by": "LIST (recent)"},)

    source: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    id: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # first 16 bytes of SHA-256
    recent: bool = is_recent()


class Scored(SQLModel):
    """A score of one set. `points` is a character per PARAMETERS: `0`-`3`, or `-` where missing.

    No points at all: NEWS2 does not apply to this patient (`not_scored` says why).
    """

    points: str | None = None
    score: int | None = Field(default=None, sa_type=SmallInteger)
    score_max: int | None = Field(default=None, sa_type=SmallInteger)
    scale: int | None = Field(default=None, sa_type=SmallInteger)
    oxygen_assumed: bool = False
    severity: int = Field(default=0, sa_type=SmallInteger)
    not_scored: str | None = None


class Reading(Scored, table=True):
    """One set of readings taken together, in chart units, and what it scored when it came. Written once.

    NULL is not measured. `as_sent` holds the values that rounding to the chart changed, `also` the rarer ones.
    """

    __table_args__ = (
        Index(
            "reading_declined",
            "episode_id",
            "taken_at",
            postgresql_where=text("quality <> 'test' AND also ? 'declined'"),
        ),
        {"postgresql_partition_by": "LIST (recent)"},
    )

    episode_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    taken_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    set: UUID = Field(primary_key=True)
    source: int = Field(sa_type=BigInteger)
    id: str
    received_at: datetime = instant()
    respiratory_rate: int | None = Field(default=None, sa_type=SmallInteger)
    spo2: int | None = Field(default=None, sa_type=SmallInteger)
    on_oxygen: bool | None = None
    oxygen_flow_hundredths: int | None = Field(default=None, sa_type=SmallInteger)
    systolic: int | None = Field(default=None, sa_type=SmallInteger)
    diastolic: int | None = Field(default=None, sa_type=SmallInteger)
    pulse: int | None = Field(default=None, sa_type=SmallInteger)
    consciousness: str | None = None
    temperature_tenths: int | None = Field(default=None, sa_type=SmallInteger)
    also: dict[str, Any] | None = Field(default=None, sa_type=Json)
    as_sent: dict[str, str] | None = Field(default=None, sa_type=Json)
    quality: str = "good"
    flags: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    uses: list[UUID] | None = Field(default=None, sa_column=Column(ARRAY(Uuid)))  # other sets carried into the score
    recent: bool = is_recent()


class Rescored(Scored, table=True):
    """A score written anew because an earlier set arrived later. The newest revision is the current one."""

    __table_args__ = (Index("rescored_set", "episode_id", "taken_at", "set", "revision"),)

    revision: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    episode_id: int = Field(sa_column=Column(BigInteger, ForeignKey("episode.id"), nullable=False))
    taken_at: datetime = instant()
    set: UUID
    scored_at: datetime = instant()
    uses: list[UUID] | None = Field(default=None, sa_column=Column(ARRAY(Uuid)))


class Aside(StrEnum):
    """Why a set was kept aside for a person instead of being scored."""

    CONFLICT = "same id, other content"
    FUTURE = "taken in the future"
    BEFORE_RETENTION = "older than what is kept"
    UNASSIGNED = "device not assigned to a patient at that time"
    NOT_ADMITTED = "patient not on a ward at that time"
    WRONG_PATIENT = "not a patient of this device at that time"
    IMPOSSIBLE = "cannot be a measurement"
    UNKNOWN_CODE = "code not known"
    UNKNOWN_UNIT = "unit not known"
    UNKNOWN_TIME = "time not known"
    WITHDRAWN = "withdrawn by its sender"
    AMENDED = "corrected by its sender"
    OTHER_USER = "another user of the device"
    UNLIKELY = "can hardly be this patient's"
    POISON = "could not be processed"


class Decision(StrEnum):
    """What a person decided of something that was kept aside."""

    RELEASED = "released"
    DISCARDED = "discarded"


class SetAside(SQLModel, table=True):
    """Something that arrived and was not scored: visible, never dropped, for a person to release or discard."""

    __tablename__ = "set_aside"
    __table_args__ = (
        one_of("reason", Aside),
        Index("set_aside_once", "source", "id", "content", unique=True),
        one_of("decision", Decision),
        CheckConstraint("(decided_at IS NULL) = (decision IS NULL)", name="set_aside_decided"),
        Index("set_aside_open", "key", postgresql_where=text("decided_at IS NULL")),
        Index("set_aside_of_source", "source", "key"),
        Index("set_aside_of_patient", "patient_id", "key"),
        Index("set_aside_of_nobody", "kept_at", postgresql_where=text("patient_id IS NULL")),
        Index(
            "set_aside_to_score",
            "queued_at",
            postgresql_where=text("decision = 'released' AND scored_at IS NULL"),
        ),
    )

    key: int = internal_key()
    public_id: UUID = public_key()
    source: int = Field(sa_type=BigInteger)
    id: str
    content: bytes
    patient_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="patient.id")
    reason: Aside = Field(sa_type=Text)
    detail: str
    document: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    received_at: datetime = instant()
    kept_at: datetime = instant()
    severity: int = Field(default=0, sa_type=SmallInteger)  # what it would be, where the ward was told
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision: Decision | None = Field(default=None, sa_type=Text)
    decided_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    released: dict[str, Any] | None = Field(default=None, sa_type=Json)  # the set as it is to be scored
    queued_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # last put on the stream
    scored_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    set: UUID | None = None  # under which it was stored


class SetAsideHistory(SQLModel, table=True):
    """What people decided of something kept aside, and what became of that. Written once."""

    __tablename__ = "set_aside_history"

    id: int = internal_key()
    set_aside_key: int = Field(sa_type=BigInteger, foreign_key="set_aside.key", index=True)
    at: datetime = instant()
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    what: str
    why: str | None = None
    supplied: dict[str, Any] | None = Field(default=None, sa_type=Json)  # what a person said that was in doubt
