"""Is it well? Part by part, for load balancers, for `virtual-ward check`, and for whoever is woken at night."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from anyio import to_thread
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy import Engine

from monitoring.clock import utc_now
from monitoring.database import DATABASE_ERRORS, snapshot
from monitoring.heartbeat import Heard, heard
from monitoring.intake.durability import Durability
from monitoring.intake.stream import Backlog
from monitoring.metrics import exposition
from monitoring.rules.holding import rulebook
from monitoring.schema import HEAD, version
from monitoring.service import service_of, shares_metrics
from monitoring.watching.late import MESSAGE_LATE, STEP_LATE, late

UNSCORED_WARNING_S = 30
Status = Literal["ok", "degraded", "failed"]


class Part(msgspec.Struct, omit_defaults=True):
    """How one part is."""

    status: Status
    detail: str = ""
    seconds: float | None = None


class Health(msgspec.Struct):
    """How the installation is, as this process sees it."""

    status: Status
    parts: dict[str, Part]


@get("/health/live", opt={"allows": "everybody"}, tags=["operations"], summary="This process answers")
async def health_live() -> dict[str, str]:
    """Nothing but: the process answers."""
    return {"status": "ok"}


@get(
    "/health/ready",
    opt={"allows": "everybody"},
    tags=["operations"],
    summary="Part by part",
    responses={503: ResponseSpec(Health, description="This process cannot take readings", generate_examples=False)},
)
async def health_ready(request: Request[Any, Any, Any]) -> Response[Health]:
    """503 only where this process can't accept readings durably, or never saw a migrated database."""
    service = service_of(request)
    now = utc_now()
    parts = await to_thread.run_sync(database_parts, service.engine, now) | {"queue": queue_part(service.durability)}
    parts["unscored"] = unscored_part(service.backlog, now)
    service.migrated = service.migrated or parts["schema"].status == "ok"
    failed = parts["queue"].status == "failed" or not service.migrated
    degraded = any(part.status != "ok" for part in parts.values())
    health = Health("failed" if failed else "degraded" if degraded else "ok", parts)
    return Response(health, status_code=503 if failed else 200, headers={"Retry-After": "2"} if failed else {})


@get(
    "/metrics",
    opt={"allows": "read metrics"},
    tags=["operations"],
    summary="Prometheus metrics",
    media_type="text/plain",
)
async def metrics() -> Response[bytes]:
    """The metrics of all parts under `up`; of this process otherwise."""
    content, media_type = exposition(shared_folder=shares_metrics())
    return Response(content, media_type=media_type)


def database_parts(engine: Engine, now: datetime) -> dict[str, Part]:
    """What the database itself knows of: its schema, who was heard lately, and what is late."""
    try:
        found = version(engine)
        is_ours = found == HEAD
        parts = _of_ours(engine, now) if is_ours else dict.fromkeys(OF_OURS, ANOTHER)
    except DATABASE_ERRORS as error:
        away = Part("degraded", f"not available ({type(error).__name__})")
        return dict.fromkeys(("database", "schema", *OF_OURS), away)
    schema = Part("ok", found or "") if is_ours else Part("degraded", f"is {found}, needs {HEAD}")
    return {"database": Part("ok"), "schema": schema, **parts}


OF_OURS: Final = ("workers", "timekeeper", "ladders", "outbox", "rules")
ANOTHER: Final = Part("degraded", "unknown: the schema is another one")


def _of_ours(engine: Engine, now: datetime) -> dict[str, Part]:
    there = heard(engine, now)
    with snapshot(engine) as session:
        step_late, message_late = late(session, now)
    return {
        "workers": heard_part(there.get("worker", Heard())),
        "timekeeper": heard_part(there.get("timekeeper", Heard())),
        "ladders": _late("step", step_late, STEP_LATE),
        "outbox": _late("message", message_late, MESSAGE_LATE),
        "rules": _rules(engine, now),
    }


def heard_part(there: Heard) -> Part:
    """Whether any was heard lately, and none died without another in its place."""
    if not there.alive:
        return Part("degraded", "none heard in the last 10 s")
    died = f", {there.dead} died" if there.dead else ""
    return Part("degraded" if died else "ok", f"{there.alive} heard in the last 10 s{died}")


def _late(what: str, by: timedelta, allowed: timedelta) -> Part:
    seconds = round(by.total_seconds(), 3)
    if by <= allowed:
        return Part("ok", f"no {what} is late")
    return Part("degraded", f"the oldest {what} is {seconds:.0f} s late", seconds)


def _rules(engine: Engine, now: datetime) -> Part:
    """Whether every version that was approved can be used by this program."""
    with snapshot(engine) as session:
        book = rulebook(session)
    if unreadable := book.unreadable_at(now):
        said = ", ".join(f"{one.name} version {one.version}" for one in unreadable)
        return Part("degraded", f"cannot be used, what held before goes on: {said}")
    changed = sum(book.of(name, now).version != held[0].pathway.version for name, held in book.held.items())
    return Part("ok", f"{changed} of {len(book.held)} pathways are not as packaged")


def queue_part(durability: Durability | None) -> Part:
    """Whether the queue is there, and whether what it answers is on its disk."""
    if durability is None:
        return Part("failed", "not available")
    if not durability.promises:
        return Part("failed", f"durable: {durability}")
    slow = durability in {Durability.WAITED_FOR, Durability.UNKNOWN}
    return Part("degraded" if slow else "ok", f"durable: {durability}")


def unscored_part(backlog: Backlog | None, now: datetime) -> Part:
    """How long the oldest reading has waited to be scored: a stopped worker must not look like a quiet ward."""
    if backlog is None:
        return Part("degraded", "unknown: the queue is not available")
    age_s = 0.0 if backlog.oldest_at is None else max(0.0, (now - backlog.oldest_at).total_seconds())
    status: Status = "degraded" if age_s > UNSCORED_WARNING_S else "ok"
    return Part(status, f"{backlog.entries} requests wait to be scored", round(age_s, 3))
