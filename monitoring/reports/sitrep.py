"""The virtual-ward SitRep as NHS England publishes it: capacity and patients at 08:00 on a Thursday in London.

Source: docs/clinical/policy.md, *Spells, clocks and counts*; the definitions of the published statistics. Pure: what is
counted comes from `sitrep_counts`, and here it is added up, divided and shown.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from monitoring.clock import WARD_TIME
from monitoring.reports.sitrep_counts import COUNTS, Counted, Group, Level, Line, Population

HOUR: Final = time(8)
THURSDAY: Final = 3
WEEK: Final = timedelta(days=7)
PER: Final = 100_000

DEFINITIONS: Final = {
    "capacity": "Beds staffed at the instant, of wards flagged for the SitRep.",
    "patients": "Patients in a bed at the instant. Who is on leave keeps the bed and is counted: on_leave of them.",
    "occupancy": 'patients / capacity; null where nothing is staffed. As published: "100%*" where above 100 %.',
    "per_100k": "capacity / population * 100,000; null where a population is not known, where their bases differ, or "
    "where you do not see every ward of the line.",
    "population": "Registered in the ICBs of the wards counted, each ICB once, on the basis named.",
    "period": "The seven days up to the instant: after since, up to and with as_of.",
    "admissions": "Spells that began, at the ward where they began. A transfer is no admission and no discharge.",
    "referrals": "received: those that came in the period; accepted and declined: those decided in it.",
    "in_sitrep": "As flagged when the SitRep was counted.",
}


class Row(Line, kw_only=True):
    """A line as it is published."""

    wards: int
    available: int  # capacity - patients - reserved: below zero where over capacity
    occupancy: float | None
    occupancy_published: str | None
    population: int | None
    population_basis: str | None
    per_100k: float | None


class SitRepReport(msgspec.Struct, kw_only=True):
    """The SitRep of an instant. Without a `version` it was not taken at that instant: it is counted now."""

    as_of: datetime
    since: datetime
    version: int | None
    versions: int  # how many there are of this instant
    taken_at: datetime | None
    taken_by: UUID | None  # None: the clock
    reason: str | None  # of a correction
    definitions: dict[str, str]
    populations: list[Population]
    total: Row
    icbs: list[Row]
    pathways: list[Row]
    wards: list[Row]

    @property
    def rows(self) -> list[Row]:
        """Every line, the total first."""
        return [self.total, *self.icbs, *self.pathways, *self.wards]


def last_instant(now: datetime) -> datetime:
    """The last 08:00 on a Thursday that is not after now."""
    on = now.astimezone(WARD_TIME).date()
    thursday = on - timedelta(days=(on.weekday() - THURSDAY) % 7)
    return at_eight(thursday if at_eight(thursday) <= now else thursday - WEEK)


def next_instant(after: datetime) -> datetime:
    """The first 08:00 on a Thursday after an instant."""
    return weeks_from(last_instant(after), 1)


def at_eight(on: date) -> datetime:
    """08:00 on a day in London: it is there on every day, also on those on which the clocks change."""
    return datetime.combine(on, HOUR, WARD_TIME).astimezone(UTC)


def weeks_from(as_of: datetime, number: int) -> datetime:
    """The same time of the day so many weeks later: 167 or 169 hours a week over a change of the clocks."""
    return (as_of.astimezone(WARD_TIME) + number * WEEK).astimezone(UTC)


def occupancy_published(patients: int, capacity: int) -> str | None:
    """Occupancy as the published statistics show it; None where nothing is staffed."""
    if capacity == 0:
        return None
    return "100%*" if patients > capacity else f"{patients / capacity:.1%}"


def rows(counted: Counted, *, icb: str | None, theirs: frozenset[str] | None) -> dict[Level, list[Row]]:
    """The lines of a SitRep, of one ICB or all, and of the wards that a caller may see (None: every ward)."""
    asked = [line for line in counted.wards if icb in {None, line.icb}]
    populations = {one.icb: one for one in counted.populations}
    found: dict[Level, list[Row]] = {}
    for level, key in _KEYS.items():
        groups: dict[str, list[Line]] = defaultdict(list)
        for line in asked:
            groups[key(line)].append(line)
        seen = {group: [line for line in groups[group] if theirs is None or line.group in theirs] for group in groups}
        found[level] = [
            _row(level, group, seen[group], populations if seen[group] == groups[group] else {})
            for group in sorted(groups)
            if seen[group]
        ]
    return found | {Level.TOTAL: found[Level.TOTAL] or [_row(Level.TOTAL, Level.TOTAL, [], {})]}


_KEYS: Final[dict[Level, Callable[[Line], str]]] = {
    Level.TOTAL: lambda _: Level.TOTAL,
    Level.ICB: lambda line: line.icb or "",
    Level.PATHWAY: lambda line: line.pathway or "",
    Level.WARD: lambda line: line.group,
}


def _row(level: Level, group: str, lines: Sequence[Line], populations: dict[str, Population]) -> Row:
    counts = {name: sum(getattr(line, name) for line in lines) for name in COUNTS}
    capacity, patients = counts["capacity"], counts["patients"]
    population, basis = _population({line.icb or "" for line in lines}, populations)
    return Row(
        **_described(level, group, lines),
        **counts,
        wards=len(lines),
        available=capacity - patients - counts["reserved"],
        occupancy=round(patients / capacity, 4) if capacity else None,
        occupancy_published=occupancy_published(patients, capacity),
        population=population,
        population_basis=basis,
        per_100k=None if population is None else round(capacity / population * PER, 1),
    )


def _described(level: Level, group: str, lines: Sequence[Line]) -> dict[str, Any]:
    if level is Level.WARD:
        return {name: getattr(lines[0], name) for name in Group.__struct_fields__}
    return {"level": level, "group": group}


def _population(icbs: set[str], known: dict[str, Population]) -> tuple[int | None, str | None]:
    """The population of several ICBs and its basis, None where one is not known or they are not alike."""
    bases = {known[icb].basis for icb in icbs if icb in known}
    if not icbs or not icbs <= known.keys() or len(bases) != 1:
        return None, None
    return sum(known[icb].population for icb in icbs), bases.pop()
