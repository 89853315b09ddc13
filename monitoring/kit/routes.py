"""Devices over HTTP."""

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, look
from monitoring.kit import devices
from monitoring.kit.assigning import AssignmentBody
from monitoring.kit.devices import DeviceBody, DeviceView
from monitoring.paging import LIMIT, Cursor, Limit, Page

TAGS = ["devices"]


@post("/v1/devices", opt={"allows": "manage devices"}, tags=TAGS, summary="Register a device")
async def post_device(request: Incoming, data: JSONBody[DeviceBody]) -> Response[DeviceView]:
    """The token comes back once."""
    return await change(request, lambda act: devices.add(act, data), location=lambda made: f"/v1/devices/{made.id}")


@get("/v1/devices", opt={"allows": "read devices"}, tags=TAGS, summary="Devices, newest first")
async def get_devices(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[DeviceView]:
    """All devices."""
    return await look(request, lambda act: devices.devices(act, limit, cursor))


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


ROUTES: list[Any] = [
    post_device, get_devices, get_device, post_token, post_revoke, put_assignment, delete_assignment,
]  # fmt: skip
