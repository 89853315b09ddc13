"""A referral that somebody answers: locked with its alert, moved by the table of states, written down and told.

Whoever answers locks the alert's row, then the referral's: of two who answer at once, one is told what the other did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.escalation.climbing import resume
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Text, Version
from monitoring.flow.spells import when
from monitoring.refusals import Conflict
from monitoring.ucr.marking import mark, owe
from monitoring.ucr.states import NotNow, State
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.telling import event, note
from monitoring.ucr.views import UcrReferralDetail, UcrReferralView, no_such, referral, seen_by, shown_of, view


class UcrActBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every answer may say: when, where it is told late."""

    note: Text | None = None
    at: Instant | None = None
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A referral that may change: its alert's row and its own are locked."""

    referral: UcrReferral
    alert: Alert | None
    team: UcrTeam | None

    @property
    def by(self) -> str:
        """Whose it is, for the alert's history."""
        return "no team" if self.team is None else self.team.code


def hold(session: Session, referral_id: int, alert_id: int | None, *, skip_locked: bool = False) -> Held | None:
    """A referral with its alert, locked in that order; None where somebody else holds one of them."""
    alert: Alert | None = None
    if alert_id is not None:
        alert = session.get(Alert, alert_id, with_for_update={"skip_locked": skip_locked}, populate_existing=True)
        if alert is None:
            return None
    found = session.get(
        UcrReferral, referral_id, with_for_update={"skip_locked": skip_locked, "of": UcrReferral},
        populate_existing=True,
    )  # fmt: skip
    if found is None:
        return None
    team = None if found.team_id is None else session.get_one(UcrTeam, found.team_id)
    return Held(found, alert, team)


def held_by_caller(act: Act, referral_id: UUID) -> Held:
    """The caller's referral, locked. Raises NotFound."""
    query = select(UcrReferral).where(col(UcrReferral.public_id) == referral_id, *seen_by(act.who))
    ids = query.with_only_columns(col(UcrReferral.id), col(UcrReferral.alert_id))
    if (row := act.session.execute(ids).one_or_none()) is None:
        raise no_such(referral_id)
    held = hold(act.session, row.id, row.alert_id)
    assert held is not None  # nothing is ever deleted
    return held


def answer(
    act: Act, held: Held, verb: Callable[[State], State], what: str, body: UcrActBody, reason: str | None = None
) -> datetime:
    """Move the referral, write it down, store what is owed next. Returns when it was. Raises Conflict, Unacceptable."""
    changed = held.referral
    refuse_stale(act, held, body.version)
    was = State(changed.state)
    try:
        to = verb(was)
    except NotNow as error:
        raise Conflict(str(error), current=current_view(act.session, held, act.now)) from None
    at = when(act, body.at, changed.acted_at, "the last entry")
    changed.state, changed.acted_at = to, at
    changed.version += 1
    owe(changed)
    mark(act.session, changed, what, was, act.now, at=at, by=act.who.id, reason=reason, note=body.note)
    act.session.add(changed)
    return at


def go_on_climbing(session: Session, held: Held, why: str, now: datetime, *, climbs: bool = True) -> list[NewEvent]:
    """Nobody sees the patient: the ladder's next step. Of an alert that has ended it is only noted."""
    if held.alert is not None and (held.alert.state in ENDED or not climbs):
        note(session, held.alert, why, None, None, now)
        return []
    return [] if held.alert is None else resume(session, held.alert, why, now)


def note_in_alert(act: Act, held: Held, what: str, said: str | None) -> list[NewEvent]:
    """The alert stays as it is; its history says what happened."""
    note(act.session, held.alert, f"ucr_{what}: {held.by}", act.who.id, said, act.now)
    return []


def done(act: Act, held: Held, what: str, said: str | None, of_alert: list[NewEvent]) -> UcrReferralDetail:
    """The referral as it now is; who watches is told, of the alert first."""
    events = [*of_alert, event(act.session, held.referral, what, said, act.now)]
    found = referral(act, held.referral.public_id)
    emit(act.session, events)
    return found


def refuse_stale(act: Act, held: Held, version: int | None) -> None:
    """Raise Conflict where the referral changed since the caller saw it."""
    if version is not None and version != held.referral.version:
        raise Conflict(
            f"The referral changed since version {version}.", current=current_view(act.session, held, act.now)
        )


def current_view(session: Session, held: Held, now: datetime) -> UcrReferralView:
    """The referral as it now is, for a Conflict."""
    session.flush()
    return view(shown_of(session, held.referral.id), now)
