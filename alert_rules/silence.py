"""Silence: when readings are due by the patient's own schedule, and what it means when they don't come.

Arithmetic done when we last heard; the timekeeper only compares a stored deadline. Local times are Europe/London.
Source: docs/clinical/policy.md, *Schedules and silence*; every figure is the design's own.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from alert_rules.severity import Severity

LOCAL: Final = ZoneInfo("Europe/London")
GRACE: Final = timedelta(minutes=60)
FIRST_SET_AFTER: Final = timedelta(hours=4)
WELFARE_CHECK_AFTER: Final = timedelta(hours=24)
WELFARE_CHECK_MISSED: Final = 2
WELFARE_CHECK_DECLINED: Final = 2
"""Sets declined one after the other."""

USUAL_TIMES: Final[dict[int, tuple[str, ...]]] = {
    0: (),
    1: ("10:00",),
    2: ("08:00", "20:00"),
    3: ("08:00", "14:00", "20:00"),
    4: ("08:00", "12:00", "16:00", "20:00"),
    6: ("08:00", "11:00", "13:00", "16:00", "19:00", "22:00"),
}


def times_for(readings_per_day: int) -> tuple[str, ...]:
    """The local times of a schedule that names only how often: evenly from 08:00 to 20:00 where no usual ones exist."""
    if readings_per_day in USUAL_TIMES:
        return USUAL_TIMES[readings_per_day]
    step_min = 12 * 60 // (readings_per_day - 1)
    return tuple(f"{8 + n * step_min // 60:02}:{n * step_min % 60:02}" for n in range(readings_per_day))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The local times at which a patient agreed to send readings; none means that none are expected."""

    times: tuple[time, ...]

    @classmethod
    def of(cls, times: list[str] | tuple[str, ...]) -> "Schedule":
        """From `HH:MM` texts. Raises ValueError for what is not a time of day."""
        return cls(tuple(sorted(map(_time_of_day, times))))

    def after(self, instant: datetime) -> datetime | None:
        """The first slot later than `instant`, in UTC."""
        local_day = instant.astimezone(LOCAL).date()
        days = (local_day + timedelta(days=n) for n in range(3))
        return next((slot for day in days for slot in self._of_day(day) if slot > instant), None)

    def before(self, instant: datetime) -> datetime | None:
        """The last slot at or before `instant`, in UTC."""
        local_day = instant.astimezone(LOCAL).date()
        days = (local_day - timedelta(days=n) for n in range(3))
        return next((slot for day in days for slot in reversed(self._of_day(day)) if slot <= instant), None)

    @lru_cache(maxsize=65_536)  # noqa: B019 - schedules are few and shared; the drain asks for each set
    def due_after(self, heard: datetime) -> datetime | None:
        """The slot that is due next after a set taken at `heard`.

        A set answers the coming slot from its grace before it, where that slot is the nearer one. An earlier set is
        an extra one: it answers for what had passed, and takes nobody's eyes off the patient.
        """
        last, coming = self.before(heard), self.after(heard)
        if last is None or coming is None:
            return coming
        ahead = coming - heard
        return self.after(coming) if ahead <= GRACE and ahead < heard - last else coming

    def _of_day(self, day: date) -> list[datetime]:
        """In order of the instants: in the night of the clock change a later time of day can come first."""
        return sorted(datetime.combine(day, slot, LOCAL).astimezone(UTC) for slot in self.times)


def _time_of_day(text: str) -> time:
    found = time.fromisoformat(text)
    if f"{found:%H:%M}" != text:
        raise ValueError(f"{text!r} is not a time of day as HH:MM")
    return found


def first_due(schedule: Schedule, known_at: datetime) -> datetime | None:
    """When the first set of a stay is due that somebody entered at `known_at`; None where none are expected.

    Who was admitted before somebody entered it could not send until then.
    """
    return known_at + FIRST_SET_AFTER if schedule.times else None


def overdue_at(due_at: datetime | None, heard_at: datetime, missed: int = 0) -> datetime | None:
    """When silence is told: at the end of the due slot's grace, or once nothing was heard for a day.

    A day that ends about the slot itself ends with the slot's grace, or whoever sends once a day would be silent when
    they are some minutes late. Who has missed a slot already has no such grace.
    """
    if due_at is None:
        return None
    silent_at, ends_at = heard_at + WELFARE_CHECK_AFTER, due_at + GRACE
    if not missed and silent_at >= due_at - GRACE:
        return ends_at
    return min(ends_at, silent_at)


def overdue_severity(missed: int, heard_at: datetime, now: datetime, *, worrying: bool) -> Severity:
    """How bad it is that `missed` slots in a row passed without a set.

    `worrying`: the last set was amber_plus or worse, or a red alert is open. Red is a welfare check.
    """
    if missed >= WELFARE_CHECK_MISSED or now - heard_at >= WELFARE_CHECK_AFTER:
        return Severity.RED
    return Severity.AMBER_PLUS if worrying else Severity.AMBER
