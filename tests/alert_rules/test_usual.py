"""Usual values learnt: the median, how far readings lie from it, and whether they are enough to say so."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from alert_rules.usual import Learnt, learn


def test_one_odd_reading_moves_nothing_and_shows_in_nothing_but_their_number() -> None:
    steady = [(n * 10, 90) for n in range(4)]
    assert learn(steady) == Learnt(90, 4, 30, 0)
    assert learn([*steady, (25, 70)]) == Learnt(90, 5, 30, 0)


def test_fewer_than_four_readings_are_not_enough_and_none_are_nothing() -> None:
    few, enough = learn([(0, 90)] * 3), learn([(0, 90), (1, 91), (2, 92), (3, 93)])
    assert few is not None
    assert enough is not None
    assert (few.enough, enough.enough, enough.value) == (False, True, 92)  # between two, half up
    assert learn([]) is None


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 30_000)), min_size=1, max_size=30))
def test_in_whatever_order_readings_come_what_is_learnt_is_their_median(
    readings: list[tuple[int, int]],
) -> None:
    learnt = learn(readings)
    assert learnt == learn(sorted(readings, reverse=True))
    assert learnt is not None
    assert abs(learnt.value - median(value for _, value in readings)) <= 0.5
