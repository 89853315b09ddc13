"""Many devices at once, from CSV: each line is judged alone, the good ones are registered, the others say why not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, any_, bindparam, func, select, text
from sqlalchemy import Text as SqlText
from sqlmodel import Session, col

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.fields import Word
from monitoring.kit.devices import INTERFACE, DeviceBody, Eui, make_all, normalised
from monitoring.kit.tables import Device
from monitoring.loaded.csv_rows import column_of, judged
from monitoring.refusals import Fault, Unacceptable, unacceptable

ROWS_MAX: Final = 1_000
BULK_LOCK: Final = 7_719
"""The advisory lock of whoever registers many: of two files with the same device, one has it."""

IDENTIFIERS_MAX: Final = 20


class DeviceRow(msgspec.Struct, kw_only=True):
    """A line: as the body of POST /v1/devices, its identifiers apart by spaces or semicolons."""

    kind: Word
    serial: Word
    identifiers: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    shared: bool = False


class RegisteredLine(msgspec.Struct, kw_only=True):
    """A device that was made. The token stands here once."""

    line: int
    id: UUID
    kind: str
    serial: str
    token: str


class RefusedLine(msgspec.Struct, kw_only=True):
    """A line that made nothing, and what is wrong with it."""

    line: int
    errors: list[Fault]


class BulkView(msgspec.Struct, kw_only=True):
    """What became of each line."""

    registered: list[RegisteredLine]
    refused: list[RefusedLine]


Judged = tuple[int, DeviceBody, list[str]]


def add_many(act: Act, body: bytes) -> BulkView:
    """Register the devices of a CSV file. Raises Unacceptable where it holds none that can be."""
    return register_all(act.session, act.now, body, by=act.who.id, may_make_interfaces=act.who.role is Role.ADMIN)


def register_all(
    session: Session, now: datetime, body: bytes, *, by: int | None, may_make_interfaces: bool
) -> BulkView:
    """The devices of a file's good lines, in one transaction. Raises Unacceptable where there is none."""
    good: list[Judged] = []
    refused: list[RefusedLine] = []
    for line, row in judged(body, DeviceRow, ROWS_MAX):
        found = row if isinstance(row, list) else _device(row, may_make_interfaces=may_make_interfaces)
        if isinstance(found, list):
            refused.append(RefusedLine(line=line, errors=found))
        else:
            good.append((line, *found))
    fresh, twice = _apart(session, good)
    refused = sorted(refused + twice, key=lambda one: one.line)
    if not fresh:
        raise _nothing(refused)
    made = make_all(session, now, [(device, given) for _, device, given in fresh], by)
    registered = [
        RegisteredLine(line=line, id=device.public_id, kind=device.kind, serial=device.serial, token=token)
        for (line, _, _), (device, token) in zip(fresh, made, strict=True)
    ]
    return BulkView(registered=registered, refused=refused)


def _device(row: DeviceRow, *, may_make_interfaces: bool) -> tuple[DeviceBody, list[str]] | list[Fault]:
    """What a row says, or what is wrong with it."""
    faults = []
    if row.kind == INTERFACE and not may_make_interfaces:
        faults.append(Fault("kind", "only an admin makes an interface"))
    given = row.identifiers.replace(";", " ").split()
    if len(given) > IDENTIFIERS_MAX:
        faults.append(Fault("identifiers", f"are more than {IDENTIFIERS_MAX}"))
    try:
        spelt = normalised([msgspec.convert(one, Eui) for one in given])
    except (msgspec.ValidationError, Unacceptable):
        faults.append(Fault("identifiers", "hold what is neither an EUI-48 nor an EUI-64"))
    if faults:
        return faults
    return DeviceBody(kind=row.kind, serial=row.serial, shared=row.shared), spelt


def _apart(session: Session, good: Sequence[Judged]) -> tuple[list[Judged], list[RefusedLine]]:
    """Those that are new, and those whose kind and serial somebody registered before, or an earlier line names."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": BULK_LOCK})
    serials = bindparam("serials", [device.serial.lower() for _, device, _ in good], ARRAY(SqlText))
    query = select(col(Device.kind), func.lower(col(Device.serial))).where(
        func.lower(col(Device.serial)) == any_(serials)
    )
    known: dict[tuple[str, str], str] = {
        (kind.lower(), serial): "is registered already" for kind, serial in session.execute(query)
    }
    fresh, twice = [], []
    for line, device, given in good:
        key = (device.kind.lower(), device.serial.lower())
        if key in known:
            twice.append(
                RefusedLine(line=line, errors=[Fault("serial", f"{device.kind} {device.serial} {known[key]}")])
            )
        else:
            known[key] = f"stands on line {line} too"
            fresh.append((line, device, given))
    return fresh, twice


def _nothing(refused: Sequence[RefusedLine]) -> Unacceptable:
    if not refused:
        return unacceptable("", "holds no device")
    return Unacceptable(
        *(
            Fault(column_of(one.line, fault.field) if fault.field else f"line {one.line}", fault.reason)
            for one in refused
            for fault in one.errors
        )
    )
