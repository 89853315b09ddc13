"""The life of an alert: kinds, states, what a person may do in which state, and what a new set does to an open one.

Source: docs/clinical/policy.md, *The life of an alert* and *Severity*. Pure: the caller writes what is returned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from alert_rules.news2 import RED
from alert_rules.severity import LOW_MEDIUM, Severity


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
"""Kinds that support may answer, and that alone may end by themselves (`expired`) when their cause does."""


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
    State.SNOOZED: frozenset(
        {State.OPEN, State.ACKNOWLEDGED, State.ACTIONED, State.SNOOZED, State.RESOLVED, State.EXPIRED}
    ),
    State.RESOLVED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""From each state, where it may go. OPEN again: the patient got worse, or time ran out."""

ENDED: Final = frozenset({State.RESOLVED, State.EXPIRED})

HELD: Final = frozenset({State.ACKNOWLEDGED, State.ACTIONED})
"""States in which somebody answers for an alert."""

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
ASK_AGAIN_IN: Final = (timedelta(hours=3), timedelta(hours=8), timedelta(hours=12), timedelta(hours=24))
"""From one asking to the next: 1, 4, 12 and 24 h after the action, then every day."""
SNOOZE_MAX: Final = timedelta(hours=4)
"""The design's own."""

COMPLETE_WITHIN: Final = timedelta(minutes=15)
"""Somebody completes the set by phone: at any hour."""
COMPLETE_THE_SET: Final = "complete_the_set"
"""That task as a rule of the basis: it raises nothing by itself, and newly asked for it is news."""

WORSE_BY: Final = 2
"""A NEWS2 so much higher than what was last told, or than the lowest since, is worse."""


class NotNow(Exception):
    """The alert's state forbids this."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known of a patient with an open alert: the newest of each kind, however old, better or worse.

    It follows what comes in whatever state the alert is, so it makes no difference when somebody answers.
    """

    points: Mapping[str, int] = field(default_factory=dict)  # of NEWS2, by parameter
    score: int = 0  # their sum when something was last told, or the lowest since
    rules: frozenset[str] = frozenset()  # those that fire, but for sums of points
    severity: Severity = Severity.NONE  # the worst found since nothing fired
    near: frozenset[str] = frozenset()  # of `rules`, ambers that fire no more, but not by enough to be better


@dataclass(frozen=True, slots=True)
class Held:
    """An open alert as far as a new set can change it."""

    state: State
    severity: Severity
    basis: Basis


@dataclass(frozen=True, slots=True)
class Finding:
    """What a set says."""

    severity: Severity
    points: Mapping[str, int] = field(default_factory=dict)  # of NEWS2, by parameter; what is unknown is not named
    assumed: Mapping[str, int] = field(default_factory=dict)  # the same, where nobody measured: believed if none did
    rules: frozenset[str] = frozenset()  # those that fire, but for sums of points
    cleared: frozenset[str] = frozenset()  # those that what was measured does not fire
    near: frozenset[str] = frozenset()  # ambers whose value is nearly at the bound
    by_itself: bool = False  # news whatever was found before


class Change(StrEnum):
    """What a finding does, and why: the word goes to the history, the event and the metric."""

    RAISED = "raised"
    STEPPED_UP = "stepped_up"
    WORSENED = "worsened"


def weigh(held: Held | None, found: Finding) -> tuple[Held | None, Change | None]:
    """The alert after this set, and what changed about it. A better score never closes an alert.

    What is worse is news: it opens an answered alert again, and an open one shows it. Its severity never falls but
    when it opens again after nothing fired any more.
    """
    if held is None or held.state in ENDED:
        if found.severity is Severity.NONE:
            return held, None
        return Held(State.OPEN, found.severity, _after(Basis(), found, told=True)), Change.RAISED
    told = _is_worse(held.basis, found)
    basis = _after(held.basis, found, told=told)
    if not told:
        return replace(held, basis=basis), None
    if held.state is not State.OPEN:
        return Held(State.OPEN, basis.severity, basis), Change.WORSENED
    worst = max(held.severity, found.severity)
    return Held(State.OPEN, worst, basis), Change.STEPPED_UP if worst > held.severity else Change.WORSENED


def withheld(basis: Basis, found: Finding) -> frozenset[str]:
    """Rules that fire again, and are no news only because the value had not got better by enough."""
    return found.rules & basis.near


def _is_worse(basis: Basis, found: Finding) -> bool:
    """Worse than what was told, or than what it improved to since. What raises nothing by itself is not."""
    if found.severity is Severity.NONE:
        return False
    is_new = found.by_itself or found.severity > basis.severity or bool(found.rules - basis.rules)
    return is_new or is_sicker(basis, found)


def is_sicker(basis: Basis, found: Finding) -> bool:
    """Whether NEWS2 itself is worse than what was told, or than what it improved to: by 2 or more, or newly red."""
    climbed = sum(_points(basis, found).values()) >= basis.score + WORSE_BY
    return climbed or bool(reds_of(found.points) - reds_of(basis.points))


def points_of(found: Finding) -> dict[str, int]:
    """A set's points of NEWS2, assumed ones too."""
    return {**found.assumed, **found.points}


def _after(basis: Basis, found: Finding, *, told: bool) -> Basis:
    points = _points(basis, found)
    rules = (basis.rules - found.cleared) | found.rules
    near = ((basis.near | (found.near & basis.rules)) - found.cleared) - found.rules
    total = sum(points.values())
    score = total if told else min(basis.score, total)
    if not found.severity and rules <= {COMPLETE_THE_SET} and total < LOW_MEDIUM and not reds_of(points):
        return Basis(points, score)
    return Basis(points, score, rules, max(basis.severity, found.severity), near)


def _points(basis: Basis, found: Finding) -> dict[str, int]:
    return {**found.assumed, **basis.points, **found.points}


def reds_of(points: Mapping[str, int]) -> frozenset[str]:
    """The parameters that score 3."""
    return frozenset(name for name, scored in points.items() if scored == RED)


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


def snooze(state: State, severity: Severity) -> State:
    """An amber may wait a while. Raises NotNow for what is worse."""
    if severity > Severity.AMBER:
        raise NotNow(f"the alert is {severity.label.replace('_', ' ')}: only an amber can be snoozed")
    return go(state, State.SNOOZED)


def ask_again_in(asked: int) -> timedelta:
    """How long after it asked for its outcome so many times an alert asks again."""
    return ASK_AGAIN_IN[min(asked, len(ASK_AGAIN_IN)) - 1]


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
