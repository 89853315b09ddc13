"""Plans over HTTP: who decides, what is refused, and what follows from a new one."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from alert_rules.alarms import Kind, State
from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME, utc_now
from monitoring.database import transaction
from tests.monitoring.api import Api
from tests.monitoring.steps import LIMITS, NEEDED, PLAN, admit, done, drain, faults, open_ward, posts, refused, register
from tests.ward import WELL

WHOLE: dict[str, Any] = {
    "spo2_scale": 2,
    "home_oxygen_l_min": 1.5,
    "readings_per_day": 3,
    "times": ["07:30", "13:00", "21:00"],
    "expects": ["spo2", "pulse"],
    "usual_consciousness": "C",
    "monitoring": "full",
    "limits": {"spo2": {"red_low": 84, "amber_low": 86}, "temperature": {"amber_high": 38.5}},
    "baselines": {"news2": 2, "spo2": 90},
    "escalation": {"hospital": "discuss", "cpr": "yes", "preferred_place": "home", "review_on": "2027-03-01"},
    "reason": "type 2 respiratory failure",
    "review_on": "2027-01-01",
}


def of_ward(api: Api) -> str:
    """The path of the plan of the ward's patient."""
    return f"/v1/patients/{api.ward.patient.id}/plan"


def due_at(api: Api) -> datetime | None:
    """When readings of the ward's patient are due next."""
    episode = done(api.get(f"/v1/patients/{api.ward.patient.id}"))["episode"]
    told = done(api.get(f"/v1/episodes/{episode}"))["due_at"]
    return None if told is None else datetime.fromisoformat(told)


def local(moment: datetime) -> str:
    """A time of day as a plan writes it."""
    return moment.astimezone(WARD_TIME).strftime("%H:%M")


def in_hours(hours: int) -> datetime:
    """A full minute so many hours from now."""
    return utc_now().replace(second=0, microsecond=0) + timedelta(hours=hours)


def test_until_somebody_decides_the_pathways_plan_is_in_force(api: Api) -> None:
    plan = done(api.get(of_ward(api), Role.SUPPORT))
    assert (plan["spo2_scale"], plan["readings_per_day"], plan["limits"]) == (1, 4, {})
    assert plan["times"] == ["08:00", "12:00", "16:00", "20:00"]


def test_everything_that_a_clinician_decides_comes_back(api: Api) -> None:
    decided = done(api.put(of_ward(api), WHOLE, Role.CLINICIAN))
    assert {name: decided[name] for name in WHOLE} == WHOLE
    assert done(api.get(of_ward(api))) == decided
    assert decided["id"] != done(api.put(of_ward(api), WHOLE, Role.CLINICIAN))["id"]


def test_home_oxygen_is_kept_to_the_hundredth(api: Api) -> None:
    for flow in (0, 0.01, 0.1, 0.25, 2, 15.75, 60):
        assert done(api.put(of_ward(api), PLAN | {"home_oxygen_l_min": flow}))["home_oxygen_l_min"] == flow
        assert done(api.get(of_ward(api)))["home_oxygen_l_min"] == flow


def test_only_clinicians_decide(api: Api) -> None:
    for role in (Role.COORDINATOR, Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(api.put(of_ward(api), {"no": "sense"}, role), 403)


def test_scale_schedule_reason_and_review_must_be_said(api: Api) -> None:
    for name in ("spo2_scale", "readings_per_day", "reason", "review_on"):
        assert faults(api.put(of_ward(api), {key: value for key, value in PLAN.items() if key != name})) == [name]
    assert faults(api.put(of_ward(api), {})) == ["reason", "review_on", "spo2_scale", "readings_per_day"]


def test_what_cannot_be_decided_is_refused_by_name(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"scale": 2}, "scale"),
        ({"spo2_scale": 3}, "spo2_scale"),
        ({"readings_per_day": 25}, "readings_per_day"),
        ({"times": ["08:00"]}, "times"),
        ({"times": ["08:00\n"]}, "times[0]"),
        ({"times": ["24:00"]}, "times[0]"),
        ({"limits": {"pulse": {}, "mood": {}}}, "limits.mood"),
        ({"baselines": {"spo2": 95, "NEWS2": 1}}, "baselines.NEWS2"),
        ({"expects": ["mood"]}, "expects[0]"),
        ({"home_oxygen_l_min": -1}, "home_oxygen_l_min"),
        ({"home_oxygen_l_min": 2.125}, "home_oxygen_l_min"),
        ({"home_oxygen_l_min": 0.001}, "home_oxygen_l_min"),
        ({"home_oxygen_l_min": 1e-300}, "home_oxygen_l_min"),
        ({"reason": " "}, "reason"),
        ({"reason": "a\0"}, "reason"),
        ({"escalation": {"hospital": "no", "cpr": "\0"}}, "escalation.cpr"),
        ({"limits": {"spo2": {"red": 88}}}, "limits.spo2.red"),
        ({"limits": {"spo2": {"red_low": 90, "amber_low": 90}}}, "limits.spo2"),
        ({"limits": {"pulse": {"amber_low": 50, "red_high": 40}}}, "limits.pulse"),
        ({"limits": {"temperature": {"amber_high": 37.04, "red_high": 37.0}}}, "limits.temperature"),
        ({"limits": {"spo2": {"red_low": 880}}}, "limits.spo2.red_low"),
        ({"limits": {"temperature": {"red_high": 102}}}, "limits.temperature.red_high"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": (utc_now() + timedelta(days=32)).isoformat()}, "from"),
    ]
    for changed, field in wrong:
        assert faults(api.put(of_ward(api), PLAN | changed)) == [field], changed
    assert faults(api.put(of_ward(api), PLAN | {"baselines": {"a\0": 1}}))
    assert faults(api.put(of_ward(api), PLAN | {"limits": {"mood": {"red_low": 1}}}))


def test_a_plan_cannot_begin_before_the_stay(api: Api) -> None:
    before = (api.ward.now - timedelta(hours=1)).isoformat()
    problem = refused(api.put(of_ward(api), PLAN | {"from": before}), 409)
    assert problem["current"] == {"admitted_at": "2026-03-10T08:00:00Z"}


def test_a_patient_on_no_ward_has_no_plan(api: Api) -> None:
    patient = register(api)
    refused(api.get(f"/v1/patients/{patient}/plan"), 404)
    refused(api.put(f"/v1/patients/{patient}/plan", PLAN), 404)


def test_scale_2_scores_what_is_taken_from_then_on(api: Api) -> None:
    scored = f"/v1/patients/{api.ward.patient.id}/scores"
    posts(api, **WELL | {"spo2": 90})
    drain(api)
    earlier = done(api.get(scored))["items"]
    done(api.put(of_ward(api), PLAN | {"spo2_scale": 2}, Role.CLINICIAN))
    posts(api, **WELL | {"spo2": 90})
    drain(api)
    later, *before = done(api.get(scored))["items"]
    assert (later["scale"], later["subscores"]["spo2"]) == (2, 0)
    assert (before[0]["scale"], before[0]["subscores"]["spo2"]) == (1, 3)
    assert before == earlier


def test_a_plan_of_the_future_waits_for_its_time(api: Api) -> None:
    done(api.put(of_ward(api), PLAN | {"spo2_scale": 2, "from": in_hours(5).isoformat()}, Role.CLINICIAN))
    assert done(api.get(of_ward(api)))["spo2_scale"] == 1
    posts(api, **WELL | {"spo2": 90})
    drain(api)
    assert done(api.get(f"/v1/patients/{api.ward.patient.id}/scores"))["items"][0]["scale"] == 1


def test_a_plan_told_late_holds_from_its_instant_and_gives_way_to_a_later_one(api: Api) -> None:
    done(api.put(of_ward(api), PLAN | {"spo2_scale": 2, "from": in_hours(-2).isoformat()}, Role.CLINICIAN))
    assert done(api.get(of_ward(api)))["spo2_scale"] == 2
    done(api.put(of_ward(api), PLAN | {"from": in_hours(-4).isoformat()}, Role.CLINICIAN))
    assert done(api.get(of_ward(api)))["spo2_scale"] == 2


def test_readings_are_due_by_the_new_schedule(api: Api) -> None:
    posts(api)
    drain(api)
    slot = in_hours(2)
    done(api.put(of_ward(api), PLAN | {"readings_per_day": 1, "times": [local(slot)]}, Role.CLINICIAN))
    assert due_at(api) == slot


def test_a_set_just_taken_answers_the_new_schedules_nearest_slot(api: Api) -> None:
    soon, later = in_hours(1), in_hours(8)  # named first: in a minute that ends meanwhile the set would be too early
    posts(api)
    drain(api)
    done(api.put(of_ward(api), PLAN | {"readings_per_day": 2, "times": [local(soon), local(later)]}, Role.CLINICIAN))
    assert due_at(api) == later


def test_a_set_that_is_owed_stays_owed_under_the_new_schedule(api: Api) -> None:
    owed = due_at(api)
    assert owed is not None
    assert owed < utc_now()
    done(api.put(of_ward(api), PLAN | {"readings_per_day": 1, "times": [local(in_hours(2))]}, Role.CLINICIAN))
    assert due_at(api) == owed


def test_a_coming_plan_leaves_what_is_due_before_it(api: Api) -> None:
    posts(api)
    drain(api)
    slot, begins, first = in_hours(2), in_hours(6), in_hours(8)
    done(api.put(of_ward(api), PLAN | {"readings_per_day": 1, "times": [local(slot)]}, Role.CLINICIAN))
    coming = PLAN | {"readings_per_day": 1, "times": [local(first)], "from": begins.isoformat()}
    done(api.put(of_ward(api), coming, Role.CLINICIAN))
    assert due_at(api) == slot


def test_a_coming_plan_says_what_is_due_where_nothing_was(api: Api) -> None:
    begins, first = in_hours(6), in_hours(8)
    done(api.put(of_ward(api), PLAN | {"readings_per_day": 0}, Role.CLINICIAN))
    assert due_at(api) is None
    coming = PLAN | {"readings_per_day": 1, "times": [local(first)], "from": begins.isoformat()}
    done(api.put(of_ward(api), coming, Role.CLINICIAN))
    assert due_at(api) == first


def test_comfort_care_expects_no_readings_and_ends_the_alert_that_they_are_overdue(api: Api) -> None:
    api.ward.at("14:00")
    overdue = api.ward.alert(Kind.OVERDUE)
    done(api.put(of_ward(api), PLAN | {"monitoring": "comfort"}, Role.CLINICIAN))
    assert due_at(api) is None
    ended = done(api.get(f"/v1/alerts/{overdue.public_id}"))
    assert (ended["state"], ended["history"][-1]["what"]) == (State.EXPIRED, "nothing_due")


def test_a_patient_without_a_score_needs_limits(api: Api) -> None:
    patient = register(api, pregnant=True)
    body = {"patient": patient, "ward": "WARD1", "step": "up"}
    needed = [f"plan.{limit}" for limit in NEEDED]
    assert faults(api.post("/v1/episodes", body, Role.CLINICIAN)) == needed
    assert faults(api.post("/v1/episodes", body | {"plan": PLAN | {"limits": {"spo2": {}}}})) == needed
    admit(api, patient, plan=PLAN | {"limits": LIMITS})
    path = f"/v1/patients/{patient}/plan"
    for lines, lacks in (
        ({}, ["limits.pulse.red_low", "limits.pulse.red_high"]),
        ({"red_high": 140}, ["limits.pulse.red_low"]),
        ({"amber_low": 50, "red_high": 140}, ["limits.pulse.red_low"]),
    ):
        assert faults(api.put(path, PLAN | {"limits": LIMITS | {"pulse": lines}}, Role.CLINICIAN)) == lacks
    done(api.put(path, PLAN | {"limits": LIMITS}, Role.CLINICIAN))


def test_a_child_needs_limits_until_sixteen(api: Api) -> None:
    today = utc_now().date()
    turns = today.replace(year=today.year - 16)
    child = register(api, birth_date=(turns + timedelta(days=1)).isoformat())
    body = {"patient": child, "ward": "WARD1", "step": "up"}
    assert len(faults(api.post("/v1/episodes", body, Role.CLINICIAN))) == len(NEEDED)
    admit(api, register(api, birth_date=turns.isoformat()))


def test_who_turned_sixteen_during_the_stay_needs_limits_no_longer(api: Api) -> None:
    """A set is scored by the age at which it was taken, and so is a plan judged by when it begins."""
    today = utc_now().date()
    child = register(api, birth_date=today.replace(year=today.year - 16).isoformat())
    open_ward(api, "YOUNG", **{"from": "2026-01-01T00:00:00Z"})
    admit(api, child, "YOUNG", at=(utc_now() - timedelta(days=2)).isoformat(), plan=PLAN | {"limits": LIMITS})
    then = {"from": (utc_now() - timedelta(days=1)).isoformat()}
    assert faults(api.put(f"/v1/patients/{child}/plan", PLAN | then, Role.CLINICIAN)) == NEEDED
    done(api.put(f"/v1/patients/{child}/plan", PLAN, Role.CLINICIAN))


def test_a_plan_is_written_once_and_kept(api: Api) -> None:
    done(api.put(of_ward(api), PLAN, Role.CLINICIAN))
    with transaction(api.ward.engine) as session:
        rows = session.execute(text("SELECT reason, decided_by FROM plan ORDER BY id")).all()
    assert [row.reason for row in rows] == [None, "decided"]
    assert rows[1].decided_by == api.ward.staff[Role.CLINICIAN].id


def test_usual_values_are_proposed_from_the_first_two_days_and_decided_by_a_clinician(api: Api) -> None:
    ward, path = api.ward, f"/v1/patients/{api.ward.patient.id}/baselines"
    assert done(api.get(path))["items"] == []
    hours = {0: 90, 6: 91, 12: 60, 18: 89, 24: 90, 49: 70}  # one odd, and one that is not of the first two days
    sets = [
        {"id": f"b{hour}", "taken_at": ward.now + timedelta(hours=hour), **WELL | {"spo2": spo2, "weight": 70.25}}
        for hour, spo2 in hours.items()
    ]
    ward.now += timedelta(hours=50)
    ward.receives_sets(sets)
    ward.receives_sets([{"id": "low", "taken_at": ward.now - timedelta(hours=40), "quality": "low", "spo2": 50}])
    ward.receives_sets([{"id": "part", "taken_at": ward.now - timedelta(hours=39), "systolic": 125}])
    found = {one["name"]: one for one in done(api.get(path, Role.SUPPORT))["items"]}
    assert found["spo2"] == {
        "name": "spo2",
        "decided": None,
        "learnt": {"value": 90, "readings": 5, "over_h": 24, "spread": 1, "enough": True},
    }
    assert found["weight"]["learnt"]["value"] == 70.25
    assert (found["systolic"]["learnt"]["readings"], found["news2"]["learnt"]["readings"]) == (6, 5)
    done(api.put(of_ward(api), PLAN | {"baselines": {"spo2": 90, "peak_flow": 300}}))
    items = {one["name"]: one for one in done(api.get(path))["items"]}
    assert (items["spo2"]["decided"], items["peak_flow"]) == (
        90,
        {"name": "peak_flow", "decided": 300, "learnt": None},
    )
    assert refused(api.put(of_ward(api), PLAN | {"baselines": {"spo2": 101}}), 422)
