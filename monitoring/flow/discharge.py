"""Discharge: the spell ends, the bed is free, the kit is nobody's, and no reading is due any more.

Told late, it counts from when it was. What was stored and alerted since stays as it is: those readings were taken, and
a red alert has to be answered whoever the bed belongs to.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import TECHNICAL, State
from alert_rules.alarms import Outcome as AlertOutcome
from alert_rules.severity import Severity
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.clock import local_day
from monitoring.events import NewEvent
from monitoring.fields import Instant, Line, Text, Word
from monitoring.flow.codes import check_code
from monitoring.flow.delays import end_delays
from monitoring.flow.holds import Said, end_hold, move
from monitoring.flow.leave import end_leave, shown_with_beds
from monitoring.flow.letters import owe_letter
from monitoring.flow.spells import Spell, about, find_spell, lock_spell, open_stay, placed_since, record, when
from monitoring.flow.states import LIVE, Move
from monitoring.flow.tables import Entry, LetterKind, Referral
from monitoring.kit.assigning import end_kit
from monitoring.patients.tables import LatestVitals
from monitoring.prompts.asking import open_prompts, stop_asking
from monitoring.recovery.ending import end_care, end_for_the_dead
from monitoring.refusals import Conflict
from monitoring.ucr.leaving import DIED, call_off_all
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.tables import Ward

UNANSWERED_FROM: Final = Severity.RED
"""An open alert so bad, or worse, is answered before anybody leaves."""


class Outcome(StrEnum):
    """How a spell ended."""

    HOME = "home"
    ACUTE = "acute"
    HOSPICE = "hospice"
    DIED = "died"
    SELF = "self"


AT_HOME: Final = frozenset({Outcome.HOME, Outcome.SELF})
"""Outcomes after which the patient can still be visited at home."""


class DischargeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the spell ended, and who decided it."""

    outcome: Outcome
    decided_by: Line
    destination: Word | None = None
    at: Instant | None = None
    pathway: Literal[0, 1, 2, 3] | None = None  # of leaving hospital, where the patient stepped down from one
    summary: Text | None = None


def discharge(act: Act, episode_id: UUID, body: DischargeBody) -> EpisodeView:
    """The spell ends. Raises NotFound, Unacceptable; Conflict where a red alert is unanswered, or it ended before."""
    died = body.outcome is Outcome.DIED
    asked_at = _wards_that_were_asked(act, episode_id) if died else []
    spell = lock_spell(act, episode_id, *(ward.code for ward in asked_at))
    check_code(act, "destination", "destination", body.destination, local_day(act.now))
    at = when(act, body.at, *placed_since(act, spell))
    alerts = Alerts.lock(act.session, act.now, [spell.patient.id])
    of_ucr: list[NewEvent] = []
    if died:
        alerts.resolve_all(about(spell), AlertOutcome.DIED, act.who.id)
        of_ucr = call_off_all(act.session, spell.patient.id, DIED, act.now, act.who.id)
        spell.patient.died_at = at
        _withdraw_referrals(act, spell, asked_at, at)
        end_for_the_dead(act, spell.patient.id, at)
    else:
        _refuse_unanswered(alerts)
        _refuse_unrepeated(act, spell)
        for kind in sorted(TECHNICAL):
            alerts.expire(about(spell), kind, "discharged")
        why, at_home = f"patient discharged: {body.outcome}", body.outcome in AT_HOME
        of_ucr = call_off_all(act.session, spell.patient.id, why, act.now, act.who.id, at_home=at_home)
    record(act, spell, Entry.DISCHARGE, at, {**msgspec.structs.asdict(body), "at": None})
    _end(act, spell, at)
    episode = spell.episode
    episode.discharged_at, episode.discharged_by = at, act.who.id
    episode.outcome, episode.destination, episode.decided_by = body.outcome, body.destination, body.decided_by
    owe_letter(act.session, episode, LetterKind.DISCHARGE_SUMMARY, at)
    others = [ward for ward in asked_at if ward.id != spell.ward.id]
    return shown_with_beds(act, spell, *others, told=[*alerts.write(), *of_ucr])


def _refuse_unanswered(alerts: Alerts) -> None:
    """Raise Conflict naming the alerts that nobody has answered."""
    unanswered = [
        {"id": one.public_id, "kind": one.kind, "severity": Severity(one.severity).label, "raised_at": one.raised_at}
        for one in alerts.open.values()
        if one.state == State.OPEN and one.severity >= UNANSWERED_FROM
    ]
    if unanswered:
        worst = ", ".join(f"{one['severity']} {one['kind']} ({one['id']})" for one in unanswered)
        raise Conflict(f"Answer this first: {worst}.", current={"state": "admitted", "alerts": unanswered})


def _refuse_unrepeated(act: Act, spell: Spell) -> None:
    """Raise Conflict where a reading that may be red is to be repeated: nobody leaves before it is known."""
    for prompt in open_prompts(act.session, [spell.episode.id]).values():
        if prompt.finding["severity"] >= UNANSWERED_FROM:
            current = {"state": "admitted", "repeat": {"asked_at": prompt.asked_at, "until": prompt.until_at}}
            raise Conflict(
                f"A repeat of what may be red is waited for until {prompt.until_at:%H:%M}Z.", current=current
            )


def _end(act: Act, spell: Spell, at: datetime) -> None:
    """Everything that lasts as long as the spell: bed, leave, delays, care, kit, and the watch over readings."""
    open_stay(act, spell).until_at = at
    end_leave(act, spell, at)
    end_delays(act, spell, at)
    end_care(act.session, spell.episode, at, "discharged")
    end_kit(act, spell.patient, at)
    known = act.session.get_one(LatestVitals, spell.episode.id)
    known.due_at = known.overdue_at = known.repeat_by = None
    stop_asking(act.session, spell.episode.id, spell.ward.id, act.now)


def _wards_that_were_asked(act: Act, episode_id: UUID) -> list[Ward]:
    """Where the patient is referred to: their beds free with them, so that their rows are locked too."""
    patient = find_spell(act, episode_id).patient
    query = (
        select(Ward)
        .join(Referral, col(Referral.ward_id) == col(Ward.id))
        .where(col(Referral.patient_id) == patient.id, col(Referral.state).in_(LIVE))
        .order_by(col(Ward.code))
    )
    return list(act.session.execute(query).scalars())


def _withdraw_referrals(act: Act, spell: Spell, wards: list[Ward], at: datetime) -> None:
    """Nobody waits for the dead, and no bed is held for them. Raises Conflict where another was asked since."""
    query = select(Referral).where(col(Referral.patient_id) == spell.patient.id, col(Referral.state).in_(LIVE))
    said = Said(by=act.who.id, reason="the patient died")
    locked = {ward.id for ward in wards}
    for referral in act.session.execute(query.order_by(col(Referral.id)).with_for_update()).scalars():
        if referral.ward_id not in locked:
            raise Conflict("The patient was referred in this moment.", current={"state": "admitted"})
        end_hold(act.session, referral, at)
        move(act.session, referral, Move.WITHDRAW, said, at=at, now=act.now)
        referral.reason = said.reason
