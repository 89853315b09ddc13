"""A repeat is asked for, and ends: what the drain, the timekeeper and the end of a stay write of it.

With the stay's `latest_vitals` row locked. Who asks or ends sets `repeat_by` there too.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session, col, select

from alert_rules.alarms import COMPLETE_THE_SET, Finding, Kind
from alert_rules.repeating import Asked, Ended
from alert_rules.severity import Severity
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.clock import WARD_TIME
from monitoring.database import driver
from monitoring.prompts.tables import NotRaised, Prompt, Suppressed

CONFIRMED: Final = "repeated"
NOT_REPEATED: Final = "not repeated in time"
"""What stands in the history of an alert that its patient's repeat raised, or that no repeat came for."""

_CANCEL_SMS: Final = """
UPDATE message SET state = 'cancelled', done_at = %s, ways = '[]', lease_until = NULL
WHERE state = 'pending' AND body -> 'data' ->> 'prompt' = %s
"""


def new_prompt(about: About, asked: Asked, evidence: Evidence, measured: Mapping[str, str], now: datetime) -> Prompt:
    """What a patient is asked from now on. The caller adds it."""
    assert about.episode_id is not None
    prompt = Prompt(
        patient_id=about.patient_id, episode_id=about.episode_id, why=asked.why, asked_at=now, until_at=asked.by,
        taken_us=asked.taken_us, vitals=[], finding={}, evidence={}, measured={},
    )  # fmt: skip
    renew(prompt, asked)
    show(prompt, evidence, measured)
    return prompt


def renew(prompt: Prompt, asked: Asked) -> None:
    """The same with what a set changed of it."""
    prompt.why, prompt.until_at, prompt.vitals = asked.why, asked.by, sorted(asked.vitals)
    prompt.finding = msgspec.to_builtins(asked.finding)


def show(prompt: Prompt, evidence: Evidence, measured: Mapping[str, str]) -> None:
    """What an alert would show of it: of the gravest set so far."""
    prompt.evidence, prompt.measured = msgspec.to_builtins(evidence), {**prompt.measured, **measured}


def asked_of(prompt: Prompt) -> Asked:
    """An open prompt as the rules see it."""
    finding = msgspec.convert(prompt.finding, Finding)
    return Asked(prompt.why, prompt.taken_us, prompt.until_at, finding, frozenset(prompt.vitals))


def raise_first(alerts: Alerts, about: About, prompt: Prompt, *, why: str) -> None:
    """What was asked about is raised as of its set, and the asking ends. `why`: how the history tells it."""
    evidence = msgspec.convert(prompt.evidence, Evidence)
    alerts.weigh(about, Kind.DETERIORATION, msgspec.convert(prompt.finding, Finding), lambda: evidence)
    raised(alerts, about, prompt, why=why)


def raised(alerts: Alerts, about: About, prompt: Prompt, *, why: str) -> None:
    """The asking ends with an alert, whose history says what was asked, when and about what."""
    _end(prompt, Ended.RAISED, alerts.now)
    evidence = msgspec.convert(prompt.evidence, Evidence)
    said = f"Asked at {prompt.asked_at.astimezone(WARD_TIME):%H:%M} to repeat: {evidence.reasons[0]['text']}"
    severity = msgspec.convert(prompt.finding, Finding).severity
    if (about.patient_id, Kind.DETERIORATION) in alerts.open:
        alerts.note(about, Kind.DETERIORATION, why, severity, evidence.set, said)


def suppress(
    session: Session,
    prompt: Prompt,
    ward_id: int,
    why: Ended,
    now: datetime,
    repeat: tuple[UUID, Mapping[str, str]] | None = None,
) -> None:
    """The asking, written before, ends and nothing is raised: a row for each rule.

    `repeat`: its set, and what that measured.
    """
    _end(prompt, why, now)
    evidence = msgspec.convert(prompt.evidence, Evidence)
    severities = {reason["rule"]: Severity[reason["severity"].upper()] for reason in evidence.reasons}
    sets = [one for one in (evidence.set, repeat and repeat[0]) if one is not None]
    again = repeat[1] if repeat else {}
    values = {
        vital: [first, again[vital]] if vital in again else [first] for vital, first in sorted(prompt.measured.items())
    }
    for rule in sorted(severities.keys() - {COMPLETE_THE_SET}):
        session.add(
            Suppressed(
                prompt_id=prompt.id, patient_id=prompt.patient_id, ward_id=ward_id, rule=rule,
                severity=severities[rule], sets=sets, values=values, why=NotRaised(why), at=now,
            )
        )  # fmt: skip


def open_prompts(session: Session, episodes: Iterable[int]) -> dict[int, Prompt]:
    """By stay, what its patient is asked now."""
    query = select(Prompt).where(col(Prompt.episode_id).in_(list(episodes)), col(Prompt.ended_at).is_(None))
    return {prompt.episode_id: prompt for prompt in session.scalars(query)}


def stop_asking(session: Session, episode_id: int, ward_id: int, now: datetime) -> None:
    """Nobody is asked anything any more whose stay ended; an SMS that is not sent yet never is."""
    for prompt in open_prompts(session, [episode_id]).values():
        suppress(session, prompt, ward_id, Ended.NOT_WATCHED, now)
        driver(session).execute(_CANCEL_SMS, (now, str(prompt.public_id)))


def _end(prompt: Prompt, how: Ended, now: datetime) -> None:
    prompt.ended_at, prompt.outcome = now, how
