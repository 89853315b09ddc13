"""Device clocks: what is learnt of them, and when a set's time is put right."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import (
    AGREES,
    MEASURED_FOR,
    SAMPLES_MAX,
    STEADY,
    TOLERANCE,
    Clock,
    Surely,
    correction,
    keep,
    learnt,
    said,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = 60
TOLERATED = int(TOLERANCE.total_seconds())
offsets = st.integers(-(10**9), 10**9)


@pytest.mark.parametrize(
    ("samples", "offset_s", "surely"),
    [
        ([-3], -3, "unsure"),
        ([1200] * STEADY, 1200, "steady"),
        ([1200] * (STEADY - 1), 1200, "unsure"),
        ([1200, 1230, 1195, 1201, 1210, -46800], 1200, "steady"),  # one that waited in an offline hub says nothing
        ([1200, -46800, -46000, -45000, -3], -45000, "unsure"),  # a hub that was offline, and sends one by one
    ],
)
def test_a_clock_is_the_median_of_what_was_seen_of_it(samples: list[int], offset_s: int, surely: Surely) -> None:
    assert learnt(samples, None, None, NOW) == Clock(offset_s, surely)


def test_what_a_document_showed_counts_for_a_day_and_before_all_else() -> None:
    samples = [0] * SAMPLES_MAX
    assert learnt(samples, 7200, NOW - MEASURED_FOR, NOW) == Clock(7200, "measured")
    assert learnt(samples, 7200, NOW - MEASURED_FOR - timedelta(seconds=1), NOW) == Clock(0, "steady")
    assert learnt([], None, None, NOW) is None


@pytest.mark.parametrize(
    ("clock", "is_known_wrong", "words"),
    [
        (Clock(TOLERATED, "steady"), False, "5 min fast"),
        (Clock(TOLERATED + 1, "steady"), True, "5 min fast"),
        (Clock(20 * MINUTE, "unsure"), False, "20 min fast"),
        (Clock(-20 * MINUTE, "steady"), False, "20 min slow, or it sends so long after it measured"),
        (Clock(-20 * MINUTE, "measured"), True, "20 min slow"),
        (Clock(-125 * MINUTE, "measured"), True, "2 h 5 min slow"),
        (Clock(-826_000_000, "steady"), True, "9560 days slow"),  # it begins at 2000: nothing is sent so late
    ],
)
def test_a_device_that_sends_late_is_not_taken_for_one_whose_clock_is_slow(
    clock: Clock, is_known_wrong: bool, words: str
) -> None:
    assert (clock.is_known_wrong, said(clock)) == (is_known_wrong, words)


@given(offset_s=offsets, lag_s=st.integers(0, 10**6), samples=st.lists(offsets, max_size=20))
def test_a_time_is_moved_only_by_what_is_surely_known_and_never_beyond_when_it_came(
    offset_s: int, lag_s: int, samples: list[int]
) -> None:
    taken_at = NOW + timedelta(seconds=offset_s - lag_s)
    kept: list[int] = []
    for one in samples:
        kept = keep(kept, one)
    assert kept == samples[-SAMPLES_MAX:]
    clock = learnt([*kept, *[offset_s] * STEADY][-SAMPLES_MAX:], None, None, NOW)
    assert clock is not None
    moved = correction(clock, taken_at, NOW)
    if moved is not None:
        assert clock.surely == "steady"
        assert abs(taken_at - moved - NOW) <= AGREES
    if abs(offset_s) <= TOLERATED:
        assert moved is None or clock.offset_s != offset_s
    if lag_s > 2 * AGREES.total_seconds() and clock.offset_s == offset_s:
        assert moved is None  # it does not show that the clock is still as wrong
