"""Somebody at the door within two hours: referrals by a ladder and by hand, told to whom, answered, timed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import State as AlertState
from monitoring.access.roles import Role
from monitoring.escalation.tables import By, Contact, Message
from monitoring.patients.plan import PlanBody
from monitoring.refusals import Conflict, Unacceptable
from monitoring.ucr.placing import EMERGENCY_FIRST, UNDER_AGE
from monitoring.ucr.states import Move, State
from tests.monitoring.api import Api
from tests.monitoring.steps import done, employ, faults, made, refused, register
from tests.monitoring.ucr_steps import TEAM, asks, climbs, does, has_team, in_minutes, sick, stored
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import change, rows
from workers.ladders import fire_due

HOOK = "https://ucr.example/hook"


def told(ward: Ward) -> list[tuple[str, str]]:
    """Type and address of every message in the outbox, in order."""
    with Session(ward.engine) as session:
        found = session.execute(select(Message).order_by(col(Message.id))).scalars()
        return [(one.body["type"], one.address) for one in found]


def events(ward: Ward) -> list[tuple[str, str | None]]:
    """What was told live of UCR, and of which team."""
    found = rows(ward.engine, "SELECT data -> 'ucr' AS ucr FROM event WHERE kind = 'ucr' ORDER BY id")
    return [(row.ucr["what"], row.ucr["team"]) for row in found]


def has_contact(ward: Ward) -> None:
    """The ward's clinician can be told."""
    with Session(ward.engine) as session, session.begin():
        who = ward.staff[Role.CLINICIAN].id
        session.add(Contact(staff_id=who, place=0, by=By.WEBHOOK, to="https://ward.example", recorded_at=ward.now))


def test_a_red_alert_goes_to_a_team_that_accepts_travels_and_arrives_in_time(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    has_contact(ward)
    alert = sick(ward.at("12:00"))
    found = climbs(ward, alert)
    assert (found.placed, found.team, found.why) == (True, "LE-UCR", "covers QXX, at work, 0 of 6 visits")
    assert told(ward) == [("ucr.referral", HOOK), ("ucr.sepsis_unanswered", "https://ward.example")]
    assert found.referral is not None
    does(ward.at("12:05"), found.referral, Move.ACCEPT)
    taken = ward.alert()
    assert (taken.state, taken.acknowledged_by) == (AlertState.ACKNOWLEDGED, ward.staff[Role.UCR].id)
    assert taken.due_at == in_minutes(ward, 115)  # the visit is the action: owed with it
    does(ward.at("12:10"), found.referral, Move.DISPATCH)
    does(ward.at("13:29"), found.referral, Move.ARRIVE, at=in_minutes(ward, -5))
    ended = does(ward.at("14:30"), found.referral, Move.COMPLETE)
    assert (ended.met, ended.arrived_at, ended.outcome) == (True, in_minutes(ward, -66), "stayed_at_home")
    assert [entry.what for entry in ended.history] == [
        "sent", "accepted", "dispatched", "warning_50", "arrived", "completed",
    ]  # fmt: skip
    assert ward.alert().state == AlertState.ACTIONED  # by being there; never resolved by a team
    ward.at("14:40")  # later than the visit was owed
    assert ward.alert().state == AlertState.ACTIONED
    assert ward.history(ward.alert()) == [
        "raised", "ucr_sent: LE-UCR", "ucr_accepted: LE-UCR", "ucr_dispatched: LE-UCR", "ucr_warning_50: LE-UCR",
        "ucr_arrived: LE-UCR", "ucr_completed: stayed_at_home: LE-UCR",
    ]  # fmt: skip
    assert [what for what, _ in events(ward)] == [
        "sent", "accepted", "dispatched", "warning_50", "arrived", "completed: stayed_at_home",
    ]  # fmt: skip


def test_a_decline_goes_on_to_the_next_team_on_the_same_clock_and_with_none_left_the_ladder_goes_on(ward: Ward) -> None:
    has_team(ward, "ONE", max_active=9)
    has_team(ward, "TWO", max_active=6)
    alert = sick(ward.at("12:00"))
    first = climbs(ward, alert).referral
    assert first is not None
    does(ward.at("12:10"), first, Move.DECLINE, reason="no crew")
    (second,) = rows(ward.engine, "SELECT * FROM ucr_referral WHERE state = 'sent'")
    one = stored(ward, first)
    assert (second.previous_id, second.received_at, second.breach_at) == (one.id, one.received_at, one.breach_at)
    assert second.provider_breach_at == in_minutes(ward, 120)  # the second team has its own two hours
    assert {"team": "ONE", "taken": False, "reason": "asked before, and declined"} in second.placing["considered"]
    change(
        ward.engine,
        "UPDATE escalation SET step = 2, due_at = :late WHERE alert_id = :id",
        id=alert.id,
        late=in_minutes(ward, 600),
    )
    ward.at("12:25")  # the second team says nothing
    (last,) = rows(ward.engine, "SELECT * FROM ucr_referral WHERE state = 'unplaced'")
    assert (last.previous_id, last.breach_at, last.team_id) == (second.id, one.breach_at, None)
    assert rows(ward.engine, "SELECT due_at FROM escalation")[0].due_at == ward.now
    assert "ucr_unplaced: TWO declined, and no team is left" in ward.history(alert)
    assert [what for what, _ in events(ward)] == ["sent", "declined", "sent", "declined", "unplaced"]
    with pytest.raises(Conflict, match="asked before, and declined"):
        does(ward, last.public_id, Move.SEND, Role.CLINICIAN)
    has_team(ward, "NEW")
    assert does(ward, last.public_id, Move.SEND, Role.CLINICIAN).team == "NEW"


def test_the_clock_warns_twice_breaches_and_goes_on_telling_and_catches_up_in_order(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    has_contact(ward)
    alert = sick(ward.at("12:00"))
    referral = climbs(ward, alert).referral
    assert referral is not None
    does(ward.at("12:01"), referral, Move.ACCEPT)
    ward.at("12:59")
    assert stored(ward, referral).told == 0
    ward.at("13:00").at("13:29")
    assert stored(ward, referral).told == 1
    before = len(told(ward))
    ward.at("14:05")  # nobody kept time for a while
    assert [what for what, _ in events(ward)] == ["sent", "accepted", "warning_50", "warning_75", "breach"]
    of_the_visit = [one for one in told(ward)[before:] if one[0].startswith("ucr.")]
    assert of_the_visit == [("ucr.breach", "https://ward.example"), ("ucr.breach", HOOK)]
    assert ward.alert().state == AlertState.OPEN
    assert ward.history(alert)[-1] == "ucr_breach: LE-UCR not seen by 14:00: the clock runs on"
    ward.at("14:06").at("15:05").at("15:05")
    assert [what for what, _ in events(ward)][-2:] == ["breach", "still_waiting"]
    late = does(ward, referral, Move.ARRIVE)
    assert (late.met, stored(ward, referral).due_at) == (False, None)


def test_critical_is_never_answered_by_a_team_alone(ward: Ward) -> None:
    has_team(ward, "LE-UCR")
    alert = sick(ward, **VERY_SICK)
    found = climbs(ward, alert)
    assert found.why.startswith(EMERGENCY_FIRST)
    assert found.referral is not None
    assert does(ward, found.referral, Move.ACCEPT).emergency_first
    assert ward.alert().state == AlertState.OPEN
    assert ward.history(alert)[-1] == "ucr_accepted: LE-UCR"


def test_a_ladder_that_comes_to_ucr_again_sends_nobody_a_second_time_and_a_full_team_is_said(ward: Ward) -> None:
    has_team(ward, "LE-UCR", max_active=1)
    first = climbs(ward, sick(ward))
    again = climbs(ward, ward.alert())
    assert (again.referral, again.placed, again.why) == (first.referral, True, "with LE-UCR already (sent); told again")
    other = ward.admit()
    full = climbs(ward, sick(ward, other))
    assert (full.placed, full.team, full.why) == (False, None, "LE-UCR: at capacity (1 of 1 visits)")
    assert full.referral is not None
    assert stored(ward, full.referral).state == State.UNPLACED
    assert first.referral is not None
    does(ward, first.referral, Move.CANCEL, reason="999 called")
    assert climbs(ward, ward.alert(patient=other)).team == "LE-UCR"  # there is room now
    child = ward.admit(birth_date=(ward.now - timedelta(days=17 * 365)).date())
    refusal = climbs(ward, sick(ward, child))
    assert (refusal.placed, refusal.why, refusal.referral) == (False, UNDER_AGE, None)


def test_who_had_accepted_and_hands_back_gives_the_alert_back_too(ward: Ward) -> None:
    has_team(ward, "ONE")
    has_team(ward, "TWO")
    referral = climbs(ward, sick(ward)).referral
    assert referral is not None
    does(ward, referral, Move.ACCEPT)
    does(ward, referral, Move.DECLINE, reason="crew diverted")
    assert ward.alert().state == AlertState.OPEN
    assert [(row.state, row.accepted_at) for row in rows(ward.engine, "SELECT * FROM ucr_referral ORDER BY id")] == [
        ("declined", ward.now), ("sent", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("outcome", "state"), [("no_access", AlertState.OPEN), ("conveyed", AlertState.ACTIONED)])
def test_whom_nobody_let_in_the_ladder_goes_on_for_at_once(ward: Ward, outcome: str, state: AlertState) -> None:
    has_team(ward, "LE-UCR")
    alert = sick(ward.at("12:00"))
    referral = climbs(ward, alert).referral
    assert referral is not None
    does(ward, referral, Move.ACCEPT, note="on our way")
    does(ward, referral, Move.COMPLETE_UNSEEN, outcome=outcome)
    assert ward.alert().state == state
    assert ward.history(alert)[-1] == f"ucr_completed: {outcome}: LE-UCR"
    due_at = rows(ward.engine, "SELECT due_at FROM escalation")[0].due_at
    assert (due_at == ward.now) is (state == AlertState.OPEN)
    kinds = [row.kind for row in rows(ward.engine, "SELECT kind FROM event ORDER BY id")]
    assert kinds[-2:] == ["alert", "ucr"]


LADDER = [{"tell": "clinician", "wait_s": 900}, {"tell": "ucr", "wait_s": 900},
          {"tell": "fallback", "wait_s": 600, "to": "https://call-centre.example/hook"}]  # fmt: skip


def test_what_the_ladder_and_the_referral_owe_at_the_same_instant_is_told_once(ward: Ward) -> None:
    has_team(ward, "LE-UCR")
    has_contact(ward)
    ward.sets_ladders(red=LADDER)
    sick(ward.at("12:00"))
    ward.climbs = True
    ward.at("12:00").at("12:15")
    fire_due(ward.engine, ward.settings, in_minutes(ward, 15))  # the team was silent, and no other is left
    ward.at("12:30").at("12:31")
    assert ward.told == ["12:00 clinician", "12:15 ucr", "12:30 fallback"]
    has_team(ward, "OTHER")
    (unplaced,) = rows(ward.engine, "SELECT public_id, breach_at FROM ucr_referral WHERE state = 'unplaced'")
    does(ward, unplaced.public_id, Move.SEND, Role.CLINICIAN)
    does(ward, unplaced.public_id, Move.ACCEPT)
    fire_due(ward.engine, ward.settings, unplaced.breach_at)  # the visit was not made
    ward.at("14:15").at("14:16")
    assert ward.told[3:] == ["14:15 fallback"]
    assert ward.history(ward.alert())[-1].startswith("ucr_breach: OTHER")


def test_a_referral_goes_with_the_patient_and_ends_with_their_death(ward: Ward) -> None:
    has_team(ward, "LE-UCR", webhook=HOOK)
    ward.opens("WARD2")
    referral = climbs(ward, sick(ward)).referral
    assert referral is not None
    does(ward, referral, Move.ACCEPT)
    ward.transfers("WARD2")
    assert does(ward, referral, Move.DISPATCH).ward == "WARD2"
    assert [row.ward for row in rows(ward.engine, "SELECT ward FROM event WHERE kind = 'ucr' ORDER BY id")][-3:] == [
        "WARD2", "WARD1", "WARD2",
    ]  # fmt: skip
    asks(ward, need="falls")
    ward.discharges(outcome="died", destination="79")
    ended = rows(ward.engine, "SELECT state, end_reason, due_at FROM ucr_referral")
    assert {(row.state, row.end_reason, row.due_at) for row in ended} == {("cancelled", "the patient died", None)}
    assert told(ward)[-2:] == [("ucr.cancelled", HOOK)] * 2
    assert [row.due_at for row in rows(ward.engine, "SELECT due_at FROM escalation")] == [None]


def test_instants_that_contradict_what_is_known_are_refused(ward: Ward) -> None:
    has_team(ward, "LE-UCR")
    referral = asks(ward.at("12:00")).id
    does(ward, referral, Move.ACCEPT)
    ward.now += timedelta(minutes=30)
    with pytest.raises(Conflict, match="before the last entry"):
        does(ward, referral, Move.ARRIVE, at=in_minutes(ward, -31))
    with pytest.raises(Unacceptable, match="in the future"):
        does(ward, referral, Move.ARRIVE, at=in_minutes(ward, 1))
    assert does(ward, referral, Move.ARRIVE, at=in_minutes(ward, -29)).arrived_at == in_minutes(ward, -29)


def test_the_handover_says_what_a_stranger_at_the_door_needs_and_is_kept_as_it_was(ward: Ward) -> None:
    has_team(ward, "LE-UCR")
    plan = {
        "spo2_scale": 2, "home_oxygen_l_min": 1.5, "baselines": {"news2": 2}, "usual_consciousness": "A",
        "escalation": {"hospital": "no", "preferred_place": "home"}, "reason": "COPD", "review_on": "2026-04-01",
    }  # fmt: skip
    patient = ward.admit(
        plan=msgspec.convert(plan, PlanBody), address="1 High Street", postcode="LE1 5WW", key_safe="4711",
        scene_safety="A dog", phones=["0116 1"], allergies="penicillin", next_of_kin=["Bea, daughter"],
    )  # fmt: skip
    ward.receives(patient=patient, **WELL | {"spo2": 90})
    alert = sick(ward.at("12:00"), patient, **SICK | {"spo2": 86})
    referral = climbs(ward, alert).referral
    assert referral is not None
    ward.receives(patient=patient, taken=in_minutes(ward.at("12:10"), 0), **VERY_SICK)
    shown = does(ward, referral, Move.ACCEPT)
    then, now = shown.handover, shown.handover_now
    assert [one.what for one in now.tried] == ["raised", "ucr_sent: LE-UCR", "stepped_up", "ucr_accepted: LE-UCR"]
    for place, words in {
        "situation": ["Ann Other, 76 years, female", "red, raised 12:00 on 10 Mar", "SpO2 86"],
        "background": ["home oxygen 1.5 L/min", "88–92 %", "news2 2", "penicillin", "NOT for hospital", "home"],
        "assessment": ["rising", "spo2 86", "sepsis is suspected is NOT answered"],
        "recommendation": [
            "by 14:00 on 10 Mar", "1 High Street", "4711", "A dog", "0116 1", "Bea, daughter", "raised", "ring 999",
        ],
    }.items():  # fmt: skip
        assert [word for word in words if word not in then[place]] == []
    assert (then["vitals"]["spo2"], now.vitals["spo2"]) == (86, 90)
    assert len(now.trend) == len(then["trend"]) + 1
    assert now.news2 is not None
    assert now.news2.score != then["news2"]["score"]


def body(api: Api, **changed: Any) -> dict[str, Any]:
    """A referral by hand of the ward's patient."""
    return {"patient": str(api.ward.patient.id), "need": "catheter", "reason": "blocked"} | changed


def test_teams_and_referrals_over_http_and_who_sees_what(api: Api) -> None:
    team = TEAM | {"webhook": HOOK, "accepts": {"max_news2": 6}}
    put = done(api.put("/v1/ucr/teams/LE-UCR", team, Role.COORDINATOR))
    assert put["secret"].startswith("whsec_")
    assert "secret" not in done(api.put("/v1/ucr/teams/LE-UCR", team, Role.UCR))  # it stays, and is not shown again
    assert "secret" not in api.get("/v1/ucr/teams").text
    done(api.put("/v1/ucr/teams/OTHER", TEAM | {"postcode_districts": ["ZZ1"], "icb": "QYY"}, Role.COORDINATOR))
    assert faults(api.put("/v1/ucr/teams/X", team | {"code": "Y"}, Role.UCR)) == ["code"]
    assert faults(api.put("/v1/ucr/teams/X", team | {"hours": {}}, Role.UCR)) == ["hours"]
    assert faults(api.put("/v1/ucr/teams/X", team | {"webhook": "http://127.0.0.1/"}, Role.UCR)) == ["webhook"]
    assert faults(api.put("/v1/ucr/teams/X", team | {"secret": "whsec_hush"}, Role.UCR)) == ["secret"]
    mine, theirs = (api.ward.employ(Role.UCR, teams=[code])[1] for code in ("LE-UCR", "OTHER"))
    refused(api.put("/v1/ucr/teams/OTHER", team, token=mine), 403)
    elsewhere = employ(api, Role.CLINICIAN, "NOWHERE")
    answer = api.post("/v1/ucr/referrals", body(api), Role.CLINICIAN)
    one = made(answer)
    path = answer.headers["Location"]
    assert (one["state"], one["team"], one["automatic"], one["in_scope"]) == ("sent", "LE-UCR", False, True)
    assert one["reviewed_by"] == str(api.ward.staff[Role.CLINICIAN].public_id)
    current = refused(api.post("/v1/ucr/referrals", body(api), Role.COORDINATOR), 409)["current"]
    assert current["id"] == one["id"]
    for token, status in ((theirs, 404), (elsewhere, 404), (mine, 200)):
        assert api.get(path, token=token).status_code == status
        assert len(api.get("/v1/ucr/referrals", token=token).json()["items"]) == (status == 200)
    refused(api.get("/v1/ucr/referrals?team=LE-UCR", token=theirs), 403)
    refused(api.post(f"{path}/accept", token=theirs), 404)
    refused(api.post(f"{path}/accept", role=Role.CLINICIAN), 403)
    assert faults(api.post(f"{path}/decline", {}, token=mine)) == ["reason"]
    refused(api.post(f"{path}/arrive", token=mine), 409)
    done(api.post(f"{path}/accept", {"version": 1}, token=mine))
    stale = refused(api.post(f"{path}/accept", {"version": 1}, token=mine), 409)["current"]
    assert (stale["state"], stale["version"]) == ("accepted", 2)
    refused(api.post(f"{path}/complete", {"outcome": "stayed_at_home"}, token=mine), 409)
    assert done(api.post(f"{path}/arrive", token=mine))["met"] is True
    assert api.get("/v1/ucr/referrals?team=LE-UCR&state=arrived", token=mine).json()["items"][0]["id"] == one["id"]
    assert done(api.post(f"{path}/complete", {"outcome": "conveyed"}, token=mine))["outcome"] == "conveyed"
    refused(api.post(f"{path}/cancel", role=Role.CLINICIAN), 409)
    refused(api.post(f"{path}/review", role=Role.CLINICIAN), 409)
    by_coordinator = made(api.post("/v1/ucr/referrals", body(api), Role.COORDINATOR))["id"]
    assert done(api.post(f"/v1/ucr/referrals/{by_coordinator}/review", role=Role.CLINICIAN))["reviewed_at"]


def test_who_is_not_for_ucr_is_refused_and_the_other_route_named(api: Api) -> None:
    done(api.put("/v1/ucr/teams/LE-UCR", TEAM))
    child = register(api, birth_date="2015-01-01")
    problem = refused(api.post("/v1/ucr/referrals", body(api, patient=child), Role.CLINICIAN), 422)
    assert problem["errors"] == [{"field": "patient", "reason": UNDER_AGE}]
    problem = refused(api.post("/v1/ucr/referrals", body(api, suspected_emergency=True), Role.CLINICIAN), 422)
    assert problem["errors"][0]["field"] == "suspected_emergency"
    assert "999" in problem["errors"][0]["reason"]
    assert faults(api.post("/v1/ucr/referrals", body(api, alert=str(UUID(int=1))), Role.CLINICIAN)) == ["alert"]
    later = "2099-01-01T00:00:00Z"
    assert faults(api.post("/v1/ucr/referrals", body(api, at=later), Role.CLINICIAN)) == ["at"]
    lacking = made(api.post("/v1/ucr/referrals", body(api, skills=["iv"], response="2_day"), Role.CLINICIAN))
    assert (lacking["state"], lacking["team"], lacking["in_scope"]) == ("unplaced", None, False)
    assert lacking["placing"]["why"] == "LE-UCR: lacks the skill: iv"
