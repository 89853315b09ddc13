"""Lists cost the same number of queries however long they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.referring import referred
from tests.monitoring.steps import add_device, admit, done, drain, employ, open_ward, posts, register
from tests.ward import SICK


@contextmanager
def counted(api: Api) -> Iterator[list[str]]:
    """The statements that the API sends meanwhile, but those by which it watches its tokens and its schema."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM token" not in statement and "alembic" not in statement:
            sent.append(statement)

    engine = api.app.state.service.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def grow(api: Api, start: int, end: int) -> None:
    """More of everything."""
    for n in range(start, end):
        open_ward(api, f"W{n}")
        patient, device = register(api), add_device(api, serial=f"S-{n}")
        admit(api, patient, "WARD1", devices=[device["id"]])
        posts(api, device["token"], **SICK)
        posts(api, pulse=70 + n)
        posts(api, pulse=70 + n, taken_at=(utc_now() + timedelta(hours=1)).isoformat())
        referred(api)
    drain(api)


def test_a_longer_list_needs_no_more_queries(api: Api) -> None:
    of_patient = f"/v1/patients/{api.ward.patient.id}"
    paths = [
        "/v1/patients", "/v1/wards", "/v1/devices", "/v1/set-aside", "/v1/referrals", "/v1/alerts",
        "/v1/alerts?state=open",
        f"{of_patient}/readings", f"{of_patient}/scores",
    ]  # fmt: skip
    token = employ(api, Role.ADMIN, "WARD1", *(f"W{n}" for n in range(8)))
    costs: list[dict[str, int]] = []
    for start, end in ((0, 2), (2, 8)):
        grow(api, start, end)
        cost = {}
        for path in paths:
            with counted(api) as sent:
                assert len(done(api.get(path, token=token))["items"]) >= end
            cost[path] = len(sent)
        costs.append(cost)
    assert costs[0] == costs[1]
    assert max(costs[1].values()) <= 3
