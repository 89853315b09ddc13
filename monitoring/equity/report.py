"""Equity: who is referred, declined, admitted, waits, comes back and dies, by who they are. Small numbers are not told.

Source: docs/clinical/policy.md, *Spells, clocks and counts*, equity; METHOD says in the answer how each is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import TextClause

from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.database import AnyRow
from monitoring.equity.cuts import AGE_BANDS, GROUPS, NOT_STATED, OTHER_LANGUAGE, Cut
from monitoring.equity.query import POPULATION, equity_by
from monitoring.equity.small_cells import published
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import in_force
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import of_span
from monitoring.reports.stays import METHOD as METHOD_OF_STAYS

PER: Final = 100_000
ALL: Final = "all"

METHOD: Final = {
    "groups": "Of the person, as recorded now: one group for the whole report. Age: at the end of the period, or at "
    f"death ({', '.join(AGE_BANDS)}). Deprivation: fifths of the Index of Multiple Deprivation, 1 the most deprived, "
    "from the tables loaded, by the postcode's LSOA, else the postcode, else its district. Ethnicity: the five groups "
    f"of Census 2021. Language: those of the population loaded, else {OTHER_LANGUAGE}. Kit: lent in the period. "
    f"{NOT_STATED}: not recorded, not told, or not on the table that was loaded.",
    "tables": "The versions used: those in force on the last day of the period.",
    "population": "Of the ICBs of the wards counted, as it was loaded; null where it was not, for all of them.",
    "referrals": "Received in the period; declined: those of them that are declined now.",
    "stays": "Spells of the wards' own: admitted in the period; ended in it; occupancy_days: days of 24 h of any spell "
    "that fall in it. length_of_stay: days from admission to discharge of those who left alive, not to acute care.",
    "readmitted": f"{METHOD_OF_STAYS['readmitted']} Here only the acute ones, of those followed.",
    "acute_admission": METHOD_OF_STAYS["acute_admission"],
    "alerts": "Red and critical, raised in the period, of these spells; minutes until a member of staff first answered "
    "(median). One not answered has waited until the end of the period.",
    "rates": f"Of the period, per {PER:,} people of the group; shares of those ended and of those followed. All from "
    "the rounded numbers.",
    "small_numbers": "A number of fewer than 5 people is null, all others are rounded to 5. Where one is null, the "
    "total is the sum of those shown: one that counts everybody would tell of the hidden. Medians are of everybody.",
}


class EquityRow(msgspec.Struct, kw_only=True):
    """The figures of a group; null where too few people are behind one."""

    group: str
    population: int | None
    referrals_received: int | None
    referrals_declined: int | None
    referrals_per_100k: float | None
    admissions: int | None
    admissions_per_100k: float | None
    occupancy_days: int | None
    stays: int | None
    length_of_stay_median: float | None
    length_of_stay_p90: float | None
    followed: int | None
    readmitted: int | None
    readmission_rate: float | None
    ended: int | None
    died: int | None
    died_rate: float | None
    alerts: int | None
    minutes_to_acknowledge: float | None


class EquityReport(msgspec.Struct, kw_only=True):
    """The figures of a period by group, and of all groups together."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: Cut
    icb: str | None
    tables: dict[TableName, date | None]
    method: dict[str, str]
    total: EquityRow
    groups: list[EquityRow]

    @property
    def rows(self) -> list[EquityRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


@dataclass(frozen=True, slots=True)
class _Counted:
    """A figure of a group: of how many people, how many times, and of what."""

    people: int = 0
    number: int = 0
    total: float | None = None
    median: float | None = None
    p90: float | None = None


NOTHING: Final = _Counted()
FIGURES: Final = (
    "referrals_received", "referrals_declined", "admissions", "occupancy_days", "stays", "followed", "readmitted",
    "ended", "died", "alerts",
)  # fmt: skip
USED: Final = (TableName.DEPRIVATION, TableName.POSTCODES, TableName.ETHNICITY, TableName.POPULATION)

Table = Mapping[tuple[str, str], _Counted]
"""By group and figure."""
Told = Mapping[str, Mapping[str, int | None]]
"""What may be told: by figure and group, the total among them."""


def equity(act: Act, span: Span, cut: Cut, icb: str | None) -> EquityReport:
    """The figures of the caller's wards, or of those of one ICB."""
    asked = of_span(act, span) | {"icb": icb, "by": cut}
    last_day = (asked["to"] - timedelta(microseconds=1)).astimezone(WARD_TIME).date()
    versions = in_force(act.session, last_day)
    asked |= {"last_day": last_day, **{f"{name}_from": version for name, version in versions.items()}}
    population = {group: int(people) for group, people in _run(act, POPULATION, asked)}
    asked["languages"] = sorted(population)
    table: Table = {
        (group or ALL, figure): _Counted(*counted) for group, figure, *counted in _run(act, equity_by(cut), asked)
    }
    groups = _groups(cut, population)
    told = {figure: _told(table, groups, figure) for figure in FIGURES}
    people = {**population, ALL: sum(population.values()) or None}
    return EquityReport(
        from_=asked["from"],
        to=asked["to"],
        by=cut,
        icb=icb,
        tables={name: versions[name] for name in USED},
        method=METHOD,
        total=_row(ALL, table, told, people.get(ALL)),
        groups=[_row(group, table, told, people.get(group)) for group in groups],
    )


def _run(act: Act, query: TextClause, asked: Mapping[str, object]) -> Sequence[AnyRow]:
    return act.session.execute(query, asked).all()


def _groups(cut: Cut, population: Mapping[str, int]) -> list[str]:
    """Every group of a cut, also one of which nobody came."""
    known = GROUPS[cut] or sorted({*population, OTHER_LANGUAGE} - {NOT_STATED})
    return [*known, NOT_STATED]


def _told(table: Table, groups: Sequence[str], figure: str) -> dict[str, int | None]:
    counted = {group: table.get((group, figure), NOTHING) for group in (*groups, ALL)}
    people = {group: counted[group].people for group in groups}
    is_of_days = figure == "occupancy_days"
    numbers = {group: (one.total or 0) if is_of_days else one.number for group, one in counted.items()}
    shown, total = published(people, numbers, numbers[ALL])
    return {**shown, ALL: total}


def _row(group: str, table: Table, told: Told, population: int | None) -> EquityRow:
    """A line of the report, of what may be told."""

    def number(figure: str) -> int | None:
        return told[figure].get(group)

    def spread(figure: str) -> _Counted:
        return NOTHING if number(figure) is None else table.get((group, figure), NOTHING)

    received, admissions = number("referrals_received"), number("admissions")
    followed, readmitted, ended, died = map(number, ("followed", "readmitted", "ended", "died"))
    return EquityRow(
        group=group,
        population=population,
        referrals_received=received,
        referrals_declined=number("referrals_declined"),
        referrals_per_100k=_share(received, population, PER),
        admissions=admissions,
        admissions_per_100k=_share(admissions, population, PER),
        occupancy_days=number("occupancy_days"),
        stays=number("stays"),
        length_of_stay_median=_to_tenths(spread("stays").median),
        length_of_stay_p90=_to_tenths(spread("stays").p90),
        followed=followed,
        readmitted=readmitted,
        readmission_rate=_share(readmitted, followed),
        ended=ended,
        died=died,
        died_rate=_share(died, ended),
        alerts=number("alerts"),
        minutes_to_acknowledge=_to_tenths(spread("alerts").median),
    )


def _share(part: int | None, whole: int | None, per: int = 1) -> float | None:
    return None if part is None or not whole else round(part / whole * per, 2)


def _to_tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
