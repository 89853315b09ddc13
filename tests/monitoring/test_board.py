"""The board: who stands where and why, what it says of a patient, and that it is one query."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.kit import BATTERY_LOW_PERCENT, SILENT_AFTER
from monitoring.access.roles import Role
from monitoring.flow.contacts import ContactBody, record_contact
from monitoring.flow.reviews import ReviewBody, review
from monitoring.paging import Page
from monitoring.patients import chart
from monitoring.patients.views import ScoreView
from monitoring.rounds.board import board
from monitoring.rounds.board_views import BoardView, DeviceState
from monitoring.rounds.trend import Trend, trend
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import done, employ, faults, open_ward, refused
from tests.monitoring.test_patients_lists import counted, grow
from tests.ward import SICK, VERY_SICK, WELL, Patient, Ward
from tests.workers.records import change

READERS = {Role.CLINICIAN, Role.SUPPORT, Role.COORDINATOR, Role.AUDITOR, Role.ADMIN}
TWO: dict[str, Any] = WELL | {"pulse": 95, "temperature": 38.2}  # NEWS2 2: no alert


def seen(ward: Ward, code: str = "WARD1", limit: int = 50) -> list[BoardView]:
    """The whole board, page by page."""
    page = page_of(ward, code, limit)
    found = page.items
    while page.next is not None:
        page = page_of(ward, code, limit, page.next)
        found += page.items
    return found


def page_of(ward: Ward, code: str, limit: int, cursor: str | None = None) -> Page[BoardView]:
    """One page of a board."""
    return acts(ward, lambda act: board(act, code, limit, cursor))


def row(ward: Ward, patient: Patient | None = None) -> BoardView:
    """What the board says of a patient."""
    (found,) = [one for one in seen(ward) if one.patient == (patient or ward.patient).id]
    return found


def scored(ward: Ward) -> list[ScoreView]:
    """The scores of the ward's patient, newest first, as their own list has them."""
    return acts(ward, lambda act: chart.scores(act, ward.patient.id, 50, None)).items


def name(ward: Ward, patient: Patient, family: str) -> None:
    """What the patient is called."""
    change(ward.engine, "UPDATE patient SET family_name = :family WHERE id = :id", family=family, id=patient.key)


def in_order(ward: Ward) -> list[Patient]:
    """Patients as they have to stand on the board, made in another order."""
    calm, also_calm, warmer, unknown = (ward.admit() for _ in range(4))
    taken, red, late_red, critical = (ward.admit() for _ in range(4))
    for patient, family in ((calm, "abbot"), (also_calm, "Babbage"), (unknown, "Aaron"), (ward.patient, "Zed")):
        name(ward, patient, family)
    ward.at("12:00")
    for patient in (also_calm, calm):
        ward.receives(patient=patient, **WELL)
    ward.receives(patient=warmer, **TWO)
    ward.receives(patient=red, **SICK)
    ward.receives(patient=taken, **SICK)
    ward.acknowledges(ward.alert(patient=taken))
    ward.at("12:01").receives(patient=late_red, **SICK)
    ward.at("12:30").receives(**VERY_SICK)
    ward.acknowledges(ward.alert())
    ward.at("12:44").receives(patient=critical, **VERY_SICK)  # its clock is the later one, but nobody has it
    return [critical, ward.patient, red, late_red, taken, warmer, calm, also_calm, unknown]


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_the_most_worrying_stand_first_then_who_waits_longest_then_by_score_and_name(ward: Ward, limit: int) -> None:
    expected = in_order(ward)
    assert [one.patient for one in seen(ward, limit=limit)] == [patient.id for patient in expected]


def test_patients_of_one_name_are_each_on_one_page(ward: Ward) -> None:
    everybody = {ward.patient.id, *(ward.admit().id for _ in range(6))}
    found = [one.patient for one in seen(ward, limit=2)]
    assert len(found) == len(everybody)
    assert set(found) == everybody


def test_a_page_goes_on_where_the_last_one_ended_whatever_happened_to_its_last_patient(ward: Ward) -> None:
    *_, third, fourth = in_order(ward)[:4]
    first = page_of(ward, ward.code, 3)
    ward.acknowledges(ward.alert(patient=third))  # stands further down now
    second = page_of(ward, ward.code, 3, first.next)
    assert (first.items[-1].patient, second.items[0].patient) == (third.id, fourth.id)


def test_a_row_says_what_the_lists_of_scores_and_alerts_say(ward: Ward) -> None:
    ward.at("11:00").receives(**TWO)
    ward.at("12:00").receives(wellness="worse", **SICK)
    alert = ward.alert()
    ward.acknowledges(alert)
    found = row(ward)
    assert found.news2 == scored(ward)[0]
    assert (found.news2 and found.news2.score, found.news2 and found.news2.complete) == (6, True)
    assert found.before is not None
    assert (found.before.score, found.before.at, found.trend) == (2, scored(ward)[1].at, Trend.UP)
    assert found.alert is not None
    clinician = ward.staff[Role.CLINICIAN].public_id
    assert (found.alert.id, found.alert.severity, found.alert.acknowledged_by) == (alert.public_id, "red", clinician)
    assert (found.alert.due_at, found.alert.version) == (ward.alert().due_at, ward.alert().version)
    assert found.open_alerts == 1
    assert found.wellness is not None
    assert (found.wellness.answer, found.wellness.at) == ("worse", ward.now)
    assert (found.age, found.monitoring, found.on_leave, found.day_of_stay) == (76, "full", None, 1)


def test_of_several_alerts_the_worst_is_shown_and_all_are_counted(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    ward.acknowledges(ward.alert())
    ward.at("17:00")  # overdue, and that is open
    found = row(ward)
    assert found.alert is not None
    assert (found.alert.severity, found.alert.state, found.open_alerts) == ("critical", "acknowledged", 2)
    assert (found.overdue, found.missed) == (True, 1)


def test_a_set_that_is_not_scored_hides_no_score(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.at("12:30").receives(weight=70)
    ward.at("12:40").receives(declined="asleep")
    found = row(ward)
    assert found.news2 is not None
    assert (found.news2.score, found.news2.at) == (6, ward.now - timedelta(minutes=40))


def test_a_score_that_a_late_set_changed_is_shown_as_it_is_now(ward: Ward) -> None:
    ward.at("12:00").receives(spo2=97)
    before = row(ward).news2
    assert before is not None
    assert not before.complete
    ward.at("12:10").receives(taken=ward.now - timedelta(minutes=15), **SICK)
    found = row(ward)
    assert found.news2 == scored(ward)[0]
    assert found.news2 is not None
    assert found.news2.at == before.at
    assert found.news2.missing != before.missing


def test_for_comfort_no_score_is_shown(ward: Ward) -> None:
    ward.at("12:00").receives(**TWO)
    ward.plans(monitoring="comfort")
    found = row(ward)
    assert (found.monitoring, found.news2, found.trend, found.due_at) == ("comfort", None, Trend.UNKNOWN, None)


def test_the_kit_is_as_bad_as_its_worst_device(ward: Ward) -> None:
    assert row(ward).device_state is DeviceState.NEVER_HEARD
    ward.at("12:00").receives(battery=80, **WELL)
    assert row(ward).device_state is DeviceState.OK
    ward.at("13:00").receives(battery=BATTERY_LOW_PERCENT, **WELL)
    found = row(ward)
    assert (found.device_state, found.devices[0].battery) == (DeviceState.LOW_BATTERY, BATTERY_LOW_PERCENT)
    ward.now += SILENT_AFTER
    assert row(ward).device_state is DeviceState.SILENT
    assert row(ward, ward.admit(kit=False)).device_state is DeviceState.NONE


def test_it_says_who_is_away_who_is_ready_and_whose_stay_is_long(ward: Ward) -> None:
    ward.at("12:00").leaves("hospital")
    assert (row(ward).on_leave, row(ward).on_leave_since) == ("hospital", ward.now)
    ward.now += timedelta(days=10)
    found = row(ward)
    assert (found.day_of_stay, found.length_of_stay.review_due, found.length_of_stay.breach) == (11, True, False)
    ward.now += timedelta(days=4)
    assert row(ward).length_of_stay.breach


def test_it_says_when_the_patient_was_last_reviewed_and_spoken_to(ward: Ward) -> None:
    ward.decides(review, ReviewBody())
    ward.decides(record_contact, ContactBody(mode="phone", planned=True, outcome="well"))
    spoken_to_at = ward.now
    ward.at("12:00").decides(record_contact, ContactBody(mode="phone", planned=True, outcome="No answer"))
    found = row(ward)
    assert (found.reviewed_at, found.senior_reviewed_at, found.spoken_to_at) == (spoken_to_at, None, spoken_to_at)


def test_a_patient_is_on_the_board_of_the_ward_where_they_are(ward: Ward) -> None:
    ward.opens("OTHER")
    assert seen(ward, "OTHER") == []
    ward.at("12:00").receives(**SICK)
    ward.transfers("OTHER")
    assert seen(ward) == []
    (found,) = seen(ward, "OTHER")
    assert found.alert is not None
    assert found.alert.ward == "OTHER"
    ward.acknowledges(ward.alert())
    ward.discharges()
    assert seen(ward, "OTHER") == []


def test_what_the_referral_said_of_the_patient_is_on_the_board(api: Api) -> None:
    patient = done(api.get("/v1/wards/WARD1/board"))["items"][0]
    assert (patient["condition"], patient["frailty"]) == (None, None)
    person = {"given_name": "B", "family_name": "C", "birth_date": "1950-01-01", "sex": "male"}
    made = api.post("/v1/patients", person | {"no_nhs_number_reason": "visitor"}).json()["id"]
    asked = {"patient": made, "ward": "WARD1", "source": "gp", "step": "up", "condition": "COPD", "frailty": 6}
    referral = f"/v1/referrals/{api.post('/v1/referrals', asked).json()['id']}"
    done(api.post(f"{referral}/accept"))
    done(api.post(f"{referral}/admit"))
    found = {one["patient"]: one for one in done(api.get("/v1/wards/WARD1/board"))["items"]}[made]
    assert (found["condition"], found["frailty"]) == ("COPD", 6)


def test_every_page_of_the_board_is_one_query(api: Api) -> None:
    grow(api, 0, 3)
    for limit in (1, 50):
        with counted(api) as sent:
            assert done(api.get("/v1/wards/WARD1/board", params={"limit": limit}))["items"]
        assert len(sent) == 1, sent


def test_a_wards_own_people_read_its_board(api: Api) -> None:
    for role in Role:
        assert api.get("/v1/wards/WARD1/board", role).status_code == (200 if role in READERS else 403), role
    open_ward(api, "OTHER")
    refused(api.get("/v1/wards/OTHER/board", token=employ(api, Role.CLINICIAN, "WARD1")), 403)
    refused(api.get("/v1/wards/NOWHERE/board"), 404)
    assert done(api.get("/v1/wards/OTHER/board")) == {"items": [], "next": None}


@pytest.mark.parametrize("cursor", ["x", "1", "1_2_3_4_5", "1_-2_3_4", "1_2_3_" + "9" * 18, "_"])
def test_a_cursor_that_no_board_gave_is_refused(api: Api, cursor: str) -> None:
    assert faults(api.get("/v1/wards/WARD1/board", params={"cursor": cursor})) == ["cursor"]


def test_a_cursor_of_any_numbers_finds_a_page(api: Api) -> None:
    for cursor in ("9" * 15 + "_" + "9" * 17 + "_" + "9" * 15 + "_9", "0_0_0_0"):
        assert api.get("/v1/wards/WARD1/board", params={"cursor": cursor}).status_code == 200


POINTS = st.text("0123-", min_size=7, max_size=7)
WHOLE = st.text("0123", min_size=7, max_size=7)


def total(points: str) -> int:
    """The score of points that are whole."""
    return sum(map(int, points))


@given(WHOLE, WHOLE)
def test_of_whole_scores_the_trend_is_their_difference(newest: str, before: str) -> None:
    change = total(newest) - total(before)
    assert trend(newest, before) == (Trend.UP if change > 0 else Trend.DOWN if change < 0 else Trend.SAME)


@given(WHOLE, WHOLE, st.sets(st.integers(0, 6), min_size=1))
def test_measuring_less_never_shows_a_patient_as_better_or_the_same(newest: str, before: str, lost: set[int]) -> None:
    less = "".join("-" if place in lost else point for place, point in enumerate(newest))
    assert trend(less, before) in {Trend.UP, Trend.UNKNOWN}


@given(POINTS, POINTS)
def test_the_trend_turned_around_is_never_the_same_direction(newest: str, before: str) -> None:
    both = {trend(newest, before), trend(before, newest)}
    assert both not in ({Trend.UP}, {Trend.DOWN})


def test_without_a_score_before_there_is_no_trend() -> None:
    assert trend("0000000", None) == trend(None, None) == trend("0------", "-111111") == Trend.UNKNOWN
