"""Somebody's whole life here, told over HTTP, with words by which whatever is left of it is found."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import LIMITS, PLAN, add_device, admit, done, drain, made, posts
from tests.monitoring.test_calls import call
from tests.monitoring.ucr_steps import TEAM
from tests.observations import PULSE, body, observed
from tests.ward import VERY_SICK, WELL
from tests.workers.records import rows

NUMBER = "9434765919"
LIFE: dict[str, Any] = {
    "given_name": "Zebedee", "family_name": "Quillfeather", "birth_date": "1948-07-23", "sex": "male",
    "nhs_number": NUMBER, "address": "14 Marmalade Row", "staying_at": "c/o Tunnicliffe", "postcode": "LE1 5WW",
    "phones": ["07700900461"], "key_safe": "4417C", "access_notes": "bark at gate", "scene_safety": "one angry goose",
    "next_of_kin": [{"name": "Ottoline Quillfeather", "phone": "07700900462", "relationship": "sister"}],
    "carer": {"name": "Barnaby Fotheringay", "phone": "07700900463"}, "allergies": ["penicillin-q"],
    "communication_needs": "large print-q", "language": "Cornish", "gp_practice": "Y01234",
}  # fmt: skip
IDENTIFYING = (
    "Zebedee", "Quillfeather", "1948-07-23", NUMBER, "Marmalade", "Tunnicliffe", "LE1 5WW", "0770090046", "4417C",
    "bark at gate", "angry goose", "Ottoline", "Fotheringay", "Barnaby", "penicillin-q", "print-q", "Cornish", "Y01234",
    "SER-774411",
)  # fmt: skip
"""What says who it is; the serial is the device's, which goes on."""
WORDS = (
    "worried about Zeb", "spoke with Zeb", "mdt about Zeb", "plan for Zeb", "ack of Zeb", "did for Zeb", "end of Zeb",
    "visit for Zeb", "cancer of Zeb",
)  # fmt: skip
"""What people wrote of them."""


@dataclass(frozen=True)
class Life:
    """Who it is, and their stay and kit."""

    patient: str
    episode: str
    device: dict[str, Any]
    alert: str


def lives(api: Api, **changed: Any) -> Life:
    """A stay with all that can be told of one, that has ended; every alert is resolved."""
    patient = str(made(api.post("/v1/patients", LIFE | changed))["id"])
    device = add_device(api, serial="SER-774411")
    began = utc_now() - timedelta(days=2)
    episode = admit(api, patient, devices=[device["id"]], at=began.isoformat())["id"]
    plan = PLAN | {"reason": "plan for Zeb", "limits": LIMITS}
    done(api.put(f"/v1/patients/{patient}/plan", plan))
    alert = _is_measured(api, device["token"], patient)
    _is_cared_for(api, patient, episode, device["token"], alert)
    for one in done(api.get(f"/v1/alerts?patient={patient}&limit=100"))["items"]:
        if one["state"] not in {"resolved", "expired"}:
            done(api.post(f"/v1/alerts/{one['id']}/acknowledge", {"note": "ack of Zeb"}))
            done(api.post(f"/v1/alerts/{one['id']}/action", {"what": "advice", "note": "did for Zeb"}))
            done(api.post(f"/v1/alerts/{one['id']}/resolve", {"outcome": "advice", "note": "end of Zeb"}))
    done(api.post(f"/v1/episodes/{episode}/discharge", {"outcome": "home", "decided_by": "Dr No"}))
    drain(api)
    return Life(patient, episode, device, alert)


def _is_measured(api: Api, token: str, patient: str) -> str:
    """Well, very sick, in FHIR, and in the future, which is kept aside. The alert's id."""
    posts(api, token, **WELL)
    posts(api, token, **VERY_SICK)
    headers = {"Content-Type": "application/fhir+json"}
    document = body(observed(PULSE, 72, at=utc_now(), own="Zebedee-1"))
    answer = api.call("POST", "/v1/fhir/Observation", token=token, content=document, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    ahead = {"id": "ahead", "taken_at": (utc_now() + timedelta(hours=3)).isoformat(), "spo2": 84}
    assert api.post("/v1/readings", ahead, token=token).status_code == 202
    drain(api)
    alerts = done(api.get(f"/v1/alerts?patient={patient}"))["items"]
    return str(next(one["id"] for one in alerts if one["kind"] == "deterioration"))


def _is_cared_for(api: Api, patient: str, episode: str, token: str, alert: str) -> None:
    worry = {"id": "w1", "at": api.now(), "from": "carer", "text": "worried about Zeb", "callback": "07700900463"}
    made(api.post("/v1/concerns", worry, token=token))
    spoke = {"at": api.now(), "mode": "phone", "planned": True, "outcome": "well", "note": "spoke with Zeb"}
    assert api.post(f"/v1/episodes/{episode}/contacts", spoke).status_code in {200, 201}
    mdt = {"at": api.now(), "attendees": ["Dr No"], "decisions": "mdt about Zeb"}
    assert api.post(f"/v1/episodes/{episode}/mdt", mdt).status_code in {200, 201}
    done(api.put("/v1/ucr/teams/LE", TEAM))
    asked = {"patient": patient, "need": "catheter", "reason": "visit for Zeb", "alert": alert}
    visit = made(api.post("/v1/ucr/referrals", asked))
    done(api.post(f"/v1/ucr/referrals/{visit['id']}/cancel", {"reason": "visit for Zeb is over"}))
    answers = call(api, patient=patient, cancer="cancer of Zeb", caller_name="Barnaby Fotheringay", result="advice",
                   reason="an old rash")  # fmt: skip
    made(api.post("/v1/calls", answers))


def everything(engine: Engine) -> Iterator[tuple[str, str]]:
    """Every row of every table as text: as the owner, for nobody else may read all of them."""
    tables = rows(
        engine,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    for (table,) in tables:
        for (said,) in rows(engine, f'SELECT to_jsonb(one)::text FROM "{table}" AS one'):
            yield table, said


def found(engine: Engine, words: tuple[str, ...]) -> set[tuple[str, str]]:
    """In which tables there is which of some words."""
    return {(table, word) for table, said in everything(engine) for word in words if word in said}
