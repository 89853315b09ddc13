"""Low glucose in somebody who is not alert is critical, though two devices say so one after the other."""

from datetime import timedelta
from typing import Any

import pytest

from alert_rules.severity import Severity
from tests.ward import Ward
from tests.workers.records import current

LOW: dict[str, Any] = {"glucose": 3.5}
CONFUSED: dict[str, Any] = {"consciousness": "C", "assessed_by": "carer"}


@pytest.mark.parametrize(("first", "second"), [(LOW, CONFUSED), (CONFUSED, LOW)])
@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "the other way round"])
def test_low_glucose_and_confusion_minutes_apart_are_critical(
    ward: Ward, first: dict[str, Any], second: dict[str, Any], swapped: bool
) -> None:
    ward.at("12:02")
    times = [ward.now - timedelta(minutes=2), ward.now]
    sets = [{"id": "a", "taken_at": times[0], **first}, {"id": "b", "taken_at": times[1], **second}]
    for one in reversed(sets) if swapped else sets:
        ward.receives_sets([one])
    assert current(ward, "b").severity == Severity.CRITICAL
    assert ward.alert().severity == Severity.CRITICAL
    text = "Glucose 3.5 mmol/L: hypoglycaemia (below 4.0), and not alert: new confusion (C)"
    assert ward.alert().reasons[0]["text"] == text


@pytest.mark.parametrize(("minutes", "severity"), [(60, Severity.CRITICAL), (61, Severity.RED)])
def test_glucose_counts_for_an_hour_beside_confusion(ward: Ward, minutes: int, severity: Severity) -> None:
    ward.at("12:00").receives_sets([{"id": "low", "taken_at": ward.now, **LOW}])
    ward.at(timedelta(minutes=minutes)).receives_sets([{"id": "confused", "taken_at": ward.now, **CONFUSED}])
    assert current(ward, "confused").severity == severity


def test_a_newer_glucose_that_is_not_low_counts_instead(ward: Ward) -> None:
    ward.at("12:00").receives(**LOW)
    ward.at("12:10").receives(glucose=6)
    ward.at("12:12").receives_sets([{"id": "confused", "taken_at": ward.now, **CONFUSED}])
    assert current(ward, "confused").severity == Severity.RED


def test_confusion_that_is_too_old_does_not_count_beside_glucose(ward: Ward) -> None:
    ward.at("12:00").receives(**CONFUSED)
    ward.at("12:16").receives_sets([{"id": "low", "taken_at": ward.now, **LOW}])
    assert current(ward, "low").severity == Severity.RED


def test_glucose_is_nobody_elses(ward: Ward) -> None:
    other = ward.admit()
    ward.at("12:00")
    low, confused = (ward.arrival([{"id": "a", "taken_at": ward.now, **LOW}]),
                     ward.arrival([{"id": "b", "taken_at": ward.now, **CONFUSED}], patient=other))  # fmt: skip
    ward.drains([low, confused])
    assert current(ward, "b", patient=other).severity == Severity.RED
