"""What a test does to a spell over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import transaction
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import admit, done, register

HOME: dict[str, Any] = {"outcome": "home", "decided_by": "Dr No"}


def ago(**time: float) -> str:
    """An instant before now, as it is sent."""
    return (utc_now() - timedelta(**time)).isoformat()


def begin(api: Api, ward: str = "WARD1", **changed: Any) -> str:
    """A new patient's spell."""
    return str(admit(api, register(api), ward, **changed)["id"])


def do(api: Api, spell: str, what: str, body: object = None, role: Role = Role.COORDINATOR, **options: Any) -> Answer:
    """POST to a spell."""
    return api.post(f"/v1/episodes/{spell}/{what}", {} if body is None else body, role, **options)


def shown(api: Api, spell: str) -> dict[str, Any]:
    """A spell as it now is."""
    return done(api.get(f"/v1/episodes/{spell}"))


def record_of(api: Api, spell: str, **params: str) -> list[dict[str, Any]]:
    """The entries of a spell, newest first."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/episodes/{spell}/record", params=params))["items"]
    return items


def spell_of(api: Api) -> str:
    """The spell of the ward's own patient."""
    with transaction(api.ward.engine) as session:
        found = session.execute(
            text("SELECT public_id FROM episode WHERE id = :id"), {"id": api.ward.patient.episode_id}
        )
        return str(found.scalar_one())


def at(sent: str) -> datetime:
    """An instant as it was answered."""
    return datetime.fromisoformat(sent)
