"""From referral to admission: what may be done to a referral when, in one table.

Source: docs/clinical/policy.md, *Spells, clocks and counts* and *Who decides*. Pure: the caller writes what follows.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a referral stands. `accepted` holds a bed."""

    RECEIVED = "received"
    TRIAGED = "triaged"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    HOLD_EXPIRED = "hold_expired"
    ADMITTED = "admitted"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    NOT_ONBOARDED = "not_onboarded"


class Move(StrEnum):
    """What somebody, or the clock, does to a referral, named as its history tells it."""

    TRIAGE = "triaged"
    ACCEPT = "accepted"  # a bed is held
    WAIT = "waiting"  # accepted, and no bed is free
    EXPIRE = "hold_expired"
    ADMIT = "admitted"
    DECLINE = "declined"
    REDIRECT = "redirected"
    WITHDRAW = "withdrawn"
    NOT_ONBOARD = "not_onboarded"  # accepted, but monitoring never began


_UNDECIDED: Final = (State.RECEIVED, State.TRIAGED, State.WAITING, State.HOLD_EXPIRED)
LIVE: Final = (*_UNDECIDED, State.ACCEPTED)
"""States that still want something."""

NEXT: Final[Mapping[Move, Mapping[State, State]]] = {
    # Triaged again, somebody who waits keeps waiting: at the place that the new priority gives.
    Move.TRIAGE: {
        State.RECEIVED: State.TRIAGED,
        State.TRIAGED: State.TRIAGED,
        State.WAITING: State.WAITING,
        State.HOLD_EXPIRED: State.HOLD_EXPIRED,
    },
    Move.ACCEPT: dict.fromkeys(_UNDECIDED, State.ACCEPTED),
    Move.WAIT: dict.fromkeys(_UNDECIDED, State.WAITING),
    Move.EXPIRE: {State.ACCEPTED: State.HOLD_EXPIRED},
    Move.ADMIT: dict.fromkeys((State.ACCEPTED, State.HOLD_EXPIRED), State.ADMITTED),
    Move.DECLINE: dict.fromkeys(LIVE, State.DECLINED),
    Move.REDIRECT: dict.fromkeys(LIVE, State.REDIRECTED),
    Move.WITHDRAW: dict.fromkeys(LIVE, State.WITHDRAWN),
    Move.NOT_ONBOARD: dict.fromkeys((State.ACCEPTED, State.HOLD_EXPIRED), State.NOT_ONBOARDED),
}
"""From which states a move is possible, and where it leads from each."""

HOLD: Final = timedelta(hours=4)
"""How long a bed is held for an accepted referral, unless said otherwise. The design's own."""

HOLD_MAX: Final = timedelta(hours=24)
"""The longest that a bed may be held for one who has not come. The design's own."""


class Priority(StrEnum):
    """NHS clinical priority, in its order."""

    EMERGENCY = "emergency"
    VERY_URGENT = "very_urgent"
    URGENT = "urgent"
    ROUTINE = "routine"


PRIORITIES: Final = tuple(Priority)
"""The most urgent first: a waiting list goes by this, then by the time waited."""


class NotNow(ValueError):
    """The referral's state forbids this."""


def moved(state: State, move: Move) -> State:
    """Where a move leads from a state. Raises NotNow."""
    if (target := NEXT[move].get(state)) is None:
        raise NotNow(f"A referral that is {state.replace('_', ' ')} cannot be {move.replace('_', ' ')}.")
    return target
