"""No route can forget the audit: each is walked, and leaves an event that names whose the object in its path is."""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import select, text
from sqlmodel import col

from devices.original import Format, pack
from monitoring.access.permissions import DEVICE_MAY, MAY, PROVIDER_MAY
from monitoring.access.roles import Role
from monitoring.access.tables import BreakGlass
from monitoring.audit.subjects import OBJECTS, PATIENTS
from monitoring.audit.what import NOT_AUDITED, OF_OBJECT
from monitoring.casefinding.tables import CaseSent, CasesSent
from monitoring.database import transaction
from monitoring.hospital.tables import HospitalMessage
from monitoring.intake.tables import Aside, SetAside
from monitoring.originals.tables import KeptOriginal
from monitoring.recovery.clocks import Support
from monitoring.recovery.tables import Prevention
from monitoring.rounds.tables import Inpatient, InpatientState
from monitoring.wards.tables import Episode
from tests.monitoring.api import Api
from tests.monitoring.audited import events, owner_of
from tests.monitoring.referring import referred
from tests.monitoring.steps import done, has_alert, made
from tests.monitoring.test_access import Door, doors, knock, page_doors
from tests.monitoring.test_calls import call
from tests.monitoring.ucr_steps import TEAM
from tests.ward import VERY_SICK
from tests.workers.records import change, rows

OF_NOBODY = {"code", "name", "staff_id", "staff", "report", "pathway", "proposal", "prompt"}
"""What a path may name first that is nobody's: wards, codes, tables, staff, reports, rules. The answer to a question of
the day names whom it is of."""


@pytest.fixture
def things(api: Api) -> dict[str, str]:
    """A thing of each kind that is a patient's, by how a path names it."""
    return every_thing(api)


def every_thing(api: Api) -> dict[str, str]:
    """A thing of each kind that is a patient's, all of them the ward's patient's, by how a path names it."""
    patient, device = str(api.ward.patient.id), str(api.ward.patient.device_id)
    alert = has_alert(api, **VERY_SICK)
    change(api.ward.engine, "UPDATE patient SET postcode_district = 'LE1'")
    done(api.put("/v1/ucr/teams/LE1-UCR", TEAM))
    asked = {"patient": patient, "need": "fall", "reason": "on the floor"}
    ucr = made(api.post("/v1/ucr/referrals", asked, Role.CLINICIAN))["id"]
    called = made(api.post("/v1/calls", call(api), Role.SUPPORT))["id"]
    referred(api)
    insert(api)
    others = {name: str(rows(api.ward.engine, f"SELECT public_id FROM {table}")[0].public_id)
              for name, table in TABLES.items()}  # fmt: skip
    return {
        "patient": patient,
        "device": device,
        "alert": alert["id"],
        "request_id": ucr,
        "call": called,
        "original": ORIGINAL,
        **others,
    }


ORIGINAL = "00000000-0000-8000-8000-000000000001"
TABLES = {
    "episode": "episode", "referral": "referral", "prevention": "prevention", "message": "hospital_message",
    "aside": "set_aside", "sent": "cases_sent", "inpatient": "inpatient",
    "access": "break_glass",
}  # fmt: skip


def insert(api: Api) -> None:
    """What takes many acts to make: as it would stand in the database."""
    at, device, key = api.ward.now, api.ward.patient.device_key, api.ward.patient.key
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE referral SET patient_id = :key"), {"key": key})
        (episode,) = session.execute(select(col(Episode.public_id))).one()
        for one in (
            Prevention(
                patient_id=key, ward_id=1, organisation="GN", support=[Support.SOCIAL], opened_at=at, opened_by=1
            ),
            Inpatient(
                patient_id=key,
                ward_id=1,
                hospital="RXX",
                reason="stable",
                seen_by="Dr",
                state=InpatientState.PROPOSED,
                proposed_at=at,
                proposed_by=1,
            ),
            SetAside(
                patient_id=key,
                source=device,
                id="x",
                content=b"x",
                reason=Aside.CONFLICT,
                detail="",
                document={},
                received_at=at,
                kept_at=at,
            ),
            HospitalMessage(
                patient_id=key,
                device_id=device,
                control_id="c",
                content=b"x",
                kind="ADT^A01",
                received_at=at,
                outcome="AA",
                reason="",
                raw=b"x",
                answer=b"x",
            ),
            KeptOriginal(
                id=UUID(ORIGINAL),
                source=device,
                format=Format.FHIR,
                received_at=at,
                packed=pack(device, Format.FHIR, b"{}").packed,
                patients=[key],
            ),
            BreakGlass(staff_id=1, patient_id=key, ward_id=1, reason="fell", at=at, until_at=at),
            CasesSent(gp_practice="C81001", to="x@nhs.uk", sent_by=1, sent_at=at),
        ):
            session.add(one)
            session.flush()
        (sent,) = session.execute(select(col(CasesSent.id))).one()
        session.add(CaseSent(list_id=sent, case=episode, finding="undiagnosed"))


def every_door(api: Api) -> Iterator[Door]:
    """Every door that asks for a permission."""
    return (door for door in (*doors(api), *page_doors(api)) if door.allows != "everybody")


def first_name(door: Door) -> str | None:
    """What the path names first."""
    return door.template.partition("{")[2].partition("}")[0] or None


def test_what_is_not_audited_is_a_permission_and_says_why() -> None:
    assert set(NOT_AUDITED) <= {*MAY, *DEVICE_MAY, *PROVIDER_MAY, "everybody"}
    assert all(NOT_AUDITED.values())


def test_what_every_path_names_first_is_known_to_be_a_patients_or_nobodys(api: Api) -> None:
    named = {first_name(door) for door in every_door(api)} - {None}
    assert named <= {"patient", *OF_OBJECT, *OF_NOBODY}
    assert named >= {"patient", *OF_OBJECT} - {"case"}  # that one is named in answers only


def test_every_route_leaves_an_event_that_says_whose_and_those_that_do_not_say_why(
    api: Api, things: dict[str, str]
) -> None:
    for door in every_door(api):
        before = len(events(api.ward.engine))
        name = first_name(door)
        at = replace(door, path=path_to(door, things))
        knock(api, at, api.ward.tokens[Role.ADMIN] if door.allows in MAY else api.device())
        new = events(api.ward.engine)[before:]  # also where a page sends on to another
        left = [(one.allows, one.patients) for one in new if one.route == door.template]
        if door.allows in NOT_AUDITED:
            assert left == [], door
        elif name in things:
            assert left, door
            assert all(one == (door.allows, [things["patient"]]) for one in left), door
        else:
            assert [allows for allows, _ in left] == [door.allows], door


def test_looks_write_nothing_but_their_event(api: Api, things: dict[str, str]) -> None:
    looks = [replace(door, path=path_to(door, things)) for door in every_door(api) if door.method == "GET"]
    tokens = {door.path: api.ward.tokens[Role.ADMIN] if door.allows in MAY else api.device() for door in looks}
    before = {door.path: knock(api, door, tokens[door.path]) for door in looks}
    assert list(before.values()).count(200) > len(looks) / 2
    with owner_of(api.ward.settings) as owner:
        change(owner, "REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM vw_app")
        change(owner, "GRANT INSERT ON audit_event, audit_subjects TO vw_app")
    assert {door.path: knock(api, door, tokens[door.path]) for door in looks} == before


def path_to(door: Door, things: dict[str, str]) -> str:
    """The door's path, to the patient's own thing."""
    name = first_name(door)
    if name not in things:
        return door.path
    place = door.template.split("/").index(f"{{{name}}}")
    parts = door.path.split("/")
    return "/".join([*parts[:place], things[name], *parts[place + 1 :]])


def test_no_route_that_is_not_audited_answers_with_a_patient(api: Api) -> None:
    for route in api.app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.opt.get("allows") in NOT_AUDITED:
                    answer = handler.parsed_fn_signature.return_type.raw
                    assert not set(names_in(answer, set())) & {*PATIENTS, *OBJECTS}, handler


def names_in(kind: Any, seen: set[Any]) -> Iterator[str]:
    """The names of every field of an answer that is an id, or may be one."""
    for one in get_args(kind):
        yield from names_in(one, seen)
    if not isinstance(kind, type) or kind in seen or not (issubclass(kind, msgspec.Struct) or is_dataclass(kind)):
        return
    seen.add(kind)
    for name, of in get_type_hints(kind).items():
        if UUID in {of, *get_args(of)}:
            yield name
        yield from names_in(of, seen)
