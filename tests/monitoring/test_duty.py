"""Who is on duty on a ward, when nobody is, and who of them can be told; over HTTP, and for many wards at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, text

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import snapshot, transaction
from monitoring.duty import rotas
from monitoring.duty.contacts import ContactBody, set_contacts
from monitoring.duty.on_duty import Person, on_duty
from monitoring.duty.rotas import RotaBody
from monitoring.escalation.checking import escalation_part
from monitoring.escalation.tables import By
from tests.monitoring.api import Api
from tests.monitoring.steps import done, elsewhere, employ, faults, open_ward, refused
from tests.ward import Ward

STATEMENTS_MAX = 10
OFFICE = {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def clinician(ward: Ward, name: str, *wards: str) -> str:
    """The id of a clinician of these wards."""
    return str(ward.employ(Role.CLINICIAN, name=name, wards=list(wards))[0].public_id)


def there(api: Api, ward: str, at: str) -> list[str]:
    """The names of those on duty, who work on that ward only."""
    items = done(api.get("/v1/duty", params={"ward": ward, "at": at}))["items"]
    return [one["name"] for one in items if not one["name"].startswith("The ")]


def weekly(staff: str, days: str, start: str, end: str) -> list[dict[str, str]]:
    """Entries of a rota."""
    return [{"staff": staff, "day": day, "from": start, "to": end} for day in days.split()]


def test_a_rota_says_who_is_on_duty_by_the_clock_in_london(api: Api) -> None:
    open_ward(api, "DUTY", staffed_hours=OFFICE)
    joy, sam, kim = (clinician(api.ward, name, "DUTY") for name in ("Joy", "Sam", "Kim"))
    week = "mon tue wed thu fri sat sun"
    body: dict[str, Any] = {
        "ward": "DUTY", "role": "clinician",
        "weekly": [
            *weekly(joy, week, "08:00", "20:00"), *weekly(sam, week, "20:00", "08:00"),
            *weekly(sam, "bank_holiday", "00:00", "24:00"),
        ],
        "overrides": [
            {"staff": joy, "from": "2026-11-24T12:00:00+00:00", "to": "2026-11-24T14:00:00+00:00", "off": True},
            {"staff": sam, "from": "2026-11-24T12:00:00Z", "to": "2026-11-24T14:00:00Z"},
        ],
    }  # fmt: skip
    made = done(api.put("/v1/rotas/DAYS-1", body, Role.COORDINATOR))
    assert {name: made[name] for name in ("id", "code", "ward", "role", "version")} == {
        "id": "DAYS-1", "code": "DAYS-1", "ward": "DUTY", "role": "clinician", "version": 1,
    }  # fmt: skip
    assert made["weekly"] == body["weekly"]
    assert done(api.get("/v1/rotas/DAYS-1")) == made
    assert there(api, "DUTY", "2026-11-24T07:59:59Z") == ["Sam"]
    assert there(api, "DUTY", "2026-11-24T08:00:00Z") == ["Joy", "Kim"]  # Kim has no rota: in staffed hours
    assert there(api, "DUTY", "2026-11-24T13:00:00Z") == ["Kim", "Sam"]
    assert there(api, "DUTY", "2026-11-24T18:00:00Z") == ["Joy"]
    assert there(api, "DUTY", "2026-07-01T07:30:00Z") == ["Joy", "Kim"]  # 08:30 in summer
    assert there(api, "DUTY", "2026-12-25T12:00:00Z") == ["Kim", "Sam"]  # Christmas Day
    assert there(api, "DUTY", "2026-12-28T09:00:00Z") == ["Kim", "Sam"]  # in place of Boxing Day, a Saturday
    assert there(api, "DUTY", "2026-12-26T12:00:00Z") == ["Joy"]
    (shown,) = done(api.get("/v1/duty?ward=DUTY&at=2026-11-24T21:00:00Z"))["items"]
    assert (shown["staff"], shown["rota"], shown["until"], shown["by"]) == (sam, "DAYS-1", "2026-11-25T08:00:00Z", [])
    body["overrides"] = [{"staff": kim, "from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z", "off": True}]
    assert done(api.put("/v1/rotas/DAYS-1", body | {"version": 1}))["version"] == 2
    assert there(api, "DUTY", "2026-11-24T13:00:00Z") == ["Joy"]  # Kim stands in no rota, and yet is off
    problem = refused(api.put("/v1/rotas/DAYS-1", body | {"version": 1}), 409)
    assert problem["current"]["version"] == 2
    assert [one["code"] for one in done(api.get("/v1/rotas?ward=DUTY"))["items"]] == ["DAYS-1"]


def test_a_rota_names_who_works_there_and_could_answer(api: Api) -> None:
    elsewhere(api)
    stranger = employ(api, Role.COORDINATOR, "OTHER")
    joy, helper = clinician(api.ward, "Joy", "OTHER"), str(api.ward.staff[Role.SUPPORT].public_id)
    body: dict[str, Any] = {"ward": "WARD1", "role": "clinician", "weekly": []}
    done(api.put("/v1/rotas/R1", body))
    refused(api.put("/v1/rotas/R1", body, Role.CLINICIAN), 403)
    refused(api.put("/v1/rotas/R2", body, token=stranger), 403)
    refused(api.put("/v1/rotas/R1", body | {"ward": "OTHER"}, token=stranger), 404)
    refused(api.get("/v1/rotas/R1", token=stranger), 404)
    refused(api.get("/v1/rotas/R2"), 404)
    assert done(api.get("/v1/rotas", token=stranger))["items"] == []
    assert faults(api.put("/v1/rotas/R1", body | {"ward": "NOWHERE"})) == ["ward"]
    entries = [*weekly(joy, "mon", "08:00", "20:00"), *weekly(helper, "mon", "08:00", "20:00")]
    assert faults(api.put("/v1/rotas/R1", body | {"weekly": entries})) == ["weekly[0].staff", "weekly[1].staff"]
    assert faults(api.put("/v1/rotas/R1", body | {"weekly": [entries[0] | {"to": "24:01"}]})) == ["weekly[0].to"]
    assert faults(api.put("/v1/rotas/R1", body | {"weekly": [entries[0] | {"day": "someday"}]})) == ["weekly[0].day"]
    back = {"staff": helper, "from": "2026-11-24T12:00:00Z", "to": "2026-11-24T12:00:00Z"}
    assert faults(api.put("/v1/rotas/R1", body | {"overrides": [back]})) == ["overrides[0].to"]
    early = back | {"from": "0001-01-01T00:00:00+01:00"}
    assert faults(api.put("/v1/rotas/R1", body | {"overrides": [early]})) == ["overrides[0].from"]
    assert faults(api.get("/v1/duty")) == ["ward"]
    assert faults(api.get("/v1/duty?ward=WARD1&at=9999-12-31T00:00:00Z")) == ["at"]
    refused(api.get("/v1/duty?ward=OTHER", token=employ(api, Role.SUPPORT, "WARD1")), 403)


def test_gaps_of_two_weeks_are_listed_with_who_cannot_be_told(api: Api) -> None:
    open_ward(api, "DUTY")
    joy, sam = clinician(api.ward, "Joy", "DUTY"), clinician(api.ward, "Sam", "DUTY")
    every = [str(one.public_id) for one in api.ward.staff.values() if one.role is Role.CLINICIAN]
    week = "mon tue wed thu fri sat sun"
    yesterday, next_month = ((utc_now() + timedelta(days)).isoformat() for days in (-1, 30))
    rota = {
        "ward": "DUTY", "role": "clinician",
        "weekly": [*weekly(joy, week, "00:00", "12:00"), *weekly(sam, week, "12:00", "22:00")],
        "overrides": [  # who works on every ward is on no duty here
            {"staff": one, "from": yesterday, "to": next_month, "off": True} for one in every
        ],
    }  # fmt: skip
    done(api.put("/v1/rotas/R1", rota))
    done(api.put(f"/v1/staff/{joy}/contacts", [{"by": "sms", "to": "07700900123"}]))
    found = done(api.get("/v1/duty/gaps?ward=DUTY"))
    spans = [(datetime.fromisoformat(gap["from"]), datetime.fromisoformat(gap["to"])) for gap in found["items"]]
    assert {gap["tell"] for gap in found["items"]} == {"clinician"}
    assert len(spans) in {14, 15}  # the first or the last can be cut
    assert all(end - start == timedelta(hours=2) for start, end in spans[1:-1])
    assert all(start.hour in {21, 22} for start, _ in spans[1:-1])  # 22:00 in London
    assert [one["name"] for one in found["unreachable"]] == ["Sam"]
    part = escalation_part(api.ward.engine, with_fallback(api.ward), utc_now())
    assert part.status == "degraded"
    assert "ward DUTY: nobody can be reached from" in part.detail
    assert "13 more times" in part.detail or "14 more times" in part.detail
    assert "(1 on duty without a contact that works)" in part.detail
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE contact SET failing_since = :at"), {"at": utc_now()})
    assert {one["name"] for one in done(api.get("/v1/duty/gaps?ward=DUTY"))["unreachable"]} == {"Joy", "Sam"}


def test_a_role_that_is_told_in_staffed_hours_only_is_missing_in_these_only(api: Api) -> None:
    open_ward(api, "DUTY", staffed_hours=OFFICE)
    last = {"tell": "fallback", "by": ["webhook"], "to": "https://always.example", "wait_s": 600}
    own = {name: [{"tell": "rota:R1", "wait_s": 60}, last] for name in ("critical", "red", "amber_plus", "no_hospital")}
    own["amber"] = [{"tell": "support", "wait_s": 60, "when": "staffed"}, last]
    done(api.put("/v1/wards/DUTY/ladders", own))
    found = done(api.get("/v1/duty/gaps?ward=DUTY"))
    assert [(one["tell"], one["from"], one["to"]) for one in found["items"]] == [
        ("rota:R1", found["from"], found["to"])
    ]


def with_fallback(ward: Ward) -> Settings:
    """Settings of an installation where somebody is always there."""
    return ward.settings.model_copy(update={"fallback_to": "https://always.example"})


def test_check_says_whether_anybody_could_be_reached(ward: Ward) -> None:
    now = utc_now()
    part = escalation_part(ward.engine, with_fallback(ward), now)
    assert part.status == "degraded"
    assert part.detail.startswith("ward WARD1: nobody can be reached from now to ")
    tells(ward, Role.CLINICIAN, {"by": "sms", "to": "07700900123"})
    part = escalation_part(ward.engine, with_fallback(ward), now)
    assert part.status == "ok"
    assert part.detail == (
        "somebody can be reached on every ward for 14 days; 1 without a rota: all staff are on duty in staffed hours"
    )
    with transaction(ward.engine) as session:
        session.execute(text("UPDATE ward SET closed_at = :at"), {"at": now})
    assert escalation_part(ward.engine, with_fallback(ward), now).detail == "no ward is open"


def tells(ward: Ward, role: Role, *contacts: dict[str, Any]) -> None:
    """Somebody says how they are told."""
    with transaction(ward.engine) as session:
        body = msgspec.convert(contacts, list[ContactBody])
        set_contacts(ward.act(session, role), ward.staff[role].public_id, body, allow_private=True)


@contextmanager
def counted(ward: Ward) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    sent: list[str] = []

    def note(*said: Any) -> None:
        sent.append(said[2])

    event.listen(ward.engine, "before_cursor_execute", note)
    yield sent
    event.remove(ward.engine, "before_cursor_execute", note)


def asked(ward: Ward, *tells: str, at: datetime | None = None) -> list[list[Person]]:
    """Who is on duty on the ward for each of these."""
    with snapshot(ward.engine) as session:
        (key,) = session.execute(text("SELECT id FROM ward WHERE code = 'WARD1'")).scalars()
        found = on_duty(session, [(key, tell) for tell in tells], at or ward.now)
        return [found[key, tell] for tell in tells]


def makes_rota(ward: Ward, code: str, staff: str, at: datetime, role: Role = Role.CLINICIAN) -> None:
    """Somebody is on duty for an hour."""
    body = {"ward": "WARD1", "role": role, "weekly": [], "overrides": [
        {"staff": staff, "from": at.isoformat(), "to": (at + timedelta(hours=1)).isoformat()}
    ]}  # fmt: skip
    with transaction(ward.engine) as session:
        rotas.set_rota(ward.act(session, Role.COORDINATOR), code, msgspec.convert(body, RotaBody))


def test_who_is_told_has_their_ways_in_order_and_what_fails_last(ward: Ward) -> None:
    always_quiet = {"from": "00:00", "to": "00:00"}
    hook = {"by": "webhook", "to": "https://pager.example/1", "quiet": always_quiet}
    tells(ward, Role.CLINICIAN, hook, {"by": "sms", "to": "07700900123"})
    ((person,), (helper,), none) = asked(ward, "clinician", "support", "rota:NIGHT")
    assert [(way.by, way.to, len(way.secrets)) for way in person.ways] == [
        (By.WEBHOOK, "https://pager.example/1", 1), (By.SMS, "07700900123", 0),
    ]  # fmt: skip
    assert (person.staff_id, person.name) == (ward.staff[Role.CLINICIAN].id, "The clinician")
    assert (helper.name, helper.ways, none) == ("The support", (), [])
    with transaction(ward.engine) as session:
        session.execute(text("UPDATE contact SET failing_since = :at WHERE by = 'webhook'"), {"at": ward.now})
    assert [way.by for way in asked(ward, "clinician")[0][0].ways] == [By.SMS, By.WEBHOOK]
    sam = clinician(ward, "Sam", "WARD1")
    makes_rota(ward, "NIGHT", sam, ward.now)
    names = [[one.name for one in people] for people in asked(ward, "clinician", "rota:NIGHT")]
    assert names == [["The clinician", "Sam"], ["Sam"]]  # who is in no rota of the ward is on duty beside
    hour = timedelta(hours=1)
    assert [[one.name for one in people] for people in asked(ward, "clinician", "rota:NIGHT", at=ward.now + hour)] == [
        ["The clinician"], [],
    ]  # fmt: skip


def test_two_hundred_questions_cost_a_few_statements(ward: Ward) -> None:
    with transaction(ward.engine) as session:
        session.execute(
            text(
                "INSERT INTO ward (code, name, pathway, provider, icb, max_stay_days, in_sitrep, created_at)"
                " SELECT 'W' || n, 'W', 'general', 'RXX', 'QXX', 14, true, :at FROM generate_series(1, 100) n"
            ),
            {"at": ward.now},
        )
    sam = clinician(ward, "Sam", "W1", "W2")
    with snapshot(ward.engine) as session:
        keys = list(session.execute(text("SELECT id FROM ward WHERE code LIKE 'W_%' AND code <> 'WARD1'")).scalars())
    pairs = [(key, tell) for key in keys for tell in ("clinician", "support")]
    assert len(pairs) == 200
    with counted(ward) as sent, snapshot(ward.engine) as session:
        found = on_duty(session, pairs, datetime(2026, 3, 10, 12, tzinfo=UTC))
    assert len(sent) <= STATEMENTS_MAX
    assert sorted(found) == sorted(pairs)
    named = [{str(one.public_id) for one in people} for people in found.values()]
    assert sum(sam in one for one in named) == 2
    assert all(named)


@pytest.mark.parametrize("asked_for", ["/v1/duty/gaps", "/v1/duty/handover"])
def test_a_ward_has_to_be_named(api: Api, asked_for: str) -> None:
    assert faults(api.get(asked_for)) == ["ward"]
