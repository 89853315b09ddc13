"""A device's life: from the shelf to a patient and back, in one table. Pure: the caller writes what follows.

A device that came back is cleaned before anybody else gets it; one that was lost or mended is looked at as one that
came back. What goes straight from one home to the next is `handed_on`, and its history says so.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a device is. Each is in exactly one of these."""

    STOCK = "stock"
    ISSUED = "issued"
    AWAITED = "awaited"  # nobody's any more, and not back yet
    RETURNED = "returned"  # back, and not clean
    CLEANED = "cleaned"  # not on the shelf yet
    LOST = "lost"
    FAULTY = "faulty"
    RETIRED = "retired"


class Move(StrEnum):
    """What somebody does with a device, named as its history tells it."""

    REGISTER = "registered"
    ISSUE = "issued"
    SHARE = "shared"  # somebody else has it too
    HAND_ON = "handed_on"  # from one home to the next, or left where it is for the same patient
    AWAIT = "awaited"
    RETURN = "returned"
    CLEAN = "cleaned"
    STOCK = "stocked"
    LOSE = "lost"
    FIND = "found"
    FAULT = "faulty"
    REPAIR = "repaired"
    RETIRE = "retired"


_AT_LARGE: Final = (State.STOCK, State.ISSUED, State.AWAITED, State.RETURNED, State.CLEANED)

NEXT: Final[Mapping[Move, Mapping[State, State]]] = {
    Move.ISSUE: dict.fromkeys((State.STOCK, State.CLEANED), State.ISSUED),
    Move.SHARE: {State.ISSUED: State.ISSUED},
    Move.HAND_ON: dict.fromkeys((State.ISSUED, State.AWAITED), State.ISSUED),
    Move.AWAIT: {State.ISSUED: State.AWAITED},
    Move.RETURN: dict.fromkeys((State.ISSUED, State.AWAITED), State.RETURNED),
    Move.CLEAN: {State.RETURNED: State.CLEANED},
    Move.STOCK: {State.CLEANED: State.STOCK},
    Move.LOSE: dict.fromkeys(_AT_LARGE, State.LOST),
    Move.FIND: {State.LOST: State.RETURNED},
    Move.FAULT: dict.fromkeys(_AT_LARGE, State.FAULTY),
    Move.REPAIR: {State.FAULTY: State.RETURNED},
    Move.RETIRE: dict.fromkeys(
        (State.STOCK, State.AWAITED, State.RETURNED, State.CLEANED, State.LOST, State.FAULTY), State.RETIRED
    ),
}
"""From which states a move is possible, and where it leads from each. Registering makes one in stock."""

TAKES_AWAY: Final = frozenset({Move.RETURN, Move.LOSE, Move.FAULT})
"""Whoever has the device has it no longer."""

FREE: Final = frozenset({State.STOCK, State.CLEANED})
"""States from which a device can be issued."""

STILL_OUT: Final = frozenset({State.ISSUED, State.AWAITED})
"""States in which a device is in somebody's home, or on its way back."""

AWAITED_TOO_LONG: Final = timedelta(days=7)
"""Kit that is not back so long after it was a patient's is chased. The design's own."""


class NotNow(ValueError):
    """The device's state forbids this."""


def moved(state: State, move: Move) -> State:
    """Where a move leads from a state. Raises NotNow."""
    if (target := NEXT[move].get(state)) is None:
        if state is State.RETURNED and move in {Move.ISSUE, Move.SHARE, Move.HAND_ON}:
            raise NotNow("The device came back and has not been cleaned.")
        raise NotNow(f"A device that is {state} cannot be {move.replace('_', ' ')}.")
    return target


def giving(state: State, *, shared: bool) -> Move:
    """How a device comes to somebody: from the shelf, beside others who have it, or straight from a home."""
    if state is State.ISSUED and shared:
        return Move.SHARE
    return Move.HAND_ON if state in STILL_OUT else Move.ISSUE


def diagram() -> str:
    """The transitions as a Mermaid diagram, for the docs."""
    arrows = [
        f"    {source} --> {target}: {move}"
        for move, leads in NEXT.items()
        for source, target in leads.items()
        if source is not target
    ]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.STOCK}", *arrows, f"    {State.RETIRED} --> [*]"])
