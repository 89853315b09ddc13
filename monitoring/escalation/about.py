"""Whom an alert is about, for whoever has only the alert."""

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.alerts.life import About
from monitoring.alerts.tables import Alert
from monitoring.database import AnySelect
from monitoring.patients.tables import Patient
from monitoring.wards.tables import Ward


def about_of(session: Session, alert: Alert) -> About:
    """The patient, and the ward that answers for them."""
    query: AnySelect = (
        select(col(Patient.public_id), col(Ward.code), col(Ward.staffed_hours))
        .join(Ward, col(Ward.id) == alert.ward_id)
        .where(col(Patient.id) == alert.patient_id)
    )
    patient, code, hours = session.execute(query).one()
    return About(alert.patient_id, patient, alert.episode_id, alert.ward_id, code, hours)
