"""Devices over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.kit import devices, stock
from monitoring.kit.assigning import AssignmentBody
from monitoring.kit.bulk import BulkView, add_many
from monitoring.kit.devices import DeviceBody, DeviceFilter, DeviceView
from monitoring.kit.handling import MoveBody, handle
from monitoring.kit.life import MoveView
from monitoring.kit.states import Move, State
from monitoring.kit.stock import KitReport
from monitoring.loaded.csv_rows import MEDIA_TYPE, csv_body
from monitoring.openapi import reads
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.refusals import unacceptable

TAGS = ["devices"]
MOVE: Final[dict[str, Any]] = {
    "status_code": 200,
    "opt": {"allows": "manage devices", "whose": devices.device},
    "tags": TAGS,
}
InState = Annotated[str | None, QueryParameter(name="state", schema_extra={"enum": [str(state) for state in State]})]
"""Judged by us: the framework would name it as the function does, which may not call it `state`."""
ByWord = Annotated[str | None, QueryParameter(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


@post("/v1/devices", opt={"allows": "manage devices"}, tags=TAGS, summary="Register a device")
async def post_device(request: Incoming, data: JSONBody[DeviceBody]) -> Response[DeviceView]:
    """The token comes back once."""
    return await change(request, lambda act: devices.add(act, data), location=lambda made: f"/v1/devices/{made.id}")


@post(
    "/v1/devices/bulk",
    status_code=200,
    opt={"allows": "manage devices", "reads": MEDIA_TYPE},
    tags=TAGS,
    summary="Register many devices",
    operation_class=reads(MEDIA_TYPE, {"type": "string"}),
)
async def post_devices(request: Incoming) -> Response[BulkView]:
    """CSV with a header: kind, serial and, if any, identifiers (apart by spaces or semicolons), shared (true, false).

    Up to 1,000 lines. Each is judged alone: the good ones are registered, and each token comes back once; of the others
    what is wrong is named by line and column. A device whose kind and serial are registered already, or
    stand on an earlier line, is refused. Where no line is good, nothing is done: 422.
    """
    body = await csv_body(request)
    return await change(request, lambda act: add_many(act, body))


@get("/v1/devices", opt={"allows": "read devices"}, tags=TAGS, summary="Devices, newest first")
async def get_devices(  # noqa: PLR0913 - a parameter each
    request: Incoming,
    in_state: InState = None,
    kind: ByWord = None,
    serial: ByWord = None,
    ward: WardFilter = None,
    patient: FromQuery[UUID | None] = None,
    silent: Annotated[
        bool | None, QueryParameter(description="Issued, and not heard for longer than its kind may be; or not so")
    ] = None,
    days: Annotated[int | None, QueryParameter(ge=0, le=3660, description="In its state for so many at least")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[DeviceView]:
    """All devices, or those that are meant: kit not back a week after it was somebody's is `?state=awaited&days=7`."""
    wanted = DeviceFilter(_state(in_state), kind, serial, ward, patient, silent, days)
    return await look(request, lambda act: devices.devices(act, wanted, limit, cursor))


@get(
    "/v1/devices/{device:uuid}",
    opt={"allows": "read devices", "whose": devices.device},
    tags=TAGS,
    summary="One device",
)
async def get_device(request: Incoming, device: FromPath[UUID]) -> DeviceView:
    """When it was last seen, its battery, its clock, and whose it is."""
    return await look(request, lambda act: devices.device(act, device))


@post(
    "/v1/devices/{device:uuid}/token",
    status_code=200,
    opt={"allows": "manage devices", "whose": devices.device},
    tags=TAGS,
    summary="A new token",
)
async def post_token(request: Incoming, device: FromPath[UUID]) -> Response[DeviceView]:
    """The old token ends within a second."""
    return await change(request, lambda act: devices.renew_token(act, device))


@post(
    "/v1/devices/{device:uuid}/revoke",
    status_code=200,
    opt={"allows": "manage devices", "whose": devices.device},
    tags=TAGS,
    summary="Shut a device out",
)
async def post_revoke(request: Incoming, device: FromPath[UUID]) -> Response[DeviceView]:
    """Its token ends within a second."""
    return await change(request, lambda act: devices.revoke_token(act, device))


@put(
    "/v1/devices/{device:uuid}/assignment",
    opt={"allows": "manage devices", "whose": devices.device},
    tags=TAGS,
    summary="Whose it is",
)
async def put_assignment(
    request: Incoming, device: FromPath[UUID], data: JSONBody[AssignmentBody]
) -> Response[DeviceView]:
    """Give the device to a patient from an instant on."""
    return await change(request, lambda act: devices.put_assignment(act, device, data))


@delete(
    "/v1/devices/{device:uuid}/assignment",
    status_code=200,
    opt={"allows": "manage devices", "whose": devices.device},
    tags=TAGS,
    summary="Nobody's",
)
async def delete_assignment(request: Incoming, device: FromPath[UUID]) -> Response[DeviceView]:
    """The device is nobody's from now on."""
    return await change(request, lambda act: devices.delete_assignment(act, device))


@post("/v1/devices/{device:uuid}/return", **MOVE, summary="It is back")
async def post_return(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """From whoever had it: it is nobody's from then on, and nobody else's before it is cleaned."""
    return await _move(request, device, Move.RETURN, data)


@post("/v1/devices/{device:uuid}/clean", **MOVE, summary="It is clean")
async def post_clean(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """After it came back. From then on it can be issued."""
    return await _move(request, device, Move.CLEAN, data)


@post("/v1/devices/{device:uuid}/stock", **MOVE, summary="It is on the shelf")
async def post_stock(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """Clean, charged and packed."""
    return await _move(request, device, Move.STOCK, data)


@post("/v1/devices/{device:uuid}/lose", **MOVE, summary="It is lost")
async def post_lose(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """It is nobody's. Its token stays: what it still sends is kept aside and shows that it lives; revoke it at need."""
    return await _move(request, device, Move.LOSE, data)


@post("/v1/devices/{device:uuid}/find", **MOVE, summary="It is found")
async def post_find(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """As one that came back: to be cleaned."""
    return await _move(request, device, Move.FIND, data)


@post("/v1/devices/{device:uuid}/fault", **MOVE, summary="It does not work")
async def post_fault(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """It is nobody's: give the patient another."""
    return await _move(request, device, Move.FAULT, data)


@post("/v1/devices/{device:uuid}/repair", **MOVE, summary="It works again")
async def post_repair(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """As one that came back: to be cleaned."""
    return await _move(request, device, Move.REPAIR, data)


@post("/v1/devices/{device:uuid}/retire", **MOVE, summary="It is used no more")
async def post_retire(
    request: Incoming, device: FromPath[UUID], data: JSONBody[MoveBody | None] = None
) -> Response[DeviceView]:
    """For good. Its token ends within a second."""
    return await _move(request, device, Move.RETIRE, data)


@get(
    "/v1/devices/{device:uuid}/moves",
    opt={"allows": "read devices", "whose": devices.device},
    tags=TAGS,
    summary="What was done with a device",
)
async def get_moves(
    request: Incoming, device: FromPath[UUID], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[MoveView]:
    """By whom, when and why, newest first."""
    return await look(request, lambda act: devices.moves(act, device, limit, cursor))


@get("/v1/kit", opt={"allows": "count kit"}, tags=TAGS, summary="How much kit there is")
async def get_kit(request: Incoming) -> KitReport:
    """By kind and state, of the whole installation: what is free, and what should have come back."""
    return await look(request, stock.kit)


async def _move(request: Incoming, device: UUID, move: Move, body: MoveBody | None) -> Response[DeviceView]:
    return await change(request, lambda act: handle(act, device, move, body or MoveBody()))


def _state(named: str | None) -> State | None:
    if named is None:
        return None
    try:
        return State(named)
    except ValueError:
        raise unacceptable("state", f"must be one of {', '.join(State)}") from None


ROUTES: list[Any] = [
    post_device, post_devices, get_devices, get_device, post_token, post_revoke, put_assignment, delete_assignment,
    post_return, post_clean, post_stock, post_lose, post_find, post_fault, post_repair, post_retire, get_moves, get_kit,
]  # fmt: skip
