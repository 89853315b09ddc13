"""Blood pressure at home and elsewhere: the thresholds, worked examples, and what holds for any measurements."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.hypertension import (
    APART_MAX,
    APART_MIN,
    DAYS_MIN,
    SEVERE,
    Finding,
    Measurement,
    Pressure,
    judge_clinic,
    judge_home,
)

DAY_ONE = datetime(2026, 3, 10, tzinfo=UTC)  # in winter: London is on UTC
MINUTE = timedelta(minutes=1)


def days(*pressures: tuple[int, int], hours: tuple[int, ...] = (8, 20), apart: timedelta = MINUTE) -> list[Measurement]:
    """A pressure for each day, measured twice at each of these hours."""
    return [
        Measurement(DAY_ONE + timedelta(days=nth, hours=hour) + apart * again, *pressure)
        for nth, pressure in enumerate(pressures)
        for hour, again in product(hours, range(2))
    ]


@pytest.mark.parametrize(
    ("pressure", "finding"),
    [
        ((134, 84), Finding.NOT_RAISED),
        ((135, 84), Finding.RAISED),
        ((134, 85), Finding.RAISED),
        ((179, 119), Finding.RAISED),
        ((180, 84), Finding.SAME_DAY),
        ((134, 120), Finding.SAME_DAY),
    ],
)
def test_the_mean_of_four_days_at_each_threshold(pressure: tuple[int, int], finding: Finding) -> None:
    assert judge_home(days(*[pressure] * 4)).finding is finding


def test_a_mean_just_below_the_threshold_is_below_it_and_is_not_shown_as_more() -> None:
    half = judge_home(days((120, 70), (134, 80), (135, 80), (134, 80), (135, 80)))
    assert (half.finding, half.mean) == (Finding.NOT_RAISED, Pressure(134.5, 80.0))
    nearly = days((120, 70), *[(135, 80)] * 13)
    nearly[-1] = nearly[-1]._replace(systolic=134)
    assert (judge_home(nearly).finding, judge_home(nearly).mean) == (Finding.NOT_RAISED, Pressure(134.9, 80.0))


def test_three_days_are_too_few_and_four_are_enough() -> None:
    assert judge_home(days(*[(150, 95)] * 3)).finding is Finding.TOO_FEW
    four = judge_home(days(*[(150, 95)] * 4))
    assert (four.finding, four.days, four.measurements) == (Finding.RAISED, 4, 12)


def test_the_first_day_does_not_count_in_the_mean() -> None:
    assert judge_home(days((179, 119), *[(130, 80)] * 4)).finding is Finding.NOT_RAISED
    assert judge_home(days((100, 60), *[(135, 80)] * 3)).finding is Finding.RAISED


@pytest.mark.parametrize(
    ("hours", "apart"),
    [((8,), MINUTE), ((8, 11), MINUTE), ((13, 20), MINUTE), ((8, 20), MINUTE / 2), ((8, 20), APART_MAX + MINUTE)],
)
def test_a_day_counts_only_where_it_was_measured_twice_in_the_morning_and_in_the_evening(
    hours: tuple[int, ...], apart: timedelta
) -> None:
    judged = judge_home(days(*[(150, 95)] * 7, hours=hours, apart=apart))
    assert (judged.finding, judged.days) == (Finding.TOO_FEW, 0)


def test_morning_and_evening_are_those_of_the_clocks_in_london() -> None:
    summer = timedelta(days=60)
    noon = [one._replace(at=one.at + summer) for one in days(*[(150, 95)] * 4, hours=(6, 11))]  # 07:00 and 12:00 there
    assert judge_home(noon).finding is Finding.RAISED


def test_three_measurements_in_quick_succession_are_an_occasion_where_two_are_a_minute_apart() -> None:
    quick = days(*[(150, 95)] * 4, apart=MINUTE / 2)
    third = [one._replace(at=one.at + MINUTE / 2) for one in quick]
    assert judge_home([*quick, *third]).finding is Finding.RAISED


def test_a_severe_one_on_the_newest_day_is_a_call_today_however_few_there_are() -> None:
    assert judge_home([Measurement(DAY_ONE, 180, 70)]).finding is Finding.SAME_DAY
    assert judge_home([Measurement(DAY_ONE, 179, 119)]).finding is Finding.TOO_FEW


def test_a_severe_one_of_an_earlier_day_does_not_keep_anybody_off_the_list() -> None:
    assert judge_home(days((140, 90), (190, 90), (140, 90), (140, 90))).finding is Finding.RAISED


def test_nothing_measured_says_nothing() -> None:
    judged = judge_home([])
    assert (judged.finding, judged.mean) == (Finding.TOO_FEW, None)


@pytest.mark.parametrize(
    ("systolic", "diastolic", "finding"),
    [
        (139, 89, Finding.NOT_RAISED),
        (140, 60, Finding.RAISED),
        (100, 90, Finding.RAISED),
        (179, 119, Finding.RAISED),
        (180, 60, Finding.SAME_DAY),
        (100, 120, Finding.SAME_DAY),
    ],
)
def test_a_single_measurement_of_others_at_each_threshold(systolic: int, diastolic: int, finding: Finding) -> None:
    assert judge_clinic(systolic, diastolic) is finding


MEASURED = st.lists(
    st.builds(
        Measurement,
        st.integers(0, 8 * 24 * 60).map(lambda minutes: DAY_ONE + minutes * MINUTE),
        st.integers(60, 260),
        st.integers(30, 160),
    ),
    max_size=60,
)
COURSES = st.lists(st.tuples(st.integers(90, 179), st.integers(50, 119)), min_size=1, max_size=9).map(
    lambda pressures: days(*pressures)
)
RANK = (Finding.NOT_RAISED, Finding.RAISED, Finding.SAME_DAY)


@given(MEASURED)
def test_the_order_in_which_they_come_does_not_matter(measured: list[Measurement]) -> None:
    assert judge_home(measured) == judge_home(measured[::-1])


@given(MEASURED | COURSES)
def test_nobody_is_on_the_list_with_fewer_days_or_a_severe_newest_day(measured: list[Measurement]) -> None:
    judged = judge_home(measured)
    if judged.finding in {Finding.RAISED, Finding.NOT_RAISED}:
        newest = max(one.at.date() for one in measured)
        assert judged.days >= DAYS_MIN
        assert all(
            one.systolic < SEVERE.systolic and one.diastolic < SEVERE.diastolic
            for one in measured
            if one.at.date() == newest
        )


@given(COURSES, st.integers(0, 30), st.integers(0, 30))
def test_higher_pressure_never_finds_less(measured: list[Measurement], systolic: int, diastolic: int) -> None:
    higher = [one._replace(systolic=one.systolic + systolic, diastolic=one.diastolic + diastolic) for one in measured]
    before, after = judge_home(measured).finding, judge_home(higher).finding
    if before is not Finding.TOO_FEW:
        assert RANK.index(after) >= RANK.index(before)


@given(COURSES, st.integers(60, 260))
def test_the_first_day_never_changes_the_mean(measured: list[Measurement], systolic: int) -> None:
    first = min(one.at.date() for one in measured)
    changed = [one._replace(systolic=systolic) if one.at.date() == first else one for one in measured]
    assert judge_home(changed).mean == judge_home(measured).mean


@given(COURSES, st.timedeltas(APART_MIN, APART_MAX))
def test_each_whole_day_counts_whatever_lies_between_its_two_measurements(
    measured: list[Measurement], apart: timedelta
) -> None:
    pairs = zip(measured[::2], measured[1::2], strict=True)
    spread = [one for first, second in pairs for one in (first, second._replace(at=first.at + apart))]
    assert judge_home(spread).days == len({one.at.date() for one in measured})
