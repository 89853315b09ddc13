"""The question whether sepsis is suspected, over HTTP."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, look
from monitoring.alerts import finding
from monitoring.alerts.views import AlertDetail
from monitoring.sepsis.answering import SepsisAnswerBody, SepsisRecordView, answer_sepsis, sepsis_record

TAGS = ["alerts"]


@get(
    "/v1/alerts/{alert:uuid}/sepsis",
    opt={"allows": "read alerts", "whose": finding.alert},
    tags=TAGS,
    summary="Whether sepsis is suspected",
)
async def get_sepsis(request: Incoming, alert: FromPath[UUID]) -> SepsisRecordView:
    """The question as it stands with its clock, every answer, and the table of criteria for the community."""
    return await look(request, lambda act: sepsis_record(act, alert))


@post(
    "/v1/alerts/{alert:uuid}/sepsis",
    status_code=200,
    opt={"allows": "answer sepsis", "whose": finding.alert},
    tags=TAGS,
    summary="Say whether sepsis is suspected",
)
async def post_sepsis(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[SepsisAnswerBody]
) -> Response[AlertDetail]:
    """A clinician's judgement, never a diagnosis; the last answer counts, and every one is kept."""
    return await change(request, lambda act: answer_sepsis(act, alert, data))


ROUTES: list[Any] = [get_sepsis, post_sepsis]
