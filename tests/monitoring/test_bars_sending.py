"""FHIR messages that leave: our referral to a team's own system, and what became of one to who asked for it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from fhir.resources.R4B.bundle import Bundle
from standardwebhooks import Webhook

from devices.formats.fhir.bars import Asks, Request, decode
from monitoring.access.roles import Role
from monitoring.bars.replies import RepliesBody, set_replies
from monitoring.clock import utc_now
from monitoring.ucr.by_ward import update
from monitoring.ucr.states import Move
from monitoring.ucr.teams import UcrTeamBody, put_team
from tests.bars import cancels, message
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import add_device, done, faults, refused
from tests.monitoring.test_bars import FHIR, Sender, now
from tests.monitoring.ucr_steps import TEAM, asks, does
from tests.receivers import Call, Receiver, receiving
from tests.ward import Ward
from tests.workers.delivering import delivering, settled
from tests.workers.records import rows
from workers.ucr_clock import watch_ucr

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody's system."""
    with receiving() as found:
        yield found


def has_system(ward: Ward, receiver: Receiver, path: str = "$process-message") -> None:
    """A team whose system takes FHIR messages."""
    said = TEAM | {"webhook": receiver.url(path), "secret": SECRET, "webhook_format": "bars"}
    body = msgspec.convert(msgspec.to_builtins(said), UcrTeamBody)
    acts(ward, lambda act: put_team(act, "ONE", body, allow_private=True))


def read(call: Call) -> Request:
    """What a message asks, as we would read it."""
    assert call.headers["content-type"] == FHIR
    assert call.headers["x-request-id"] == call.id
    Webhook(SECRET).verify(call.body, call.headers)
    Bundle.model_validate_json(call.body)
    return decode(call.body)


def test_a_referral_goes_to_a_teams_own_system_as_a_message_is_updated_and_taken_back(
    ward: Ward, receiver: Receiver
) -> None:
    ward.now = utc_now()
    has_system(ward, receiver)
    referral = asks(ward).id
    with delivering(ward):
        settled(ward)
        acts(ward, lambda act: update(act, referral, "now in pain"))
        settled(ward)
        does(ward, referral, Move.ACCEPT)
        watch_ucr(ward.engine, ward.now + timedelta(minutes=61))  # a warning: BaRS has none
        does(ward, referral, Move.CANCEL, Role.CLINICIAN)
        settled(ward)
    new, more, back = map(read, receiver.calls)
    assert [one.asks for one in (new, more, back)] == [Asks.NEW, Asks.UPDATE, Asks.CANCEL]
    assert {one.key for one in (new, more, back)} == {str(referral)}
    encounters = [msgspec.json.decode(call.body)["entry"][3]["resource"]["status"] for call in receiver.calls]
    assert encounters == ["triaged", "triaged", "cancelled"]
    assert (new.need, new.asked_by) == ("falls", new.starts_at and new.starts_at + timedelta(hours=2))
    assert len({call.id for call in receiver.calls}) == 3
    stored = rows(ward.engine, "SELECT body FROM message WHERE body ->> 'type' LIKE 'ucr.%'")
    assert all("Ann" not in str(row.body) and "Other" not in str(row.body) for row in stored)  # kept thin


def test_a_message_is_tried_again_under_its_id_and_one_that_is_known_there_has_arrived(
    ward: Ward, receiver: Receiver
) -> None:
    ward.now = utc_now()
    has_system(ward, receiver)
    receiver.answers["$process-message"] = [503, 409]
    asks(ward)
    with delivering(ward):
        assert settled(ward) == ["delivered"]
    assert len({call.headers["x-request-id"] for call in receiver.calls}) == 1
    receiver.answers["$process-message"] = [409]  # at once: something else is wrong
    asks(ward, need="catheter")
    with delivering(ward):
        assert settled(ward) == ["delivered", "failed"]


def test_what_was_called_off_before_it_left_is_never_asked_for(ward: Ward, receiver: Receiver) -> None:
    ward.now = utc_now()
    has_system(ward, receiver)
    referral = asks(ward).id
    does(ward, referral, Move.CANCEL, Role.CLINICIAN)
    with delivering(ward):
        assert settled(ward) == ["failed", "delivered"]
    assert [read(call).asks for call in receiver.calls] == [Asks.CANCEL]


class Asker(Sender):
    """999's system, which is told what becomes of what it asks."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        super().__init__(api)
        (self.device,) = [one["id"] for one in api.get("/v1/devices").json()["items"] if one["kind"] == "interface"]
        self.replies_go(receiver.url("replies"))
        self.receiver = receiver

    def replies_go(self, to: str | None) -> None:
        """An admin says where; of this machine, too."""
        body, device = RepliesBody(to, SECRET), UUID(self.device)
        acts(self.api.ward, lambda act: set_replies(act, device, body, allow_private=True), Role.ADMIN)

    def heard(self) -> list[tuple[str, str | None]]:
        """Each reply: the Encounter's status, and the reason."""
        with delivering(self.api.ward):
            settled(self.api.ward)
        told = []
        for call in self.receiver.calls:
            Webhook(SECRET).verify(call.body, call.headers)
            Bundle.model_validate_json(call.body)
            header, request, encounter = (one["resource"] for one in msgspec.json.decode(call.body)["entry"][:3])
            assert (header["eventCoding"]["code"], header["response"]) == (
                "servicerequest-response", {"identifier": "bundle-one", "code": "ok"},
            )  # fmt: skip
            assert header["focus"] == [{"reference": f"urn:uuid:{request['id']}"}]
            reasons: list[dict[str, Any]] = encounter.get("reasonCode", [])
            told.append((encounter["status"], reasons[0]["text"] if reasons else None))
        return told


@pytest.fixture
def asker(api: Api, receiver: Receiver) -> Asker:
    """999 asks one team."""
    done(api.put("/v1/ucr/teams/ONE", TEAM))
    return Asker(api, receiver)


def test_who_asked_is_told_when_the_team_accepts_is_there_and_is_done(asker: Asker) -> None:
    referral = asker.takes(message(at=now()))["id"]
    for verb, body in (("accept", {}), ("dispatch", {}), ("arrive", {}), ("complete", {"outcome": "stayed_at_home"})):
        done(asker.api.post(f"/v1/ucr/referrals/{referral}/{verb}", body))
    heard = asker.heard()
    assert [status for status, _ in heard] == ["finished"] * 3  # as it is by the time that each is sent
    (last,) = {msgspec.json.decode(call.body)["entry"][1]["resource"]["status"] for call in asker.receiver.calls}
    assert last == "completed"


def test_who_asked_hears_each_state_while_it_lasts_and_that_nobody_comes_with_the_reason(asker: Asker) -> None:
    api, referral = asker.api, asker.takes(message(at=now()))["id"]
    done(api.post(f"/v1/ucr/referrals/{referral}/accept"))
    assert asker.heard() == [("triaged", None)]
    done(api.post(f"/v1/ucr/referrals/{referral}/decline", {"reason": "the car broke down"}))
    (rejected,) = asker.heard()[1:]
    assert rejected[0] == "cancelled"
    assert "asked before, and declined" in str(rejected[1])
    done(api.put("/v1/ucr/teams/TWO", TEAM))
    (last, _) = api.get("/v1/ucr/referrals").json()["items"]
    done(api.post(f"/v1/ucr/referrals/{last['id']}/place"))
    assert asker.heard()[2:] == [("planned", None)]
    done(api.post(f"/v1/ucr/referrals/{last['id']}/cancel", {"reason": "seen by the GP"}))
    assert asker.heard()[3:] == [("cancelled", "seen by the GP")]


def test_who_takes_it_back_or_is_to_be_told_nowhere_hears_nothing(asker: Asker) -> None:
    asker.takes(message(at=now()))
    asker.takes(cancels(at=now()))
    assert asker.heard() == []
    asker.replies_go(None)
    other = asker.takes(message("two", at=now()))["id"]
    done(asker.api.post(f"/v1/ucr/referrals/{other}/accept"))
    assert asker.heard() == []


def test_only_an_admin_says_where_replies_go_and_only_of_an_interface(api: Api) -> None:
    sender = Sender(api)
    (device,) = [one["id"] for one in api.get("/v1/devices").json()["items"] if one["kind"] == "interface"]
    path = f"/v1/devices/{device}/replies"
    assert done(api.get(path)) == {"device": device, "to": None, "set_at": None}
    for role in Role:
        expected = 200 if role is Role.ADMIN else 403
        assert api.put(path, {"to": "https://999.example/replies"}, role).status_code == expected, role
    shown = done(api.get(path))
    assert (shown["to"], "secret" in shown) == ("https://999.example/replies", False)
    for to in ("https://127.0.0.1/", "https://10.0.0.1/x"):
        assert faults(api.put(path, {"to": to})) == ["to"]
    assert faults(api.put(path, {"to": None, "secret": "hush"})) == ["secret"]
    hub = add_device(api, serial="H-9")["id"]
    assert refused(api.put(f"/v1/devices/{hub}/replies", {"to": None}), 409)["current"] == {"kind": "hub"}
    assert sender.token
