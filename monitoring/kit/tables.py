"""Devices, where each is in its life, and who wore which when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from alert_rules.kit import Trouble
from monitoring.columns import UtcDateTime, instant, internal_key, one_of, public_key
from monitoring.kit.states import Move, State


class Device(SQLModel, table=True):
    """A hub, wearable or sensor that posts readings under its own token. Issued while it is somebody's or is to be."""

    __table_args__ = (
        one_of("state", State),
        Index("device_in_state", "state", "kind"),
        Index("device_by_serial", text("lower(serial)"), "kind"),
        Index("device_by_identifier", "identifiers", postgresql_using="gin"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    kind: str
    serial: str
    identifiers: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    shared: bool = False  # several patients at once; each set then names its patient
    created_at: datetime = instant()
    state: State = Field(default=State.STOCK, sa_column=Column(Text, nullable=False, server_default=State.STOCK))
    state_at: datetime = instant()  # since when


class KitMove(SQLModel, table=True):
    """What was done with a device, by whom and when. Written once."""

    __tablename__ = "kit_move"
    __table_args__ = (
        one_of("move", Move),
        one_of("to_state", State),
        Index("kit_move_of_device", "device_id", "id"),
    )

    id: int = internal_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id")
    move: Move = Field(sa_type=Text)
    from_state: State | None = Field(default=None, sa_type=Text)
    to_state: State = Field(sa_type=Text)
    at: datetime = instant()
    by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: the command line
    note: str | None = None
    recorded_at: datetime = instant()


class DeviceTrouble(SQLModel, table=True):
    """What is wrong with a patient's device now, and was told: gone with its cause. Of a shared one, told of one."""

    __tablename__ = "device_trouble"
    __table_args__ = (
        one_of("trouble", Trouble),
        Index("device_trouble_once", "device_id", "trouble", unique=True),
        Index("device_trouble_of_patient", "patient_id"),
    )

    id: int = internal_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id")
    trouble: Trouble = Field(sa_type=Text)
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id")
    told_at: datetime = instant()


class DeviceSeen(SQLModel, table=True):
    """When a device was last heard and how full its battery was. Apart from `device`, since it changes all day."""

    __tablename__ = "device_seen"

    device_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="device.id")
    last_seen_at: datetime = instant()
    battery_percent: int | None = None
    clock_offset_s: int | None = None  # taken minus received of the last live reading
    clock_samples_s: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(Integer), nullable=False))
    """The same of the last requests, oldest first (`devices.clock.SAMPLES_MAX`)."""


class DeviceClock(SQLModel, table=True):
    """What was learnt of a clock: of a device's own where it is or was off or shown, and of each sensor behind a hub.

    Offsets in seconds, the device's time minus the true one. `devices.clock` says what they come to.
    """

    __tablename__ = "device_clock"

    device_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="device.id")
    sensor: str = Field(primary_key=True)  # EUI-64 or EUI-48 in capitals; empty: the device itself
    samples_s: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(Integer), nullable=False))
    coincident_s: int | None = None  # as a document showed it that has the device's time and ours at once
    coincident_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    off_since: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # when it was found to be off; NULL: it is not
    measured_at: datetime = instant()


class Assignment(SQLModel, table=True):
    """Whose a device was, and when. Periods never overlap, but of a device that is shared."""

    __table_args__ = (
        # btree_gist is not in every build of PostgreSQL: a range of one stands in for equality.
        ExcludeConstraint(
            (text("int8range(device_id, device_id, '[]')"), "&&"),
            ("during", "&&"),
            where=text("NOT shared"),
            using="gist",
            name="assignment_one_patient_at_a_time",
        ),
        ExcludeConstraint(
            (text("int8range(device_id, device_id, '[]')"), "&&"),
            (text("int4range(slot, slot, '[]')"), "&&"),
            ("during", "&&"),
            where=text("slot IS NOT NULL"),
            using="gist",
            name="assignment_one_patient_per_slot",
        ),
        ExcludeConstraint(
            (text("int8range(device_id, device_id, '[]')"), "&&"),
            (text("int8range(patient_id, patient_id, '[]')"), "&&"),
            ("during", "&&"),
            using="gist",
            name="assignment_once_per_patient",
        ),
        Index("assignment_lasting", text("upper(during)")),  # those that last are NULL, or still to come
    )

    id: int = internal_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id", index=True)
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id", index=True)
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    shared: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    slot: int | None = None  # which of the device's own users the patient is; NULL: it knows none, or nobody said
