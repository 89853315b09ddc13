"""Retention: how long, counted from what, and why. Pure.

Source of the years: NHS England, Records Management Code of Practice (2021, updated 2023), appendix II: adult health
records 8 years after the patient was last seen; children's until the 25th birthday, or the 26th where they were 17 when
treatment ended. Where a child's would end before the 8 years, the later day counts: the design's own.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from monitoring.access.tables import KEPT_FOR as ANSWERS_KEPT_FOR
from monitoring.delivery.outbox import KEPT_FOR as MESSAGES_KEPT_FOR
from monitoring.events import KEPT_FOR as EVENTS_KEPT_FOR
from monitoring.heartbeat import FORGOTTEN_AFTER

RECORD_YEARS: Final = 8
ADULT_YEARS: Final = 18
CHILD_UNTIL_YEARS: Final = 25
AT_17_UNTIL_YEARS: Final = 26
LINKS_KEPT_FOR: Final = timedelta(days=90)
"""Links that sign in, after they ended. The design's own."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One way of keeping. `years` or `age`: rows that are nobody's record go this long after their own instant."""

    name: str
    kept: str
    why: str
    years: int = 0
    age: timedelta | None = None
    by_timekeeper: bool = False  # which sweeps all day; the command only counts

    def before(self, now: datetime) -> datetime | None:
        """Rows from before then go by their age; None: none does."""
        if self.years:
            return _same_time(now, -self.years)
        return None if self.age is None else now - self.age


RECORD: Final = Policy(
    "record",
    f"{RECORD_YEARS} years from when the patient was last seen; a child's until the {CHILD_UNTIL_YEARS}th birthday or, "
    f"seen at 17, the {AT_17_UNTIL_YEARS}th; what is nobody's {RECORD_YEARS} years from when it came",
    "Records Management Code of Practice, appendix II: adult and children's health records",
    years=RECORD_YEARS,
)
SAFETY: Final = Policy(
    "safety",
    "without end; of a record whose time is over without names, words and readings",
    "DCB0129 and DCB0160: what was alerted and who did what when stays, for investigations and for how the rules did",
)
AUDIT: Final = Policy(
    "audit",
    "without end",
    "at least as long as the record; it is sealed, and names by ids alone. The owner may detach whole months",
)
HOUSE: Final = Policy("house", "without end", "says nothing of a patient, and explains what does")


def _swept(name: str, kept_for: timedelta, kept: str, why: str) -> Policy:
    return Policy(name, kept, why, age=kept_for, by_timekeeper=True)


EVENTS: Final = _swept("events", EVENTS_KEPT_FOR, "7 days", "a client that resumes asks for no older ones")
ANSWERS: Final = _swept("answers", ANSWERS_KEPT_FOR, "24 hours", "for a request that is sent again")
MESSAGES: Final = _swept("messages", MESSAGES_KEPT_FOR, "90 days", "what went out, for whoever asks why they were told")
HEARTBEATS: Final = _swept("heartbeats", FORGOTTEN_AFTER, "an hour", "who is alive says so again")
ATTEMPTS: Final = _swept("sign-ins", timedelta(0), "until it ends", "a sign-in that nobody finished")
LINKS: Final = Policy(
    "links", "90 days after it ended", "who signed in by it is known from the session", age=LINKS_KEPT_FOR
)


def over_on(last_seen: date, born: date) -> date:
    """The first day on which a record may go, by when its patient was last seen."""
    over = years_after(last_seen, RECORD_YEARS)
    age = _age(born, last_seen)
    if age >= ADULT_YEARS:
        return over
    return max(over, years_after(born, AT_17_UNTIL_YEARS if age == ADULT_YEARS - 1 else CHILD_UNTIL_YEARS))


def years_after(day: date, years: int) -> date:
    """The same day of another year; of 29 February the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _same_time(now: datetime, years: int) -> datetime:
    return datetime.combine(years_after(now.date(), years), now.timetz())
