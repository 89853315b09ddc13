"""The time along a chart: where an instant stands, which hours and days are written, what finds room."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from monitoring.clock import WARD_TIME

T = TypeVar("T")

ROOM_PX: Final = 28
"""What a number in a row needs."""
BIN_PX: Final = 2
STEPS_H: Final = (1, 2, 4, 6, 12, 24, 48, 96, 168)
TICKS_MAX: Final = 15


@dataclass(frozen=True, slots=True)
class Timeline:
    """From an instant to another, from one x to another."""

    since: datetime
    until: datetime
    left: int
    right: int

    @property
    def dots_max(self) -> int:
        """More dots than this cannot be told apart."""
        return (self.right - self.left) // 5

    def x(self, at: datetime) -> float:
        """Where an instant stands; what lies outside stands at the edge."""
        share = (at - self.since) / (self.until - self.since)
        return round(self.left + min(max(share, 0.0), 1.0) * (self.right - self.left), 1)

    def x_inside(self, at: datetime) -> float:
        """The same, for something that has a width."""
        return min(max(self.x(at), self.left + ROOM_PX / 2), self.right - ROOM_PX / 2)

    def binned(self, values: Sequence[tuple[datetime, int]]) -> Iterator[tuple[float, int, int]]:
        """(x, lowest, highest) of what falls on the same place, oldest first."""
        bins: dict[int, tuple[float, int, int]] = {}
        for at, value in values:
            x = self.x(at)
            place = int(x // BIN_PX) if len(values) > self.dots_max else len(bins)
            where, low, high = bins.get(place, (x, value, value))
            bins[place] = (where, min(low, value), max(high, value))
        yield from bins.values()

    def with_room(self, graded: Sequence[tuple[datetime, int, T]]) -> Iterator[T]:
        """Of (instant, grade, thing) as many things as have room beside each other: the gravest, then the newest."""
        taken: list[float] = []
        chosen: list[tuple[datetime, int, T]] = []
        for one in sorted(graded, key=lambda one: (one[1], one[0]), reverse=True):
            x = self.x_inside(one[0])
            if all(abs(x - other) >= ROOM_PX for other in taken):
                taken.append(x)
                chosen.append(one)
        return (thing for _, _, thing in sorted(chosen, key=lambda one: one[0]))


def ticks(since: datetime, until: datetime) -> Iterator[tuple[datetime, str, bool]]:
    """(instant, words, whether a day begins) of round times of the ward's clock; days of 23 and 25 hours too."""
    hours = (until - since) / timedelta(hours=1)
    step = next((step for step in STEPS_H if hours / step <= TICKS_MAX), STEPS_H[-1])
    day = since.astimezone(WARD_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    days = max(1, step // 24)
    while day.astimezone(UTC) <= until:
        for hour in range(0, 24, min(step, 24)):
            at = day.replace(hour=hour).astimezone(UTC)
            if since <= at <= until and at.astimezone(WARD_TIME).hour == hour:
                yield (
                    at,
                    f"{day:%-d %b}" if step >= 24 else f"{day:%a %-d %b}" if hour == 0 else f"{hour:02}:00",
                    hour == 0,
                )
        day = (day.replace(hour=12) + timedelta(days=days)).replace(hour=0)
