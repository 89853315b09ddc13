"""Whether sepsis is suspected: asked on an alert, answered over HTTP, and told to whoever goes to the patient."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import ProgrammingError

from alert_rules.sepsis import CRITERIA, QUESTION, UCR_ALONE
from monitoring.access.roles import Role
from monitoring.alerts.finding import alert as alert_of
from monitoring.alerts.views import AlertDetail
from monitoring.sepsis.answering import SepsisAnswerBody, answer_sepsis
from monitoring.ucr.placing import SEPSIS_FIRST
from monitoring.ucr.states import Move
from tests.monitoring.api import Answer, Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import PLAN, done, drain, elsewhere, employ, faults, has_alert, posts, refused
from tests.monitoring.ucr_steps import asks, climbs, does, has_team, sick, stored
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import change, rows

HOOK = "https://ucr.example/hook"
SUSPECTED = {"answer": "suspected", "tool": "news2"}
WORSE = SICK | {"systolic": 100}  # NEWS2 8


def says(ward: Ward, role: Role = Role.CLINICIAN, **said: Any) -> AlertDetail:
    """Somebody answers the question on the patient's alert."""
    body = msgspec.convert(SUSPECTED | said, SepsisAnswerBody)
    return acts(ward, lambda act: answer_sepsis(act, ward.alert().public_id, body), role)


def question(ward: Ward) -> Any:
    """The question on the patient's alert."""
    return acts(ward, lambda act: alert_of(act, ward.alert().public_id)).sepsis


def post(api: Api, alert: str, role: Role = Role.CLINICIAN, **said: Any) -> Answer:
    """An answer over HTTP."""
    return api.post(f"/v1/alerts/{alert}/sepsis", SUSPECTED | said, role)


def to(ward: Ward) -> list[tuple[str, str]]:
    """Type and address of what is written to be sent of UCR and of sepsis, in order."""
    found = rows(ward.engine, "SELECT body ->> 'type' AS type, address, state FROM message ORDER BY id")
    return [(one.type, one.address) for one in found if one.type != "escalation.step" and one.state != "cancelled"]


def test_an_alert_of_five_or_more_asks_a_clinician_with_a_clock_from_the_score(api: Api) -> None:
    alert = has_alert(api, **SICK)
    asked = alert["sepsis"]
    assert (asked["question"], asked["status"], asked["answer"], asked["why"]) == (
        QUESTION, "unanswered", None, "NEWS2 6",
    )  # fmt: skip
    zero, by = (datetime.fromisoformat(asked[name]) for name in ("time_zero", "act_by"))
    assert (zero, by - zero) == (datetime.fromisoformat(alert["raised_at"]), timedelta(hours=3))
    (raised,) = done(api.get(f"/v1/alerts/{alert['id']}"))["history"]
    assert raised["note"].endswith("; asked whether sepsis is suspected")
    (told,) = rows(api.ward.engine, "SELECT data -> 'alert' -> 'sepsis' AS sepsis FROM event WHERE kind = 'alert'")
    assert told.sepsis == asked


def test_a_single_three_asks_and_an_amber_asks_nobody(ward: Ward) -> None:
    ward.receives(**WELL | {"respiratory_rate": 21, "pulse": 95})  # NEWS2 3
    assert question(ward) is None
    ward.at("08:10").receives(**WELL | {"systolic": 90})
    assert question(ward).why == "NEWS2 3, systolic scoring 3"


def test_an_answer_is_kept_with_who_and_when_and_a_later_one_counts_instead(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    first = done(post(api, alert, tool="nice_community", criteria=["mottled_or_ashen"], note="cold hands"))
    clinician = api.ward.staff[Role.CLINICIAN]
    said = first["sepsis"]["answer"]
    assert (said["answer"], said["by"], said["by_name"]) == ("suspected", str(clinician.public_id), clinician.name)
    assert (first["sepsis"]["status"], first["sepsis"]["advice"]) == ("suspected", UCR_ALONE)
    assert (first["state"], first["version"]) == ("open", 2)  # an answer is no acknowledgement
    last = first["history"][-1]
    assert (last["what"], last["by_name"]) == ("sepsis is suspected", clinician.name)
    assert last["note"] == "by the NICE table for the community: mottled or ashen: cold hands"
    second = done(post(api, alert, answer="not_suspected"))
    assert (second["sepsis"]["status"], second["sepsis"]["advice"]) == ("not_suspected", None)
    record = done(api.get(f"/v1/alerts/{alert}/sepsis", Role.AUDITOR))
    assert [one["answer"] for one in record["answers"]] == ["not_suspected", "suspected"]
    assert record["answers"][1]["criteria"] == ["mottled_or_ashen"]
    assert {one["name"] for one in record["criteria"]} == set(CRITERIA)
    assert record["sepsis"] == second["sepsis"]
    with pytest.raises(ProgrammingError, match="permission denied"):
        change(api.ward.engine, "UPDATE sepsis_answer SET answer = 'suspected'")


def test_only_clinicians_answer_and_only_a_registered_one_says_that_it_is_not(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    for role in (Role.SUPPORT, Role.COORDINATOR, Role.UCR, Role.AUDITOR, Role.ENGINEER):
        refused(post(api, alert, role, nonsense=1), 403)  # who may is judged first
    path, unregistered = f"/v1/alerts/{alert}/sepsis", employ(api, Role.CLINICIAN, "WARD1", registered=False)
    refused(api.post(path, SUSPECTED | {"answer": "not_suspected"}, token=unregistered), 403)
    assert done(api.post(path, SUSPECTED, token=unregistered))["sepsis"]["status"] == "suspected"
    refused(api.post(path, SUSPECTED, token=elsewhere(api)[1] + "x"), 401)
    refused(api.post(path, SUSPECTED, token=employ(api, Role.CLINICIAN, "OTHER")), 404)
    refused(api.get(path, token=employ(api, Role.CLINICIAN, "OTHER")), 404)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"answer": "maybe"}, "answer"),
        ({"tool": "guess"}, "tool"),
        ({"tool": "nice_community", "criteria": ["pale", "cyanosis"]}, "criteria[0]"),
        ({"criteria": ["cyanosis"]}, "criteria"),
        ({"tool": "nice_community", "criteria": ["cyanosis", "cyanosis"]}, "criteria"),
        ({"note": " "}, "note"),
        ({"certainty": 1}, "certainty"),
    ],
    ids=str,
)
def test_what_cannot_be_an_answer_is_refused_by_name(api: Api, said: dict[str, Any], named: str) -> None:
    assert faults(post(api, has_alert(api, **SICK)["id"], **said)) == [named]


def test_what_the_state_forbids_is_refused_with_the_alert_as_it_is(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    assert refused(post(api, alert, version=7), 409)["current"]["version"] == 1
    done(api.post(f"/v1/alerts/{alert}/resolve", {"outcome": "visit"}, Role.CLINICIAN))
    ended = refused(post(api, alert), 409)
    assert (ended["detail"], ended["current"]["state"]) == ("The alert is resolved.", "resolved")
    change(api.ward.engine, "UPDATE alert SET kind = 'overdue', state = 'open'")
    assert refused(post(api, alert), 409)["detail"] == "An alert of overdue tells nothing of sepsis."


def test_a_concern_that_asks_nothing_can_be_answered_and_then_says_so_to_ucr(api: Api) -> None:
    said = {"id": "c1", "at": api.now(), "from": "carer", "text": "shivering", "patient": str(api.ward.patient.id)}
    answer = api.post("/v1/concerns", said, Role.SUPPORT)
    alert = answer.json()["alert"]
    assert done(api.get(f"/v1/alerts/{alert}"))["sepsis"] is None
    asked = done(post(api, alert))["sepsis"]
    assert (asked["status"], asked["act_by"], asked["why"]) == ("suspected", None, "a clinician said so unasked")


def test_it_is_asked_once_and_again_when_the_patient_gets_worse_after_a_no(ward: Ward) -> None:
    sick(ward.at("09:00"))
    first = question(ward)
    ward.at("09:10").receives(**SICK)
    assert question(ward).asked_at == first.asked_at
    says(ward.at("09:20"), answer="not_suspected")
    ward.at("09:30").receives(**SICK)
    assert question(ward).status == "not_suspected"
    ward.at("09:40").receives(**WORSE)
    again = question(ward)
    assert (again.status, again.time_zero, again.act_by) == ("unanswered", ward.now, ward.now + timedelta(hours=1))
    assert ward.alert().state == "open"


def test_a_new_alarm_asks_anew(ward: Ward) -> None:
    sick(ward.at("09:00"))
    says(ward, answer="not_suspected")
    ward.resolves(ward.alert())
    ward.at("10:00").receives(**SICK)
    assert question(ward).status == "unanswered"


def test_whom_comfort_is_the_plan_for_nobody_is_asked_about(api: Api) -> None:
    patient = f"/v1/patients/{api.ward.patient.id}"
    done(api.put(f"{patient}/plan", PLAN | {"monitoring": "comfort"}, Role.CLINICIAN))
    posts(api, **VERY_SICK)
    drain(api)
    assert api.get("/v1/alerts").json()["items"] == []
    done(api.put(f"{patient}/plan", PLAN, Role.CLINICIAN))
    alert = has_alert(api, **VERY_SICK)
    assert alert["sepsis"]["status"] == "unanswered"
    done(api.put(f"{patient}/plan", PLAN | {"monitoring": "comfort"}, Role.CLINICIAN))
    now_asked = done(api.get(f"/v1/alerts/{alert['id']}"))
    assert (now_asked["sepsis"], now_asked["history"][-1]["what"]) == (
        None, "whether sepsis is suspected is not asked in comfort care",
    )  # fmt: skip


def test_comfort_care_that_begins_later_ends_the_asking_at_its_clock_and_ucr_is_not_told_of_it(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    sick(ward.at("09:00"))
    later: dict[str, Any] = {"monitoring": "comfort", "from": ward.now + timedelta(hours=1)}
    ward.plans(**later)
    assert question(ward).status == "unanswered"
    ward.at("10:00")
    referral = climbs(ward, ward.alert()).referral
    assert referral is not None
    assert stored(ward, referral).sepsis != "suspected"
    ward.at("10:30")
    assert question(ward) is None


def test_nobody_answers_and_the_ward_is_told_halfway_and_at_the_end_whoever_has_the_alert(ward: Ward) -> None:
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("09:00"))
    ward.acknowledges(ward.alert())
    before = ward.alert().state
    ward.at("10:29")
    assert to(ward) == []
    ward.at("10:30").at("10:31")
    ward.at("12:00").at("12:01").at("20:00")
    assert to(ward) == [("alert.sepsis_unanswered", "https://ward.example")] * 2
    assert ward.alert().state == before  # who has it keeps it
    said = rows(ward.engine, "SELECT what FROM alert_history WHERE what LIKE 'nobody has said%'")
    assert len(said) == 2


def test_who_answers_is_not_reminded(ward: Ward) -> None:
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("09:00"))
    says(ward, answer="not_suspected")
    ward.at("10:30").at("12:00")
    assert to(ward) == []


def test_a_step_to_ucr_tells_the_ward_in_the_same_moment_and_no_acceptance_takes_that_back(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    referral = climbs(ward, sick(ward.at("12:00"))).referral
    assert referral is not None
    both = [("ucr.referral", HOOK), ("ucr.sepsis_unanswered", "https://ward.example")]
    assert to(ward) == both
    does(ward, referral, Move.ACCEPT)  # before anything was sent
    assert to(ward) == both


def test_told_again_the_team_is_never_the_only_one_told(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("12:00"))
    says(ward, answer="not_suspected")
    assert climbs(ward, ward.alert()).referral is not None
    assert to(ward)[-1] == ("ucr.referral", "https://ward.example")
    ward.at("12:10").receives(**WORSE)  # asked again
    again = climbs(ward, ward.alert())
    assert again.referral is not None
    assert to(ward)[-2:] == [("ucr.told_again", HOOK), ("ucr.sepsis_unanswered", "https://ward.example")]
    assert stored(ward, again.referral).sepsis == "unanswered"


def test_a_decline_takes_what_is_known_by_then_to_the_next_team(ward: Ward) -> None:
    has_team(ward, "ONE", max_active=9)
    has_team(ward, "TWO")
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("12:00"))
    says(ward, answer="not_suspected")
    first = climbs(ward, ward.alert()).referral
    assert first is not None
    ward.at("12:05").receives(**WORSE)
    does(ward, first, Move.DECLINE)
    (second,) = rows(ward.engine, "SELECT sepsis FROM ucr_referral WHERE state = 'sent'")
    assert second.sepsis == "unanswered"
    assert to(ward)[-1] == ("ucr.sepsis_unanswered", "https://ward.example")


@pytest.mark.parametrize(
    ("answer", "told"),
    [(None, ["12:00 ucr", "12:00 fallback"]), ("suspected", ["12:00 ucr", "12:00 fallback"]),
     ("not_suspected", ["12:00 ucr"])],
    ids=str,
)  # fmt: skip
def test_where_no_clinician_can_be_told_the_ladder_goes_past_ucr_at_once(
    ward: Ward, answer: str | None, told: list[str]
) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.sets_ladders(
        red=[{"tell": "ucr", "wait_s": 900}, {"tell": "fallback", "wait_s": 600, "to": "https://always.example"}]
    )
    sick(ward.at("12:00"))
    if answer is not None:
        says(ward, answer=answer)
    ward.climbs = True
    ward.at("12:00")
    assert ward.told == told


def test_suspected_before_the_step_ucr_alone_is_no_answer(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("12:00"))
    says(ward)
    found = climbs(ward, ward.alert())
    assert found.placed
    assert found.why.startswith(SEPSIS_FIRST)
    assert found.referral is not None
    does(ward.at("12:05"), found.referral, Move.ACCEPT)
    assert ward.alert().state == "open"  # somebody of the ward still has to take it
    said = stored(ward, found.referral).handover["assessment"]
    assert "SEPSIS IS SUSPECTED" in said
    assert "The clinician said at 12:00 on 10 Mar: suspected, by NEWS2." in said
    assert "treatment is due by 15:00 on 10 Mar, from the score of 12:00 on 10 Mar (NEWS2 6)" in said


def test_suspected_after_a_team_took_the_alert_the_team_hears_and_the_alert_is_open_again(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    referral = climbs(ward, sick(ward.at("12:00"))).referral
    assert referral is not None
    does(ward.at("12:05"), referral, Move.ACCEPT)
    assert ward.alert().state == "acknowledged"
    says(ward.at("12:10"))
    assert ward.alert().state == "open"
    assert to(ward)[-2:] == [("ucr.sepsis_suspected", HOOK), ("ucr.sepsis_suspected", "https://ward.example")]
    now = stored(ward, referral)
    assert (now.sepsis, now.state) == ("suspected", "accepted")
    assert "SEPSIS IS SUSPECTED" in now.handover["assessment"]
    told = rows(ward.engine, "SELECT data -> 'ucr' ->> 'what' AS what FROM event WHERE kind = 'ucr' ORDER BY id")
    assert told[-1].what == "sepsis_suspected"
    says(ward.at("12:20"), answer="not_suspected")
    assert stored(ward, referral).sepsis == "not_suspected"
    assert to(ward)[-1] == ("ucr.sepsis_not_suspected", HOOK)


def test_a_ward_clinicians_own_alert_stays_theirs_when_they_suspect_sepsis(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    climbs(ward, sick(ward.at("12:00")))
    ward.acknowledges(ward.alert())
    says(ward)
    assert ward.alert().state == "acknowledged"


@pytest.mark.parametrize(
    ("answer", "word", "role", "stands"),
    [
        (None, None, Role.CLINICIAN, "unanswered"),
        (None, False, Role.CLINICIAN, "not_suspected"),
        (None, False, Role.COORDINATOR, "unanswered"),
        (None, True, Role.COORDINATOR, "suspected"),
        ("suspected", False, Role.CLINICIAN, "suspected"),
        ("not_suspected", None, Role.COORDINATOR, "not_suspected"),
        ("not_suspected", True, Role.CLINICIAN, "suspected"),
        ("cannot_tell", None, Role.CLINICIAN, "unanswered"),
    ],
    ids=str,
)
def test_by_hand_what_the_alert_says_goes_with_the_referral(
    ward: Ward, answer: str | None, word: bool | None, role: Role, stands: str
) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.reaches(Role.CLINICIAN, "https://ward.example")
    sick(ward.at("12:00"))
    if answer is not None:
        says(ward, answer=answer)
    made = asks(ward, role=role, suspected_sepsis=word)
    assert made.sepsis == stands
    is_told = [one for one in to(ward) if one[0].startswith("ucr.sepsis")] != []
    assert is_told == (stands in {"suspected", "unanswered"})


def test_who_is_not_registered_rules_it_out_in_no_referral_either(api: Api) -> None:
    has_alert(api, **SICK)
    body = {"patient": str(api.ward.patient.id), "need": "falls", "reason": "fell", "suspected_sepsis": False}
    unregistered = employ(api, Role.CLINICIAN, "WARD1", registered=False)
    answer = api.post("/v1/ucr/referrals", body, token=unregistered)
    assert (answer.status_code, answer.json()["sepsis"]) == (201, "unanswered")
