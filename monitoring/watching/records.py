"""Which of several watchers tells something, and what was told: in the database, else in the queue.

Without either, each tells: twice is better than not at all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from redis import Redis
from sqlalchemy import Engine, select, text
from sqlmodel import Session, col
from uuid_utils.compat import uuid7

from monitoring.database import transaction
from monitoring.events import NewEvent, emit
from monitoring.watching.problems import State
from monitoring.watching.tables import SystemAlert

TOLD_AGAIN_AFTER: Final = timedelta(minutes=15)
"""A problem that lasts is told again so often. The design's own."""

RECORDS_LOCK: Final = 7_730
_IN_QUEUE: Final = "watching:told:"

_LAST: Final = text("SELECT DISTINCT ON (problem) problem, state FROM system_alert ORDER BY problem, id DESC")


@dataclass(frozen=True, slots=True)
class Telling:
    """Something that could be told. `here_before`: this process told of this problem already."""

    problem: str
    state: State
    detail: str
    seen_by: str
    since: datetime
    here_before: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is to be told: under which id, and what of the problem."""

    id: UUID
    state: State


def claim(engine: Engine, one: Telling, now: datetime) -> Claimed | None:
    """What the caller is to tell; None where somebody else did, or nobody has to."""
    with transaction(engine) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": RECORDS_LOCK})
        last = _last(session, one.problem)
        is_open = last is not None and last.state != State.ENDED
        if not _is_news(one, last, now, is_open=is_open):
            return None
        state = State.STILL if is_open and one.state is State.BEGAN else one.state
        told = SystemAlert(
            problem=one.problem, state=state, detail=one.detail, seen_by=one.seen_by, since=one.since, at=now
        )
        session.add(told)
        session.flush()
        emit(session, [NewEvent("system", now, None, None, shown(one, state))])
        return Claimed(told.public_id, state)


def _is_news(one: Telling, last: SystemAlert | None, now: datetime, *, is_open: bool) -> bool:
    if one.state is State.ENDED:
        ended_already = last is not None and not is_open and last.at >= one.since
        return is_open or (one.here_before and not ended_already)
    return last is None or not is_open or last.unheard or now - last.at >= TOLD_AGAIN_AFTER


def claim_in_queue(queue: Redis, one: Telling) -> Claimed | None:
    """The same where the database cannot be asked. Raises redis errors."""
    if one.state is State.ENDED:
        queue.delete(_IN_QUEUE + one.problem)
        return claim_alone(one)
    is_first = queue.set(_IN_QUEUE + one.problem, one.seen_by, nx=True, ex=TOLD_AGAIN_AFTER)
    return Claimed(uuid7(), _again(one)) if is_first else None


def claim_alone(one: Telling) -> Claimed | None:
    """The same where nobody can be asked. That something ended is told by who told of it."""
    return Claimed(uuid7(), _again(one)) if one.state is State.BEGAN or one.here_before else None


def _again(one: Telling) -> State:
    return State.STILL if one.state is State.BEGAN and one.here_before else one.state


def reached_nobody(engine: Engine, told: UUID) -> None:
    """Whoever still sees the problem tells it again, at once."""
    query = text("UPDATE system_alert SET unheard = true WHERE public_id = :told")
    with transaction(engine) as session:
        session.execute(query, {"told": told})


def forget_in_queue(queue: Redis, problem: str) -> None:
    """The same where it was claimed in the queue. Raises redis errors."""
    queue.delete(_IN_QUEUE + problem)


def still_open(session: Session) -> list[str]:
    """Problems whose end was not told yet."""
    return [row.problem for row in session.execute(_LAST).all() if row.state != State.ENDED]


def shown(one: Telling, state: State) -> dict[str, object]:
    """What is said of it, live and to engineers: of the system alone, and of no patient."""
    return {
        "problem": one.problem, "state": state, "detail": one.detail, "since": one.since, "seen_by": one.seen_by,
    }  # fmt: skip


def _last(session: Session, problem: str) -> SystemAlert | None:
    query = select(SystemAlert).where(col(SystemAlert.problem) == problem).order_by(col(SystemAlert.id).desc())
    found: SystemAlert | None = session.execute(query.limit(1)).scalar_one_or_none()
    return found
