"""What is asked again and again is planned once; what spans a time of its own is planned for it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from monitoring.access.roles import Role
from monitoring.database import driver_of
from tests.monitoring.api import Api
from tests.monitoring.audited import owner_of
from tests.monitoring.test_access import doors
from tests.workers.records import change

PREPARED_AFTER = 5
"""The driver prepares what it has sent so often, and the database keeps a plan after as many uses more."""


SNAPSHOTS = "/v1/reports/sitrep/snapshots"
"""A list by a cursor, of no span."""


@contextmanager
def connections(api: Api) -> Iterator[list[psycopg.Connection]]:
    """The API's own."""
    engine = api.app.state.service.engine
    with ExitStack() as held:
        yield [driver_of(held.enter_context(engine.connect())) for _ in range(engine.pool.size())]


def backends(api: Api) -> set[int]:
    """What serves the API's connections, by process."""
    with connections(api) as all_of_them:
        return {one.info.backend_pid for one in all_of_them}


def kept_plans(api: Api) -> dict[str, int]:
    """How often each statement that the API's connections have prepared was run by a plan that is kept."""
    found: dict[str, int] = {}
    query = "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement ~ '^\\s*(SELECT|WITH)'"
    with connections(api) as all_of_them:
        for connection in all_of_them:
            for statement, times in connection.execute(query, prepare=False).fetchall():
                found[statement] = found.get(statement, 0) + times
    return found


def test_looks_at_patients_are_planned_once_also_where_some_are_refused(api: Api) -> None:
    here = f"/v1/patients/{api.ward.patient.id}"
    for _ in range(4 * PREPARED_AFTER):
        assert api.get(here).status_code == 200
        assert api.get("/v1/patients/00000000-0000-4000-8000-000000000000").status_code == 404
    of_patients = [times for statement, times in kept_plans(api).items() if "FROM patient" in statement]
    assert max(of_patients) >= PREPARED_AFTER


def test_a_column_that_is_added_meanwhile_fails_no_look_and_no_connection_that_kept_it_is_used_again(api: Api) -> None:
    readings = f"/v1/patients/{api.ward.patient.id}/readings"
    for _ in range(4 * PREPARED_AFTER):
        assert api.get(readings).status_code == 200
    before = backends(api)
    with owner_of(api.ward.settings) as owner:
        change(owner, "ALTER TABLE reading ADD COLUMN of_a_later_version int")
    assert api.get(readings).status_code == 200
    assert not before & backends(api)


def test_every_report_is_planned_for_its_own_span(api: Api) -> None:
    looks = (door for door in doors(api) if door.method == "GET" and door.template.startswith("/v1/reports/"))
    reports = {door.path for door in looks} - {SNAPSHOTS}
    for report in sorted(reports):
        for _ in range(3 * PREPARED_AFTER):
            assert api.get(report, Role.ADMIN).status_code == 200
    asks = {statement: times for statement, times in kept_plans(api).items() if "$1" in statement}
    assert not [one for one, times in asks.items() if times and "FROM token" not in one]  # asked twice a second
