"""Free of order: whatever way sets come, early or late, together or alone, once or twice, the end is the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alert_rules.severity import Severity
from devices.reading import Arrival, set_key
from monitoring.embedded import postgres
from tests.servers import Servers
from tests.ward import Patient, Ward
from tests.workers.records import rows
from tests.workers.test_alerts_at_once import second_device

DAY = 24 * 60
MINUTES = (0, 14, 15, 16, 60, 61, 75, DAY - 60, DAY, DAY + 1, DAY + 14, DAY + 61)
"""Few, and about the age limits: 15 min, 60 min and 24 h. Sets of one minute tie."""

MEASURED: dict[str, st.SearchStrategy[Any]] = {
    "respiratory_rate": st.sampled_from([16, 22, 26]),
    "spo2": st.sampled_from([97, 93, 84]),
    "oxygen_flow": st.sampled_from([0, 2]),
    "systolic": st.sampled_from([125, 88]),
    "consciousness": st.sampled_from(["A", "C"]),
    "glucose": st.sampled_from([5.6, 2.5]),
    "weight": st.sampled_from([70, 71.5]),
}


@dataclass(frozen=True)
class Post:
    """One set: which of the three devices sends it, when it was taken, and what it says."""

    device: int
    minute: int
    vitals: tuple[tuple[str, Any], ...]
    by_staff: bool


@dataclass(frozen=True)
class Way:
    """The places of the sets in the order in which they come, batch by batch; some come twice."""

    batches: tuple[tuple[int, ...], ...]


posts = st.builds(
    Post,
    device=st.sampled_from([0, 0, 0, 1, 1, 2]),
    minute=st.sampled_from(MINUTES),
    vitals=st.lists(st.sampled_from(sorted(MEASURED)), min_size=1, max_size=3, unique=True).flatmap(
        lambda names: st.tuples(*(st.tuples(st.just(name), MEASURED[name]) for name in sorted(names)))
    ),
    by_staff=st.booleans(),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Post], Way]:
    """Some sets, and a way in which they come."""
    some = draw(st.lists(posts, min_size=6, max_size=14))
    repeated = draw(st.lists(st.integers(0, len(some) - 1), max_size=4))
    order = draw(st.permutations([*range(len(some)), *repeated]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=6)))
    bounds = [0, *cuts, len(order)]
    return some, Way(tuple(tuple(order[start:end]) for start, end in pairwise(bounds)))


@dataclass(frozen=True)
class House:
    """A ward with two patients and three devices, that can be made as new."""

    ward: Ward
    devices: tuple[Patient, Patient, Patient]
    owner: psycopg.Connection

    def as_new(self) -> None:
        """Nobody has ever sent anything."""
        for table in (
            "alert_history",
            "escalation",
            "alert",
            "rescored",
            "reading",
            "ledger",
            "event",
            "set_aside",
            "device_seen",
        ):
            self.owner.execute(f"DELETE FROM {table}")
        self.owner.execute(
            "UPDATE latest_vitals SET values = array_fill(NULL::smallint, '{8}'), sets = array_fill(NULL::uuid, '{8}'),"
            " taken_us = array_fill(NULL::bigint, '{8}'), also = '{}', newest_at = NULL, newest_set = NULL,"
            " newest_severity = 0, heard_at = NULL, missed = 0, due_at = %s, overdue_at = %s",
            (self.ward.now, self.ward.now),
        )

    def receives(self, some: Sequence[Post], batches: Iterable[Sequence[int]]) -> None:
        """Batch by batch, each set in a request of its own."""
        start = self.ward.now
        self.ward.now = start + timedelta(hours=27)
        for batch in batches:
            self.ward.drains([self.arrival(place, some[place], start) for place in batch])
        self.ward.now = start

    def arrival(self, place: int, post: Post, start: datetime) -> Arrival:
        """A request."""
        one = {"id": f"s{place}", "taken_at": start + timedelta(minutes=post.minute), **dict(post.vitals)}
        if post.by_staff and "consciousness" in one:
            one["assessed_by"] = "staff"
        return self.ward.arrival([one], patient=self.devices[post.device])

    def key(self, place: int, post: Post) -> str:
        """A set's id."""
        return set_key(self.devices[post.device].device_key, f"s{place}")


@pytest.fixture
def house(ward: Ward, run_servers: Servers) -> Iterator[House]:
    """A house, as new."""
    devices = (ward.patient, second_device(ward), ward.admit())
    url = run_servers.postgres.url(ward.settings.database_url.split("@/")[1].split("?")[0], postgres.OWNER)
    with psycopg.connect(url, autocommit=True) as owner:
        yield House(ward, devices, owner)


READINGS = (
    "SELECT episode_id, taken_at, set, source, id, respiratory_rate, spo2, on_oxygen, systolic, consciousness, also"
    " FROM reading ORDER BY set"
)
SCORES = """
SELECT DISTINCT ON (set) set, points, score, score_max, scale, oxygen_assumed, severity, not_scored, uses
FROM (SELECT 0 AS revision, set, points, score, score_max, scale, oxygen_assumed, severity, not_scored, uses
      FROM reading
      UNION ALL
      SELECT revision, set, points, score, score_max, scale, oxygen_assumed, severity, not_scored, uses
      FROM rescored) AS scores
ORDER BY set, revision DESC
"""
KNOWN = "SELECT * FROM latest_vitals ORDER BY episode_id"


def end_of(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """What is stored, what each set is worth now, and what is known of each patient."""
    queries = {"readings": READINGS, "scores": SCORES, "known": KNOWN}
    return {name: [tuple(row) for row in rows(house.ward.engine, query)] for name, query in queries.items()}


def named(house: House) -> dict[int, set[str]]:
    """By patient: the sets that alerts name."""
    found: dict[int, set[str]] = {}
    for row in rows(
        house.ward.engine,
        "SELECT patient_id, set FROM alert_history AS entry JOIN alert ON alert.id = entry.alert_id"
        " WHERE kind IN ('deterioration', 'late_deterioration') AND set IS NOT NULL",
    ):
        found.setdefault(row.patient_id, set()).add(str(row.set))
    return found


def post(minute: int, *, device: int = 0, by_staff: bool = False, **vitals: Any) -> Post:
    """A set, by hand."""
    return Post(device, minute, tuple(sorted(vitals.items())), by_staff)


CARRIED_FROM_BEYOND_WHAT_IS_READ = (
    [post(0, oxygen_flow=0), post(DAY - 60, spo2=93), post(DAY + 14, spo2=97), post(DAY + 61, systolic=88)],
    Way(((0,), (1,), (3,), (2,))),
)
A_DAY_TO_THE_MINUTE = ([post(0, oxygen_flow=0), post(DAY, spo2=97)], Way(((1,), (0,))))
CONFUSION_HELD = (
    [
        post(0, consciousness="C", by_staff=True),
        post(10, consciousness="A", device=1),
        post(14, spo2=97),
        post(15, spo2=93),
    ],
    Way(((0, 1, 2), (3,))),
)
TIES_AND_A_REPEAT = (
    [post(0, spo2=97), post(0, spo2=84, device=1), post(0, spo2=93), post(0, glucose=2.5), post(1, systolic=88)],
    Way(((4, 2), (3, 1, 3), (0, 2))),
)


@example(history=CARRIED_FROM_BEYOND_WHAT_IS_READ)
@example(history=A_DAY_TO_THE_MINUTE)
@example(history=CONFUSION_HELD)
@example(history=TIES_AND_A_REPEAT)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_whatever_way_sets_come_the_end_is_the_same(house: House, history: tuple[list[Post], Way]) -> None:
    some, way = history
    in_order = sorted(range(len(some)), key=lambda place: (some[place].minute, house.key(place, some[place])))
    house.as_new()
    house.receives(some, [[place] for place in in_order])
    expected = end_of(house)
    assert_red_is_told(house, expected, some)
    assert_what_stands_is_alerted(house, expected, some)
    house.as_new()
    house.receives(some, way.batches)
    end = end_of(house)
    assert end == expected
    assert_red_is_told(house, end, some)
    assert_what_stands_is_alerted(house, end, some)


def assert_red_is_told(house: House, end: dict[str, list[tuple[Any, ...]]], some: Sequence[Post]) -> None:
    """Every set that is red or worse is named by an alert of its patient, or one as bad is."""
    severity = {str(score[0]): score[6] for score in end["scores"]}
    names = named(house)
    for place, post in enumerate(some):
        bad = severity[house.key(place, post)]
        if bad >= Severity.RED:
            patient = house.devices[post.device].key
            assert any(severity[name] >= bad for name in names.get(patient, ())), (place, post)


def assert_what_stands_is_alerted(house: House, end: dict[str, list[tuple[Any, ...]]], some: Sequence[Post]) -> None:
    """What no newer set measured again is not late: the patient has an alert of deterioration that is as bad."""
    severity = {str(score[0]): score[6] for score in end["scores"]}
    found = rows(house.ward.engine, "SELECT patient_id, severity FROM alert WHERE kind = 'deterioration'")
    alerted = {row.patient_id: row.severity for row in found}
    for place, post in enumerate(some):
        patient = house.devices[post.device].key
        others = [one for one in some if house.devices[one.device].key == patient]
        until = {name for one in others if one.minute <= post.minute for name, _ in one.vitals}
        since = {name for one in others if one.minute > post.minute for name, _ in one.vitals}
        if until.isdisjoint(since):
            assert alerted.get(patient, 0) >= severity[house.key(place, post)], (place, post)
