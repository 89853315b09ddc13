"""Referrals to UCR teams as the outside sees them: found, listed, told live, with handover and history."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from alert_rules.severity import Severity
from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.database import AnyRow, AnySelect
from monitoring.paging import Page, before, page
from monitoring.patients.tables import Patient
from monitoring.refusals import Forbidden, NotFound
from monitoring.ucr.clock import IN_SCOPE, Response
from monitoring.ucr.handover import Handover, handover_of
from monitoring.ucr.states import LIVE, Outcome, State
from monitoring.ucr.tables import UcrHistory, UcrReferral, UcrTeam
from monitoring.wards.tables import Ward

HISTORY_MAX = 1000


class UcrReferralView(msgspec.Struct, kw_only=True):
    """A referral to a UCR team. Received and to be seen by: the patient's clock; the team's own is the provider's."""

    id: UUID
    patient: UUID
    ward: str | None
    alert: UUID | None
    team: str | None  # None: unplaced
    state: State
    need: str
    reason: str
    skills: list[str]
    response: Response
    in_scope: bool  # of the two-hour standard
    severity: str | None  # of the alert, when it was made
    news2: int | None
    emergency_first: bool  # critical: 999 first, and this referral never counts as the answer
    sepsis: str  # suspected | unanswered | not_suspected | not_asked
    automatic: bool
    reviewed_at: datetime | None
    reviewed_by: UUID | None
    previous: UUID | None
    received_at: datetime
    clock_rule: str
    breach_at: datetime
    sent_at: datetime
    provider_clock_rule: str
    provider_breach_at: datetime
    answer_by: datetime | None  # while nobody answered
    accepted_at: datetime | None
    accepted_by: UUID | None
    dispatched_at: datetime | None
    arrived_at: datetime | None
    met: bool | None  # None: nobody is there yet, and there is time left
    ended_at: datetime | None
    end_reason: str | None
    unanswered: bool
    outcome: Outcome | None
    version: int


class UcrTold(UcrReferralView, kw_only=True):
    """A referral with what happened to it, for who watches live."""

    what: str
    why: str | None


class UcrHistoryView(msgspec.Struct, kw_only=True):
    """Something that happened to a referral; `by` nobody: the clock, or a ladder."""

    at: datetime
    what: str
    from_state: str | None
    to_state: str
    by: UUID | None
    by_name: str | None
    reason: str | None
    note: str | None
    recorded_at: datetime


class UcrReferralDetail(UcrReferralView, kw_only=True):
    """A referral with why it went where, what the team was told, what is known now, and everything that happened."""

    placing: dict[str, Any]
    handover: dict[str, Any]
    handover_now: Handover
    history: list[UcrHistoryView]


class UcrFilter(msgspec.Struct, frozen=True):
    """Which referrals to list."""

    team: str | None = None
    state: State | None = None
    ward: str | None = None


_Before, _Taker, _Reviewer = aliased(UcrReferral), aliased(Staff), aliased(Staff)


def referrals(act: Act, wanted: UcrFilter, limit: int, cursor: str | None) -> Page[UcrReferralView]:
    """Referrals of the caller's team or wards, newest first. Raises Forbidden for a team or ward that is not theirs."""
    which = [*seen_by(act.who), col(UcrReferral.id) < before(cursor)]
    if wanted.team is not None:
        see_team(act.who, wanted.team)
        team = select(col(UcrTeam.id)).where(col(UcrTeam.code) == wanted.team)
        which.append(col(UcrReferral.team_id) == team.scalar_subquery())
    if wanted.ward is not None:
        see_ward(act.who, wanted.ward)
        ward = select(col(Ward.id)).where(col(Ward.code) == wanted.ward)
        which.append(col(UcrReferral.ward_id) == ward.scalar_subquery())
    if wanted.state is not None:
        which.append(col(UcrReferral.state) == wanted.state)
    # Those that still want something are few: sorted, not looked for among all there ever were.
    order = col(UcrReferral.id) + 0 if wanted.state in LIVE else col(UcrReferral.id)
    newest = select(UcrReferral).where(*which).order_by(order.desc()).limit(limit + 1)
    found = aliased(UcrReferral, newest.subquery())  # found first, then shown
    query = _shown(found).order_by(col(found.id).desc())
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: view(row, act.now))


def at_work(act: Act, live_max: int, ended_max: int) -> list[tuple[UcrReferral, UcrReferralView]]:
    """Referrals of the caller's team or wards that still want something, then those that ended last."""
    seen, is_live = seen_by(act.who), col(UcrReferral.state).in_(LIVE)
    by_clock = col(UcrReferral.breach_at), col(UcrReferral.id)
    live = _shown(UcrReferral).where(*seen, is_live).order_by(*by_clock).limit(live_max)
    ended = _shown(UcrReferral).where(*seen, ~is_live).order_by(col(UcrReferral.id).desc()).limit(ended_max)
    return [(row[0], view(row, act.now)) for query in (live, ended) for row in act.session.execute(query)]


def referral(act: Act, referral_id: UUID) -> UcrReferralDetail:
    """One referral whole. Raises NotFound where there is none, or none for this caller."""
    query = _shown(UcrReferral).where(col(UcrReferral.public_id) == referral_id, *seen_by(act.who))
    if (row := act.session.execute(query).one_or_none()) is None:
        raise no_such(referral_id)
    found: UcrReferral = row[0]
    return UcrReferralDetail(
        **_fields(row, act.now),
        placing=found.placing,
        handover=found.handover,
        handover_now=handover_of(act.session, found, act.now),
        history=_history(act.session, found),
    )


def to_answer(act: Act, referral_id: UUID) -> AnyRow:
    """A referral that the caller may answer for its team. Raises NotFound."""
    query = select(UcrReferral).where(col(UcrReferral.public_id) == referral_id, *seen_by(act.who))
    if (row := act.session.execute(query).one_or_none()) is None:
        raise no_such(referral_id)
    return row


def no_such(referral_id: UUID) -> NotFound:
    """There is none, or none for this caller."""
    return NotFound(f"There is no UCR referral {referral_id}.")


def see_team(who: Caller, team: str) -> None:
    """Raise Forbidden where a team named in the request is not this caller's."""
    if not who.may_see_team(team):
        raise Forbidden(f"Team {team} is not yours.")


def seen_by(who: Caller) -> list[ColumnElement[bool]]:
    """A team's staff see their own team's referrals, everybody else their wards'."""
    which: list[ColumnElement[bool]] = []
    if who.wards is not None:
        wards = select(col(Ward.id)).where(col(Ward.code).in_(who.wards)).scalar_subquery()
        which.append(col(UcrReferral.ward_id) == any_(func.array(wards)))
    if who.role is Role.UCR and who.teams is not None:
        teams = select(col(UcrTeam.id)).where(col(UcrTeam.code).in_(who.teams)).scalar_subquery()
        which.append(col(UcrReferral.team_id) == any_(func.array(teams)))
    return which


def shown_of(session: Session, referral: int) -> AnyRow:
    """One referral with all that is shown of it."""
    return session.execute(_shown(UcrReferral).where(col(UcrReferral.id) == referral)).one()


def view(row: AnyRow, now: datetime | None) -> UcrReferralView:
    """A row of `_shown`, at an instant."""
    return UcrReferralView(**_fields(row, now))


def told(row: AnyRow, what: str, why: str | None) -> UcrTold:
    """The same for an event: what it says stays true, so that it says nothing of the time that is left."""
    return UcrTold(**_fields(row, None), what=what, why=why)


def _shown(found: type[UcrReferral]) -> AnySelect:
    return (
        select(
            found, col(Patient.public_id), col(Ward.code), col(Alert.public_id), col(UcrTeam.code),
            col(_Before.public_id), col(_Taker.public_id), col(_Reviewer.public_id),
        )
        .join(Patient, col(Patient.id) == col(found.patient_id))
        .outerjoin(Ward, col(Ward.id) == col(found.ward_id))
        .outerjoin(Alert, col(Alert.id) == col(found.alert_id))
        .outerjoin(UcrTeam, col(UcrTeam.id) == col(found.team_id))
        .outerjoin(_Before, col(_Before.id) == col(found.previous_id))
        .outerjoin(_Taker, col(_Taker.id) == col(found.accepted_by))
        .outerjoin(_Reviewer, col(_Reviewer.id) == col(found.reviewed_by))
    )  # fmt: skip


_OWN = [name for name in UcrReferralView.__struct_fields__ if name in UcrReferral.model_fields]


def _fields(row: AnyRow, now: datetime | None) -> dict[str, Any]:
    found, patient, ward, alert, team, previous, taker, reviewer = row
    return {name: getattr(found, name) for name in _OWN} | {
        "id": found.public_id,
        "patient": patient,
        "ward": ward,
        "alert": alert,
        "team": team,
        "previous": previous,
        "accepted_by": taker,
        "reviewed_by": reviewer,
        "in_scope": found.response == IN_SCOPE,
        "severity": Severity(found.severity).label if found.severity else None,
        "emergency_first": found.severity == Severity.CRITICAL,
        "answer_by": found.answer_by if found.state == State.SENT else None,
        "met": _met(found, now),
    }


def _met(found: UcrReferral, now: datetime | None) -> bool | None:
    """Whether somebody was there in time; not, once it is too late. Of one that ended before a visit, nobody says."""
    if found.arrived_at is not None:
        return found.arrived_at <= found.breach_at
    if found.state not in LIVE or now is None:
        return None
    return False if found.breach_at < now else None


def _history(session: Session, found: UcrReferral) -> list[UcrHistoryView]:
    query = (
        select(UcrHistory, col(Staff.public_id), col(Staff.name))
        .outerjoin(Staff, col(Staff.id) == col(UcrHistory.by))
        .where(col(UcrHistory.referral_id) == found.id)
        .order_by(col(UcrHistory.id))
        .limit(HISTORY_MAX)
    )
    own = [name for name in UcrHistoryView.__struct_fields__ if name not in {"by", "by_name"}]
    return [
        UcrHistoryView(**{name: getattr(entry, name) for name in own}, by=by, by_name=by_name)
        for entry, by, by_name in session.execute(query)
    ]
