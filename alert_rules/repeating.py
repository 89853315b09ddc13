"""Please repeat the reading: what a patient is asked before an alert is raised, how that ends, and what is raised then.

Repeat first: an amber, where the pathway says so. Low quality: whatever a reading that cannot be relied on would raise.
Only ever instead of a new alert, only of what a device can measure again, and never without an end: it was repeated and
is normal, it is raised, or nobody watches the patient any more.
Source: docs/clinical/policy.md, *Please repeat the reading*; every figure is the design's own. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from alert_rules.alarms import COMPLETE_THE_SET, Finding
from alert_rules.limits import LIMITED
from alert_rules.severity import TOTAL_FROM, Severity

AMBER_WITHIN: Final = timedelta(minutes=15)
"""A repeat of an amber that does not come in this time: the amber is raised."""
WORSE_WITHIN: Final = timedelta(minutes=10)
"""The same of a low-quality reading that would be worse: poor perfusion is what shock gives."""

CAN_BE_REPEATED: Final = frozenset(LIMITED)
"""What a device measures. How somebody feels or how awake they are is no reading, and oxygen is a state."""


class Why(StrEnum):
    """Why a repeat is asked for."""

    AMBER = "amber"  # the pathway repeats first
    LOW_QUALITY = "low_quality"


class Ended(StrEnum):
    """How an asking ended."""

    REPEATED = "repeated"  # and the repeat raises nothing: suppressed
    RAISED = "raised"
    NOT_WATCHED = "not_watched"  # the patient left, died, or has comfort care


class Step(StrEnum):
    """What follows from a set."""

    ORDINARY = "ordinary"  # it is held against the alerts as any other
    ASK = "ask"  # nothing is raised yet
    WAIT = "wait"  # it is no repeat, or only part of one, and says nothing new
    REPEATED = "repeated"  # the asking ends, and nothing is raised
    RAISE = "raise"  # the asking ends: the set is held against the alerts
    RAISE_BOTH = "raise_both"  # the same, and before it what was asked about


@dataclass(frozen=True, slots=True)
class Asked:
    """A repeat that a patient was asked for, and what is raised where it does not come."""

    why: Why
    taken_us: int  # of the set that was first
    by: datetime
    finding: Finding
    vitals: frozenset[str]  # still to be measured again


@dataclass(frozen=True, slots=True)
class Came:
    """A new set. `blamed`: for each rule that stands, the vital signs that make it fire."""

    found: Finding
    taken_us: int
    measured: frozenset[str]  # in the set itself
    blamed: tuple[frozenset[str], ...]
    is_low: bool  # of low quality
    may_ask: bool  # it came fresh from a device of a patient at home who has no open alert of deterioration


def decide(asked: Asked | None, came: Came, now: datetime, *, repeat_first: bool) -> tuple[Step, Asked | None]:
    """What a set does, and what is asked from then on."""
    if asked is None:
        return _first(came, now, repeat_first=repeat_first)
    if now >= asked.by:
        return Step.RAISE_BOTH, None  # nobody has looked at it in time
    if came.taken_us < asked.taken_us:
        return Step.ORDINARY, asked
    return _low(asked, came, now) if came.is_low else _repeat(asked, came)


def within(severity: Severity) -> timedelta:
    """How long a repeat is waited for."""
    return AMBER_WITHIN if severity <= Severity.AMBER else WORSE_WITHIN


def _first(came: Came, now: datetime, *, repeat_first: bool) -> tuple[Step, Asked | None]:
    severity = came.found.severity
    if not severity or not came.may_ask or not _is_repeatable(came):
        return Step.ORDINARY, None
    if not came.is_low and not (repeat_first and _is_mild(came.found)):
        return Step.ORDINARY, None
    why = Why.LOW_QUALITY if came.is_low else Why.AMBER
    return Step.ASK, Asked(why, came.taken_us, now + within(severity), came.found, _to_repeat(came))


def _repeat(asked: Asked, came: Came) -> tuple[Step, Asked | None]:
    """A good set after the asking. What it does not measure again is still in doubt, and is not lost."""
    left, found = asked.vitals - came.measured, came.found
    if not found.severity:
        return (Step.WAIT, replace(asked, vitals=left)) if left else (Step.REPEATED, None)
    says_nothing_new = not any(one & came.measured for one in came.blamed) and found.severity <= asked.finding.severity
    if left and says_nothing_new:
        return Step.WAIT, replace(asked, vitals=left)
    holds_all = asked.finding.rules <= found.rules and asked.finding.severity <= found.severity
    return Step.RAISE if holds_all or not left else Step.RAISE_BOTH, None


def _low(asked: Asked, came: Came, now: datetime) -> tuple[Step, Asked | None]:
    """Another one that cannot be relied on is no repeat: what it finds is asked about with the rest, no longer."""
    found, before = came.found, asked.finding
    if not found.severity:
        return Step.WAIT, asked
    if not _is_repeatable(came):
        return Step.RAISE_BOTH, None
    both = replace(
        found if found.severity > before.severity else before,
        points={**before.points, **found.points},
        rules=before.rules | found.rules,
        cleared=before.cleared & found.cleared,
    )
    by = min(asked.by, now + within(found.severity))
    return Step.WAIT, Asked(Why.LOW_QUALITY, asked.taken_us, by, both, asked.vitals | _to_repeat(came))


def _is_repeatable(came: Came) -> bool:
    """Whether a reading of this very set is behind every rule that stands."""
    return bool(came.blamed) and all(_readings(one, came) for one in came.blamed) and not came.found.by_itself


def _is_mild(found: Finding) -> bool:
    """An amber and no more. A set that a person has to complete by phone is not waited for."""
    total = sum({**found.assumed, **found.points}.values())
    return found.severity is Severity.AMBER and total < TOTAL_FROM[Severity.RED] and COMPLETE_THE_SET not in found.rules


def _to_repeat(came: Came) -> frozenset[str]:
    return _readings(frozenset[str]().union(*came.blamed), came)


def _readings(vitals: Iterable[str], came: Came) -> frozenset[str]:
    return came.measured.intersection(vitals) & CAN_BE_REPEATED
