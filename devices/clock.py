"""Device clocks: how far one is off, how surely that is known, and when it puts a set's time right.

A device's clock is measured where a document shows the device's time and ours at once (coincident timestamps), and
otherwise by when what it sends was taken, against when it came. The second can't tell a slow clock from a device that
sends late, but nothing is taken after it came: a clock that is always as fast is wrong. Every figure is the design's
own, but the tolerance (docs/clinical/policy.md). Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Final, Literal

TOLERANCE: Final = timedelta(minutes=5)
"""A clock may be off by so much, and a set be taken so long after it came."""
SAMPLES_MAX: Final = 9
STEADY: Final = 5
"""So many of the last samples must agree."""
AGREES: Final = timedelta(seconds=60)
MEASURED_FOR: Final = timedelta(hours=24)
"""For so long what a document showed counts: a new battery may have set the clock anew."""
NEVER_SET_BEFORE: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""A device that says it is earlier has a clock that was never set: most begin at 2000 or 2010."""
LATE_MAX: Final = timedelta(days=3 * 366)
"""No device sends so late: its clock is slow."""

Surely = Literal["measured", "steady", "unsure"]
"""By a document that shows both times; by live readings that agree; by too few of them, or by none that agree."""

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of a clock. Offsets in seconds, the device's time minus the true one."""

    offset_s: int
    surely: Surely

    @property
    def is_off(self) -> bool:
        """Whether it is known to be off beyond the tolerance."""
        return self.surely != "unsure" and abs(self.offset_s) > TOLERANCE // _SECOND

    @property
    def is_known_wrong(self) -> bool:
        """Whether it is off, and no late sending can explain that."""
        sends_late = -(LATE_MAX // _SECOND) <= self.offset_s < 0
        return self.is_off and (self.surely == "measured" or not sends_late)


def learnt(
    samples_s: Sequence[int], coincident_s: int | None, coincident_at: datetime | None, now: datetime
) -> Clock | None:
    """A clock by what was measured of it. The median, for one set that comes late says nothing of a clock."""
    if coincident_s is not None and coincident_at is not None and now - coincident_at <= MEASURED_FOR:
        return Clock(coincident_s, "measured")
    if not samples_s:
        return None
    middle = median_low(samples_s)
    agreeing = sum(abs(one - middle) <= AGREES // _SECOND for one in samples_s)
    return Clock(middle, "steady" if agreeing >= STEADY else "unsure")


def correction(clock: Clock, newest_taken_at: datetime, received_at: datetime) -> timedelta | None:
    """What to take off the times of a request's sets; None where they stay.

    Only of a clock that is known to be wrong, and only where the newest set of the same request shows that it still is
    as wrong: whoever has set it right meanwhile is believed.
    """
    if not clock.is_known_wrong:
        return None
    offset = timedelta(seconds=clock.offset_s)
    return offset if abs(newest_taken_at - received_at - offset) <= AGREES else None


def keep(samples_s: Sequence[int], one: int) -> list[int]:
    """The last samples, with one more."""
    return [*samples_s, one][-SAMPLES_MAX:]


def said(clock: Clock) -> str:
    """How far it is off, for people."""
    minutes = round(abs(clock.offset_s) / 60)
    far = f"{minutes // 1440} days" if minutes >= 2880 else f"{minutes // 60} h {minutes % 60} min"
    far = far if minutes >= 60 else f"{minutes} min"
    if clock.offset_s >= 0:
        return f"{far} fast"
    return f"{far} slow" if clock.is_known_wrong else f"{far} slow, or it sends so long after it measured"
