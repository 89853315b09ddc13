"""A clock that jumps: the wall's against the one that only goes on. Every deadline is an instant of the wall's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

JUMP_S: Final = 2.0
"""More than a clock is put right by slewing between two looks, and more than a look takes."""

REMEMBERED_S: Final = 600.0
"""For so long a jump is a problem: what was late or early because of it shows in that time."""


@dataclass(slots=True)
class Clocks:
    """Both clocks at the last look, and the last jump."""

    last: tuple[datetime, float] | None = None
    jumped: tuple[float, float] | None = None  # by how much, and when by the monotonic clock, in s

    def look(self, now: datetime, now_s: float) -> str | None:
        """What is wrong, None where the clock goes on as it should."""
        if self.last is not None:
            at, at_s = self.last
            by_s = (now - at).total_seconds() - (now_s - at_s)
            if abs(by_s) > JUMP_S:
                self.jumped = by_s, now_s
        self.last = now, now_s
        if self.jumped is None or now_s - self.jumped[1] > REMEMBERED_S:
            return None
        by_s = self.jumped[0]
        return f"by {abs(by_s):.0f} s {'forward' if by_s > 0 else 'back'}: deadlines came too {_how(by_s)}"


def _how(by_s: float) -> str:
    return "soon" if by_s > 0 else "late"
