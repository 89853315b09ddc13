"""What people do over HTTP before a test's own act: register, open a ward, add a kit, admit, post, and drain."""

from typing import Any
from uuid import uuid4

from monitoring.access.roles import Role
from monitoring.intake.clients import connect
from tests.monitoring.api import Answer, Api
from tests.ward import WELL
from workers.drain import loop
from workers.drain.batch import Done

PERSON: dict[str, Any] = {
    "given_name": "Ann", "family_name": "Other", "birth_date": "1950-02-28", "sex": "female",
    "no_nhs_number_reason": "visitor",
}  # fmt: skip
WARD: dict[str, Any] = {
    "name": "Ward", "pathway": "general", "provider": "RXX", "icb": "QXX", "funded": 40, "staffed": 30,
}  # fmt: skip
PLAN: dict[str, Any] = {"spo2_scale": 1, "readings_per_day": 4, "reason": "decided", "review_on": "2027-01-01"}
LIMITS: dict[str, Any] = {
    "respiratory_rate": {"red_low": 1, "red_high": 100},
    "spo2": {"red_low": 1},
    "pulse": {"red_low": 1, "red_high": 300},
    "systolic": {"red_low": 1, "red_high": 300},
    "temperature": {"red_low": 34, "red_high": 45},
}
"""What a patient without a score needs at least."""
NEEDED = [f"limits.{vital}.{line}" for vital, lines in LIMITS.items() for line in lines]


def made(answer: Answer) -> dict[str, Any]:
    """The body of a 201."""
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def done(answer: Answer) -> dict[str, Any]:
    """The body of a 200."""
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """The problem of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return body


def faults(answer: Answer) -> list[str]:
    """The fields that a 422 names."""
    return [fault["field"] for fault in refused(answer, 422)["errors"]]


def register(api: Api, **changed: Any) -> str:
    """A patient's id."""
    return str(made(api.post("/v1/patients", PERSON | changed))["id"])


def open_ward(api: Api, code: str, **changed: Any) -> None:
    """A ward of 30 beds."""
    made(api.post("/v1/wards", WARD | {"code": code} | changed))


def admit(api: Api, patient: str, ward: str = "WARD1", **changed: Any) -> dict[str, Any]:
    """A stay."""
    return made(api.post("/v1/episodes", {"patient": patient, "ward": ward, "step": "up"} | changed))


def add_device(api: Api, **changed: Any) -> dict[str, Any]:
    """A device with its token."""
    return made(api.post("/v1/devices", {"kind": "hub", "serial": "H-1"} | changed))


def employ(api: Api, role: Role, *wards: str, registered: bool | None = None, senior: bool = False) -> str:
    """The token of somebody who works on these wards only."""
    return api.ward.employ(role, wards=list(wards), registered=registered, senior=senior)[1]


def elsewhere(api: Api) -> tuple[str, str]:
    """A patient on another ward, and a clinician's token who works on the first ward only."""
    open_ward(api, "OTHER")
    patient = register(api)
    admit(api, patient, "OTHER")
    return patient, employ(api, Role.CLINICIAN, "WARD1")


def posts(api: Api, token: str | None = None, **vitals: Any) -> str:
    """The ward's patient posts a set, taken now unless said otherwise; its id."""
    one = {"id": uuid4().hex, "taken_at": api.now()} | (vitals or WELL)
    answer = api.post("/v1/readings", one, token=token or api.device())
    assert answer.status_code == 202, answer.text
    return str(one["id"])


def drain(api: Api) -> None:
    """What waits is scored."""
    queue = connect(api.ward.settings.queue_url)

    def ignore(_: Done, __: object) -> None:
        """Nobody watches."""

    try:
        loop.run(loop.Drain(api.ward.engine, queue, 0, ignore), until=lambda: False)
    finally:
        queue.close()


def has_alert(api: Api, token: str | None = None, **vitals: Any) -> dict[str, Any]:
    """The ward's patient posts a set that raises an alert; the newest one."""
    posts(api, token, **vitals)
    drain(api)
    items: list[dict[str, Any]] = api.get("/v1/alerts").json()["items"]
    return items[0]
