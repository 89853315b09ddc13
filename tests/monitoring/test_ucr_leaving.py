"""What becomes of a visit that was asked for when the stay, or the alert behind it, ends before the team is there."""

import pytest

from alert_rules.alarms import State as AlertState
from monitoring.access.roles import Role
from monitoring.ucr.states import Move, State
from tests.bars import message
from tests.monitoring.api import Api
from tests.monitoring.steps import done
from tests.monitoring.test_bars import Sender, now
from tests.monitoring.ucr_steps import TEAM, asks, climbs, does, has_team, sick, stored
from tests.ward import WELL, Ward
from tests.workers.records import rows

DESTINATION = {"home": "19", "self": "19", "acute": "51", "hospice": "88", "died": "79"}


def team_was_told(ward: Ward) -> list[str]:
    """What the team's hub was told, in order."""
    query = "SELECT body ->> 'type' AS said FROM message WHERE address LIKE '%team.example%' ORDER BY id"
    return [row.said for row in rows(ward.engine, query)]


@pytest.mark.parametrize("outcome", ["home", "acute", "hospice", "self", "died"])
@pytest.mark.parametrize("moves", [(), (Move.ACCEPT,), (Move.ACCEPT, Move.DISPATCH)])
def test_whatever_ends_a_stay_calls_off_the_team_that_is_not_there_yet(
    ward: Ward, outcome: str, moves: tuple[Move, ...]
) -> None:
    has_team(ward, "ONE", webhook="https://team.example/hook")
    ward.reaches(Role.CLINICIAN)
    referral = climbs(ward, sick(ward)).referral
    assert referral is not None
    for move in moves:
        does(ward, referral, move)
    if not moves:
        ward.acknowledges(ward.alert())
    alert = ward.alert()
    ward.discharges(outcome=outcome, destination=DESTINATION[outcome])
    ended = stored(ward, referral)
    why = "the patient died" if outcome == "died" else f"patient discharged: {outcome}"
    assert (ended.state, ended.end_reason, ended.due_at) == (State.CANCELLED, why, None)
    assert team_was_told(ward) == ["ucr.referral", "ucr.cancelled"]
    assert f"ucr_cancelled: ONE: {why}" in ward.history(alert)
    (now_is,) = [one for one in ward.alerts() if one.id == alert.id]
    # who has the alert keeps it; where that was the team, nobody has it now, and the ladder finds somebody
    left = AlertState.OPEN if moves else AlertState.ACKNOWLEDGED
    assert now_is.state == (AlertState.RESOLVED if outcome == "died" else left)


@pytest.mark.parametrize("outcome", ["home", "acute", "died"])
def test_a_team_that_is_with_the_patient_makes_its_visit_and_says_how_it_ended(ward: Ward, outcome: str) -> None:
    has_team(ward, "ONE", webhook="https://team.example/hook")
    referral = climbs(ward, sick(ward)).referral
    assert referral is not None
    does(ward, referral, Move.ACCEPT)
    does(ward, referral, Move.ARRIVE)
    ward.discharges(outcome=outcome, destination=DESTINATION[outcome])
    assert stored(ward, referral).state == State.ARRIVED
    assert does(ward, referral, Move.COMPLETE, outcome="conveyed").state == State.COMPLETED
    assert team_was_told(ward) == ["ucr.referral"]


def test_a_team_without_a_webhook_is_called_off_by_whoever_the_ward_tells(ward: Ward) -> None:
    has_team(ward, "ONE", phone="0116 9")
    ward.reaches(Role.CLINICIAN)
    asks(ward)
    ward.discharges(outcome="acute", destination="51")
    said = [row.said for row in rows(ward.engine, "SELECT body ->> 'type' AS said FROM message ORDER BY id")]
    assert said == ["ucr.referral", "ucr.cancelled"]


def test_what_no_team_takes_ends_with_its_alert_and_tells_nobody_any_more(ward: Ward) -> None:
    has_team(ward, "FULL", max_active=0)
    ward.reaches(Role.CLINICIAN)
    alert = sick(ward.at("12:00"))
    referral = climbs(ward, alert).referral
    assert referral is not None
    ward.resolves(alert)
    ended = stored(ward, referral)
    why = "the alert was resolved: advice"
    assert (ended.state, ended.end_reason, ended.due_at) == (State.CANCELLED, why, None)
    assert ward.history(alert)[-2:] == ["resolved: advice", f"ucr_cancelled: no team: {why}"]
    events = rows(ward.engine, "SELECT kind, data FROM event ORDER BY id DESC LIMIT 2")
    assert [row.kind for row in events] == ["ucr", "alert"]
    assert events[1].data["alert"]["history"][-1]["what"].startswith("ucr_cancelled")
    before = len(rows(ward.engine, "SELECT FROM message"))
    for clock in ("14:00", "15:00", "16:00"):
        ward.at(clock)
    assert len(rows(ward.engine, "SELECT FROM message")) == before


def test_a_visit_that_was_promised_outlives_the_alert_and_a_decline_never_loses_the_patient(ward: Ward) -> None:
    has_team(ward, "ONE")
    ward.reaches(Role.CLINICIAN)
    alert = sick(ward.at("12:00"))
    referral = climbs(ward, alert).referral
    assert referral is not None
    ward.resolves(alert, "ucr")
    assert stored(ward, referral).state == State.SENT
    does(ward, referral, Move.DECLINE)
    before = len(rows(ward.engine, "SELECT FROM message"))
    ward.at("14:00").at("15:00")  # nobody is left, and the ward goes on hearing of it
    assert len(rows(ward.engine, "SELECT FROM message")) > before


def test_what_no_team_takes_ends_too_where_the_cause_of_its_alert_did(ward: Ward) -> None:
    has_team(ward, "FULL", max_active=0)
    ward.at("23:00").at("33:00")  # sets that were due did not come
    (alert,) = ward.alerts()
    referral = climbs(ward, alert).referral
    assert referral is not None
    ward.receives(**WELL)
    assert ward.alerts()[0].state == AlertState.EXPIRED
    ward.at("36:00")
    ended = stored(ward, referral)
    assert (ended.state, ended.end_reason) == (State.CANCELLED, "what the alert was about has ended by itself")


def test_what_999_asked_for_holds_at_home_and_not_where_nobody_is(api: Api) -> None:
    done(api.put("/v1/ucr/teams/LE-UCR", TEAM))
    key = Sender(api).takes(message(at=now()))["id"]
    for outcome, state in (("home", "sent"), ("acute", "cancelled")):
        patient = done(api.get(f"/v1/ucr/referrals/{key}"))["patient"]
        stay = api.post("/v1/episodes", {"patient": patient, "ward": "WARD1", "step": "up"}).json()["id"]
        said = {"outcome": outcome, "decided_by": "Dr No", "destination": DESTINATION[outcome]}
        done(api.post(f"/v1/episodes/{stay}/discharge", said))
        assert done(api.get(f"/v1/ucr/referrals/{key}"))["state"] == state, outcome
