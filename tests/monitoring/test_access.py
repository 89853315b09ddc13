"""Who comes in, and who may do what: every route walked with every caller, against the table of permissions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from monitoring.access.permissions import DEVICE_MAY, MAY, PROVIDER_MAY
from monitoring.access.roles import Role
from monitoring.access.tokens import Tokens
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.outages import until
from tests.monitoring.steps import elsewhere, employ, has_alert, made, refused
from tests.ward import VERY_SICK

API = ("/v1/", "/health/", "/metrics")
OPEN = {"/health/live", "/health/ready"}
MADE_BY_PUT = ("/v1/rotas/", "/v1/ucr/teams/")  # what is not there is made
EVERYBODYS = ("/v1/codes/", "/v1/icbs/", "/v1/tables/")  # what these name is no ward's own
REVOKED_WITHIN_S = 1.0
PLACEHOLDERS = {"uuid": str(uuid4()), "str": "NOWHERE", "int": "1", "path": "x"}


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one route, and what the route says it allows."""

    method: str
    path: str
    allows: str | None
    template: str
    names_an_object: bool

    def open_to(self, role: Role | None) -> bool:
        """Whether the table lets that role in; None is a device."""
        if role is None:
            return self.allows in DEVICE_MAY
        return role in MAY.get(self.allows or "", ())

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def doors(api: Api) -> Iterator[Door]:
    """Every door of the API, from the application's own table of routes."""
    return (door for door in _every_door(api) if door.template.startswith(API))


def page_doors(api: Api) -> Iterator[Door]:
    """Every door of the pages for people, but where they sign in."""
    return (door for door in _every_door(api) if not door.template.startswith((*API, "/sign-in", "/assets/")))


def _every_door(api: Api) -> Iterator[Door]:
    for route in api.app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema"):
            path = "/".join(
                part if isinstance(part, str) else PLACEHOLDERS[part.full.partition(":")[2]]
                for part in ("", *route.path_components)
            ) + "?no=sense" * (route.path == "/news")  # a stream, and not to be opened
            for handler in route.route_handlers:
                for method in handler.http_methods - {"OPTIONS"}:
                    yield Door(method, path, handler.opt.get("allows"), route.path_format, "whose" in handler.opt)


def knock(api: Api, door: Door, token: str) -> int:
    """The status at a door. What is sent is never acceptable, so that nothing is done and no stream is opened."""
    headers = {"Last-Event-ID": "not one of ours"}
    content = None if door.method == "GET" else b"{"
    return api.call(door.method, door.path, token=token, headers=headers, content=content).status_code


READINGS = Door("POST", "/v1/readings", "post readings", "/v1/readings", names_an_object=False)


def shuts_out(api: Api, token: str) -> bool:
    """Whether that process no longer takes readings from a device's token."""
    return knock(api, READINGS, token) == 401


def test_every_route_says_what_it_allows(api: Api) -> None:
    known = {*MAY, *DEVICE_MAY, *PROVIDER_MAY}
    assert {str(door) for door in doors(api) if door.allows not in known} == {f"GET {path}" for path in OPEN}
    assert {door.allows for door in doors(api) if door.path in OPEN} == {"everybody"}


def test_every_permission_is_asked_for_somewhere(api: Api) -> None:
    assert {*MAY, *DEVICE_MAY, *PROVIDER_MAY} == {door.allows for door in (*doors(api), *page_doors(api))} - {
        "everybody"
    }


def test_each_role_is_let_in_exactly_where_the_table_says(api: Api) -> None:
    tokens = {role: api.ward.tokens[role] for role in Role} | {None: api.device()}
    wrong = [
        (str(door), role, status)
        for door, (role, token) in product(doors(api), tokens.items())
        if door.path not in OPEN and ((status := knock(api, door, token)) in {401, 403}) == door.open_to(role)
    ]
    assert wrong == []


def test_each_page_is_shown_exactly_to_whom_the_table_says(api: Api) -> None:
    for door, role in product(page_doors(api), Role):
        if door.method == "GET":
            answer = api.get(door.path or "/", role, follow_redirects=False)
            assert (answer.status_code != 403) == door.open_to(role), (str(door), role)
    for door in page_doors(api):
        answer = api.call(door.method, door.path or "/", token="", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), door


def test_a_devices_token_opens_nobodys_record(api: Api) -> None:
    assert {name for name in DEVICE_MAY if name in MAY} == {
        "raise concerns", "read referral messages", "read fhir metadata",
    }  # fmt: skip
    patient, token = api.ward.patient.id, api.device()
    for path in (
        f"/v1/patients/{patient}",
        f"/v1/patients/{patient}/readings",
        "/v1/patients",
        "/v1/alerts",
        "/v1/live",
    ):
        refused(api.get(path, token=token), 403)


def test_nobody_comes_in_without_a_token_that_is_valid(api: Api) -> None:
    let_in = [
        (str(door), token)
        for door, token in product(doors(api), ("", "vws_nobodys"))
        if door.path not in OPEN and knock(api, door, token) not in {401, 429}  # 429: so many guesses
    ]
    assert let_in == []


def test_an_auditor_reads_only(api: Api) -> None:
    assert {door.method for door in doors(api) if door.open_to(Role.AUDITOR)} == {"GET"}


def test_an_admin_may_whatever_staff_may(api: Api) -> None:
    assert [str(door) for door in doors(api) if not door.open_to(Role.ADMIN) and door.allows in MAY] == []


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer vws_unknown", "bearer \xe9", "Bearer  x", "Bearer " + "x" * 5000],
)
def test_what_is_no_valid_token_is_refused(api: Api, authorization: str) -> None:
    answer = api.get("/v1/wards", token="", headers={"Authorization": authorization.encode("latin-1")})
    refused(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    token = api.ward.tokens[Role.ADMIN]
    assert api.get("/v1/wards", token="", headers={"Authorization": f"bEARER {token}"}).status_code == 200


def test_a_token_is_stored_as_its_hash_only(api: Api) -> None:
    answer = made(api.post("/v1/devices", {"kind": "hub", "serial": "H-9"}, Role.ENGINEER))
    assert answer["token"].startswith("vwd_")
    assert len(answer["token"]) > 40
    assert answer["token"] not in api.get(f"/v1/devices/{answer['id']}", Role.ENGINEER).text


def test_a_revoked_token_ends_within_a_second_in_every_process(api: Api) -> None:
    token = api.device()
    with Api(api.ward) as elsewhere_too:
        tokens: Tokens = elsewhere_too.app.state.service.tokens
        until(lambda: tokens.held(token))
        assert knock(elsewhere_too, READINGS, token) == 400  # let in
        device = api.ward.patient.device_id
        assert api.post(f"/v1/devices/{device}/revoke", role=Role.ENGINEER).status_code == 200
        for process in (api, elsewhere_too):
            until(partial(shuts_out, process, token), within_s=REVOKED_WITHIN_S)


def test_a_process_holds_every_live_token_from_its_start(api: Api) -> None:
    written = (
        "INSERT INTO token (sha256, device_id, created_at, changed_at, revoked_at) {} FROM generate_series(1, 1200) n"
    )
    live = "SELECT sha256(n::text::bytea), %(device)s, %(at)s, %(at)s, CASE WHEN n = 700 THEN %(at)s END"
    with api.ward.engine.begin() as connection:
        connection.exec_driver_sql(written.format(live), {"device": api.ward.patient.device_key, "at": utc_now()})
    tokens = Tokens(api.ward.engine)
    tokens.refresh(utc_now())
    held = [number for number in range(1, 1201) if tokens.held(str(number))]
    assert held == [number for number in range(1, 1201) if number != 700]


def test_a_new_token_ends_the_old_one_and_is_valid_at_once(api: Api) -> None:
    old, device = api.device(), api.ward.patient.device_id
    assert knock(api, READINGS, old) == 400
    new = api.post(f"/v1/devices/{device}/token", role=Role.ENGINEER).json()["token"]
    assert knock(api, READINGS, new) == 400
    until(partial(shuts_out, api, old), within_s=REVOKED_WITHIN_S)


def test_objects_of_another_ward_are_not_there(api: Api) -> None:
    patient, stranger = elsewhere(api)
    alert = has_alert(api, **VERY_SICK)
    other = employ(api, Role.CLINICIAN, "OTHER")
    for path, token in (
        (f"/v1/patients/{patient}", stranger),
        (f"/v1/patients/{patient}/plan", stranger),
        (f"/v1/patients/{patient}/readings", stranger),
        (f"/v1/patients/{patient}/scores", stranger),
        (f"/v1/patients/{patient}/alerts", stranger),
        (f"/v1/alerts/{alert['id']}", other),
    ):
        assert api.get(path).status_code == 200, path
        refused(api.get(path, token=token), 404)


def test_what_is_sent_for_a_patient_of_another_ward_is_not_even_read(api: Api) -> None:
    patient, stranger = elsewhere(api)
    refused(api.post(f"/v1/patients/{patient}/readings", content=b"{", token=stranger), 404)


def test_every_route_that_names_an_object_says_how_it_is_found(api: Api) -> None:
    for door in doors(api):
        assert door.names_an_object is ("{" in door.template and not door.template.startswith(EVERYBODYS)), door


def test_what_is_sent_to_an_object_that_is_not_there_is_not_even_judged(api: Api) -> None:
    for door in doors(api):
        made_here = door.method == "PUT" and door.template.startswith(MADE_BY_PUT)
        if "{" not in door.template or door.template.startswith(EVERYBODYS) or made_here:
            continue
        sent: list[dict[str, Any]] = [{"params": {"no": "sense"}}]
        if door.method != "GET":
            sent += [
                {"content": b"{"},
                {"body": {"no": "sense"}},
                {"content": b"x", "headers": {"Content-Type": "text/plain"}},
                {"body": {}, "headers": {"Idempotency-Key": "x" * 256}},
            ]
        token = None if door.open_to(Role.ADMIN) else api.device()
        for one in sent:
            assert api.call(door.method, door.path, token=token, **one).status_code == 404, (str(door), one)


def test_a_ward_that_is_named_and_not_yours_is_forbidden(api: Api) -> None:
    _, stranger = elsewhere(api)
    for path in (
        "/v1/alerts?ward=OTHER", "/v1/live?ward=OTHER", "/v1/wards/OTHER", "/v1/wards/OTHER?no=sense",
        "/v1/alerts?ward=OTHER&limit=abc", "/v1/alerts?ward=WARD1&ward=OTHER", "/v1/live?no=sense&ward=OTHER",
    ):  # fmt: skip
        refused(api.get(path, token=stranger), 403)


def test_lists_hold_ones_own_wards_only(api: Api) -> None:
    _, stranger = elsewhere(api)
    has_alert(api, **VERY_SICK)
    other = employ(api, Role.CLINICIAN, "OTHER")
    seen: dict[str, list[Any]] = {
        path: api.get(path, token=other).json()["items"] for path in ("/v1/wards", "/v1/alerts")
    }
    assert [ward["code"] for ward in seen["/v1/wards"]] == ["OTHER"]
    assert seen["/v1/alerts"] == []
    assert len(api.get("/v1/alerts", token=stranger).json()["items"]) == 1
