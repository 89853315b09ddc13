"""Which Observations were created, so that each is created once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from monitoring.columns import instant


class FhirObservation(SQLModel, table=True):
    """An Observation that a device posted, under the name that it gave it. Written once its set is on disk, never
    before; kept as long as the ledger. `source`, `set` and `taken_at` lead to its reading."""

    __tablename__ = "fhir_observation"
    __table_args__ = (Index("fhir_observation_of_set", "set"),)

    source: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    name: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))  # first 16 bytes of its SHA-256
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # likewise, of what was measured
    id: str  # the set's, and what of it
    set: UUID
    taken_at: datetime = instant()
    made_at: datetime = instant()
