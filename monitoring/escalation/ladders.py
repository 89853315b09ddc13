"""The ladders in force on wards: their own where they have any, their pathway's otherwise."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from alert_rules.ladder import Ladders, from_json
from alert_rules.pathway import Pathway
from monitoring.escalation.tables import WardLadders
from monitoring.rules.holding import pathways_at


def ladders_of(session: Session, wards: Mapping[int, str], now: datetime) -> dict[int, Ladders]:
    """The ladders of wards, by internal key; each with its pathway. Two queries, whatever their number."""
    own, held = decided_by(session, list(wards)), pathways_at(session, now)
    return {ward: in_force(held[pathway], own.get(ward)) for ward, pathway in wards.items()}


def in_force(pathway: Pathway, own: WardLadders | None) -> Ladders:
    """A pathway's ladders, with what a ward decided in their place."""
    decided = {} if own is None else {name: from_json(steps) for name, steps in own.ladders.items()}
    return {**pathway.ladders, **decided}


def decided_by(session: Session, wards: Collection[int]) -> dict[int, WardLadders]:
    """What wards decided last, by internal key."""
    query = (
        select(WardLadders)
        .where(col(WardLadders.ward_id).in_(wards))
        .ext(distinct_on(col(WardLadders.ward_id)))
        .order_by(col(WardLadders.ward_id), col(WardLadders.id).desc())
    )
    return {found.ward_id: found for found in session.execute(query).scalars()}
