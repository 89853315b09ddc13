"""Devices, and who wore which when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from monitoring.columns import instant, internal_key, public_key


class Device(SQLModel, table=True):
    """A hub, wearable or sensor that posts readings under its own token."""

    id: int = internal_key()
    public_id: UUID = public_key()
    kind: str
    serial: str
    identifiers: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    shared: bool = False  # several patients at once; each set then names its patient
    created_at: datetime = instant()


class DeviceSeen(SQLModel, table=True):
    """When a device was last heard and how full its battery was. Apart from `device`, since it changes all day."""

    __tablename__ = "device_seen"

    device_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="device.id")
    last_seen_at: datetime = instant()
    battery_percent: int | None = None
    clock_offset_s: int | None = None  # taken minus received of the last live reading


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
            (text("int8range(patient_id, patient_id, '[]')"), "&&"),
            ("during", "&&"),
            using="gist",
            name="assignment_once_per_patient",
        ),
    )

    id: int = internal_key()
    device_id: int = Field(sa_type=BigInteger, foreign_key="device.id", index=True)
    patient_id: int = Field(sa_type=BigInteger, foreign_key="patient.id", index=True)
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    shared: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
