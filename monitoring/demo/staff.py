"""Who works in the demo, and the API as each of them uses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx

from monitoring.access.roles import Role
from monitoring.access.sessions import LONGEST, make_link
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import connected, transaction
from monitoring.installing import add_staff, new_staff

JOY: Final = "Sister Joy Adeyemi"
"""The clinician whose pager rings, and whose token a newcomer uses."""
OSEI: Final = "Dr Ama Osei"
"""A simulated clinician: at the ward board, without a pager."""
SAM: Final = "Sam Patel"
CHRIS: Final = "Chris Morgan"
ROBIN: Final = "Robin Lee"
IRA: Final = "Ira Clarke"
"""The simulated crew of the UCR team."""

UCR_TEAM: Final = "LE1-UCR"

STAFF: Final[Mapping[str, tuple[Role, tuple[str, ...]]]] = {
    JOY: (Role.CLINICIAN, ()),
    OSEI: (Role.CLINICIAN, ()),
    SAM: (Role.SUPPORT, ()),
    CHRIS: (Role.COORDINATOR, ()),
    ROBIN: (Role.ENGINEER, ()),
    IRA: (Role.UCR, (UCR_TEAM,)),
}
"""By name: the role, and the UCR teams."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff, and what they do over the API. Whatever is refused raises httpx.HTTPStatusError."""

    client: httpx.Client
    name: str
    role: Role
    id: str
    token: str

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        """POST, and what was answered."""
        return self._call("POST", path, body)

    def put(self, path: str, body: object) -> None:
        """PUT."""
        self._call("PUT", path, body)

    def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {self.token}"})
        answer.raise_for_status()
        answered: dict[str, Any] = answer.json()
        return answered


def sign_in_link(settings: Settings, who: Colleague) -> str:
    """The path that signs a colleague in at a browser, once, for as long as a demo runs."""
    with connected(settings.database_url) as engine, transaction(engine) as session:
        return f"/sign-in/{make_link(session, UUID(who.id), utc_now(), lives=LONGEST)}"


def employ(settings: Settings, client: httpx.Client) -> dict[str, Colleague]:
    """The staff of the demo, by name."""
    now = utc_now()
    hired = {}
    for name, (role, teams) in STAFF.items():
        clinical = role is Role.CLINICIAN
        made = add_staff(
            settings, new_staff(role, name, [], registered=clinical, senior=clinical, now=now, teams=teams)
        )
        hired[name] = Colleague(client, name, role, made.id, made.token)
    return hired
