"""Whatever a path names of a patient, nobody of another ward gets it: every route is tried with every role that may."""

from dataclasses import replace
from itertools import product

from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.steps import open_ward
from tests.monitoring.test_access import Door, doors, knock, page_doors
from tests.monitoring.test_audit_routes import first_name, path_to, things

__all__ = ["things"]  # the fixture


def test_nothing_of_a_patient_is_there_for_who_works_on_another_ward(api: Api, things: dict[str, str]) -> None:
    open_ward(api, "OTHER")
    strangers = {
        role: api.ward.employ(role, wards=["OTHER"], teams=["OTHER"] if role is Role.UCR else None)[1]
        for role in Role
        if role is not Role.INTERFACE
    }
    tried = 0
    let_in: list[tuple[str, Role, int]] = []
    for door, (role, token) in product((*doors(api), *page_doors(api)), strangers.items()):
        if first_name(door) in things and door.open_to(role):
            tried += 1
            there: Door = replace(door, path=path_to(door, things))
            if (status := knock(api, there, token)) not in {403, 404}:
                let_in.append((f"{door.method} {door.template}", role, status))
    assert tried > 300
    assert let_in == []
