"""The board round: what was found and decided, when the patient is expected to leave, and whether they are ready."""

from datetime import date, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from monitoring.access.permissions import MAY
from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.fields import Instant, Line, Reason, Text
from monitoring.flow.codes import CriterionToReside
from monitoring.flow.delays import end_delays
from monitoring.flow.spells import Spell, lock_spell, record, when
from monitoring.flow.tables import Entry
from monitoring.patients.plan import PlanBody
from monitoring.patients.plans import replace_plan
from monitoring.refusals import Conflict, Forbidden, unacceptable
from monitoring.wards.episodes import EpisodeView, view

EXPECTED_AHEAD_MAX: Final = timedelta(days=365)
"""A spell is of days or weeks: a date later than that is a slip of the pen."""


class ReviewBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the round says of a patient: nothing at all means that they were reviewed, and nothing changed."""

    note: Text | None = None
    plan: PlanBody | None = None
    criteria_to_reside: CriterionToReside | None = None  # the one that the patient meets
    expected_discharge: date | None = None
    extension_reason: Reason | None = None  # required where that date is beyond the ward's maximum stay
    at: Instant | None = None


class ExpectedDischargeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """When the patient is expected to leave."""

    date: date
    reason: Reason | None = None  # required beyond the ward's maximum stay


class ReadyBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The patient is ready to leave."""

    at: Instant | None = None
    criteria: Annotated[list[Line], msgspec.Meta(max_length=20)] | None = None  # that are met
    note: Text | None = None


class FailedBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A discharge that was planned and did not happen."""

    reason: Reason
    still_ready: bool = True
    at: Instant | None = None


def review(act: Act, episode_id: UUID, body: ReviewBody) -> EpisodeView:
    """A board round. A plan goes by the rules of plans. Raises NotFound, Forbidden, Unacceptable, Conflict."""
    if body.plan is not None and act.who.role not in MAY["decide plans"]:
        raise Forbidden("A plan is a clinician's to decide.")
    spell = lock_spell(act, episode_id)
    at = when(act, body.at, spell.episode.admitted_at, "the admission")
    said = {
        "note": body.note,
        "criteria_to_reside": body.criteria_to_reside,
        "expected_discharge": body.expected_discharge,
        "extension_reason": body.extension_reason,
        "plan": None if body.plan is None else body.plan.reason,
    }
    record(act, spell, Entry.REVIEW, at, said)
    if body.expected_discharge is not None:
        _expect(act, spell, body.expected_discharge, body.extension_reason, ("expected_discharge", "extension_reason"))
    elif body.extension_reason is not None:
        raise unacceptable("expected_discharge", "required: until when the stay is extended")
    act.session.flush()
    if body.plan is not None:
        replace_plan(act, spell.patient.public_id, body.plan)
    return view(act, spell.episode, spell.ward)


def expect_discharge(act: Act, episode_id: UUID, body: ExpectedDischargeBody) -> EpisodeView:
    """An expected date of discharge, in place of the one before. Raises NotFound, Unacceptable, Conflict."""
    spell = lock_spell(act, episode_id)
    _expect(act, spell, body.date, body.reason, ("date", "reason"))
    record(act, spell, Entry.EXPECTED_DISCHARGE, act.now, body)
    act.session.flush()
    return view(act, spell.episode, spell.ward)


def ready(act: Act, episode_id: UUID, body: ReadyBody) -> EpisodeView:
    """The patient no longer needs the ward. Raises NotFound, Unacceptable; Conflict where it is known already."""
    spell = lock_spell(act, episode_id)
    episode = spell.episode
    if episode.discharge_ready_at is not None:
        current = {"state": "admitted", "discharge_ready_at": episode.discharge_ready_at}
        raise Conflict("The patient is ready already.", current=current)
    at = when(act, body.at, episode.admitted_at, "the admission")
    episode.discharge_ready_at = at
    record(act, spell, Entry.DISCHARGE_READY, at, {"criteria": body.criteria, "note": body.note})
    act.session.flush()
    return view(act, episode, spell.ward)


def discharge_failed(act: Act, episode_id: UUID, body: FailedBody) -> EpisodeView:
    """A planned discharge did not happen; where the patient is not ready any more, nothing delays them either."""
    spell = lock_spell(act, episode_id)
    at = when(act, body.at, spell.episode.admitted_at, "the admission")
    record(act, spell, Entry.DISCHARGE_FAILED, at, {"reason": body.reason, "still_ready": body.still_ready})
    if not body.still_ready:
        spell.episode.discharge_ready_at = None
        end_delays(act, spell, at)
    act.session.flush()
    return view(act, spell.episode, spell.ward)


def _expect(act: Act, spell: Spell, on: date, reason: str | None, fields: tuple[str, str]) -> None:
    """A date beyond the ward's maximum stay extends it, which needs a reason. Raises Unacceptable."""
    episode, max_days = spell.episode, spell.ward.max_stay_days
    of_date, of_reason = fields
    if on < local_day(episode.admitted_at):
        raise unacceptable(of_date, "is before the admission")
    if on > local_day(act.now) + EXPECTED_AHEAD_MAX:
        raise unacceptable(of_date, f"is more than {EXPECTED_AHEAD_MAX.days} days ahead")
    is_extension = on > local_day(episode.admitted_at + timedelta(days=max_days))
    if is_extension and reason is None:
        raise unacceptable(of_reason, f"required: the date is beyond the ward's maximum stay of {max_days} days")
    episode.expected_discharge_on, episode.extension_reason = on, reason if is_extension else None
