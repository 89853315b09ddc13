"""What the commands do to an installation: who works there, what posts, and whether it is healthy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from redis.exceptions import RedisError
from sqlalchemy import Engine, select, text
from sqlmodel import Session, col

from devices.formats.native import explain
from monitoring.access.oidc.people import new_identity
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.access.tokens import mint, revoke
from monitoring.audit.checking import audit_part
from monitoring.config import Settings
from monitoring.database import connected, snapshot, transaction
from monitoring.fields import Line, WardCode
from monitoring.health import Part as HealthPart
from monitoring.health import database_parts, queue_part, unscored_part
from monitoring.intake.clients import connect
from monitoring.intake.durability import read_durability
from monitoring.intake.stream import AWAY, read_backlog
from monitoring.kit.bulk import BulkView, register_all
from monitoring.kit.devices import DeviceBody, make
from monitoring.parts import CannotAdd, answers
from monitoring.refusals import Conflict

T = TypeVar("T")


class StaffBody(msgspec.Struct):
    """What is typed of a member of staff, by option."""

    name: Line
    ward: list[WardCode]
    team: list[WardCode]


@dataclass(frozen=True, slots=True)
class Made:
    """Somebody or something that now has a token. The token is shown once."""

    id: str
    token: str


def add_staff(settings: Settings, staff: Staff, oidc_subject: str | None = None) -> Made:
    """A member of staff and their token; who they are to the issuer, where that is named. Raises CannotAdd."""
    if oidc_subject is not None and settings.oidc_issuer is None:
        raise CannotAdd("--oidc-subject: VIRTUAL_WARD_OIDC_ISSUER names no issuer to know them by")
    with connected(settings.database_url) as engine, transaction(engine) as session:
        session.add(staff)
        session.flush()
        if oidc_subject is not None and settings.oidc_issuer is not None:
            _name(session, staff, settings.oidc_issuer, oidc_subject)
        token = mint(session, staff.created_at, staff_id=staff.id)
        return Made(str(staff.public_id), token)


def _name(session: Session, staff: Staff, issuer: str, named: str) -> None:
    try:
        new_identity(session, staff.id, issuer, named, staff.created_at)
    except Conflict as error:
        raise CannotAdd(f"--oidc-subject: {error}") from None


def renew_staff(settings: Settings, staff_id: UUID, now: datetime) -> Made:
    """A new token of somebody; whatever they came in by before has ended. Raises CannotAdd."""
    with connected(settings.database_url) as engine, transaction(engine) as session:
        staff = _staff(session, staff_id)
        revoke(session, now, staff_id=staff.id)
        return Made(str(staff.public_id), mint(session, now, staff_id=staff.id))


def revoke_staff(settings: Settings, staff_id: UUID, now: datetime) -> int:
    """End every token and session of somebody. Returns how many. Raises CannotAdd."""
    with connected(settings.database_url) as engine, transaction(engine) as session:
        return revoke(session, now, staff_id=_staff(session, staff_id).id)


def _staff(session: Session, staff_id: UUID) -> Staff:
    query = select(Staff).where(col(Staff.public_id) == staff_id, col(Staff.device_id).is_(None))
    found: Staff | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise CannotAdd(f"there is no member of staff {staff_id}")
    return found


def new_staff(
    role: Role, name: str, wards: list[str], *, registered: bool, senior: bool, now: datetime, teams: Sequence[str] = ()
) -> Staff:
    """A member of staff of these wards and UCR teams, or of every one where none is named. Raises CannotAdd."""
    body = _checked({"name": name, "ward": wards, "team": list(teams)}, StaffBody)
    if body.team and role is not Role.UCR:
        raise CannotAdd("--team: only the role ucr belongs to a UCR team")
    if role is Role.INTERFACE:
        raise CannotAdd("--role: an interface is a device of that kind, and nobody's colleague")
    return Staff(
        name=body.name, role=role, wards=body.ward or None, teams=body.team or None, registered=registered,
        senior=senior, created_at=now,
    )  # fmt: skip


def add_device(settings: Settings, kind: str, serial: str, now: datetime) -> Made:
    """A device and its token. Raises CannotAdd."""
    body = _checked({"kind": kind, "serial": serial}, DeviceBody)
    with connected(settings.database_url) as engine, transaction(engine) as session:
        device, token = make(session, now, body)
        return Made(str(device.public_id), token)


def add_devices(settings: Settings, file: Path, now: datetime) -> BulkView:
    """The devices of a CSV file and their tokens, line by line. Raises CannotAdd, Unacceptable where it adds none."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise CannotAdd(f"--file: {file}: {error.strerror}") from None
    with connected(settings.database_url) as engine, transaction(engine) as session:
        return register_all(session, now, body, by=None, may_make_interfaces=True)


def _checked(options: dict[str, object], body: type[T]) -> T:
    """What a command's options make. Raises CannotAdd naming the option."""
    try:
        return msgspec.convert(options, body)
    except msgspec.ValidationError as error:
        place, reason = explain(error)
        raise CannotAdd(f"--{place.partition('[')[0]}: {reason}") from error


def examine(settings: Settings, now: datetime) -> dict[str, HealthPart]:
    """How each part of an installation is, asked of the database, the queue and the API themselves."""
    with connected(settings.database_url) as engine:
        parts = database_parts(engine, now)
        if parts["schema"].status == "ok":
            from monitoring.escalation.checking import escalation_part  # noqa: PLC0415 - heavy, for this command alone
            from monitoring.watching.checking import engineers_part  # noqa: PLC0415 - likewise

            parts["escalation"] = escalation_part(engine, settings, now)
            parts["engineers"] = engineers_part(engine, settings, now)
            parts["audit"] = audit_part(engine, now)
            parts["roles"] = _roles_part(engine)
    client = connect(settings.queue_url)
    try:
        durability = read_durability(client, stated=settings.queue_durability == "stated", replicas=settings.replicas)
        backlog = read_backlog(client, settings.streams)
        parts["queue"] = queue_part(durability)
        parts["unscored"] = unscored_part(backlog, now)
    except (RedisError, *AWAY) as error:
        parts["queue"] = HealthPart("failed", f"not available ({type(error).__name__})")
    finally:
        client.close()
    silent = HealthPart("degraded", f"nothing on port {settings.port} says that it takes readings")
    parts["api"] = (
        HealthPart("ok") if answers(settings.port, settings.host, certificate=settings.tls_certificate) else silent
    )
    return parts


def _roles_part(engine: Engine) -> HealthPart:
    with snapshot(engine) as session:
        if not session.execute(_OWNS).scalar_one():
            return HealthPart("ok")
    return HealthPart("degraded", "the parts run as a role that owns the schema: what is append-only is not enforced")


_OWNS: Final = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'event'::regclass")


def as_json(parts: dict[str, HealthPart]) -> dict[str, object]:
    """For machines."""
    named: dict[str, object] = msgspec.to_builtins(parts)
    return named
