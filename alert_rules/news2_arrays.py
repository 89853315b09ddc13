"""NEWS2 of many sets at once, from the same chart as `news2.score`: for the drain and for backtests.

Every row of the chart falls from 3 points to 0 and rises to 3 again, so the points of a value are the number
of edges that it has passed: at most three going down and three going up, whatever the parameter. Two
comparisons of the whole table with its edges, counted, are the chart. There is no branch and no float.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from alert_rules.news2 import CHARTS, RED, RISK_FROM_TOTAL, SPO2_SCALE_2_ROW, ChartRow, Risk
from alert_rules.vitals import OXYGEN, PARAMETERS, SPO2, VitalArrays

Points = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Units = NDArray[np.int16]
Ranks = NDArray[np.int8]

BLOCK: Final = 16_384
"""Sets scored at a time, so that the comparisons (21 bytes a set) stay in a core's second-level cache."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreArrays:
    """What `News2` says of one set, for n sets. Points that are missing, or not certain, stand as 0."""

    points: Points  # (7, n), rows as in `PARAMETERS`: certain at least
    score: Points  # (n,), as are all that follow
    score_max: Points
    complete: Flags
    single_red: Flags
    risk: Ranks  # `Risk.rank`; the way back is `RISKS[rank]`
    risk_max: Ranks

    @classmethod
    def zeros(cls, n: int) -> Self:
        """Room for the scores of n sets."""
        points = np.zeros((len(PARAMETERS), n), np.uint8)
        score, score_max = np.zeros((2, n), np.uint8)
        complete, single_red = np.zeros((2, n), np.bool_)
        risk, risk_max = np.zeros((2, n), np.int8)
        return cls(points, score, score_max, complete, single_red, risk, risk_max)


def score_arrays(vitals: VitalArrays, on_scale_2: Flags, assumed_oxygen: Flags | None = None) -> ScoreArrays:
    """Score n sets; `on_scale_2` (n,) holds where a recorded decision says SpO2 scale 2.

    Where `assumed_oxygen` (n,) holds, oxygen counts with the value it has, but the score is not complete.
    Raises ValueError where they are not of one length.
    """
    if any(flags is not None and flags.shape != (len(vitals),) for flags in (on_scale_2, assumed_oxygen)):
        raise ValueError("on_scale_2 and assumed_oxygen must have one flag for each set")
    scores = ScoreArrays.zeros(len(vitals))
    for start in range(0, len(vitals), BLOCK):
        of = slice(start, start + BLOCK)
        known = vitals.known[:, of]
        points, most = _points(vitals.values[:, of], known, on_scale_2[of])
        scores.points[:, of] = points
        np.logical_and.reduce(known, axis=0, out=scores.complete[of])
        np.add.reduce(points, axis=0, dtype=np.uint8, out=scores.score[of])
        np.add.reduce(most, axis=0, dtype=np.uint8, out=scores.score_max[of])
        np.equal(np.maximum.reduce(points, axis=0), RED, out=scores.single_red[of])
        scores.risk[of] = _ranks(scores.score[of], scores.single_red[of])
        scores.risk_max[of] = _ranks(scores.score_max[of], np.maximum.reduce(most, axis=0) == RED)
    if assumed_oxygen is not None:
        np.greater(scores.complete, assumed_oxygen, out=scores.complete)  # complete and not assumed
    return scores


def _points(values: Units, known: Flags, on_scale_2: Flags) -> tuple[Points, Points]:
    """Points of every parameter, at least and at most: (7, n) each.

    They differ where a value is unknown, and on scale 2 where SpO2 is above the target and oxygen is unknown.
    """
    points = _count(values < _FALLING)
    points += _count(values > _RISING)
    points *= known.view(np.uint8)
    most = (~known).view(np.uint8) * _WORST
    if on_scale_2.any():
        scale_2 = (on_scale_2 & known[SPO2]).view(np.uint8)
        below, above = _count(values[SPO2] < _FALLING_2) * scale_2, _count(values[SPO2] > _RISING_2) * scale_2
        on_oxygen = (values[OXYGEN] > 0) & known[OXYGEN]
        points[SPO2] *= (~on_scale_2).view(np.uint8)  # np.where branches: ten times as slow
        points[SPO2] += below + above * on_oxygen.view(np.uint8)
        most[SPO2] += above * (~known[OXYGEN]).view(np.uint8)
    most += points
    return points, most


def _count(passed: Flags) -> Points:
    """How many of the edges along the first axis each value has passed."""
    counted: Points = np.add.reduce(passed.view(np.uint8), axis=0, dtype=np.uint8)
    return counted


def _ranks(total: Points, single_red: Flags) -> Ranks:
    """`Risk.rank` of totals and of single red parameters, as `news2.risk_of`."""
    ranks = single_red.view(np.int8) * np.int8(Risk.LOW_MEDIUM.rank)
    for threshold, risk in RISK_FROM_TOTAL:
        np.maximum(ranks, (total >= threshold).view(np.int8) * np.int8(risk.rank), out=ranks)
    return ranks


def _edges(row: ChartRow) -> tuple[Units, Units]:
    """The values that one, two and three points lie below, going down, and above, going up: (3,) each.

    Where the chart has no such band the edge is one that no 16-bit value can pass.
    """
    falling, rising = np.full(RED, _NEVER_BELOW, np.int16), np.full(RED, _NEVER_ABOVE, np.int16)
    for _, high, points in row.bands[: row.middle]:
        falling[:points] = row.in_units(high) + 1
    for low, _, points in reversed(row.bands[row.middle :]):
        rising[:points] = row.in_units(low) - 1
    return falling, rising


_NEVER_BELOW, _NEVER_ABOVE = np.iinfo(np.int16).min, np.iinfo(np.int16).max

# Three edges for each of seven rows on scale 1, (3, 7, 1), against values (7, n); of scale 2's row, (3, 1).
_FALLING, _RISING = (np.array([_edges(row)[side] for row in CHARTS[1]]).T[..., np.newaxis].copy() for side in (0, 1))
_FALLING_2, _RISING_2 = (edges[:, np.newaxis] for edges in _edges(SPO2_SCALE_2_ROW))
_WORST: Final[Points] = np.array([[row.worst] for row in CHARTS[1]], np.uint8)
