"""The visits of a day: in order of the districts, of a local day, of the caller's wards."""

from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.flow.contacts import ContactBody, record_contact
from monitoring.rounds.days import today
from monitoring.rounds.visits import VisitView, visits
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.spells import ago, begin, do
from tests.monitoring.steps import admit, done, employ, faults, open_ward, refused, register
from tests.monitoring.test_board import READERS
from tests.monitoring.test_daily_round import DAYS, london
from tests.monitoring.test_patients_lists import counted
from tests.ward import Ward

VISIT: dict[str, Any] = {"mode": "visit", "planned": True, "outcome": "seen"}
YESTERDAY = today(utc_now()) - timedelta(days=1)
NOON = f"{YESTERDAY}T12:00:00Z"


def visited(api: Api, district: str | None, ward: str = "WARD1", **changed: Any) -> str:
    """A new patient who lives there was visited yesterday at noon; the spell."""
    spell = str(admit(api, register(api, postcode_district=district), ward, at=ago(days=3))["id"])
    done(do(api, spell, "contacts", VISIT | {"at": NOON} | changed, Role.CLINICIAN))
    return spell


def listed(api: Api, token: str | None = None, **params: Any) -> list[dict[str, Any]]:
    """The visits of yesterday, unless said otherwise."""
    asked = {"date": YESTERDAY.isoformat()} | params
    items: list[dict[str, Any]] = done(api.get("/v1/visits", token=token, params=asked))["items"]
    return items


def test_visits_are_listed_by_district_and_then_by_time(api: Api) -> None:
    third = visited(api, "LE2", at=f"{YESTERDAY}T13:00:00Z", planned=False)
    second = visited(api, "LE2")
    first = visited(api, "LE1")
    nowhere = visited(api, None)
    done(do(api, first, "contacts", VISIT | {"mode": "phone", "at": NOON}, Role.CLINICIAN))
    found = listed(api)
    assert [one["episode"] for one in found] == [nowhere, first, second, third]
    assert [one["district"] for one in found] == [None, "LE1", "LE2", "LE2"]
    assert [one["planned"] for one in found] == [True, True, True, False]
    assert (found[1]["outcome"], found[1]["by_name"], found[1]["ward"]) == ("seen", "The clinician", "WARD1")
    asked = {"date": YESTERDAY.isoformat(), "limit": 3}
    pages = [done(api.get("/v1/visits", params=asked))]
    pages.append(done(api.get("/v1/visits", params=asked | {"cursor": pages[0]["next"]})))
    assert [one["episode"] for page in pages for one in page["items"]] == [nowhere, first, second, third]
    assert pages[1]["next"] is None


@pytest.mark.parametrize("day", DAYS)
def test_a_day_is_londons(ward: Ward, day: str) -> None:
    minute = timedelta(minutes=1)
    first, last = london(day, "00:00"), london(day, "23:59")
    ward.now = last + minute
    for at in (first - minute, first, last, last + minute):
        ward.decides(record_contact, ContactBody(mode="visit", planned=True, outcome=str(at), at=at))

    def of_day() -> list[VisitView]:
        return acts(ward, lambda act: visits(act, day, None, 50, None)).items

    assert [one.at for one in of_day()] == [first, last]


def test_only_visits_of_the_callers_wards_are_listed(api: Api) -> None:
    open_ward(api, "OTHER", **{"from": ago(days=4)})
    here, there = visited(api, "LE1"), visited(api, "LE1", "OTHER")
    own = employ(api, Role.CLINICIAN, "WARD1")
    assert [one["episode"] for one in listed(api, own)] == [here]
    assert [one["episode"] for one in listed(api, ward="OTHER")] == [there]
    assert len(listed(api)) == 2
    refused(api.get("/v1/visits", token=own, params={"ward": "OTHER"}), 403)
    for role in Role:
        assert api.get("/v1/visits", role).status_code == (200 if role in READERS else 403), role


def test_a_visit_stays_with_the_ward_that_made_it(api: Api) -> None:
    open_ward(api, "OTHER", **{"from": ago(days=4)})
    spell = visited(api, "LE1")
    done(do(api, spell, "transfer", {"ward": "OTHER"}))
    assert [one["ward"] for one in listed(api)] == ["WARD1"]


def test_without_a_date_it_is_the_list_of_today(api: Api) -> None:
    visited(api, "LE1")
    spell = begin(api, at=ago(days=3))
    done(do(api, spell, "contacts", VISIT, Role.CLINICIAN))
    assert [one["episode"] for one in done(api.get("/v1/visits"))["items"]] == [spell]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "9999-12-31", "0001-01-01", "2026-11-21T10:00:00Z"])
def test_what_is_no_day_of_ours_is_refused(api: Api, day: str) -> None:
    assert faults(api.get("/v1/visits", params={"date": day})) == ["date"]


def test_the_list_is_one_query(api: Api) -> None:
    visited(api, "LE1")
    with counted(api) as sent:
        assert listed(api)
        assert listed(api, ward="WARD1", limit=1)
    assert len(sent) == 2
