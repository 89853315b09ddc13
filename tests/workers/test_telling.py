"""After the commit: who watches live hears of the newest set of each patient, and the metrics count."""

from contextlib import closing
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from redis import Redis
from sqlalchemy import event

from monitoring.access.roles import Role
from monitoring.database import make_engine, transaction
from monitoring.events import NEWS_CHANNEL, TRANSIENT_CHANNEL
from monitoring.metrics import ALERT_LATENCY, SETS
from monitoring.patients import chart
from monitoring.patients.latest import PAGE, latest_of
from tests.ward import SICK, WELL, Ward
from workers.telling import tell


def listen(queue: Redis) -> Any:
    """Somebody who watches."""
    listener = queue.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # the library has no types
    listener.subscribe(TRANSIENT_CHANNEL)
    listener.get_message(timeout=1)
    return listener


def heard(listener: Any, ward: Ward) -> list[dict[str, Any]]:
    """What was published of the ward's patient; a channel knows no databases, so that other tests' news come too."""
    news: list[dict[str, Any]] = []
    while message := listener.get_message(timeout=0.5):
        news.extend(one for one in msgspec.json.decode(message["data"]) if one["patient"] == str(ward.patient.id))
    listener.close()
    return news


def test_the_newest_set_of_a_patient_and_its_score_are_told(ward: Ward, queue: Redis) -> None:
    listener = listen(queue)
    ward.at("09:00")
    done = ward.receives_sets(
        [
            {"id": "old", "taken_at": ward.now - timedelta(minutes=2), **WELL},
            {"id": "new", "taken_at": ward.now, **SICK},
        ]
    )
    tell(ward.engine, queue, done, ward.now)
    reading, score = heard(listener, ward)
    assert (reading["kind"], reading["reading"]["id"], reading["reading"]["spo2"]) == ("reading", "new", 94)
    assert (score["kind"], score["score"]["score"], score["ward"]) == ("score", 6, ward.code)
    assert score["patient"] == str(ward.patient.id)
    assert score["score"]["readings"] == [reading["reading"]["set"]]


def test_what_is_told_is_what_can_be_read(ward: Ward, queue: Redis) -> None:
    listener = listen(queue)
    ward.at("12:00")
    tell(ward.engine, queue, ward.receives(**SICK | {"pulse": 80.6, "weight": 71.5, "battery": 60}), ward.now)
    reading, score = heard(listener, ward)
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.CLINICIAN)
        readings = chart.readings(act, ward.patient.id, None, None, 1, None).items
        scores = chart.scores(act, ward.patient.id, 1, None).items
    assert [reading["reading"]] == msgspec.to_builtins(readings)
    assert [score["score"]] == msgspec.to_builtins(scores)


def test_a_late_set_is_not_told_as_the_latest(ward: Ward, queue: Redis) -> None:
    ward.at("12:00").receives(**WELL)
    listener = listen(queue)
    tell(ward.engine, queue, ward.receives(taken=ward.now - timedelta(hours=3), **SICK), ward.now)
    assert heard(listener, ward) == []


def test_the_newest_set_is_told_again_when_a_late_one_changes_its_score(ward: Ward, queue: Redis) -> None:
    ward.at("12:30").receives(taken=ward.now - timedelta(minutes=10), spo2=97)
    listener = listen(queue)
    late = ward.receives(taken=ward.now - timedelta(minutes=20), respiratory_rate=22)
    tell(ward.engine, queue, late, ward.now)
    reading, score = heard(listener, ward)
    assert reading["reading"]["spo2"] == 97
    assert (score["score"]["set"], score["score"]["score"]) == (reading["reading"]["set"], 2)


def test_nobody_is_left_out_of_a_large_batch(ward: Ward) -> None:
    ward.receives(**WELL)
    stays_of_nobody = range(-PAGE, 0)
    pages = list(latest_of(ward.engine, [*stays_of_nobody, ward.patient.episode_id]))
    assert [[one.patient for one in page] for page in pages] == [[], [ward.patient.id, ward.patient.id]]


class Listened:
    """A queue to whose channels so many listen, by name, and what it is told."""

    def __init__(self, **listeners: int) -> None:
        self.listeners = listeners
        self.told: list[tuple[str, object]] = []

    def pubsub_numsub(self, *channels: str) -> list[tuple[str, int]]:
        """How many listen."""
        return [(channel, self.listeners.get(channel, 0)) for channel in channels]

    def publish(self, channel: str, news: bytes) -> None:
        """Take news."""
        self.told.append((channel, msgspec.json.decode(news)))


@pytest.mark.parametrize(
    ("listeners", "told"),
    [({}, []), ({NEWS_CHANNEL: 1}, [(NEWS_CHANNEL, [{"kind": "score", "ward": "WARD1", "patient": ""}])])],
    ids=["nobody", "pages"],
)
def test_where_nobody_listens_but_pages_nothing_is_read(ward: Ward, listeners: dict[str, int], told: object) -> None:
    other, queue = ward.admit(), Listened(**listeners)
    arrivals = [ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}], patient=who) for who in (ward.patient, other)]
    done, asked = ward.drains(arrivals), list[str]()
    event.listen(ward.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    tell(ward.engine, cast("Redis", queue), done, ward.now)
    assert (queue.told, asked) == (told, [])


def test_pages_are_not_told_of_a_late_set_that_changes_nothing(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    queue, late = Listened(**{NEWS_CHANNEL: 1}), ward.receives(taken=ward.now - timedelta(hours=3), **SICK)
    tell(ward.engine, cast("Redis", queue), late, ward.now)
    assert queue.told == []


def test_a_database_that_is_away_costs_the_batch_nothing(ward: Ward, queue: Redis) -> None:
    done, listener = ward.receives(**WELL), listen(queue)
    with closing(listener):
        tell(make_engine("postgresql://127.0.0.1:1/nothing"), queue, done, ward.now)


def test_a_repeat_is_told_to_nobody(ward: Ward, queue: Redis) -> None:
    one = [{"id": "a", "taken_at": ward.now, **WELL}]
    ward.receives_sets(one)
    listener = listen(queue)
    tell(ward.engine, queue, ward.receives_sets(one), ward.now)
    assert heard(listener, ward) == []


def test_sets_are_counted_by_what_became_of_them(ward: Ward, queue: Redis) -> None:
    def counted(outcome: str) -> float:
        return float(SETS.labels(outcome)._value.get())

    before = {outcome: counted(outcome) for outcome in ("scored", "repeated", "kept_aside")}
    one = {"id": "a", "taken_at": ward.now, **WELL}
    ahead = {"id": "f", "taken_at": ward.now + timedelta(hours=1), **WELL}
    tell(ward.engine, queue, ward.receives_sets([one, one, ahead]), ward.now)
    assert {outcome: counted(outcome) - was for outcome, was in before.items()} == {
        "scored": 1,
        "repeated": 1,
        "kept_aside": 1,
    }


def test_the_latency_of_an_alert_is_that_of_the_set_behind_it(ward: Ward, queue: Redis) -> None:
    before = float(ALERT_LATENCY._sum.get())
    other = ward.admit()
    well = ward.arrival([{"id": "w", "taken_at": ward.now, **WELL}], patient=other)
    ward.at("08:01")
    sick = ward.arrival([{"id": "s", "taken_at": ward.now, **SICK}])
    done = ward.drains([well, sick])
    assert done.alerted_from == [ward.now]
    tell(ward.engine, queue, done, ward.now + timedelta(seconds=3))
    assert float(ALERT_LATENCY._sum.get()) - before == 3
