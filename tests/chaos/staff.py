"""Those who work there meanwhile: they look, admit and discharge, and answer alerts, each act until it is answered."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final
from uuid import UUID, uuid4

import httpx

from monitoring.clock import utc_now
from tests.chaos.homes import Body, Home
from tests.chaos.load import ANSWER_S, GIVE_UP_S, RETRY_S
from tests.chaos.meanwhile import Meanwhile

LOOK_EVERY_S: Final = 0.3
ADMIT_EVERY_S: Final = 0.8
ANSWER_EVERY_S: Final = 0.3
SOMEBODY: Final = {"given_name": "Ann", "family_name": "Other", "birth_date": "1950-02-28", "sex": "female"}
UNDER_WAY: Final = "under_way"  # an Idempotency-Key whose first request has not ended: asked again, it will have


@dataclass(frozen=True, slots=True)
class Look:
    """A patient's record that was shown, and by which request."""

    request_id: str
    at: datetime


@dataclass(slots=True)
class Stay:
    """A patient who was admitted, and whether their discharge was answered, or at least asked for."""

    patient: UUID
    asked_to_leave: bool = False
    discharged: bool = False


@dataclass(slots=True)
class Promised:
    """What the staff were answered: it has to be there."""

    ward: str = ""  # where they admit, and nobody else does
    looks: list[Look] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    asked: set[UUID] = field(default_factory=set)  # patients whose alert somebody began to answer
    answered: dict[UUID, datetime] = field(default_factory=dict)  # and when that was acknowledged to them


class Staff(Meanwhile):
    """Works in a thread while its `with` lasts, as an admin. Every act has an Idempotency-Key."""

    def __init__(self, url: str, token: str, ward: str, homes: Sequence[Home]) -> None:
        super().__init__("staff")
        self.promised = Promised(ward)
        self._url, self._token = url, token
        self._homes = homes
        self._to_answer: list[Home] = []
        self._rng = Random(len(homes))

    def answer(self, homes: Sequence[Home]) -> None:
        """From now on answer the alerts of these patients, who stay as ill as they are."""
        self._to_answer.extend(homes)

    async def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S, headers=headers) as client:
            turns = (
                (self._look, LOOK_EVERY_S),
                (self._admit_or_discharge, ADMIT_EVERY_S),
                (self._answer, ANSWER_EVERY_S),
            )
            await asyncio.gather(*(self._keep(act, client, every_s) for act, every_s in turns))

    async def _keep(
        self, act: Callable[[httpx.AsyncClient], Coroutine[None, None, None]], client: httpx.AsyncClient, every_s: float
    ) -> None:
        while not self._ending.is_set():
            await act(client)
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * every_s)

    async def _look(self, client: httpx.AsyncClient) -> None:
        request_id, patient = f"look-{uuid4()}", self._rng.choice(self._homes).patient
        if await self._shown(client, f"/v1/patients/{patient}", request_id) is not None:
            self.promised.looks.append(Look(request_id, utc_now()))

    async def _admit_or_discharge(self, client: httpx.AsyncClient) -> None:
        """A new patient into a bed; and each third time somebody out of theirs."""
        patient = await self._done(client, "/v1/patients", SOMEBODY | {"no_nhs_number_reason": "test"}, 201)
        if patient is None:
            return
        body = {"patient": patient["id"], "ward": self.promised.ward, "step": "up"}
        episode = await self._done(client, "/v1/episodes", body, 201)
        if episode is None:
            return
        stay = Stay(UUID(patient["id"]))
        self.promised.stays.append(stay)
        if len(self.promised.stays) % 3 == 0:
            stay.asked_to_leave = True
            leaving = {"outcome": "home", "decided_by": "Chaos"}
            stay.discharged = await self._done(client, f"/v1/episodes/{episode['id']}/discharge", leaving) is not None

    async def _answer(self, client: httpx.AsyncClient) -> None:
        """Acknowledge somebody's alert, once it is there."""
        if not self._to_answer:
            return
        patient = self._to_answer[0].patient
        found = await self._shown(client, f"/v1/alerts?patient={patient}", f"list-{uuid4()}")
        if not found or not found["items"]:
            return
        self._to_answer.pop(0)
        self.promised.asked.add(patient)
        alert = found["items"][0]["id"]
        if await self._done(client, f"/v1/alerts/{alert}/acknowledge", {"note": "on it"}) is not None:
            self.promised.answered[patient] = utc_now()

    async def _shown(self, client: httpx.AsyncClient, path: str, request_id: str) -> Body | None:
        """What was shown, or nothing: a look is not tried again."""
        try:
            answer = await client.get(path, headers={"X-Request-Id": request_id})
        except httpx.HTTPError:
            return None
        return self._read(answer, 200)

    async def _done(self, client: httpx.AsyncClient, path: str, body: Body, status: int = 200) -> Body | None:
        """The same again, under one key, until it is answered. Nothing where that takes too long."""
        key, waited_s = {"Idempotency-Key": str(uuid4())}, 0.0
        while waited_s < GIVE_UP_S and not self._aborting:
            try:
                answer = await client.post(path, json=body, headers=key)
            except httpx.HTTPError:
                waited_s += ANSWER_S
            else:
                if (done := self._read(answer, status)) is not None or self.wrong:
                    return done
            waited_s += RETRY_S
            await asyncio.sleep(RETRY_S)
        self.wrong.append(f"gave up on {path}")
        return None

    def _read(self, answer: httpx.Response, status: int) -> Body | None:
        if answer.status_code == status:
            read: Body = answer.json()
            return read
        is_under_way = answer.status_code == 409 and UNDER_WAY in answer.text
        if not is_under_way and not (answer.status_code == 503 and "Retry-After" in answer.headers):
            self.wrong.append(f"{answer.request.url.path}: {answer.status_code}: {answer.text[:200]}")
        return None
