"""The published examples of HL7, UK Core and the Personal Health Device guide: each decodes to what its manifest says.

They are not ours to copy into the project: they are read from `shared/conformance` beside the checkout, where it is.
"""

import csv
from typing import Any, Final

import pytest

from devices.formats.fhir.node import Refused
from devices.formats.fhir.observations import decode
from devices.reading import CHARTED, ReadingSet
from tests.conformance import CONFORMANCE

FOLDER: Final = CONFORMANCE / "fhir"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the conformance vectors are not here")

UNKNOWN_TIME, NOT_KEPT, ABSENT = "time not known", "is not kept here", "says that there is no value"
NEWS2: Final[dict[str, Any]] = {
    "respiratory_rate": 21, "pulse": 95, "spo2": 93, "on_oxygen": False, "temperature": 37.5, "systolic": 120,
    "diastolic": 60, "consciousness": "A", "reported_news2": 6,
}  # fmt: skip
EXPECTED: Final[dict[str, tuple[dict[str, Any], str | None]]] = {
    "hl7-r4-obs-bloodpressure-cancel": ({}, "was cancelled"),
    "hl7-r4-obs-bloodpressure-dar": ({"systolic": 107}, UNKNOWN_TIME),
    "hl7-r4-obs-bloodpressure": ({"systolic": 107, "diastolic": 60}, UNKNOWN_TIME),
    "hl7-r4-obs-bmi-using-related": ({}, NOT_KEPT),
    "hl7-r4-obs-bmi": ({}, NOT_KEPT),
    "hl7-r4-obs-body-height": ({}, NOT_KEPT),
    "hl7-r4-obs-body-length": ({}, NOT_KEPT),
    "hl7-r4-obs-body-temperature": ({"temperature": 36.5}, UNKNOWN_TIME),
    "hl7-r4-obs-f001-glucose": ({"glucose": 6.3}, None),
    "hl7-r4-obs-f202-temperature": ({"temperature": 39}, "withdrawn by its sender"),
    "hl7-r4-obs-glasgow": ({}, NOT_KEPT),
    "hl7-r4-obs-head-circumference": ({}, NOT_KEPT),
    "hl7-r4-obs-heart-rate": ({"pulse": 44}, UNKNOWN_TIME),
    "hl7-r4-obs-map-sitting": ({}, NOT_KEPT),
    "hl7-r4-obs-mbp": ({}, NOT_KEPT),
    "hl7-r4-obs-respiratory-rate": ({"respiratory_rate": 26}, UNKNOWN_TIME),
    "hl7-r4-obs-sample-data": ({}, "code not known"),
    "hl7-r4-obs-satO2": ({"spo2": 95}, None),
    "hl7-r4-obs-spirometry": ({"peak_flow": 492}, None),  # 820 cL/s
    "hl7-r4-obs-unsat": ({}, "was cancelled"),
    "hl7-r4-obs-vitals-panel": ({}, None),
    "hl7-r4-obs": ({"weight": 83.914588}, UNKNOWN_TIME),  # 185 lb
    "phd-compound-numeric-blood-pressure": ({"systolic": 116, "diastolic": 71}, None),
    "phd-numeric-observation-not-a-number": ({}, ABSENT),
    "phd-numeric-spotnumeric": ({"pulse": 48}, None),
    "phd-temperature-observation": ({"temperature": 36.5}, None),
    "ukcore-UKCore-Bundle-NEWS2Observations-Example": (NEWS2, None),
    "ukcore-UKCore-Observation-24HourBloodPressure-Example": ({}, NOT_KEPT),
    "ukcore-UKCore-Observation-BreathingNormally-Example": ({"on_oxygen": False}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-NPEWSTotal-Example": ({}, NOT_KEPT),
    "ukcore-UKCore-Observation-OxygenTherapy-Example": ({"on_oxygen": True, "oxygen_flow": 2}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-PatientConsciousness-Example": ({"consciousness": "V"}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-BMI-Example": ({}, NOT_KEPT),
    "ukcore-UKCore-Observation-VitalSigns-BloodPressure-Example": ({"systolic": 142, "diastolic": 94}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-BodyHeight-Example": ({}, NOT_KEPT),
    "ukcore-UKCore-Observation-VitalSigns-BodyTemperature-Example": ({"temperature": 36.5}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-BodyWeight-Example": ({"weight": 90}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-HeadCircumference-Example": ({}, NOT_KEPT),
    "ukcore-UKCore-Observation-VitalSigns-HeartRate-Example": ({"pulse": 104}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-OxygenSaturation-Example": ({"spo2": 96}, UNKNOWN_TIME),
    "ukcore-UKCore-Observation-VitalSigns-RespiratoryRate-Example": ({"respiratory_rate": 21}, UNKNOWN_TIME),
    "ukcore-UKCore-VitalSigns-Observation-OxygenSaturation-Example": ({"spo2": 95}, None),
}
"""By file: what is measured, and why it is not taken as it stands, where it is not."""


def listed() -> list[str]:
    """The manifest's files."""
    if not FOLDER.exists():
        return []
    with (FOLDER / "MANIFEST.csv").open(encoding="utf-8", newline="") as lines:
        return [row["file"] for row in csv.DictReader(lines)]


def values(one: ReadingSet) -> dict[str, Any]:
    """What a set measured, by wire name and in the contract's units."""
    found: dict[str, Any] = {}
    for name in ("respiratory_rate", "spo2", "oxygen_flow", "systolic", "diastolic", "pulse", "temperature"):
        into, decimals = CHARTED[name]
        if (value := getattr(one, into)) is not None:
            found[name] = value / 10**decimals
    rare = ("on_oxygen", "consciousness", "weight", "glucose", "peak_flow", "reported_news2")
    return found | {name: value for name in rare if (value := getattr(one, name)) is not None}


@pytest.mark.parametrize("file", listed())
def test_a_published_example_decodes_to_what_its_manifest_says(file: str) -> None:
    document = (FOLDER / file).read_bytes()
    expected = EXPECTED.get(file.removesuffix(".json"))
    if expected is None:  # a Patient, a Device
        with pytest.raises(Refused, match="neither Bundle nor Observation"):
            decode(document)
        return
    measured, why = expected
    decoded = decode(document)
    read = [*decoded.sets, *(one.reads for one in decoded.odd if one.reads is not None)]
    assert [values(one) for one in read] == ([measured] if measured else [])
    assert bool(decoded.sets) is (why is None and bool(measured))
    if why is not None:
        said = [*(one.reason for one in decoded.odd), *(one.reason for one in decoded.refused)]
        assert any(one.startswith(why) for one in said), said


def test_every_example_that_holds_observations_is_looked_at() -> None:
    assert {f"{name}.json" for name in EXPECTED} <= set(listed())
