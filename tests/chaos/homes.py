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
from monitoring.clock import utc_now
from tests.chaos.up import Up
from tests.receivers import Receiver
from tests.ward import SICK, VERY_SICK, WELL

WARD: Final = "CHAOS1"
ADMITTED_BEFORE: Final = timedelta(hours=2)
"""So that a device whose clock is an hour slow was with its patient then; and nothing is overdue yet."""
LADDERS: Final = f"/v1/wards/{WARD}/ladders"
WAITS_S: Final = (20, 300)
"""How long each step of its ladders has; the last one comes again and again."""
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
    clock_off: timedelta = timedelta(0)

    def step_clock(self, by: timedelta) -> None:
        """From now on the device's clock is off by so much."""
        self.clock_off, self.taken_at = by, None

    def measure(self, now: datetime) -> tuple[str, Body, Stage]:
        """The next set: its id, what is sent, and how it has to be judged."""
        self.posted += 1
        now += self.clock_off
        self.taken_at = max(now, self.taken_at + timedelta(milliseconds=1)) if self.taken_at else now
        own_id, stage = f"set-{self.posted}", STAGES[self.stage]
        return own_id, {"id": own_id, "taken_at": self.taken_at.isoformat(), **stage.vitals}, stage


class Admissions:
    """Makes homes on one ward of an installation, whose alerts are told to one pager, and wards for the staff."""

    def __init__(self, up: Up, pager: Receiver) -> None:
        self.token: str = json.loads(up.command("staff", "add", "--name", "Chaos", "--role", "admin"))["token"]
        self.pager = pager
        self._client = httpx.Client(base_url=up.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=10)
        self._numbers = count(1)
        self._open(WARD)
        clinician = json.loads(up.command("staff", "add", "--name", "On Duty", "--role", "clinician"))["id"]
        self._put(f"/v1/staff/{clinician}/contacts", [{"by": "webhook", "to": pager.url("clinician")}])
        self._climb()

    def admit(self, number: int) -> Sequence[Home]:
        """So many more homes, everybody well."""
        return [self._home() for _ in range(number)]

    def open_ward(self) -> str:
        """A new ward, and its code."""
        code = f"BEDS{next(self._numbers)}"
        self._open(code)
        return code

    def occupied(self, ward: str) -> int:
        """The beds of a ward that are occupied, as the API counts."""
        counted: int = self._client.get(f"/v1/wards/{ward}/occupancy").raise_for_status().json()["occupied"]
        return counted

    @contextmanager
    def telling(self, url: str) -> Iterator[None]:
        """For a while the red alerts of the ward are told there, and nowhere else."""
        self._put(LADDERS, {"red": [{"tell": "fallback", "by": ["webhook"], "to": url, "wait_s": 600}]})
        yield
        self._climb()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _climb(self) -> None:
        """First who is on duty, then somewhere else again and again."""
        first, again = WAITS_S
        steps = [
            {"tell": "clinician", "by": ["webhook"], "wait_s": first},
            {"tell": "fallback", "by": ["webhook"], "to": self.pager.url("fallback"), "wait_s": again},
        ]
        self._put(LADDERS, {"red": steps, "critical": steps})

    def _open(self, code: str) -> None:
        ward = {"code": code, "name": code, "pathway": "general", "provider": "RXX", "icb": "QXX"}
        opened = (utc_now() - ADMITTED_BEFORE).isoformat()
        self._post("/v1/wards", ward | {"funded": 10_000, "staffed": 10_000, "from": opened})

    def _put(self, path: str, body: object) -> None:
        answer = self._client.put(path, json=body)
        assert answer.is_success, answer.text

    def _home(self) -> Home:
        device = self._post("/v1/devices", {"kind": "hub", "serial": f"C-{next(self._numbers)}"})
        person = {"given_name": "Ann", "family_name": "Other", "birth_date": "1950-02-28", "sex": "female"}
        patient = self._post("/v1/patients", person | {"no_nhs_number_reason": "test"})
        stay = {"patient": patient["id"], "ward": WARD, "step": "up", "devices": [device["id"]]}
        stay["at"] = (utc_now() - ADMITTED_BEFORE).isoformat()
        self._post("/v1/episodes", stay)
        return Home(UUID(patient["id"]), UUID(device["id"]), device["token"])

    def _post(self, path: str, body: Body) -> Body:
        answer = self._client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: Body = answer.json()
        return made
