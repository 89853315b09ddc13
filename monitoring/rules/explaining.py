"""`virtual-ward rules explain`: what would alert on a ward, or for a patient by the plan in force."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.would_alert import Own, as_text, would_alert
from monitoring.accepted.views import rule_in_force
from monitoring.clock import local_day
from monitoring.config import Settings
from monitoring.database import connected, snapshot
from monitoring.escalation.ladders import ladders_of
from monitoring.patients.plan import lines_of, reason_not_scored, usual_of
from monitoring.patients.plans import in_force
from monitoring.patients.tables import Patient
from monitoring.refusals import unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.wards.tables import Episode, Ward


def explained(settings: Settings, which: str, now: datetime) -> str:
    """What would alert, as text. `which`: a ward's code or a patient's id. Raises Unacceptable for neither."""
    with connected(settings.database_url) as engine, snapshot(engine) as session:
        ward = session.execute(select(Ward).where(col(Ward.code) == which)).scalar_one_or_none()
        if ward is not None:
            return _text(session, ward, None, now)
        found = _of_patient(session, which)
        if found is None:
            raise unacceptable("ward or patient", f"there is no ward {which}, and no patient of that id on one")
        patient, episode, ward = found
        return _text(session, ward, _own(session, patient, episode, now), now)


def _text(session: Session, ward: Ward, own: Own | None, now: datetime) -> str:
    ladders = ladders_of(session, {ward.id: ward.pathway}, now)[ward.id]
    heading = f"Ward {ward.code}" if own is None else f"A patient on ward {ward.code}, by the plan in force"
    pathway = pathway_at(session, ward.pathway, now)
    return f"{heading}\n\n{as_text(would_alert(pathway, ladders, own))}"


def _of_patient(session: Session, which: str) -> tuple[Patient, Episode, Ward] | None:
    try:
        public_id = UUID(which)
    except ValueError:
        return None
    query = (
        select(Patient, Episode, Ward)
        .join(Episode, col(Episode.patient_id) == col(Patient.id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Patient.public_id) == public_id, col(Episode.discharged_at).is_(None))
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def _own(session: Session, patient: Patient, episode: Episode, now: datetime) -> Own:
    plan = in_force(session, episode, now)
    spinal, day = patient.spinal_cord_injury, local_day(now)
    return Own(
        scale=plan.spo2_scale,
        home_oxygen_l_min=float(plan.home_oxygen_l_min or 0),
        comfort=plan.monitoring == "comfort",
        not_scored=reason_not_scored(patient.birth_date, patient.pregnant, spinal_cord_injury=spinal, on=day),
        lines=lines_of(plan.limits),
        usual=usual_of(plan.baselines),
        expects=frozenset(plan.expects),
        times=tuple(plan.times),
        accepted=rule_in_force(session, episode.id, now),
    )
