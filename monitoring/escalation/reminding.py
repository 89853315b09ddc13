"""Something was done about an alert and nobody has said how it ended: whoever has it is asked, not in their sleep."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import State
from alert_rules.duty import quiet_until
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.alerts.tables import Alert
from monitoring.delivery.outbox import NewMessage
from monitoring.duty.on_duty import duty_of, on_duty, ways_of
from monitoring.escalation.tables import Contact
from monitoring.escalation.telling import Due

CLINICIAN: Final = Role.CLINICIAN.value
TRIED_FOR: Final = timedelta(hours=1)


def waits_until(session: Session, alert: Alert, now: datetime) -> datetime | None:
    """Until when who has an alert is left in peace; None where they can be asked now.

    Quiet hours never apply on duty, nor to amber_plus and above; and where one way is open, it is used.
    """
    if alert.state != State.ACTIONED or alert.severity > Severity.AMBER or alert.acknowledged_by is None:
        return None
    query = select(col(Contact.quiet)).where(col(Contact.staff_id) == alert.acknowledged_by)
    ends = [
        None if quiet is None else quiet_until(quiet["from"], quiet["to"], now)
        for quiet in session.execute(query).scalars()
    ]
    known = [end for end in ends if end is not None]
    if not known or len(known) < len(ends):
        return None
    holder = session.get_one(Staff, alert.acknowledged_by)
    is_asked = holder.role != Role.UCR and duty_of(session, alert.ward_id, holder, now) is None
    return min(known) if is_asked else None


def reminders(session: Session, asked: Collection[Due], now: datetime) -> list[NewMessage]:
    """Whoever has an alert is asked how it ended; the ward's clinicians on duty, where they have no say in that.

    A member of a UCR team has seen the patient, and may not resolve the alert.
    """
    if not asked:
        return []
    holders = _who_may_say(session, {one.alert.acknowledged_by for one in asked if one.alert.acknowledged_by})
    ways = ways_of(session, holders, now)
    others = {(one.about.ward_id, CLINICIAN) for one in asked if one.alert.acknowledged_by not in ways}
    there = on_duty(session, others, now) if others else {}
    found = []
    for one in asked:
        ward, holder = one.about.ward_id, one.alert.acknowledged_by
        on_ward = [(person.staff_id, person.ways) for person in there.get((ward, CLINICIAN), ()) if person.ways]
        to = [(holder, ways[holder])] if holder in ways else on_ward
        until, body = now + TRIED_FOR, _body(one, now)
        found += [NewMessage(way, body, one.alert.severity, until, one.alert.id, None, ward, who) for who, way in to]
    return found


def _who_may_say(session: Session, staff: Collection[int]) -> set[int]:
    query = select(col(Staff.id)).where(col(Staff.id).in_(staff), col(Staff.role) != Role.UCR)
    return set(session.execute(query).scalars())


def _body(one: Due, now: datetime) -> Mapping[str, Any]:
    data = {
        "alert": one.alert.public_id,
        "kind": one.alert.kind,
        "severity": one.severity.label,
        "ward": one.about.ward,
        "state": one.alert.state,
    }
    return {"type": "alert.outcome_wanted", "timestamp": now, "data": data}
