"""Messages of a hospital: what each does to a patient, in order and out of it, once and again, and its answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.hospital import adt, header
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away
from tests.monitoring.referring import decide, referred
from tests.monitoring.steps import (
    add_device,
    admit,
    done,
    drain,
    employ,
    has_alert,
    made,
    open_ward,
    posts,
    refused,
    register,
)
from tests.servers import Servers
from tests.ward import VERY_SICK

HL7 = "application/hl7-v2"
NUMBER, OTHER_NUMBER = "9434765919", "9449305552"
ANN: dict[str, Any] = {"nhs_number": NUMBER, "no_nhs_number_reason": None}


class Hospital:
    """A hospital's system, which sends messages a second apart from an hour ago on."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.device = add_device(api, kind="interface", serial="TIE-1")
        self.now = utc_now() - timedelta(minutes=30)
        self.sent = 0

    def message(self, trigger: str, *more: str, at: datetime | None = None, **said: Any) -> str:
        """The next message."""
        self.sent += 1
        self.now += timedelta(seconds=1)
        return adt(trigger, at or self.now, said.pop("id", f"M{self.sent}"), *more, **{"number": NUMBER} | said)

    def posts(self, message: str | bytes, token: str | None = None, content_type: str = HL7) -> Answer:
        """Send something."""
        content = message.encode() if isinstance(message, str) else message
        return self.api.call(
            "POST", "/v1/hl7v2", token=token or self.device["token"], content=content,
            headers={"Content-Type": content_type},
        )  # fmt: skip

    def says(self, trigger: str, *more: str, **said: Any) -> tuple[str, str]:
        """Send the next message: MSA-1 and the text of MSA-3."""
        return acknowledged(self.posts(self.message(trigger, *more, **said)))

    def takes(self, trigger: str, *more: str, **said: Any) -> str:
        """Send a message that is accepted: what it did."""
        code, text_ = self.says(trigger, *more, **said)
        assert code == "AA", text_
        return text_

    def refuses(self, trigger: str, *more: str, **said: Any) -> str:
        """Send a message that cannot be accepted: the reason."""
        code, text_ = self.says(trigger, *more, **said)
        assert code == "AE", text_
        return text_


def acknowledged(answer: Answer) -> tuple[str, str]:
    """MSA-1 and MSA-3 of an ACK."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == HL7
    msa = next(line for line in answer.text.split("\r") if line.startswith("MSA")).split("|")
    return msa[1], msa[3] if len(msa) > 3 else ""


@pytest.fixture
def hospital(api: Api) -> Hospital:
    """A hospital's interface."""
    return Hospital(api)


def person(api: Api) -> dict[str, Any]:
    """Who has the number."""
    return next(one for one in api.get("/v1/patients").json()["items"] if one["nhs_number"] == NUMBER)


def spell(api: Api) -> dict[str, Any]:
    """The spell of who has the number."""
    return done(api.get(f"/v1/episodes/{person(api)['episode']}"))


def away(api: Api) -> list[str]:
    """Where who has the number is now, but for home."""
    return [one["kind"] for one in spell(api)["leave"] if one["until"] is None]


def referrals(api: Api) -> Iterator[dict[str, Any]]:
    """The referrals of who has the number, newest first."""
    yield from api.get("/v1/referrals", params={"patient": person(api)["id"]}).json()["items"]


def on_ward(api: Api, **changed: Any) -> dict[str, Any]:
    """Somebody with the number, admitted an hour ago."""
    patient = register(api, **ANN)
    at = (utc_now() - timedelta(minutes=45)).isoformat()
    return admit(api, patient, at=at, **changed)


def test_a_hospitals_admission_asks_the_ward_and_comes_in_once_a_person_has_accepted(hospital: Hospital) -> None:
    api = hospital.api
    assert hospital.takes("A01", pid={11: "1 High St^^Leicester^^LE1 4TX"}).startswith("registered; noted")
    assert person(api)["postcode_district"] == "LE1"
    came = (utc_now() - timedelta(days=3)).strftime("%Y%m%d0900")
    asked = hospital.takes("A02", ward="WARD1", pv1={44: came})
    assert asked.startswith("referred to WARD1")
    (referral,) = referrals(api)
    assert (referral["source"], referral["step"], referral["state"]) == ("ward", "down", "received")
    assert (referral["referrer"], referral["hospital"]) == ("Mary Adler", "RXX")
    assert referral["hospital_admitted_on"] == (utc_now() - timedelta(days=3)).date().isoformat()
    assert "a person decides" in hospital.takes("A01", ward="WARD1")  # again: nobody comes in by that
    done(decide(api, referral["id"], "accept", {"at": hospital.now.isoformat()}))
    assert hospital.takes("A01", ward="WARD1").startswith("admitted to WARD1, as accepted")
    (entry,) = [one for one in _record(api) if one["kind"] == "admitted"]
    assert entry["by_name"] == "interface TIE-1"
    (referral,) = referrals(api)
    assert (referral["state"], referral["decided_by"]) == ("admitted", "Mary Adler")
    assert "a person ends it" in hospital.refuses("A11", ward="WARD1")  # a spell is not undone by a machine
    assert spell(api)["ward"] == "WARD1"


def _record(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done(api.get(f"/v1/episodes/{person(api)['episode']}/record"))["items"]
    return found


def test_a_cancelled_admission_withdraws_its_referral(hospital: Hospital) -> None:
    hospital.takes("A01", ward="WARD1")
    assert hospital.takes("A11") == "the referral is withdrawn"
    assert [one["state"] for one in referrals(hospital.api)] == ["withdrawn"]
    assert "no A01" in hospital.refuses("A11")  # once


def test_a_patient_of_ours_in_hospital_is_on_leave_and_the_ward_is_told(hospital: Hospital) -> None:
    api = hospital.api
    on_ward(api)
    assert hospital.takes("A01", pv1={2: "E"}).startswith("on leave from WARD1: ed")
    assert hospital.takes("A02") == "on leave from WARD1: hospital"
    assert hospital.takes("A02").startswith("noted")
    assert away(api) == ["hospital"]
    with api.ward.engine.connect() as connection:
        query = "SELECT ward, data -> 'system' ->> 'what' FROM event WHERE kind = 'system' ORDER BY id"
        assert connection.execute(text(query)).all() == [("WARD1", "patient_in_hospital")] * 2
    assert hospital.takes("A02", ward="WARD1").startswith("back on WARD1: a full set")
    assert away(api) == []
    hospital.takes("A01")
    assert hospital.takes("A11").startswith("back from leave")
    hospital.takes("A01")
    assert hospital.takes("A03").startswith("back on WARD1")  # the hospital sent them home
    assert hospital.takes("A13") == "on leave again: hospital"


def test_a_transfer_between_our_wards_is_one(hospital: Hospital) -> None:
    api = hospital.api
    with_beds_since(api, "RESP1")
    on_ward(api)
    assert hospital.takes("A01", ward="RESP1").startswith("noted")
    assert hospital.takes("A02", ward="RESP1") == "transferred to RESP1"
    assert spell(api)["ward"] == "RESP1"
    assert "PV1-3.1" in hospital.refuses("A03", ward="WARD1")  # they are not there


def with_beds_since(api: Api, code: str) -> None:
    """A ward that had beds an hour ago."""
    open_ward(api, code, **{"from": (utc_now() - timedelta(hours=2)).isoformat()})


def test_a_discharge_waits_for_a_red_alert_and_its_cancelling_watches_again(hospital: Hospital) -> None:
    api = hospital.api
    device = add_device(api)
    on_ward(api, devices=[device["id"]])
    alert = has_alert(api, device["token"], **VERY_SICK)
    asked = hospital.message("A03", ward="WARD1", at=utc_now(), pv1={36: "1", 37: "19"})
    code, why = acknowledged(hospital.posts(asked))
    assert (code, alert["id"] in why) == ("AE", True)
    assert spell(api)["discharged_at"] is None
    done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", {}, Role.CLINICIAN))
    done(api.post(f"/v1/alerts/{alert['id']}/resolve", {"outcome": "advice"}, Role.CLINICIAN))
    episode = person(api)["episode"]
    assert acknowledged(hospital.posts(asked)) == ("AA", "discharged: home")  # the same message, tried again
    left = done(api.get(f"/v1/episodes/{episode}"))
    assert (left["outcome"], left["destination"], left["decided_by"]) == ("home", "19", "Mary Adler")
    assert hospital.takes("A13", ward="WARD1", at=utc_now()).startswith("the spell on WARD1 goes on")
    assert (person(api)["episode"], spell(api)["outcome"]) == (episode, None)
    known = one_row(api.ward.engine, "SELECT due_at IS NOT NULL FROM latest_vitals JOIN episode ON id = episode_id"
                    f" WHERE public_id = '{episode}'")  # fmt: skip
    assert known == (True,)
    posts(api, device["token"])  # the kit is theirs again, and what it sends is scored
    drain(api)
    assert len(done(api.get(f"/v1/patients/{person(api)['id']}/scores"))["items"]) == 2


def one_row(engine: Engine, query: str) -> tuple[Any, ...]:
    """A row of the database."""
    with engine.connect() as connection:
        return tuple(connection.execute(text(query)).one())


def test_a_death_stops_everything_and_one_that_was_none_starts_it_again(hospital: Hospital) -> None:
    api = hospital.api
    device = add_device(api)
    on_ward(api, devices=[device["id"]])
    alert = has_alert(api, device["token"], **VERY_SICK)
    with_beds_since(api, "RESP1")
    waiting = referred(api, person(api)["id"], "RESP1")
    assert hospital.takes("A08", at=utc_now(), pid={30: "Y"}).startswith("discharged: died")
    assert person(api)["died_at"] is not None
    assert done(api.get(f"/v1/alerts/{alert['id']}"))["outcome"] == "died"
    assert done(api.get(f"/v1/referrals/{waiting['id']}"))["state"] == "withdrawn"
    assert "no A03" in hospital.refuses("A13", at=utc_now())  # it was not by an A03
    assert "cancel that discharge" in hospital.refuses("A08", at=utc_now(), pid={30: "N"})
    spell_id = one_row(api.ward.engine, "SELECT public_id FROM episode ORDER BY id DESC LIMIT 1")[0]
    done(api.post(f"/v1/episodes/{spell_id}/cancel-discharge", {"reason": "another person died"}, Role.COORDINATOR))
    assert person(api)["died_at"] is None
    again = done(api.get(f"/v1/alerts/{alert['id']}"))
    assert (again["state"], again["outcome"], again["due_at"] is None) == ("open", None, False)
    assert hospital.takes("A03", ward="WARD1", at=utc_now(), pv1={37: "79"}) == "discharged: died"
    assert hospital.takes("A13", at=utc_now()).startswith("the spell on WARD1 goes on")
    assert (person(api)["died_at"], spell(api)["outcome"]) == (None, None)


def test_nobody_is_called_about_who_died_after_the_spell(hospital: Hospital) -> None:
    api = hospital.api
    stay = on_ward(api)
    done(api.post(f"/v1/episodes/{stay['id']}/discharge", {"outcome": "home", "decided_by": "Dr No"}))
    worry = {"id": "w", "at": api.now(), "from": "staff", "text": "not eating", "patient": person(api)["id"]}
    alert = made(api.post("/v1/concerns", worry, Role.CLINICIAN))["alert"]
    assert hospital.takes("A08", at=utc_now(), pid={30: "Y"}).startswith("the death is recorded")
    assert done(api.get(f"/v1/alerts/{alert}"))["outcome"] == "died"
    assert done(api.get(f"/v1/alerts/{alert}/escalation"))["due_at"] is None


def test_a_death_of_somebody_who_waits_is_taken_back_too(hospital: Hospital) -> None:
    hospital.takes("A01", ward="WARD1")
    assert hospital.takes("A03", pid={29: "20261121", 30: "Y"}).startswith("the death is recorded")
    assert [one["state"] for one in referrals(hospital.api)] == ["withdrawn"]
    assert "died" in hospital.refuses("A01", ward="WARD1")
    assert hospital.takes("A08", pid={30: "N"}).startswith("the patient did not die")
    assert hospital.takes("A01", ward="WARD1").startswith("referred to WARD1")


def test_only_what_is_said_is_corrected_and_nothing_older_undoes_it(hospital: Hospital) -> None:
    api = hospital.api
    patient = register(api, **ANN, postcode="LE1 4TX", phones=["0116 1"], key_safe="1234", language="Urdu")
    earlier = hospital.message("A08", name=("Wrong", "Ann"))
    assert hospital.takes("A08", pid={11: '""^^^^LE2 1AA', 13: ""}, name=("Other", "Anna")).endswith("corrected")
    after = done(api.get(f"/v1/patients/{patient}"))
    assert (after["given_name"], after["postcode"], after["postcode_district"]) == ("Anna", "LE2 1AA", "LE2")
    assert (after["phones"], after["key_safe"], after["language"]) == (["0116 1"], "1234", "Urdu")
    code, why = acknowledged(hospital.posts(earlier))
    assert (code, "something newer" in why) == ("AA", True)
    assert done(api.get(f"/v1/patients/{patient}")) == after
    assert hospital.takes("A08", name=("Other", "Anna")).endswith("nothing to correct")
    assert "another family name" in hospital.refuses("A08", name=("Stranger", "Ann"), born="19700101")
    assert "PID-7" in hospital.refuses("A08", born="20990101")
    assert "PID-13" in hospital.refuses("A08", pid={13: "1" * 80})
    assert done(api.get(f"/v1/patients/{patient}")) == after


def test_a_late_transfer_does_not_undo_a_newer_one_but_a_newer_name_does_not_hide_it(hospital: Hospital) -> None:
    api = hospital.api
    on_ward(api)
    to_hospital, back = hospital.message("A02"), hospital.message("A02", ward="WARD1")
    hospital.takes("A08", name=("Other", "Anna"))
    assert acknowledged(hospital.posts(to_hospital))[1] == "on leave from WARD1: hospital"  # older than the name only
    third = hospital.message("A02", ward="NNU-B2")
    assert acknowledged(hospital.posts(back))[1].startswith("back on WARD1")
    assert acknowledged(hospital.posts(third))[1].startswith("on leave")
    late = hospital.message("A03", ward="WARD1", at=hospital.now - timedelta(seconds=2), id="late")
    assert "something newer" in acknowledged(hospital.posts(late))[1]
    assert away(api) == ["hospital"]


def test_a_message_sent_again_is_answered_the_same_and_does_nothing(hospital: Hospital) -> None:
    message = hospital.message("A01", ward="WARD1")
    first = hospital.posts(message)
    assert hospital.posts(message).content == first.content
    assert len([*referrals(hospital.api)]) == 1
    other = hospital.posts(hospital.message("A08", id="M1"))
    assert acknowledged(other) == ("AE", "this control id was used for another message")
    assert "ERR||MSH^1^10^1|205|E" in other.text
    assert hospital.posts(message).content == first.content
    another = add_device(hospital.api, kind="interface", serial="TIE-2")["token"]
    assert acknowledged(hospital.posts(hospital.message("A08", id="M1"), another))[0] == "AA"  # its own ids


def test_nobody_is_found_by_anything_but_a_valid_nhs_number_that_is_known(hospital: Hospital) -> None:
    for trigger in ("A02", "A03", "A08", "A11", "A13"):
        answer = hospital.posts(hospital.message(trigger))
        assert acknowledged(answer) == ("AE", "PID-3.1: nobody here has that NHS number")
        assert "ERR||PID^1^3^1^1|204|E" in answer.text
    assert "check digit" in hospital.refuses("A01", number="9434765918")
    assert "no NHS number" in hospital.refuses("A01", number=None, pid={3: "77^^^RXX^MRN"})
    assert "PID-7" in hospital.refuses("A01", born="")
    assert [one for one in hospital.api.get("/v1/patients").json()["items"] if one["nhs_number"]] == []


def test_only_an_interface_made_by_an_admin_may(hospital: Hospital) -> None:
    api = hospital.api
    body = {"kind": "interface", "serial": "MINE"}
    refused(api.post("/v1/devices", body, Role.ENGINEER), 403)
    hub = add_device(api)["token"]
    assert acknowledged(hospital.posts(hospital.message("A01"), hub))[0] == "AR"
    assert acknowledged(hospital.posts(header("SIU^S12", "R2")))[0] == "AR"
    assert acknowledged(hospital.posts(hospital.message("A01", msh={"msh11": "T"})))[0] == "AR"  # training
    assert acknowledged(hospital.posts(hospital.message("A01", msh={"msh12": "3"})))[0] == "AR"
    assert hospital.takes("A28").startswith("noted, and not used")
    for role in Role:
        refused(api.call("POST", "/v1/hl7v2", role, content=b"x", headers={"Content-Type": HL7}), 403)
    assert [one for one in api.get("/v1/patients").json()["items"] if one["nhs_number"]] == []


def test_what_is_no_message_is_refused_before_anything_is_kept(
    hospital: Hospital, run_servers: Servers, queue: Redis
) -> None:
    api = hospital.api
    refused(hospital.posts(b"{}"), 400)
    refused(hospital.posts(hospital.message("A01"), content_type="application/json"), 415)
    refused(hospital.posts(b"MSH|^~\\&|" + b"x" * 262_144), 413)
    assert acknowledged(hospital.posts(header("ADT^A01", "")))[0] == "AE"
    with database_away(run_servers, api.ward.settings.database_url):
        away = hospital.posts(hospital.message("A01"))
        assert "retry-after" in away.headers
        refused(away, 503)
    assert len(done(api.get("/v1/hospital-messages", Role.ENGINEER))["items"]) == 1


def test_engineers_see_what_came_and_only_one_by_itself_names_a_patient(hospital: Hospital) -> None:
    api = hospital.api
    hospital.takes("A01", ward="WARD1")
    hospital.refuses("A08", number=OTHER_NUMBER)
    hospital.takes("A31")
    first = api.get("/v1/hospital-messages", Role.ENGINEER, params={"limit": 2})
    page = done(first)
    assert [(one["kind"], one["outcome"], one["used"]) for one in page["items"]] == [
        ("ADT^A31", "AA", False), ("ADT^A08", "AE", False),
    ]  # fmt: skip
    assert NUMBER not in first.text
    assert "Other" not in first.text
    (oldest,) = done(api.get("/v1/hospital-messages", Role.ENGINEER, params={"cursor": page["next"]}))["items"]
    assert (oldest["control_id"], oldest["used"], oldest["device"]) == ("M1", True, hospital.device["id"])
    shown = done(api.get(f"/v1/hospital-messages/{oldest['id']}", Role.ENGINEER))
    assert f"{NUMBER}^^^NHS" in shown["raw"]
    assert "MSA|AA|M1" in shown["answer"]
    (failed,) = done(api.get("/v1/hospital-messages", Role.AUDITOR, params={"outcome": "AE"}))["items"]
    assert (failed["place"], failed["tries"]) == ("PID-3.1", 1)
    refused(api.get(f"/v1/hospital-messages/{oldest['id']}", Role.CLINICIAN), 403)


def test_the_text_of_a_message_is_for_the_wards_of_whom_it_names(hospital: Hospital) -> None:
    api = hospital.api
    patient = register(api, **ANN)
    admit(api, patient)
    hospital.takes("A08", name=("Other", "Anna"))
    hospital.refuses("A08", number=OTHER_NUMBER)  # nobody known: whose it is, nobody can say
    refused_one, ours = [one["id"] for one in done(api.get("/v1/hospital-messages", Role.ENGINEER))["items"]]
    open_ward(api, "OTHER")
    for ward, seen in (("WARD1", [200, 404]), ("OTHER", [404, 404])):
        token = employ(api, Role.ENGINEER, ward)
        assert [api.get(f"/v1/hospital-messages/{one}", token=token).status_code for one in (ours, refused_one)] == seen
    assert api.get(f"/v1/hospital-messages/{refused_one}", Role.ENGINEER).status_code == 200


def test_leaving_the_hospital_ends_a_proposal_and_fills_the_referrals_dates(hospital: Hospital) -> None:
    api = hospital.api
    patient = register(api, **ANN)
    made(api.post("/v1/inpatients", {
        "patient": patient, "ward": "WARD1", "hospital": "RXX", "reason": "stable", "seen_by": "Dr No",
    }, Role.COORDINATOR))  # fmt: skip
    referral = referred(api, patient)
    came = (utc_now() - timedelta(days=4)).strftime("%Y%m%d0900")
    assert hospital.takes("A03", pv1={44: came}) == "the hospital stay is recorded as ended"
    (inpatient,) = done(api.get("/v1/wards/WARD1/suitable", params={"state": "declined"}))["items"]
    assert inpatient["decision_reason"] == "discharged from hospital"
    after = done(api.get(f"/v1/referrals/{referral['id']}"))
    assert (after["hospital"], after["state"]) == ("RXX", "received")
    assert after["hospital_admitted_on"] == (utc_now() - timedelta(days=4)).date().isoformat()
    assert after["history"][-1]["what"] == "told_by_hospital"
    assert "PV1-3.1" in hospital.refuses("A03", ward="WARD1")


def test_a_merge_by_message_makes_one_of_two_records(hospital: Hospital) -> None:
    api = hospital.api
    kept, gone = register(api, **ANN), register(api, **ANN | {"nhs_number": OTHER_NUMBER})
    stay = admit(api, gone)
    merging = f"MRG|{OTHER_NUMBER}^^^NHS^NH"
    assert "another birth date" in hospital.refuses("A40", merging, name=("X", "Y"), born="19010101")
    assert hospital.takes("A40", merging) == "merged"
    assert person(api)["episode"] == stay["id"]
    assert "are one here already" in hospital.takes("A40", merging)
    assert hospital.takes("A40", "MRG|77^^^RXX^MRN").startswith("noted")
    hospital.takes("A08", number=OTHER_NUMBER, name=("Other", "Anna"))  # the old number finds the record that stays
    assert done(api.get(f"/v1/patients/{kept}"))["given_name"] == "Anna"
    assert done(api.get(f"/v1/patients/{gone}"))["merged_into"] == kept


def test_what_was_noted_of_a_place_holds_against_older_messages_too(hospital: Hospital) -> None:
    on_ward(hospital.api)
    hospital.takes("A02")
    back = hospital.message("A02", ward="WARD1")
    assert hospital.takes("A02", ward="NNU-B2").startswith("noted")  # in hospital still, and later than that
    assert "something newer" in acknowledged(hospital.posts(back))[1]
    assert away(hospital.api) == ["hospital"]
