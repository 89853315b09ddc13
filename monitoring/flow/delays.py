"""Delays: why a patient who could leave does not. Each has an owner and a time by which it is to be solved."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlmodel import col

from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.fields import Instant, Line, Text, Word, in_utc
from monitoring.flow.codes import check_code
from monitoring.flow.spells import Spell, lock_spell, record, when
from monitoring.flow.tables import Delay, Entry
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.wards.episodes import EpisodeView, view

DUE_AHEAD_MAX: Final = timedelta(days=365)


class DelayBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What delays the discharge, who solves it, and by when."""

    reason: Word  # a code of the list delay_reason, once that is loaded
    owner: Line
    due_at: Instant
    at: Instant | None = None
    note: Text | None = None


class DelayEndedBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """It delays nobody any more."""

    at: Instant | None = None
    note: Text | None = None


def delay(act: Act, episode_id: UUID, body: DelayBody) -> EpisodeView:
    """Something delays the discharge from now on. Raises NotFound, Unacceptable, Conflict."""
    spell = lock_spell(act, episode_id)
    check_code(act, "delay_reason", "reason", body.reason, local_day(act.now))
    at = when(act, body.at, spell.episode.admitted_at, "the admission")
    due_at = in_utc("due_at", body.due_at)
    if due_at < spell.episode.admitted_at:
        raise unacceptable("due_at", "is before the admission")
    if due_at > act.now + DUE_AHEAD_MAX:
        raise unacceptable("due_at", f"is more than {DUE_AHEAD_MAX.days} days ahead")
    made = Delay(
        episode_id=spell.episode.id,
        ward_id=spell.episode.ward_id,
        reason=body.reason,
        owner=body.owner,
        due_at=due_at,
        from_at=at,
    )
    act.session.add(made)
    said = {"delay": made.public_id, "reason": body.reason, "owner": body.owner, "due_at": due_at, "note": body.note}
    record(act, spell, Entry.DELAY, at, said)
    act.session.flush()
    return view(act, spell.episode, spell.ward)


def end_delay(act: Act, episode_id: UUID, delay_id: UUID, body: DelayEndedBody) -> EpisodeView:
    """It is solved. Raises NotFound, Unacceptable; Conflict where it ended before."""
    spell = lock_spell(act, episode_id)
    query = select(Delay).where(col(Delay.episode_id) == spell.episode.id, col(Delay.public_id) == delay_id)
    found: Delay | None = act.session.execute(query.with_for_update()).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no delay {delay_id}.")
    if found.ended_at is not None:
        raise Conflict("The delay has ended.", current={"delay": delay_id, "ended_at": found.ended_at})
    found.ended_at = at = when(act, body.at, found.from_at, "the delay")
    record(act, spell, Entry.DELAY_ENDED, at, {"delay": delay_id, "note": body.note})
    act.session.flush()
    return view(act, spell.episode, spell.ward)


def end_delays(act: Act, spell: Spell, at: datetime) -> None:
    """Nothing delays this patient any more; what began later, told late, lasted no time."""
    still = update(Delay).where(col(Delay.episode_id) == spell.episode.id, col(Delay.ended_at).is_(None))
    act.session.execute(
        still.values(ended_at=func.greatest(col(Delay.from_at), at)).execution_options(synchronize_session=False)
    )
