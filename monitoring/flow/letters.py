"""What the GP has to be told: that a patient was admitted, and how the spell ended. Each is due within a day."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.acts import Act
from monitoring.fields import Instant, Line
from monitoring.flow.spells import find_spell, record, when
from monitoring.flow.tables import Entry, Letter, LetterKind
from monitoring.refusals import Conflict, NotFound
from monitoring.wards.episodes import EpisodeView, view
from monitoring.wards.tables import Episode

DUE_WITHIN: Final = timedelta(hours=24)
"""After the admission, or the discharge: what the NHS Standard Contract asks of inpatient care."""


class LetterBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a letter was sent, and when."""

    how: Line
    at: Instant | None = None


def owe_letter(session: Session, episode: Episode, kind: LetterKind, since: datetime) -> None:
    """From now on the GP has to be told."""
    session.add(Letter(episode_id=episode.id, ward_id=episode.ward_id, kind=kind, due_at=since + DUE_WITHIN))


def send_letter(act: Act, episode_id: UUID, kind: str, body: LetterBody) -> EpisodeView:
    """A letter was sent, while the spell lasts or after it. Raises NotFound; Conflict where it was sent before."""
    spell = find_spell(act, episode_id)
    query = select(Letter).where(col(Letter.episode_id) == spell.episode.id, col(Letter.kind) == kind)
    letter: Letter | None = act.session.execute(query.with_for_update()).scalar_one_or_none()
    if letter is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} to send.")
    if letter.sent_at is not None:
        raise Conflict("It was sent before.", current={"kind": kind, "sent_at": letter.sent_at, "how": letter.how})
    ended = spell.episode.discharged_at if kind == LetterKind.DISCHARGE_SUMMARY else None
    if ended is None:
        at = when(act, body.at, spell.episode.admitted_at, "the admission")
    else:
        at = when(act, body.at, ended, "the discharge")
    letter.sent_at, letter.sent_by, letter.how = at, act.who.id, body.how
    record(act, spell, Entry.LETTER, at, {"letter": kind, "how": body.how})
    act.session.flush()
    return view(act, spell.episode, spell.ward)
