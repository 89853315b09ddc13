"""The teams that a referral could go to, as they are this moment: their rows locked, their visits counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from monitoring.ucr.choosing import Asked, Choice, Team, choose
from monitoring.ucr.clock import Response
from monitoring.ucr.states import ACTIVE, State
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.wards.tables import Ward

TEAMS_MAX: Final = 500


def choose_for(session: Session, asked: UcrReferral, now: datetime) -> tuple[Choice, UcrTeam | None]:
    """The team to ask, its row and those of the area's other teams locked."""
    icb = None if asked.ward_id is None else session.get_one(Ward, asked.ward_id).icb
    query = (
        select(UcrTeam)
        .where((col(UcrTeam.icb) == icb) | col(UcrTeam.postcode_districts).contains([asked.district]))
        .order_by(col(UcrTeam.id))
        .limit(TEAMS_MAX)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    teams = {team.code: team for team in session.execute(query).scalars()}
    declined = (
        select(col(UcrTeam.code))
        .join(UcrReferral, col(UcrReferral.team_id) == col(UcrTeam.id))
        .where(col(UcrReferral.chain) == asked.chain, col(UcrReferral.state) == State.DECLINED)
    )
    want = Asked(
        need=asked.need,
        response=Response(asked.response),
        district=asked.district,
        icb=icb,
        news2=asked.news2,
        reason=asked.reason,
        skills=frozenset(asked.skills),
        declined=frozenset(session.execute(declined).scalars()),
        by_hand=not asked.automatic,
    )
    visits = _visits(session, [team.id for team in teams.values()])
    choice = choose([_as_team(team, visits) for team in teams.values()], want, now)
    return choice, None if choice.team is None else teams[choice.team]


def _visits(session: Session, teams: list[int]) -> Mapping[int, int]:
    query = (
        select(col(UcrReferral.team_id), func.count())
        .where(col(UcrReferral.team_id).in_(teams), col(UcrReferral.state).in_(ACTIVE))
        .group_by(col(UcrReferral.team_id))
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _as_team(team: UcrTeam, visits: Mapping[int, int]) -> Team:
    return Team(
        code=team.code,
        icb=team.icb,
        districts=frozenset(team.postcode_districts),
        hours=team.hours,
        referral_hours=team.referral_hours,
        skills=frozenset(skill.casefold() for skill in team.skills),
        max_news2=team.max_news2,
        exclusions=tuple(team.exclusions),
        max_active=team.max_active,
        active=visits.get(team.id, 0),
    )
