"""The beds of wards: who is in, what is held, what is free; now, or at any instant before.

Counted from the periods themselves, never kept beside them: there is no counter that could be wrong.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, bindparam, select, text
from sqlmodel import Session, col

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable
from monitoring.wards.tables import Ward


class Beds(msgspec.Struct, frozen=True, kw_only=True):
    """The beds of a ward at an instant. Who is on leave keeps the bed: `occupied` counts them too."""

    occupied: int
    reserved: int
    on_leave: int
    staffed: int
    funded: int

    @property
    def available(self) -> int:
        """Free beds; below zero where the ward is over its capacity."""
        return self.staffed - self.occupied - self.reserved

    @property
    def occupancy(self) -> float | None:
        """The share of staffed beds that is occupied, above 1 where over capacity; None where nothing is staffed."""
        return self.occupied / self.staffed if self.staffed else None


# What has no end yet and what ended later are counted apart: each is one reach into an index, however long the history.
_BEDS: Final = text(
    """
    SELECT ward.id,
           (SELECT count(*) FROM ward_stay WHERE ward_id = ward.id AND until_at IS NULL AND from_at <= :begun)
           + (SELECT count(*) FROM ward_stay WHERE ward_id = ward.id AND until_at > :at AND from_at <= :begun),
           (SELECT count(*) FROM bed_hold
            WHERE ward_id = ward.id AND ended_at IS NULL AND from_at <= :begun AND held_until > :at)
           + (SELECT count(*) FROM bed_hold
              WHERE ward_id = ward.id AND ended_at > :at AND from_at <= :begun AND held_until > :at),
           (SELECT count(*) FROM leave WHERE ward_id = ward.id AND until_at IS NULL AND from_at <= :begun)
           + (SELECT count(*) FROM leave WHERE ward_id = ward.id AND until_at > :at AND from_at <= :begun),
           coalesce(capacity.staffed, 0), coalesce(capacity.funded, 0)
    FROM unnest(:wards) AS ward (id)
    LEFT JOIN LATERAL (SELECT staffed, funded FROM ward_capacity WHERE ward_id = ward.id AND from_at <= :at
                       ORDER BY from_at DESC, id DESC LIMIT 1) capacity ON true
    """
).bindparams(bindparam("wards", type_=ARRAY(BigInteger)))


_WHENEVER: Final = datetime.max.replace(tzinfo=UTC)


def beds(session: Session, wards: Collection[int], at: datetime) -> dict[int, Beds]:
    """The beds of these wards at an instant: one query, whatever their number."""
    return _count(session, wards, at, begun=at)


def beds_now(session: Session, wards: Collection[int], now: datetime) -> dict[int, Beds]:
    """The beds of these wards as they now are, for whoever takes or offers one.

    `now` is when the caller's act began. Whatever was committed since, while they waited for the ward's row, or by a
    machine whose clock is ahead, began after it, and is counted all the same: a bed that is taken is taken.
    """
    return _count(session, wards, now, begun=_WHENEVER)


def _count(session: Session, wards: Collection[int], at: datetime, *, begun: datetime) -> dict[int, Beds]:
    rows = session.execute(_BEDS, {"wards": list(wards), "at": at, "begun": begun})
    return {
        ward: Beds(occupied=occupied, reserved=reserved, on_leave=on_leave, staffed=staffed, funded=funded)
        for ward, occupied, reserved, on_leave, staffed, funded in rows
    }


def lock_ward(act: Act, code: str) -> Ward:
    """A ward's row, locked: whoever takes or frees a bed does so alone. Raises Forbidden, Unacceptable, Conflict."""
    see_ward(act.who, code)
    query = select(Ward).where(col(Ward.code) == code).with_for_update(key_share=True)
    ward: Ward | None = act.session.execute(query).scalar_one_or_none()
    if ward is None:
        raise Unacceptable(Fault("ward", f"there is no ward {code}"))
    refuse_closed(ward)
    return ward


def ward_in_path(act: Act, code: str, *, lock: bool = False) -> Ward:
    """The row of a ward that a path names, closed or not. Raises Forbidden, NotFound."""
    see_ward(act.who, code)
    query = select(Ward).where(col(Ward.code) == code)
    found = act.session.execute(query.with_for_update(key_share=True) if lock else query)
    ward: Ward | None = found.scalar_one_or_none()
    if ward is None:
        raise NotFound(f"There is no ward {code}.")
    return ward


def refuse_closed(ward: Ward) -> None:
    """Raise Conflict where nobody comes to this ward any more."""
    if ward.closed_at is not None:
        raise Conflict("The ward is closed.", current={"ward": ward.code, "closed_at": ward.closed_at})


def refuse_full(act: Act, ward: Ward) -> None:
    """Raise Conflict where no bed is free now. The ward's row is locked."""
    now = beds_now(act.session, [ward.id], act.now)[ward.id]
    if now.available <= 0:
        counts = {"occupied": now.occupied, "reserved": now.reserved, "staffed": now.staffed}
        raise Conflict("No bed is free.", current={"ward": ward.code, **counts})
