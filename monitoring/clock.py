"""The one place that asks the time. Everywhere else `now` is an argument."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

WARD_TIME = ZoneInfo("Europe/London")


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place
