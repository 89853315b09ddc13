"""What is wrong with the kit at home: a device that fell silent, a battery that runs low. Gentler than any vital sign.

Never told beside overdue readings: that call asks for the kit too. Source: docs/clinical/policy.md, *Kit at home*;
every figure is the design's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from alert_rules.silence import GRACE, WELFARE_CHECK_AFTER

BATTERY_LOW_PERCENT: Final = 20
"""From there down a device asks to be charged."""
BATTERY_CHARGED_PERCENT: Final = 30
"""From there up it was charged: a battery that trembles about the line is told once."""
SILENT_AFTER: Final = WELFARE_CHECK_AFTER + 2 * GRACE
"""The longest from one set to the next of who sends once a day and is in time: from the grace before one slot to the
grace after the next. So whoever is merely late is overdue first, and no device is silent because they are."""
SELDOM_USED: Final[Mapping[str, timedelta]] = {
    "scale": timedelta(hours=72),
    "thermometer": timedelta(hours=72),
    "glucose_meter": timedelta(hours=72),
    "spirometer": timedelta(hours=72),
}
"""By kind: what is not used every day."""
TOLD_AGAIN_AFTER: Final = timedelta(hours=24)
"""A device that stays silent after a person resolved the alert is told again then. A battery is not: once it is flat,
the silence is told."""


class Trouble(StrEnum):
    """What is wrong with a device."""

    SILENT = "silent"
    BATTERY = "battery"


@dataclass(frozen=True, slots=True)
class Worn:
    """A device that a patient has, as it was heard last."""

    device: int
    kind: str
    since: datetime  # when it came to them
    last_seen_at: datetime | None
    battery_percent: int | None

    @property
    def was_heard(self) -> bool:
        """Whether it was ever heard since it is theirs."""
        return self.last_seen_at is not None and self.last_seen_at >= self.since


def silent_after(kind: str) -> timedelta:
    """How long a device of a kind may be silent."""
    return SELDOM_USED.get(kind, SILENT_AFTER)


def is_low(battery_percent: int | None, *, told: bool = False) -> bool:
    """Whether a battery asks to be charged, or was told and has not been."""
    if battery_percent is None:
        return False
    return battery_percent <= BATTERY_LOW_PERCENT or (told and battery_percent < BATTERY_CHARGED_PERCENT)


def troubles(
    kit: Sequence[Worn], watched_since: datetime, now: datetime, told: Collection[tuple[int, Trouble]], *, overdue: bool
) -> frozenset[tuple[int, Trouble]]:
    """What is wrong with the kit of a patient at home who is to send readings.

    `watched_since`: admission, or the last return. `told`: what lasts and was told. A device that was never heard
    itself while another is (a sensor behind its hub) speaks through that one. Of a silent device the battery is no
    second trouble. While readings are `overdue`, no silence is told anew: one call asks for both.
    """
    found: set[tuple[int, Trouble]] = set()
    some_heard = any(one.was_heard for one in kit)
    for one in kit:
        silence, battery = (one.device, Trouble.SILENT), (one.device, Trouble.BATTERY)
        if not one.was_heard and some_heard:
            continue
        silent = now - _heard_at(one, watched_since) >= silent_after(one.kind)
        low = one.was_heard and is_low(one.battery_percent, told=battery in told)
        if silent and (silence in told or not overdue):
            found.add(silence)
        elif low and (battery in told or not silent):
            found.add(battery)
    return frozenset(found)


def _heard_at(one: Worn, watched_since: datetime) -> datetime:
    since = max(one.since, watched_since)
    return since if one.last_seen_at is None else max(one.last_seen_at, since)
