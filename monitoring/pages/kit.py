"""What an engineer looks at: each part of the system, the kit and its silence, and what was kept aside."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import Response, get
from sqlalchemy import func, select
from sqlmodel import col

from alert_rules.kit import is_low
from monitoring.access.permissions import MAY
from monitoring.acts import Act, Incoming, look
from monitoring.aside import views
from monitoring.aside.views import AsideFilter, SetAsideView
from monitoring.health import Part
from monitoring.kit.assigning import held_by_theirs
from monitoring.kit.clocks import ClockView, clocks
from monitoring.kit.tables import Assignment, Device, DeviceSeen
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.unwell import every_part
from monitoring.rounds.board_views import DeviceState, device_state
from monitoring.wards.tables import Episode, Ward

OPEN: Final[dict[str, Any]] = {"opt": {"allows": "read devices"}, "include_in_schema": False}
DEVICES_MAX: Final = 200
ASIDE_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A device that somebody has."""

    device: Device
    ward: str | None
    seen: DeviceSeen | None
    state: DeviceState
    clocks: list[ClockView]

    @property
    def has_low_battery(self) -> bool:
        """Whether it asks to be charged, silent or not."""
        return self.seen is not None and is_low(self.seen.battery_percent)


@dataclass(frozen=True, slots=True)
class Picture:
    """The kit as it was at an instant."""

    at: datetime
    parts: dict[str, Part]
    rows: list[Row]  # the longest silent first
    aside: list[SetAsideView]
    more_aside: bool

    @property
    def unwell(self) -> dict[str, Part]:
        """The parts that do not work."""
        return {name: part for name, part in self.parts.items() if part.status != "ok"}

    @property
    def troubles(self) -> dict[str, int]:
        """How many devices need somebody, by what is wrong."""
        states = Counter(row.state for row in self.rows)
        return {
            "Never heard": states[DeviceState.NEVER_HEARD],
            "Silent": states[DeviceState.SILENT],
            "Low battery": sum(row.has_low_battery for row in self.rows),
            "Clock off": sum(any(one.off_since for one in row.clocks) for row in self.rows),
        }

    @property
    def waiting(self) -> int:
        """What was kept aside and nobody has decided on."""
        return len(self.aside)


@get("/kit", **OPEN)
async def get_kit(request: Incoming) -> Response[str]:
    """The whole page."""
    picture = await _picture(request)
    await goes_on(request)
    return page("kit.html", me=request.user, picture=picture)


@get("/kit/part", **OPEN)
async def get_kit_part(request: Incoming) -> Response[str]:
    """The live part."""
    return page("_kit.html", me=request.user, picture=await _picture(request))


async def _picture(request: Incoming) -> Picture:
    parts = await every_part(request)
    return await look(request, lambda act: _read(act, parts))


def _read(act: Act, parts: dict[str, Part]) -> Picture:
    aside = aside_of(act, AsideFilter(state="open"), ASIDE_MAX + 1)
    return Picture(act.now, parts, _devices(act), aside[:ASIDE_MAX], len(aside) > ASIDE_MAX)


def aside_of(act: Act, wanted: AsideFilter, limit: int) -> list[SetAsideView]:
    """What was kept aside, newest first; nothing for who may not read it."""
    if act.who.role not in MAY["read kept-aside sets"]:
        return []
    return views.listed(act, wanted, limit, None).items


def _devices(act: Act) -> list[Row]:
    """Those that somebody has now, the longest silent first; one that was never heard before all."""
    has_it = (
        select(func.min(col(Ward.code)))
        .select_from(Assignment)
        .join(Episode, (col(Episode.patient_id) == col(Assignment.patient_id)) & col(Episode.discharged_at).is_(None))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
    )
    theirs = (col(Assignment.device_id) == col(Device.id)) & col(Assignment.during).contains(act.now)
    query = (
        select(Device, DeviceSeen, has_it.where(theirs).scalar_subquery())
        .outerjoin(DeviceSeen, col(DeviceSeen.device_id) == col(Device.id))
        .where(select(col(Assignment.id)).where(theirs).exists(), held_by_theirs(act))
        .order_by(col(DeviceSeen.last_seen_at).nulls_first(), col(Device.id))
        .limit(DEVICES_MAX)
    )
    found = list(act.session.execute(query))
    known = clocks(act, [seen for _, seen, _ in found if seen is not None])
    return [_row(device, ward, seen, known.get(device.id, []), act.now) for device, seen, ward in found]


def _row(device: Device, ward: str | None, seen: DeviceSeen | None, clocks: list[ClockView], now: datetime) -> Row:
    heard_at, battery = (None, None) if seen is None else (seen.last_seen_at, seen.battery_percent)
    return Row(device, ward, seen, device_state(device.kind, heard_at, battery, now), clocks)


ROUTES: list[Any] = [get_kit, get_kit_part]
