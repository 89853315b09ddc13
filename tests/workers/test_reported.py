"""A NEWS2 total that came with the readings: kept, compared with ours, never trusted; the higher of the two alerts."""

from typing import Any

import pytest

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from devices.formats.fhir.observations import decode
from devices.reading import Arrival
from tests.observations import (
    ACVPU,
    NEWS2,
    PULSE,
    RATE,
    SNOMED,
    SPO2,
    TEMPERATURE,
    body,
    bundle,
    concept,
    observed,
    pressure,
)
from tests.ward import Ward
from tests.workers.records import rows


def receives(ward: Ward, total: int, **changed: Any) -> None:
    """The patient's device posts a whole set with a score: the vital signs of NHS Digital's example, which is a 5."""
    values: dict[str, Any] = {RATE: 21, SPO2: 93, PULSE: 95, TEMPERATURE: 37.5} | changed
    at = ward.now
    parts = [observed(code, value, at=at) for code, value in values.items() if value is not None]
    air = observed(concept("722742002", SNOMED), at=at)
    alert = observed(concept(ACVPU, SNOMED), at=at, valueCodeableConcept=concept("248234008", SNOMED))
    score = observed(concept(NEWS2, SNOMED), at=at, valueInteger=total)
    decoded = decode(body(bundle("collection", *parts, pressure(120, 60, at=at), air, alert, score)))
    (one,) = decoded.sets
    assert one.reported_news2 == total
    ward.drains([Arrival(source=ward.patient.device_key, received_at=at, sets=[one])])


def told(ward: Ward) -> list[tuple[str, int]]:
    """Kind and severity of every alert."""
    return sorted((alert.kind, alert.severity) for alert in ward.alerts())


def test_the_published_example_is_found_to_be_wrong(ward: Ward) -> None:
    receives(ward, 6)
    assert told(ward) == [("data_quality", Severity.AMBER), ("deterioration", Severity.RED)]
    alert = ward.alert(Kind.DATA_QUALITY)
    assert alert.reasons[0]["text"] == "The readings came with a NEWS2 of 6; by our chart it is 5"
    (stored,) = rows(ward.engine, "SELECT score, also FROM reading")
    assert (stored.score, stored.also["reported_news2"]) == (5, 6)
    receives(ward.at("09:00"), 6)
    assert ward.history(alert) == ["raised"]


def test_a_score_that_agrees_is_nothing_to_tell(ward: Ward) -> None:
    receives(ward, 5)
    assert told(ward) == [("deterioration", Severity.RED)]


@pytest.mark.parametrize(("total", "severity"), [(7, Severity.CRITICAL), (4, Severity.AMBER)])
def test_the_ward_is_alerted_on_the_higher_of_the_two(ward: Ward, total: int, severity: Severity) -> None:
    receives(ward, total)
    assert told(ward) == [("data_quality", severity), ("deterioration", Severity.RED)]


def test_a_score_of_more_than_was_sent_is_believed_as_far_as_it_is_graver(ward: Ward) -> None:
    missing = {TEMPERATURE: None, PULSE: None}
    receives(ward, 5, **missing)  # ours is 4 to 10
    assert (Kind.DATA_QUALITY, Severity.RED) in told(ward)
    assert "4 to 10, for it is not complete" in ward.alert(Kind.DATA_QUALITY).reasons[0]["text"]


def test_a_score_that_an_incomplete_set_may_come_to_is_no_mismatch(ward: Ward) -> None:
    receives(ward, 4, **{TEMPERATURE: None, PULSE: None})
    assert [kind for kind, _ in told(ward)] == ["deterioration"]
