"""Patients: registered, found, corrected; their plan; what was measured and what it scored."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from devices.formats.native import decode
from devices.posted import PostedByStaff
from monitoring.acts import Incoming, change, look, peek
from monitoring.intake.routes import BODY_BYTES_MAX, Taken, is_json, take
from monitoring.openapi import reads_sets
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.patients import chart, correcting, merges, merging, register
from monitoring.patients.baselines import BaselinesView, baselines
from monitoring.patients.by_staff import for_patient
from monitoring.patients.merges import MergeView
from monitoring.patients.merging import MergeBody, UnmergeBody
from monitoring.patients.plan import PlanBody, PlanView
from monitoring.patients.plans import current_plan, replace_plan, to_decide
from monitoring.patients.register import PatientBody, PatientView
from monitoring.patients.views import ReadingView, ScoreView
from monitoring.refusals import WrongMediaType
from monitoring.service import service_of

TAGS = ["patients"]
MERGE: dict[str, Any] = {
    "opt": {"allows": "merge patients", "whose": register.find}, "tags": TAGS, "status_code": 200,
}  # fmt: skip


@post("/v1/patients", opt={"allows": "register patients"}, tags=TAGS, summary="Register a patient")
async def post_patient(request: Incoming, data: JSONBody[PatientBody]) -> Response[PatientView]:
    """Register a patient; without an NHS number only with a reason."""
    return await change(
        request, lambda act: register.register(act, data), location=lambda made: f"/v1/patients/{made.id}"
    )


@get("/v1/patients", opt={"allows": "read patients"}, tags=TAGS, summary="Patients, newest first")
async def get_patients(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[PatientView]:
    """Patients whom the caller may see."""
    return await look(request, lambda act: register.patients(act, limit, cursor))


@get(
    "/v1/patients/{patient:uuid}",
    opt={"allows": "read patients", "whose": register.find},
    tags=TAGS,
    summary="One patient",
)
async def get_patient(request: Incoming, patient: FromPath[UUID]) -> PatientView:
    """A patient, and what somebody sent to the door needs to know."""
    return await look(request, lambda act: register.patient(act, patient))


@put(
    "/v1/patients/{patient:uuid}",
    opt={"allows": "correct patients", "whose": register.find},
    tags=TAGS,
    summary="Correct a patient",
)
async def put_patient(request: Incoming, patient: FromPath[UUID], data: JSONBody[PatientBody]) -> Response[PatientView]:
    """Replace what is recorded of a patient."""
    return await change(request, lambda act: correcting.correct(act, patient, data))


@get(
    "/v1/patients/{patient:uuid}/plan",
    opt={"allows": "read patients", "whose": current_plan},
    tags=TAGS,
    summary="The plan in force",
)
async def get_plan(request: Incoming, patient: FromPath[UUID]) -> PlanView:
    """The plan that the patient is scored and watched by now."""
    return await look(request, lambda act: current_plan(act, patient))


@put(
    "/v1/patients/{patient:uuid}/plan",
    opt={"allows": "decide plans", "whose": to_decide},
    tags=TAGS,
    summary="Decide a plan",
)
async def put_plan(request: Incoming, patient: FromPath[UUID], data: JSONBody[PlanBody]) -> Response[PlanView]:
    """A clinician decides scale, oxygen, limits and schedule from an instant on, with a reason and a review date.

    After a recent sign-in only, else 401 `insufficient_user_authentication`. Issued tokens count as recent.
    """
    return await change(request, lambda act: replace_plan(act, patient, data))


@get(
    "/v1/patients/{patient:uuid}/baselines",
    opt={"allows": "read patients", "whose": baselines},
    tags=TAGS,
    summary="Usual values, decided and learnt",
)
async def get_baselines(request: Incoming, patient: FromPath[UUID]) -> BaselinesView:
    """What is usual for the patient, by the plan and by the first days of the stay: a proposal, and how sure it is."""
    return await look(request, lambda act: baselines(act, patient))


@get(
    "/v1/patients/{patient:uuid}/readings",
    opt={"allows": "read patients", "whose": register.find},
    tags=TAGS,
    summary="Readings",
)
async def get_readings(
    request: Incoming,
    patient: FromPath[UUID],
    since: Annotated[str | None, QueryParameter(name="from")] = None,
    until: Annotated[str | None, QueryParameter(name="to")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[ReadingView]:
    """Sets of readings as posted, newest first by the time they were taken."""
    return await look(request, lambda act: chart.readings(act, patient, since, until, limit, cursor))


@post(
    "/v1/patients/{patient:uuid}/readings",
    status_code=202,
    opt={"allows": "record readings", "whose": register.find},
    operation_class=reads_sets(PostedByStaff),
    request_max_body_size=BODY_BYTES_MAX,
    tags=TAGS,
    summary="Record readings that staff took",
)
async def post_patient_readings(request: Incoming, patient: FromPath[UUID]) -> Response[Taken]:
    """A set taken, told by phone or measured at a visit: the same as a device's, with `method` and `measured_by`."""
    await peek(request, lambda act: register.find(act, patient))
    if not is_json(request.headers.get("content-type", "")):
        raise WrongMediaType("Send application/json.")
    decoded = for_patient(decode(await request.body(), by_staff=True), str(patient))
    return await take(service_of(request), decoded, source=-request.user.id, patient=str(patient))


@get(
    "/v1/patients/{patient:uuid}/scores",
    opt={"allows": "read patients", "whose": register.find},
    tags=TAGS,
    summary="Scores",
)
async def get_scores(
    request: Incoming, patient: FromPath[UUID], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[ScoreView]:
    """The current score of each set once, newest first."""
    return await look(request, lambda act: chart.scores(act, patient, limit, cursor))


@post("/v1/patients/{patient:uuid}/merge", **MERGE, summary="Two records are one person")
async def post_merge(request: Incoming, patient: FromPath[UUID], data: JSONBody[MergeBody]) -> Response[PatientView]:
    """This record goes into another, which is answered: its spells, alerts, referrals and kit are that one's now.

    Refused where both are on a ward, or what is recorded of the two cannot be one person's. `unmerge` undoes it.
    """
    return await change(request, lambda act: merging.merge(act, patient, data))


@post("/v1/patients/{patient:uuid}/unmerge", **MERGE, summary="They are two people after all")
async def post_unmerge(
    request: Incoming, patient: FromPath[UUID], data: JSONBody[UnmergeBody]
) -> Response[PatientView]:
    """The record that was merged away has back what it brought, and what has come to its spells since."""
    return await change(request, lambda act: merging.unmerge(act, patient, data))


@get(
    "/v1/patients/{patient:uuid}/merges",
    opt={"allows": "read patients", "whose": register.find},
    tags=TAGS,
    summary="Merges of a patient's records",
)
async def get_merges(
    request: Incoming, patient: FromPath[UUID], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[MergeView]:
    """Who merged what with what, when and why, newest first; also what was undone."""
    return await look(request, lambda act: merges.merges(act, patient, limit, cursor))


ROUTES: list[Any] = [
    post_patient, get_patients, get_patient, put_patient, get_plan, put_plan, get_baselines,
    get_readings, post_patient_readings, get_scores, post_merge, post_unmerge, get_merges,
]  # fmt: skip
