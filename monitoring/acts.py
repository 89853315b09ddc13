"""The one door through which a request reaches the database: one caller, one instant, one transaction.

`change` also keeps answers under an Idempotency-Key in the same transaction, so that a repeated request is answered and
not done again. A transaction that the database ended for a reason that passes is run once more. The audit's event, of a
change as of a look, is the last that its transaction writes.

A Conflict that a use case raises undoes what it did. One that it returns is the answer to what it did all the same: who
asks for a bed where none is free is told so, and stands in the waiting list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from anyio import to_thread
from litestar import Request, Response
from sqlalchemy import text
from sqlmodel import Session

from monitoring.access.tables import KEPT_FOR, Answered
from monitoring.access.tokens import Caller
from monitoring.audit import events as audit
from monitoring.clock import utc_now
from monitoring.database import driver, once_more, snapshot, transaction
from monitoring.problems import PROBLEM, STATUS_OF, problem_of
from monitoring.refusals import Conflict, unacceptable
from monitoring.service import service_of

T = TypeVar("T")
Incoming = Request[Caller, Any, Any]

KEY_LENGTH_MAX = 255
SHOWN_ONCE = ("token", "secret")


@dataclass(frozen=True, slots=True)
class Act:
    """A caller's one transaction: who asks, when, and the session to do it in."""

    session: Session
    who: Caller
    now: datetime


Leave = Callable[[Act, object], None]
"""Leaves the audit's event in an act's transaction; the second is what it shows or changed."""


@dataclass(frozen=True, slots=True)
class _Repeatable:
    """A request that names an Idempotency-Key."""

    token: bytes
    request: str
    key: str
    body_sha256: bytes


async def look(request: Incoming, query: Callable[[Act], T]) -> T:
    """Answer from one consistent view of the database. What it shows is recorded before it is there to be sent."""
    service, status = service_of(request), request.route_handler.status_code
    leaves_event = audit.is_to_be_audited(request.scope)

    def _look() -> T:
        with snapshot(service.engine, leaves_event=leaves_event) as session:
            act = Act(session, request.user, utc_now())
            answer = query(act)
            if not leaves_event:
                return answer
            event = audit.event_of(request.scope, status, act.now, answer)
            named = service.recorder.write(driver(session).cursor(), event)
        service.recorder.know(named)
        return answer

    answer = await to_thread.run_sync(lambda: once_more(_look))
    if leaves_event:
        audit.has_left(request.scope, status)
    return answer


async def look_over(request: Incoming, query: Callable[[Act], T]) -> T:
    """A look over a span of time, planned for that very span: a plan kept for any span reads far too much for most."""

    def planned(act: Act) -> T:
        act.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        return query(act)

    return await look(request, planned)


async def show(request: Incoming, shows: object) -> None:
    """Record that somebody is shown what was made for several at once. To be called before it is sent."""
    service, status = service_of(request), request.route_handler.status_code
    event = audit.event_of(request.scope, status, utc_now(), shows)
    await service.recorder.record(event)
    audit.has_left(request.scope, status)


async def peek(request: Incoming, query: Callable[[Act], T]) -> T:
    """The same for what is not sent: to decide by."""
    service = service_of(request)

    def _peek() -> T:
        with snapshot(service.engine) as session:
            return query(Act(session, request.user, utc_now()))

    return await to_thread.run_sync(lambda: once_more(_peek))


async def change(
    request: Incoming, use_case: Callable[[Act], T | Conflict], *, location: Callable[[T], str] | None = None
) -> Response[T]:
    """Do something in one transaction and answer with the thing as it now is, and where what was made is found.

    A Conflict that is returned is committed, and answered as one that is raised.
    """
    service, who, status = service_of(request), request.user, request.route_handler.status_code
    if request.route_handler.parsed_data_field is None and "reads" not in request.route_handler.opt:
        await request.json()  # what a route does not take is refused, not overlooked
    repeatable = await _repeatable(request)

    def _change() -> Response[Any]:
        with transaction(service.engine) as session:
            act = Act(session, who, utc_now())
            if repeatable and (before := _answered(act, repeatable)):
                result, response = msgspec.json.decode(before.content), before
            else:
                result = use_case(act)
                response = _response(result, location, status)
                if repeatable:
                    _keep(act, repeatable, response)
                session.flush()
            if audit.is_to_be_audited(request.scope):
                _leave(request, act, result, response.status_code or status)
            return response

    response = await to_thread.run_sync(lambda: once_more(_change))
    audit.has_left(request.scope, response.status_code or status)
    return response


def leaving(request: Incoming) -> Leave:
    """For a change by a door of its own: what leaves the request's event in its transaction, the last thing in it."""

    def leave(act: Act, shows: object) -> None:
        _leave(request, act, shows, request.route_handler.status_code)

    return leave


def has_left(request: Incoming) -> None:
    """The change and its event are committed: no other event is owed for the answer."""
    audit.has_left(request.scope, request.route_handler.status_code)


def _leave(request: Incoming, act: Act, shows: object, status: int) -> None:
    audit.write(driver(act.session), audit.event_of(request.scope, status, act.now, shows))


def _response(result: T | Conflict, location: Callable[[T], str] | None, status: int) -> Response[Any]:
    if isinstance(result, Conflict):
        return Response(problem_of(result), status_code=STATUS_OF[Conflict], media_type=PROBLEM)
    headers = {"Location": location(result)} if location else None
    return Response(result, status_code=status, headers=headers)


async def _repeatable(request: Incoming) -> _Repeatable | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= KEY_LENGTH_MAX or not key.isprintable():
        raise unacceptable("Idempotency-Key", f"must be 1 to {KEY_LENGTH_MAX} printable characters")
    body = sha256(await request.body()).digest()
    return _Repeatable(request.user.token, f"{request.method} {request.scope['path']}", key, body)


def _answered(act: Act, asked: _Repeatable) -> Response[Any] | None:
    """The answer given before. Raises Conflict while it is under way, Unacceptable for another body."""
    lock = int.from_bytes(sha256(asked.token + f"{asked.request} {asked.key}".encode()).digest()[:8], signed=True)
    if not act.session.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock}).scalar():
        current = {"idempotency_key": asked.key, "state": "under_way"}
        raise Conflict("A request with this Idempotency-Key is still under way.", current=current)
    before = act.session.get(Answered, (asked.token, asked.request, asked.key))
    if before is None or before.at < act.now - KEPT_FOR:
        return None
    if before.body_sha256 != asked.body_sha256:
        raise unacceptable("Idempotency-Key", "was used for another body")
    headers = {"Idempotency-Replayed": "true"} | ({"Location": before.location} if before.location else {})
    media_type = PROBLEM if before.status == STATUS_OF[Conflict] else "application/json"
    return Response(before.body, status_code=before.status, headers=headers, media_type=media_type)


def _keep(act: Act, asked: _Repeatable, response: Response[Any]) -> None:
    content = _without_secrets(msgspec.to_builtins(response.content))
    act.session.merge(
        Answered(
            token=asked.token,
            request=asked.request,
            key=asked.key,
            body_sha256=asked.body_sha256,
            status=response.status_code or 200,
            location=response.headers.get("Location"),
            body=msgspec.json.encode(content),
            at=act.now,
        )
    )


def _without_secrets(content: Any) -> Any:
    """What was shown once is not shown again, however deep it stands."""
    if isinstance(content, dict):
        return {name: _without_secrets(value) for name, value in content.items() if name not in SHOWN_ONCE}
    if isinstance(content, list):
        return [_without_secrets(value) for value in content]
    return content
