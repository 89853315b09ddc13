"""Whether whoever is to be told of an alert can be told, for `virtual-ward check`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from alert_rules.silence import LOCAL
from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS, snapshot
from monitoring.duty.gaps import Shortage, shortages_of_open_wards
from monitoring.escalation.proving import doubts
from monitoring.health import Part

NAMED_MAX: Final = 5
"""Wards that are named; the others are counted. `GET /v1/duty/gaps` says all of one ward."""


def escalation_part(engine: Engine, settings: Settings, now: datetime) -> Part:
    """Degraded where at some time in the next 14 days nobody of those whom a ward's ladders tell could be reached.

    And where a ladder ends at nobody, or at somebody whom the daily test message does not reach.
    """
    try:
        with snapshot(engine) as session:
            found = shortages_of_open_wards(session, now)
            ends = doubts(session, settings, now)
    except DATABASE_ERRORS as error:
        return Part("degraded", f"not known ({type(error).__name__})")
    if not found:
        return Part("ok", "no ward is open")
    if warnings := [*(_warning(one, now) for one in found if one.nobody), *ends]:
        more = f"; and {len(warnings) - NAMED_MAX} more" if len(warnings) > NAMED_MAX else ""
        return Part("degraded", "; ".join(warnings[:NAMED_MAX]) + more)
    return Part("ok", f"somebody can be reached on every ward for 14 days{_without_rota(found)}")


def _warning(one: Shortage, now: datetime) -> str:
    start, end = one.nobody[0]
    whom = f" ({len(one.unreachable)} on duty without a contact that works)" if one.unreachable else ""
    when = "now" if start <= now else f"{start.astimezone(LOCAL):%a %d %b %H:%M}"
    times = len(one.nobody) - 1
    also = f" and {times} more {'time' if times == 1 else 'times'} in 14 days" if times else ""
    return f"ward {one.ward}: nobody can be reached from {when} to {end.astimezone(LOCAL):%a %d %b %H:%M}{also}{whom}"


def _without_rota(found: Sequence[Shortage]) -> str:
    """Worth saying, and no fault: there whoever works on the ward is on duty."""
    count = sum(not one.has_rota for one in found)
    return f"; {count} without a rota: all staff are on duty in staffed hours" if count else ""
