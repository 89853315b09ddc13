"""The engineers on duty, and how each can be told: kept in memory, for when the database is what failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, select
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.config import Settings
from monitoring.database import snapshot
from monitoring.delivery.outbox import Way
from monitoring.duty.on_duty import INSTANT, ways_of
from monitoring.duty.roster import Roster, load
from monitoring.escalation.reach import by_look
from monitoring.wards.tables import Ward

Ways = tuple[Way, ...]
NOBODY: Final = Roster({}, {}, {})


@dataclass(slots=True)
class Engineers:
    """The rotas and contacts as they were last read. Shifts that begin later are known too."""

    roster: Roster = NOBODY
    ways: Mapping[int, Ways] = field(default_factory=dict)

    def read(self, engine: Engine, now: datetime) -> None:
        """Read who works when, and how they are told. Raises what the database raises."""
        with snapshot(engine) as session:
            wards = session.execute(select(col(Ward.id)).where(col(Ward.closed_at).is_(None))).scalars().all()
            roster = load(session, wards, {Role.ENGINEER})
            staff = {who.id for who in roster.staff.values()}
            self.roster, self.ways = roster, ways_of(session, staff, now)

    def on_duty(self, now: datetime) -> list[Ways]:
        """The ways to each engineer who is on duty for any ward now and can be told."""
        those = {
            duty.who.id
            for ward in self.roster.wards
            for duty in self.roster.told(ward, Role.ENGINEER, now, now + INSTANT)
        }
        return [self.ways[one] for one in sorted(those) if one in self.ways]


def ways_to(settings: Settings) -> list[Ways]:
    """Who is told where no engineer on duty could be, as the installation's settings say."""
    if settings.engineers_to is None:
        return []
    secrets = () if settings.engineers_secret is None else (settings.engineers_secret,)
    return [(Way(by_look(settings.engineers_to), settings.engineers_to, secrets),)]
