"""NEWS2: the chart as printed, and its two faces, one set and arrays."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.news2 import CHARTS, RED, RISKS, SPO2_SCALE_2_ROW, ChartRow, News2, Scale, score
from alert_rules.news2_arrays import BLOCK, ScoreArrays, score_arrays
from alert_rules.vitals import OXYGEN, PARAMETERS, Consciousness, VitalArrays, Vitals
from tests.alert_rules.vital_signs import SCALES, vital_signs
from tests.spec.news2 import COMPLETE, INCOMPLETE, Complete, Incomplete


def in_arrays(vitals: Vitals, scale: Scale) -> ScoreArrays:
    """The score of one set by the other face."""
    return score_arrays(VitalArrays.of([vitals]), np.array([scale == 2]))


def column(scores: ScoreArrays, at: int, known: list[bool]) -> dict[str, object]:
    """One column of the arrays in the words of `News2`."""
    points = scores.points[:, at].tolist()
    return {
        "points": {name: p if k else None for name, p, k in zip(PARAMETERS, points, known, strict=True)},
        "score": int(scores.score[at]),
        "score_max": int(scores.score_max[at]),
        "complete": bool(scores.complete[at]),
        "single_red": bool(scores.single_red[at]),
        "risk": RISKS[scores.risk[at]],
        "risk_max": RISKS[scores.risk_max[at]],
    }


def shared(news2: News2) -> dict[str, object]:
    """What both faces say."""
    names = ("points", "score", "score_max", "complete", "single_red", "risk", "risk_max")
    return {name: getattr(news2, name) for name in names}


# --- by example


@pytest.mark.parametrize("row", COMPLETE, ids=lambda row: row.shows)
def test_a_complete_set_scores_as_the_examples_say(row: Complete) -> None:
    vitals, scale = row.example.vitals(), row.example.scale
    news2 = score(vitals, scale)
    assert tuple(news2.points.values()) == row.points
    assert (news2.score, news2.risk, news2.complete) == (row.total, row.risk, True)
    assert shared(news2) == column(in_arrays(vitals, scale), 0, [True] * 7)


@pytest.mark.parametrize("row", INCOMPLETE, ids=lambda row: row.shows)
def test_an_incomplete_set_scores_a_range_as_the_examples_say(row: Incomplete) -> None:
    news2 = score(row.example.vitals(), row.example.scale)
    assert (news2.score, news2.score_max) == (row.score, row.score_max)
    assert (news2.risk, news2.risk_max) == (row.risk, row.risk_max)
    assert not news2.complete


# --- the chart, against an oracle written from the printed one


def respiration(v: int) -> int:
    return 3 if v <= 8 else 1 if v <= 11 else 0 if v <= 20 else 2 if v <= 24 else 3


def spo2_scale_1(v: int) -> int:
    return 3 if v <= 91 else 2 if v <= 93 else 1 if v <= 95 else 0


def spo2_scale_2(v: int, on_oxygen: bool) -> int:
    if v <= 92 or not on_oxygen:
        return 3 if v <= 83 else 2 if v <= 85 else 1 if v <= 87 else 0
    return 1 if v <= 94 else 2 if v <= 96 else 3


def systolic(v: int) -> int:
    return 3 if v <= 90 else 2 if v <= 100 else 1 if v <= 110 else 0 if v <= 219 else 3


def pulse(v: int) -> int:
    return 3 if v <= 40 else 1 if v <= 50 else 0 if v <= 90 else 1 if v <= 110 else 2 if v <= 130 else 3


def temperature(tenths: int) -> int:
    return 3 if tenths <= 350 else 1 if tenths <= 360 else 0 if tenths <= 380 else 1 if tenths <= 390 else 2


ORACLES: dict[str, tuple[Callable[[int], int], Callable[[int], Vitals]]] = {
    "respiratory_rate": (respiration, lambda value: Vitals(respiratory_rate=value)),
    "spo2": (spo2_scale_1, lambda value: Vitals(spo2=value)),
    "systolic": (systolic, lambda value: Vitals(systolic=value)),
    "pulse": (pulse, lambda value: Vitals(pulse=value)),
    "temperature": (temperature, lambda value: Vitals(temperature_tenths=value)),
}
EVERY_ROW = [*CHARTS[1], SPO2_SCALE_2_ROW]
EVERY_INT16 = range(-(2**15), 2**15)
EVERY_POSSIBLE = range(-50, 500)


def points_in_arrays(parameter: str, values: range, scale: Scale, on_oxygen: bool | None) -> list[int]:
    """The points of one parameter at each value, in blocks as any other sets."""
    arrays = VitalArrays(np.zeros((7, len(values)), np.int16), np.zeros((7, len(values)), np.bool_))
    row = PARAMETERS.index(parameter)
    arrays.values[row], arrays.known[row] = values, True
    if on_oxygen is not None:
        arrays.values[OXYGEN], arrays.known[OXYGEN] = on_oxygen, True
    points: list[int] = score_arrays(arrays, np.full(len(values), scale == 2)).points[row].tolist()
    return points


@pytest.mark.parametrize("parameter", ORACLES)
def test_every_value_scores_as_the_printed_chart_says(parameter: str) -> None:
    oracle, measured = ORACLES[parameter]
    assert points_in_arrays(parameter, EVERY_INT16, 1, None) == [oracle(value) for value in EVERY_INT16]
    for value in EVERY_POSSIBLE:
        assert score(measured(value), 1).points[parameter] == oracle(value)


@pytest.mark.parametrize("on_oxygen", [False, True])
def test_every_spo2_scores_on_scale_2_as_the_printed_chart_says(on_oxygen: bool) -> None:
    expected = [spo2_scale_2(value, on_oxygen) for value in EVERY_INT16]
    assert points_in_arrays("spo2", EVERY_INT16, 2, on_oxygen) == expected
    for value in EVERY_POSSIBLE:
        news2 = score(Vitals(spo2=value, on_oxygen=on_oxygen), 2)
        assert news2.points["spo2"] == spo2_scale_2(value, on_oxygen)


@pytest.mark.parametrize("value", range(101))
def test_on_scale_2_with_oxygen_unknown_spo2_is_a_range_from_air_to_oxygen(value: int) -> None:
    news2 = score(Vitals(spo2=value), 2)
    everything_else = 3 + 2 + 3 + 3 + 3 + 3
    assert news2.points["spo2"] == spo2_scale_2(value, on_oxygen=False)
    assert news2.score_max == spo2_scale_2(value, on_oxygen=True) + everything_else


@pytest.mark.parametrize(
    ("vitals", "points"),
    [
        (Vitals(on_oxygen=False), 0),
        (Vitals(on_oxygen=True), 2),
        (Vitals(consciousness=Consciousness.ALERT), 0),
        (Vitals(consciousness=Consciousness.CONFUSED), 3),
        (Vitals(consciousness=Consciousness.VOICE), 3),
        (Vitals(consciousness=Consciousness.PAIN), 3),
        (Vitals(consciousness=Consciousness.UNRESPONSIVE), 3),
    ],
)
def test_oxygen_scores_two_and_anything_but_alert_three(vitals: Vitals, points: int) -> None:
    assert score(vitals, 1).score == points
    assert in_arrays(vitals, 1).score.tolist() == [points]


@pytest.mark.parametrize("row", EVERY_ROW, ids=lambda row: row.label)
def test_bands_meet_with_no_gap_and_no_overlap(row: ChartRow) -> None:
    for (_, high, _), (low, _, _) in pairwise(row.bands):
        assert row.in_units(low) - row.in_units(high) == 1


@pytest.mark.parametrize("row", EVERY_ROW, ids=lambda row: row.label)
def test_points_fall_to_the_middle_and_rise_again(row: ChartRow) -> None:
    """Both faces lean on it: counting edges is only right for a chart of this shape."""
    points = [points for _, _, points in row.bands]
    assert points[: row.middle + 1] == sorted(points[: row.middle + 1], reverse=True)
    assert points[row.middle :] == sorted(points[row.middle :])
    assert max(points) <= RED


def test_all_maxima_add_up_to_twenty() -> None:
    assert [sum(row.worst for row in CHARTS[scale]) for scale in SCALES] == [20, 20]


# --- the two faces


@given(st.lists(st.tuples(vital_signs(), st.sampled_from(SCALES), st.booleans()), max_size=30))
def test_both_faces_agree_on_everything(cases: list[tuple[Vitals, Scale, bool]]) -> None:
    vitals = VitalArrays.of([one for one, _, _ in cases])
    on_scale_2 = np.array([scale == 2 for _, scale, _ in cases], np.bool_)
    assumed = np.array([assumed for _, _, assumed in cases], np.bool_)
    scores = score_arrays(vitals, on_scale_2, assumed)
    for at, (one, scale, is_assumed) in enumerate(cases):
        names = ("oxygen",) if is_assumed and one.on_oxygen is not None else ()
        assert column(scores, at, vitals.known[:, at].tolist()) == shared(score(one, scale, names))


def test_blocks_do_not_change_what_is_scored() -> None:
    n, chance = 2 * BLOCK + 17, np.random.default_rng(2)
    low, beyond = [8, 83, 0, 90, 40, 0, 345], [30, 100, 2, 225, 135, 5, 395]
    values = chance.integers(np.array([low]).T, np.array([beyond]).T, size=(7, n), dtype=np.int16)
    vitals = VitalArrays(values, chance.random((7, n)) > 0.2)
    on_scale_2 = chance.random(n) > 0.5
    scores = score_arrays(vitals, on_scale_2)
    for at in [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, n - 1, *chance.integers(0, n, 300).tolist()]:
        alone = score(vitals.at(at), 2 if on_scale_2[at] else 1)
        assert column(scores, at, vitals.known[:, at].tolist()) == shared(alone)


def test_numbers_under_unknown_values_do_not_score() -> None:
    dirt = VitalArrays(np.full((7, 1), 30_000, np.int16), np.zeros((7, 1), np.bool_))
    for on_scale_2 in (False, True):
        scores = score_arrays(dirt, np.array([on_scale_2]))
        assert (scores.score.tolist(), scores.score_max.tolist()) == ([0], [20])


def test_no_sets_have_no_scores() -> None:
    assert len(score_arrays(VitalArrays.of([]), np.zeros(0, np.bool_)).score) == 0


def test_flags_that_do_not_match_the_sets_are_refused() -> None:
    two = VitalArrays.of([Vitals(), Vitals()])
    with pytest.raises(ValueError, match="one flag for each set"):
        score_arrays(two, np.array([True]))
    with pytest.raises(ValueError, match="one flag for each set"):
        score_arrays(two, np.array([True, True]), np.array([True]))
