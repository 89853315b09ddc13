"""What was resolved lately, and raises nothing again for a while: kept with what is known of the stay."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import Kind, Outcome
from alert_rules.facts import CARRIED, UNCARRIED
from alert_rules.limits import DECIMALS
from alert_rules.refractory import Resolved, resolved
from alert_rules.silence import LOCAL
from devices.reading import in_whole_units
from monitoring.alerts.basis import held_of
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.database import AnyRow
from monitoring.patients.tables import LatestVitals
from monitoring.rules.holding import pathway_at
from monitoring.wards.tables import Ward


class Quiet(msgspec.Struct, frozen=True):
    """`latest_vitals.resolved`: of which alert, on which ward."""

    alert: int
    ward: int
    what: Resolved


def lock_stay(session: Session, alert_id: UUID) -> LatestVitals | None:
    """What is known of the stay of an alert, locked before the alert is; None where it is of no stay."""
    episode_id = select(col(Alert.episode_id)).where(col(Alert.public_id) == alert_id).scalar_subquery()
    query = select(LatestVitals).where(col(LatestVitals.episode_id) == episode_id)
    found: LatestVitals | None = session.execute(query.with_for_update()).scalar_one_or_none()
    return found


def keep_quiet(session: Session, row: AnyRow, known: LatestVitals, outcome: Outcome, now: datetime) -> bool:
    """An alert of deterioration is resolved: keep what the same would be, or nothing; true where its history says so.

    `row`: the alert's, as `finding.found` has it.
    """
    found: Alert = row[0]
    ward: Ward = row[2]
    if Kind(found.kind) is not Kind.DETERIORATION:
        return False
    what = resolved(
        held_of(found), outcome, newest_values(known), now, pathway_at(session, ward.pathway, now).refractory
    )
    known.resolved = None if what is None else msgspec.to_builtins(Quiet(found.id, ward.id, what))
    session.add(known)
    if what is None:
        return False
    session.add(
        AlertHistory(
            alert_id=found.id, at=now, from_state=found.state, to_state=found.state, severity=found.severity,
            what=f"the same raises nothing until {what.until.astimezone(LOCAL):%H:%M}",
        )
    )  # fmt: skip
    session.flush()
    return True


def newest_values(known: LatestVitals) -> dict[str, int]:
    """By vital sign, the newest value of a stay however old, at the resolution of limits."""
    carried = {vital: known.values[slot] for vital, slot in CARRIED.items()}
    values = {vital: value for vital, value in carried.items() if value is not None}
    return values | {vital: _units(vital, known.also[vital]) for vital in UNCARRIED if vital in known.also}


def quiet_of(stored: str) -> Quiet:
    """From the row's JSON."""
    return msgspec.json.decode(stored, type=Quiet)


def _units(vital: str, also: Mapping[str, Any]) -> int:
    return in_whole_units(also["value"], DECIMALS.get(vital, 0))
