"""What was kept aside as people see it: why, what came, what we understand of it, whose it may be, what was decided."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules.severity import Severity
from devices.posted import as_posted
from monitoring.access.gate import see_ward
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.aside.documents import kept_in, original, reads
from monitoring.aside.whose import may_be, of_patient, of_ward, visible
from monitoring.database import AnyRow, AnySelect
from monitoring.intake.tables import Aside, SetAside, SetAsideHistory
from monitoring.kit.tables import Device
from monitoring.paging import Page, before, page
from monitoring.patients.register import find
from monitoring.refusals import NotFound

SHOWN_MAX: Final = 10_000
"""Bytes of a document that a list shows; one by itself shows all of it."""
HISTORY_MAX: Final = 100

StateName = Literal["open", "decided", "released", "discarded"]


class DecisionView(msgspec.Struct, kw_only=True):
    """Something that was decided, or came of it."""

    at: datetime
    what: str
    by: UUID | None
    by_name: str | None
    why: str | None
    supplied: dict[str, Any] | None  # what was in doubt, as a person said it


class SetAsideView(msgspec.Struct, kw_only=True):
    """Something that was kept aside."""

    id: UUID
    state: Literal["open", "released", "discarded"]
    reason: Aside
    detail: str
    own_id: str  # the sender's
    device: UUID | None
    staff: UUID | None
    patient: UUID | None  # whose it is, where only one is thinkable
    patients: list[UUID]  # whose it may be
    taken_at: datetime | None
    received_at: datetime
    kept_at: datetime
    severity: str | None  # what the ward was told that it would be
    reads: dict[str, Any] | None  # as `POST /v1/readings` takes it; None: there is nothing to score
    document: Any  # as it came; None in a list where it is large
    decided_at: datetime | None
    decided_by: UUID | None
    decided_by_name: str | None
    scored_at: datetime | None
    set: UUID | None  # under which it was stored


class SetAsideDetail(SetAsideView, kw_only=True):
    """The same, with what happened to it."""

    history: list[DecisionView]


class AsideFilter(msgspec.Struct, frozen=True):
    """Which to list."""

    state: StateName | None = None
    reason: Aside | None = None
    device: UUID | None = None
    patient: UUID | None = None
    ward: str | None = None


_By = aliased(Staff)
_Sender = aliased(Staff)


def listed(act: Act, wanted: AsideFilter, limit: int, cursor: str | None) -> Page[SetAsideView]:
    """What the caller may see, newest first. Raises Forbidden for a ward that is not theirs, NotFound, Unacceptable."""
    query = _shown(act).where(col(SetAside.key) < before(cursor)).order_by(col(SetAside.key).desc())
    if wanted.state == "open":
        query = query.where(col(SetAside.decided_at).is_(None))
    elif wanted.state == "decided":
        query = query.where(col(SetAside.decided_at).is_not(None))
    elif wanted.state is not None:
        query = query.where(col(SetAside.decision) == wanted.state)
    if wanted.reason is not None:
        query = query.where(col(SetAside.reason) == wanted.reason)
    if wanted.device is not None:
        device = select(col(Device.id)).where(col(Device.public_id) == wanted.device).scalar_subquery()
        query = query.where(col(SetAside.source) == device)
    if wanted.patient is not None:
        query = query.where(of_patient(find(act, wanted.patient).id))
    if wanted.ward is not None:
        see_ward(act.who, wanted.ward)
        query = query.where(of_ward(wanted.ward))
    found = page(act.session, query, limit, key=lambda row: row[0].key, show=lambda row: row)
    whose = _seen(act, [row[0].key for row in found.items])
    return Page([_view(row, whose[row[0].key], SHOWN_MAX) for row in found.items], found.next)


def one(act: Act, public_id: UUID) -> SetAsideDetail:
    """One thing, with all that came and what happened to it. Raises NotFound."""
    row = act.session.execute(_shown(act).where(col(SetAside.public_id) == public_id)).one_or_none()
    if row is None:
        raise NotFound(f"Nothing of the id {public_id} was kept aside.")
    kept: SetAside = row[0]
    shown = _view(row, _seen(act, [kept.key])[kept.key])
    return SetAsideDetail(**msgspec.structs.asdict(shown), history=_history(act, kept.key))


def _shown(act: Act) -> AnySelect:
    return (
        select(SetAside, Device, _Sender, _By)
        .outerjoin(Device, col(Device.id) == col(SetAside.source))
        .outerjoin(_Sender, col(_Sender.id) == -col(SetAside.source))
        .outerjoin(_By, col(_By.id) == col(SetAside.decided_by))
        .where(visible(act))
    )


def _view(row: AnyRow, patients: list[UUID], bytes_max: int | None = None) -> SetAsideView:
    kept, device, sender, by = row
    found, document = reads(kept), original(kept)
    if bytes_max is not None and len(msgspec.json.encode(document)) > bytes_max:
        document = None
    return SetAsideView(
        id=kept.public_id,
        state=kept.decision or "open",
        reason=kept.reason,
        detail=kept.detail,
        own_id=kept.id,
        device=None if device is None else device.public_id,
        staff=None if sender is None else sender.public_id,
        patient=patients[0] if len(patients) == 1 else None,
        patients=patients,
        taken_at=_taken_at(kept),
        received_at=kept.received_at,
        kept_at=kept.kept_at,
        severity=Severity(kept.severity).label if kept.severity else None,
        reads=None if found is None else as_posted(found),
        document=document,
        decided_at=kept.decided_at,
        decided_by=None if by is None else by.public_id,
        decided_by_name=None if by is None else by.name,
        scored_at=kept.scored_at,
        set=kept.set,
    )


def _taken_at(row: SetAside) -> datetime | None:
    kept = kept_in(row)
    return None if kept is None else kept.taken_at


def _seen(act: Act, kept: Collection[int]) -> dict[int, list[UUID]]:
    """By key: the patients whom each may be about, of those that the caller may see."""
    whose = may_be(act, kept)
    return {key: [public for _, public, is_seen in whose[key] if is_seen] for key in kept}


def _history(act: Act, key: int) -> list[DecisionView]:
    query: AnySelect = (
        select(SetAsideHistory, col(_By.public_id), col(_By.name))
        .outerjoin(_By, col(_By.id) == col(SetAsideHistory.by))
        .where(col(SetAsideHistory.set_aside_key) == key)
        .order_by(col(SetAsideHistory.id).desc())
        .limit(HISTORY_MAX)
    )
    return [
        DecisionView(at=entry.at, what=entry.what, by=by, by_name=name, why=entry.why, supplied=entry.supplied)
        for entry, by, name in act.session.execute(query)
    ][::-1]
