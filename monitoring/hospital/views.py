"""Messages of hospitals as engineers see them: what came, and what became of it. Only one by itself shows its text."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, select, true
from sqlmodel import col

from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.hospital.tables import HospitalMessage
from monitoring.kit.tables import Device
from monitoring.paging import Page, before, page
from monitoring.patients.register import seen_by
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound


class MessageOutcome(StrEnum):
    """How a message was answered."""

    ACCEPTED = "AA"
    ERROR = "AE"
    REJECTED = "AR"


class MessageView(msgspec.Struct, kw_only=True):
    """A message, without a word of what it says of anybody."""

    id: UUID
    device: UUID
    control_id: str
    kind: str
    event_at: datetime | None
    received_at: datetime
    tries: int
    outcome: MessageOutcome
    used: bool  # it changed something
    place: str | None
    reason: str
    undone_at: datetime | None


class MessageDetail(MessageView, kw_only=True):
    """A message with its text as it came, a line per segment. It names a patient."""

    raw: str
    answer: str


def messages(act: Act, outcome: MessageOutcome | None, limit: int, cursor: str | None) -> Page[MessageView]:
    """Messages, newest first."""
    query = _shown(act).where(col(HospitalMessage.id) < before(cursor)).order_by(col(HospitalMessage.id).desc())
    if outcome is not None:
        query = query.where(col(HospitalMessage.outcome) == outcome)
    return page(act.session, query, limit, key=lambda row: row.key, show=_view)


def message(act: Act, message_id: UUID) -> MessageDetail:
    """One message with its text. Raises NotFound."""
    query = _shown(act).add_columns(col(HospitalMessage.raw), col(HospitalMessage.answer))
    row = act.session.execute(
        query.where(col(HospitalMessage.public_id) == message_id, _may_be_read(act))
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no message {message_id}.")
    return MessageDetail(**msgspec.structs.asdict(_view(row)), raw=_lines(row.raw), answer=_lines(row.answer))


def _may_be_read(act: Act) -> ColumnElement[bool]:
    """The text of one that changed nobody may name anybody: it is for staff of every ward."""
    return true() if act.who.wards is None else col(HospitalMessage.patient_id).is_not(None)


def _shown(act: Act) -> AnySelect:
    """Those of patients whom the caller may see, and of nobody. Without the text: a page would be megabytes."""
    one = HospitalMessage
    theirs = select(seen_by(act)).select_from(Patient).where(col(Patient.id) == col(one.patient_id)).correlate(one)
    return (
        select(
            col(one.id).label("key"),
            col(one.public_id).label("id"),
            col(Device.public_id).label("device"),
            col(one.control_id),
            col(one.kind),
            col(one.event_at),
            col(one.received_at),
            col(one.tries),
            col(one.outcome),
            (col(one.did) != {}).label("used"),
            col(one.place),
            col(one.reason),
            col(one.undone_at),
        )
        .join(Device, col(Device.id) == col(one.device_id))
        .where(func.coalesce(theirs.scalar_subquery(), true()))
    )


def _view(row: AnyRow) -> MessageView:
    fields = {name: getattr(row, name) for name in MessageView.__struct_fields__}
    return MessageView(**fields | {"outcome": MessageOutcome(row.outcome)})


def _lines(text: bytes) -> str:
    try:
        return text.decode().replace("\r", "\n")
    except UnicodeDecodeError:
        return text.decode("latin-1").replace("\r", "\n")
