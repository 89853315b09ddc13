"""Transfer: from a bed on one ward to a bed on another, in the same spell. Plan, kit and alerts go with the patient."""

from dataclasses import replace
from uuid import UUID

import msgspec
from sqlalchemy import update
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.clock import local_day
from monitoring.events import NewEvent
from monitoring.fields import Instant, Reason, WardCode
from monitoring.flow.leave import end_leave, shown_with_beds, watch_again
from monitoring.flow.spells import Spell, about, lock_spell, open_stay, placed_since, record, when
from monitoring.flow.tables import Delay, Entry, Letter
from monitoring.recovery.ending import move_care
from monitoring.refusals import Conflict
from monitoring.ucr.leaving import move_all as move_referrals
from monitoring.wards.admission import refuse_before_beds, refuse_unsuitable
from monitoring.wards.beds import lock_ward, refuse_full
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.tables import Ward, WardStay


class TransferBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """To which ward, from when on."""

    ward: WardCode
    reason: Reason | None = None
    at: Instant | None = None


def transfer(act: Act, episode_id: UUID, body: TransferBody) -> EpisodeView:
    """One bed frees as the other fills. Raises NotFound, Forbidden, Unacceptable; Conflict where no bed is free there.

    Both wards are locked in the order of their codes, so that two transfers that cross follow one another.
    """
    see_ward(act.who, body.ward)
    spell = lock_spell(act, episode_id, body.ward)
    left, to = spell.ward, lock_ward(act, body.ward)
    if to.id == left.id:
        raise Conflict("The patient is on that ward.", current={"state": "admitted", "ward": left.code})
    at = when(act, body.at, *placed_since(act, spell))
    refuse_unsuitable(to, spell.patient, local_day(at))
    refuse_before_beds(act, to, at)
    refuse_full(act, to)
    record(act, spell, Entry.TRANSFER, at, {"from": left.code, "to": to.code, "reason": body.reason})
    open_stay(act, spell).until_at = at
    was_away = end_leave(act, spell, at)  # flushes: nobody is in two beds, not for a moment
    moved = Spell(spell.episode, spell.patient, to)
    episode = moved.episode
    act.session.add(WardStay(episode_id=episode.id, patient_id=episode.patient_id, ward_id=to.id, from_at=at))
    episode.ward_id = to.id
    if was_away:
        watch_again(act, moved, at)
    _hand_over(act, moved)
    move_care(act.session, episode, to, at)
    return shown_with_beds(act, moved, left, told=_take_alerts(act, moved, left))


def _hand_over(act: Act, moved: Spell) -> None:
    """What is still to be done for the patient is the new ward's to do."""
    to, of = moved.ward.id, moved.episode.id
    act.session.execute(
        update(Delay).where(col(Delay.episode_id) == of, col(Delay.ended_at).is_(None)).values(ward_id=to)
    )
    act.session.execute(
        update(Letter).where(col(Letter.episode_id) == of, col(Letter.sent_at).is_(None)).values(ward_id=to)
    )


def _take_alerts(act: Act, moved: Spell, left: Ward) -> list[NewEvent]:
    """The alerts, and referrals to UCR teams, come to the new ward; the old one hears that they left it."""
    alerts = Alerts.lock(act.session, act.now, [moved.patient.id])
    alerts.move_all(about(moved), act.who.id)
    told = alerts.write()
    told += move_referrals(act.session, moved.patient.id, moved.ward, act.now, act.who.id)
    return [*told, *(replace(one, ward=left.code) for one in told)]
