"""A ladder's step as it was taken, and how it is told: in the history, to whoever is told, to whoever watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alert_rules.alarms import State
from alert_rules.ladder import Ladder, Place, Step, from_json
from alert_rules.severity import Severity
from monitoring.alerts.life import About
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.delivery.outbox import Way
from monitoring.escalation.tables import Escalation, Taken
from monitoring.events import NewEvent

BY_HAND: Final = -1
"""The place of a step that no ladder has: somebody asked for it."""


@dataclass(frozen=True, slots=True)
class Due:
    """An alert whose deadline has come, locked."""

    escalation: Escalation
    alert: Alert
    about: About

    @property
    def ladder(self) -> Ladder:
        """The one on which it began."""
        return from_json(self.escalation.ladder)

    @property
    def severity(self) -> Severity:
        """Of the alert."""
        return Severity(self.alert.severity)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is there for a step, or why nobody is."""

    taken: Taken
    reason: str
    to: Sequence[tuple[int | None, Sequence[Way]]] = ()  # each a member of staff, or none, and the ways to them
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it was taken."""

    due: Due
    place: Place
    step: Step
    reach: Reach
    due_at: datetime
    until: datetime  # the next step's time


def history(told: Told, now: datetime) -> AlertHistory:
    """For the alert's history."""
    alert = told.due.alert
    who = told.step.tell + (f" ({', '.join(told.reach.names)})" if told.reach.names else "")
    what = f"told {who}" if told.reach.taken is Taken.TOLD else f"passed over {told.step.tell}"
    return AlertHistory(
        alert_id=alert.id, at=now, from_state=State(alert.state), to_state=State(alert.state),
        severity=alert.severity, what=what, note=told.reach.reason,
    )  # fmt: skip


def _shown(told: Told) -> dict[str, Any]:
    """A step as watchers and recipients see it: whom it is about only by the alert's id."""
    due = told.due
    shown = {
        "alert": due.alert.public_id,
        "kind": due.alert.kind,
        "severity": due.severity.label,
        "step": told.place.step + 1 if told.place.step != BY_HAND else None,
        "of": len(due.ladder),
        "repeat": told.place.repeats,
        "tell": told.step.tell,
        "next_at": told.until,
    }
    return {**shown, "first": "999"} if due.severity is Severity.CRITICAL else shown


def body(told: Told, step: UUID, now: datetime) -> dict[str, Any]:
    """For whoever is told: never whom it is about."""
    data = {**_shown(told), "ward": told.due.about.ward, "escalation": step, "state": told.due.alert.state}
    return {"type": "escalation.step", "timestamp": now, "data": data}


def event(told: Told, now: datetime) -> NewEvent:
    """For whoever watches live."""
    about = told.due.about
    shown = {**_shown(told), "taken": told.reach.taken, "reason": told.reach.reason, "people": told.reach.names}
    return NewEvent("escalation", now, about.ward, about.patient, shown)
