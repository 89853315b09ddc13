"""A bounded, steady load: homes that post one set after the other, each again and again until it is promised."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final
from uuid import UUID

import httpx

from monitoring.clock import utc_now
from tests.chaos.homes import Body, Home, Stage
from tests.chaos.meanwhile import Meanwhile

PACE_S: Final = 0.3  # between a home's posts, on average
RETRY_S: Final = 0.5  # sooner than the API asks for: the gap in service is measured by it
ANSWER_S: Final = 5.0  # longer than the 2 s after which the API gives up on its queue
GIVE_UP_S: Final = 150.0
SETS_MAX: Final = 5  # in an array
ARRAYS: Final = 0.3  # share of the posts that are arrays
REPEATS: Final = 0.1  # share of the promised posts that are sent once more: it must change nothing


@dataclass(slots=True)
class Sent:
    """A set that was sent, how it has to be judged, and whether a 202 promised it."""

    device: UUID
    patient: UUID
    id: str
    stage: Stage
    promised: bool = False
    stepped: bool = False  # by a clock that was off: it may be kept aside


class Load(Meanwhile):
    """Posts for its homes, in a thread, while its `with` lasts. Each home sends in order, as a hub does."""

    def __init__(self, url: str, homes: Sequence[Home], rng: Random) -> None:
        super().__init__("load")
        self.homes = homes
        self.sent: list[Sent] = []
        self.answers: Counter[str] = Counter()
        self._url = url
        self._rng = Random(rng.random())
        self._promised_s = [time.monotonic()]

    @property
    def promises(self) -> int:
        """How many posts got their 202 so far."""
        return self.answers["202"]

    @property
    def gap_s(self) -> float:
        """The longest time without any 202."""
        return max(later - earlier for earlier, later in pairwise(self._promised_s))

    async def _run(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S) as client:
            await asyncio.gather(*(self._post_for(home, client) for home in self.homes))

    async def _post_for(self, home: Home, client: httpx.AsyncClient) -> None:
        await self._pause()
        while not self._ending.is_set():
            number = self._rng.randint(2, SETS_MAX) if self._rng.random() < ARRAYS else 1
            bodies, sent = self._measure(home, number)
            await self._post(client, home, bodies if number > 1 else bodies[0], sent)
            await self._pause()

    def _measure(self, home: Home, number: int) -> tuple[list[Body], list[Sent]]:
        bodies, sent = [], []
        for _ in range(number):
            own_id, body, stage = home.measure(utc_now())
            bodies.append(body)
            sent.append(Sent(home.device, home.patient, own_id, stage, stepped=bool(home.clock_off)))
        self.sent.extend(sent)
        return bodies, sent

    async def _post(self, client: httpx.AsyncClient, home: Home, body: Body | list[Body], sent: list[Sent]) -> None:
        """The same again until it is promised; now and then once more after that."""
        give_up_s = time.monotonic() + GIVE_UP_S
        while not await self._is_promised(client, home, body, len(sent)):
            if self._aborting or time.monotonic() > give_up_s:
                self.wrong.append(f"gave up on {sent[0].id} of {home.device}")
                return
            await asyncio.sleep(RETRY_S)
        for one in sent:
            one.promised = True
        if self._rng.random() < REPEATS:
            await self._is_promised(client, home, body, len(sent))

    async def _is_promised(self, client: httpx.AsyncClient, home: Home, body: Body | list[Body], number: int) -> bool:
        headers = {"Authorization": f"Bearer {home.token}"}
        try:
            answer = await client.post("/v1/readings", json=body, headers=headers)
        except httpx.HTTPError:  # nobody there, or gone in the middle
            self.answers["no answer"] += 1
            return False
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 202 and answer.json() == {"accepted": number, "rejected": []}:
            self._promised_s.append(time.monotonic())
            return True
        if answer.status_code != 503 or "Retry-After" not in answer.headers:
            self.wrong.append(f"{answer.status_code}: {answer.text[:200]}")
        return False

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.5, 1.5) * PACE_S)
