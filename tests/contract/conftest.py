"""The service on a port, for the tests below."""

from collections.abc import Iterator

import httpx
import pytest

from monitoring.access.roles import Role
from tests.contract.served import Caller, Served
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving
from tests.monitoring.steps import add_device, open_ward
from tests.monitoring.test_access import doors
from tests.monitoring.test_audit_routes import every_thing
from tests.ward import Ward


@pytest.fixture
def served(ward: Ward) -> Iterator[Served]:
    """The service on a port, a ward in it on which there is one of everything, and everybody who may ask."""
    often = ward.settings.model_copy(update={"rate_per_s": 1e6, "rate_burst": 1_000_000})
    with Api(ward) as api:
        things = every_thing(api) | {"ward": ward.code, "code": ward.code}
        things |= {"staff": str(ward.staff[Role.CLINICIAN].public_id), "device": add_device(api)["id"]}
        staff = {role: Caller(role, token) for role, token in ward.tokens.items()}
        device = Caller("device", api.device())
        senior = Caller("senior", ward.employ(Role.CLINICIAN, senior=True)[1])
        open_ward(api, "OTHER")
        stranger = Caller("stranger", ward.employ(Role.CLINICIAN, wards=["OTHER"])[1])
        callers = {}
        for door in doors(api):
            may = [caller for role, caller in staff.items() if door.open_to(role)]
            may += [senior, stranger] * door.open_to(Role.CLINICIAN) + [device] * door.open_to(None)
            others = [caller for role, caller in staff.items() if not door.open_to(role)]
            callers[door.method, door.template] = [*others[:1], *may]
    with serving(often) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield Served(client, things, callers)
