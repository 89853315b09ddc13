"""The record of a spell: everything that was done, by whom, as it was said then."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.flow.spells import find_spell
from monitoring.flow.tables import Entry, SpellEntry
from monitoring.paging import Page, before, page
from monitoring.wards.tables import Ward


class EntryView(msgspec.Struct, kw_only=True):
    """Something done or decided during a spell."""

    id: UUID
    kind: Entry
    at: datetime
    ward: str
    by: UUID
    by_name: str
    senior: bool
    data: dict[str, Any]
    recorded_at: datetime


def entries(act: Act, episode_id: UUID, kind: Entry | None, limit: int, cursor: str | None) -> Page[EntryView]:
    """The entries of a spell as they were recorded, newest first. Raises NotFound."""
    spell = find_spell(act, episode_id)
    query = (
        select(SpellEntry, Staff, col(Ward.code))
        .join(Staff, col(Staff.id) == col(SpellEntry.by))
        .join(Ward, col(Ward.id) == col(SpellEntry.ward_id))
        .where(col(SpellEntry.episode_id) == spell.episode.id, col(SpellEntry.id) < before(cursor))
        .order_by(col(SpellEntry.id).desc())
    )
    if kind is not None:
        query = query.where(col(SpellEntry.kind) == kind)
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def _view(entry: SpellEntry, by: Staff, ward: str) -> EntryView:
    return EntryView(
        id=entry.public_id,
        kind=entry.kind,
        at=entry.at,
        ward=ward,
        by=by.public_id,
        by_name=by.name,
        senior=entry.senior,
        data=entry.data,
        recorded_at=entry.recorded_at,
    )
