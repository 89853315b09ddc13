"""Documents as they came, of formats that say more than the sets of readings that they are decoded to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, LargeBinary, Text
from sqlmodel import Field, SQLModel

from devices.original import Format
from monitoring.columns import instant, one_of


class KeptOriginal(SQLModel, table=True):
    """One document, packed (`devices/original.py`). Its sets name it in `reading.also`. Written once."""

    __tablename__ = "original"
    __table_args__ = (one_of("format", Format),)

    id: UUID = Field(primary_key=True)
    source: int = Field(sa_type=BigInteger)  # a device's internal key
    format: Format = Field(sa_type=Text)
    received_at: datetime = instant()
    packed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    patients: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))  # whose sets it brought
