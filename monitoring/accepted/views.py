"""Accepted values as the outside sees them, and as the rules do."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from alert_rules.accepted import Accepted
from alert_rules.limits import DECIMALS
from devices.reading import in_whole_units
from monitoring.accepted.tables import AcceptedValue
from monitoring.access.tables import Staff
from monitoring.database import AnyRow, AnySelect


class Holds(StrEnum):
    """Whether it holds, and if not, why."""

    IN_FORCE = "in_force"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class AcceptedView(msgspec.Struct, kw_only=True):
    """A vital sign that is accepted down, or up, to a value: its red shows amber as far as that."""

    id: UUID
    vital: str
    down_to: float | None
    up_to: float | None
    from_: datetime = msgspec.field(name="from")
    until: datetime
    reason: str
    by: UUID
    by_name: str
    state: Holds
    withdrawn_at: datetime | None
    withdrawn_by: UUID | None
    withdrawn_reason: str | None


_Withdrawer = aliased(Staff)


def shown_query() -> AnySelect:
    """Accepted values with who decided."""
    return (
        select(AcceptedValue, Staff, _Withdrawer)
        .join(Staff, col(Staff.id) == col(AcceptedValue.by))
        .outerjoin(_Withdrawer, col(_Withdrawer.id) == col(AcceptedValue.withdrawn_by))
    )


def accepted_view(row: AnyRow, now: datetime) -> AcceptedView:
    """A row of `shown_query`."""
    found, by, withdrawer = row
    value = float(found.value)
    return AcceptedView(
        id=found.public_id, vital=found.vital, down_to=None if found.up else value, up_to=value if found.up else None,
        from_=found.from_at, until=found.until_at, reason=found.reason, by=by.public_id, by_name=by.name,
        state=_state(found, now), withdrawn_at=found.withdrawn_at, withdrawn_by=withdrawer and withdrawer.public_id,
        withdrawn_reason=found.withdrawn_reason,
    )  # fmt: skip


def in_force(session: Session, episode_id: int, now: datetime) -> AcceptedView | None:
    """What is accepted of a stay now."""
    row = _in_force(session, episode_id, now)
    return None if row is None else accepted_view(row, now)


def rule_in_force(session: Session, episode_id: int, now: datetime) -> Accepted | None:
    """The same, as the rules have it."""
    row = _in_force(session, episode_id, now)
    return None if row is None else as_rule(row[0].vital, row[0].up, row[0].value, row[1].name, row[0].until_at)


def as_rule(vital: str, up: bool, value: Any, by: str, until: datetime) -> Accepted:
    """An accepted value in whole units."""
    return Accepted(vital, up, in_whole_units(float(value), DECIMALS.get(vital, 0)), by, until)


def _in_force(session: Session, episode_id: int, now: datetime) -> AnyRow | None:
    query = shown_query().where(
        col(AcceptedValue.episode_id) == episode_id,
        col(AcceptedValue.until_at) > now,
        col(AcceptedValue.withdrawn_at).is_(None),
    )
    found: Sequence[AnyRow] = session.execute(query.limit(1)).all()
    return found[0] if found else None


def _state(found: AcceptedValue, now: datetime) -> Holds:
    if found.withdrawn_at is not None:
        return Holds.WITHDRAWN
    return Holds.IN_FORCE if now < found.until_at else Holds.ENDED
