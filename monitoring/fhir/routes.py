"""Observations of devices over HTTP, as FHIR R4."""

from typing import Any, Final

from litestar import Response, post

from devices.formats.fhir.asking import asked_for
from devices.formats.fhir.node import Refused
from devices.formats.fhir.observations import read
from monitoring.acts import Incoming
from monitoring.bars.outcomes import handlers
from monitoring.fhir.answers import answer_bundle, answer_one
from monitoring.fhir.taking import take
from monitoring.intake.routes import read_json
from monitoring.openapi import reads_fhir
from monitoring.service import service_of

_BUNDLE: Final = "A Bundle of type batch, transaction or collection, of at most 1,000 entries."
_OBSERVATION: Final = "An Observation: a vital sign, or a panel of some."
_ANSWERED: Final = {
    201: "The Observation, with its id. Its reading is on disk.",
    200: "The Observation, created before under the same identifier.",
    202: "An OperationOutcome: kept aside for a person, or nothing of it is kept; it says which, and why.",
}


@post(
    "/v1/fhir",
    status_code=200,
    opt={"allows": "post readings"},
    operation_class=reads_fhir(_BUNDLE, {200: "A Bundle: what became of each entry, in their order."}),
    exception_handlers=handlers(),
    tags=["devices"],
    summary="Post readings as a FHIR Bundle",
)
async def post_bundle(request: Incoming) -> Response[bytes]:
    """`transaction`: all or nothing. `batch`, and `collection`, which is taken like it: entry by entry.

    An entry's status is 201 (created), 200 (created before under the same identifier), 202 (kept aside for a person,
    or understood and not kept), 409 (the same identifier with other content: the first counts), 400 or 422. A
    collection of which nothing is taken is refused as a whole.
    """
    reading = read(await read_json(request))
    done = await take(service_of(request), reading, request.user.id)
    return answer_one(reading, done[0]) if reading.type is None else answer_bundle(reading, done)


@post(
    "/v1/fhir/Observation",
    status_code=201,
    opt={"allows": "post readings"},
    operation_class=reads_fhir(_OBSERVATION, _ANSWERED),
    exception_handlers=handlers(),
    tags=["devices"],
    summary="Post one reading as a FHIR Observation",
)
async def post_observation(request: Incoming) -> Response[bytes]:
    """Created once: the same identifier, in it or in `If-None-Exist: identifier=system|value`, is the same Observation.

    Where neither is there, what it says is its name. 409: the same identifier with other content; the first counts,
    and this one is kept aside for a person.
    """
    condition = request.headers.get("if-none-exist")
    if condition is not None:
        _refuse_other_conditions(condition)
    reading = read(await read_json(request), if_none_exist=condition)
    if reading.type is not None:
        raise Refused("resourceType", "is not Observation: send a Bundle to /v1/fhir", "structure", is_unreadable=True)
    (done,) = await take(service_of(request), reading, request.user.id)
    return answer_one(reading, done)


def _refuse_other_conditions(condition: str) -> None:
    try:
        asked_for(condition)
    except Refused as error:
        raise Refused("", f"If-None-Exist: {error.reason}", error.issue, is_unreadable=True) from error


ROUTES: list[Any] = [post_bundle, post_observation]
