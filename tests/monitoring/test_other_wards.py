"""Every route that names something of a ward, walked by every role of another ward, and by every role of its own."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.steps import employ, open_ward
from tests.monitoring.test_access import Door, doors, knock, page_doors
from tests.monitoring.test_audit_routes import every_thing, path_to
from tests.spec.permissions import STAFF

NOBODYS = {"staff", "staff_id", "report", "proposal", "pathway", "prompt", "name"}
"""What a path may name that is no ward's own: staff, codes, tables, reports, rules, a device's own questions."""
OF_A_WARD = ("/v1/wards/", "/wards/")
TWO_OBJECTS = {"/v1/patients/{patient}/accepted-values/{value}"}  # the second is not there: 404 to everybody
OF_NO_WARD = ("/v1/icbs/", "/v1/rotas/", "/v1/ucr/teams/")


@pytest.fixture
def here(api: Api) -> list[Door]:
    """Every door that names something of the first ward, with the address of such a thing."""
    things = every_thing(api)
    return [*_named(api, things)]


def _named(api: Api, things: dict[str, str]) -> Iterator[Door]:
    for door in (*doors(api), *page_doors(api)):
        name = door.template.partition("{")[2].partition("}")[0]
        if door.template in TWO_OBJECTS:
            continue
        if name and name not in NOBODYS and not door.template.startswith(OF_NO_WARD):
            of_ucr = {"referral": things["request_id"]} if "/ucr/" in door.template else {}
            path = path_to(door, things | of_ucr | {"code": api.ward.code})
            assert path != door.path, f"{door}: make one of these in `every_thing`"
            yield replace(door, path=path)


def statuses(api: Api, here: list[Door], ward: str) -> Iterator[tuple[Door, Role, int]]:
    """How everybody who may is answered, who works on that ward only."""
    tokens = {role: employ(api, role, ward) for role in STAFF}
    for door in here:
        for role in STAFF:
            if door.open_to(role):
                yield door, role, knock(api, door, tokens[role])


def test_nothing_of_a_ward_is_there_for_those_of_another_whatever_their_role(api: Api, here: list[Door]) -> None:
    open_ward(api, "OTHER")
    for door, role, status in statuses(api, here, "OTHER"):
        assert status == (403 if door.template.startswith(OF_A_WARD) else 404), (str(door), role)


def test_everything_of_a_ward_is_there_for_its_own(api: Api, here: list[Door]) -> None:
    missing = {(door.template, role) for door, role, status in statuses(api, here, api.ward.code) if status == 404}
    assert missing == {("/v1/break-glass/{access}", Role.UCR)}  # a team's own only


def test_messages_of_hospitals_are_listed_to_those_of_the_patients_ward_only(api: Api, here: list[Door]) -> None:
    open_ward(api, "OTHER")
    path, listed = "/v1/hospital-messages", {}
    for ward in (api.ward.code, "OTHER"):
        listed[ward] = len(api.get(path, token=employ(api, Role.ENGINEER, ward)).json()["items"])
    assert listed == {api.ward.code: 1, "OTHER": 0}


def test_no_list_and_no_filter_shows_them_to_who_works_on_another_ward(api: Api) -> None:
    things = every_thing(api)
    open_ward(api, "OTHER")
    read = 0
    shown: list[tuple[str, Role, str]] = []
    for door, role in product((*doors(api), *page_doors(api)), STAFF):
        if (
            door.method != "GET"
            or "{" in door.template
            or door.template.endswith(("/live", "/news"))
            or not door.open_to(role)
        ):
            continue
        teams = ["OTHER"] if role is Role.UCR else None
        token = api.ward.employ(role, wards=["OTHER"], teams=teams)[1]
        for asked in ({}, {"patient": things["patient"]}, {"subject": things["patient"]}):
            answer = api.get(door.path or "/", token=token, params=asked)
            read += answer.status_code == 200
            found = [name for name, one in things.items() if answer.status_code == 200 and one in answer.text]
            shown += [(door.template, role, name) for name in found]
    assert read > 100
    assert shown == []
