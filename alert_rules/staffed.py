"""Staffed hours: amber and technical alerts count their time only while somebody is there.

Source: docs/clinical/policy.md, *The life of an alert*: amber_plus and above never wait.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from alert_rules.severity import Severity
from alert_rules.silence import LOCAL

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
StaffedHours = Mapping[str, Sequence[str]]
"""By day: local opening and closing time as `HH:MM`. A day that is not named is not staffed."""


def counted_from(now: datetime, severity: Severity, hours: StaffedHours | None) -> datetime:
    """From when an alert's time runs: now, or for ambers when the ward is next staffed."""
    if severity > Severity.AMBER or not hours:
        return now
    return next_staffed(now, hours)


def next_staffed(now: datetime, hours: StaffedHours) -> datetime:
    """The first instant from `now` on at which the ward is staffed; `now` where it never is."""
    today = now.astimezone(LOCAL).date()
    for day in (today + timedelta(days=n) for n in range(-1, 8)):
        if (span := hours.get(DAYS[day.weekday()])) is None:
            continue
        opens, closes = _shift(day, *span)
        if now < closes:
            return max(now, opens)
    return now


def _shift(day: date, start: str, end: str) -> tuple[datetime, datetime]:
    """From opening to closing: `24:00` ends the day, an end that is not after its start runs past midnight."""
    opens, closes = time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end)
    last_day = day if closes > opens else day + timedelta(days=1)
    return _instant(day, opens), _instant(last_day, closes)


def _instant(day: date, local: time) -> datetime:
    return datetime.combine(day, local, LOCAL).astimezone(UTC)
