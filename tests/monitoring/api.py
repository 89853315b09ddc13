"""The API in process, on a ward's own database and queue, with a token for every role.

api.post("/v1/readings", {"id": "a", "taken_at": api.now(), "spo2": 96}, token=api.device())
api.get("/v1/wards", Role.UCR).json()["items"]
"""

from types import TracebackType
from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from monitoring.access.roles import Role
from monitoring.access.tokens import mint
from monitoring.app import make_app
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.service import Service
from tests.ward import Patient, Ward

Answer = httpx.Response


def for_tests(settings: Settings, **changed: object) -> Settings:
    """Settings whose queue is taken at its word: the tests' own server survives a kill, and never waits for a disk."""
    return settings.model_copy(update={"queue_durability": "stated", **changed})


_idle: list[Litestar] = []
"""Applications that no test uses now: to register a hundred routes takes longer than most tests."""


class Api:
    """One API process. A call is made by a role of the ward's staff, or with any token."""

    def __init__(self, ward: Ward, **settings: object) -> None:
        self.ward = ward
        for_this = for_tests(ward.settings, **settings)
        self.app = _idle.pop() if _idle else make_app(for_this)
        self.app.state.service = Service.of(for_this)  # all that an application holds of its own
        self.client = TestClient(self.app)

    def __enter__(self) -> "Api":
        self.client.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.__exit__(kind, error, at)
        _idle.append(self.app)

    def device(self, patient: Patient | None = None) -> str:
        """A token of the patient's device."""
        with transaction(self.ward.engine) as session:
            return mint(session, utc_now(), device_id=(patient or self.ward.patient).device_key)

    def now(self) -> str:
        """The present instant, as a device writes it: over HTTP the real clock counts, not the ward's."""
        return utc_now().isoformat()

    def get(self, path: str, role: Role = Role.ADMIN, **options: Any) -> Answer:
        """GET. Options: see `call`."""
        return self.call("GET", path, role, **options)

    def post(self, path: str, body: object = None, role: Role = Role.ADMIN, **options: Any) -> Answer:
        """POST a JSON body, or none. Options: see `call`."""
        return self.call("POST", path, role, body=body, **options)

    def put(self, path: str, body: object, role: Role = Role.ADMIN, **options: Any) -> Answer:
        """PUT a JSON body. Options: see `call`."""
        return self.call("PUT", path, role, body=body, **options)

    def delete(self, path: str, role: Role = Role.ADMIN, **options: Any) -> Answer:
        """DELETE. Options: see `call`."""
        return self.call("DELETE", path, role, **options)

    def call(
        self,
        method: str,
        path: str,
        role: Role = Role.ADMIN,
        *,
        body: object = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Any request. `token` speaks instead of the role ("" for none); `options` are httpx's: params, content."""
        token = self.ward.tokens[role] if token is None else token
        named = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            options["json"] = body
        return self.client.request(method, path, headers={**named, **(headers or {})}, **options)
