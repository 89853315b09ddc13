"""Whom the ladders of wards tell, as far as that is somebody on duty."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from monitoring.access.roles import Role
from monitoring.escalation.roster import ROTA

USUALLY: Final = {str(Role.CLINICIAN): False}
"""Of a ward without ladders of its own."""


@dataclass(frozen=True, slots=True)
class Told:
    """A role or rota that a ward's ladders tell. `in_hours_only`: by no step that does not wait for staffed hours."""

    tell: str
    in_hours_only: bool


def told_by_ladders(session: Session, wards: Collection[int]) -> dict[int, list[Told]]:
    """Whom each ward's ladders tell: one query, whatever their number."""
    own = {row.ward_id: row.ladders for row in session.execute(_NEWEST, {"wards": list(wards)})}
    return {ward: [Told(*one) for one in sorted(_told(own.get(ward)).items())] for ward in wards}


_NEWEST: Final = text(
    "SELECT DISTINCT ON (ward_id) ward_id, ladders FROM ward_ladders WHERE ward_id = ANY(:wards)"
    " ORDER BY ward_id, id DESC"
)


def _told(ladders: dict[str, Any] | None) -> dict[str, bool]:
    """By role or rota, whether it is told in staffed hours only."""
    found: dict[str, bool] = {} if ladders else dict(USUALLY)
    for step in (step for steps in (ladders or {}).values() for step in steps):
        tell = str(step["tell"])
        if tell in set(Role) - {Role.UCR} or tell.startswith(ROTA):
            found[tell] = found.get(tell, True) and step.get("when") == "staffed"
    return found
