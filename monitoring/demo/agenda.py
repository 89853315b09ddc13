"""What the simulated people of the demo have to do, and when: one thread does it all, in order."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

import httpx

REFUSED: Final = 409
"""Somebody else was first, or the patient's state has changed: as in life, it is left at that."""


@dataclass(slots=True)
class Agenda:
    """Things to do later. `pace`: how many of the people's minutes pass in a real one."""

    pace: float
    stop: threading.Event
    complain: Callable[[str], None]
    _due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def real_s(self, minutes: float) -> float:
        """How long so many of the people's minutes take here."""
        return minutes * 60 / self.pace

    def in_minutes(self, minutes: float, do: Callable[[], object]) -> None:
        """Do something so many of the people's minutes from now."""
        with self._news:
            heappush(self._due, (time.monotonic() + self.real_s(minutes), next(self._numbers), do))
            self._news.notify()

    def run(self) -> None:
        """Do what is due, until told to stop."""
        while not self.stop.is_set():
            with self._news:
                wait_s = self._due[0][0] - time.monotonic() if self._due else 1.0
                if wait_s > 0:
                    self._news.wait(min(wait_s, 0.2))
                    continue
                _, _, do = heappop(self._due)
            self._try(do)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except httpx.HTTPStatusError as error:
            if error.response.status_code != REFUSED:
                self.complain(f"refused: {error.response.text}")
        except httpx.TransportError as error:
            if not self.stop.is_set():
                self.complain(f"not done: {error}")
