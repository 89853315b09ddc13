"""Transfers and leave over HTTP: one bed frees as the other fills, whoever else moves in the same moment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.spells import HOME, ago, at, begin, do, record_of, shown
from tests.monitoring.steps import PLAN, done, employ, faults, open_ward, refused, register
from tests.workers.records import rows


def in_beds(api: Api) -> dict[str, int]:
    """How many are in the beds of each ward, counted from the stays."""
    found = rows(
        api.ward.engine,
        "SELECT code, count(stay.id) AS people FROM ward"
        " LEFT JOIN ward_stay stay ON ward_id = ward.id AND until_at IS NULL GROUP BY code",
    )
    return {row.code: row.people for row in found}


def test_a_transfer_goes_on_with_the_spell_in_another_bed(api: Api) -> None:
    open_ward(api, "OTHER", staffed=1, pathway="acute_respiratory", **{"from": ago(days=3)})
    spell = begin(api, at=ago(days=2))
    before = shown(api, spell)
    moved_at = ago(days=1)
    moved = done(do(api, spell, "transfer", {"ward": "OTHER", "reason": "breathless", "at": moved_at}))
    assert (moved["ward"], moved["state"], moved["discharged_at"]) == ("OTHER", "admitted", None)
    first, second = moved["stays"]
    assert (first["ward"], at(first["until"]), second["ward"], second["until"]) == (
        "WARD1",
        at(moved_at),
        "OTHER",
        None,
    )
    assert at(second["from"]) == at(moved_at)
    assert (moved["plan"], moved["admitted_at"], moved["due_at"]) == tuple(
        before[name] for name in ("plan", "admitted_at", "due_at")
    )
    (entry,) = record_of(api, spell, kind="transfer")
    assert entry["data"] == {"from": "WARD1", "to": "OTHER", "reason": "breathless"}


def test_without_a_free_bed_there_nothing_happens(api: Api) -> None:
    open_ward(api, "FULL", staffed=1)
    begin(api, "FULL")
    spell = begin(api)
    before = shown(api, spell)
    problem = refused(do(api, spell, "transfer", {"ward": "FULL"}), 409)
    assert problem["current"] == {"ward": "FULL", "occupied": 1, "reserved": 0, "staffed": 1}
    assert shown(api, spell) | {"length_of_stay": None} == before | {"length_of_stay": None}
    assert record_of(api, spell, kind="transfer") == []


def test_nobody_came_to_a_ward_before_it_had_beds(api: Api) -> None:
    opened = ago(hours=1)
    open_ward(api, "NEW", **{"from": opened})
    spell = begin(api, at=ago(days=1))
    current = refused(do(api, spell, "transfer", {"ward": "NEW", "at": ago(hours=2)}), 409)["current"]
    assert (current["ward"], at(current["from"])) == ("NEW", at(opened))
    assert done(do(api, spell, "transfer", {"ward": "NEW", "at": opened}))["ward"] == "NEW"


def test_where_nobody_can_go_is_refused(api: Api) -> None:
    open_ward(api, "OTHER")
    spell = begin(api)
    assert faults(do(api, spell, "transfer", {"ward": "NOWHERE"})) == ["ward"]
    assert refused(do(api, spell, "transfer", {"ward": "WARD1"}), 409)["current"]["ward"] == "WARD1"
    refused(do(api, spell, "transfer", {"ward": "OTHER"}, token=employ(api, Role.COORDINATOR, "WARD1")), 403)


def test_transfers_that_cross_need_no_third_bed_and_never_wait_for_each_other(api: Api) -> None:
    """One bed is free on each of the two wards: every pair that crosses fills it and frees its own."""
    open_ward(api, "A", staffed=3)
    open_ward(api, "B", staffed=3)
    ours, theirs = [begin(api, "A") for _ in range(2)], [begin(api, "B") for _ in range(2)]
    for to_ours, to_theirs in (("B", "A"), ("A", "B")) * 3:
        asked = [(spell, to_ours) for spell in ours] + [(spell, to_theirs) for spell in theirs]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda one: do(api, one[0], "transfer", {"ward": one[1]}), asked))
        while again := [one for one, answer in zip(asked, answers, strict=True) if answer.status_code == 409]:
            assert len(again) < len(asked)  # somebody always could
            asked, answers = again, [do(api, spell, "transfer", {"ward": ward}) for spell, ward in again]
        assert {answer.status_code for answer in answers} == {200}
        assert (in_beds(api)["A"], in_beds(api)["B"]) == (2, 2)


def test_the_last_bed_goes_to_one_whether_admitted_or_transferred(api: Api) -> None:
    open_ward(api, "SMALL", staffed=1)
    spells, patients = [begin(api) for _ in range(4)], [register(api) for _ in range(4)]
    asked: list[tuple[str, Any]] = [
        *((f"/v1/episodes/{spell}/transfer", {"ward": "SMALL"}) for spell in spells),
        *(("/v1/episodes", {"patient": patient, "ward": "SMALL", "step": "up"}) for patient in patients),
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: api.post(one[0], one[1], Role.COORDINATOR), asked))
    assert sorted(answer.status_code for answer in answers)[1:] == 7 * [409]
    assert in_beds(api)["SMALL"] == 1


def test_leave_keeps_the_bed_and_says_until_when_to_decide(api: Api) -> None:
    spell = begin(api, at=ago(days=3))
    away = done(do(api, spell, "leave", {"kind": "ed", "note": "fell", "at": ago(hours=25)}))
    (leave,) = away["leave"]
    assert (away["state"], away["due_at"], leave["kind"], leave["note"]) == ("on_leave", None, "ed", "fell")
    assert (at(leave["decide_by"]) < at(ago()), leave["decision_due"]) == (True, True)
    assert in_beds(api)["WARD1"] == 2
    problem = refused(do(api, spell, "leave", {"kind": "family"}), 409)
    assert problem["current"]["leave"]["kind"] == "ed"
    back = done(do(api, spell, "return", {}))
    assert (back["state"], back["leave"][0]["decision_due"], back["full_set_due"]) == ("admitted", False, True)
    refused(do(api, spell, "return", {}), 409)
    assert [entry["kind"] for entry in record_of(api, spell)] == ["return", "leave", "admitted"]


def test_a_discharge_out_of_hospital_ends_the_leave(api: Api) -> None:
    spell = begin(api)
    done(do(api, spell, "leave", {"kind": "hospital"}))
    ended = done(do(api, spell, "discharge", HOME | {"outcome": "acute"}))
    assert (ended["state"], ended["leave"][0]["until"]) == ("discharged", ended["discharged_at"])


def test_who_is_on_leave_is_listed_and_of_whom_it_must_be_decided(api: Api) -> None:
    long, short, family = [begin(api, at=ago(days=3)) for _ in range(3)]
    for spell, kind, since in ((long, "hospital", 25), (short, "ed", 2), (family, "family", 48)):
        done(do(api, spell, "leave", {"kind": kind, "at": ago(hours=since)}))

    def listed(**params: Any) -> list[str]:
        return [one["episode"] for one in done(api.get("/v1/wards/WARD1/leave", params=params))["items"]]

    assert listed() == [family, short, long]
    assert listed(decision_due="true") == [long]
    assert listed(limit=1) == [family]
    done(do(api, long, "return", {}))
    assert listed(decision_due="true") == []
    refused(api.get("/v1/wards/OTHER/leave", token=employ(api, Role.CLINICIAN, "WARD1")), 403)
    refused(api.get("/v1/wards/NOWHERE/leave"), 404)


def test_a_plan_decided_on_the_first_ward_holds_on_the_next(api: Api) -> None:
    open_ward(api, "OTHER")
    spell = begin(api)
    patient = shown(api, spell)["patient"]
    done(api.put(f"/v1/patients/{patient}/plan", PLAN | {"spo2_scale": 2, "readings_per_day": 2}, Role.CLINICIAN))
    plan = done(do(api, spell, "transfer", {"ward": "OTHER"}))["plan"]
    assert (plan["spo2_scale"], plan["readings_per_day"]) == (2, 2)


def test_what_is_still_to_be_done_for_a_patient_is_the_new_wards_to_do(api: Api) -> None:
    open_ward(api, "OTHER")
    spell = begin(api)
    for reason in ("solved", "open"):
        delay = {"reason": reason, "owner": "Bo", "due_at": ago(hours=-1)}
        delays = done(do(api, spell, "delay", delay))["delays"]
    done(do(api, spell, f"delays/{delays[0]['id']}/end"))
    done(do(api, spell, "transfer", {"ward": "OTHER"}))
    owed = "SELECT reason AS what, code FROM delay JOIN ward ON ward.id = ward_id"
    sent = "SELECT kind AS what, code FROM letter JOIN ward ON ward.id = ward_id WHERE episode_id <> :first"
    found = rows(api.ward.engine, f"{owed} UNION ALL {sent}", first=api.ward.patient.episode_id)
    assert {row.what: row.code for row in found} == {"solved": "WARD1", "open": "OTHER", "admission_notice": "OTHER"}
