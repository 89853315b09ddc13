"""Moving a device through its life, and what was done with it: each move is written once, with who, when and a note."""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.kit.states import FREE, Move, NotNow, State, giving, moved
from monitoring.kit.tables import Device, KitMove
from monitoring.paging import Page, before, page
from monitoring.refusals import Conflict

_By: Final = aliased(Staff)


class MoveView(msgspec.Struct, kw_only=True):
    """Something that was done with a device."""

    at: datetime
    move: Move
    from_state: State | None
    to_state: State
    by_name: str | None  # none: the command line
    note: str | None
    recorded_at: datetime


def register(session: Session, device: Device, by: int | None, now: datetime) -> None:
    """The first entry of a new device's history."""
    _write(session, device, Move.REGISTER, None, now, by=by, note=None, now=now)


def give(act: Act, device: Device, from_at: datetime) -> None:
    """The device, locked, becomes somebody's. Raises Conflict where it is not to be given, or was not clean by then."""
    move = giving(State(device.state), shared=device.shared)
    clean_at = _newest(act, device, col(KitMove.move) == Move.CLEAN) if State(device.state) in FREE else None
    if clean_at is not None and from_at < clean_at:
        raise Conflict(
            f"The device was not clean before {clean_at.isoformat()}.",
            current={**current(device), "cleaned_at": clean_at},
        )
    go(act, device, move, min(from_at, act.now))


def go(act: Act, device: Device, move: Move, at: datetime, note: str | None = None) -> None:
    """Move a device whose row is locked. Raises Conflict with where it is."""
    try:
        target = moved(State(device.state), move)
    except NotNow as error:
        raise Conflict(str(error), current=current(device)) from None
    was, device.state = State(device.state), target
    if target is not was:
        device.state_at = at
    act.session.add(device)
    _write(act.session, device, move, was, at, by=act.who.id, note=note, now=act.now)


def current(device: Device) -> dict[str, object]:
    """Where a device is, for who was refused."""
    return {"device": device.public_id, "state": device.state, "state_at": device.state_at}


def last_at(act: Act, device: Device) -> datetime | None:
    """When the device was moved last, but for its registration: what is told late comes after that."""
    return _newest(act, device, col(KitMove.move) != Move.REGISTER)


def moves(act: Act, device: Device, limit: int, cursor: str | None) -> Page[MoveView]:
    """What was done with a device, newest first."""
    query = (
        select(KitMove, col(_By.name))
        .outerjoin(_By, col(_By.id) == col(KitMove.by))
        .where(col(KitMove.device_id) == device.id, col(KitMove.id) < before(cursor))
        .order_by(col(KitMove.id).desc())
    )
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def _newest(act: Act, device: Device, which: ColumnElement[bool]) -> datetime | None:
    query = select(func.max(col(KitMove.at))).where(col(KitMove.device_id) == device.id, which)
    found: datetime | None = act.session.execute(query).scalar_one()
    return found


def _write(  # noqa: PLR0913 - a column each
    session: Session, device: Device, move: Move, was: State | None, at: datetime, *, by: int | None, note: str | None,
    now: datetime,
) -> None:  # fmt: skip
    session.add(
        KitMove(
            device_id=device.id, move=move, from_state=was, to_state=State(device.state), at=at, by=by, note=note,
            recorded_at=now,
        )
    )  # fmt: skip


def _view(found: KitMove, by_name: str | None) -> MoveView:
    return MoveView(
        at=found.at,
        move=Move(found.move),
        from_state=None if found.from_state is None else State(found.from_state),
        to_state=State(found.to_state),
        by_name=by_name,
        note=found.note,
        recorded_at=found.recorded_at,
    )
