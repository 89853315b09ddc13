"""Promised held against found. Pure: what was sent and what is there in, what is wrong out."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from uuid import UUID

from alert_rules.alarms import ENDED, Kind, State
from alert_rules.severity import Severity
from tests.chaos.found import Found, Key, StoredAlert, Told
from tests.chaos.load import Sent
from tests.chaos.staff import Promised
from tests.chaos.verdict_care import Count

SHOWN: Final = 5  # of each kind of fault
NOBODY_WORKED: Final = Promised()


@dataclass(frozen=True, slots=True)
class Due:
    """What a patient's one alert has to be."""

    severity: Severity
    states: Collection[State]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of one row of the report, by kind of thing, and every fault in words."""

    counts: Mapping[str, Count]
    wrong: list[str]

    @property
    def promised(self) -> int:
        """Whatever is owed."""
        return sum(count.promised for count in self.counts.values())

    @property
    def found(self) -> int:
        """Of what is owed."""
        return sum(count.found for count in self.counts.values())

    @property
    def lost(self) -> int:
        """What is owed and not there."""
        return self.promised - self.found

    @property
    def doubled(self) -> int:
        """What is there more than once."""
        return sum(count.doubled for count in self.counts.values())


def judge(sent: Sequence[Sent], found: Found, promised: Promised = NOBODY_WORKED) -> Verdict:
    """Every promised set is there once, scored as it has to be; every alert is there once, as grave as its sets."""
    by_key = {(one.device, one.id): one for one in sent}
    stored = Counter(one.key for one in found.readings)
    due = {patient: Due(severity, _states(patient, promised)) for patient, severity in _grave(by_key, stored).items()}
    right = [patient for patient, state in due.items() if _is_there_once(found, patient, state)]
    alerts = Counter(one.patient for one in found.alerts if one.kind == Kind.DETERIORATION)
    counts = _count_sets(by_key, stored, found)
    counts["alerts"] = Count(len(due), len(right), sum(times - 1 for times in alerts.values()))
    return Verdict(counts, [*_wrong_sets(by_key, stored, found), *_wrong_alerts(due, found, _stepped(sent))])


def _stepped(sent: Sequence[Sent]) -> set[UUID]:
    """The patients whose device's clock was wrong for a while: that is told, too."""
    return {one.patient for one in sent if one.stepped}


def _count_sets(by_key: Mapping[Key, Sent], stored: Counter[Key], found: Found) -> dict[str, Count]:
    owed = {key for key, one in by_key.items() if one.promised}
    stepped = {key for key, one in by_key.items() if one.stepped}
    kept = stored + Counter(key for key in found.aside if key in stepped)
    doubled = sum(times - 1 for key, times in stored.items() if key not in stepped)
    doubled += sum(times - 1 for times in Counter(found.ledger).values())
    counts = {"sets": Count(len(owed - stepped), len((owed - stepped) & stored.keys()), doubled)}
    if stepped:
        twice = sum(times - 1 for key, times in kept.items() if key in stepped)
        counts["sets by wrong clocks"] = Count(len(owed & stepped), len(owed & stepped & kept.keys()), twice)
    return counts


def _states(patient: UUID, promised: Promised) -> Collection[State]:
    """What states an alert of theirs may be in: an answer that nobody heard may have been taken."""
    if patient in promised.answered:
        return (State.ACKNOWLEDGED,)
    return (State.OPEN, State.ACKNOWLEDGED) if patient in promised.asked else (State.OPEN,)


def _grave(by_key: dict[Key, Sent], stored: Counter[Key]) -> dict[UUID, Severity]:
    """How grave each patient's alert has to be: by what is stored, for an unanswered post may have been taken."""
    due: dict[UUID, Severity] = {}
    for key in stored.keys() & by_key.keys():
        one = by_key[key]
        if one.stage.severity:
            due[one.patient] = max(one.stage.severity, due.get(one.patient, Severity.NONE))
    return due


def _of(found: Found, patient: UUID) -> list[StoredAlert]:
    return [one for one in found.alerts if one.patient == patient and one.kind == Kind.DETERIORATION]


def _is_there_once(found: Found, patient: UUID, due: Due) -> bool:
    alerts = _of(found, patient)
    return len(alerts) == 1 and alerts[0].state in due.states and alerts[0].severity == due.severity


def _wrong_sets(by_key: Mapping[Key, Sent], stored: Counter[Key], found: Found) -> Iterator[str]:
    stepped = {key for key, one in by_key.items() if one.stepped}
    aside = Counter(found.aside)
    kept = stored + Counter({key: times for key, times in aside.items() if key in stepped})
    yield from _said("lost", {key for key, one in by_key.items() if one.promised} - kept.keys())
    yield from _said("there more than once", {key for key, times in kept.items() if times > 1})
    yield from _said("stored and never sent", stored.keys() - by_key.keys())
    ledger = Counter(found.ledger)
    yield from _said("not in the ledger once", {key for key in kept if ledger[key] != 1})
    yield from _said("in the ledger and not stored", ledger.keys() - kept.keys())
    yield from _said("kept aside", aside.keys() - stepped)
    scored = {one.key: (one.score, one.severity) for one in found.readings}
    due = {key: (one.stage.score, one.stage.severity) for key, one in by_key.items()}
    yield from _said("scored wrongly", {key for key in scored.keys() & due.keys() if scored[key] != due[key]})


def _wrong_alerts(due: Mapping[UUID, Due], found: Found, stepped: Collection[UUID]) -> Iterator[str]:
    for patient, owed in due.items():
        if not _is_there_once(found, patient, owed):
            states = " or ".join(owed.states)
            yield f"patient {patient} is owed one {states} alert of {owed.severity.label} and has {_of(found, patient)}"
    for alert in found.alerts:
        of_clock = alert.patient in stepped and alert.kind == Kind.DEVICE
        if not of_clock and (alert.kind != Kind.DETERIORATION or alert.patient not in due):
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
