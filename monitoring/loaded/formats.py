"""What each loadable table looks like as CSV: a struct says its columns, what they may hold, and what a row is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from sqlmodel import SQLModel

from monitoring.equity.cuts import ETHNIC_GROUPS, GROUPS, NOT_STATED, Cut
from monitoring.fields import Line, OdsCode, Word
from monitoring.loaded.tables import Deprivation, EthnicGroup, PopulationGroup, PostcodeLsoa, Practice

_DISTRICT: Final = "[A-Za-z]{1,2}[0-9][A-Za-z0-9]?"
_POSTCODE: Final = rf"{_DISTRICT} ?[0-9][A-Za-z]{{2}}"
_LSOA: Final = "[EWSewsNn][0-9A-Za-z]{8}"

Area = Annotated[str, msgspec.Meta(pattern=rf"^({_LSOA}|{_POSTCODE}|{_DISTRICT})\Z")]
Postcode = Annotated[str, msgspec.Meta(pattern=rf"^{_POSTCODE}\Z")]
Lsoa = Annotated[str, msgspec.Meta(pattern=rf"^{_LSOA}\Z")]
People = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


def _plain(code: str) -> str:
    """In capitals, without spaces."""
    return code.replace(" ", "").upper()


class DeprivationRow(msgspec.Struct, kw_only=True):
    """The fifth of the Index of Multiple Deprivation of an LSOA, a postcode or a postcode district."""

    area: Area
    quintile: Annotated[int, msgspec.Meta(ge=1, le=5)]

    def __post_init__(self) -> None:
        """One spelling."""
        self.area = _plain(self.area)


class PostcodeRow(msgspec.Struct, kw_only=True):
    """The LSOA of a postcode."""

    postcode: Postcode
    lsoa: Lsoa

    def __post_init__(self) -> None:
        """One spelling."""
        self.postcode, self.lsoa = _plain(self.postcode), _plain(self.lsoa)


class EthnicityRow(msgspec.Struct, kw_only=True):
    """The group of an ethnic category; what is not listed is not stated."""

    code: Word
    group: str

    def __post_init__(self) -> None:
        """One spelling. Raises ValueError for a group that is none of the Census's."""
        self.code = self.code.upper()
        if self.group not in ETHNIC_GROUPS:
            raise ValueError(f"group {self.group!r} is none of {', '.join(ETHNIC_GROUPS)}")


class PopulationRow(msgspec.Struct, kw_only=True):
    """How many people of an ICB are in a group of a cut."""

    icb: OdsCode
    by: Cut
    group: Word
    people: People

    def __post_init__(self) -> None:
        """One spelling. Raises ValueError for a group that the cut does not have; languages are any."""
        self.group = self.group.lower()
        groups = (*GROUPS[self.by], NOT_STATED)
        if self.by is not Cut.LANGUAGE and self.group not in groups:
            raise ValueError(f"group {self.group!r} is none of {', '.join(groups)}")


class PracticeRow(msgspec.Struct, kw_only=True):
    """The network of a GP practice, and its agreed contact."""

    gp_practice: OdsCode
    network: Word
    contact: Line | None = None


class TableName(StrEnum):
    """Tables that can be loaded."""

    DEPRIVATION = "deprivation"
    POSTCODES = "postcodes"
    ETHNICITY = "ethnicity"
    POPULATION = "population"
    PRACTICES = "practices"


@dataclass(frozen=True, slots=True)
class Format:
    """A loadable table: the rows of its CSV, where they are kept, and how many columns name a row."""

    row: type[msgspec.Struct]
    table: type[SQLModel]
    key_columns: int


FORMATS: Final[Mapping[TableName, Format]] = {
    TableName.DEPRIVATION: Format(DeprivationRow, Deprivation, 1),
    TableName.POSTCODES: Format(PostcodeRow, PostcodeLsoa, 1),
    TableName.ETHNICITY: Format(EthnicityRow, EthnicGroup, 1),
    TableName.POPULATION: Format(PopulationRow, PopulationGroup, 3),
    TableName.PRACTICES: Format(PracticeRow, Practice, 1),
}
