"""Staffed hours: when the time of an amber alert begins to run."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.severity import Severity
from alert_rules.silence import LOCAL
from alert_rules.staffed import DAYS, StaffedHours, counted_from, next_staffed

OFFICE: StaffedHours = {day: ["08:00", "18:00"] for day in DAYS[:5]}
NIGHTS: StaffedHours = {"fri": ["20:00", "08:00"]}
WHOLE_DAYS: StaffedHours = {day: ["00:00", "24:00"] for day in DAYS}


def london(text: str) -> datetime:
    """An instant by the clock on the wall."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "counted"),
    [
        (OFFICE, "2026-03-10 12:00", "2026-03-10 12:00"),  # a Tuesday
        (OFFICE, "2026-03-10 07:59", "2026-03-10 08:00"),
        (OFFICE, "2026-03-10 08:00", "2026-03-10 08:00"),
        (OFFICE, "2026-03-10 17:59", "2026-03-10 17:59"),
        (OFFICE, "2026-03-10 18:00", "2026-03-11 08:00"),  # closed on the stroke
        (OFFICE, "2026-03-13 18:00", "2026-03-16 08:00"),  # over the weekend
        (NIGHTS, "2026-03-13 19:00", "2026-03-13 20:00"),
        (NIGHTS, "2026-03-14 03:00", "2026-03-14 03:00"),  # past midnight, Friday's shift goes on
        (NIGHTS, "2026-03-14 08:00", "2026-03-20 20:00"),
        (WHOLE_DAYS, "2026-03-10 23:59", "2026-03-10 23:59"),
        ({"tue": ["08:00", "24:00"]}, "2026-03-10 23:59", "2026-03-10 23:59"),
        ({"tue": ["08:00", "24:00"]}, "2026-03-11 00:00", "2026-03-17 08:00"),
        ({"tue": ["08:00", "08:00"]}, "2026-03-11 07:59", "2026-03-11 07:59"),  # round the clock
        ({"tue": ["08:00", "18:00"]}, "2026-03-10 18:00", "2026-03-17 08:00"),  # a week later
        (OFFICE, "2026-03-27 19:00", "2026-03-30 08:00"),  # over the night of March: 07:00 UTC
        (OFFICE, "2026-10-23 19:00", "2026-10-26 08:00"),  # and of October
        ({"sat": ["22:00", "06:00"]}, "2026-03-29 05:59", "2026-03-29 05:59"),
    ],
)
def test_an_ambers_time_runs_from_when_the_ward_is_next_staffed(hours: StaffedHours, now: str, counted: str) -> None:
    assert counted_from(london(now), Severity.AMBER, hours) == london(counted)


@pytest.mark.parametrize("severity", [Severity.AMBER_PLUS, Severity.RED, Severity.CRITICAL])
def test_what_is_worse_than_amber_never_waits(severity: Severity) -> None:
    night = london("2026-03-10 03:00")
    assert counted_from(night, severity, OFFICE) == night


@pytest.mark.parametrize("hours", [None, {}])
def test_a_ward_without_hours_is_always_staffed(hours: StaffedHours | None) -> None:
    night = london("2026-03-10 03:00")
    assert counted_from(night, Severity.AMBER, hours) == night


spans = st.tuples(st.times(), st.times()).map(lambda span: [f"{span[0]:%H:%M}", f"{span[1]:%H:%M}"])
instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(st.dictionaries(st.sampled_from(DAYS), spans, min_size=1), instants)
def test_the_wait_ends_within_a_week_and_once_staffed_there_is_none(hours: StaffedHours, now: datetime) -> None:
    staffed = next_staffed(now, hours)
    assert now <= staffed <= now + timedelta(days=7, hours=1)  # an hour for the clock's change
    assert next_staffed(staffed, hours) == staffed
