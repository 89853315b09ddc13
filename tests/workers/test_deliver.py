"""The deliverer: at least once under one id, in order to each address, by the next way where one fails."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from monitoring.clock import utc_now
from monitoring.delivery.claiming import CLAIM_LOCK
from monitoring.delivery.outbox import Way
from monitoring.escalation.tables import By
from tests.monitoring.embedded.processes import REPOSITORY, eventually
from tests.monitoring.test_logs import Written, written  # noqa: F401 - a fixture
from tests.receivers import CLOSE, Receiver, mailbox, notifying, receiving
from tests.ward import Ward
from tests.workers.delivering import delivering, hook, leases_end, message, notifies, settled, sooner, states, tells
from tests.workers.records import change, count, rows
from tests.workers.test_processes import environment

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who is told by webhook."""
    with receiving() as found:
        yield found


def lists(ward: Ward, way: Way) -> None:
    """A clinician can be told this way, which failed before."""
    change(
        ward.engine,
        'INSERT INTO contact (staff_id, place, by, "to", secrets, failing_since, recorded_at)'
        " SELECT id, 1, :by, :to, '[]', NULL, :now FROM staff WHERE role = 'clinician'",
        by=way.by, to=way.to, now=utc_now(),
    )  # fmt: skip


def failing(ward: Ward) -> bool:
    """Whether that contact is known to fail."""
    (row,) = rows(ward.engine, "SELECT failing_since FROM contact")
    return row.failing_since is not None


def test_a_message_is_delivered_signed_and_its_secrets_are_forgotten(ward: Ward, receiver: Receiver) -> None:
    with delivering(ward):
        (key,) = tells(ward, hook(receiver.url(), SECRET))
        assert settled(ward) == ["delivered"]
    (call,) = receiver.calls
    told = message(ward, key)
    assert call.id == str(told.public_id)
    assert Webhook(SECRET).verify(call.body, call.headers) == told.body
    assert (told.ways, told.attempts, told.error, told.lease_until) == ([], 1, None, None)
    assert told.done_at >= told.created_at


def test_what_fails_for_a_moment_is_sent_again_under_the_same_id(ward: Ward, receiver: Receiver) -> None:
    receiver.answers["a"] = [500, CLOSE, 429, 200]
    with delivering(ward):
        (key,) = tells(ward, hook(receiver.url()))
        for attempt in (1, 2, 3):
            eventually(lambda: (message(ward, key).state, message(ward, key).attempts) == ("pending", attempt))  # noqa: B023
            waits = message(ward, key).next_at - utc_now()
            assert waits < timedelta(seconds=1.25 * 2 ** (attempt - 1))
            sooner(ward)
        assert settled(ward) == ["delivered"]
    assert {call.id for call in receiver.calls} == {str(message(ward, key).public_id)}
    assert len(receiver.calls) == 4


def test_one_who_is_gone_is_told_by_the_next_way_and_whoever_lists_it_is_warned(ward: Ward, receiver: Receiver) -> None:
    receiver.answers["a"] = [410]
    lists(ward, hook(receiver.url()))
    with mailbox() as box:
        mails = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_from": "w@nhs.example", "smtp_starttls": False}
        with delivering(ward, **mails):
            (key,) = tells(ward, hook(receiver.url()), Way(By.EMAIL, "cm@nhs.example"))
            assert settled(ward) == ["delivered"]
            assert failing(ward)
            receiver.answers["a"] = [200]
            tells(ward, hook(receiver.url()))
            settled(ward)
            assert not failing(ward)
    (mail,) = box.taken
    told = message(ward, key)
    assert mail["Message-ID"] == f"<{told.public_id}@nhs.example>"
    assert (told.by, told.address, told.attempts, told.tries) == ("email", "cm@nhs.example", 2, 1)


def test_a_way_that_keeps_failing_is_left_for_the_next_and_the_last_is_not(ward: Ward, receiver: Receiver) -> None:
    receiver.answers = {"a": [500], "b": [500]}
    with delivering(ward):
        tells(ward, hook(receiver.url("a")), hook(receiver.url("b")))

        def told_often() -> bool:
            sooner(ward)
            return len(receiver.calls) > 9

        eventually(told_often)
    assert Counter(receiver.paths()[:10]) == {"a": 4, "b": 6}


def test_a_private_target_is_refused_and_the_next_way_taken(ward: Ward, receiver: Receiver) -> None:
    with delivering(ward, webhook_allow_private=False):
        (key,) = tells(ward, hook("https://localhost:1/"), hook(f"https://127.0.0.1:{receiver.port}/"))
        assert settled(ward) == ["failed"]
    assert message(ward, key).error == "private networks are not called"
    assert receiver.calls == []


def test_one_address_is_told_one_by_one_in_order_and_the_graver_first(ward: Ward, receiver: Receiver) -> None:
    receiver.gate.clear()
    with delivering(ward):
        first = tells(ward, hook(receiver.url()), severity=2)
        receiver.waits_for(1)
        mild, grave = tells(ward, hook(receiver.url()), times=2, severity=2), None
        grave = tells(ward, hook(receiver.url()), times=2, severity=4)
        tells(ward, hook(receiver.url("other")), severity=1)
        receiver.waits_for(2)  # another address waits for nobody
        assert receiver.paths() == ["a", "other"]
        receiver.gate.set()
        settled(ward)
    order = [call.id for call in receiver.calls if call.path == "a"]
    assert order == [str(message(ward, key).public_id) for key in (*first, *grave, *mild)]
    assert receiver.at_once["a"] == 1


def test_what_waits_for_another_attempt_holds_back_what_is_no_graver(ward: Ward, receiver: Receiver) -> None:
    receiver.answers["a"] = [500, 200]
    with delivering(ward):
        (waiting,) = tells(ward, hook(receiver.url()), severity=2)
        eventually(lambda: message(ward, waiting).attempts == 1 and message(ward, waiting).state == "pending")
        later = utc_now() + timedelta(minutes=5)
        change(ward.engine, "UPDATE message SET next_at = :later", later=later)
        (held,) = tells(ward, hook(receiver.url()), severity=2)
        (grave,) = tells(ward, hook(receiver.url()), severity=3)
        eventually(lambda: message(ward, grave).state == "delivered")
        assert (message(ward, waiting).state, message(ward, held).state) == ("pending", "pending")
        sooner(ward)
        settled(ward)
    assert [call.id for call in receiver.calls] == [
        str(message(ward, key).public_id) for key in (waiting, grave, waiting, held)
    ]


def test_two_deliverers_at_once_send_nothing_twice(ward: Ward, receiver: Receiver) -> None:
    receiver.gate.clear()
    with delivering(ward), delivering(ward):
        for severity in range(3):  # each graver than what is being sent
            for address in range(5):
                tells(ward, hook(receiver.url(f"to-{address}")), times=8, severity=severity)
        (looked,) = tells(ward, hook("http://127.0.0.1:1/"))
        receiver.waits_for(5)
        eventually(lambda: message(ward, looked).attempts > 0)
        assert len(receiver.calls) == 5
        receiver.gate.set()
        eventually(lambda: states(ward).count("delivered") == 120)
    assert Counter(Counter(call.id for call in receiver.calls).values()) == {1: 120}
    assert set(receiver.at_once.values()) == {1}


def test_who_claims_waits_for_another_who_claims(ward: Ward, receiver: Receiver) -> None:
    """Two at once could both find an address free."""
    waits = "pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with delivering(ward):
        with ward.engine.begin() as claiming:
            claiming.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CLAIM_LOCK})")
            tells(ward, hook(receiver.url()))
            eventually(lambda: count(ward.engine, waits) == 1)
            assert receiver.calls == []
        assert settled(ward) == ["delivered"]


def test_what_was_sent_and_not_written_down_is_sent_again_under_the_same_id(ward: Ward, receiver: Receiver) -> None:
    receiver.gate.clear()
    own = environment(ward) | {"VIRTUAL_WARD_WEBHOOK_ALLOW_PRIVATE": "true"}
    killed = subprocess.Popen([sys.executable, "-m", "workers.timekeeper"], cwd=REPOSITORY, env=own)
    try:
        (key,) = tells(ward, hook(receiver.url()))
        receiver.waits_for(1)
    finally:
        killed.kill()
        killed.wait()
    receiver.gate.set()
    assert states(ward) == ["sending"]
    with delivering(ward):
        tells(ward, hook(receiver.url("other")))
        receiver.waits_for(2)
        assert message(ward, key).state == "sending"  # until the lease is over: it may still be alive
        leases_end(ward)
        assert settled(ward) == ["delivered", "delivered"]
    assert receiver.paths() == ["a", "other", "a"]
    assert receiver.calls[0].id == receiver.calls[2].id


def test_a_message_that_cannot_be_read_does_not_keep_the_others(ward: Ward, receiver: Receiver) -> None:
    with delivering(ward):
        tells(ward, Way(By.EMAIL, "nobody"), Way(By.APPRISE, "nonsense://"), Way(By.SMS, "07700900123"))
        (key,) = tells(ward, hook(receiver.url("later")), give_up_at=utc_now() + timedelta(hours=1))
        tells(ward, hook(receiver.url()))
        assert settled(ward) == ["failed", "delivered", "delivered"]
        change(
            ward.engine,
            "UPDATE message SET state = 'pending', ways = '[{\"by\": \"pigeon\"}]' WHERE id = :key",
            key=key,
        )
        tells(ward, hook(receiver.url()))
        assert settled(ward) == ["failed", "failed", "delivered", "delivered"]
    assert message(ward, key).error == "it cannot be read"


def test_logs_name_no_address_and_nothing_that_was_sent(ward: Ward, receiver: Receiver, written: Written) -> None:  # noqa: F811
    receiver.answers["private-path"] = [404]
    mails = {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_from": "w@nhs.example"}
    with notifying() as gov, delivering(ward, **mails, **notifies(gov)):
        gov.refuse = 400
        ways = [hook(receiver.url("private-path"), SECRET), Way(By.SMS, "07700900123"), Way(By.APPRISE, "json://user:pw@127.0.0.1:1/"),
                Way(By.EMAIL, "cm@nhs.example")]  # fmt: skip
        for way in ways:
            tells(ward, way, give_up_at=utc_now() + timedelta(seconds=1))
        assert settled(ward) == ["failed"] * 4
    log = written.stream.getvalue()
    assert {line["reason"] for line in written.of("attempt")} >= {"answered 404", "Notify answered 400"}
    leaked = ["private-path", SECRET, "07700900123", "user:pw", "cm@nhs", str(receiver.port), "WARD1"]
    assert [word for word in leaked if word in log] == []


def test_a_message_whose_time_is_over_is_not_sent_any_more(ward: Ward, receiver: Receiver) -> None:
    receiver.gate.clear()
    with delivering(ward):
        tells(ward, hook(receiver.url()))
        receiver.waits_for(1)
        (late,) = tells(ward, hook(receiver.url()), give_up_at=utc_now() + timedelta(milliseconds=50))
        eventually(lambda: message(ward, late).state == "failed")
        receiver.gate.set()
        settled(ward)
    assert message(ward, late).error == "not sent in time"
    assert len(receiver.calls) == 1


def test_it_goes_on_when_the_database_was_away(ward: Ward, receiver: Receiver) -> None:
    with delivering(ward):
        tells(ward, hook(receiver.url()))
        receiver.waits_for(1)
        settled(ward)
        own = "datname = current_database()"  # the server is everybody's: other tests' deliverers listen on it too
        listens = "query LIKE 'LISTEN message%'"
        rows(ward.engine, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own} AND {listens}")
        tells(ward, hook(receiver.url()))
        assert settled(ward) == ["delivered", "delivered"]


def test_an_address_that_is_a_credential_is_not_kept_readable(ward: Ward) -> None:
    (key,) = tells(ward, Way(By.APPRISE, "slack://tokenA/tokenB/tokenC"))
    assert "token" not in message(ward, key).address
    assert message(ward, key).ways == [{"by": "apprise", "to": "slack://tokenA/tokenB/tokenC"}]  # until it is sent
