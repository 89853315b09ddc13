"""What stands in a request's body: decoded strictly into what its route declares, each fault named by its field."""

import re
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from devices.formats.native import Malformed, explain
from monitoring.intake.routes import is_json
from monitoring.refusals import Fault, Unacceptable, WrongMediaType


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a route that takes none: `{}` or no byte at all."""


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is decoded strictly into what its route declares: no "70" for 70, no unknown field."""

    async def body(self) -> bytes:
        """The body's bytes. Raises Malformed where there are none and the route needs some, or they end too early."""
        try:
            body = await super().body()
        except InternalServerException as error:  # the framework's word for a client that is gone: no fault of ours
            raise Malformed("the body did not come whole") from error
        declared = self.route_handler.parsed_data_field
        if not body and declared is not None and declared.is_required:
            raise Malformed("the body is empty")
        return body

    async def json(self) -> Any:
        """The body as the type that the route declares. Raises WrongMediaType, Malformed, Unacceptable."""
        declared = self.route_handler.parsed_data_field
        body = await self.body()
        if declared is None and not body:
            return Nothing()
        if not is_json(self.headers.get("content-type", "")):
            raise WrongMediaType("Send application/json.")
        return decode(body, declared.annotation if declared else Nothing)


def decode(body: bytes, kind: Any) -> Any:
    """The body as that type. Raises Malformed, Unacceptable."""
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            msgspec.json.decode(body, type=msgspec.Raw)  # what is not JSON at all is malformed
            field, reason = explain(error)
            raise Unacceptable(Fault(_with_keys(field, body, kind, str(error))[:200], reason)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from error


_KEY: Final = "[...]"
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
BODY_BYTES_SEARCHED_MAX: Final = 65_536
KEYS_TRIED_MAX: Final = 100
"""Beyond these a fault is named without its key: no request of ours comes near, and looking would take long."""


def _with_keys(place: str, body: bytes, kind: Any, fault: str) -> str:
    """The place with the keys that msgspec leaves out: `limits.spo2.x` for its `limits[...].x`.

    The guilty key is the one with which alone the same fault comes about.
    """
    *before, last = place.split(_KEY)
    if not before or len(body) > BODY_BYTES_SEARCHED_MAX:
        return place
    try:
        whole = part = msgspec.json.decode(body)
    except msgspec.ValidationError:  # it holds a number that is too large for any type
        return place
    named = ""
    for steps in before:
        holder = _inside(part, steps)
        for key, part in list(holder.items())[:KEYS_TRIED_MAX]:
            holder.clear()
            holder[key] = part
            if _fault(whole, kind) == fault:
                named += f"{steps}.{key}" if steps else key
                break
        else:
            return place  # a key that stands twice, of which the last was kept; or a name with [...] of its own
    return named + last


def _inside(part: Any, steps: str) -> dict[str, Any]:
    """The object at that place; an empty one where there is none."""
    try:
        for name, index in _STEP.findall(steps):
            part = part[name or int(index)]
    except (LookupError, TypeError):
        return {}
    return part if isinstance(part, dict) else {}


def _fault(whole: Any, kind: Any) -> str:
    try:
        msgspec.json.decode(msgspec.json.encode(whole), type=kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""
