"""Who may is judged before what was sent: another ward's object is not there, whatever was sent to it."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.access.gate import EVERYBODY, see_ward
from monitoring.acts import Incoming, peek
from monitoring.queries import strictly
from monitoring.refusals import Unacceptable

ABOUT_WHAT_WAS_SENT: Final = frozenset({400, 413, 415, 422})


def whose(app: ASGIApp) -> ASGIApp:
    """Around each route: before what was sent is refused, raise NotFound or Forbidden where the caller may not at all.

    A route that names an object says in its options by which function, `whose`, it is found for a caller who may.
    Only a refusal asks it: what is accepted has found its object in its own transaction.
    """

    async def judging(scope: Scope, receive: Receive, send: Send) -> None:
        opt = scope["route_handler"].opt
        if opt.get("allows") == EVERYBODY or not (scope["query_string"] or "whose" in opt):
            await app(scope, receive, send)
            return

        async def send_once_judged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in ABOUT_WHAT_WAS_SENT:
                await _judge(scope)
            await send(message)

        try:
            scope["query_string"] = strictly(scope["query_string"], scope["route_handler"])
        except Unacceptable:
            await _judge(scope)
            raise
        await app(scope, receive, send_once_judged)

    return judging


async def _judge(scope: Scope) -> None:
    request: Incoming = Request(scope)
    for ward in parse_qs(scope["query_string"].decode("latin-1")).get("ward", ()):
        see_ward(request.user, ward)
    find: Callable[..., Any] | None = request.route_handler.opt.get("whose")
    if find is not None:
        first = next(iter(request.path_params.values()))  # the object; what follows is a part of it
        await peek(request, lambda act: find(act, first))
