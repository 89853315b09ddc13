"""Leave and return: the patient is away and keeps the bed. In a hospital, others watch, and no readings are due."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import Kind
from alert_rules.silence import GRACE
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.database import AnySelect
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Text
from monitoring.flow.spells import Spell, about, lock_spell, placed_since, record, when
from monitoring.flow.tables import Entry
from monitoring.paging import Page, before, page
from monitoring.patients.plan import schedule_of
from monitoring.patients.plans import in_force
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict
from monitoring.wards.beds import ward_in_path
from monitoring.wards.episodes import EpisodeView, view
from monitoring.wards.leaves import DECIDE_WITHIN, open_leave
from monitoring.wards.occupancy_events import tell_beds
from monitoring.wards.spell_parts import LeaveView, leave_view
from monitoring.wards.tables import PAUSES, Episode, Leave, LeaveKind, Ward


class LeaveBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the patient is from then on."""

    kind: LeaveKind
    at: Instant | None = None
    note: Text | None = None


class ReturnBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Back home."""

    at: Instant | None = None
    note: Text | None = None


class AwayView(LeaveView, kw_only=True):
    """Somebody who is away."""

    episode: UUID
    patient: UUID
    ward: str


def leave(act: Act, episode_id: UUID, body: LeaveBody) -> EpisodeView:
    """The patient is away and keeps the bed. Raises NotFound, Unacceptable; Conflict where they are away already."""
    spell = lock_spell(act, episode_id)
    if (away := open_leave(act.session, spell.episode.id)) is not None:
        raise Conflict("The patient is on leave.", current={"state": "on_leave", "leave": leave_view(away, act.now)})
    at = when(act, body.at, *placed_since(act, spell))
    episode = spell.episode
    act.session.add(Leave(episode_id=episode.id, ward_id=episode.ward_id, kind=body.kind, from_at=at, note=body.note))
    record(act, spell, Entry.LEAVE, at, {"kind": body.kind, "note": body.note})
    return shown_with_beds(act, spell, told=_pause(act, spell) if body.kind in PAUSES else ())


def come_back(act: Act, episode_id: UUID, body: ReturnBody) -> EpisodeView:
    """The patient is back, and a full set is due at once. Raises NotFound, Unacceptable; Conflict where not away."""
    spell = lock_spell(act, episode_id)
    if open_leave(act.session, spell.episode.id) is None:
        raise Conflict("The patient is not on leave.", current={"state": "admitted"})
    at = when(act, body.at, *placed_since(act, spell))
    end_leave(act, spell, at)
    watch_again(act, spell, at)
    record(act, spell, Entry.RETURN, at, {"note": body.note})
    return shown_with_beds(act, spell)


def away(act: Act, code: str, limit: int, cursor: str | None, *, decision_due: bool) -> Page[AwayView]:
    """Who of a ward is on leave, newest first; or only those of whom it must be decided what follows.

    Raises Forbidden, NotFound.
    """
    ward_in_path(act, code)
    query = _away().where(col(Ward.code) == code, col(Leave.id) < before(cursor)).order_by(col(Leave.id).desc())
    if decision_due:
        query = query.where(col(Leave.kind).in_(PAUSES), col(Leave.from_at) <= act.now - DECIDE_WITHIN)
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _away_view(act, *row))


def end_leave(act: Act, spell: Spell, at: datetime) -> bool:
    """The patient's leave, if they are on one, ends. Returns whether they were."""
    found = open_leave(act.session, spell.episode.id)
    if found is not None:
        found.until_at = at
    act.session.flush()
    return found is not None


def watch_again(act: Act, spell: Spell, at: datetime) -> None:
    """Readings are due again, the first set at once, unless one has come since."""
    known = act.session.get_one(LatestVitals, spell.episode.id)
    schedule = schedule_of(in_force(act.session, spell.episode, act.now))
    if not schedule.times:
        due_at = None
    elif known.heard_at is not None and known.heard_at >= at:
        due_at = schedule.due_after(known.heard_at)
    else:
        due_at = at
    known.due_at, known.overdue_at, known.missed = due_at, due_at and due_at + GRACE, 0


def shown_with_beds(act: Act, spell: Spell, *others: Ward, told: Sequence[NewEvent] = ()) -> EpisodeView:
    """The spell as it now is; who watches the wards hears what else there is to tell, and of their beds. Comes last."""
    act.session.flush()
    shown = view(act, spell.episode, spell.ward)
    emit(act.session, told)
    tell_beds(act.session, act.now, spell.ward, *others)
    return shown


def _pause(act: Act, spell: Spell) -> list[NewEvent]:
    """No readings are due; what was overdue has no cause left. Any other alert stays with whoever has it."""
    known = act.session.get_one(LatestVitals, spell.episode.id)
    known.due_at = known.overdue_at = None
    alerts = Alerts.lock(act.session, act.now, [spell.patient.id])
    alerts.expire(about(spell), Kind.OVERDUE, "on_leave")
    return alerts.write()


def _away() -> AnySelect:
    return (
        select(Leave, col(Episode.public_id), col(Patient.public_id), col(Ward.code))
        .join(Episode, col(Episode.id) == col(Leave.episode_id))
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .join(Ward, col(Ward.id) == col(Leave.ward_id))
        .where(col(Leave.until_at).is_(None))
    )


def _away_view(act: Act, found: Leave, episode: UUID, patient: UUID, ward: str) -> AwayView:
    fields = msgspec.structs.asdict(leave_view(found, act.now))
    return AwayView(**fields, episode=episode, patient=patient, ward=ward)
