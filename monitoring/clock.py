"""The one place that asks the time. Everywhere else `now` is an argument."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

WARD_TIME = ZoneInfo("Europe/London")


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def local_day(at: datetime) -> date:
    """The day that it is in London at an instant: in summer it begins an hour before the one of UTC."""
    return at.astimezone(WARD_TIME).date()
