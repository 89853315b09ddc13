"""What a coordinator records of a spell on a recovery or discharge-to-assess service: when what was, and the end.

An instant that is recorded stands. Recorded wrongly, it is corrected with a reason; the record of the spell keeps both.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from monitoring.acts import Act
from monitoring.fields import Instant as At
from monitoring.fields import Reason, Text, in_utc
from monitoring.flow.spells import record
from monitoring.flow.tables import Entry
from monitoring.recovery.care import COLUMN, Care, lock_care
from monitoring.recovery.clocks import WORDS, Instant, Outcome, out_of_order, possible_outcomes
from monitoring.recovery.views import RecoveryView, view
from monitoring.refusals import Conflict, unacceptable

BEFORE_ADMISSION_MAX: Final = timedelta(days=30)
"""The hospital refers, and the patient is home, days before somebody enters the admission; more is a slip of the pen.
The design's own."""


class InstantBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """When it was: now, unless said."""

    at: At | None = None
    note: Text | None = None
    reason: Reason | None = None  # required to correct what is recorded


class OutcomeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How recovery ended."""

    outcome: Outcome
    note: Text | None = None
    reason: Reason | None = None  # required to correct what is recorded


def record_instant(act: Act, episode_id: UUID, what: Instant, body: InstantBody) -> RecoveryView:
    """Something happened, told at once or late. Raises NotFound, Unacceptable; Conflict where what is known forbids."""
    care = lock_care(act, episode_id)
    if what is Instant.REFERRED and care.received_at is not None:
        raise Conflict("The service's own referral says it.", current={"referred_at": care.received_at})
    was, at = getattr(care.recorded, COLUMN[what]), _at(act, care, body.at)
    if was is not None and body.reason is None:
        raise Conflict("It is recorded: to correct it, say why.", current={COLUMN[what]: was})
    if what is Instant.REFERRED and at > care.from_at:
        raise Conflict("The patient was on the service before.", current={"from": care.from_at})
    if what is Instant.ASSESSED and Instant.HOME not in care.known:
        raise Conflict("It is not known when the patient was home.", current={"home_at": None})
    keep(act, care, what, at)
    said = {"what": COLUMN[what], "was": was, "note": body.note, "reason": body.reason}
    record(act, care.spell, Entry.CARE, at, said)
    act.session.flush()
    return view(act, care)


def keep(act: Act, care: Care, what: Instant, at: datetime) -> None:
    """Set an instant. Raises Conflict where it contradicts another."""
    known = care.known | {what: at}
    if found := out_of_order(known):
        first, then = found
        current = {COLUMN[one]: one_at for one, one_at in care.known.items()}
        raise Conflict(f"Then {WORDS[then]} would be before {WORDS[first]}.", current=current)
    setattr(care.recorded, COLUMN[what], at)
    act.session.add(care.recorded)


def record_outcome(act: Act, episode_id: UUID, body: OutcomeBody) -> RecoveryView:
    """How recovery ended, once the patient has left. Raises NotFound, Unacceptable, Conflict."""
    care = lock_care(act, episode_id)
    episode, was = care.spell.episode, care.recorded.outcome
    if episode.discharged_at is None:
        raise Conflict("The spell has not ended.", current={"state": "admitted"})
    if body.outcome not in possible_outcomes(episode.outcome):
        current = {"outcome": episode.outcome, "possible": sorted(possible_outcomes(episode.outcome))}
        raise Conflict("The discharge says another outcome.", current=current)
    if was is not None and was != body.outcome and body.reason is None:
        raise Conflict("It is recorded: to correct it, say why.", current={"outcome": was})
    care.recorded.outcome = body.outcome
    act.session.add(care.recorded)
    said = {"what": "outcome", "outcome": body.outcome, "was": was, "note": body.note, "reason": body.reason}
    record(act, care.spell, Entry.CARE, act.now, said)
    act.session.flush()
    return view(act, care)


def _at(act: Act, care: Care, told: datetime | None) -> datetime:
    """The instant meant: neither to come, nor after the patient left, nor long before they came."""
    at = act.now if told is None else in_utc("at", told)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    if at < care.from_at - BEFORE_ADMISSION_MAX:
        raise unacceptable("at", f"is more than {BEFORE_ADMISSION_MAX.days} days before the patient came")
    if care.until_at is not None and at > care.until_at:
        raise Conflict("The patient had left the service.", current={"until": care.until_at})
    return at
