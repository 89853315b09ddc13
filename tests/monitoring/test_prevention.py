"""Admission prevention: a caseload of support by a charity, without a bed, without readings, without alerts."""

from datetime import timedelta
from typing import Any

from monitoring.access.roles import Role
from monitoring.recovery.clocks import Support
from monitoring.recovery.prevention import PreventionBody, caseload, open_support
from tests.monitoring.api import Answer, Api
from tests.monitoring.referring import acts
from tests.monitoring.spells import HOME, ago, at, begin, do, shown
from tests.monitoring.steps import admit, done, employ, faults, made, open_ward, refused, register
from tests.ward import Ward
from tests.workers.records import rows

PATH = "/v1/prevention"
BODY: dict[str, Any] = {"ward": "WARD1", "organisation": "Good Neighbours", "support": ["practical", "social"]}


def opens(api: Api, patient: str, role: Role = Role.COORDINATOR, **changed: Any) -> Answer:
    """A coordinator puts somebody on the caseload."""
    return api.post(PATH, BODY | {"patient": patient} | changed, role)


def supported(api: Api, **params: Any) -> list[dict[str, Any]]:
    """The caseload, newest first."""
    items: list[dict[str, Any]] = done(api.get(PATH, params=params))["items"]
    return items


def test_support_before_a_stay_says_since_when_and_which_stay_followed(api: Api) -> None:
    patient = register(api)
    one = made(opens(api, patient, at=ago(days=9)))
    assert (one["state"], one["stay"], one["episode"], one["support"]) == ("open", "before", None, BODY["support"])
    assert refused(opens(api, patient), 409)["current"]["id"] == one["id"]
    spell = admit(api, patient)["id"]
    assert done(api.get(f"{PATH}/{one['id']}"))["episode"] == spell
    assert [(item["id"], item["episode"]) for item in supported(api, ward="WARD1", state="open")] == [
        (one["id"], spell)
    ]
    closed = done(api.post(f"{PATH}/{one['id']}/close", {"reason": "moved away", "at": ago(days=1)}, Role.COORDINATOR))
    assert (closed["state"], closed["close_reason"]) == ("closed", "moved away")
    assert at(closed["closed_at"]) > at(closed["opened_at"])
    refused(api.post(f"{PATH}/{one['id']}/close", {"reason": "again"}), 409)
    assert (supported(api, state="open"), len(supported(api, state="closed"))) == ([], 1)
    made(opens(api, patient))  # again, once it is over


def test_support_after_a_stay_names_it_and_begins_once_it_has_ended(api: Api) -> None:
    spell = begin(api, at=ago(days=3))
    patient = shown(api, spell)["patient"]
    refused(opens(api, patient, after=spell), 409)
    done(do(api, spell, "discharge", HOME | {"at": ago(days=2)}))
    refused(opens(api, patient, after=spell, at=ago(days=2.5)), 409)
    one = made(opens(api, patient, after=spell))
    assert (one["stay"], one["episode"]) == ("after", spell)
    admit(api, patient)
    assert done(api.get(f"{PATH}/{one['id']}"))["episode"] == spell  # the one that it came after
    assert faults(opens(api, register(api), after=spell)) == ["after"]  # somebody else's


def test_who_is_supported_has_no_bed_no_readings_and_no_alert(ward: Ward) -> None:
    beds = "SELECT (SELECT count(*) FROM episode), (SELECT count(*) FROM latest_vitals), (SELECT count(*) FROM plan)"
    ward.discharges()
    before = rows(ward.engine, beds)
    body = PreventionBody(
        patient=ward.patient.id, ward=ward.code, organisation="Good Neighbours", support=[Support.SOCIAL]
    )
    acts(ward, lambda act: open_support(act, body))
    for _ in range(4):
        ward.at(timedelta(days=2))
    assert (rows(ward.engine, beds), ward.alerts()) == (before, [])


def test_death_ends_the_support_also_where_it_is_told_late(ward: Ward) -> None:
    died_at = ward.now + timedelta(minutes=30)
    ward.now += timedelta(hours=1)
    body = PreventionBody(patient=ward.patient.id, ward=ward.code, organisation="Us", support=[Support.PRACTICAL])
    opened = acts(ward, lambda act: open_support(act, body))
    ward.discharges(outcome="died", at=died_at)
    (one,) = acts(ward, lambda act: caseload(act, None, None, 10, None)).items
    assert (one.state, one.close_reason, one.closed_at) == ("closed", "died", opened.opened_at)


def test_a_coordinator_of_the_ward_opens_and_closes_and_nobody_else(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.AUDITOR):
        refused(opens(api, patient, role), 403)
    one = made(opens(api, patient))
    stranger = employ(api, Role.COORDINATOR, "OTHER")
    refused(api.post(PATH, BODY | {"patient": patient}, token=stranger), 403)
    refused(api.get(f"{PATH}/{one['id']}", token=stranger), 404)
    refused(api.post(f"{PATH}/{one['id']}/close", {"nonsense": 1}, token=stranger), 404)
    refused(api.get(PATH, token=stranger, params={"ward": "WARD1"}), 403)
    assert done(api.get(PATH, token=stranger))["items"] == []
    assert faults(opens(api, patient, support=[])) == ["support"]
    assert faults(opens(api, register(api), at=ago(days=-1))) == ["at"]
    assert faults(opens(api, one["id"])) == ["patient"]
