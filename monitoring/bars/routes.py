"""Referrals as FHIR messages over HTTP: in from 111 and 999, out to a UCR team's own system."""

from typing import Any, Final
from uuid import UUID

import msgspec
from anyio import to_thread
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, has_left, leaving, look
from monitoring.bars import reading, receiving, replies, writing
from monitoring.bars.outcomes import FHIR, handlers
from monitoring.bars.replies import RepliesBody, RepliesView
from monitoring.bars.sending import NOWHERE
from monitoring.clock import utc_now
from monitoring.database import once_more
from monitoring.kit.devices import device as find_device
from monitoring.openapi import answers_fhir, reads
from monitoring.refusals import WrongMediaType
from monitoring.service import service_of

TAGS = ["fhir"]
TAKEN: Final = frozenset({FHIR, "application/json"})
_MESSAGE: Final = {"type": "object", "description": "A Bundle of type message, BaRS servicerequest-request, a4t3."}


@post(
    "/v1/fhir/$process-message",
    status_code=200,
    opt={"allows": "post referral messages"},
    operation_class=reads(FHIR, _MESSAGE, answers=FHIR),
    exception_handlers=handlers(),
    tags=TAGS,
    summary="A referral to UCR from 111 or 999, as a FHIR message",
)
async def post_process_message(request: Incoming) -> Response[bytes]:
    """From a device of kind `interface`, with `X-Request-Id`. Answers a Bundle with MessageHeader.response.

    A repeat of what was taken is 409, REC_CONFLICT, issue `duplicate`. Refusals are OperationOutcomes that name the
    FHIRPath; what was refused may be sent again under the same id. Fields that are not read here are passed over.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in TAKEN:
        raise WrongMediaType(f"Send {FHIR}.")
    service, who, body = service_of(request), request.user, await request.body()
    named, here = request.headers.get("x-request-id", ""), _here(request)
    said = await to_thread.run_sync(
        lambda: once_more(
            lambda: receiving.receive(service.engine, who, named, body, here, utc_now(), leaving(request))
        )
    )
    has_left(request)
    return Response(said, media_type=FHIR)


@get(
    "/v1/fhir/ServiceRequest/{request_id:uuid}",
    opt={"allows": "read referral messages", "whose": reading.asked_for},
    operation_class=answers_fhir("A ServiceRequest."),
    exception_handlers=handlers(),
    tags=TAGS,
    summary="A request as it now is",
)
async def get_service_request(request: Incoming, request_id: FromPath[UUID]) -> Response[bytes]:
    """For the interface that sent it, before it changes or cancels it; and for staff of its ward or team."""
    said = await look(
        request, lambda act: msgspec.json.encode(writing.service_request(reading.asked_for(act, request_id)))
    )
    return Response(said, media_type=FHIR)


@get(
    "/v1/ucr/referrals/{referral:uuid}/bars",
    opt={"allows": "read ucr", "whose": reading.own},
    operation_class=answers_fhir("A Bundle of type message."),
    exception_handlers=handlers(),
    tags=["ucr"],
    summary="One referral to a UCR team, as a FHIR message",
)
async def get_referral_message(request: Incoming, referral: FromPath[UUID]) -> Response[bytes]:
    """In the shape in which 999 refers to UCR, with a category of our own, for whoever passes it on."""
    here, now = _here(request), utc_now()
    said = await look(request, lambda act: msgspec.json.encode(writing.request(reading.own(act, referral), here, now)))
    return Response(said, media_type=FHIR)


@get(
    "/v1/devices/{device:uuid}/replies",
    opt={"allows": "read devices", "whose": find_device},
    tags=["devices"],
    summary="Where an interface is told what became of its referrals",
)
async def get_replies(request: Incoming, device: FromPath[UUID]) -> RepliesView:
    """Nowhere, until an admin says where."""
    return await look(request, lambda act: replies.replies(act, device))


@put(
    "/v1/devices/{device:uuid}/replies",
    opt={"allows": "route replies", "whose": find_device},
    tags=["devices"],
    summary="Say where an interface is told what became of its referrals",
)
async def put_replies(request: Incoming, device: FromPath[UUID], data: JSONBody[RepliesBody]) -> Response[RepliesView]:
    """By signed POST of FHIR messages, for they are about patients; null ends it."""
    allow = service_of(request).settings.webhook_allow_private
    return await change(request, lambda act: replies.set_replies(act, device, data, allow_private=allow))


def _here(request: Incoming) -> str:
    return service_of(request).settings.public_url or NOWHERE


ROUTES: list[Any] = [post_process_message, get_service_request, get_referral_message, get_replies, put_replies]
