"""Limits: lines of a plan, the defaults where it names none, and what crosses them."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.limits import (
    DECIMALS,
    LIMITED,
    LINES,
    NO_HIGH,
    NO_LOW,
    UNITS,
    Lines,
    crossed,
    default_spo2,
    impossible,
    table,
)
from alert_rules.severity import Severity
from alert_rules.vitals import to_chart
from tests.alert_rules.judged import severity_of
from tests.spec.severity import Given

SPO2 = LIMITED.index("spo2")
ACUTE_RESPIRATORY = np.array([[92], [94]], np.int32)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    ("step", "alerts"),
    [(-1, {"low": True, "high": False}), (0, {"low": True, "high": True}), (1, {"low": False, "high": True})],
)
def test_a_limits_own_value_alerts_and_what_lies_beyond(line: str, step: int, alerts: dict[str, bool]) -> None:
    bounds = np.array([100], np.int32)
    assert crossed(bounds + step, bounds, line).tolist() == [alerts[line.split("_")[1]]]


@pytest.mark.parametrize(
    ("vital", "at", "within", "line"),
    [
        ("temperature", "37.8", "37.7", Lines(red_high=378)),
        ("temperature", "37.75", "37.74", Lines(red_high=378)),  # half up, as everything
        ("weight", "72.50", "72.49", Lines(red_high=7250)),
        ("weight", "72.495", "72.494", Lines(red_high=7250)),
        ("glucose", "7.0", "7.1", Lines(red_low=70)),
        ("peak_flow", "200", "201", Lines(red_low=200)),
    ],
)
def test_a_limit_is_held_at_the_resolution_of_its_vital_sign(vital: str, at: str, within: str, line: Lines) -> None:
    assert severity_of(given_(vital, at, line)) is Severity.RED
    assert severity_of(given_(vital, within, line)) is Severity.NONE


def given_(vital: str, value: str, lines: Lines) -> Given:
    """A well patient with one limit."""
    known = {"temperature": "36.8", "weight": "-", "glucose": "-", "peak_flow": "-"} | {vital: value}
    return Given(**known, limits={vital: lines})  # type: ignore[arg-type]


# --- lines that can be drawn


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (Lines(), None),
        (Lines(85, 88, 93, 97), None),
        (Lines(red_low=85, red_high=97), None),
        (Lines(red_low=88, amber_low=88), "red_low must be below amber_low"),
        (Lines(red_low=90, amber_low=88), "red_low must be below amber_low"),
        (Lines(amber_low=93, amber_high=93), "amber_low must be below amber_high"),
        (Lines(amber_high=97, red_high=96), "amber_high must be below red_high"),
        (Lines(red_low=97, red_high=97), "red_low must be below red_high"),
        (Lines(amber_low=88, red_high=88), "amber_low must be below red_high"),
    ],
)
def test_lines_rise_from_red_low_to_red_high(lines: Lines, fault: str | None) -> None:
    assert impossible(lines) == fault


lines_of_any_kind = st.builds(Lines, *[st.none() | st.integers(0, 20)] * 4)


@given(lines_of_any_kind, st.integers(-1, 21))
def test_no_value_lies_beyond_a_low_and_a_high_line_of_possible_ones(lines: Lines, value: int) -> None:
    row = lines.as_row()
    low = any(value <= bound for bound in row[:2])
    high = any(value >= bound for bound in row[2:])
    assert impossible(lines) is not None or not (low and high)


# --- which lines hold


@pytest.mark.parametrize(
    ("on_scale_2", "on_oxygen", "lines"),
    [
        (False, False, [92, 94, NO_HIGH, NO_HIGH]),
        (False, True, [92, 94, NO_HIGH, NO_HIGH]),
        (True, False, [85, 87, NO_HIGH, NO_HIGH]),
        (True, True, [85, 87, 93, 97]),
    ],
)
def test_the_default_spo2_lines_follow_the_scale_and_on_scale_2_the_oxygen(
    on_scale_2: bool, on_oxygen: bool, lines: list[int]
) -> None:
    found = default_spo2(ACUTE_RESPIRATORY, np.array([on_scale_2]), np.array([on_oxygen]))
    assert found[:, 0].tolist() == lines


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        ({}, [85, 87, 93, 97]),
        ({"spo2": Lines()}, [85, 87, 93, 97]),
        ({"pulse": Lines(red_high=120)}, [85, 87, 93, 97]),
        ({"spo2": Lines(red_low=80)}, [80, 87, 93, 97]),
        ({"spo2": Lines(amber_low=89)}, [85, 89, 93, 97]),
        ({"spo2": Lines(amber_high=95)}, [85, 87, 95, 97]),
        ({"spo2": Lines(80, 82, 95, 98)}, [80, 82, 95, 98]),
    ],
)
def test_each_line_of_a_plan_replaces_its_default_and_leaves_the_others(
    own: dict[str, Lines], lines: list[int]
) -> None:
    default = default_spo2(ACUTE_RESPIRATORY, np.array([True]), np.array([True]))
    assert table([own], default)[:, SPO2, 0].tolist() == lines


def test_each_set_has_the_lines_of_its_own_plan() -> None:
    default = default_spo2(np.repeat(ACUTE_RESPIRATORY, 2, axis=1), np.zeros(2, np.bool_), np.zeros(2, np.bool_))
    lines = table([{"pulse": Lines(red_high=120)}, {}], default)
    assert lines[:, LIMITED.index("pulse"), 0].tolist() == [NO_LOW, NO_LOW, NO_HIGH, 120]
    assert lines[:, LIMITED.index("pulse"), 1].tolist() == [NO_LOW, NO_LOW, NO_HIGH, NO_HIGH]


@pytest.mark.parametrize("vital", LIMITED)
@given(extreme=st.sampled_from(["-32768", "0", "32767"]))
def test_where_no_line_is_drawn_no_value_crosses(vital: str, extreme: str) -> None:
    lines = table([{}], np.array([[NO_LOW], [NO_LOW], [NO_HIGH], [NO_HIGH]], np.int32))
    value = np.array([to_chart(Decimal(extreme), 0)], np.int32)
    assert not any(crossed(value, lines[place, LIMITED.index(vital)], line).any() for place, line in enumerate(LINES))


def test_every_limited_vital_has_a_unit_and_resolutions_are_of_limited_ones() -> None:
    assert set(UNITS) == set(LIMITED)
    assert set(DECIMALS) <= set(LIMITED)
