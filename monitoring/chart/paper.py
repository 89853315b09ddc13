"""What stands on a chart: a plain picture of a stay, without how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alert_rules.news2 import Scale


@dataclass(frozen=True, slots=True)
class Point:
    """One set as it was measured, in chart units, and what it scores now. None was not measured."""

    at: datetime
    respiratory_rate: int | None = None
    spo2: int | None = None
    on_oxygen: bool | None = None
    oxygen_flow_hundredths: int | None = None
    systolic: int | None = None
    diastolic: int | None = None
    pulse: int | None = None
    consciousness: str | None = None
    temperature_tenths: int | None = None
    score: int | None = None
    complete: bool = False
    single_red: bool = False
    is_doubtful: bool = False  # measured with low quality


@dataclass(frozen=True, slots=True)
class Limit:
    """A line of a plan while it held, in chart units."""

    vital: str
    line: str
    value: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: an alert (with its severity), or a contact."""

    at: datetime
    text: str
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """All that a chart shows. Times are UTC; it is drawn in ward time."""

    who: str
    about: str
    since: datetime
    until: datetime
    scale: Scale
    gap: timedelta  # between sets further apart no line is drawn
    points: Sequence[Point]  # oldest first
    limits: Sequence[Limit]
    marks: Sequence[Mark]  # oldest first
    is_cut: bool = False  # whether there are sets before the first that is shown
