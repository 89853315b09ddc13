"""Staffed hours: when the time of an amber alert runs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.alarms import ACKNOWLEDGE_WITHIN, ACT_WITHIN, ENDED, State
from alert_rules.severity import Severity
from alert_rules.silence import LOCAL
from alert_rules.staffed import DAYS, StaffedHours, due_at

OFFICE: StaffedHours = {day: ["08:00", "18:00"] for day in DAYS[:5]}
NIGHTS: StaffedHours = {"fri": ["20:00", "08:00"]}
WHOLE_DAYS: StaffedHours = {day: ["00:00", "24:00"] for day in DAYS}


def london(text: str) -> datetime:
    """An instant by the clock on the wall."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "due"),
    [
        (OFFICE, "2026-03-10 12:00", "2026-03-10 13:00"),  # a Tuesday
        (OFFICE, "2026-03-10 07:59", "2026-03-10 09:00"),
        (OFFICE, "2026-03-10 08:00", "2026-03-10 09:00"),
        (OFFICE, "2026-03-10 17:00", "2026-03-10 18:00"),
        (OFFICE, "2026-03-10 17:59", "2026-03-11 08:59"),  # a minute of today's, the others of tomorrow's
        (OFFICE, "2026-03-10 18:00", "2026-03-11 09:00"),  # closed on the stroke
        (OFFICE, "2026-03-13 18:00", "2026-03-16 09:00"),  # over the weekend
        (NIGHTS, "2026-03-13 19:00", "2026-03-13 21:00"),
        (NIGHTS, "2026-03-14 03:00", "2026-03-14 04:00"),  # past midnight, Friday's shift goes on
        (NIGHTS, "2026-03-14 07:30", "2026-03-20 20:30"),
        (WHOLE_DAYS, "2026-03-10 23:59", "2026-03-11 00:59"),
        ({"tue": ["08:00", "24:00"]}, "2026-03-10 23:59", "2026-03-17 08:59"),
        ({"tue": ["08:00", "24:00"]}, "2026-03-11 00:00", "2026-03-17 09:00"),
        ({"tue": ["08:00", "08:00"]}, "2026-03-11 06:59", "2026-03-11 07:59"),  # round the clock
        ({"tue": ["08:00", "18:00"]}, "2026-03-10 18:00", "2026-03-17 09:00"),  # a week later
        ({"tue": ["08:00", "08:10"]}, "2026-03-10 08:05", "2026-03-17 08:10"),  # no hour within a week: its last minute
        (OFFICE, "2026-03-27 19:00", "2026-03-30 09:00"),  # over the night of March: 08:00 UTC
        (OFFICE, "2026-10-23 19:00", "2026-10-26 09:00"),  # and of October
        ({"sat": ["22:00", "06:00"]}, "2026-03-29 04:59", "2026-03-29 05:59"),
    ],
)
def test_an_ambers_hour_passes_while_the_ward_is_staffed(hours: StaffedHours, now: str, due: str) -> None:
    assert due_at(State.OPEN, Severity.AMBER, london(now), hours) == london(due)


@pytest.mark.parametrize(
    ("hours", "now", "act_by"),
    [
        (OFFICE, "2026-03-10 12:00", "2026-03-10 18:00"),
        (OFFICE, "2026-03-10 17:59", "2026-03-10 18:00"),
        (OFFICE, "2026-03-10 18:00", "2026-03-11 18:00"),
        (OFFICE, "2026-03-13 19:00", "2026-03-16 18:00"),  # over the weekend
        (NIGHTS, "2026-03-14 03:00", "2026-03-14 08:00"),
        (WHOLE_DAYS, "2026-03-10 23:59", "2026-03-11 07:59"),  # a ward that never closes has no end of a shift
    ],
)
def test_an_amber_is_acted_on_by_the_end_of_the_shift_or_of_the_next(
    hours: StaffedHours, now: str, act_by: str
) -> None:
    assert due_at(State.ACKNOWLEDGED, Severity.AMBER, london(now), hours) == london(act_by)


@pytest.mark.parametrize("state", [State.SNOOZED, *sorted(ENDED)])
def test_nothing_is_owed_while_an_alert_is_snoozed_or_once_it_ended(state: State) -> None:
    assert due_at(state, Severity.AMBER, london("2026-03-10 12:00"), OFFICE) is None


@pytest.mark.parametrize("severity", [Severity.AMBER_PLUS, Severity.RED, Severity.CRITICAL])
def test_what_is_worse_than_amber_never_waits(severity: Severity) -> None:
    night = london("2026-03-10 03:00")
    assert due_at(State.OPEN, severity, night, OFFICE) == night + ACKNOWLEDGE_WITHIN[severity]
    assert due_at(State.ACKNOWLEDGED, severity, night, OFFICE) == night + ACT_WITHIN[severity]


@pytest.mark.parametrize("hours", [None, {}])
def test_a_ward_without_hours_is_always_staffed(hours: StaffedHours | None) -> None:
    night = london("2026-03-10 03:00")
    assert due_at(State.OPEN, Severity.AMBER, night, hours) == night + timedelta(hours=1)
    assert due_at(State.ACKNOWLEDGED, Severity.AMBER, night, hours) == night + timedelta(hours=8)


spans = st.tuples(st.times(), st.times()).map(lambda span: [f"{span[0]:%H:%M}", f"{span[1]:%H:%M}"])
instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
answerable = st.sampled_from([State.OPEN, State.ACKNOWLEDGED, State.ACTIONED])


@given(st.dictionaries(st.sampled_from(DAYS), spans, min_size=1), instants, answerable)
def test_what_is_owed_lies_ahead_and_within_ten_days(hours: StaffedHours, now: datetime, state: State) -> None:
    due = due_at(state, Severity.AMBER, now, hours)
    assert due is not None
    assert now <= due <= now + timedelta(days=10)
