"""The burden of alerts, by hand and by the report."""

from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.steps import done, employ, faults
from tests.ward import SICK, WELL, Ward

MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3
HOURS = {day: ["08:00", "20:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
PATH = "/v1/reports/alert-burden?from=2026-03-10&to=2026-03-12"


@pytest.fixture
def lived(ward: Ward) -> Ward:
    """Two days on two wards: a red answered late, one in time, one not at all, and an amber of the night."""
    ward.climbs = True
    ward.reaches(Role.CLINICIAN)
    ward.opens("WARD2", staffed_hours=HOURS)
    second = ward.admit()
    ward.code = "WARD2"
    third = ward.admit()
    for patient in (ward.patient, second, third):
        ward.plans(patient, readings_per_day=0)
    ward.at("12:00").receives(**SICK)
    ward.receives(patient=second, **SICK)
    ward.at("12:10").acknowledges(ward.alert(patient=second))
    ward.resolves(ward.alert(patient=second), "false_reading")
    ward.at("12:30").acknowledges(ward.alert())
    ward.resolves(ward.alert(), "ucr")
    ward.at("22:00").receives(patient=third, **MILD)
    ward.at(timedelta(hours=10, minutes=30)).acknowledges(ward.alert(patient=third))  # 08:30 of the next day
    ward.at(timedelta(hours=1)).receives(patient=second, **SICK)
    ward.at(timedelta(hours=2))
    return ward


def report(api: Api, by: str) -> dict[str, dict[str, Any]]:
    """Its lines by group."""
    found = done(api.get(f"{PATH}&by={by}"))
    return {row["group"]: row for row in [found["total"], *found["groups"]]}


def test_alerts_are_counted_by_ward_with_what_came_of_them(lived: Ward, api: Api) -> None:
    rows = report(api, "ward")
    first = rows["WARD1"]
    assert (first["alerts"], first["acknowledged"], first["missed"]) == (3, 2, 2)
    assert first["minutes"] == {"p50": 20.0, "p90": 28.0}
    assert (first["acted_on"], first["unneeded"]) == (0.5, 0.5)
    assert first["patient_days"] == pytest.approx(2 * 40 / 24, abs=0.005)  # from 08:00 until the end of the next day
    second = rows["WARD2"]
    assert (second["alerts"], second["missed"], second["minutes"]["p50"]) == (1, 0, 630.0)
    assert second["staffed_minutes"]["p50"] == 30.0
    assert rows["all"]["alerts"] == 4
    assert rows["all"]["per_patient_day"] == pytest.approx(4 / rows["all"]["patient_days"], abs=0.001)


def test_alerts_are_counted_by_severity_and_by_each_rule(lived: Ward, api: Api) -> None:
    assert {group: row["alerts"] for group, row in report(api, "severity").items()} == {"all": 4, "red": 3, "amber": 1}
    assert report(api, "rule")["news2_medium"]["alerts"] == 3
    assert report(api, "kind")["deterioration"]["alerts"] == 4


def test_the_report_is_of_the_callers_wards_and_as_a_table_too(lived: Ward, api: Api) -> None:
    token = employ(api, Role.COORDINATOR, "WARD2")
    assert done(api.get(PATH, token=token))["total"]["alerts"] == 1
    table = api.get(PATH, headers={"Accept": "text/csv"}).text.splitlines()
    assert table[0].startswith("group,alerts,patient_days,per_patient_day,acknowledged,missed")
    assert [line.partition(",")[0] for line in table[1:]] == ["all", "WARD1", "WARD2"]
    assert faults(api.get("/v1/reports/alert-burden?from=2026-03-12&to=2026-03-10")) == ["to"]


def test_a_period_without_alerts_is_a_report_of_nothing(api: Api) -> None:
    total = done(api.get("/v1/reports/alert-burden?from=2020-01-01&to=2020-01-02"))["total"]
    assert (total["alerts"], total["per_patient_day"], total["minutes"]) == (0, None, {"p50": None, "p90": None})
