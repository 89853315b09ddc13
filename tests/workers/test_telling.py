"""After the commit: who watches live hears of the newest set of each patient, and the metrics count."""

from datetime import timedelta
from typing import Any

import msgspec
from redis import Redis

from monitoring.events import TRANSIENT_CHANNEL
from monitoring.metrics import ALERT_LATENCY, SETS
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
    tell(queue, done, ward.now)
    reading, score = heard(listener, ward)
    assert (reading["kind"], reading["reading"]["id"], reading["reading"]["spo2"]) == ("reading", "new", 94)
    assert (score["kind"], score["score"]["score"], score["ward"]) == ("score", 6, ward.code)
    assert score["patient"] == str(ward.patient.id)
    assert score["score"]["readings"] == [reading["reading"]["set"]]


def test_a_repeat_is_told_to_nobody(ward: Ward, queue: Redis) -> None:
    one = [{"id": "a", "taken_at": ward.now, **WELL}]
    ward.receives_sets(one)
    listener = listen(queue)
    tell(queue, ward.receives_sets(one), ward.now)
    assert heard(listener, ward) == []


def test_sets_are_counted_by_what_became_of_them(ward: Ward, queue: Redis) -> None:
    def counted(outcome: str) -> float:
        return float(SETS.labels(outcome)._value.get())

    before = {outcome: counted(outcome) for outcome in ("scored", "repeated", "kept_aside")}
    one = {"id": "a", "taken_at": ward.now, **WELL}
    ahead = {"id": "f", "taken_at": ward.now + timedelta(hours=1), **WELL}
    tell(queue, ward.receives_sets([one, one, ahead]), ward.now)
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
    tell(queue, done, ward.now + timedelta(seconds=3))
    assert float(ALERT_LATENCY._sum.get()) - before == 3
