"""Whose each set is: from the device's assignment at that time to the patient, the stay and the plan in force."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from alert_rules.accepted import Accepted
from alert_rules.limits import Lines
from alert_rules.pathway import Pathway
from alert_rules.rulebook import Rulebook
from alert_rules.silence import Schedule
from alert_rules.staffed import StaffedHours
from alert_rules.vitals import Consciousness
from devices.clock import NEVER_SET_BEFORE
from devices.reading import ReadingSet
from monitoring.alerts.life import About
from monitoring.alerts.quiet import Quiet, quiet_of
from monitoring.bulk import as_array
from monitoring.intake.tables import Aside
from monitoring.patients.plan import lines_of, reason_not_scored, usual_of
from monitoring.schema import RETENTION
from monitoring.wards.tables import PAUSES
from workers.drain.accepted import AcceptedFor, accepted_by_stay
from workers.drain.items import Item, Kept
from workers.drain.kits import Assigned, Kits, kits_of, left_with

STILL_THERE_FOR: Final = timedelta(days=30)
"""For so long after a discharge what the patient's device posts is taken to be theirs. The design's own."""


@dataclass(frozen=True, slots=True)
class PlanInForce:
    """What of a plan the scoring needs."""

    scale: int
    oxygen_hundredths: int  # of L/min prescribed at home; 0 where none is
    comfort: bool
    usually_confused: bool
    lines: dict[str, Lines]
    usual: dict[str, int]  # by name of kinds.USUAL, in whole units
    expects: frozenset[str]
    schedule: Schedule

    @property
    def is_to_send(self) -> bool:
        """Whether readings are expected of the patient."""
        return not self.comfort and bool(self.schedule.times)


@dataclass(frozen=True, slots=True)
class Ward:
    """What of a ward the scoring and its alerts need."""

    id: int
    code: str
    pathway: str
    staffed_hours: StaffedHours | None
    rulebook: Rulebook


@dataclass(slots=True)
class Stay:
    """A stay on a ward, and what is known of it. Sets go by their ids."""

    ward: Ward
    born: date
    pregnant: str
    spinal_cord_injury: bool
    has_died: bool
    is_paused: bool  # in a hospital: no readings are due
    episode_id: int
    patient_id: int
    patient: str  # public id
    admitted_at: datetime
    discharged_at: datetime | None
    values: list[int | None]
    taken_us: list[int | None]
    sets: list[str | None]
    also: dict[str, Any]
    newest_at: datetime | None
    newest_set: str | None
    newest_severity: int
    heard_at: datetime | None
    due_at: datetime | None
    overdue_at: datetime | None
    missed: int
    repeat_by: datetime | None  # what the patient is asked to repeat is raised then
    accepted_until: datetime | None  # of the last value that was accepted
    resolved: Quiet | None  # lately: the same raises nothing
    plans: list[tuple[datetime, PlanInForce]] = field(default_factory=list)
    accepted: list[AcceptedFor] = field(default_factory=list)

    @property
    def about(self) -> About:
        """For alerts."""
        ward = self.ward
        return About(self.patient_id, UUID(self.patient), self.episode_id, ward.id, ward.code, ward.staffed_hours)

    def not_scored_at(self, instant: datetime) -> str | None:
        """Why NEWS2 does not apply to what was taken then, or None: who turns sixteen is scored from that day on."""
        spinal, day = self.spinal_cord_injury, instant.date()
        return reason_not_scored(self.born, self.pregnant, spinal_cord_injury=spinal, on=day)

    def plan_at(self, instant: datetime) -> PlanInForce:
        """The plan in force; the first one for what was taken before any."""
        if len(self.plans) == 1:
            return self.plans[0][1]
        place = bisect_right(self.plans, instant, key=lambda plan: plan[0])
        return self.plans[max(place - 1, 0)][1]

    def accepted_at(self, instant: datetime) -> Accepted | None:
        """What was accepted of the patient then."""
        return next((one.what for one in self.accepted if one.since <= instant < one.until), None)

    def pathway_at(self, instant: datetime) -> Pathway:
        """The ward's pathway as it held then."""
        return self.ward.rulebook.of(self.ward.pathway, instant)

    def holds(self, instant: datetime) -> bool:
        """Whether the patient was on the ward then."""
        return self.admitted_at <= instant and (self.discharged_at is None or instant < self.discharged_at)


@dataclass(frozen=True, slots=True)
class Placed:
    """The items of a batch, each with its stay, and what has none."""

    items: list[tuple[Item, Stay]]
    kept: list[Kept]  # each with its patients, as far as they are known
    kits: Kits
    stays: dict[int, list[Stay]]  # by patient, in order of admission

    def stays_now(self, patients: Iterable[int]) -> list[Stay]:
        """The stays that patients are in, or were in last."""
        return [self.stays[one][-1] for one in patients if one in self.stays]


def place(
    connection: psycopg.Connection,
    rulebook: Rulebook,
    items: Sequence[Item],
    kept: Sequence[Kept],
    also: Collection[int],
) -> Placed:
    """Find each item's stay, and lock what is known of every patient. Six queries, whatever the number of items.

    What is kept aside already is given its patients: those who have the device now. `also`: more patients whose alerts
    change.
    """
    kits = kits_of(connection, items, kept)
    aside = [replace(one, patients=kits.who_has_it(one.source, one.received_at, one.named)) for one in kept]
    whose: list[tuple[Item, int]] = []
    nobodys: list[Kept] = []
    for item in items:
        meant = kits.of(item)
        if item.source > 0 and item.one.taken_at < NEVER_SET_BEFORE:
            nobodys.append(_without_time(kits, item))
        elif len(meant) == 1:
            whose.append((item, meant[0]))
        else:
            nobodys.append(_unassigned(kits, item))
    left = left_with(connection, nobodys)
    oldest = min((item.one.taken_at for item, _ in whose), default=None)
    patients = {*also, *(patient for _, patient in whose)}
    patients |= {patient for one in [*aside, *nobodys] for patient in one.patients}
    patients |= {had.patient_id for had in left.values()}
    stays = _stays(connection, rulebook, patients, oldest)
    aside += [_of_who_left(one, left.get(number), stays) for number, one in enumerate(nobodys)]
    placed: list[tuple[Item, Stay]] = []
    for item, patient_id in whose:
        stay = next((stay for stay in stays.get(patient_id, ()) if stay.holds(item.one.taken_at)), None)
        if stay is None or not item.is_storable:
            aside.append(_out_of_time(item, patient_id))
        else:
            placed.append((item, stay))
    return Placed(placed, aside, kits, stays)


def _without_time(kits: Kits, item: Item) -> Kept:
    detail = f"its clock says {item.one.taken_at:%Y-%m-%d %H:%M}: it was never set"
    return Kept.of(item, Aside.UNKNOWN_TIME, detail, kits.who_has_it(item.source, item.received_at, item.patient))


def _unassigned(kits: Kits, item: Item) -> Kept:
    now_with = kits.who_has_it(item.source, item.received_at, item.patient)
    if item.source < 0 or item.released is not None:
        return Kept.of(item, Aside.WRONG_PATIENT, "there is no such patient")
    if kits.another_user(item):
        detail = f"the device says that it was its user {item.one.slot}, who is not the patient's number"
        return Kept.of(item, Aside.OTHER_USER, detail, now_with)
    if kits.patients(item.source, item.one.taken_at, None):
        return Kept.of(item, Aside.WRONG_PATIENT, "the device has several patients, or not this one", now_with)
    return Kept.of(item, Aside.UNASSIGNED, "the device had no patient at that time", now_with)


def _of_who_left(one: Kept, had: Assigned | None, stays: dict[int, list[Stay]]) -> Kept:
    """A set of nobody's device is its last patient's, where that ended with their stay and it was taken soon after.

    The device is at their home until somebody fetches it, and they may believe that they are watched.
    """
    if had is None or had.until is None or had.patient_id not in stays:
        return one
    stay = stays[had.patient_id][-1]
    if stay.discharged_at is None:
        return one
    assert isinstance(one.document, ReadingSet)
    ended_with_it = had.until >= stay.discharged_at
    if not ended_with_it or not had.until <= one.document.taken_at < had.until + STILL_THERE_FOR:
        return one
    detail = "the patient was discharged, and the device is still there"
    return replace(one, reason=Aside.NOT_ADMITTED, detail=detail, patients=(had.patient_id,))


def _out_of_time(item: Item, patient_id: int) -> Kept:
    ahead = item.one.taken_at - item.received_at
    if -ahead > RETENTION:
        return Kept.of(item, Aside.BEFORE_RETENTION, "older than the readings that are kept", (patient_id,))
    if not item.is_storable:
        return Kept.of(item, Aside.FUTURE, f"taken {ahead.total_seconds():.0f} s after it was received", (patient_id,))
    return Kept.of(item, Aside.NOT_ADMITTED, "the patient had no stay on a ward at that time", (patient_id,))


_LOCK: Final = """
SELECT episode.id
FROM episode
JOIN latest_vitals AS known ON known.episode_id = episode.id
WHERE episode.patient_id = ANY(%s::bigint[])
  AND (episode.discharged_at IS NULL OR episode.discharged_at > %s
       OR NOT EXISTS (SELECT FROM episode AS later
                      WHERE later.patient_id = episode.patient_id AND later.admitted_at > episode.admitted_at))
ORDER BY episode.id
FOR UPDATE OF known
"""
"""Open stays, those that a set may belong to, and at least the last one: somebody's row is always locked."""

_STAYS: Final = """
SELECT episode.ward_id, patient.birth_date, patient.pregnant, patient.spinal_cord_injury,
       patient.died_at IS NOT NULL,
       EXISTS (SELECT FROM leave WHERE leave.episode_id = episode.id AND until_at IS NULL AND kind = ANY(%s)),
       episode.id, episode.patient_id, patient.public_id::text, episode.admitted_at, episode.discharged_at,
       known.values, known.taken_us, known.sets::text[], known.also::text, known.newest_at, known.newest_set::text,
       known.newest_severity, known.heard_at, known.due_at, known.overdue_at, known.missed, known.repeat_by,
       known.accepted_until, known.resolved::text
FROM episode
JOIN latest_vitals AS known ON known.episode_id = episode.id
JOIN patient ON patient.id = episode.patient_id
WHERE episode.id = ANY(%s::bigint[])
ORDER BY episode.id
"""
"""Locked first, read then: who waited for the lock reads what a discharge or a transfer has made of the stay."""

_WARDS: Final = "SELECT id, code, pathway, staffed_hours FROM ward WHERE id = ANY(%s::bigint[])"

_PLANS: Final = """
SELECT episode_id, from_at, spo2_scale, (coalesce(home_oxygen_l_min, 0) * 100)::int, monitoring, usual_consciousness,
       limits::text, baselines::text, array_to_string(expects, ','), array_to_string(times, ',')
FROM plan WHERE episode_id = ANY(%s::bigint[]) ORDER BY episode_id, from_at, id
"""


def _stays(
    connection: psycopg.Connection, rulebook: Rulebook, patients: Collection[int], oldest: datetime | None
) -> dict[int, list[Stay]]:
    """The stays of these patients, locked in order."""
    if not patients:
        return {}
    locked = [key for (key,) in connection.execute(_LOCK, (as_array(sorted(patients)), oldest))]
    if not locked:
        return {}
    rows = connection.execute(_STAYS, ([*map(str, PAUSES)], as_array(locked))).fetchall()
    wards = _wards(connection, rulebook, {row[0] for row in rows})
    stays: dict[int, Stay] = {}
    of_patient: dict[int, list[Stay]] = {}
    for ward_id, *columns in rows:
        stay = Stay(wards[ward_id], *columns)
        stay.also = msgspec.json.decode(columns[13])
        stay.resolved = None if columns[-1] is None else quiet_of(columns[-1])
        stays[stay.episode_id] = stay
        of_patient.setdefault(stay.patient_id, []).append(stay)
    for episode_id, from_at, *plan in connection.execute(_PLANS, (as_array(stays),)).fetchall():
        stays[episode_id].plans.append((from_at, _plan(*plan)))
    accepting = [stay.episode_id for stay in stays.values() if stay.accepted_until is not None]
    for episode_id, accepted in accepted_by_stay(connection, accepting):
        stays[episode_id].accepted.append(accepted)
    for several in of_patient.values():
        several.sort(key=lambda stay: stay.admitted_at)
    return of_patient


def _wards(connection: psycopg.Connection, rulebook: Rulebook, ids: Iterable[int]) -> dict[int, Ward]:
    rows = connection.execute(_WARDS, (as_array(sorted(ids)),))
    return {key: Ward(key, code, pathway, hours, rulebook) for key, code, pathway, hours in rows}


@lru_cache(maxsize=16_384)  # plans are few that differ, and the drain asks for each set
def _plan(  # noqa: PLR0913 - as the columns of the query
    scale: int,
    oxygen_hundredths: int,
    monitoring: str,
    usual: str | None,
    limits: str,
    baselines: str,
    expects: str,
    times: str,
) -> PlanInForce:
    return PlanInForce(
        scale=scale,
        oxygen_hundredths=oxygen_hundredths,
        comfort=monitoring == "comfort",
        usually_confused=usual == Consciousness.CONFUSED,
        lines=lines_of(msgspec.json.decode(limits)),
        usual=usual_of(msgspec.json.decode(baselines)),
        expects=frozenset(expects.split(",") if expects else ()),
        schedule=Schedule.of(times.split(",") if times else ()),
    )
