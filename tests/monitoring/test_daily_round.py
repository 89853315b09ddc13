"""The daily round: who is on each list, who is not, who leaves it when it is worked off, and when a day ends."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.flow import codes, letters
from monitoring.flow.codes import CodeBody, CodesBody
from monitoring.flow.contacts import NOT_SPOKEN, ContactBody, record_contact
from monitoring.flow.delays import DelayBody, DelayEndedBody, delay, end_delay
from monitoring.flow.leave import LeaveBody, leave
from monitoring.flow.letters import LetterBody
from monitoring.flow.reviews import (
    ExpectedDischargeBody,
    FailedBody,
    ReadyBody,
    ReviewBody,
    discharge_failed,
    expect_discharge,
    ready,
    review,
)
from monitoring.flow.tables import LetterKind
from monitoring.paging import Page
from monitoring.patients.plan import PlanBody
from monitoring.rounds.daily_round import RoundItem, RoundView, daily_round, round_list
from monitoring.rounds.days import begins_at, ends_at, today
from monitoring.rounds.round_lists import LISTS, ListName
from monitoring.wards.tables import LeaveKind
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import LIMITS, done, employ, faults, open_ward, refused
from tests.monitoring.test_board import READERS
from tests.monitoring.test_patients_lists import counted, grow
from tests.ward import WELL, Patient, Ward

Does = Callable[[Ward], object]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def on(ward: Ward, name: ListName, limit: int = 50) -> list[RoundItem]:
    """Who is on a list; the round counts as many."""
    found = acts(ward, lambda act: round_list(act, ward.code, name, limit, None)).items
    assert counts(ward).lists[name] == len(found)
    return found


def counts(ward: Ward) -> RoundView:
    """The round."""
    return acts(ward, lambda act: daily_round(act, ward.code))


def ids(items: list[RoundItem]) -> list[object]:
    """The patients of a list, in its order."""
    return [one.patient for one in items]


def reviews(ward: Ward, patient: Patient | None = None, *, senior: bool = True) -> None:
    """A board round, by somebody who is senior or not."""
    ward.staff[Role.COORDINATOR] = replace(ward.staff[Role.COORDINATOR], senior=senior)
    ward.decides(review, ReviewBody(), patient)


def speaks(ward: Ward, outcome: str = "well", patient: Patient | None = None) -> None:
    """A call."""
    ward.decides(record_contact, ContactBody(mode="phone", planned=True, outcome=outcome), patient)


def expects(ward: Ward, days: int, patient: Patient | None = None, reason: str | None = None) -> None:
    """The patient is to leave in so many days."""
    ward.decides(expect_discharge, ExpectedDischargeBody(date=today(ward.now) + days * DAY, reason=reason), patient)


def delays(ward: Ward, hours: float, patient: Patient | None = None) -> None:
    """Something delays the patient, to be solved in so many hours."""
    ward.decides(delay, DelayBody(reason="care", owner="Ann", due_at=ward.now + hours * HOUR), patient)


def sends(ward: Ward, kind: LetterKind, patient: Patient | None = None) -> None:
    """A letter goes to the GP."""
    ward.decides(lambda act, spell, body: letters.send_letter(act, spell, kind, body), LetterBody(how="MESH"), patient)


def later(ward: Ward, by: timedelta) -> None:
    """The clock is turned."""
    ward.now += by


@dataclass(frozen=True)
class Case:
    """What brings the ward's patient, and nobody else, to a list; and what works it off."""

    arrange: Does
    work_off: Does


def _not_reviewed(ward: Ward) -> None:
    reviews(ward, ward.admit())
    reviews(ward, senior=False)


def _not_spoken_to(ward: Ward) -> None:
    speaks(ward, patient=ward.admit())
    for outcome in [*sorted(NOT_SPOKEN), "No answer"]:
        speaks(ward, outcome)


def _spo2_alone(ward: Ward) -> None:
    other = ward.admit()
    later(ward, 23 * HOUR)
    ward.receives(patient=other, **WELL)
    ward.receives(spo2=97)
    later(ward, HOUR)


def _long(ward: Ward) -> None:
    later(ward, 10 * DAY)
    ward.admit()


def _expected(ward: Ward) -> None:
    expects(ward, 0)
    expects(ward, 1, ward.admit())


def _ready(ward: Ward) -> None:
    ward.admit()
    ward.decides(ready, ReadyBody())


def _delayed(ward: Ward) -> None:
    delays(ward, 30, ward.admit())
    delays(ward, 1)
    later(ward, 2 * HOUR)


def _ends_delay(ward: Ward) -> None:
    delay_id = on(ward, "delays_overdue")[0].delay
    assert delay_id is not None
    ward.decides(lambda act, spell, body: end_delay(act, spell, delay_id, body), DelayEndedBody())


def _away(ward: Ward) -> None:
    ward.decides(leave, LeaveBody(kind=LeaveKind.FAMILY), ward.admit())
    ward.leaves("hospital")
    later(ward, 24 * HOUR)
    ward.decides(leave, LeaveBody(kind=LeaveKind.ED), ward.admit())


def _told(ward: Ward) -> None:
    sends(ward, LetterKind.ADMISSION_NOTICE, ward.admit())


CASES: dict[ListName, Case] = {
    "no_senior_review_today": Case(_not_reviewed, reviews),
    "not_spoken_to_today": Case(_not_spoken_to, speaks),
    "no_complete_score_24h": Case(_spo2_alone, lambda ward: ward.receives(**WELL)),
    "near_maximum_stay": Case(_long, lambda ward: expects(ward, 9, reason="waits for a carer")),
    "no_expected_discharge": Case(lambda ward: expects(ward, 3, ward.admit()), lambda ward: expects(ward, 2)),
    "expected_today": Case(_expected, lambda ward: expects(ward, 1)),
    "discharge_ready": Case(_ready, lambda ward: ward.discharges()),
    "delays_overdue": Case(_delayed, _ends_delay),
    "leave_over_24h": Case(_away, lambda ward: ward.returns()),
    "letters_unsent": Case(_told, lambda ward: sends(ward, LetterKind.ADMISSION_NOTICE)),
}


def test_every_list_is_told_here() -> None:
    assert tuple(CASES) == tuple(LISTS) == get_args(ListName)


@pytest.mark.parametrize("name", CASES)
def test_who_is_on_a_list_leaves_it_when_it_is_worked_off(ward: Ward, name: ListName) -> None:
    CASES[name].arrange(ward)
    (found,) = on(ward, name)
    assert found.patient == ward.patient.id
    assert found.why
    assert found.since <= ward.now
    CASES[name].work_off(ward)
    assert on(ward, name) == []


@pytest.mark.parametrize("name", CASES)
def test_who_left_the_ward_is_on_no_list_but_that_of_letters(ward: Ward, name: ListName) -> None:
    CASES[name].arrange(ward)
    on_it = on(ward, name)
    ward.discharges()
    assert (ward.patient.id in ids(on(ward, name))) is (name == "letters_unsent")
    assert on_it


@pytest.mark.parametrize("name", sorted(set(CASES) - {"leave_over_24h"}))
def test_a_transfer_takes_what_is_to_be_done_to_the_new_ward(ward: Ward, name: ListName) -> None:
    ward.opens("OTHER")
    CASES[name].arrange(ward)
    why = on(ward, name)[0].why
    ward.transfers("OTHER")
    assert on(ward, name) == []
    (there,) = acts(ward, lambda act: round_list(act, "OTHER", name, 50, None)).items
    assert (there.patient, there.why) == (ward.patient.id, why)


def test_a_list_begins_with_who_is_on_it_longest_and_goes_on_where_the_page_ended(ward: Ward) -> None:
    later(ward, HOUR)
    together = [ward.admit().id for _ in range(3)]
    later(ward, HOUR)
    last = ward.admit()
    cursor: str | None = None
    found: list[object] = []
    for _ in range(5):
        page = _one(ward, cursor)
        found += ids(page.items)
        cursor = page.next
    assert cursor is None
    assert found == [ward.patient.id, *together, last.id]


def _one(ward: Ward, cursor: str | None) -> Page[RoundItem]:
    return acts(ward, lambda act: round_list(act, ward.code, "no_expected_discharge", 1, cursor))


def test_a_call_says_how_often_it_was_tried(ward: Ward) -> None:
    speaks(ward)
    spoken_to_at = ward.now
    later(ward, DAY)
    speaks(ward, "voicemail")
    speaks(ward, "no_answer")
    (found,) = on(ward, "not_spoken_to_today")
    assert (found.since, found.why) == (
        spoken_to_at,
        "Not spoken to today; the last at 08:00 on 10 March; tried 2 times today",
    )


def test_in_a_hospital_nobody_is_reviewed_called_or_measured_by_the_ward(ward: Ward) -> None:
    lists: tuple[ListName, ...] = ("no_senior_review_today", "not_spoken_to_today", "no_complete_score_24h")
    later(ward, 25 * HOUR)
    assert [len(on(ward, name)) for name in lists] == [1, 1, 1]
    ward.leaves("ed")
    assert [len(on(ward, name)) for name in lists] == [0, 0, 0]
    ward.returns()
    ward.leaves("family")
    assert {on(ward, name)[0].on_leave for name in lists} == {LeaveKind.FAMILY}


def test_an_extension_holds_until_its_day(ward: Ward) -> None:
    later(ward, 13 * DAY)
    expects(ward, 3, reason="waits for a carer")
    later(ward, 3 * DAY)
    assert on(ward, "near_maximum_stay") == []
    later(ward, DAY)
    (found,) = on(ward, "near_maximum_stay")
    assert found.why.startswith("The maximum stay ended at 08:00 on 24 March; the extension ended on 2026-03-26")


def test_a_ward_has_its_own_maximum_stay(ward: Ward) -> None:
    ward.opens("LONG", max_stay_days=42)
    ward.transfers("LONG")
    for days, expected in ((37, 0), (1, 1)):
        later(ward, days * DAY)
        assert acts(ward, lambda act: daily_round(act, "LONG")).lists["near_maximum_stay"] == expected


def test_who_was_expected_to_leave_and_is_still_here_stays_on_the_list(ward: Ward) -> None:
    expects(ward, 1)
    later(ward, 3 * DAY)
    (found,) = on(ward, "expected_today")
    assert (found.why, found.since) == (
        "Expected to leave on 2026-03-11, and still here",
        datetime(2026, 3, 11, tzinfo=UTC),
    )


def test_who_is_not_ready_after_all_is_not_on_the_list(ward: Ward) -> None:
    ward.decides(ready, ReadyBody())
    delays(ward, 1)
    later(ward, 3 * DAY)
    assert on(ward, "discharge_ready")[0].why == "Ready to leave for 3 days, 1 open delay"
    ward.decides(discharge_failed, FailedBody(reason="fever", still_ready=False))
    assert on(ward, "discharge_ready") == on(ward, "delays_overdue") == []


def test_an_overdue_delay_names_its_reason_and_its_owner(ward: Ward) -> None:
    loaded = CodesBody(codes=[CodeBody(code="care", meaning="Waits for a care package")])
    acts(ward, lambda act: codes.load_codes(act, "delay_reason", loaded))
    delays(ward, 1)
    later(ward, 2 * HOUR)
    assert on(ward, "delays_overdue")[0].why == "Waits for a care package: Ann was to solve it by 09:00 on 10 March"


def test_a_letter_is_on_the_list_of_who_has_left(ward: Ward) -> None:
    sends(ward, LetterKind.ADMISSION_NOTICE)
    later(ward, HOUR)
    ward.discharges()
    (found,) = on(ward, "letters_unsent")
    assert (found.letter, found.since) == (LetterKind.DISCHARGE_SUMMARY, ward.now)
    assert found.why == "The discharge summary to the GP is due by 09:00 on 11 March"
    sends(ward, LetterKind.DISCHARGE_SUMMARY)
    assert on(ward, "letters_unsent") == []


def test_a_score_is_complete_only_as_it_is_now(ward: Ward) -> None:
    """A late set completes the one that came before it."""
    later(ward, 25 * HOUR)
    ward.receives(spo2=97, pulse=72)
    assert len(on(ward, "no_complete_score_24h")) == 1
    without = {name: value for name, value in WELL.items() if name != "pulse"}
    ward.receives(taken=ward.now - timedelta(minutes=5), **without)
    assert on(ward, "no_complete_score_24h") == []


def test_oxygen_that_is_assumed_completes_no_score(ward: Ward) -> None:
    ward.plans(home_oxygen_l_min=2.0)
    silent = {name: value for name, value in WELL.items() if name != "oxygen_flow"}
    later(ward, 25 * HOUR)
    ward.receives(**silent)
    assert len(on(ward, "no_complete_score_24h")) == 1


def test_nobody_owes_a_score_who_cannot_have_one(ward: Ward) -> None:
    limits = msgspec.convert({"limits": LIMITS, "reason": "decided", "review_on": "2027-01-01"}, PlanBody)
    young, pregnant, comforted, contacts_only = (
        ward.admit(plan=limits, birth_date=date(2012, 1, 1)),
        ward.admit(plan=limits, pregnant=True),
        ward.admit(),
        ward.admit(),
    )
    ward.plans(comforted, monitoring="comfort")
    ward.plans(contacts_only, readings_per_day=0)
    later(ward, 25 * HOUR)
    assert ids(on(ward, "no_complete_score_24h")) == [ward.patient.id]
    assert young
    assert pregnant


def test_only_acute_pathways_ask_for_a_score_a_day(ward: Ward) -> None:
    ward.opens("HOME", pathway="recovery")
    ward.transfers("HOME")
    later(ward, 25 * HOUR)
    assert acts(ward, lambda act: daily_round(act, "HOME")).lists["no_complete_score_24h"] == 0


def test_the_round_warns_of_too_many_patients_to_one_member_of_staff(ward: Ward) -> None:
    assert counts(ward).staffing == []
    ward.opens("BUSY", staff_on_shift={"day": 1, "night": 0})
    ward.transfers("BUSY")
    found = acts(ward, lambda act: daily_round(act, "BUSY"))
    assert (found.patients, [(one.shift, one.warning) for one in found.staffing]) == (
        1,
        [("day", False), ("night", True)],
    )


LONDON = ZoneInfo("Europe/London")


def london(day: str, clock: str) -> datetime:
    """An instant by the clock on the wall."""
    return datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=LONDON).astimezone(UTC)


DAYS = [
    "2026-03-12",
    "2026-06-10",  # begins at 23:00 in UTC
    "2026-03-29",  # 23 hours
    "2026-10-25",  # 25 hours
]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("name", ["no_senior_review_today", "not_spoken_to_today"])
def test_what_is_done_in_the_first_minute_of_a_day_holds_until_its_last(ward: Ward, name: ListName, day: str) -> None:
    works_off = CASES[name].work_off
    begin, last = london(day, "00:00"), london(day, "23:59")
    ward.now = begin - timedelta(minutes=1)
    works_off(ward)
    ward.now = begin
    assert len(on(ward, name)) == 1
    works_off(ward)
    ward.now = last
    assert on(ward, name) == []
    assert counts(ward).day == date.fromisoformat(day)
    ward.now = last + timedelta(minutes=1)
    assert len(on(ward, name)) == 1


@pytest.mark.parametrize("day", DAYS)
def test_who_is_expected_on_a_day_is_on_the_list_from_its_first_minute(ward: Ward, day: str) -> None:
    begin = london(day, "00:00")
    ward.now = begin - timedelta(minutes=1)
    expects(ward, 1, reason="extended")
    assert on(ward, "expected_today") == []
    ward.now = begin
    assert on(ward, "expected_today")[0].since == begin
    ward.now = london(day, "23:59")
    assert on(ward, "expected_today")[0].why == "Expected to leave today"


@given(st.dates(date(2000, 1, 2), date(2099, 12, 30)))
def test_a_day_lasts_from_midnight_to_midnight_in_london(day: date) -> None:
    begin, end = begins_at(day), ends_at(day)
    assert today(begin) == today(end - timedelta(microseconds=1)) == day
    assert today(end) == day + DAY
    assert (end - begin) / HOUR in {23, 24, 25}


def test_the_round_and_every_list_are_one_query_each(api: Api) -> None:
    grow(api, 0, 2)
    paths = ["/v1/wards/WARD1/round", *(f"/v1/wards/WARD1/round/{name}" for name in LISTS)]
    for path in paths:
        with counted(api) as sent:
            done(api.get(path))
        assert len(sent) == 1, path


def test_a_wards_own_people_read_its_round(api: Api) -> None:
    open_ward(api, "OTHER")
    own = employ(api, Role.COORDINATOR, "WARD1")
    for path in ("round", "round/no_expected_discharge"):
        for role in Role:
            assert api.get(f"/v1/wards/WARD1/{path}", role).status_code == (200 if role in READERS else 403), role
        refused(api.get(f"/v1/wards/OTHER/{path}", token=own), 403)
        refused(api.get(f"/v1/wards/NOWHERE/{path}"), 404)
    assert done(api.get("/v1/wards/OTHER/round/no_expected_discharge")) == {"items": [], "next": None}
    assert faults(api.get("/v1/wards/WARD1/round/nothing")) == ["name"]
    assert faults(api.get("/v1/wards/WARD1/round/discharge_ready", params={"cursor": "5"})) == ["cursor"]
