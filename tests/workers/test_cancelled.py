"""Nobody is paged after an acknowledgement that was answered: what is not sent is taken back, what is being sent is
waited for."""

import time
from collections.abc import Iterator
from threading import Thread

import pytest

from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.delivery import outbox
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Receiver, receiving
from tests.ward import SICK, Ward
from tests.workers.delivering import delivering, hook, message, settled, states, tells
from tests.workers.records import change

ROUNDS = 40


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who is told by webhook."""
    with receiving() as found:
        yield found


def acknowledges(ward: Ward, alert_id: int) -> float:
    """Somebody answers the alert. Returns when that was committed, on the monotonic clock."""
    with transaction(ward.engine) as session:
        session.connection().exec_driver_sql(f"SELECT FROM alert WHERE id = {alert_id} FOR UPDATE")
        outbox.cancel(session, alert_id, utc_now())
    return time.monotonic()


def test_nobody_is_called_after_it_was_answered_however_close_it_was(ward: Ward, receiver: Receiver) -> None:
    ward.receives(**SICK)
    alert_id = ward.alert().id
    late, called = [], 0
    with delivering(ward):
        for number in range(ROUNDS):
            before = len(receiver.calls)
            ways = [hook(receiver.url(f"{number}-{way}")) for way in range(3)]
            for way in ways:
                tells(ward, way, alert_id=alert_id)
            time.sleep(0.0005 * (number % 20))  # at another moment of the deliverer's work in each round
            answered_s = acknowledges(ward, alert_id)
            assert "pending" not in states(ward)
            called += len(receiver.calls) - before
            late += [call for call in receiver.calls if call.path.startswith(f"{number}-") and call.at_s > answered_s]
        settled(ward)
        late += receiver.calls[called:]
    assert late == []
    assert 0 < called < 3 * ROUNDS  # both happened: some were quicker than the answer, some were not


def test_an_answer_waits_for_who_is_being_called_at_this_moment(ward: Ward, receiver: Receiver) -> None:
    ward.receives(**SICK)
    alert_id = ward.alert().id
    receiver.gate.clear()
    answered: list[float] = []
    with delivering(ward):
        (sent,) = tells(ward, hook(receiver.url()), alert_id=alert_id)
        receiver.waits_for(1)
        tells(ward, hook(receiver.url("b")), alert_id=alert_id)
        receiver.waits_for(2)
        (behind,) = tells(ward, hook(receiver.url()), alert_id=alert_id)
        thread = Thread(target=lambda: answered.append(acknowledges(ward, alert_id)))
        thread.start()
        thread.join(0.3)
        assert answered == []
        released_s = time.monotonic()
        receiver.gate.set()
        thread.join(10)
        settled(ward)
    assert released_s < answered[0] < released_s + 1
    assert (message(ward, sent).state, message(ward, behind).state) == ("delivered", "cancelled")
    assert receiver.paths() == ["a", "b"]
    assert message(ward, behind).ways == []


def test_a_receiver_that_hangs_keeps_nobody_from_answering_and_is_not_called_again(
    ward: Ward, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "CANCEL_WAITS", "100ms")
    ward.receives(**SICK)
    alert_id = ward.alert().id
    receiver.answers["a"] = [500]
    receiver.gate.clear()
    with delivering(ward):
        (key,) = tells(ward, hook(receiver.url()), hook(receiver.url("b")), alert_id=alert_id)
        receiver.waits_for(1)
        began_s = time.monotonic()
        assert acknowledges(ward, alert_id) - began_s < 1
        receiver.gate.set()
        tells(ward, hook(receiver.url("c")))
        eventually(lambda: states(ward) == ["cancelled", "delivered"])
    assert receiver.paths() == ["a", "c"]
    assert message(ward, key).error is None


def test_whoever_is_answered_for_another_alert_waits_for_nobody(ward: Ward, receiver: Receiver) -> None:
    ward.receives(**SICK)
    alert_id = ward.alert().id
    receiver.gate.clear()
    with delivering(ward):
        tells(ward, hook(receiver.url()), alert_id=alert_id)
        receiver.waits_for(1)
        began_s = time.monotonic()
        assert acknowledges(ward, alert_id + 1) - began_s < 1
        receiver.gate.set()
        assert settled(ward) == ["delivered"]


def test_a_message_of_a_dead_sender_is_not_sent_again_once_it_was_answered(ward: Ward, receiver: Receiver) -> None:
    ward.receives(**SICK)
    alert_id = ward.alert().id
    tells(ward, hook(receiver.url()), alert_id=alert_id)
    change(ward.engine, "UPDATE message SET state = 'sending', attempts = 1, lease_until = :now", now=utc_now())
    acknowledges(ward, alert_id)
    with delivering(ward):
        tells(ward, hook(receiver.url("b")))
        assert settled(ward) == ["cancelled", "delivered"]
    assert receiver.paths() == ["b"]
