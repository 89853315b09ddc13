"""Tables that are loaded whole, from a day on: the newest version that is not after a day holds on that day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, SmallInteger
from sqlmodel import Field, SQLModel

from monitoring.columns import instant


class Loading(SQLModel, table=True):
    """A version of a table: from which day on, and who loaded it. Whoever loads one locks its row first."""

    name: str = Field(primary_key=True)
    from_on: date = Field(primary_key=True)
    rows: int
    loaded_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")  # None: came with us
    loaded_at: datetime = instant()


class Deprivation(SQLModel, table=True):
    """How deprived an area is: its fifth of the Index of Multiple Deprivation, 1 the most deprived."""

    from_on: date = Field(primary_key=True)
    area: str = Field(primary_key=True)  # an LSOA, a postcode or a postcode district, in capitals without spaces
    quintile: int = Field(sa_type=SmallInteger)


class PostcodeLsoa(SQLModel, table=True):
    """In which LSOA a postcode lies."""

    __tablename__ = "postcode_lsoa"

    from_on: date = Field(primary_key=True)
    postcode: str = Field(primary_key=True)  # in capitals without spaces
    lsoa: str


class EthnicGroup(SQLModel, table=True):
    """To which group an ethnic category belongs."""

    __tablename__ = "ethnic_group"

    from_on: date = Field(primary_key=True)
    code: str = Field(primary_key=True)
    group: str


class PopulationGroup(SQLModel, table=True):
    """How many people of an ICB's population are in a group of a cut."""

    __tablename__ = "population_group"

    from_on: date = Field(primary_key=True)
    icb: str = Field(primary_key=True)
    by: str = Field(primary_key=True)
    group: str = Field(primary_key=True)
    people: int


class Practice(SQLModel, table=True):
    """The primary care network of a GP practice, and who there was agreed to be sent cases."""

    from_on: date = Field(primary_key=True)
    gp_practice: str = Field(primary_key=True)
    network: str
    contact: str | None = None
