"""A ladder's step as it was taken, and how it is told: to whoever is told, and to whoever watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alert_rules.ladder import Ladder, Place, Step, from_json
from alert_rules.severity import Severity
from monitoring.alerts.life import About
from monitoring.alerts.tables import Alert
from monitoring.delivery.outbox import Way
from monitoring.escalation.tables import Escalation, Taken
from monitoring.events import NewEvent

BY_HAND: Final = -1
"""The place of a step that no ladder has: somebody asked for it."""


@dataclass(slots=True)
class Due:
    """An alert whose deadline has come, locked."""

    escalation: Escalation
    alert: Alert
    about: About
    _read: tuple[object, Ladder] | None = None  # the ladder as it stands in the row, and as it was read

    @property
    def ladder(self) -> Ladder:
        """The one that it climbs, read once."""
        stands = self.escalation.ladder
        if self._read is None or self._read[0] is not stands:
            self._read = stands, from_json(stands)
        return self._read[1]

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
    alone: bool = False  # nobody else hears of what must not be left to who was told: the next step is due at once


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it was taken."""

    due: Due
    place: Place
    step: Step
    reach: Reach
    due_at: datetime
    until: datetime  # the next step's time


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
