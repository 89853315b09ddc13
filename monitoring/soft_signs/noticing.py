"""Soft signs are told: they are kept, raise or worsen the patient's alert, and stand beside the sets of the next day.

In the transaction of whoever tells them, with the stay's `latest_vitals` row locked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import Finding, Kind
from alert_rules.kinds import SOFT_SIGNS, Noticed, noticed
from alert_rules.severity import Severity
from alert_rules.soft_signs import COUNTS_FOR_US, RULE, SEVERAL_RULE, Sign, cleared_by, reasons_of
from monitoring.acts import Act
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.clock import WARD_TIME
from monitoring.database import AnySelect
from monitoring.events import NewEvent
from monitoring.patients.escalation_plans import is_comfort
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import unacceptable
from monitoring.rules.holding import rulebook
from monitoring.soft_signs.tables import SoftSigns, Source
from monitoring.wards.tables import Episode, Ward

Signs = Annotated[list[Sign], msgspec.Meta(max_length=len(Sign))]
COUNTS_FOR: Final = timedelta(microseconds=COUNTS_FOR_US)


@dataclass(frozen=True, slots=True)
class Told:
    """Signs as somebody told them. `how`: by whom and by what way, in a few words. None seen is an answer too."""

    signs: Sequence[Sign]
    source: Source
    at: datetime
    how: str


def refuse_twice(signs: Sequence[Sign]) -> None:
    """Raise Unacceptable where one is named twice."""
    if len(set(signs)) < len(signs):
        raise unacceptable("soft_signs", "names one twice")


def notice(act: Act, episode_id: int, told: Told) -> list[NewEvent]:
    """Keep what was told of a stay, and alert. Returns what to emit at the end.

    Of a stay that has ended, in comfort care, or where something newer was told, it is kept only.
    """
    known = act.session.get_one(LatestVitals, episode_id, with_for_update=True, populate_existing=True)
    if not keep(act, known, told) or told.at < act.now - COUNTS_FOR:
        return []
    about = _about(act.session, episode_id)
    if about is None or is_comfort(act.session, episode_id, act.now):
        return []
    alerts = Alerts.lock(act.session, act.now, [about.patient_id])
    said = reasons_of(told.signs, told.how)
    found = Finding(
        max((one.severity for one in said), default=Severity.NONE),
        rules=frozenset(one.rule for one in said),
        cleared=cleared_by(told.signs) | _not_with(alerts.session, told.signs),
    )
    alerts.weigh(about, Kind.DETERIORATION, found, lambda: _evidence(alerts, about, told))
    return alerts.write()


def _not_with(session: Session, signs: Collection[Sign]) -> set[str]:
    """Rules, of any version of a pathway, that hold only together with other signs than these."""
    return {
        rule.name
        for versions in rulebook(session).held.values()
        for one in versions
        for rule in one.pathway.rules
        for wanted in rule.conditions
        if isinstance(wanted, Noticed) and not noticed(wanted, signs)
    }


def keep(act: Act, known: LatestVitals, told: Told) -> bool:
    """Write down what was told. Returns whether it is the newest that is known of the stay."""
    is_staff = act.who.role is not None
    act.session.add(
        SoftSigns(
            episode_id=known.episode_id, source=told.source, signs=list(told.signs),
            by=act.who.id if is_staff else None, device_id=None if is_staff else act.who.id, at=told.at,
            recorded_at=act.now,
        )
    )  # fmt: skip
    at_us = round(told.at.timestamp() * 1_000_000)
    before = known.also.get(SOFT_SIGNS)
    if before is not None and before["at_us"] > at_us:
        return False
    known.also = {**known.also, SOFT_SIGNS: {"value": list(told.signs), "at_us": at_us, "set": ""}}
    act.session.add(known)
    return True


def as_reasons(told: Told) -> list[dict[str, Any]]:
    """Why an alert fires, as it shows it."""
    how = f"{told.how} at {told.at.astimezone(WARD_TIME):%H:%M}"
    return [{"rule": one.rule, "severity": one.severity.label, "text": one.text} for one in reasons_of(told.signs, how)]


def _evidence(alerts: Alerts, about: About, told: Told) -> Evidence:
    """The signs, then what the open alert showed already: they came with no set, and its score still stands."""
    alert = alerts.open.get((about.patient_id, Kind.DETERIORATION))
    shown = [] if alert is None else alert.reasons
    others = [one for one in shown if not one["rule"].startswith(RULE) and one["rule"] != SEVERAL_RULE]
    why = {} if alert is None else alert.why
    signs = {"soft_signs": list(told.signs), "soft_signs_at": told.at}
    return Evidence([*as_reasons(told), *others], {**why, **signs}, None if alert is None else alert.news2)


def _about(session: Session, episode_id: int) -> About | None:
    """Whom it is about, as it is now that the stay is locked; None for a stay that has ended, or the dead."""
    query: AnySelect = (
        select(Episode, Patient, Ward)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.id) == episode_id)
        .execution_options(populate_existing=True)
    )
    episode, patient, ward = session.execute(query).one()
    if episode.discharged_at is not None or patient.died_at is not None:
        return None
    return About(patient.id, patient.public_id, episode.id, ward.id, ward.code, ward.staffed_hours)
