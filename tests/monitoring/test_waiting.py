"""The waiting list: a fair order with its reason, and a free bed offered to who stands first."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.flow.states import PRIORITIES
from monitoring.flow.waiting import why
from tests.monitoring.api import Api
from tests.monitoring.referring import WHY, decide, referred, set_beds
from tests.monitoring.steps import done, employ, open_ward, refused
from tests.workers.records import rows


def waits(api: Api, priority: str, hours: float) -> str:
    """Somebody who was referred so long ago waits for a bed of a ward without one; the referral."""
    at = (utc_now() - timedelta(hours=hours)).isoformat()
    found = str(referred(api, ward="FULL", priority=priority, at=at)["id"])
    refused(decide(api, found, "accept"), 409)
    return found


def listed(api: Api, **params: Any) -> list[dict[str, Any]]:
    """The ward's waiting list."""
    items: list[dict[str, Any]] = done(api.get("/v1/wards/FULL/waiting", Role.COORDINATOR, params=params))["items"]
    return items


def staff_beds(api: Api, staffed: int) -> None:
    """The ward has so many beds."""
    set_beds(api.ward.engine, "FULL", staffed, utc_now())


def offered(api: Api) -> list[str]:
    """Whom the newest event offers a bed of the ward."""
    newest = "SELECT data FROM event WHERE kind = 'occupancy' AND ward = 'FULL' ORDER BY id DESC LIMIT 1"
    return [one["referral"] for one in rows(api.ward.engine, newest)[0].data["occupancy"]["offered"]]


def test_the_most_urgent_stand_first_and_among_equals_who_waited_longest(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    late = waits(api, "urgent", 1)
    routine = waits(api, "routine", 9)
    early = waits(api, "urgent", 2)
    emergency = waits(api, "emergency", 0)
    very = waits(api, "very_urgent", 0.5)
    found = listed(api)
    assert [one["id"] for one in found] == [emergency, very, early, late, routine]
    assert [one["place"] for one in found] == [1, 2, 3, 4, 5]
    assert (found[0]["why"], found[3]["why"]) == (why(0, 0), why(2, 1))
    assert 3600 <= found[3]["waited_s"] < 3700
    assert not any(one["offered"] for one in found)
    first = done(api.get("/v1/wards/FULL/waiting", params={"limit": 3}))
    rest = done(api.get("/v1/wards/FULL/waiting", params={"limit": 3, "cursor": first["next"]}))
    assert [one["place"] for one in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert rest["next"] is None


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_reason_names_all_who_stand_before(more_urgent: int, longer: int) -> None:
    said = [int(word) for word in why(more_urgent, longer).split() if word.isdigit()]
    assert sum(said) == more_urgent + longer


def test_a_free_bed_is_offered_to_the_first_until_it_is_accepted(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    second, first, third = waits(api, "urgent", 1), waits(api, "urgent", 2), waits(api, "routine", 5)
    staff_beds(api, 2)
    assert [(one["id"], one["offered"]) for one in listed(api)] == [(first, True), (second, True), (third, False)]
    done(decide(api, first, "accept"))
    assert [(one["id"], one["offered"]) for one in listed(api)] == [(second, True), (third, False)]
    assert offered(api) == [second]
    done(decide(api, second, "withdraw", WHY))
    assert offered(api) == [third]
    done(decide(api, first, "decline", WHY))
    assert offered(api) == [third]
    done(decide(api, third, "accept"))
    assert (listed(api), offered(api)) == ([], [])


def test_who_is_triaged_again_takes_the_place_of_the_new_priority(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    urgent, routine = waits(api, "urgent", 1), waits(api, "routine", 2)
    staff_beds(api, 1)
    done(decide(api, routine, "triage", {"priority": "emergency"}))
    assert [one["id"] for one in listed(api)] == [routine, urgent]
    assert offered(api) == [routine]


def test_the_list_is_the_wards_own(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    waits(api, PRIORITIES[0], 1)
    assert done(api.get("/v1/wards/WARD1/waiting"))["items"] == []
    refused(api.get("/v1/wards/FULL/waiting", token=employ(api, Role.COORDINATOR, "WARD1")), 403)
    refused(api.get("/v1/wards/NOWHERE/waiting"), 404)
