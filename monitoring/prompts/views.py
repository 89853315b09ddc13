"""What a device shows its patient: in plain words, and never a value or a severity, for others may see the screen."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import text

from alert_rules.silence import Schedule
from alert_rules.soft_signs import SOFT_SIGNS
from alert_rules.words import LABELS
from monitoring.acts import Act
from monitoring.clock import WARD_TIME, local_day
from monitoring.database import AnyRow
from monitoring.paging import LIMIT_MAX, Page, before
from monitoring.prompts.asking import open_prompts
from monitoring.prompts.tables import Prompt
from monitoring.refusals import NotFound
from monitoring.wards.tables import PAUSES

REMINDED_AFTER: Final = timedelta(minutes=15)
"""Readings that are due are asked for then: an hour after they were due the ward hears of it."""
ASKED_FROM: Final = time(8)
"""From when on the question of the day is asked, local time. The design's own."""
KINDS_MAX: Final = 4
"""Prompts that one patient can have at once: one of each kind."""

_EMERGENCY: Final = "If it is an emergency, call 999."


class Kind(StrEnum):
    """What is asked or said. The order is that of the list."""

    REPEAT = "repeat"
    REMINDER = "reminder"
    QUESTION = "question"
    CALL = "call"


class SignView(msgspec.Struct):
    """A soft sign to ask about: what to show, and its name in the answer."""

    name: str
    asks: str


SIGNS: Final = [SignView(name, sign.asks) for name, sign in SOFT_SIGNS.items()]


class PromptView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something to show. It is over at `until`, or when it is not listed any more."""

    id: UUID
    patient: UUID
    kind: Kind
    text: str
    since: datetime
    until: datetime | None
    readings: list[str] = []  # to take again, by their names in POST /v1/readings
    phone: str | None = None
    soft_signs: list[SignView] = []  # to ask about with the question; answered by POST /v1/prompts/{id}/answer


# By the device's assignments, then one row each by the keys of what is open.
_WHO: Final = text(
    """
    SELECT patient.id, patient.public_id, episode.id AS episode_id, episode.admitted_at, ward.phone,
           known.due_at, known.missed, (known.also -> 'wellness' ->> 'at_us')::bigint AS answered_us,
           plan.times, plan.monitoring,
           EXISTS (SELECT FROM leave WHERE leave.episode_id = episode.id AND leave.until_at IS NULL
                     AND leave.kind = ANY(:pauses)) AS is_paused
    FROM assignment
    JOIN patient ON patient.id = assignment.patient_id
    JOIN episode ON episode.patient_id = patient.id AND episode.discharged_at IS NULL
    JOIN ward ON ward.id = episode.ward_id
    JOIN latest_vitals AS known ON known.episode_id = episode.id
    LEFT JOIN LATERAL (SELECT times, monitoring FROM plan
                       WHERE plan.episode_id = episode.id AND plan.from_at <= :now
                       ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan ON true
    WHERE assignment.device_id = :device AND assignment.during @> CAST(:now AS timestamptz)
      AND patient.died_at IS NULL AND patient.id <= :last
    ORDER BY patient.id DESC LIMIT :most
    """
)


def prompts(act: Act, limit: int, cursor: str | None) -> Page[PromptView]:
    """What the calling device shows its patients now: those who came to it last first, and of each by kind."""
    below = before(cursor)
    asked = {"device": act.who.id, "now": act.now, "pauses": sorted(PAUSES), "most": limit + 1}
    rows = act.session.execute(_WHO, asked | {"last": below // KINDS_MAX}).all()
    repeats = open_prompts(act.session, [row.episode_id for row in rows])
    found = [
        (row.id * KINDS_MAX + KINDS_MAX - 1 - place, shown)
        for row in rows
        for place, shown in _of(row, repeats.get(row.episode_id), act.now)
    ]
    page = [one for one in found if one[0] < below][: limit + 1]
    more = str(page[limit - 1][0]) if len(page) > limit else None
    return Page([shown for _, shown in page[:limit]], more)


def asked_of_today(act: Act, prompt_id: UUID) -> AnyRow:
    """Whose question of today this is, of the calling device's patients, also once it is answered. Raises NotFound."""
    asked = {"device": act.who.id, "now": act.now, "pauses": sorted(PAUSES), "most": LIMIT_MAX, "last": before(None)}
    for row in act.session.execute(_WHO, asked):
        since = _begins_today(row, act.now) if _is_watched(row) and row.times else None
        if since is not None and _id_of(row, Kind.QUESTION, since) == prompt_id:
            return row
    raise NotFound(f"There is no question {prompt_id} of today for a patient of this device.")


def _is_watched(row: AnyRow) -> bool:
    return bool(row.monitoring == "full" and not row.is_paused)


def _of(row: AnyRow, prompt: Prompt | None, now: datetime) -> Iterator[tuple[int, PromptView]]:
    """One patient's, each with its place in the list. Somebody is always to call."""
    kinds = list(Kind)
    is_watched = _is_watched(row)
    if prompt is not None and prompt.until_at > now and is_watched:
        yield kinds.index(Kind.REPEAT), _repeat(row, prompt)
    if is_watched and row.times:
        schedule = Schedule.of(row.times)
        if (since := _due_since(row, schedule, now)) is not None:
            said = "Your readings are due. Please take them now."
            yield kinds.index(Kind.REMINDER), _view(row, Kind.REMINDER, said, since, until=schedule.after(now))
        if (asked := _asked_today(row, now)) is not None:
            said = "How do you feel today, compared with yesterday? Please answer on this device."
            until = _next_day(now)
            yield kinds.index(Kind.QUESTION), _view(row, Kind.QUESTION, said, asked, until=until, soft_signs=SIGNS)
    yield kinds.index(Kind.CALL), _call(row)


def _repeat(row: AnyRow, prompt: Prompt) -> PromptView:
    named = ", ".join(LABELS[vital] for vital in _in_order(prompt.vitals))
    return PromptView(
        id=prompt.public_id, patient=row.public_id, kind=Kind.REPEAT, since=prompt.asked_at, until=prompt.until_at,
        text=f"Please sit still for some minutes with warm hands, then measure again: {named}.",
        readings=list(_in_order(prompt.vitals)),
    )  # fmt: skip


def _in_order(vitals: Sequence[str]) -> list[str]:
    return [vital for vital in LABELS if vital in vitals]


def _due_since(row: AnyRow, schedule: Schedule, now: datetime) -> datetime | None:
    """From when on a set is asked for that is due, or was and did not come."""
    if row.missed:
        return schedule.before(now)
    due_at: datetime | None = row.due_at
    since = None if due_at is None else due_at + REMINDED_AFTER
    return since if since is not None and since <= now else None


def _asked_today(row: AnyRow, now: datetime) -> datetime | None:
    """From when on today's question is asked; None where it was answered, or it is too early."""
    if row.answered_us is not None:
        answered = datetime.fromtimestamp(row.answered_us / 1_000_000, now.tzinfo)
        if local_day(answered) >= local_day(now):
            return None
    return _begins_today(row, now)


def _begins_today(row: AnyRow, now: datetime) -> datetime | None:
    """From when on it is asked, answered or not; None where it is too early."""
    begins = datetime.combine(local_day(now), ASKED_FROM, WARD_TIME).astimezone(now.tzinfo)
    admitted_at: datetime = row.admitted_at
    return None if now < begins else max(begins, admitted_at)


def _next_day(now: datetime) -> datetime:
    return datetime.combine(local_day(now) + timedelta(days=1), time(), WARD_TIME).astimezone(now.tzinfo)


def _call(row: AnyRow) -> PromptView:
    whom = f"call your ward on {row.phone}" if row.phone else "call 111"
    said = f"If you feel worse, or are worried, {whom}. {_EMERGENCY}"
    return _view(row, Kind.CALL, said, row.admitted_at, until=None, phone=row.phone or "111")


def _view(row: AnyRow, kind: Kind, said: str, since: datetime, **more: Any) -> PromptView:
    """One that is no row: the same id as long as it is about the same."""
    made = _id_of(row, kind, since)
    return PromptView(id=made, patient=row.public_id, kind=kind, text=said, since=since, **more)


def _id_of(row: AnyRow, kind: Kind, since: datetime) -> UUID:
    return uuid5(row.public_id, f"{kind} {since.isoformat()}")
