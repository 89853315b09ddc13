"""The life of an alert: kinds, states, what a person may do in which state, and what a new set does to an open one.

Source: docs/clinical/policy.md, *The life of an alert* and *Severity*. Pure: the caller writes what is returned.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from alert_rules.severity import Severity


class Kind(StrEnum):
    """What an alert is about. One open alert per patient and kind."""

    DETERIORATION = "deterioration"
    CONCERN = "concern"
    OVERDUE = "overdue"
    DEVICE = "device"
    DATA_QUALITY = "data_quality"
    LATE_DETERIORATION = "late_deterioration"
    POSTING_AFTER_DISCHARGE = "posting_after_discharge"


TECHNICAL: Final = frozenset({Kind.OVERDUE, Kind.DEVICE, Kind.DATA_QUALITY})
"""Kinds that end by themselves (`expired`) when their cause does."""


class State(StrEnum):
    """Acknowledged is not actioned is not resolved."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ACTIONED = "actioned"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """How an alert was resolved."""

    ADVICE = "advice"
    PLAN_CHANGED = "plan_changed"
    VISIT = "visit"
    UCR = "ucr"
    AMBULANCE = "ambulance"
    ACUTE_TRANSFER = "acute_transfer"
    EXPECTED_FOR_PATIENT = "expected_for_patient"
    FALSE_READING = "false_reading"
    NO_CONTACT = "no_contact"
    DIED = "died"


NEXT: Final[dict[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.ACKNOWLEDGED, State.ACTIONED, State.SNOOZED, State.RESOLVED, State.EXPIRED}),
    State.ACKNOWLEDGED: frozenset({State.OPEN, State.ACTIONED, State.SNOOZED, State.RESOLVED, State.EXPIRED}),
    State.ACTIONED: frozenset({State.OPEN, State.ACTIONED, State.SNOOZED, State.RESOLVED, State.EXPIRED}),
    State.SNOOZED: frozenset({State.OPEN, State.ACKNOWLEDGED, State.ACTIONED, State.RESOLVED, State.EXPIRED}),
    State.RESOLVED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""From each state, where it may go. OPEN again: the patient got worse, or time ran out."""

ENDED: Final = frozenset({State.RESOLVED, State.EXPIRED})

ACKNOWLEDGE_WITHIN: Final = {
    Severity.CRITICAL: timedelta(minutes=5),
    Severity.RED: timedelta(minutes=15),
    Severity.AMBER_PLUS: timedelta(minutes=30),
    Severity.AMBER: timedelta(minutes=60),  # of staffed hours
}
ACT_WITHIN: Final = {
    Severity.CRITICAL: timedelta(minutes=15),
    Severity.RED: timedelta(minutes=60),
    Severity.AMBER_PLUS: timedelta(minutes=120),
    Severity.AMBER: timedelta(hours=8),  # the end of a shift
}
ASK_AGAIN_AFTER: Final = timedelta(hours=1)
"""Actioned but unresolved: when the alert asks for its outcome first."""

WORSE_BY: Final = 2
"""A NEWS2 so much higher than what somebody took responsibility for, or than a better complete one since, is worse."""


class NotNow(Exception):
    """The alert's state forbids this."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What an alert already stands for: only worse than this is news."""

    score: int = 0
    red: frozenset[str] = frozenset()  # parameters that scored 3
    rules: frozenset[str] = frozenset()  # rules that fired, totals apart


@dataclass(frozen=True, slots=True)
class Held:
    """An open alert as far as a new set can change it."""

    state: State
    severity: Severity
    basis: Basis


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules say of one set."""

    severity: Severity
    basis: Basis
    complete: bool


class Change(StrEnum):
    """What a finding does, and why: the word goes to the history, the event and the metric."""

    RAISED = "raised"
    STEPPED_UP = "stepped_up"
    WORSENED = "worsened"


def weigh(held: Held | None, found: Finding) -> tuple[Held | None, Change | None]:
    """The alert after this set, and what changed about it. A better score never closes or lowers an alert."""
    if held is None or held.state in ENDED:
        if found.severity is Severity.NONE:
            return held, None
        return Held(State.OPEN, found.severity, found.basis), Change.RAISED
    together = Held(State.OPEN, max(held.severity, found.severity), _both(held.basis, found.basis))
    if held.state is State.OPEN:
        return together, Change.STEPPED_UP if found.severity > held.severity else None
    if _is_worse(held, found):
        return together, Change.WORSENED
    if found.complete and found.basis.score < held.basis.score:  # worsening counts from there
        return replace(held, basis=replace(held.basis, score=found.basis.score)), None
    return held, None


def _is_worse(held: Held, found: Finding) -> bool:
    """Worse than what somebody took responsibility for: never silent. What raises nothing by itself is not."""
    if found.severity is Severity.NONE:
        return False
    climbed = found.basis.score >= held.basis.score + WORSE_BY
    new = (found.basis.red - held.basis.red) | (found.basis.rules - held.basis.rules)
    return found.severity > held.severity or climbed or bool(new)


def _both(one: Basis, other: Basis) -> Basis:
    return Basis(max(one.score, other.score), one.red | other.red, one.rules | other.rules)


def go(state: State, to: State) -> State:
    """`to`, where `state` may go there. Raises NotNow."""
    if to not in NEXT[state]:
        raise NotNow(f"the alert is {state}")
    return to


def acknowledge(state: State) -> State:
    """A named person takes responsibility."""
    return go(state, State.ACKNOWLEDGED)


def act(state: State) -> State:
    """Somebody did something about it."""
    return go(state, State.ACTIONED)


def resolve(state: State) -> State:
    """A person says how it ended."""
    return go(state, State.RESOLVED)


def due_at(state: State, severity: Severity, since: datetime) -> datetime | None:
    """When the next thing is owed: an acknowledgement, an action, an outcome; None once ended or while snoozed."""
    if state is State.OPEN:
        return since + ACKNOWLEDGE_WITHIN[severity]
    if state is State.ACKNOWLEDGED:
        return since + ACT_WITHIN[severity]
    return since + ASK_AGAIN_AFTER if state is State.ACTIONED else None


def diagram() -> str:
    """The transitions as a Mermaid diagram, for the docs."""
    arrows = [f"    {source} --> {target}" for source, targets in NEXT.items() for target in sorted(targets)]
    ends = [f"    {state} --> [*]" for state in State if state in ENDED]
    return "\n".join(["stateDiagram-v2", "    [*] --> open", *arrows, *ends])
