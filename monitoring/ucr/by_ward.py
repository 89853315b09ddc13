"""What a ward, or who asked, does with a referral: calls it off, reviews it, says more, looks for a team once more."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from monitoring.acts import Act
from monitoring.bars.sending import reply
from monitoring.events import NewEvent, emit
from monitoring.fields import Reason, Version
from monitoring.flow.spells import when
from monitoring.refusals import Conflict
from monitoring.ucr import states
from monitoring.ucr.holding import (
    Held,
    UcrActBody,
    answer,
    current_view,
    done,
    go_on_climbing,
    held_by_caller,
    note_in_alert,
    refuse_stale,
)
from monitoring.ucr.marking import mark
from monitoring.ucr.placing import send_again
from monitoring.ucr.states import Move, State
from monitoring.ucr.telling import tell_team, tell_ward
from monitoring.ucr.views import UcrReferralDetail, referral

SAID_NOTHING: Final = "no reason given"


class UcrPlaceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Look again, now."""

    version: Version | None = None


class UcrCancelBody(UcrActBody, kw_only=True):
    """No longer asked for, and why."""

    reason: Reason | None = None


def cancel(act: Act, referral_id: UUID, body: UcrCancelBody, *, by_asker: bool = False) -> UcrReferralDetail:
    """No visit is asked for any more: the ladder of an alert that has not ended goes on. Raises NotFound, Conflict."""
    held = held_by_caller(act, referral_id)
    why = body.reason or SAID_NOTHING
    at = answer(act, held, states.cancel, Move.CANCEL, body, why)
    told = call_off(act.session, held, at, why, act.now)
    if not by_asker:
        reply(act.session, held.referral, Move.CANCEL, act.now)
    return done(act, held, Move.CANCEL, why, told)


def review(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """A clinician has looked at what a ladder or a coordinator asked for. Raises NotFound, Conflict where one did."""
    held = held_by_caller(act, referral_id)
    refuse_stale(act, held, body.version)
    if held.referral.reviewed_at is not None:
        raise Conflict("The referral was reviewed before.", current=current_view(act.session, held, act.now))
    at = when(act, body.at, held.referral.received_at, "the referral")
    held.referral.reviewed_at, held.referral.reviewed_by = at, act.who.id
    held.referral.version += 1
    mark(act.session, held.referral, "reviewed", State(held.referral.state), act.now, at=at, by=act.who.id,
         note=body.note)  # fmt: skip
    return done(act, held, "reviewed", body.note, note_in_alert(act, held, "reviewed", body.note))


def update(act: Act, referral_id: UUID, said: str) -> UcrReferralDetail:
    """Whoever asked says more: the team, and the ward, hear of it. Raises NotFound, Conflict where it has ended."""
    held = held_by_caller(act, referral_id)
    if held.referral.state not in states.LIVE:
        raise Conflict(f"The referral is {held.referral.state}.", current=current_view(act.session, held, act.now))
    held.referral.version += 1
    mark(act.session, held.referral, "updated", State(held.referral.state), act.now, by=act.who.id, note=said)
    if held.team is not None:
        tell_team(act.session, held.referral, held.team, "updated", act.now)
    tell_ward(act.session, held.referral, "updated", act.now)
    return done(act, held, "updated", said, note_in_alert(act, held, "updated", said))


def place_again(act: Act, referral_id: UUID, body: UcrPlaceBody) -> UcrReferralDetail:
    """Look for a team, now, for one that is unplaced. Raises NotFound, Conflict where it is not, or none is found."""
    held = held_by_caller(act, referral_id)
    refuse_stale(act, held, body.version)
    if held.referral.state != State.UNPLACED:
        raise Conflict(f"The referral is {held.referral.state}.", current=current_view(act.session, held, act.now))
    events = send_again(act.session, held.referral, held.alert, act.now)
    if not events:
        raise Conflict(f"No team: {held.referral.placing['why']}", current=current_view(act.session, held, act.now))
    held.referral.version += 1
    reply(act.session, held.referral, Move.SEND, act.now)
    found = referral(act, referral_id)
    emit(act.session, events)
    return found


def call_off(
    session: Session, held: Held, at: datetime, why: str, now: datetime, *, climbs: bool = True
) -> list[NewEvent]:
    """Nobody comes: the team is told, and the alert's ladder goes on (`climbs`). Returns what to emit of the alert.

    Where the team has no webhook the ward is told instead: somebody has to ring it.
    """
    held.referral.ended_at, held.referral.end_reason, held.referral.due_at = at, why, None
    if held.team is not None:
        tell_team(session, held.referral, held.team, Move.CANCEL, now)
        if held.team.webhook is None:
            tell_ward(session, held.referral, Move.CANCEL, now)
    return go_on_climbing(session, held, f"ucr_cancelled: {held.by}: {why}", now, climbs=climbs)
