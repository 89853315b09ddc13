"""Devices: registered with a token that is shown once, found, and shut out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlmodel import Session, col

from alert_rules.kit import is_low
from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tokens import mint, revoke
from monitoring.acts import Act
from monitoring.database import AnySelect
from monitoring.fields import Word
from monitoring.kit import life
from monitoring.kit.assigning import (
    AssignmentBody,
    AssignmentView,
    assignments,
    held_by_theirs,
    reassign,
    unassign,
)
from monitoring.kit.clocks import ClockView, clocks
from monitoring.kit.finding import held_by, is_silent, silent_now
from monitoring.kit.states import State
from monitoring.kit.tables import Device, DeviceSeen
from monitoring.paging import Page, before, page
from monitoring.refusals import Conflict, Fault, Forbidden, NotFound, Unacceptable

INTERFACE = "interface"
"""A hospital system rather than a home device: what it sends admits and discharges."""

Eui = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Fa-f]{2}[-:]?){5,7}[0-9A-Fa-f]{2}$(?!\n)")]


EUI_DIGITS = frozenset({12, 16})


class DeviceBody(msgspec.Struct, forbid_unknown_fields=True):
    """A device as sent."""

    kind: Word
    serial: Word
    identifiers: Annotated[list[Eui], msgspec.Meta(max_length=20)] = []
    shared: bool = False


class DeviceFilter(msgspec.Struct, frozen=True):
    """Which devices to list."""

    state: State | None = None
    kind: str | None = None
    serial: str | None = None
    ward: str | None = None
    patient: UUID | None = None
    silent: bool | None = None
    days: int | None = None  # in its state for so many at least


class DeviceView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A device. `token` stands here once, when it is made."""

    id: UUID
    kind: str
    serial: str
    identifiers: list[str]
    shared: bool
    created_at: datetime
    state: State
    state_at: datetime  # since when
    last_seen_at: datetime | None
    silent: bool  # issued, and not heard for longer than its kind may be
    battery: int | None  # %
    battery_low: bool
    clock_offset_s: int | None  # its own clock's, as it was learnt; None where nothing is known of it
    clocks: list[ClockView]
    patient: UUID | None  # whose it is now; None where it is nobody's, not the caller's to know, or several people's
    from_: datetime | None = msgspec.field(name="from")  # since when
    assignments: list[AssignmentView]
    token: str | None = None


def add(act: Act, body: DeviceBody) -> DeviceView:
    """Register a device; its token is never seen again. Raises Forbidden for what only an admin makes."""
    if body.kind == INTERFACE and act.who.role is not Role.ADMIN:
        raise Forbidden("Only an admin makes a device of kind interface.")
    device, token = make(act.session, act.now, body, act.who.id)
    return _view(act, device, None, [], [], token)


def make(session: Session, now: datetime, body: DeviceBody, by: int | None = None) -> tuple[Device, str]:
    """A device's row, in stock, and its first token. Raises Unacceptable."""
    (made,) = make_all(session, now, [(body, normalised(body.identifiers))], by)
    return made


def make_all(
    session: Session, now: datetime, bodies: Sequence[tuple[DeviceBody, list[str]]], by: int | None
) -> list[tuple[Device, str]]:
    """The rows of devices, each with its identifiers in our spelling, and their first tokens."""
    made = [
        Device(
            kind=body.kind, serial=body.serial, identifiers=given, shared=body.shared, created_at=now, state_at=now
        )
        for body, given in bodies
    ]  # fmt: skip
    session.add_all(made)
    session.flush()
    for device in made:
        life.register(session, device, by, now)
    return [(device, mint(session, now, device_id=device.id)) for device in made]


def normalised(identifiers: Sequence[str]) -> list[str]:
    """Identifiers in one spelling, each once. Raises Unacceptable for what is none."""
    given = [one.replace("-", "").replace(":", "").upper() for one in identifiers]
    for place, one in enumerate(given):
        if len(one) not in EUI_DIGITS:
            raise Unacceptable(Fault(f"identifiers[{place}]", "is neither an EUI-48 nor an EUI-64"))
    return list(dict.fromkeys(given))


def devices(act: Act, wanted: DeviceFilter, limit: int, cursor: str | None) -> Page[DeviceView]:
    """Devices that the caller may see, newest first. Raises Forbidden for a ward that is not theirs."""
    query = _with_seen(act).where(col(Device.id) < before(cursor)).order_by(col(Device.id).desc())
    if wanted.state is not None:
        query = query.where(col(Device.state) == wanted.state)
    if wanted.kind is not None:
        query = query.where(col(Device.kind) == wanted.kind)
    if wanted.serial is not None:
        query = query.where(func.lower(col(Device.serial)) == wanted.serial.lower())
    if wanted.ward is not None:
        see_ward(act.who, wanted.ward)
    if wanted.ward is not None or wanted.patient is not None:
        query = query.where(col(Device.id).in_(held_by(act, wanted.ward, wanted.patient)))
    if wanted.silent is not None:
        silent = silent_now(act.now)
        query = query.where(silent if wanted.silent else ~silent)
    if wanted.days is not None:
        query = query.where(col(Device.state_at) <= act.now - timedelta(days=wanted.days))
    found = page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: row)
    whose = assignments(act, [device.id for device, _ in found.items])
    known = clocks(act, [seen for _, seen in found.items if seen is not None])
    shown = [_view(act, one, seen, whose.get(one.id, []), known.get(one.id, [])) for one, seen in found.items]
    return Page(shown, found.next)


def device(act: Act, device_id: UUID) -> DeviceView:
    """One device. Raises NotFound."""
    row = act.session.execute(_with_seen(act).where(col(Device.public_id) == device_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no device {device_id}.")
    return _one(act, row[0], row[1])


def moves(act: Act, device_id: UUID, limit: int, cursor: str | None) -> Page[life.MoveView]:
    """What was done with a device, newest first. Raises NotFound."""
    query = select(Device).where(col(Device.public_id) == device_id, held_by_theirs(act))
    found: Device | None = act.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no device {device_id}.")
    return life.moves(act, found, limit, cursor)


def renew_token(act: Act, device_id: UUID) -> DeviceView:
    """A new token; the old ones end. Raises NotFound; Conflict where the device was retired."""
    found = find(act, device_id)
    if found.state == State.RETIRED:
        raise Conflict("The device was retired.", current=life.current(found))
    revoke(act.session, act.now, device_id=found.id)
    token = mint(act.session, act.now, device_id=found.id)
    act.session.flush()
    return as_it_is(act, found, token)


def revoke_token(act: Act, device_id: UUID) -> DeviceView:
    """No token is valid any more. Raises NotFound."""
    found = find(act, device_id)
    revoke(act.session, act.now, device_id=found.id)
    act.session.flush()
    return as_it_is(act, found)


def put_assignment(act: Act, device_id: UUID, body: AssignmentBody) -> DeviceView:
    """Give the device to a patient. Raises NotFound, Unacceptable, Conflict."""
    found = find(act, device_id)
    reassign(act, found, body)
    return as_it_is(act, found)


def delete_assignment(act: Act, device_id: UUID) -> DeviceView:
    """The device is nobody's from now on. Raises NotFound."""
    found = find(act, device_id)
    unassign(act, found)
    return as_it_is(act, found)


def find(act: Act, device_id: UUID) -> Device:
    """A device's row, locked. Raises NotFound where there is none, or none for this caller."""
    lock = select(col(Device.id)).where(col(Device.public_id) == device_id).with_for_update(key_share=True)
    act.session.execute(lock)  # first: who has it is read as it is once nobody else changes it
    query = select(Device).where(col(Device.public_id) == device_id, held_by_theirs(act))
    found: Device | None = act.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no device {device_id}.")
    return found


def _with_seen(act: Act) -> AnySelect:
    seen = select(Device, DeviceSeen).outerjoin(DeviceSeen, col(DeviceSeen.device_id) == col(Device.id))
    return seen.where(held_by_theirs(act))


def as_it_is(act: Act, found: Device, token: str | None = None) -> DeviceView:
    """A device after a change by the caller, whose it may no longer be to see."""
    return _one(act, found, act.session.get(DeviceSeen, found.id), token)


def _one(act: Act, found: Device, seen: DeviceSeen | None, token: str | None = None) -> DeviceView:
    known = {} if seen is None else clocks(act, [seen])
    return _view(act, found, seen, assignments(act, [found.id]).get(found.id, []), known.get(found.id, []), token)


def _view(
    act: Act,
    device: Device,
    seen: DeviceSeen | None,
    whose: list[AssignmentView],
    known: list[ClockView],
    token: str | None = None,
) -> DeviceView:
    now = [one for one in whose if one.holds(act.now)]
    return DeviceView(
        id=device.public_id,
        kind=device.kind,
        serial=device.serial,
        identifiers=device.identifiers,
        shared=device.shared,
        created_at=device.created_at,
        state=State(device.state),
        state_at=device.state_at,
        last_seen_at=None if seen is None else seen.last_seen_at,
        silent=is_silent(device, None if seen is None else seen.last_seen_at, act.now),
        battery=None if seen is None else seen.battery_percent,
        clock_offset_s=next((one.offset_s for one in known if one.sensor is None), None),
        clocks=known,
        battery_low=is_low(None if seen is None else seen.battery_percent),
        patient=now[0].patient if len(now) == 1 else None,
        from_=now[0].from_ if len(now) == 1 else None,
        assignments=whose,
        token=token,
    )
