"""Instants as query parameters: RFC 3339 with an offset."""

from datetime import UTC, datetime

from monitoring.refusals import unacceptable


def instant(field: str, value: str | None) -> datetime | None:
    """The instant in UTC, None where none was given. Raises Unacceptable."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))  # an unescaped + arrives as a space
        if moment.tzinfo is None:
            raise unacceptable(field, "needs an offset, such as Z or +00:00")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise unacceptable(field, "is not an RFC 3339 instant") from None
