"""The clocks of recovery and discharge to assess: hours that pass, days in London, and what contradicts what."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.clock import WARD_TIME
from monitoring.recovery.clocks import (
    Clock,
    Instant,
    Outcome,
    Verdict,
    hours,
    out_of_order,
    possible_outcomes,
    re_access_until,
)
from monitoring.recovery.report import Ran, tally

DAY = Clock(timedelta(hours=24))
THREE_DAYS = Clock(timedelta(hours=72))
BEGAN = datetime(2026, 3, 10, 12, tzinfo=UTC)
AFTER = st.none() | st.timedeltas(timedelta(0), timedelta(hours=80)).map(lambda later: BEGAN + later)


def london(*parts: int) -> datetime:
    """An instant as the clock in London shows it."""
    return datetime(*parts, tzinfo=WARD_TIME)  # type: ignore[misc, arg-type]


def after(hours: float) -> datetime | None:
    """So long after the clock began; never, for a negative number."""
    return None if hours < 0 else BEGAN + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("done", "ended", "now", "verdict"),
    [
        (0, -1, 1, Verdict.MET),
        (24, -1, 30, Verdict.MET),  # at the limit itself
        (24.001, -1, 30, Verdict.NOT_MET),
        (-1, -1, 24, Verdict.OPEN),
        (-1, -1, 24.001, Verdict.NOT_MET),  # still open past the limit
        (-1, 10, 90, Verdict.ENDED),
        (-1, 24, 90, Verdict.ENDED),
        (-1, 25, 90, Verdict.NOT_MET),  # left unserved, but only past the limit
        (23, 10, 90, Verdict.MET),  # a discharge told late does not undo what was done
    ],
)
def test_a_clock_is_met_not_met_open_or_ended(done: float, ended: float, now: float, verdict: Verdict) -> None:
    told_at = after(now)
    assert told_at is not None
    assert DAY.verdict(BEGAN, after(done), after(ended), told_at) is verdict
    assert DAY.verdict(None, after(done), after(ended), told_at) is Verdict.NOT_STARTED


@pytest.mark.parametrize(
    ("clock", "began", "due"),
    [
        (DAY, london(2026, 3, 28, 12), london(2026, 3, 29, 13)),  # an hour is left out that night
        (DAY, london(2026, 10, 24, 12), london(2026, 10, 25, 11)),  # an hour comes twice
        (THREE_DAYS, london(2026, 3, 27, 9), london(2026, 3, 30, 10)),
        (THREE_DAYS, london(2026, 10, 23, 9), london(2026, 10, 26, 8)),
        (DAY, london(2026, 6, 1, 9), london(2026, 6, 2, 9)),
    ],
)
def test_hours_are_hours_that_pass_when_the_clocks_change(clock: Clock, began: datetime, due: datetime) -> None:
    limit_h = clock.limit / timedelta(hours=1)
    assert clock.due_at(began) == due.astimezone(UTC)
    assert hours(began, due) == limit_h
    assert clock.verdict(began, due, None, due) is Verdict.MET
    too_late = (due.astimezone(UTC) + timedelta(microseconds=1)).astimezone(WARD_TIME)
    assert clock.verdict(began, too_late, None, too_late) is Verdict.NOT_MET
    assert clock.verdict(began, None, None, due) is Verdict.OPEN


@given(done=AFTER, ended=AFTER, waits=st.timedeltas(timedelta(0), timedelta(days=9)), shift=st.integers(-14, 14))
def test_once_not_met_never_met_again_and_the_time_zone_of_what_was_told_makes_no_difference(
    done: datetime | None, ended: datetime | None, waits: timedelta, shift: int
) -> None:
    zone = timezone(timedelta(hours=shift))
    now = max(one for one in (BEGAN, done, ended) if one is not None)
    verdict = DAY.verdict(BEGAN, done, ended, now)
    later = DAY.verdict(BEGAN, done, ended, now + waits)
    done_there, ended_there = (None if one is None else one.astimezone(zone) for one in (done, ended))
    assert DAY.verdict(BEGAN.astimezone(WARD_TIME), done_there, ended_there, now) is verdict
    assert later is verdict or (verdict, later) == (Verdict.OPEN, Verdict.NOT_MET)
    if done is not None and verdict is Verdict.NOT_MET:
        assert hours(BEGAN, done) > 24


@given(st.lists(st.tuples(AFTER, AFTER, AFTER, st.booleans()), max_size=30))
def test_everybody_is_counted_once(
    clocks: list[tuple[datetime | None, datetime | None, datetime | None, bool]],
) -> None:
    ran = [
        Ran("A", DAY.limit, began, done, ended, was_admitted=admitted, is_discharged=ended is not None)
        for began, done, ended, admitted in clocks
    ]
    row = tally("A", ran, BEGAN + timedelta(hours=100))
    counted = (row.met, row.not_met, row.open, row.not_taken, row.left, row.not_started)
    assert sum(counted) == row.counted == len(clocks)
    assert row.outcomes.ended == row.outcomes.not_recorded == sum(ended is not None for _, _, ended, _ in clocks)


def test_six_weeks_are_counted_in_days_in_london() -> None:
    assert re_access_until(london(2026, 3, 1, 23, 30)) == date(2026, 4, 12)
    assert re_access_until(datetime(2026, 6, 1, 23, 30, tzinfo=UTC)) == date(2026, 7, 14)  # already the 2nd in London


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({Instant.REFERRED: 2, Instant.HOME: 1}, (Instant.REFERRED, Instant.HOME)),
        ({Instant.REFERRED: 2, Instant.FIRST_CARE: 1}, (Instant.REFERRED, Instant.FIRST_CARE)),
        ({Instant.HOME: 2, Instant.FIRST_CARE: 1}, (Instant.HOME, Instant.FIRST_CARE)),
        ({Instant.HOME: 2, Instant.ASSESSED: 1}, (Instant.HOME, Instant.ASSESSED)),
        ({Instant.ASSESSED: 1, Instant.FIRST_CARE: 2}, None),  # either may come first
        ({Instant.REFERRED: 1, Instant.HOME: 1, Instant.FIRST_CARE: 1, Instant.ASSESSED: 1}, None),
        ({Instant.FIRST_CARE: 1}, None),
    ],
)
def test_what_contradicts_what_is_known(known: dict[Instant, int], found: tuple[Instant, Instant] | None) -> None:
    assert out_of_order({what: BEGAN + timedelta(hours=hour) for what, hour in known.items()}) == found


def test_the_outcome_never_contradicts_the_discharge() -> None:
    assert possible_outcomes("died") == {Outcome.DIED}
    assert possible_outcomes("acute") == {Outcome.READMITTED}
    at_home = {Outcome.INDEPENDENT, Outcome.REABLEMENT, Outcome.LONG_TERM_CARE}
    assert all(possible_outcomes(ended) == at_home for ended in ("home", "self", "hospice", None))
