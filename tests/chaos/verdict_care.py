"""Ladders, messages, beds and the audit: what was owed held against what is there. Pure, as `verdict.py`."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alert_rules.alarms import State
from alert_rules.severity import Severity
from tests.chaos.found import StoredAlert
from tests.chaos.found_care import Care, StoredMessage, StoredStep
from tests.chaos.homes import WAITS_S
from tests.chaos.staff import Look, Promised

LATE: Final = timedelta(seconds=5)  # a step that is later than this when all has settled was forgotten


@dataclass(frozen=True, slots=True)
class Count:
    """Of one kind of thing: how many are owed, are there, and are there too often."""

    promised: int
    found: int
    doubled: int = 0


@dataclass(frozen=True, slots=True)
class Unsure:
    """A time in which the database may forget looks: its server was killed, and their disk is not waited for."""

    since: datetime
    until: datetime


def judge_care(
    promised: Promised, alerts: Sequence[StoredAlert], care: Care, unsure: Unsure | None = None
) -> tuple[dict[str, Count], list[str]]:
    """The counts by kind, and every fault in words."""
    wrong: list[str] = []
    counts = {
        "steps": _steps(promised, alerts, care, wrong),
        "messages": _messages(alerts, care, wrong),
        "beds": _beds(promised, care, wrong),
        "looks": _looks(promised.looks, care.audited, unsure, wrong),
    }
    return counts, wrong


def _steps(promised: Promised, alerts: Sequence[StoredAlert], care: Care, wrong: list[str]) -> Count:
    """Each alert that nobody answered stands where its time says, and none went on after it was answered."""
    runs = {ladder.alert: ladder.run for ladder in care.ladders}
    forgotten, doubled = 0, 0
    for alert in alerts:
        taken = [step for step in care.steps if step.alert == alert.id and step.taken != "failed"]
        doubled += len(taken) - len({(step.run, step.step, step.repeat) for step in taken})
        for run in {step.run for step in taken}:
            places = [(step.step, step.repeat) for step in taken if step.run == run]
            if places != [_place(number) for number in range(len(places))]:
                wrong.append(f"alert {alert.id} took the steps {places} of its ladder")
        now_on = [step for step in taken if step.run == runs.get(alert.id)]
        is_known = alert.severity >= Severity.RED  # an amber, as for a device's clock, has the usual ladder
        if is_known and alert.state == State.OPEN and _next_at(alert, now_on, care) < care.at - LATE:
            forgotten += 1
            wrong.append(
                f"alert {alert.id} is owed its step {_place(len(now_on))} since {_next_at(alert, now_on, care)}"
            )
        answered_at = promised.answered.get(alert.patient)
        if answered_at is not None and any(step.at > answered_at for step in taken):
            wrong.append(f"alert {alert.id} climbed on after it was answered at {answered_at}")
    if doubled:
        wrong.append(f"{doubled} steps were taken more than once")
    here = len(care.steps) - doubled
    return Count(here + forgotten, here, doubled)


def _place(number: int) -> tuple[int, int]:
    """Which step comes at that place, and the how manyeth time."""
    last = len(WAITS_S) - 1
    return (number, 0) if number < last else (last, number - last)


def _next_at(alert: StoredAlert, taken: Sequence[StoredStep], care: Care) -> datetime:
    """When the step after these is due; at once where nobody was reached by the last."""
    if not taken:
        return alert.raised_at
    last = taken[-1]
    failed = [one.at for one in care.steps if one.taken == "failed" and one.alert == alert.id and one.run == last.run]
    due_at = last.at + timedelta(seconds=WAITS_S[last.step])
    return min([due_at, *(at for at in failed if at >= last.at)])


def _messages(alerts: Sequence[StoredAlert], care: Care, wrong: list[str]) -> Count:
    """Each step that told somebody has one message, which arrived under one id; or it was too late, or answered."""
    of_step: dict[UUID, list[StoredMessage]] = {step.id: [] for step in care.steps if step.taken == "told"}
    for message in care.messages:
        of_step.setdefault(message.step, []).append(message)
    heard = {(one.id, one.step) for one in care.heard}
    ids = Counter(step for _, step in heard)
    moot = _moot(alerts, care)
    fresh = {step.id for step in care.steps if step.at > care.at - LATE}  # on its way
    owed, here = 0, 0
    for step, messages in of_step.items():
        if len(messages) != 1:
            wrong.append(f"step {step} has {len(messages)} messages")
        excused = [one for one in messages if step in fresh or _is_excused(one, step in moot)]
        arrived = [one for one in messages if one.state == "delivered" and (one.id, step) in heard]
        owed += bool(arrived) or not excused
        here += bool(arrived)
        if not excused and not arrived:
            wrong.append(f"nobody heard of step {step}: {messages}")
    doubled = sum(times - 1 for times in ids.values())
    if doubled:
        wrong.append(f"told under two ids: {[step for step, times in ids.items() if times > 1]}")
    return Count(owed, here, doubled)


def _moot(alerts: Sequence[StoredAlert], care: Care) -> set[UUID]:
    """The steps of alerts that somebody answered, or whose ladder was begun anew: the new one says it again."""
    runs = {ladder.alert: ladder.run for ladder in care.ladders}
    is_open = {alert.id for alert in alerts if alert.state == State.OPEN}
    return {step.id for step in care.steps if step.alert not in is_open or step.run != runs.get(step.alert)}


def _is_excused(message: StoredMessage, is_moot: bool) -> bool:
    """Whether it need not have arrived: taken back, or its step's time was over before it could."""
    if message.state == "failed":
        return message.done_at is not None and message.done_at >= message.give_up_at
    return message.state == "cancelled" and is_moot


def _beds(promised: Promised, care: Care, wrong: list[str]) -> Count:
    """Everybody who was admitted lies in one bed, or has left it; and the API counts what is there."""
    stays: Mapping[UUID, list[bool]] = {stay.patient: [] for stay in promised.stays}
    for patient, left in care.stays:
        stays.setdefault(patient, []).append(left)  # type: ignore[attr-defined]
    by_patient = {stay.patient: stay for stay in promised.stays}
    right, doubled = 0, 0
    for patient, found in stays.items():
        stay = by_patient.get(patient)
        doubled += max(0, len(found) - 1)
        if stay is None:
            wrong.append(f"patient {patient} is in a bed that nobody was promised")
        elif len(found) != 1 or (found[0] is not stay.discharged and not (stay.asked_to_leave and not stay.discharged)):
            wrong.append(f"patient {patient} is in {len(found)} beds, left {found}: promised {stay}")
        right += bool(found) and patient in by_patient
    occupied = sum(not left for _, left in care.stays)
    if occupied != care.occupied:
        wrong.append(f"{occupied} beds are occupied, and the API says {care.occupied}")
    return Count(len(promised.stays), right, doubled)


def _looks(looks: Sequence[Look], audited: Collection[str], unsure: Unsure | None, wrong: list[str]) -> Count:
    """Each look that showed something has its event."""
    owed = [one for one in looks if one.request_id in audited or unsure is None or not _may_be_lost(one, unsure)]
    missing = [one for one in owed if one.request_id not in audited]
    if missing:
        wrong.append(f"{len(missing)} looks left no event: {missing[:3]}")
    return Count(len(owed), len(owed) - len(missing))


def _may_be_lost(look: Look, unsure: Unsure) -> bool:
    return unsure.since <= look.at <= unsure.until


def faults_of_chain(found: Mapping[str, object]) -> Iterator[str]:
    """What `audit verify --json` says is wrong."""
    if found.get("wrong_count"):
        yield f"the audit's chain: {found['wrong']}"
