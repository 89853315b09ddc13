"""From a referral to a UCR team to the team at the door: what may be done when, in one table.

Source: docs/clinical/policy.md, *Ladders* and *Spells, clocks and counts*. Pure: the caller writes what follows.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a referral stands. `unplaced`: no team takes it, and the patient still needs somebody."""

    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNPLACED = "unplaced"


class Move(StrEnum):
    """What a team, the ward or the clock does to a referral, named as its history tells it."""

    SEND = "sent"  # one that was unplaced, to a team that can now
    ACCEPT = "accepted"
    DECLINE = "declined"  # silence for too long is one, and so is handing back what was accepted
    DISPATCH = "dispatched"
    ARRIVE = "arrived"  # face to face: stops the clock
    COMPLETE = "completed"
    COMPLETE_UNSEEN = "completed_unseen"  # conveyed or dead before the team came, or nobody let it in
    CANCEL = "cancelled"


class Outcome(StrEnum):
    """How a referral ended."""

    STAYED_AT_HOME = "stayed_at_home"
    CONVEYED = "conveyed"
    ADMITTED = "admitted"
    DIED = "died"
    NO_ACCESS = "no_access"
    OTHER = "other"


UNSEEN: Final = frozenset({Outcome.CONVEYED, Outcome.DIED, Outcome.NO_ACCESS})
"""Outcomes that can come before the team has seen the patient. All others need somebody to have been there."""

WITH_A_TEAM: Final = (State.SENT, State.ACCEPTED, State.DISPATCHED)
WAITING: Final = (*WITH_A_TEAM, State.UNPLACED)
"""States of a patient whom nobody has seen yet: the clock runs."""
ACTIVE: Final = (*WITH_A_TEAM, State.ARRIVED)
"""States that count towards how many visits a team makes at a time."""
LIVE: Final = (*WAITING, State.ARRIVED)
"""States that still want something. A chain of referrals has at most one that is live."""

NEXT: Final[Mapping[Move, Mapping[State, State]]] = {
    Move.SEND: {State.UNPLACED: State.SENT},
    Move.ACCEPT: {State.SENT: State.ACCEPTED},
    Move.DECLINE: dict.fromkeys(WITH_A_TEAM, State.DECLINED),
    Move.DISPATCH: {State.ACCEPTED: State.DISPATCHED},
    Move.ARRIVE: dict.fromkeys((State.ACCEPTED, State.DISPATCHED), State.ARRIVED),
    Move.COMPLETE: {State.ARRIVED: State.COMPLETED},
    Move.COMPLETE_UNSEEN: dict.fromkeys((State.ACCEPTED, State.DISPATCHED), State.COMPLETED),
    Move.CANCEL: dict.fromkeys(WAITING, State.CANCELLED),
}
"""From which states a move is possible, and where it leads from each."""


class NotNow(ValueError):
    """The referral's state forbids this."""


def moved(state: State, move: Move) -> State:
    """Where a move leads from a state. Raises NotNow."""
    if (target := NEXT[move].get(state)) is None:
        raise NotNow(f"A referral that is {state} cannot be {move.replace('_', ' ')}.")
    return target


def accept(state: State) -> State:
    """The team takes the patient. Raises NotNow."""
    return moved(state, Move.ACCEPT)


def decline(state: State) -> State:
    """The team does not, or no longer, take the patient. Raises NotNow."""
    return moved(state, Move.DECLINE)


def dispatch(state: State) -> State:
    """Somebody is on the way. Raises NotNow."""
    return moved(state, Move.DISPATCH)


def arrive(state: State) -> State:
    """Somebody is with the patient. Raises NotNow."""
    return moved(state, Move.ARRIVE)


def complete(state: State, outcome: Outcome) -> State:
    """It has ended: after a visit in any way, before one only by what needs none. Raises NotNow."""
    unseen = outcome in UNSEEN and state is not State.ARRIVED
    return moved(state, Move.COMPLETE_UNSEEN if unseen else Move.COMPLETE)


def cancel(state: State) -> State:
    """It is no longer asked for. Raises NotNow."""
    return moved(state, Move.CANCEL)


def send(state: State) -> State:
    """A team was found for one that had none. Raises NotNow."""
    return moved(state, Move.SEND)


def diagram() -> str:
    """The transitions as a Mermaid diagram, for the docs."""
    arrows = [
        f"    {source} --> {target}: {move.replace('_', ' ')}"
        for move, ways in NEXT.items()
        for source, target in ways.items()
    ]
    ends = [f"    {state} --> [*]" for state in State if state not in LIVE]
    return "\n".join(["stateDiagram-v2", "    [*] --> sent", "    [*] --> unplaced", *arrows, *ends])
