"""Homes with a patient and a device, made through the API; and what their devices send."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import httpx

from alert_rules.severity import Severity
from tests.chaos.up import Up
from tests.ward import SICK, VERY_SICK, WELL

WARD: Final = "CHAOS1"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """How somebody is: the vital signs their device measures, and what these have to be scored and judged."""

    vitals: Body
    score: int
    severity: Severity


STAGES: Final = (
    Stage(WELL, 0, Severity.NONE),
    Stage(SICK, 6, Severity.RED),
    Stage(VERY_SICK, 10, Severity.CRITICAL),
)


@dataclass(slots=True)
class Home:
    """A patient and the device that posts for them. Its sets are numbered, and each is taken after the last."""

    patient: UUID
    device: UUID
    token: str
    stage: int = 0
    posted: int = 0
    taken_at: datetime | None = None

    def measure(self, now: datetime) -> tuple[str, Body, Stage]:
        """The next set: its id, what is sent, and how it has to be judged."""
        self.posted += 1
        self.taken_at = max(now, self.taken_at + timedelta(milliseconds=1)) if self.taken_at else now
        own_id, stage = f"set-{self.posted}", STAGES[self.stage]
        return own_id, {"id": own_id, "taken_at": self.taken_at.isoformat(), **stage.vitals}, stage


class Admissions:
    """Makes homes on one ward of an installation."""

    def __init__(self, up: Up) -> None:
        token = json.loads(up.command("staff", "add", "--name", "Chaos", "--role", "admin"))["token"]
        self._client = httpx.Client(base_url=up.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        self._numbers = count(1)
        names = {"code": WARD, "name": "Chaos", "pathway": "general", "provider": "RXX", "icb": "QXX"}
        self._post("/v1/wards", names | {"funded": 10_000, "staffed": 10_000})

    def admit(self, number: int) -> Sequence[Home]:
        """So many more homes, everybody well."""
        return [self._home() for _ in range(number)]

    @contextmanager
    def telling(self, url: str) -> Iterator[None]:
        """For a while the red alerts of the ward are told there, and nowhere else."""
        ladder = {"red": [{"tell": "fallback", "by": ["webhook"], "to": url, "wait_s": 600}]}
        assert self._client.put(f"/v1/wards/{WARD}/ladders", json=ladder).is_success
        yield
        assert self._client.put(f"/v1/wards/{WARD}/ladders", json={}).is_success

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _home(self) -> Home:
        device = self._post("/v1/devices", {"kind": "hub", "serial": f"C-{next(self._numbers)}"})
        person = {"given_name": "Ann", "family_name": "Other", "birth_date": "1950-02-28", "sex": "female"}
        patient = self._post("/v1/patients", person | {"no_nhs_number_reason": "test"})
        stay = {"patient": patient["id"], "ward": WARD, "step": "up", "devices": [device["id"]]}
        self._post("/v1/episodes", stay)
        return Home(UUID(patient["id"]), UUID(device["id"]), device["token"])

    def _post(self, path: str, body: Body) -> Body:
        answer = self._client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: Body = answer.json()
        return made
