"""Who was spoken to, what a meeting decided, and how the patient found it. Recorded during a spell, and after it."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

from monitoring.acts import Act
from monitoring.events import emit
from monitoring.fields import Instant, Line, Reason, Text, in_utc
from monitoring.flow.spells import find_spell, record, when
from monitoring.flow.tables import Entry
from monitoring.refusals import unacceptable
from monitoring.soft_signs.noticing import Signs, Told, notice, refuse_twice
from monitoring.soft_signs.tables import Source
from monitoring.wards.episodes import EpisodeView, view

Several = Annotated[list[Reason], msgspec.Meta(min_length=1, max_length=50)]

NOT_SPOKEN: Final = frozenset({"no_answer", "no_access", "voicemail", "declined"})
"""Outcomes of a contact in which nobody was spoken to: the patient is still on the day's list."""


class ContactBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A contact with the patient or their carer. `outcome` is free, but for those that mean nobody was spoken to."""

    mode: Literal["phone", "video", "visit"]
    planned: bool
    outcome: Line
    at: Instant | None = None
    note: Text | None = None
    soft_signs: Signs | None = None  # as seen or heard; none of them where it is empty, not asked where it is left out


class MdtBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A meeting of those who care for the patient."""

    attendees: Several | Line
    decisions: Several | Reason
    at: Instant | None = None


class ExperienceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the patient found it: as much as they wanted to answer."""

    score: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    recommend: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None  # 5: very likely
    felt_safe: bool | None = None
    text: Text | None = None
    at: Instant | None = None


BY_MODE: Final = {"phone": "told by phone", "video": "seen by video", "visit": "seen on a visit"}
"""How staff came to know of soft signs."""


def record_contact(act: Act, episode_id: UUID, body: ContactBody) -> EpisodeView:
    """Somebody called, or called on, the patient. Soft signs alert. Raises NotFound, Unacceptable, Conflict."""
    if body.soft_signs is None:
        return _recorded(act, episode_id, Entry.CONTACT, body)
    refuse_twice(body.soft_signs)
    shown = _recorded(act, episode_id, Entry.CONTACT, body)
    spell = find_spell(act, episode_id)
    at = act.now if body.at is None else in_utc("at", body.at)
    told = Told(body.soft_signs, Source.CONTACT, at, BY_MODE[body.mode])
    emit(act.session, notice(act, spell.episode.id, told))
    return shown


def record_mdt(act: Act, episode_id: UUID, body: MdtBody) -> EpisodeView:
    """A meeting decided. Raises NotFound, Unacceptable, Conflict."""
    several = {
        name: [said] if isinstance(said := getattr(body, name), str) else said for name in ("attendees", "decisions")
    }
    return _recorded(act, episode_id, Entry.MDT, msgspec.structs.replace(body, **several))


def record_experience(act: Act, episode_id: UUID, body: ExperienceBody) -> EpisodeView:
    """What the patient says of their care, mostly once it has ended. Raises NotFound, Unacceptable, Conflict."""
    answers = (body.score, body.recommend, body.felt_safe, body.text or None)
    if all(one is None for one in answers):
        raise unacceptable("", "says nothing: give score, recommend, felt_safe or text")
    return _recorded(act, episode_id, Entry.EXPERIENCE, body)


def _recorded(act: Act, episode_id: UUID, kind: Entry, body: Any) -> EpisodeView:
    spell = find_spell(act, episode_id)
    at = when(act, body.at, spell.episode.admitted_at, "the admission")
    record(act, spell, kind, at, {**msgspec.structs.asdict(body), "at": None})
    act.session.flush()
    return view(act, spell.episode, spell.ward)
