"""The NEWS2 observation chart as SVG: rows as on the Royal College's chart, bands coloured by what they score.

Each band also carries its points as a number, each severity a shape and a word: colour says nothing alone. No scripts
and no fonts from elsewhere, so that it is shown and printed anywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from alert_rules.news2 import risk_of
from alert_rules.vitals import Consciousness
from monitoring.chart.panels import draw_panel, panels
from monitoring.chart.paper import Mark, Paper, Point
from monitoring.chart.svg import DAY, FILLS, INK, LEFT, RIGHT, SEVERITIES, SOFT, line, words
from monitoring.chart.timeline import Timeline, ticks
from monitoring.clock import WARD_TIME

WIDTH: Final = 1160
TOP: Final = 92
GAP: Final = 8
STRIP: Final = 24
SCORE_STRIP: Final = 30
LINE_HEIGHT: Final = 18
MARKS_MAX: Final = 14
"""Lines below the chart: the newest; what is left out is said."""


def draw(paper: Paper) -> str:
    """The chart as an SVG document."""
    time = Timeline(paper.since, paper.until, LEFT, RIGHT)
    respiration, spo2, systolic, pulse, temperature = panels(paper.scale)
    rows: list[tuple[int, Callable[[int], Iterator[str]]]] = [
        (respiration.height, lambda top: draw_panel(respiration, paper, time, top)),
        (spo2.height, lambda top: draw_panel(spo2, paper, time, top)),
        (STRIP, lambda top: _strip("Air or oxygen", paper, time, top, _oxygen)),
        (systolic.height, lambda top: draw_panel(systolic, paper, time, top)),
        (pulse.height, lambda top: draw_panel(pulse, paper, time, top)),
        (STRIP, lambda top: _strip("Consciousness", paper, time, top, _consciousness)),
        (temperature.height, lambda top: draw_panel(temperature, paper, time, top)),
        (SCORE_STRIP, lambda top: _scores(paper, time, top)),
    ]
    bottom = TOP + sum(height + GAP for height, _ in rows) - GAP
    body: list[str] = []
    top = TOP
    for height, drawn in rows:
        body += drawn(top)
        top += height + GAP
    body += _times(time, bottom)
    body += _marks(paper.marks, time, bottom)
    below, height = _below(paper.marks, bottom + 44)
    return "\n".join([_head(paper, height), *body, *below, "</svg>"])


def _head(paper: Paper, height: int) -> str:
    since, until = (at.astimezone(WARD_TIME) for at in (paper.since, paper.until))
    span = f"{since:%-d %b %Y %H:%M} to {until:%-d %b %Y %H:%M}, Europe/London"
    said = " The newest sets only: older ones are not drawn." if paper.is_cut else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label={quoteattr(f"NEWS2 chart of {paper.who}, {span}")} '
        f'font-family="Arial, Helvetica, \'DejaVu Sans\', sans-serif" font-size="12" fill="{INK}">\n'
        f"<title>{escape(f'NEWS2 chart of {paper.who}')}</title>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + words(20, 28, paper.who, size=19, weight="bold")
        + words(20, 48, paper.about, colour=SOFT)
        + words(20, 66, f"NEWS2, SpO2 scale {paper.scale}. {span}.{said}", colour=SOFT)
    )


def _strip(
    label: str, paper: Paper, time: Timeline, top: float, of: Callable[[Point], tuple[str, int] | None]
) -> Iterator[str]:
    """A row without a scale: what is said at each set, as far as there is room, coloured by its points."""
    yield words(20, top + 16, label, weight="bold")
    yield f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{STRIP}" fill="none" stroke="{SOFT}"/>'
    told = [(one, *answer) for one in paper.points if (answer := of(one)) is not None]
    for one, said, points in time.with_room([(one.at, points, (one, said, points)) for one, said, points in told]):
        x = time.x_inside(one.at)
        if points:
            yield f'<rect x="{x - 11:.1f}" y="{top + 1}" width="22" height="{STRIP - 2}" fill="{FILLS[points]}"/>'
        yield words(x, top + 16, said, size=11, weight="bold" if points else "normal", anchor="middle")


def _oxygen(one: Point) -> tuple[str, int] | None:
    if one.on_oxygen is None:
        return None
    if not one.on_oxygen:
        return "air", 0
    return ("O2" if one.oxygen_flow_hundredths is None else f"{one.oxygen_flow_hundredths / 100:g}L"), 2


def _consciousness(one: Point) -> tuple[str, int] | None:
    if one.consciousness is None:
        return None
    return one.consciousness, 0 if one.consciousness == Consciousness.ALERT else 3


def _scores(paper: Paper, time: Timeline, top: float) -> Iterator[str]:
    """NEWS2 of each set, as far as there is room, the worst before others; `≥` where values were missing."""
    yield words(20, top + 20, "NEWS2", size=14, weight="bold")
    yield f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{SCORE_STRIP}" fill="none" stroke="{SOFT}"/>'
    scored = [(one.at, one.score, one) for one in paper.points if one.score is not None]
    for one in time.with_room(scored):
        assert one.score is not None
        x = time.x_inside(one.at)
        said = str(one.score) if one.complete else f"≥{one.score}"
        yield (
            f'<rect x="{x - 13:.1f}" y="{top + 2}" width="26" height="{SCORE_STRIP - 4}" rx="3" '
            f'fill="{FILLS[risk_of(one.score, single_red=one.single_red).rank]}" stroke="{SOFT}" stroke-width="0.6"/>'
        )
        yield words(x, top + 20, said, size=13, weight="bold", anchor="middle")
    if scored:
        newest = scored[-1][2]
        yield words(RIGHT + 10, top + 21, f"{'' if newest.complete else '≥'}{newest.score}", size=18, weight="bold")


def _times(time: Timeline, bottom: float) -> Iterator[str]:
    """The hours or days, as lines through the whole chart, and their words beneath."""
    for at, said, is_day in ticks(time.since, time.until):
        x = time.x(at)
        yield line((x, TOP), (x, bottom), colour=DAY, width=0.8 if is_day else 0.3)
        yield words(x, bottom + 15, said, size=11, weight="bold" if is_day else "normal", anchor="middle")


def _marks(marks: Sequence[Mark], time: Timeline, bottom: float) -> Iterator[str]:
    """Alerts as lines through the chart, with the sign of their severity at the top."""
    for mark in marks:
        if mark.severity is None or not time.since <= mark.at <= time.until:
            continue
        sign, colour = SEVERITIES[mark.severity]
        x = time.x(mark.at)
        yield line((x, TOP - 2), (x, bottom), colour=colour, width=1.4, dashes="1 3", title=mark.text)
        yield words(x, TOP - 6, sign, size=13, colour=colour, anchor="middle")


def _below(marks: Sequence[Mark], top: int) -> tuple[list[str], int]:
    """What happened, in words, newest first; and how high the whole is."""
    shown = list(reversed(marks))[:MARKS_MAX]
    lines = [words(20, top, "Alerts and contacts", weight="bold")] if shown else []
    for number, mark in enumerate(shown, start=1):
        y = top + number * LINE_HEIGHT
        sign, colour = SEVERITIES[mark.severity] if mark.severity else ("·", SOFT)
        lines.append(words(26, y, sign, colour=colour, anchor="middle", size=13))
        lines.append(words(40, y, f"{mark.at.astimezone(WARD_TIME):%a %-d %b %H:%M}", colour=SOFT))
        lines.append(words(166, y, mark.text))
    left_out = len(marks) - len(shown)
    if left_out:
        lines.append(words(40, top + (len(shown) + 1) * LINE_HEIGHT, f"and {left_out} earlier", colour=SOFT))
    return lines, top + (len(shown) + bool(left_out)) * LINE_HEIGHT + 16
