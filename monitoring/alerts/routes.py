"""Alerts over HTTP."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from alert_rules.alarms import State
from alert_rules.severity import Severity
from monitoring.acts import Incoming, change, look
from monitoring.alerts import answers, finding, resolving
from monitoring.alerts.answers import AcknowledgeBody, ActionBody, SnoozeBody
from monitoring.alerts.finding import AlertFilter
from monitoring.alerts.resolving import ResolveBody
from monitoring.alerts.views import AlertDetail, AlertView
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.patients.register import find as find_patient
from monitoring.queries import WardFilter
from monitoring.refusals import unacceptable

TAGS = ["alerts"]
SeverityName = Literal["amber", "amber_plus", "red", "critical"]
InState = Annotated[str | None, QueryParameter(name="state", schema_extra={"enum": [str(state) for state in State]})]
"""Judged by us: the framework would name it as the function does, which may not call it `state`."""


@get("/v1/alerts", opt={"allows": "read alerts"}, tags=TAGS, summary="Alerts, newest first")
async def get_alerts(
    request: Incoming,
    in_state: InState = None,
    ward: WardFilter = None,
    patient: FromQuery[UUID | None] = None,
    severity: FromQuery[SeverityName | None] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[AlertView]:
    """Alerts of the caller's wards."""
    wanted = AlertFilter(_state(in_state), ward, patient, Severity[severity.upper()] if severity else None)
    return await look(request, lambda act: finding.alerts(act, wanted, limit, cursor))


@get("/v1/alerts/{alert:uuid}", opt={"allows": "read alerts", "whose": finding.alert}, tags=TAGS, summary="One alert")
async def get_alert(request: Incoming, alert: FromPath[UUID]) -> AlertDetail:
    """Why it fired, and its whole history."""
    return await look(request, lambda act: finding.alert(act, alert))


@get(
    "/v1/patients/{patient:uuid}/alerts",
    opt={"allows": "read alerts", "whose": find_patient},
    tags=["patients"],
    summary="A patient's alerts",
)
async def get_patient_alerts(
    request: Incoming, patient: FromPath[UUID], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[AlertView]:
    """Every alert of a patient, newest first."""
    return await look(request, lambda act: finding.alerts_of_patient(act, patient, limit, cursor))


@post(
    "/v1/alerts/{alert:uuid}/acknowledge",
    status_code=200,
    opt={"allows": "answer alerts", "whose": answers.to_answer},
    tags=TAGS,
    summary="Take responsibility",
)
async def post_acknowledge(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[AcknowledgeBody | None] = None
) -> Response[AlertDetail]:
    """Stops the clock towards the next person. It does not resolve."""
    body = data or AcknowledgeBody()
    return await change(request, lambda act: answers.acknowledge_alert(act, alert, body))


@post(
    "/v1/alerts/{alert:uuid}/action",
    status_code=200,
    opt={"allows": "answer alerts", "whose": answers.to_answer},
    tags=TAGS,
    summary="Record what was done",
)
async def post_action(request: Incoming, alert: FromPath[UUID], data: JSONBody[ActionBody]) -> Response[AlertDetail]:
    """Acknowledged is not actioned."""
    return await change(request, lambda act: answers.act_on_alert(act, alert, data))


@post(
    "/v1/alerts/{alert:uuid}/resolve",
    status_code=200,
    opt={"allows": "answer alerts", "whose": resolving.to_resolve},
    tags=TAGS,
    summary="Say how it ended",
)
async def post_resolve(request: Incoming, alert: FromPath[UUID], data: JSONBody[ResolveBody]) -> Response[AlertDetail]:
    """A registered clinician ends an alert with an outcome; a critical one after a recent sign-in only, else 401."""
    return await change(request, lambda act: resolving.resolve_alert(act, alert, data))


@post(
    "/v1/alerts/{alert:uuid}/snooze",
    status_code=200,
    opt={"allows": "answer alerts", "whose": answers.to_answer},
    tags=TAGS,
    summary="Put an amber off",
)
async def post_snooze(request: Incoming, alert: FromPath[UUID], data: JSONBody[SnoozeBody]) -> Response[AlertDetail]:
    """An amber only, until the next set, the end of the shift, or four hours; it ends at once with anything worse."""
    return await change(request, lambda act: answers.snooze_alert(act, alert, data))


def _state(named: str | None) -> State | None:
    if named is not None and named not in set(State):
        raise unacceptable("state", f"is not one of {', '.join(State)}")
    return None if named is None else State(named)


ROUTES: list[Any] = [
    get_alerts, get_alert, get_patient_alerts, post_acknowledge, post_action, post_resolve, post_snooze,
]  # fmt: skip
