"""Promised held against found. Pure: what was sent and what is there in, what is wrong out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from uuid import UUID

from alert_rules.alarms import ENDED, Kind, State
from alert_rules.severity import Severity
from tests.chaos.found import Found, Key, StoredAlert, Told
from tests.chaos.load import Sent

SHOWN: Final = 5  # of each kind of fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of one row of the report, and every fault in words."""

    promised: int
    found: int  # of the promised
    doubled: int
    alerts_expected: int
    alerts_found: int
    wrong: list[str]

    @property
    def lost(self) -> int:
        """Sets that got a 202 and are not there."""
        return self.promised - self.found


def judge(sent: Sequence[Sent], found: Found) -> Verdict:
    """Every promised set is there once, scored as it has to be; every alert is there once, as grave as its sets."""
    by_key = {(one.device, one.id): one for one in sent}
    promised = {key for key, one in by_key.items() if one.promised}
    stored = Counter(one.key for one in found.readings)
    due = _severity_due(by_key, stored)
    right = [patient for patient, severity in due.items() if _is_there_once(found, patient, severity)]
    doubled = sum(times - 1 for times in stored.values()) + sum(times - 1 for times in Counter(found.ledger).values())
    wrong = [*_wrong_sets(by_key, promised, stored, found), *_wrong_alerts(due, found)]
    return Verdict(len(promised), len(promised & stored.keys()), doubled, len(due), len(right), wrong)


def _severity_due(by_key: dict[Key, Sent], stored: Counter[Key]) -> dict[UUID, Severity]:
    """How grave each patient's alert has to be: by what is stored, for an unanswered post may have been taken."""
    due: dict[UUID, Severity] = {}
    for key in stored.keys() & by_key.keys():
        one = by_key[key]
        if one.stage.severity:
            due[one.patient] = max(one.stage.severity, due.get(one.patient, Severity.NONE))
    return due


def _of(found: Found, patient: UUID) -> list[StoredAlert]:
    return [one for one in found.alerts if one.patient == patient and one.kind == Kind.DETERIORATION]


def _is_there_once(found: Found, patient: UUID, severity: Severity) -> bool:
    return [(one.state, one.severity) for one in _of(found, patient)] == [(State.OPEN, severity)]


def _wrong_sets(by_key: dict[Key, Sent], promised: set[Key], stored: Counter[Key], found: Found) -> Iterator[str]:
    yield from _said("lost", promised - stored.keys())
    yield from _said("stored more than once", {key for key, times in stored.items() if times > 1})
    yield from _said("stored and never sent", stored.keys() - by_key.keys())
    ledger = Counter(found.ledger)
    yield from _said("not in the ledger once", {key for key in stored if ledger[key] != 1})
    yield from _said("in the ledger and not stored", ledger.keys() - stored.keys())
    yield from _said("kept aside", set(found.aside))
    scored = {one.key: (one.score, one.severity) for one in found.readings}
    due = {key: (one.stage.score, one.stage.severity) for key, one in by_key.items()}
    yield from _said("scored wrongly", {key for key in scored.keys() & due.keys() if scored[key] != due[key]})


def _wrong_alerts(due: dict[UUID, Severity], found: Found) -> Iterator[str]:
    for patient, severity in due.items():
        if not _is_there_once(found, patient, severity):
            yield f"patient {patient} is owed one open alert of {severity.label} and has {_of(found, patient)}"
    for alert in found.alerts:
        if alert.kind != Kind.DETERIORATION or alert.patient not in due:
            yield f"an alert for no reason: {alert}"
        if found.history.get(alert.id) != alert.version:
            yield f"alert {alert.id} has version {alert.version} and {found.history.get(alert.id)} entries of history"
        yield from _wrong_events(alert, [one for one in found.events if one.alert == alert.id])
    open_ones = Counter((one.patient, one.kind) for one in found.alerts if one.state not in ENDED)
    yield from (f"{times} open alerts of {whose}" for whose, times in open_ones.items() if times > 1)


def _wrong_events(alert: StoredAlert, told: Sequence[Told]) -> Iterator[str]:
    versions = [one.version for one in told]
    if any(later <= earlier for earlier, later in pairwise(versions)):
        yield f"the events of alert {alert.id} are out of order: versions {versions}"
    if versions[-1:] != [alert.version] or told[-1].severity != Severity(alert.severity).label:
        yield f"the last event of alert {alert.id} doesn't say what it is: {told[-1:]}, {alert}"


def _said(what: str, keys: set[Key]) -> Iterator[str]:
    """A few of them: after a real loss there may be thousands."""
    if keys:
        few = ", ".join(f"{own_id} of {device}" for device, own_id in sorted(keys)[:SHOWN])
        yield f"{len(keys)} sets {what}: {few}"
