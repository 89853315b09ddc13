"""Days as the ward has them: from midnight to midnight in London, 23 or 25 hours long when the clocks change."""

from datetime import UTC, date, datetime, time, timedelta

from monitoring.clock import WARD_TIME
from monitoring.fields import YEARS
from monitoring.refusals import unacceptable


def today(now: datetime) -> date:
    """The ward's day."""
    return now.astimezone(WARD_TIME).date()


def begins_at(day: date) -> datetime:
    """The first instant of a day, in UTC."""
    return datetime.combine(day, time(0), WARD_TIME).astimezone(UTC)


def ends_at(day: date) -> datetime:
    """The first instant of the day after."""
    return begins_at(day + timedelta(days=1))


def day_named(field: str, value: str | None, now: datetime) -> date:
    """The day that a query asks for; today, where it names none. Raises Unacceptable."""
    if value is None:
        return today(now)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise unacceptable(field, "is not a date, such as 2026-11-21") from None
    if day.year not in YEARS:
        raise unacceptable(field, f"year {day.year} is not between {YEARS[0]} and {YEARS[-1]}")
    return day


def in_words(at: datetime) -> str:
    """An instant as a person on the ward says it."""
    local = at.astimezone(WARD_TIME)
    return f"{local:%H:%M} on {local.day} {local:%B}"
