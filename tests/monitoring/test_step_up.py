"""What could harm most takes a recent sign-in at the issuer: plans, and the end of critical alerts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import PLAN, done, has_alert, refused
from tests.monitoring.visitor import Visitor
from tests.oidc.hostile import Hostile, hostile
from tests.oidc.running import Somebody, asked
from tests.ward import SICK, VERY_SICK, Ward

AGAIN = "urn:virtual-ward:problem:sign-in-again"
LONG_AGO = timedelta(minutes=-16)


@pytest.fixture
def issuer() -> Iterator[Hostile]:
    """An issuer that says when somebody signed in."""
    with hostile() as serving:
        yield serving


@pytest.fixture
def here(ward: Ward, issuer: Hostile) -> Iterator[Api]:
    """This service, where the ward's clinician signs in at the issuer as `s-1`, the coordinator as `s-2`."""
    with Api(ward, **issuer.settings) as api:
        for role, subject in ((Role.CLINICIAN, "s-1"), (Role.COORDINATOR, "s-2")):
            done(api.put(f"/v1/staff/{ward.staff[role].public_id}/identity", {"named": subject}))
        yield api


def signs_in(
    somebody: Somebody, issuer: Hostile, ago: timedelta, *, subject: str = "s-1", path: str = "/sign-in/oidc"
) -> Answer:
    """At the issuer, which says that it was so long ago."""
    said = asked(somebody.leaves(path))
    issuer.nonce, issuer.claims, issuer.userinfo = said["nonce"], {"auth_time": ago, "sub": subject}, {"sub": subject}
    return somebody.asks("/sign-in/oidc/back", params={"state": said["state"], "code": "c"})


def decides(somebody: Somebody, body: dict[str, Any] = PLAN) -> Answer:
    """They decide the patient's plan."""
    return somebody.asks(f"/v1/patients/{somebody.api.ward.patient.id}/plan", "PUT", json=body)


def resolves(somebody: Somebody, alert: dict[str, Any], body: dict[str, Any] | None = None) -> Answer:
    """They end an alert."""
    return somebody.asks(f"/v1/alerts/{alert['id']}/resolve", "POST", json=body or {"outcome": "advice"})


def test_a_plan_takes_a_recent_sign_in_and_says_so_as_rfc_9470_does(here: Api, issuer: Hostile) -> None:
    joy = Somebody(here)
    signs_in(joy, issuer, LONG_AGO)
    answer = decides(joy)
    assert refused(answer, 401)["type"] == AGAIN
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="900"' in challenge
    assert decides(joy, {"no": "sense"}).status_code == 401  # who may is judged before what was sent
    assert joy.asks(f"/v1/patients/{here.ward.patient.id}").status_code == 200  # everything else works
    signs_in(joy, issuer, timedelta(minutes=-14))
    assert decides(joy).status_code == 200


def test_a_critical_alert_ends_by_a_recent_sign_in_and_others_by_any(here: Api, issuer: Hostile) -> None:
    joy = Somebody(here)
    signs_in(joy, issuer, LONG_AGO)
    assert resolves(joy, has_alert(here, **SICK)).status_code == 200
    critical = has_alert(here, **VERY_SICK)
    assert joy.asks(f"/v1/alerts/{critical['id']}/acknowledge", "POST").status_code == 200  # nobody waits for that
    assert refused(resolves(joy, critical), 401)["type"] == AGAIN
    assert resolves(joy, critical, {"no": "sense"}).status_code == 401
    signs_in(joy, issuer, timedelta())
    assert resolves(joy, critical).status_code == 200


def test_a_plan_within_a_review_takes_a_recent_sign_in_too(here: Api, issuer: Hostile) -> None:
    joy = Somebody(here)
    signs_in(joy, issuer, LONG_AGO)
    episode = here.get(f"/v1/patients/{here.ward.patient.id}").json()["episode"]
    path = f"/v1/episodes/{episode}/review"
    assert joy.asks(path, "POST", json={"note": "well"}).status_code == 200
    assert joy.asks(path, "POST", json={"note": "well", "plan": PLAN}).status_code == 401


def test_signing_in_again_asks_the_issuer_for_a_new_one_and_ends_the_session_before(here: Api, issuer: Hostile) -> None:
    joy = Somebody(here)
    signs_in(joy, issuer, LONG_AGO)
    before = joy.cookies[COOKIE]
    said = asked(joy.leaves("/sign-in/again"))
    assert (said["prompt"], said["max_age"]) == ("login", "900")
    arrived = signs_in(joy, issuer, timedelta(), path="/sign-in/again")
    assert 'url=/sign-in/again/done"' in arrived.text
    assert "press the button there once more" in joy.asks("/sign-in/again/done").text
    assert decides(joy).status_code == 200
    with Api(here.ward) as elsewhere:
        old = Somebody(elsewhere)
        old.cookies[COOKIE] = before
        assert old.asks("/v1/wards").status_code == 401


def test_nobody_signs_in_again_as_somebody_else(here: Api, issuer: Hostile) -> None:
    joy = Somebody(here)
    signs_in(joy, issuer, LONG_AGO)
    before = joy.cookies[COOKIE]
    answer = signs_in(joy, issuer, timedelta(), subject="s-2", path="/sign-in/again")
    assert (answer.status_code, "You signed in as somebody else" in answer.text) == (403, True)
    assert joy.cookies[COOKIE] == before
    assert joy.asks("/v1/wards").status_code == 200


def test_an_issued_token_counts_as_recent_and_so_does_a_session_by_it(ward: Ward) -> None:
    with Api(ward) as api:
        path = f"/v1/patients/{ward.patient.id}/plan"
        done(api.put(path, PLAN, Role.CLINICIAN))
        somebody = Somebody(api)
        somebody.cookies[COOKIE] = Visitor(api, ward.tokens[Role.CLINICIAN]).session
        assert decides(somebody).status_code == 200


def test_where_the_settings_say_so_an_issued_token_is_as_old_as_it_is(ward: Ward) -> None:
    with Api(ward, step_up_tokens=True) as api:
        path = f"/v1/patients/{ward.patient.id}/plan"
        assert refused(api.put(path, PLAN, Role.CLINICIAN), 401)["type"] == AGAIN  # issued when the ward was opened
        somebody = Somebody(api)
        somebody.cookies[COOKIE] = Visitor(api, ward.tokens[Role.CLINICIAN]).session
        assert decides(somebody).status_code == 200  # they have shown it just now
        assert somebody.asks("/sign-in/again").headers["location"] == "/sign-in?next=/sign-in/again/done"
