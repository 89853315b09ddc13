"""What many look at in the same moment, made once for all of them: two hundred screens hear of the same news at once.

Nobody is given what was begun before they asked: who asks while a part is being made waits for the next making, and
shares it with all who asked meanwhile. Who may see it is judged for each of them, before they come here.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

APART_S: Final = 0.1
"""At least between the beginnings of two makings of the same, and half of it from the first who asks until it begins:
two hundred who hear of the same news ask within some tens of ms, and share the first. The design's own."""


@dataclass(slots=True)
class _Part(Generic[T]):
    """Of one part: when it was begun last, the making that goes on, and the one that comes after it."""

    begun_s: float = float("-inf")
    underway: asyncio.Task[T] | None = None
    coming: asyncio.Task[T] | None = None


class Shared(Generic[T]):
    """The parts that one process makes, by what they are of: as many as there are wards."""

    def __init__(self, apart_s: float = APART_S) -> None:
        self._apart_s = apart_s
        self._parts: defaultdict[Hashable, _Part[T]] = defaultdict(_Part)

    async def get(self, what: Hashable, make: Callable[[T | None], Awaitable[T]]) -> T:
        """The part, made from now on, out of the one before where that was made. Raises what its making raised."""
        part = self._parts[what]
        if part.coming is None:
            part.coming = asyncio.create_task(self._made(part, part.underway, make))
        return await asyncio.shield(part.coming)  # who goes away meanwhile takes it from nobody

    async def _made(
        self, part: _Part[T], before: asyncio.Task[T] | None, make: Callable[[T | None], Awaitable[T]]
    ) -> T:
        """Made as soon as the one before is through, and not too soon after it began."""
        if before is not None:
            await asyncio.wait([before])
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(self._apart_s / 2, part.begun_s + self._apart_s - loop.time()))
        part.begun_s, part.underway = loop.time(), part.coming
        part.coming = None  # who asks from here on waits for the next
        was_made = before is not None and not before.cancelled() and before.exception() is None
        return await make(before.result() if before is not None and was_made else None)
