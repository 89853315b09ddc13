"""The live event `occupancy`: a ward's beds as they now are, and to whom a free one is offered."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, Integer, bindparam, text
from sqlmodel import Session

from monitoring.events import NewEvent, emit
from monitoring.wards.beds import Beds, beds_now
from monitoring.wards.tables import Ward

# In the order of `monitoring.flow.waiting`, on the index `referral_waiting`.
_OFFERED: Final = text(
    """
    SELECT ward.id, waiting.public_id AS referral, patient.public_id AS patient
    FROM unnest(:wards, :free) WITH ORDINALITY AS ward (id, free, place)
    CROSS JOIN LATERAL (SELECT public_id, patient_id, urgency, received_at, referral.id FROM referral
                        WHERE ward_id = ward.id AND state = 'waiting'
                        ORDER BY urgency, received_at, referral.id LIMIT ward.free) waiting
    JOIN patient ON patient.id = waiting.patient_id
    ORDER BY ward.place, waiting.urgency, waiting.received_at, waiting.id
    """
).bindparams(bindparam("wards", type_=ARRAY(BigInteger)), bindparam("free", type_=ARRAY(Integer)))


def tell_beds(session: Session, now: datetime, *wards: Ward) -> None:
    """Tell whoever watches what beds these wards have now, and whom each free one is offered to.

    Call it last in any transaction that takes or frees a bed, the wards' rows locked: it emits events, and an offer
    is only told, never stored.
    """
    session.flush()
    counted = beds_now(session, [ward.id for ward in wards], now)
    offered = _offered(session, counted)
    emit(session, [_event(ward, counted[ward.id], offered.get(ward.id, []), now) for ward in wards])


def figures(counted: Beds) -> dict[str, int | float | None]:
    """The beds of a ward as `GET /v1/wards/{code}/occupancy` shows them."""
    return {**msgspec.structs.asdict(counted), "available": counted.available, "occupancy": counted.occupancy}


def _offered(session: Session, counted: dict[int, Beds]) -> dict[int, list[dict[str, Any]]]:
    """Who stands first in each ward's waiting list, as many as it has beds free."""
    free = {ward: one.available for ward, one in counted.items() if one.available > 0}
    offered: dict[int, list[dict[str, Any]]] = {}
    for row in session.execute(_OFFERED, {"wards": list(free), "free": list(free.values())}) if free else ():
        offered.setdefault(row.id, []).append({"referral": row.referral, "patient": row.patient})
    return offered


def _event(ward: Ward, counted: Beds, offered: list[dict[str, Any]], now: datetime) -> NewEvent:
    return NewEvent("occupancy", now, ward.code, None, {**figures(counted), "offered": offered})
