"""Where nothing that a step sent arrives, the ladder's next step is due at once; and what providers say later."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitoring.clock import utc_now
from monitoring.delivery.outbox import KEPT_FOR, Way
from monitoring.escalation.tables import By
from monitoring.escalation.telling import BY_HAND
from tests.monitoring.api import Api
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Notify, Receiver, notifying, receiving
from tests.ward import SICK, Ward
from tests.workers.delivering import delivering, hook, message, notifies, settled, tells
from tests.workers.records import change, count, rows
from tests.workers.test_deliver import lists
from workers.housekeeping import forget_old, forget_ways

LADDER = '[{"tell": "clinician"}, {"tell": "ucr"}, {"tell": "fallback"}]'
TOKEN = "a-token-of-notify"
PHONE = Way(By.SMS, "07700900123")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who is told by webhook."""
    with receiving() as found:
        yield found


@pytest.fixture
def gov() -> Iterator[Notify]:
    """GOV.UK Notify."""
    with notifying() as found:
        yield found


def climbs(ward: Ward, taken: int = 0, **escalation: Any) -> dict[str, int]:
    """An alert of which a step was taken just now; the next is due in fifteen minutes. Whom a message is for."""
    ward.receives(**SICK)
    alert_id, now = ward.alert().id, utc_now()
    stands = {"alert": alert_id, "run": 1, "step": taken + 1, "due_at": now + timedelta(minutes=15), "ladder": LADDER}
    change(
        ward.engine,
        "UPDATE escalation SET ladder = CAST(:ladder AS jsonb), run = :run, step = :step, due_at = :due_at"
        " WHERE alert_id = :alert",
        **stands | escalation,
    )
    change(
        ward.engine,
        "INSERT INTO ladder_step"
        " (public_id, alert_id, run, step, repeat, severity, tell, taken, reason, people, due_at, at) VALUES"
        " (gen_random_uuid(), :alert, 1, :step, 0, 3, 'clinician', 'told', 'on duty', 1, :now, :now)",
        alert=alert_id, step=taken, now=now,
    )  # fmt: skip
    (row,) = rows(ward.engine, "SELECT id FROM ladder_step")
    return {"alert_id": alert_id, "ladder_step_id": row.id}


def due_at(ward: Ward) -> datetime:
    """When the ladder's next step is due."""
    (row,) = rows(ward.engine, "SELECT due_at FROM escalation")
    at: datetime = row.due_at
    return at


def is_due(ward: Ward) -> bool:
    """Whether it is due now."""
    return due_at(ward) <= utc_now()


def test_when_the_last_message_of_a_step_fails_the_next_step_is_due_at_once(ward: Ward, receiver: Receiver) -> None:
    receiver.answers = {"a": [404], "b": [410]}
    step = climbs(ward)
    began_at = utc_now()
    with delivering(ward):
        tells(ward, hook(receiver.url("a")), **step)
        tells(ward, hook(receiver.url("a")), hook(receiver.url("b")), **step)
        assert settled(ward) == ["failed", "failed"]
    assert began_at < due_at(ward) <= utc_now()
    told, failed = rows(ward.engine, "SELECT * FROM ladder_step ORDER BY id")
    assert (failed.taken, failed.tell, failed.step, failed.repeat, failed.people) == ("failed", "clinician", 0, 0, 0)
    assert (failed.reason, failed.due_at) == ("no message arrived: answered 410", told.due_at)


def test_a_step_goes_on_while_another_of_its_messages_arrived_or_may(ward: Ward, receiver: Receiver) -> None:
    receiver.answers = {"bad": [404]}
    step = climbs(ward)
    receiver.gate.clear()
    with delivering(ward):
        tells(ward, hook(receiver.url("good")), **step)
        receiver.waits_for(1)
        tells(ward, hook("http://127.0.0.1:1"), give_up_at=utc_now() + timedelta(milliseconds=20), **step)
        eventually(lambda: count(ward.engine, "message WHERE state = 'failed'") == 1)
        assert not is_due(ward)  # one is on its way
        receiver.gate.set()
        settled(ward)
        tells(ward, hook(receiver.url("bad")), **step)
        settled(ward)
    assert not is_due(ward)
    assert count(ward.engine, "ladder_step") == 1


@pytest.mark.parametrize(
    ("why_not", "changed"),
    [
        ("it went on meanwhile", {"step": 2}),
        ("it was begun anew", {"run": 2}),
        ("it was the last step, which repeats by itself", {"step": 0, "ladder": '[{"tell": "fallback"}]'}),
        ("it was a step by hand, before the ladder's first", {"taken": BY_HAND}),
    ],
)
def test_a_ladder_that_stands_elsewhere_is_left_alone(
    ward: Ward, receiver: Receiver, why_not: str, changed: dict[str, Any]
) -> None:
    receiver.answers["a"] = [404]
    step = climbs(ward, **changed)
    with delivering(ward):
        tells(ward, hook(receiver.url()), **step)
        assert settled(ward) == ["failed"]
    assert not is_due(ward), why_not
    assert count(ward.engine, "ladder_step WHERE taken = 'failed'") == 1


def test_an_alert_that_somebody_took_is_left_alone(ward: Ward, receiver: Receiver) -> None:
    receiver.answers["a"] = [404]
    step = climbs(ward)
    ward.now = utc_now()  # what is owed, is owed from now on
    ward.acknowledges(ward.alert())
    with delivering(ward):
        tells(ward, hook(receiver.url()), **step)
        settled(ward)
    assert not is_due(ward)


def said(api: Api, gov: Notify, status: str, number: int = -1, token: str = TOKEN) -> int:
    """Notify says what became of a message; how that is answered."""
    one = gov.taken[number]
    body = {name: one[name] for name in ("id", "reference")} | {"status": status, "to": "07700900123", "new": 1}
    return api.post("/v1/receipts/notify", body, token=token).status_code


def test_an_sms_that_did_not_arrive_goes_by_the_next_way_and_then_the_ladder_goes_on(ward: Ward, gov: Notify) -> None:
    step = climbs(ward)
    lists(ward, PHONE)
    with Api(ward, notify_callback_token=TOKEN) as api, delivering(ward, **notifies(gov)):
        (key,) = tells(ward, PHONE, Way(By.SMS, "07700900456"), **step)
        assert settled(ward) == ["delivered"]
        assert message(ward, key).receipt == gov.taken[0]["id"]
        assert said(api, gov, "permanent-failure", token="another-token") == 401
        assert said(api, gov, "sending") == 200
        assert said(api, gov, "permanent-failure") == 200
        eventually(lambda: len(gov.taken) == 2)
        assert settled(ward) == ["delivered"]
        assert gov.taken[1]["phone_number"] == "07700900456"
        assert said(api, gov, "permanent-failure", 0) == 200  # told twice: it has gone on
        assert not is_due(ward)
        assert said(api, gov, "temporary-failure") == 200
        assert message(ward, key).state == "failed"
        assert is_due(ward)
    (contact,) = rows(ward.engine, "SELECT failing_since FROM contact")
    assert contact.failing_since is not None


def test_an_sms_that_arrived_is_done_and_clears_its_contact(ward: Ward, gov: Notify) -> None:
    lists(ward, PHONE)
    change(ward.engine, "UPDATE contact SET failing_since = :now", now=utc_now())
    with Api(ward, notify_callback_token=TOKEN) as api, delivering(ward, **notifies(gov)):
        (key,) = tells(ward, PHONE)
        settled(ward)
        assert len(message(ward, key).ways) == 1
        assert said(api, gov, "delivered") == 200
        assert message(ward, key).ways == []
        assert said(api, gov, "permanent-failure") == 200  # late word all the same
        assert message(ward, key).state == "failed"
    (contact,) = rows(ward.engine, "SELECT failing_since FROM contact")
    assert contact.failing_since is None


def test_receipts_of_others_are_refused_and_without_a_token_all_are(ward: Ward) -> None:
    with Api(ward, notify_callback_token=TOKEN) as api:
        for reference in (
            None,
            "",
            "x",
            "01890a5d-ac96-774b-bcce-b302099a8057/1",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ):
            answer = api.post("/v1/receipts/notify", {"status": "delivered", "reference": reference}, token=TOKEN)
            assert answer.status_code == 404
        assert api.post("/v1/receipts/notify", {"reference": 1}, token=TOKEN).status_code == 422
        assert api.post("/v1/receipts/notify", {"reference": 1}, token="").status_code == 401
    with Api(ward) as api:
        assert api.post("/v1/receipts/notify", {"status": "delivered"}, token=TOKEN).status_code == 401


def test_what_went_out_is_kept_ninety_days_and_secrets_only_while_they_may_be_needed(ward: Ward, gov: Notify) -> None:
    with delivering(ward, **notifies(gov)):
        (key,) = tells(ward, PHONE)
        settled(ward)
    made_at = message(ward, key).created_at
    forget_ways(ward.engine, made_at)
    assert message(ward, key).ways != []
    forget_ways(ward.engine, made_at + timedelta(minutes=15))
    assert message(ward, key).ways == []
    forget_old(ward.engine, made_at + KEPT_FOR)
    assert count(ward.engine, "message") == 1
    forget_old(ward.engine, made_at + KEPT_FOR + timedelta(seconds=1))
    assert count(ward.engine, "message") == 0
