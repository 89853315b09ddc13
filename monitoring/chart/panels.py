"""The rows of the chart that have a scale: their bands, the limits of the plan, and what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, pairwise
from xml.sax.saxutils import escape

from alert_rules.limits import LINES, LOW
from alert_rules.news2 import (
    PULSE_ROW,
    RESPIRATORY_RATE_ROW,
    SPO2_SCALE_1_ROW,
    SPO2_SCALE_2_ROW,
    SYSTOLIC_ROW,
    TEMPERATURE_ROW,
    ChartRow,
)
from monitoring.chart.paper import Limit, Paper, Point
from monitoring.chart.svg import FILLS, GRID, INK, LEFT, RIGHT, SEVERITIES, SOFT, line, words
from monitoring.chart.timeline import Timeline
from monitoring.clock import WARD_TIME


@dataclass(frozen=True, slots=True)
class Panel:
    """A row of the chart with a scale: what it shows, from which value to which, in chart units, and how high."""

    vital: str
    row: ChartRow
    lowest: int
    highest: int
    height: int

    def y(self, value: float, top: float) -> float:
        """Where a value stands; beyond the panel at its edge."""
        share = (self.highest - min(max(value, self.lowest), self.highest)) / (self.highest - self.lowest)
        return round(top + share * self.height, 1)

    def is_beyond(self, value: int) -> bool:
        """Whether a value has no place of its own in the panel."""
        return not self.lowest <= value <= self.highest

    def printed(self, value: float) -> str:
        """A value as people write it."""
        return f"{value / 10**self.row.decimals:.{self.row.decimals}f}"


def panels(scale: int) -> tuple[Panel, ...]:
    """The rows that have a scale, in the order of the paper chart."""
    return (
        Panel("respiratory_rate", RESPIRATORY_RATE_ROW, 4, 34, 90),
        Panel("spo2", SPO2_SCALE_2_ROW if scale == 2 else SPO2_SCALE_1_ROW, 80, 100, 110),
        Panel("systolic", SYSTOLIC_ROW, 60, 230, 150),
        Panel("pulse", PULSE_ROW, 30, 150, 110),
        Panel("temperature_tenths", TEMPERATURE_ROW, 340, 410, 80),
    )


def draw_panel(panel: Panel, paper: Paper, time: Timeline, top: float) -> Iterator[str]:
    """One vital sign: its bands, the limits of the plan, and what was measured."""
    yield words(20, top + 14, panel.row.label, weight="bold")
    yield words(20, top + 30, panel.row.unit, colour=SOFT)
    yield from _bands(panel, top)
    for limit in paper.limits:
        if limit.vital == panel.vital:
            yield _limit(limit, panel, time, top)
    yield f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{panel.height}" fill="none" stroke="{SOFT}"/>'
    measured = [(one, value) for one in paper.points if (value := getattr(one, panel.vital)) is not None]
    if panel.vital == "systolic":
        yield from _diastolic(panel, paper, time, top)
    yield from _curve(panel, paper, measured, time, top)
    if measured:
        _, newest = measured[-1]
        yield words(RIGHT + 10, panel.y(newest, top) + 5, panel.printed(newest), size=15, weight="bold")


def _bands(panel: Panel, top: float) -> Iterator[str]:
    """The bands by what they score, each with its points; the edges between them at the left."""
    for place, (low, high, points) in enumerate(panel.row.bands):
        lower = max(panel.row.in_units(low) - 0.5, panel.lowest)
        upper = min(panel.row.in_units(high) + 0.5, panel.highest)
        upper_y, lower_y = panel.y(upper, top), panel.y(lower, top)
        only_on_oxygen = panel.row.high_side_on_oxygen and place > panel.row.middle
        faint = ' fill-opacity="0.45"' if only_on_oxygen else ""
        yield (
            f'<rect x="{LEFT}" y="{upper_y}" width="{RIGHT - LEFT}" height="{lower_y - upper_y:.1f}" '
            f'fill="{FILLS[points]}"{faint}/>'
        )
        if points:
            told = f"{points} on O2" if only_on_oxygen else str(points)
            yield words(RIGHT - 4, (upper_y + lower_y) / 2 + 4, told, size=10, colour=SOFT, anchor="end")
        if place:
            yield words(LEFT - 6, lower_y + 3, panel.printed(panel.row.in_units(low)), 9, colour=SOFT, anchor="end")
            yield line((LEFT, lower_y), (RIGHT, lower_y), colour=GRID)


def _limit(limit: Limit, panel: Panel, time: Timeline, top: float) -> str:
    """A line of the plan, dashed; its side says whether it is a low or a high one."""
    y = panel.y(limit.value, top)
    colour = SEVERITIES[limit.line.split("_")[0]][1]
    side = "at or below" if LINES.index(limit.line) < LOW else "at or above"
    said = f"{limit.line.split('_')[0]} limit: {side} {panel.printed(limit.value)}"
    x = time.x(limit.since)
    drawn = line((x, y), (time.x(limit.until), y), colour=colour, dashes="7 4", width=1.6, title=said)
    return drawn + words(max(x, LEFT) + 4, y - 3, said, size=9, colour=colour)


def _curve(
    panel: Panel, paper: Paper, measured: Sequence[tuple[Point, int]], time: Timeline, top: float
) -> Iterator[str]:
    """What was measured: a dot each with its value to point at, joined where no gap is between; crowds as spans."""
    for run in _runs(measured, paper.gap):
        drawn = time.binned([(one.at, value) for one, value in run])
        places = " ".join(f"{x:.1f},{panel.y(low, top)} {x:.1f},{panel.y(high, top)}" for x, low, high in drawn)
        yield f'<polyline points="{places}" fill="none" stroke="{INK}" stroke-width="1.2"/>'
    if len(measured) <= time.dots_max:
        for one, value in measured:
            yield _dot(panel, one, value, time.x(one.at), top)


def _dot(panel: Panel, one: Point, value: int, x: float, top: float) -> str:
    """A measurement; a hollow one was of low quality, a triangle lies beyond what the panel shows."""
    y = panel.y(value, top)
    said = f"{panel.printed(value)} {panel.row.unit}, {one.at.astimezone(WARD_TIME):%-d %b %H:%M}"
    title = f"<title>{escape(said + (', low quality' if one.is_doubtful else ''))}</title>"
    if panel.is_beyond(value):
        tip = -7 if value > panel.highest else 7
        shape = f'<path d="M{x - 5:.1f},{y} h10 L{x:.1f},{y + tip} Z" fill="{INK}">{title}</path>'
        return shape + words(x + 7, y - tip / 2 + 4, panel.printed(value), size=11, weight="bold")
    fill = "#ffffff" if one.is_doubtful else INK
    return f'<circle cx="{x:.1f}" cy="{y}" r="3.4" fill="{fill}" stroke="{INK}" stroke-width="1.2">{title}</circle>'


def _diastolic(panel: Panel, paper: Paper, time: Timeline, top: float) -> Iterator[str]:
    """The diastolic pressure, which scores nothing: the lower end of a bar, as on paper; of a crowd, a dotted line."""
    measured = [(one, one.diastolic) for one in paper.points if one.diastolic is not None]
    if len(measured) > time.dots_max:
        for run in _runs(measured, paper.gap):
            crowd = time.binned([(one.at, value) for one, value in run])
            places = " ".join(f"{x:.1f},{panel.y(least, top)}" for x, least, _ in crowd)
            yield f'<polyline points="{places}" fill="none" stroke="{SOFT}" stroke-dasharray="2 2"/>'
        return
    for one, diastolic in measured:
        x, low = time.x(one.at), panel.y(diastolic, top)
        if one.systolic is not None:
            yield line((x, panel.y(one.systolic, top)), (x, low), colour=SOFT, dashes="2 2")
        yield line((x - 3, low), (x + 3, low), colour=SOFT, title=f"diastolic {diastolic} mmHg")


def _runs(measured: Sequence[tuple[Point, int]], gap: timedelta) -> Iterator[list[tuple[Point, int]]]:
    """Measurements parted where the next is further away than `gap`."""
    number = 0
    numbers = [0]
    for (before, _), (after, _) in pairwise(measured):
        number += after.at - before.at > gap
        numbers.append(number)
    for _, run in groupby(zip(numbers, measured, strict=False), key=lambda pair: pair[0]):
        yield [one for _, one in run]
