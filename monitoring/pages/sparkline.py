"""A patient's last 24 hours in a row of the board: NEWS2 as bars, SpO2 as a line against the patient's own limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alert_rules.news2 import RISKS, risk_of

WIDTH: Final = 168
HEIGHT: Final = 44
HOURS: Final = timedelta(hours=24)
SCORE_MAX: Final = 12
"""What fills the height; more is no higher."""
SPO2_LOWEST: Final = 82
SPO2_HIGHEST: Final = 100
BIN_PX: Final = 6
"""Some 50 minutes: bars closer than that run into each other."""
JOINED_WITHIN: Final = timedelta(hours=6)
STEP: Final = timedelta(minutes=5)
"""By which the picture moves on, half a pixel: until then what is the same looks the same."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One set."""

    at: datetime
    score: int | None
    spo2: int | None
    single_red: bool = False


def sparkline(spots: Sequence[Spot], now: datetime, red_low: int | None, amber_low: int | None) -> str:
    """An SVG picture; its words say the same. What is drawn often stands once on the page, and is meant by its name:
    the lines #amber and #red, and #dot, which marks the newest of what is joined, and who stands alone.
    """
    drawn = [
        f"<use href=#{line} y={_y(bound)} />"
        for line, bound in (("amber", amber_low), ("red", red_low))
        if bound is not None
    ]
    bars: dict[str, str] = {}
    told = said(spots)
    now += STEP - (now - datetime.min.replace(tzinfo=now.tzinfo)) % STEP
    spots = _thinned(spots, now)
    for spot in spots:
        if spot.score is not None:
            height = 3 + min(spot.score, SCORE_MAX) / SCORE_MAX * (HEIGHT - 6)
            risk = RISKS[risk_of(spot.score, single_red=spot.single_red).rank].value
            bars[risk] = bars.get(risk, "") + f"M{_x(spot.at, now)},{HEIGHT}v-{height:.0f}"
    drawn += [f"<path class={risk} d={lines} />" for risk, lines in bars.items()]
    runs = _runs([spot for spot in spots if spot.spo2 is not None])
    places = [[f"{_x(spot.at, now)},{_y(spot.spo2 or 0)}" for spot in run] for run in runs]
    if joined := "".join("M" + ",".join(run) for run in places if len(run) > 1):
        drawn.append(f"<path class=spo2 d={joined} />")
    for run in places:
        x, y = run[-1].split(",")
        drawn.append(f"<use href=#dot x={x} y={y} />")
    return f'<svg role=img aria-label="{told}">{"".join(drawn)}</svg>'


def said(spots: Sequence[Spot]) -> str:
    """The picture in words."""
    told = [f"{len(spots)} set{'s' if len(spots) != 1 else ''}"]
    for name, unit, values in (
        ("NEWS2", "", [spot.score for spot in spots if spot.score is not None]),
        ("SpO2", " %", [spot.spo2 for spot in spots if spot.spo2 is not None]),
    ):
        if values:
            low, high, newest = min(values), max(values), values[-1]
            told.append(
                f"{name} {newest}{unit}" if low == high else f"{name} {low} to {high}{unit}, now {newest}{unit}"
            )
    return "; ".join(told)


def _runs(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Parted where nothing is known for long."""
    runs: list[list[Spot]] = []
    for spot in spots:
        if runs and spot.at - runs[-1][-1].at <= JOINED_WITHIN:
            runs[-1].append(spot)
        else:
            runs.append([spot])
    return runs


def _thinned(spots: Sequence[Spot], now: datetime) -> list[Spot]:
    """Of what falls on one place, the worst: the highest score, the lowest saturation. Each weighs on the page."""
    places: dict[int, Spot] = {}
    for spot in spots:
        place = _x(spot.at, now) // BIN_PX
        other = places.get(place)
        places[place] = spot if other is None else _worse(other, spot)
    return list(places.values())


def _worse(one: Spot, later: Spot) -> Spot:
    scores = [spot.score for spot in (one, later) if spot.score is not None]
    values = [spot.spo2 for spot in (one, later) if spot.spo2 is not None]
    is_red = one.single_red or later.single_red
    return Spot(later.at, max(scores, default=None), min(values, default=None), single_red=is_red)


def _x(at: datetime, now: datetime) -> int:
    return round(max(0.0, min(1.0, 1 - (now - at) / HOURS)) * (WIDTH - 4) + 2)


def _y(spo2: int) -> int:
    within = min(max(spo2, SPO2_LOWEST), SPO2_HIGHEST)
    return round(4 + (SPO2_HIGHEST - within) / (SPO2_HIGHEST - SPO2_LOWEST) * (HEIGHT - 8))
