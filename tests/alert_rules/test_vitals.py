"""Vital signs come to the chart's resolution once, and "not measured" is never a number."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from time import monotonic

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.news2 import TEMPERATURE_ROW
from alert_rules.vitals import ACVPU, PARAMETERS, Consciousness, VitalArrays, Vitals, to_chart
from tests.alert_rules.vital_signs import vital_signs
from tests.spec.news2 import ROUNDED, Rounded


@pytest.mark.parametrize("row", ROUNDED, ids=lambda row: row.sent)
def test_a_temperature_is_rounded_half_up_to_a_tenth_before_it_is_scored(row: Rounded) -> None:
    assert to_chart(Decimal(row.sent), TEMPERATURE_ROW.decimals) == row.tenths
    assert TEMPERATURE_ROW.points(row.tenths, on_oxygen=None) == (row.points, row.points)


def test_half_a_breath_counts_as_a_whole_one() -> None:
    assert to_chart(Decimal("20.5"), decimals=0) == 21
    assert to_chart(Decimal("20.49"), decimals=0) == 20


def test_a_value_just_below_the_half_is_not_rounded_twice() -> None:
    assert to_chart(Decimal("35.04" + 60 * "9"), decimals=1) == 350


@given(value=st.decimals("0", "3000", allow_nan=False), decimals=st.sampled_from([0, 1]))
def test_rounding_is_half_up_for_every_decimal(value: Decimal, decimals: int) -> None:
    assert to_chart(value, decimals) == floor(Fraction(value) * 10**decimals + Fraction(1, 2))


@pytest.mark.parametrize("sent", ["NaN", "sNaN", "Infinity", "-Infinity", "32768", "-32769", "1E+5", "0E+9"])
def test_what_no_vital_sign_can_be_is_refused(sent: str) -> None:
    with pytest.raises(ValueError, match="vital sign"):
        to_chart(Decimal(sent), decimals=0)


@pytest.mark.parametrize("sent", ["1E+3000000", "-1E+3000000", "0E+3000000"])
def test_a_huge_exponent_is_refused_at_once(sent: str) -> None:
    started = monotonic()
    with pytest.raises(ValueError, match="vital sign"):
        to_chart(Decimal(sent), decimals=1)
    assert monotonic() - started < 1


def test_a_tiny_value_is_zero_at_once() -> None:
    assert to_chart(Decimal("1E-3000000"), decimals=1) == 0


def test_the_largest_chart_unit_is_what_sixteen_bits_hold() -> None:
    assert to_chart(Decimal("3276.7"), decimals=1) == 32_767
    with pytest.raises(ValueError, match="vital sign"):
        to_chart(Decimal("3276.75"), decimals=1)


@given(st.lists(vital_signs(), max_size=20))
def test_sets_survive_the_way_into_arrays_and_back(sets: list[Vitals]) -> None:
    arrays = VitalArrays.of(sets)
    assert len(arrays) == len(sets)
    assert [arrays.at(column) for column in range(len(arrays))] == sets


def test_a_number_under_an_unknown_value_is_never_read() -> None:
    blank = VitalArrays(np.full((7, 1), 999, np.int16), np.zeros((7, 1), np.bool_))
    assert blank.at(0) == Vitals()


def test_zero_and_air_are_measurements() -> None:
    zero = Vitals(respiratory_rate=0, on_oxygen=False, consciousness=Consciousness.ALERT)
    assert VitalArrays.of([zero]).at(0) == zero
    assert VitalArrays.of([zero]).known.sum() == 3


def test_the_letters_of_consciousness_stand_in_the_order_of_their_indexes() -> None:
    assert "".join(Consciousness) == ACVPU


def test_floats_are_refused_as_they_could_bring_in_nan() -> None:
    floats = np.full((7, 1), np.nan)
    with pytest.raises(ValueError, match="float64"):
        VitalArrays(floats, np.ones((7, 1), np.bool_))


@pytest.mark.parametrize("shape", [(6, 2), (7,), (7, 2, 1)])
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        VitalArrays(np.zeros(shape, np.int16), np.zeros(shape, np.bool_))


def test_a_mask_that_does_not_cover_every_value_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        VitalArrays(np.zeros((len(PARAMETERS), 2), np.int16), np.zeros((len(PARAMETERS), 1), np.bool_))


def test_a_value_beyond_sixteen_bits_does_not_wrap_around() -> None:
    with pytest.raises(OverflowError):
        VitalArrays.of([Vitals(pulse=40_000)])
