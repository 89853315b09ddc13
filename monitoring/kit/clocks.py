"""What is known of a device's clocks, as engineers see it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlmodel import col

from devices.clock import Surely, learnt
from monitoring.acts import Act
from monitoring.kit.tables import DeviceClock, DeviceSeen


class ClockView(msgspec.Struct, kw_only=True):
    """A clock: the device's own, or that of a sensor behind it."""

    sensor: str | None  # None: the device's own
    offset_s: int  # the device's time minus the true one
    surely: Surely  # measured beside the true time; steady: live readings agree; unsure
    samples: int  # how many live readings that rests on
    measured_at: datetime
    off_since: datetime | None  # when it was found to be off beyond the tolerance
    corrects: bool  # whether the times of what it sends are put right by it


def clocks(act: Act, seen: Sequence[DeviceSeen]) -> dict[int, list[ClockView]]:
    """By the device's internal key: its own clock, then its sensors'. Nothing of a device that was never heard."""
    keys = [one.device_id for one in seen]
    query = select(DeviceClock).where(col(DeviceClock.device_id).in_(keys)).order_by(col(DeviceClock.sensor))
    rows: dict[int, list[DeviceClock]] = {}
    for row in act.session.execute(query).scalars():
        rows.setdefault(row.device_id, []).append(row)
    return {one.device_id: _of_device(act, one, rows.get(one.device_id, [])) for one in seen}


def _of_device(act: Act, seen: DeviceSeen, rows: Sequence[DeviceClock]) -> list[ClockView]:
    own = next((row for row in rows if not row.sensor), None)
    if own is None and seen.clock_samples_s:
        own = DeviceClock(device_id=seen.device_id, sensor="", measured_at=seen.last_seen_at)
    if own is not None and seen.clock_samples_s:
        own = DeviceClock(**own.model_dump() | {"samples_s": seen.clock_samples_s})
    found = [own] if own is not None else []
    return [view for row in [*found, *(row for row in rows if row.sensor)] if (view := _view(act, row)) is not None]


def _view(act: Act, row: DeviceClock) -> ClockView | None:
    clock = learnt(row.samples_s, row.coincident_s, row.coincident_at, act.now)
    if clock is None:
        return None
    return ClockView(
        sensor=row.sensor or None,
        offset_s=clock.offset_s,
        surely=clock.surely,
        samples=len(row.samples_s),
        measured_at=row.measured_at,
        off_since=row.off_since,
        corrects=clock.is_known_wrong,
    )
