"""Correcting a patient over HTTP: somebody on a ward is still watched afterwards, by a score or by limits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import LIMITS, NEEDED, PERSON, PLAN, admit, done, faults, refused, register

CHILD = (utc_now() - timedelta(days=10 * 365)).date().isoformat()


def correct(api: Api, patient: str, **changed: Any) -> Answer:
    """A clinician's correction."""
    return api.put(f"/v1/patients/{patient}", PERSON | changed, Role.CLINICIAN)


def decide(api: Api, patient: str, **changed: Any) -> Answer:
    """A clinician's plan."""
    return api.put(f"/v1/patients/{patient}/plan", PLAN | changed, Role.CLINICIAN)


@pytest.mark.parametrize("change", [{"pregnant": True}, {"spinal_cord_injury": True}, {"birth_date": CHILD}])
def test_who_would_lose_the_score_keeps_it_until_a_plan_has_limits(api: Api, change: dict[str, Any]) -> None:
    patient = register(api)
    stay = admit(api, patient)
    before = done(api.get(f"/v1/patients/{patient}"))
    current = refused(correct(api, patient, given_name="Bo", **change), 409)["current"]
    assert current["episode"] == stay["id"]
    assert sorted(current["plans"][0].pop("missing")) == sorted(NEEDED)
    assert current["plans"] == [{"plan": stay["plan"]["id"], "from": stay["plan"]["from"]}]
    assert done(api.get(f"/v1/patients/{patient}")) == before
    done(decide(api, patient, limits=LIMITS))
    corrected = done(correct(api, patient, **change))
    assert {name: corrected[name] for name in change} == change
    assert faults(decide(api, patient)) == NEEDED


def test_only_the_limits_that_lack_are_named(api: Api) -> None:
    patient = register(api)
    admit(api, patient)
    done(decide(api, patient, limits={vital: lines for vital, lines in LIMITS.items() if vital != "pulse"}))
    (plan,) = refused(correct(api, patient, pregnant=True), 409)["current"]["plans"]
    assert plan["missing"] == ["limits.pulse.red_low", "limits.pulse.red_high"]


def test_a_plan_that_is_still_to_come_needs_the_limits_too(api: Api) -> None:
    patient = register(api)
    admit(api, patient)
    done(decide(api, patient, limits=LIMITS))
    begins = {"from": (utc_now() + timedelta(days=1)).isoformat()}
    coming = done(decide(api, patient, **begins))
    (plan,) = refused(correct(api, patient, pregnant=True), 409)["current"]["plans"]
    assert plan["plan"] == coming["id"]
    done(decide(api, patient, limits=LIMITS, **begins))  # in place of the other
    done(correct(api, patient, pregnant=True))


def test_what_is_not_scored_under_comfort_care_needs_no_limits(api: Api) -> None:
    patient = register(api)
    admit(api, patient)
    done(decide(api, patient, monitoring="comfort"))
    done(correct(api, patient, pregnant=True))
    assert faults(decide(api, patient)) == NEEDED


def test_a_pregnancy_that_is_unknown_or_over_is_scored_again(api: Api) -> None:
    patient = register(api, pregnant=True)
    admit(api, patient, plan=PLAN | {"limits": LIMITS})
    done(correct(api, patient, pregnant="unknown"))
    done(decide(api, patient))


def test_who_is_on_no_ward_is_corrected_freely_but_born_before_their_stays(api: Api) -> None:
    patient = register(api)
    done(correct(api, patient, pregnant=True))
    stay = admit(api, patient, at=(utc_now() - timedelta(days=3)).isoformat(), plan=PLAN | {"limits": LIMITS})
    after = (utc_now() - timedelta(days=2)).date().isoformat()
    assert faults(correct(api, patient, pregnant=True, birth_date=after)) == ["birth_date"]
    done(correct(api, patient, pregnant=True, birth_date=stay["admitted_at"][:10]))


def test_a_correction_and_a_plan_made_at_once_leave_nobody_unwatched(api: Api) -> None:
    for _ in range(8):
        patient = register(api)
        admit(api, patient, plan=PLAN | {"limits": LIMITS})
        with ThreadPoolExecutor(2) as pool:
            corrected = pool.submit(correct, api, patient, pregnant=True)
            decided = pool.submit(decide, api, patient)
        assert sorted([corrected.result().status_code, decided.result().status_code]) in ([200, 409], [200, 422])


def test_a_correction_and_an_admission_made_at_once_leave_nobody_unwatched(api: Api) -> None:
    for _ in range(8):
        patient = register(api)
        body = {"patient": patient, "ward": "WARD1", "step": "up"}
        with ThreadPoolExecutor(2) as pool:
            corrected = pool.submit(correct, api, patient, pregnant=True)
            admitted = pool.submit(api.post, "/v1/episodes", body)
        assert (corrected.result().status_code, admitted.result().status_code) in ((200, 422), (409, 201))
