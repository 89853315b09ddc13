"""A discharge that did not happen: the spell goes on as if it had not ended, and the patient is watched at once."""

from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from alert_rules.alarms import Outcome as AlertOutcome
from alert_rules.alarms import State
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.alerts.tables import Alert
from monitoring.events import NewEvent
from monitoring.fields import Reason
from monitoring.flow.discharge import Outcome
from monitoring.flow.leave import shown_with_beds, watch_again
from monitoring.flow.spells import Spell, about, find_spell, record
from monitoring.flow.tables import Delay, Entry, Letter, LetterKind, SpellEntry
from monitoring.kit import life
from monitoring.kit.states import STILL_OUT
from monitoring.kit.tables import Assignment, Device
from monitoring.patients.tables import LatestVitals
from monitoring.refusals import Conflict
from monitoring.wards.beds import refuse_closed, refuse_full, ward_in_path
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.leaves import is_paused
from monitoring.wards.tables import Episode, Leave, WardStay


class CancelDischargeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why the spell goes on."""

    reason: Reason


def cancel_discharge(act: Act, episode_id: UUID, body: CancelDischargeBody) -> EpisodeView:
    """The bed, the leave, the delays and the kit are as they were. Raises NotFound, Conflict.

    Refused where the patient has come to a ward since, or no bed is free. A device that somebody else has now stays
    there. Referrals that a death withdrew stay withdrawn; alerts that it ended are open again.
    """
    spell = _lock(act, episode_id)
    refuse_closed(spell.ward)
    _refuse_later_spell(act, spell)
    refuse_full(act, spell.ward)
    episode = spell.episode
    ended_at = episode.discharged_at
    for found in (WardStay, Leave):
        rows = select(found).where(col(found.episode_id) == episode.id, col(found.until_at) == ended_at)
        for row in act.session.execute(rows).scalars():
            row.until_at = None
    told = _live_again(act, spell)
    _owe_again(act, spell)
    _give_kit_back(act, spell)
    record(act, spell, Entry.DISCHARGE_CANCELLED, act.now, {"reason": body.reason, "discharged_at": ended_at})
    episode.discharged_at = episode.discharged_by = episode.outcome = None
    episode.destination = episode.decided_by = None
    act.session.flush()
    if not is_paused(act.session, episode.id):
        watch_again(act, spell, act.now)
    return shown_with_beds(act, spell, told=told)


def _lock(act: Act, episode_id: UUID) -> Spell:
    """A spell that has ended: ward, patient and latest vitals locked. Raises NotFound, Conflict."""
    found = find_spell(act, episode_id)
    ward_in_path(act, found.ward.code, lock=True)
    act.session.refresh(found.patient, with_for_update={"key_share": True})
    act.session.get_one(LatestVitals, found.episode.id, with_for_update=True, populate_existing=True)
    act.session.refresh(found.episode)
    if found.episode.discharged_at is None:
        raise Conflict("The spell has not ended.", current={"state": "admitted"})
    return found


def _refuse_later_spell(act: Act, spell: Spell) -> None:
    later = select(Episode).where(
        col(Episode.patient_id) == spell.patient.id, col(Episode.admitted_at) > spell.episode.admitted_at
    )
    found: Episode | None = act.session.execute(later.limit(1)).scalar_one_or_none()
    if found is not None:
        raise Conflict("The patient has come to a ward since.", current={"episode": found.public_id})


def _live_again(act: Act, spell: Spell) -> list[NewEvent]:
    """Where the discharge was a death: it was none. What it ended is to be answered. Returns what to tell."""
    if spell.episode.outcome != Outcome.DIED:
        return []
    spell.patient.died_at = None
    entered = select(func.max(col(SpellEntry.recorded_at))).where(
        col(SpellEntry.episode_id) == spell.episode.id, col(SpellEntry.kind) == Entry.DISCHARGE
    )
    alerts = Alerts.lock(act.session, act.now, [spell.patient.id])
    ended = select(Alert).where(
        col(Alert.patient_id) == spell.patient.id,
        col(Alert.state) == State.RESOLVED,
        col(Alert.outcome) == AlertOutcome.DIED,
        col(Alert.resolved_at) == entered.scalar_subquery(),
    )
    found = act.session.execute(ended.order_by(col(Alert.id)).with_for_update()).scalars().all()
    alerts.open_again(about(spell), found, "open again: the patient did not die", act.who.id)
    return alerts.write()


def _owe_again(act: Act, spell: Spell) -> None:
    """What delays the patient delays them still; the GP is told of the discharge once there is one."""
    of, ended_at = spell.episode.id, spell.episode.discharged_at
    for delay in act.session.execute(
        select(Delay).where(col(Delay.episode_id) == of, col(Delay.ended_at) == ended_at)
    ).scalars():
        delay.ended_at = None
    summary = select(Letter).where(col(Letter.episode_id) == of, col(Letter.kind) == LetterKind.DISCHARGE_SUMMARY)
    for letter in act.session.execute(summary).scalars():
        act.session.delete(letter)  # that one was sent, where it was, stands in the record
    act.session.flush()


def _give_kit_back(act: Act, spell: Spell) -> None:
    """Devices that the discharge took are the patient's again, but one that came back or is somebody else's by now."""
    ended = (
        col(Assignment.patient_id) == spell.patient.id,
        func.upper(col(Assignment.during)) == spell.episode.discharged_at,
    )
    took = select(Device).where(col(Device.id).in_(select(col(Assignment.device_id)).where(*ended)))
    query = took.order_by(col(Device.id)).with_for_update(key_share=True)
    kit = {device.id: device for device in act.session.execute(query).scalars() if device.state in STILL_OUT}
    rows = select(Assignment).where(*ended, col(Assignment.device_id).in_(kit)).order_by(col(Assignment.device_id))
    for row in act.session.execute(rows.with_for_update()).scalars().all():
        period = row.during
        try:
            with act.session.begin_nested():
                row.during = Range(period.lower, None, bounds="[)")
                act.session.flush()
        except IntegrityError:
            act.session.refresh(row)
        else:
            life.give(act, kit[row.device_id], act.now)
