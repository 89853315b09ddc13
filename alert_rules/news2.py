"""NEWS2: the chart as data, and the score of one set. `news2_arrays` scores many sets from the same chart.

Source: Royal College of Physicians, *National Early Warning Score (NEWS) 2*, 2017: chart 1 (scores), chart 2
(thresholds and triggers) and chart 4 (response), in our words. What was not measured is never normal: a score
is a range, from what is certain to the worst that it can be.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isinf
from typing import Final, Literal

from alert_rules.vitals import ACVPU, PARAMETERS, Vitals

Band = tuple[float, float, int]
Scale = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A row of the chart: bands from low to high, each (lowest value, highest value, points), ends included.

    Points fall to 0 in the middle and rise again. With `high_side_on_oxygen` the bands above the middle hold
    only for a patient on oxygen; on air everything above the middle scores 0 as well.
    """

    label: str
    unit: str
    decimals: int  # the chart's resolution
    bands: tuple[Band, ...]
    high_side_on_oxygen: bool = False
    words: str | tuple[str, ...] = ()  # what the values 0, 1, … stand for, where they are not quantities

    @property
    def worst(self) -> int:
        """The most points that the row can give."""
        return max(points for _, _, points in self.bands)

    @property
    def middle(self) -> int:
        """Which band scores 0."""
        return [points for _, _, points in self.bands].index(0)

    def in_units(self, edge: float) -> float:
        """A band's edge, as printed, in whole chart units; an open end stays infinite."""
        return edge if isinf(edge) else round(edge * 10**self.decimals)

    def points(self, value: int | None, on_oxygen: bool | None) -> tuple[int, int]:
        """Points of a value in chart units, at least and at most: a range where what decides is unknown."""
        if value is None:
            return 0, self.worst
        band, points = next(
            (band, points)
            for band, (low, high, points) in enumerate(self.bands)
            if self.in_units(low) <= value <= self.in_units(high)
        )
        if self.high_side_on_oxygen and band > self.middle:
            return (points if on_oxygen else 0), (0 if on_oxygen is False else points)
        return points, points


# Chart 1, row by row as it is printed. A band's ends belong to it; the next begins one chart unit further.
# fmt: off
RESPIRATORY_RATE_ROW = ChartRow("Respiration rate", "/min", 0, (
    (-inf,   8, 3),
    (   9,  11, 1),
    (  12,  20, 0),
    (  21,  24, 2),
    (  25, inf, 3),
))
SPO2_SCALE_1_ROW = ChartRow("SpO2 scale 1", "%", 0, (
    (-inf,  91, 3),
    (  92,  93, 2),
    (  94,  95, 1),
    (  96, inf, 0),
))
SPO2_SCALE_2_ROW = ChartRow("SpO2 scale 2", "%", 0, (
    (-inf,  83, 3),
    (  84,  85, 2),
    (  86,  87, 1),
    (  88,  92, 0),  # and 93 or more on air
    (  93,  94, 1),  # on oxygen
    (  95,  96, 2),  # on oxygen
    (  97, inf, 3),  # on oxygen
), high_side_on_oxygen=True)
OXYGEN_ROW = ChartRow("Air or oxygen", "", 0, (
    (   0,   0, 0),
    (   1,   1, 2),
), words=("air", "oxygen"))
SYSTOLIC_ROW = ChartRow("Systolic blood pressure", "mmHg", 0, (
    (-inf,  90, 3),
    (  91, 100, 2),
    ( 101, 110, 1),
    ( 111, 219, 0),
    ( 220, inf, 3),
))
PULSE_ROW = ChartRow("Pulse", "/min", 0, (
    (-inf,  40, 3),
    (  41,  50, 1),
    (  51,  90, 0),
    (  91, 110, 1),
    ( 111, 130, 2),
    ( 131, inf, 3),
))
CONSCIOUSNESS_ROW = ChartRow("Consciousness", "", 0, (
    (   0,   0, 0),
    (   1,   4, 3),
), words=ACVPU)
TEMPERATURE_ROW = ChartRow("Temperature", "°C", 1, (
    (-inf, 35.0, 3),
    (35.1, 36.0, 1),
    (36.1, 38.0, 0),
    (38.1, 39.0, 1),
    (39.1,  inf, 2),
))
# fmt: on


def _chart(spo2_row: ChartRow) -> tuple[ChartRow, ...]:
    return (
        RESPIRATORY_RATE_ROW,
        spo2_row,
        OXYGEN_ROW,
        SYSTOLIC_ROW,
        PULSE_ROW,
        CONSCIOUSNESS_ROW,
        TEMPERATURE_ROW,
    )


CHARTS: Final[dict[Scale, tuple[ChartRow, ...]]] = {1: _chart(SPO2_SCALE_1_ROW), 2: _chart(SPO2_SCALE_2_ROW)}
"""The seven rows, as `PARAMETERS`, by SpO2 scale; scale 2 only by a recorded clinical decision."""

RED: Final = 3
"""The most that one parameter can score, and what asks for an urgent review whatever the total (chart 2)."""

AGE_YEARS_MIN: Final = 16
"""NEWS2 was made for adults; under 16 the Royal College asks for a paediatric score."""


class Risk(StrEnum):
    """Clinical risk by chart 2, from low to high; `rank` orders it."""

    LOW = "low"
    LOW_MEDIUM = "low_medium"
    MEDIUM = "medium"
    HIGH = "high"
    NOT_APPLICABLE = "not_applicable"

    @property
    def rank(self) -> int:
        """0 for low to 3 for high, -1 for what is not scored; `RISKS[rank]` is the way back for them all."""
        return -1 if self is Risk.NOT_APPLICABLE else RISKS.index(self)


RISKS: Final = tuple(Risk)

RISK_FROM_TOTAL: Final = ((5, Risk.MEDIUM), (7, Risk.HIGH))
"""Chart 2: the totals that reach a risk by themselves, in rising order."""


class NotScorable(StrEnum):
    """Why a patient has no NEWS2. Personal limits are still watched."""

    UNDER_16 = "under_16"
    PREGNANT = "pregnant"
    SPINAL_CORD_INJURY = "spinal_cord_injury"


@dataclass(frozen=True, slots=True)
class News2:
    """The score of one set, from `score` (what is unknown counts 0) to `score_max` (it counts its worst)."""

    score: int
    score_max: int
    complete: bool  # all seven measured, none assumed
    missing: tuple[str, ...]  # in chart order
    points: Mapping[str, int | None]  # certain at least; None where missing
    single_red: bool  # some parameter certainly scores 3
    risk: Risk
    risk_max: Risk  # with everything unknown at its worst
    assumed: tuple[str, ...]  # scored, though nobody measured it


@dataclass(frozen=True, slots=True)
class Response:
    """What chart 4 asks of a hospital ward. At home it says how urgent, not how: a person must decide."""

    risk: Risk
    totals: str
    hours_min: int  # between observations, at least and at most; 0 is continuous monitoring
    hours_max: int
    action: str


RESPONSES: Final = (
    Response(Risk.LOW, "0", 12, 12, "Carry on with routine observations."),
    Response(Risk.LOW, "1–4", 4, 6, "A registered nurse assesses, and may escalate."),
    Response(Risk.LOW_MEDIUM, "3 in one parameter", 1, 1, "The medical team reviews, and may escalate."),
    Response(Risk.MEDIUM, "5–6", 1, 1, "Urgent assessment by a team competent in acute illness."),
    Response(Risk.HIGH, "7 or more", 0, 0, "Emergency assessment by a team with critical care skills."),
)


def score(vitals: Vitals, scale: Scale, assumed: Collection[str] = ()) -> News2:
    """Score one set. Parameters named in `assumed` count with the value they hold, but `complete` is False.

    Raises ValueError where an assumed name is not that of a parameter with a value.
    """
    measured = dict(zip(PARAMETERS, vitals.chart_units(), strict=True))
    missing = tuple(name for name, value in measured.items() if value is None)
    if any(measured.get(name) is None for name in assumed):
        raise ValueError(f"only a parameter that has a value can be assumed, not {sorted(assumed)}")
    ranges = {
        name: row.points(value, vitals.on_oxygen)
        for row, (name, value) in zip(CHARTS[scale], measured.items(), strict=True)
    }
    least = [low for low, _ in ranges.values()]
    most = [high for _, high in ranges.values()]
    return News2(
        score=sum(least),
        score_max=sum(most),
        complete=not missing and not assumed,
        missing=missing,
        points={name: None if name in missing else low for name, (low, _) in ranges.items()},
        single_red=RED in least,
        risk=risk_of(sum(least), single_red=RED in least),
        risk_max=risk_of(sum(most), single_red=RED in most),
        assumed=tuple(name for name in PARAMETERS if name in assumed),
    )


def risk_of(total: int, *, single_red: bool) -> Risk:
    """The clinical risk of a total, and of a single parameter that scores 3 (chart 2)."""
    reached = [risk for threshold, risk in RISK_FROM_TOTAL if total >= threshold]
    return reached[-1] if reached else Risk.LOW_MEDIUM if single_red else Risk.LOW


def response(risk: Risk, total: int) -> Response | None:
    """The response to a risk and total; None where there is no score.

    An incomplete score has two: the least is that to `risk` and `score`, the most that to `risk_max` and
    `score_max`.
    """
    if risk is Risk.LOW:
        return RESPONSES[0] if total == 0 else RESPONSES[1]
    return next((one for one in RESPONSES if one.risk is risk), None)


def not_scorable(age_years: int, pregnant: bool | Literal["unknown"], spinal_cord_injury: bool) -> NotScorable | None:
    """Why this patient must not be scored, or None. Pregnancy that is "unknown" does not stop scoring.

    Pregnancy and the weeks after it, and spinal cord injury, change what is normal: NEWS2 misleads there.
    """
    if age_years < AGE_YEARS_MIN:
        return NotScorable.UNDER_16
    if pregnant is True:
        return NotScorable.PREGNANT
    return NotScorable.SPINAL_CORD_INJURY if spinal_cord_injury else None


def mismatch(reported: int, computed: News2) -> str | None:
    """What is wrong with a total that a message carries, or None where its readings allow it.

    A carried total is kept and compared, never trusted: NHS Digital's own published example says 6 where the
    chart says 5.
    """
    if computed.score <= reported <= computed.score_max:
        return None
    most = "" if computed.score == computed.score_max else f" to {computed.score_max}"
    return f"reported {reported}, by the chart {computed.score}{most}"
