"""Whom the ladders of wards tell, as far as that is somebody on duty."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from alert_rules.ladder import ROLES, ROTA, Ladders, When
from monitoring.escalation.ladders import ladders_of


@dataclass(frozen=True, slots=True)
class Told:
    """A role or rota that a ward's ladders tell. `in_hours_only`: by no step that does not wait for staffed hours."""

    tell: str
    in_hours_only: bool


def told_by_ladders(session: Session, wards: Collection[int], now: datetime) -> dict[int, list[Told]]:
    """Whom each ward's ladders tell: three queries, whatever their number."""
    pathways = {row.id: row.pathway for row in session.execute(_PATHWAYS, {"wards": list(wards)})}
    ladders = ladders_of(session, pathways, now)
    return {ward: [Told(*one) for one in sorted(_told(ladders[ward]).items())] for ward in pathways}


_PATHWAYS: Final = text("SELECT id, pathway FROM ward WHERE id = ANY(:wards)")


def _told(ladders: Ladders) -> dict[str, bool]:
    """By role or rota, whether it is told in staffed hours only."""
    found: dict[str, bool] = {}
    for step in (step for ladder in ladders.values() for step in ladder):
        if step.tell in ROLES or step.tell.startswith(ROTA):
            found[step.tell] = found.get(step.tell, True) and step.when is When.STAFFED
    return found
