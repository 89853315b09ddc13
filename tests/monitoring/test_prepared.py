"""What is asked again and again is planned once; what spans a time of its own is planned for it."""

from contextlib import ExitStack

import pytest

from monitoring.access.roles import Role
from monitoring.database import driver_of
from tests.monitoring.api import Api
from tests.monitoring.audited import owner_of
from tests.workers.records import change

PREPARED_AFTER = 5
"""The driver prepares what it has sent so often, and the database keeps a plan after as many uses more."""
REPORTS = ["alert-burden", "delays", "equity", "experience", "extract", "occupancy", "sitrep", "stays", "ucr-response"]


def kept_plans(api: Api) -> dict[str, int]:
    """How often each statement that the API's connections have prepared was run by a plan that is kept."""
    found: dict[str, int] = {}
    engine = api.app.state.service.engine
    with ExitStack() as held:
        for connection in [held.enter_context(engine.connect()) for _ in range(engine.pool.size())]:
            query = "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement ~ '^\\s*(SELECT|WITH)'"
            for statement, times in driver_of(connection).execute(query, prepare=False).fetchall():
                found[statement] = found.get(statement, 0) + times
    return found


def test_looks_at_patients_are_planned_once_also_where_some_are_refused(api: Api) -> None:
    here = f"/v1/patients/{api.ward.patient.id}"
    for _ in range(4 * PREPARED_AFTER):
        assert api.get(here).status_code == 200
        assert api.get("/v1/patients/00000000-0000-4000-8000-000000000000").status_code == 404
    of_patients = [times for statement, times in kept_plans(api).items() if "FROM patient" in statement]
    assert max(of_patients) >= PREPARED_AFTER


def test_a_column_that_is_added_meanwhile_fails_no_look(api: Api) -> None:
    readings = f"/v1/patients/{api.ward.patient.id}/readings"
    for _ in range(4 * PREPARED_AFTER):
        assert api.get(readings).status_code == 200
    with owner_of(api.ward.settings) as owner:
        change(owner, "ALTER TABLE reading ADD COLUMN of_a_later_version int")
    assert api.get(readings).status_code == 200


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_planned_for_its_own_span(api: Api, report: str) -> None:
    for _ in range(4 * PREPARED_AFTER):
        assert api.get(f"/v1/reports/{report}", Role.ADMIN).status_code == 200
    assert not [statement for statement, times in kept_plans(api).items() if times and "FROM token" not in statement]
