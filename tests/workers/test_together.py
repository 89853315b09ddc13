"""Several alerts of one ward that wait at the last step of their ladders: one message says how many, and which."""

from collections.abc import Iterator, Sequence
from threading import Thread
from typing import Any

import msgspec
import pytest

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.delivery.receipts import NotifyReceipt, receive
from monitoring.delivery.wording import reference_of, subject
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Call, Receiver, notifying, receiving
from tests.ward import SICK, VERY_SICK, Patient, Ward
from tests.workers.delivering import delivering, notifies, settled, sooner, states
from tests.workers.records import rows
from workers.ladders import fire_due


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Who is always there."""
    with receiving() as found:
        yield found


def all_sick(ward: Ward, *, reds: int, criticals: int = 0) -> list[Patient]:
    """So many patients with an alert each, now."""
    ward.now = utc_now()
    patients = [ward.admit() for _ in range(reds + criticals)]
    for number, patient in enumerate(patients):
        ward.receives(patient=patient, **(SICK if number < reds else VERY_SICK))
    return patients


def ends_at(ward: Ward, to: str) -> Settings:
    """Nobody else can be told: every ladder is at its last step at once."""
    return ward.settings.model_copy(update={"fallback_to": to})


def said(call: Call) -> dict[str, Any]:
    """What one message says."""
    found: dict[str, Any] = msgspec.json.decode(call.body)["data"]
    return found


def named(call: Call) -> set[str]:
    """The alerts that one message names."""
    return {said(call)["alert"], *(one["alert"] for one in said(call).get("also", []))}


def ids(ward: Ward, patients: Sequence[Patient]) -> set[str]:
    """The alerts of these patients."""
    return {str(ward.alert(patient=one).public_id) for one in patients}


def test_what_waits_on_one_ward_is_told_in_one_message_and_what_is_critical_alone(
    ward: Ward, receiver: Receiver
) -> None:
    *reds, critical, dying = all_sick(ward, reds=4, criticals=2)
    ward.opens("WARD2")
    elsewhere = Ward(ward.settings, ward.engine, ward.now, ward.staff, ward.tokens, "WARD2")
    other = all_sick(elsewhere, reds=1)
    fire_due(ward.engine, ends_at(ward, receiver.url()), utc_now())
    with delivering(ward):
        assert set(settled(ward)) == {"delivered"}
    first, second, *others = receiver.calls
    assert [named(first), named(second)] == [ids(ward, [critical]), ids(ward, [dying])]
    assert sorted(map(named, others), key=len) == [ids(ward, other), ids(ward, reds)]
    (many,) = [call for call in others if "also" in said(call)]
    assert (said(many)["waiting"], len(said(many)["also"])) == (4, 3)
    for patient in reds:  # each alert has a step, a message and a history of its own, and a next step that is due
        alert = ward.alert(patient=patient)
        assert len(ward.messages(alert)) == 1
        (row,) = rows(ward.engine, "SELECT due_at FROM escalation WHERE alert_id = :id", id=alert.id)
        assert row.due_at > utc_now()
        told = "SELECT FROM alert_history WHERE alert_id = :id AND what = 'told fallback'"
        assert len(rows(ward.engine, told, id=alert.id)) == 1
    steps = rows(ward.engine, "SELECT alert_id FROM ladder_step WHERE tell = 'fallback' AND taken = 'told'")
    assert len(steps) == len({row.alert_id for row in steps}) == 7


def test_who_is_answered_before_it_is_sent_is_not_named_and_the_others_are(ward: Ward, receiver: Receiver) -> None:
    first, *others = all_sick(ward, reds=3)
    fire_due(ward.engine, ends_at(ward, receiver.url()), utc_now())
    ward.acknowledges(ward.alert(patient=first))
    with delivering(ward):
        assert settled(ward) == ["cancelled", "delivered", "delivered"]
    (call,) = receiver.calls
    assert named(call) == ids(ward, others)


def test_an_answer_waits_for_the_message_that_names_its_alert(ward: Ward, receiver: Receiver) -> None:
    *_, last = all_sick(ward, reds=3)
    fire_due(ward.engine, ends_at(ward, receiver.url()), utc_now())
    receiver.gate.clear()
    with delivering(ward):
        receiver.waits_for(1)
        answers = Thread(target=lambda: ward.acknowledges(ward.alert(patient=last)))
        answers.start()
        answers.join(0.3)
        assert answers.is_alive()
        receiver.gate.set()
        answers.join(10)
        settled(ward)
    assert len(receiver.calls) == 1


def test_what_fails_is_tried_again_together_and_each_alert_says_that_it_reached_nobody(
    ward: Ward, receiver: Receiver
) -> None:
    patients = all_sick(ward, reds=3)
    receiver.answers["a"] = [500, 410]
    fire_due(ward.engine, ends_at(ward, receiver.url()), utc_now())
    with delivering(ward):
        receiver.waits_for(1)

        def failed() -> bool:
            sooner(ward)
            return set(states(ward)) == {"failed"}

        while not failed():
            pass
    again, gone = receiver.calls
    assert (again.id, named(again)) == (gone.id, named(gone)) == (gone.id, ids(ward, patients))
    assert len(rows(ward.engine, "SELECT FROM ladder_step WHERE tell = 'fallback' AND taken = 'failed'")) == 3
    assert all(row.due_at for row in rows(ward.engine, "SELECT due_at FROM escalation"))


def test_what_was_sent_once_goes_out_again_as_it_was_whatever_came_since(ward: Ward, receiver: Receiver) -> None:
    first, *others = all_sick(ward, reds=3)
    settings = ends_at(ward, receiver.url())
    fire_due(ward.engine, settings, utc_now())
    receiver.answers["a"] = [500, 200]
    with delivering(ward):
        receiver.waits_for(1)
        eventually(lambda: set(states(ward)) == {"pending"})
        ward.acknowledges(ward.alert(patient=first))  # under whose id they went
        (came,) = all_sick(ward, reds=1)
        fire_due(ward.engine, settings, utc_now())
        sooner(ward)
        settled(ward)
    one, again, alone = receiver.calls
    assert (again.id, named(again)) == (one.id, ids(ward, others))
    assert (alone.id != one.id, named(alone)) == (True, ids(ward, [came]))


def test_an_sms_names_how_many_and_its_receipt_is_that_of_all(ward: Ward) -> None:
    patients = all_sick(ward, reds=3)
    fire_due(ward.engine, ends_at(ward, "07700900123"), utc_now())
    with notifying() as gov, delivering(ward, **notifies(gov)):
        assert set(settled(ward)) == {"delivered"}
    (sent,) = gov.taken
    refs = [reference_of(one) for one in ids(ward, patients)]
    assert sent["personalisation"]["message"].startswith("Virtual ward WARD1: 3 alerts wait (worst: RED), refs ")
    assert all(ref in sent["personalisation"]["message"] for ref in refs)
    with transaction(ward.engine) as session:
        receive(session, NotifyReceipt("permanent-failure", sent["reference"]), utc_now())
    assert set(states(ward)) == {"failed"}


def test_many_are_counted_and_some_are_named() -> None:
    alerts = [f"01a2187a-0000-7000-8000-00000000000{number:x}" for number in range(12)]
    data = {"ward": "W", "severity": "red", "alert": alerts[0], "also": [{"alert": one} for one in alerts[1:]]}
    assert subject({"type": "escalation.step", "data": data}) == (
        "Virtual ward W: 12 alerts wait (worst: RED), refs 0000, 0001, 0002, 0003, 0004, 0005, 0006, 0007, 0008, 0009"
        " and 2 more"
    )
