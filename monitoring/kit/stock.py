"""How much kit there is of each kind, where it is, and what is free. Numbers only, of the whole installation."""

from collections import Counter
from typing import Final

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.kit.devices import INTERFACE
from monitoring.kit.states import AWAITED_TOO_LONG, FREE, State
from monitoring.kit.tables import Device

KINDS_MAX: Final = 200
"""Kinds that are shown; beyond it somebody has taken serial numbers for kinds."""


class KindView(msgspec.Struct, kw_only=True):
    """The devices of one kind, by their state. `free` can be issued now."""

    kind: str
    free: int
    awaited_too_long: int  # for seven days or more
    states: dict[str, int]


class KitReport(msgspec.Struct, kw_only=True):
    """What there is, by kind."""

    kinds: list[KindView]


def kit(act: Act) -> KitReport:
    """Every kind, by name."""
    too_long = func.count().filter(col(Device.state_at) <= act.now - AWAITED_TOO_LONG)
    query = select(col(Device.kind), col(Device.state), func.count(), too_long).where(col(Device.kind) != INTERFACE)
    states: dict[str, Counter[State]] = {}
    chased: Counter[str] = Counter()
    for kind, state, count, long in act.session.execute(query.group_by(col(Device.kind), col(Device.state))):
        states.setdefault(kind, Counter())[State(state)] = count
        if state == State.AWAITED:
            chased[kind] = long
    return KitReport(kinds=[_view(kind, states[kind], chased[kind]) for kind in sorted(states)[:KINDS_MAX]])


def _view(kind: str, counts: Counter[State], awaited_too_long: int) -> KindView:
    return KindView(
        kind=kind,
        free=sum(counts[state] for state in FREE),
        awaited_too_long=awaited_too_long,
        states={state.value: counts[state] for state in State},
    )
