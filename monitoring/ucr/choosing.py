"""Which team a referral goes to: by area, hours, skill and load, with the reason for each team that was considered.

Pure. The order of the reasons is the order in which they are asked: the first that holds is told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alert_rules.silence import LOCAL
from alert_rules.staffed import StaffedHours, opens_at
from monitoring.ucr.clock import IN_SCOPE, Response


@dataclass(frozen=True, slots=True)
class Team:
    """A team as far as the choice goes. `active`: its visits that have not ended."""

    code: str
    icb: str
    districts: frozenset[str]  # none: the whole ICB
    hours: StaffedHours
    referral_hours: StaffedHours | None
    skills: frozenset[str]
    max_news2: int | None
    exclusions: tuple[str, ...]
    max_active: int
    active: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. `declined`: teams that were asked before; `by_hand`: a person knows of the wait."""

    need: str
    response: Response
    district: str | None
    icb: str | None
    news2: int | None = None
    reason: str = ""
    skills: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Considered:
    """A team, whether it was taken, and why or why not."""

    team: str
    taken: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The team, if any, why, and every team that was considered."""

    team: str | None
    why: str
    considered: list[Considered] = field(default_factory=list)


NO_TEAM: Final = "no team of this area is known here"


def choose(teams: Sequence[Team], asked: Asked, now: datetime) -> Choice:
    """The most suitable team: at work now, skilled in the need, of the district itself, least loaded; then by code."""
    refusals = {team.code: refusal(team, asked, now) for team in teams}
    suitable = sorted((team for team in teams if refusals[team.code] is None), key=lambda team: _rank(team, asked, now))
    best = suitable[0] if suitable else None
    considered = [
        Considered(team.code, team is best, refusals[team.code] or _why(team, asked, now, is_best=team is best))
        for team in [*suitable, *(team for team in teams if refusals[team.code])]
    ]
    if best is not None:
        return Choice(best.code, considered[0].reason, considered)
    why = "; ".join(f"{one.team}: {one.reason}" for one in considered) or NO_TEAM
    return Choice(None, why, considered)


def refusal(team: Team, asked: Asked, now: datetime) -> str | None:
    """Why a team is not asked; None where it can be."""
    if team.code in asked.declined:
        return "asked before, and declined"
    if not _covers(team, asked):
        return f"not its area ({asked.district or asked.icb or 'the patient has no postcode and is on no ward'})"
    if closed := _closed(team, asked, now):
        return closed
    if lacking := sorted(asked.skills - _folded(team.skills)):
        return f"lacks the skill: {', '.join(lacking)}"
    if team.max_news2 is not None and asked.news2 is not None and asked.news2 > team.max_news2:
        return f"NEWS2 {asked.news2} is above what it accepts ({team.max_news2})"
    if excluded := next((one for one in team.exclusions if _says(asked, one)), None):
        return f"does not accept: {excluded}"
    if team.active >= team.max_active:
        return f"at capacity ({team.active} of {team.max_active} visits)"
    return None


def _covers(team: Team, asked: Asked) -> bool:
    """By the district; by the ICB where the team covers all of it, or nobody knows the patient's district."""
    if asked.district is not None and team.districts:
        return asked.district in team.districts
    return asked.icb is not None and team.icb == asked.icb


def _closed(team: Team, asked: Asked, now: datetime) -> str | None:
    takes_at = opens_at(now, team.hours if team.referral_hours is None else team.referral_hours)
    if takes_at != now:
        return f"out of hours: takes referrals {_from(takes_at)}"
    waits = asked.by_hand or asked.response is not IN_SCOPE
    visits_at = opens_at(now, team.hours)
    if visits_at is None or (visits_at != now and not waits):
        return f"out of hours: visits {_from(visits_at)}"
    return None


def _from(opening: datetime | None) -> str:
    return "at no hour" if opening is None else f"from {opening.astimezone(LOCAL):%a %H:%M}"


def _says(asked: Asked, exclusion: str) -> bool:
    """Whether the need or the reason names what a team does not accept."""
    return exclusion.casefold() in f"{asked.need}\n{asked.reason}".casefold()


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _rank(team: Team, asked: Asked, now: datetime) -> tuple[bool, bool, bool, float, str]:
    skilled = asked.need.casefold() in _folded(team.skills)
    return opens_at(now, team.hours) != now, not skilled, not team.districts, team.active / team.max_active, team.code


def _why(team: Team, asked: Asked, now: datetime, *, is_best: bool) -> str:
    skill = f", skilled in {asked.need}" if asked.need.casefold() in _folded(team.skills) else ""
    opens = opens_at(now, team.hours)
    hours = "at work" if opens == now else f"visits {_from(opens)}"
    area = f"covers {asked.district}" if team.districts and asked.district else f"covers {team.icb}"
    could = f"{area}, {hours}{skill}, {team.active} of {team.max_active} visits"
    return could if is_best else f"could: {could}; another comes first"
