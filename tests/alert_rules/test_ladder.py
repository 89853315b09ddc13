"""Ladders: what can be one, and that nobody falls off."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.ladder import (
    FALLBACK,
    LADDERS,
    NO_HOSPITAL,
    ROLES,
    ROUTES,
    STEPS_MAX,
    WAIT_S,
    Place,
    When,
    WrongLadder,
    after,
    as_json,
    from_json,
    ladder_for,
    read_ladders,
    version,
    wait_s,
)
from alert_rules.pathway import pathways, usual_ladders
from alert_rules.severity import Severity

CLINICIAN = {"tell": "clinician", "wait_s": 900}
LAST = {"tell": "fallback", "by": ["webhook"], "to": "https://always.example", "wait_s": 600}
ALARMS = [severity for severity in Severity if severity]

tells = st.sampled_from([*sorted(ROLES), "ucr", "rota:nights", *(f"route:{name}" for name in ROUTES)])
waits = st.integers(WAIT_S[0], WAIT_S[-1])
steps = st.fixed_dictionaries(
    {"tell": tells, "wait_s": waits}, optional={"by": st.permutations(["webhook", "email", "sms"])}
)
raw_ladders = st.lists(steps, max_size=STEPS_MAX - 1).map(lambda some: [*some, LAST])


@pytest.mark.parametrize("name", pathways())
def test_every_pathway_tells_somebody_of_every_alert_and_ends_at_who_is_always_there(name: str) -> None:
    ladders = pathways()[name].ladders
    assert set(ladders) == set(LADDERS)
    for ladder in ladders.values():
        assert [step.tell == FALLBACK for step in ladder] == [False] * (len(ladder) - 1) + [True]
        assert len(ladder) > 1


def test_ucr_is_never_the_answer_to_a_critical_alert_nor_alone_with_a_cancer_patient() -> None:
    told = {
        (name, step.tell)
        for pathway in pathways().values()
        for name, ladder in pathway.ladders.items()
        for step in ladder
    }
    assert ("critical", "ucr") not in told
    assert "ucr" not in {step.tell for ladder in pathways()["acute_oncology"].ladders.values() for step in ladder}
    assert ("red", "ucr") in told


def test_only_an_amber_waits_for_staffed_hours() -> None:
    waiting = {name for name, ladder in usual_ladders().items() if any(step.when is When.STAFFED for step in ladder)}
    assert waiting == {"amber"}


def test_the_first_wait_is_how_soon_an_alert_is_to_be_acknowledged() -> None:
    first = {name: ladder[0].wait_s for name, ladder in usual_ladders().items() if name != NO_HOSPITAL}
    assert first == {"critical": 300, "red": 900, "amber_plus": 1800, "amber": 3600}


def test_whoever_is_not_to_go_to_hospital_climbs_their_own_ladder_from_red_on() -> None:
    ladders = usual_ladders()
    for severity in ALARMS:
        own = ladder_for(ladders, severity, to_hospital=False) == ladders[NO_HOSPITAL]
        assert own is (severity >= Severity.RED)
        assert ladder_for(ladders, severity) == ladders[severity.label]


@pytest.mark.parametrize(
    ("raw", "place", "reason"),
    [
        ({"green": [LAST]}, "green", "is none of"),
        ({"red": []}, "red", "has no steps"),
        ({"red": "clinician"}, "red", "has no steps"),
        ({"red": [CLINICIAN] * STEPS_MAX + [LAST]}, "red", "more than"),
        ({"red": [CLINICIAN]}, "red[0].tell", "must be `fallback`"),
        ({"red": [LAST, CLINICIAN]}, "red[0].tell", "only the last"),
        ({"red": [CLINICIAN, {**LAST, "to": None}]}, "red[1].to", "is missing"),
        ({"red": [{**CLINICIAN, "to": "x"}, LAST]}, "red[0].to", "fallback's only"),
        ({"red": [{**CLINICIAN, "wait": 9}, LAST]}, "red[0].wait", "is unknown"),
        ({"red": [{**CLINICIAN, "wait_s": 9}, LAST]}, "red[0].wait_s", "must be 10"),
        ({"red": [{**CLINICIAN, "wait_s": True}, LAST]}, "red[0].wait_s", "must be 10"),
        ({"red": [{**CLINICIAN, "wait_s": "900"}, LAST]}, "red[0].wait_s", "must be 10"),
        ({"red": [{"tell": "doctor", "wait_s": 900}, LAST]}, "red[0].tell", "is none of"),
        ({"red": [{"tell": "rota:", "wait_s": 900}, LAST]}, "red[0].tell", "is none of"),
        ({"red": [{"tell": "route:taxi", "wait_s": 900}, LAST]}, "red[0].tell", "is none of"),
        ({"red": [{**CLINICIAN, "by": ["pigeon"]}, LAST]}, "red[0].by", "must list"),
        ({"red": [{**CLINICIAN, "by": ["sms", "sms"]}, LAST]}, "red[0].by", "must list"),
        ({"red": [{**CLINICIAN, "when": "staffed"}, LAST]}, "red[0].when", "only amber"),
        ({"amber": [{**CLINICIAN, "when": "never"}, LAST]}, "amber[0].when", "is none of"),
        ({"red": [7, LAST]}, "red[0]", "is not an object"),
    ],
)
def test_what_can_be_no_ladder_is_refused_by_its_place(raw: dict[str, Any], place: str, reason: str) -> None:
    with pytest.raises(WrongLadder, match=reason) as refused:
        read_ladders(raw)
    assert refused.value.place == place


@given(raw_ladders, st.sampled_from(ALARMS), st.integers(0, 60))
def test_nobody_falls_off_the_ladder(raw: list[dict[str, Any]], severity: Severity, taken: int) -> None:
    ladder = read_ladders({"red": raw})["red"]
    place, told = Place(), []
    for _ in range(taken + len(ladder)):
        told.append(ladder[place.step])
        assert WAIT_S[0] <= wait_s(ladder, place, severity) <= ladder[place.step].wait_s
        place = after(ladder, place)
    assert tuple(told[: len(ladder)]) == ladder
    assert set(told[len(ladder) :]) <= {ladder[-1]}
    assert wait_s(ladder, place, Severity.CRITICAL) <= 300


@given(raw_ladders)
def test_a_ladder_is_kept_as_it_is_and_its_version_tells_of_every_change(raw: list[dict[str, Any]]) -> None:
    ladder = read_ladders({"red": raw})["red"]
    assert from_json(as_json(ladder)) == ladder
    assert version(from_json(as_json(ladder))) == version(ladder)
    longer = [{**raw[0], "wait_s": min(raw[0]["wait_s"] + 10, WAIT_S[-1])}, *raw[1:]]
    if longer[0]["wait_s"] != raw[0]["wait_s"]:
        assert version(read_ladders({"red": longer})["red"]) != version(ladder)
