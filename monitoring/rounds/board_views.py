"""A patient on the board, as the outside sees them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from alert_rules.kit import is_low, silent_after
from monitoring.alerts.views import AlertView
from monitoring.patients.views import ScoreView
from monitoring.rounds.people import PersonView
from monitoring.rounds.trend import Trend
from monitoring.wards.length import LengthView
from monitoring.wards.tables import LeaveKind, Step

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DeviceState(StrEnum):
    """How a patient's kit is; the best first. Silent: not heard for as long as its kind may be."""

    OK = "ok"
    LOW_BATTERY = "low_battery"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"
    NONE = "none"


class KitView(msgspec.Struct, kw_only=True):
    """A device that the patient has now."""

    id: UUID
    kind: str
    state: DeviceState
    last_seen_at: datetime | None
    battery: int | None


class WellnessView(msgspec.Struct, kw_only=True):
    """The newest answer to the daily question, and when it was given."""

    answer: str
    at: datetime

    @classmethod
    def of(cls, known: Mapping[str, Any] | None) -> "WellnessView | None":
        """From what is known of the stay, in microseconds since 1970."""
        if known is None:
            return None
        return cls(answer=known["value"], at=_EPOCH + timedelta(microseconds=known["at_us"]))


class BeforeView(msgspec.Struct, kw_only=True):
    """The score before the newest."""

    at: datetime
    score: int
    score_max: int


class BoardView(PersonView, kw_only=True):
    """A patient on the board. `news2`, `alert` are as in `/scores`, in `/alerts` and on `/v1/live`."""

    step: Step
    condition: str | None
    frailty: int | None  # Clinical Frailty Scale
    monitoring: Literal["full", "comfort"]
    on_leave: LeaveKind | None
    on_leave_since: datetime | None
    admitted_at: datetime
    day_of_stay: int  # 1 from the admission on, in whole periods of 24 h
    length_of_stay: LengthView
    expected_discharge: date | None
    discharge_ready_at: datetime | None
    news2: ScoreView | None  # of the newest set that was scored; None for comfort
    trend: Trend
    changed: dict[str, int]  # points more, or fewer, than in the score before, by parameter
    before: BeforeView | None
    alert: AlertView | None  # the worst that is open
    open_alerts: int
    due_at: datetime | None  # next readings
    missed: int  # slots in a row
    overdue: bool
    heard_at: datetime | None
    wellness: WellnessView | None
    device_state: DeviceState  # of the device that is worst
    devices: list[KitView]
    reviewed_at: datetime | None
    senior_reviewed_at: datetime | None
    spoken_to_at: datetime | None


def kit(devices: Sequence[Mapping[str, Any]] | None, now: datetime) -> tuple[list[KitView], DeviceState]:
    """The patient's devices, and the state of the worst."""
    views = []
    for one in devices or ():
        seen_at = one["last_seen_at"] and datetime.fromisoformat(one["last_seen_at"])
        state = device_state(one["kind"], seen_at, one["battery"], now)
        view = KitView(id=UUID(one["id"]), kind=one["kind"], state=state, last_seen_at=seen_at, battery=one["battery"])
        views.append(view)
    worst = max((view.state for view in views), key=list(DeviceState).index, default=DeviceState.NONE)
    return views, worst


def device_state(kind: str, last_seen_at: datetime | None, battery_percent: int | None, now: datetime) -> DeviceState:
    """How a device is."""
    if last_seen_at is None:
        return DeviceState.NEVER_HEARD
    if now - last_seen_at >= silent_after(kind):
        return DeviceState.SILENT
    return DeviceState.LOW_BATTERY if is_low(battery_percent) else DeviceState.OK
