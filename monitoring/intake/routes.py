"""`POST /v1/readings` and its like for other formats: decode, judge, put on disk, answer. Touches no database.

The busiest routes by far: they read their bytes and write their answer themselves, which the framework does twice as
slowly.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.types import ASGIApp, Receive, Scope, Send

from devices.formats.gatt.body import Frames
from devices.formats.gatt.body import decode as decode_gatt
from devices.formats.native import Malformed, decode
from devices.formats.open_mhealth.body import decode as decode_open_mhealth
from devices.formats.open_mhealth.schema import DataPoint
from devices.original import Format, Original, pack
from devices.posted import Decoded, Posted
from devices.reading import Arrival, Refusal
from monitoring.access.tokens import Caller
from monitoring.clock import utc_now
from monitoring.headers import header
from monitoring.metrics import SETS
from monitoring.openapi import reads_one, reads_sets
from monitoring.problems import Problem, answer
from monitoring.refusals import Fault, TooLarge, WrongMediaType
from monitoring.service import Service, service_of

BODY_BYTES_MAX: Final = 1_048_576
_accepted, _refused = SETS.labels("accepted"), SETS.labels("refused")


class Taken(msgspec.Struct, frozen=True):
    """What became of a request's sets. Each accepted one is on disk and will be scored."""

    accepted: int
    rejected: list[Refusal]


class Accepted(Response[Taken]):
    """202, ready to be sent as it is."""

    def __init__(self, taken: Taken) -> None:
        self.content = taken
        self._body = msgspec.json.encode(taken)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # any ASGI application does
        """Itself: there is nothing left to do."""
        return self._send

    async def _send(self, _: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


@post(
    "/v1/readings",
    status_code=202,
    opt={"allows": "post readings"},
    operation_class=reads_sets(Posted),
    tags=["devices"],
    summary="Post one set of readings, or an array of up to 1,000",
)
async def post_readings(request: Request[Caller, Any, Any]) -> Response[Taken]:
    """Take readings. Sending the same `id` twice is safe."""
    return await take(service_of(request), decode(await read_json(request)), source=request.user.id)


@post(
    "/v1/gatt",
    status_code=202,
    opt={"allows": "post readings"},
    operation_class=reads_one(Frames),
    tags=["devices"],
    summary="Post the Bluetooth frames that a hub heard, up to 1,000",
)
async def post_gatt(request: Request[Caller, Any, Any]) -> Response[Taken]:
    """Take frames of sensors: each is a set of its own. The same stored frame again is the same set."""
    body, source = await read_json(request), request.user.id
    return await take(service_of(request), decode_gatt(body), source=source, original=pack(source, Format.GATT, body))


@post(
    "/v1/open-mhealth",
    status_code=202,
    opt={"allows": "post readings"},
    operation_class=reads_sets(DataPoint),
    tags=["devices"],
    summary="Post one Open mHealth data point, or an array of up to 1,000",
)
async def post_open_mhealth(request: Request[Caller, Any, Any]) -> Response[Taken]:
    """Take data points: each is a set of its own. The same header `id` or `uuid` again is the same set."""
    body, source = await read_json(request), request.user.id
    decoded = decode_open_mhealth(body)
    return await take(service_of(request), decoded, source=source, original=pack(source, Format.OPEN_MHEALTH, body))


ROUTES: Final = [post_readings, post_gatt, post_open_mhealth]


async def take(
    service: Service, decoded: Decoded, *, source: int, patient: str | None = None, original: Original | None = None
) -> Response[Taken]:
    """Put what was accepted on disk and answer."""
    await put_on_disk(service, decoded, source=source, now=utc_now(), patient=patient, original=original)
    if not decoded.sets and (decoded.refused or decoded.battery is None):
        return _all_refused(decoded)
    return Accepted(Taken(len(decoded.sets), decoded.refused))


async def put_on_disk(
    service: Service,
    decoded: Decoded,
    *,
    source: int,
    now: datetime,
    patient: str | None = None,
    original: Original | None = None,
) -> None:
    """Return once what was accepted will be scored, whatever dies. What is impossible travels too: somebody is told."""
    service.refuse_backlog(now)
    if decoded.sets or decoded.impossible or decoded.odd or decoded.battery is not None:
        arrival = Arrival(
            source=source,
            received_at=now,
            sets=decoded.sets,
            impossible=decoded.impossible,
            odd=decoded.odd,
            clock_offset_s=decoded.clock_offset_s,
            battery=decoded.battery,
            patient=patient,
            original=original,
        )
        await service.inlet.append(abs(source), msgspec.json.encode(arrival))
    if decoded.refused:
        _refused.inc(len(decoded.refused))
    if decoded.sets:
        _accepted.inc(len(decoded.sets))


def _all_refused(decoded: Decoded) -> Response[Any]:
    faults = [Fault(one.field, one.reason) for one in decoded.refused] or [Fault("", "holds no set of readings")]
    return answer(
        Problem(
            type="urn:virtual-ward:problem:unacceptable",
            title="No set of readings could be accepted.",
            status=422,
            detail="; ".join(f"{one.field}: {one.reason}" if one.field else one.reason for one in faults[:5]),
            errors=faults,
            accepted=0,
            rejected=list(decoded.refused),
        )
    )


async def read_json(request: Request[Any, Any, Any]) -> bytes:
    """The body's bytes. Raises WrongMediaType, TooLarge, and Malformed where the client left in the middle."""
    if not is_json(header(request.scope, b"content-type")):
        raise WrongMediaType("Send application/json.")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Malformed("the body ends in the middle")
        parts.append(message["body"])
        size += len(message["body"])
        if size > BODY_BYTES_MAX:
            raise TooLarge(f"Send at most {BODY_BYTES_MAX} bytes.")
        if not message.get("more_body"):
            return b"".join(parts)


def is_json(content_type: str) -> bool:
    """Whether a body is declared as JSON; one that is not declared at all is taken for it."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in {"", "application/json"} or media_type.endswith("+json")
