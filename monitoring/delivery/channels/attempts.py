"""What a channel is given, and what it says: a provider's receipt or none, or NotDelivered with its reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from monitoring.delivery.outbox import Way

CONNECT_S: Final = 2.0
TOTAL_S: Final = 5.0
"""Of one attempt. A step may last five minutes: whoever does not answer in seconds is tried again, or left out."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt to send a message."""

    id: UUID  # the same at every attempt
    way: Way
    place: int  # of the way, counted from the last: tells a message's ways apart
    body: dict[str, Any]
    again: bool  # by this way before: it may have arrived, and nobody heard
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """Whoever carries it has it. `receipt`: under which id a provider will say whether it arrived."""

    receipt: str | None = None


class NotDelivered(Exception):
    """An attempt that reached nobody. The reason names no address and nothing that was sent."""

    def __init__(
        self, reason: str, *, permanent: bool = False, gone: bool = False, after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent or gone  # once more would be no use
        self.gone = gone  # and neither for any other message: nobody is there
        self.after_s = after_s  # the receiver asks not to be called before
