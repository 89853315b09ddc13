"""Whatever a path names of a patient, nobody of another ward gets it: every route is tried with every role that may."""

from dataclasses import replace
from itertools import product

from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.steps import open_ward
from tests.monitoring.test_access import Door, doors, knock, page_doors
from tests.monitoring.test_audit_routes import first_name, path_to, things

__all__ = ["things"]  # the fixture


LISTED_FOR_ALL = {"/v1/hospital-messages"}
"""What came from a hospital is listed for every engineer, without a word of what it says: its text is not."""


def strangers(api: Api) -> dict[Role, str]:
    """Tokens of staff of another ward, and of another team."""
    open_ward(api, "OTHER")
    return {
        role: api.ward.employ(role, wards=["OTHER"], teams=["OTHER"] if role is Role.UCR else None)[1]
        for role in Role
        if role is not Role.INTERFACE
    }


def test_nothing_of_a_patient_is_there_for_who_works_on_another_ward(api: Api, things: dict[str, str]) -> None:
    tried = 0
    let_in: list[tuple[str, Role, int]] = []
    for door, (role, token) in product((*doors(api), *page_doors(api)), strangers(api).items()):
        if first_name(door) in things and door.open_to(role):
            tried += 1
            there: Door = replace(door, path=path_to(door, things))
            if (status := knock(api, there, token)) not in {403, 404}:
                let_in.append((f"{door.method} {door.template}", role, status))
    assert tried > 300
    assert let_in == []


def test_no_list_and_no_filter_shows_them_to_who_works_on_another_ward(api: Api, things: dict[str, str]) -> None:
    read = 0
    shown: list[tuple[str, Role, str]] = []
    for door, (role, token) in product((*doors(api), *page_doors(api)), strangers(api).items()):
        if door.method != "GET" or "{" in door.template or door.template.endswith("/live") or not door.open_to(role):
            continue
        for asked in ({}, {"patient": things["patient"]}, {"subject": things["patient"]}):
            answer = api.get(door.path or "/", token=token, params=asked)
            read += answer.status_code == 200
            found = [name for name, one in things.items() if answer.status_code == 200 and one in answer.text]
            if door.template not in LISTED_FOR_ALL:
                shown += [(door.template, role, name) for name in found]
    assert read > 100
    assert shown == []
