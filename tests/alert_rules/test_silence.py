"""Silence: when readings are due by the patient's own schedule, on every day of the year."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.severity import Severity
from alert_rules.silence import (
    GRACE,
    LOCAL,
    WELFARE_CHECK_AFTER,
    Schedule,
    first_due,
    overdue_at,
    overdue_severity,
    times_for,
)

FOUR: Final = Schedule.of(["08:00", "12:00", "16:00", "20:00"])
TWICE: Final = Schedule.of(["20:00", "08:00"])
NEVER: Final = Schedule.of([])


def london(text: str) -> datetime:
    """An instant by the clock on the wall: `2026-03-29 08:00`; the first of the two in the night of October."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(UTC)


# --- schedules


@pytest.mark.parametrize(
    ("per_day", "times"),
    [
        (0, ()),
        (1, ("10:00",)),
        (2, ("08:00", "20:00")),
        (3, ("08:00", "14:00", "20:00")),
        (4, ("08:00", "12:00", "16:00", "20:00")),
        (5, ("08:00", "11:00", "14:00", "17:00", "20:00")),
        (7, ("08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00")),
    ],
)
def test_a_schedule_that_only_says_how_often_has_usual_times(per_day: int, times: tuple[str, ...]) -> None:
    assert times_for(per_day) == times


@pytest.mark.parametrize("per_day", range(25))
def test_any_number_of_readings_has_as_many_different_times(per_day: int) -> None:
    times = Schedule.of(times_for(per_day)).times
    assert len(set(times)) == per_day
    assert all(time(8) <= slot <= time(22) for slot in times)


@pytest.mark.parametrize("text", ["", "8:00", "08:00:30", "0800", "24:00", "08:60", "08:00+01:00", "eight"])
def test_a_time_that_is_not_hours_and_minutes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Schedule.of(["08:00", text])


# --- the slot that is due next


@pytest.mark.parametrize(
    ("heard", "due"),
    [
        ("2026-03-10 08:00", "2026-03-10 12:00"),  # on time
        ("2026-03-10 08:20", "2026-03-10 12:00"),  # late, for 08:00
        ("2026-03-10 10:01", "2026-03-10 12:00"),  # an extra one
        ("2026-03-10 10:59", "2026-03-10 12:00"),
        ("2026-03-10 11:00", "2026-03-10 16:00"),  # early, for 12:00
        ("2026-03-10 20:00", "2026-03-11 08:00"),
        ("2026-03-11 02:05", "2026-03-11 08:00"),  # at night, for none
        ("2026-03-11 06:59", "2026-03-11 08:00"),
        ("2026-03-11 07:00", "2026-03-11 12:00"),
    ],
)
def test_a_set_answers_a_coming_slot_only_from_an_hour_before_it(heard: str, due: str) -> None:
    assert FOUR.due_after(london(heard)) == london(due)


def test_where_no_readings_are_expected_none_is_ever_due() -> None:
    assert NEVER.due_after(london("2026-03-10 08:00")) is None
    assert NEVER.before(london("2026-03-10 08:00")) is None
    assert first_due(NEVER, london("2026-03-10 08:00")) is None


def test_the_first_set_of_a_stay_is_due_four_hours_after_somebody_entered_it() -> None:
    entered = london("2026-03-10 09:30")
    assert first_due(FOUR, entered) == entered + timedelta(hours=4)


@pytest.mark.parametrize(
    ("heard", "due"),
    [
        ("2026-03-10 08:14", "2026-03-10 08:30"),  # nearer to the one that passed
        ("2026-03-10 08:15", "2026-03-10 08:30"),
        ("2026-03-10 08:16", "2026-03-11 08:00"),
    ],
)
def test_of_two_slots_within_the_hour_a_set_answers_the_nearer(heard: str, due: str) -> None:
    assert Schedule.of(["08:00", "08:30"]).due_after(london(heard)) == london(due)


# --- until when nobody is told


@pytest.mark.parametrize(
    ("due", "heard", "missed", "told"),
    [
        ("2026-03-11 08:00", "2026-03-11 02:05", 0, "2026-03-11 09:00"),
        ("2026-03-11 10:00", "2026-03-10 09:00", 0, "2026-03-11 11:00"),  # once a day: the day ends with the grace
        ("2026-03-11 10:00", "2026-03-10 11:00", 0, "2026-03-11 11:00"),
        ("2026-03-11 20:00", "2026-03-10 10:00", 0, "2026-03-11 10:00"),  # a plan that left more than a day between
        ("2026-03-11 08:00", "2026-03-10 08:05", 1, "2026-03-11 08:05"),  # the evening was missed: a day is a day
        ("2026-03-11 08:00", "2026-03-10 20:00", 1, "2026-03-11 09:00"),
    ],
)
def test_silence_is_told_after_the_grace_of_a_slot_or_after_a_day(due: str, heard: str, missed: int, told: str) -> None:
    assert overdue_at(london(due), london(heard), missed) == london(told)


def test_where_nothing_is_due_nobody_is_ever_told() -> None:
    assert overdue_at(None, london("2026-03-10 08:00")) is None


def test_one_reading_a_day_is_due_a_day_later() -> None:
    assert Schedule.of(["10:00"]).due_after(london("2026-03-10 10:05")) == london("2026-03-11 10:00")


# --- the nights on which the clock changes


@pytest.mark.parametrize(("night", "hours"), [("2026-03-28", 11), ("2026-10-24", 13)])
def test_slots_keep_to_the_clock_on_the_wall_when_it_changes(night: str, hours: int) -> None:
    evening = london(f"{night} 20:00")
    assert TWICE.due_after(evening) == evening + timedelta(hours=hours)


def test_a_slot_that_the_spring_night_leaves_out_still_comes_once() -> None:
    schedule = Schedule.of(["01:30"])
    slots = [schedule.after(london(f"2026-03-{day} 12:00")) for day in (27, 28, 29)]
    assert slots == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # 02:30 by the wall: there was no 01:30
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]


def test_a_slot_that_the_autumn_night_has_twice_comes_once() -> None:
    schedule = Schedule.of(["01:30"])
    first = schedule.after(london("2026-10-24 12:00"))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert schedule.after(first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_in_the_spring_night_slots_come_in_the_order_in_which_they_happen() -> None:
    schedule = Schedule.of(["01:30", "02:15"])  # 01:30 UTC and 01:15 UTC
    first = schedule.after(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert first == datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    assert schedule.after(first) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert schedule.before(datetime(2026, 3, 29, 1, 20, tzinfo=UTC)) == first


schedules = st.sets(st.times().map(lambda at: f"{at:%H:%M}"), min_size=1, max_size=6).map(lambda at: Schedule.of([*at]))
around = [london("2026-03-29 01:00"), london("2026-10-25 01:00"), london("2026-07-01 12:00")]
instants = st.builds(
    lambda base, s: base + timedelta(seconds=s), st.sampled_from(around), st.integers(-200_000, 200_000)
)


@given(schedules, instants)
def test_what_is_due_lies_ahead_and_is_a_slot(schedule: Schedule, heard: datetime) -> None:
    due = schedule.due_after(heard)
    assert due is not None
    assert due > heard
    assert due in slots_around(schedule, due)


@given(schedules, instants)
def test_no_slot_lies_between_the_ones_before_and_after_an_instant(schedule: Schedule, instant: datetime) -> None:
    before, after = schedule.before(instant), schedule.after(instant)
    assert before is not None
    assert after is not None
    assert before <= instant < after
    assert [slot for slot in slots_around(schedule, instant) if before < slot < after] == []
    assert {before, after} <= set(slots_around(schedule, instant))


@given(schedules, instants, st.integers(0, 100_000))
def test_hearing_later_never_makes_readings_due_sooner(schedule: Schedule, heard: datetime, later_s: int) -> None:
    due, later = schedule.due_after(heard), schedule.due_after(heard + timedelta(seconds=later_s))
    assert due is not None
    assert later is not None
    assert due <= later


@given(schedules, instants, st.integers(0, 3))
def test_nobody_is_silent_for_longer_than_a_day_and_the_hours_about_a_slot(
    schedule: Schedule, heard: datetime, missed: int
) -> None:
    due = schedule.due_after(heard)
    assert due is not None
    told = overdue_at(due, heard, missed)
    assert told is not None
    assert heard < told <= due + GRACE
    assert told <= heard + WELFARE_CHECK_AFTER + 2 * GRACE


def slots_around(schedule: Schedule, instant: datetime) -> list[datetime]:
    """Every slot within two days, straight from the calendar."""
    days = [(instant.astimezone(LOCAL) + timedelta(days=n)).date() for n in range(-2, 3)]
    return sorted(datetime.combine(day, at, LOCAL).astimezone(UTC) for day in days for at in schedule.times)


# --- how bad silence is


@pytest.mark.parametrize(
    ("missed", "silent_h", "worrying", "severity"),
    [
        (1, 5, False, Severity.AMBER),
        (1, 5, True, Severity.AMBER_PLUS),
        (2, 9, False, Severity.RED),
        (2, 9, True, Severity.RED),
        (1, 23.99, False, Severity.AMBER),
        (1, 24, False, Severity.RED),
    ],
)
def test_silence_is_the_worse_the_longer_it_lasts_and_the_sicker_the_patient_was(
    missed: int, silent_h: float, worrying: bool, severity: Severity
) -> None:
    now = london("2026-03-10 12:00")
    assert overdue_severity(missed, now - timedelta(hours=silent_h), now, worrying=worrying) is severity
