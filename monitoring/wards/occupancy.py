"""The occupancy of one ward at an instant, and how many patients there are to each member of staff."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from monitoring.acts import Act
from monitoring.fields import in_utc
from monitoring.wards.beds import beds, ward_in_path
from monitoring.wards.occupancy_events import figures

PATIENTS_PER_STAFF_MAX: Final = 15
"""More patients than that to one member of staff are warned of. The design's own."""


class ShiftView(msgspec.Struct, kw_only=True):
    """A shift and its load."""

    shift: str
    staff: int
    patients_per_staff: float | None  # None: nobody is on that shift
    warning: bool  # more than 15 patients to one, or patients and nobody


class OccupancyView(msgspec.Struct, kw_only=True):
    """The beds of a ward at an instant. `occupied` counts who is on leave, for they keep the bed."""

    ward: str
    at: datetime
    occupied: int
    reserved: int  # held for accepted referrals
    on_leave: int
    staffed: int
    funded: int
    available: int  # staffed - occupied - reserved: below zero where over capacity
    occupancy: float | None  # occupied / staffed; None where nothing is staffed
    over_capacity: int  # patients beyond the staffed beds
    staffing: list[ShiftView] | None  # only of the present: who was on shift is not kept


def occupancy(act: Act, code: str, at: datetime | None) -> OccupancyView:
    """A ward's beds now, or at any instant, as they are known now. Raises Forbidden, NotFound, Unacceptable.

    An instant to come shows the beds planned for then, who is in now, and the holds that will not have ended.
    """
    ward = ward_in_path(act, code)
    when = act.now if at is None else in_utc("at", at)
    counted = beds(act.session, [ward.id], when)[ward.id]
    return msgspec.convert(
        figures(counted)
        | {
            "ward": ward.code,
            "at": when,
            "over_capacity": max(0, counted.occupied - counted.staffed),
            "staffing": staffing(counted.occupied, ward.staff_on_shift or {}) if at is None else None,
        },
        OccupancyView,
    )


def staffing(patients: int, staff_on_shift: Mapping[str, int]) -> list[ShiftView]:
    """How many patients each member of staff has on each shift."""
    return [
        ShiftView(
            shift=shift,
            staff=staff,
            patients_per_staff=round(patients / staff, 1) if staff else None,
            warning=patients > staff * PATIENTS_PER_STAFF_MAX,
        )
        for shift, staff in staff_on_shift.items()
    ]
