"""Staffed hours: amber and technical alerts count their time only while somebody is there.

Source: docs/clinical/policy.md, *The life of an alert*: amber_plus and above never wait.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from alert_rules import alarms
from alert_rules.alarms import ACT_WITHIN, State
from alert_rules.severity import Severity
from alert_rules.silence import LOCAL

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
StaffedHours = Mapping[str, Sequence[str]]
"""By day: local opening and closing time as `HH:MM`. A day that is not named is not staffed."""
Shift = tuple[datetime, datetime]

SHIFT_MAX: Final = timedelta(hours=24)
"""A ward that does not close within it has no end of a shift: there the fixed time holds."""


def due_at(state: State, severity: Severity, now: datetime, hours: StaffedHours | None) -> datetime | None:
    """When the next thing is owed; an amber's time passes while the ward is staffed, and it is acted on in a shift."""
    due = alarms.due_at(state, severity, now)
    if due is None or severity > Severity.AMBER or not hours or not (shifts := _shifts_from(now, hours)):
        return due
    opens, closes = shifts[0]
    if state is State.ACKNOWLEDGED:
        return closes if closes - opens <= SHIFT_MAX else opens + ACT_WITHIN[severity]
    return _after(due - now, shifts)


def staffed_from(now: datetime, hours: StaffedHours | None) -> datetime:
    """Now, where somebody is there; else when the ward opens next. A ward without hours is always staffed."""
    return (opens_at(now, hours) if hours else None) or now


def shift_ends_at(now: datetime, hours: StaffedHours | None) -> datetime | None:
    """When the present shift ends, None where there is none that does."""
    shifts = _shifts_from(now, hours) if hours else []
    return shifts[0][1] if shifts and shifts[0][0] <= now and shifts[0][1] - shifts[0][0] <= SHIFT_MAX else None


def opens_at(now: datetime, hours: StaffedHours) -> datetime | None:
    """From when on somebody is there: `now`, or the next opening; None where none comes within a week."""
    shifts = _shifts_from(now, hours)
    return shifts[0][0] if shifts else None


def _after(span: timedelta, shifts: Sequence[Shift]) -> datetime:
    """When so much staffed time has passed, or at the end of the last of these shifts where it is shorter."""
    for opens, closes in shifts:
        if opens + span <= closes:
            return opens + span
        span -= closes - opens
    return shifts[-1][1]


def _shifts_from(now: datetime, hours: StaffedHours) -> list[Shift]:
    """What is left of the staffed hours from now on, for a week; those that meet are one shift."""
    today = now.astimezone(LOCAL).date()
    shifts: list[Shift] = []
    for day in (today + timedelta(days=n) for n in range(-1, 8)):
        if (span := hours.get(DAYS[day.weekday()])) is None:
            continue
        opens, closes = shift(day, *span)
        if closes <= now:
            continue
        if shifts and opens <= shifts[-1][1]:
            shifts[-1] = shifts[-1][0], max(closes, shifts[-1][1])
        else:
            shifts.append((max(opens, now), closes))
    return shifts


CLOCKS_CHANGE_AT: Final = time(1)
"""UTC, in London's nights of March and of October."""


@lru_cache(maxsize=65_536)
def shift(day: date, start: str, end: str) -> Shift:
    """From opening to closing: `24:00` ends the day, an end that is not after its start runs past midnight.

    By the clock on the wall: it begins when that first shows its start, and ends when it first shows its end.
    """
    opens, closes = time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end)
    last_day = day if closes > opens else day + timedelta(days=1)
    return _instant(day, opens), _instant(last_day, closes)


def _instant(day: date, local: time) -> datetime:
    """When the wall first shows that time, or a later one where the clocks skip it in March."""
    found = datetime.combine(day, local, LOCAL).astimezone(UTC)
    return found if found.astimezone(LOCAL).time() == local else datetime.combine(day, CLOCKS_CHANGE_AT, UTC)
