"""What is read of FHIR Observations: values, units, times, whose they are, and what is left to a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.formats.fhir.observations import decode
from devices.posted import Decoded
from devices.reading import Odd, ReadingSet
from tests.observations import (
    ACVPU,
    AT,
    DIASTOLIC,
    MDC,
    NEWS2,
    PRESSURE,
    PULSE,
    RATE,
    SNOMED,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    WEIGHT,
    body,
    bundle,
    concept,
    observed,
    pressure,
    quantity,
)  # fmt: skip

TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
STATUS = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"
TIME_STAMP = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"


def decoded(*resources: dict[str, Any]) -> Decoded:
    """One Observation alone, several in a collection."""
    return decode(body(resources[0] if len(resources) == 1 else bundle("collection", *resources)))


def taken(*resources: dict[str, Any]) -> ReadingSet:
    """The one set."""
    found = decoded(*resources)
    assert (found.refused, found.odd) == ([], [])
    (one,) = found.sets
    return one


def refused(*resources: dict[str, Any]) -> tuple[str, str]:
    """Place and reason of the one refusal. Nothing was taken."""
    found = decoded(*resources)
    assert (found.sets, found.odd) == ([], [])
    (one,) = found.refused
    return one.field, one.reason


def aside(*resources: dict[str, Any]) -> Odd:
    """What was kept aside; nothing else came of it."""
    found = decoded(*resources)
    assert (found.sets, found.refused) == ([], [])
    (one,) = found.odd
    return one


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        (PULSE, quantity(88, "{beats}/min"), {"pulse": 88}),
        (PULSE, {"value": 88, "unit": "count/min"}, {"pulse": 88}),
        (PULSE, quantity(88, "264864", MDC), {"pulse": 88}),
        (TEMPERATURE, quantity(98.69, "[degF]"), {"temperature_tenths": 371}),
        (TEMPERATURE, quantity(35.05, "Cel"), {"temperature_tenths": 351}),
        (SYSTOLIC, quantity(16, "kPa"), {"systolic": 120}),
        (WEIGHT, quantity(154.5, "[lb_av]"), {"weight": 70.080021}),
        ("3151-8", quantity(2.5, "L/min"), {"oxygen_flow_hundredths": 250, "on_oxygen": True}),
    ],
)
def test_a_value_is_brought_to_the_units_of_the_chart(code: str, value: Any, expected: dict[str, Any]) -> None:
    one = taken(observed(code, valueQuantity=value))
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        ({"value": 97}, 97),  # no unit
        ({"value": 97, "unit": "furlong"}, None),
        (quantity(0.97, "1"), None),
        (quantity(97, "%", "http://example.org/units"), None),
        (quantity(97, "268192", MDC), None),  # °C
        (quantity(97, "%") | {"unit": "mmHg"}, 97),  # a text of another dimension is no unit of this one
    ],
)
def test_a_unit_that_is_not_known_is_not_guessed(value: Any, reads: int | None) -> None:
    if value.get("unit") == "mmHg":
        assert taken(observed(SPO2, valueQuantity=value)).spo2 == reads
        return
    one = aside(observed(SPO2, valueQuantity=value))
    assert (one.reason, one.reads and one.reads.spo2) == ("unit not known", reads)
    assert one.detail.startswith("Observation.valueQuantity: ")


def test_a_unit_whose_code_and_text_differ_is_not_known() -> None:
    one = aside(observed(TEMPERATURE, valueQuantity=quantity(98.6, "Cel") | {"unit": "degF"}))
    assert (one.reason, one.reads) == ("unit not known", None)


@pytest.mark.parametrize("comparator", ["<", "<=", ">=", ">", "ad"])
def test_a_bound_is_never_taken_for_a_value(comparator: str) -> None:
    one = aside(observed(SPO2, valueQuantity=quantity(70, "%") | {"comparator": comparator}))
    assert one.detail.startswith(f"Observation.valueQuantity.comparator: {comparator} 70")
    assert one.reads is not None, "the ward is told where the bound itself would be red"


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"valueString": "97"}, "valueString"),
        ({"valueBoolean": True}, "valueBoolean"),
        ({"valueRange": {"low": {"value": 90}}}, "valueRange"),
        ({"valueCodeableConcept": concept("1"), "valueQuantity": quantity(97, "%")}, "value"),
        ({"valueQuantity": {"unit": "%"}}, "valueQuantity.value"),
        ({}, "value"),
    ],
)
def test_a_number_that_is_no_quantity_is_refused_by_its_path(changed: dict[str, Any], where: str) -> None:
    assert refused(observed(SPO2, **changed))[0] == f"Observation.{where}"


def test_a_whole_number_has_no_unit() -> None:
    assert aside(observed(SPO2, valueInteger=97)).reason == "unit not known"


def test_what_is_absent_is_no_reading_and_leaves_the_rest() -> None:
    assert refused(observed(SPO2, dataAbsentReason=concept("error"))) == ("Observation", "says that there is no value")
    one = pressure(107, 60)
    one["component"][1] = {"code": concept(DIASTOLIC), "dataAbsentReason": concept("not-performed")}
    half = taken(one)
    assert (half.systolic, half.diastolic) == (107, None)
    one["component"][1]["valueQuantity"] = quantity(60, "mm[Hg]")
    assert refused(one)[0] == "Observation.component[1].dataAbsentReason"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("entered-in-error", "withdrawn by its sender"),
        ("amended", "corrected by its sender"),
        ("corrected", "corrected by its sender"),
        ("unknown", "code not known"),
    ],
)
def test_what_its_sender_takes_back_or_changes_overwrites_nothing(status: str, reason: str) -> None:
    one = aside(observed(SPO2, 84, own="o-1", status=status))
    assert (one.reason, one.reads and one.reads.spo2, one.taken_at) == (reason, 84, TEN)
    assert one.id == taken(observed(SPO2, 96, own="o-1")).id, "it names what it is about"


@pytest.mark.parametrize(
    ("changed", "quality"),
    [
        ({"status": "preliminary"}, "low"),
        ({"interpretation": [concept("questionable", STATUS)]}, "low"),
        ({"interpretation": [concept("test-data", STATUS)]}, "test"),
        ({"interpretation": [concept("demo-data", STATUS)]}, "test"),
        ({"meta": {"security": [{"code": "HTEST"}]}}, "test"),
        ({"interpretation": [concept("in-alarm", STATUS)]}, "good"),
    ],
)
def test_a_doubtful_measurement_is_of_low_quality_and_a_test_is_a_test(changed: dict[str, Any], quality: str) -> None:
    assert taken(observed(SPO2, 96, **changed)).quality == quality


def test_what_is_marked_invalid_or_was_cancelled_has_no_value() -> None:
    assert "invalid" in refused(observed(SPO2, 96, interpretation=[concept("invalid", STATUS)]))[1]
    assert "cancelled" in refused(observed(SPO2, 96, status="cancelled"))[1]


def test_what_is_not_understood_about_it_keeps_it_aside() -> None:
    for changed in ({"modifierExtension": [{"url": "x"}]}, {"implicitRules": "http://example.org/rules"}):
        assert aside(observed(SPO2, 96, **changed)).reason == "code not known"


def test_any_known_code_decides_and_two_that_contradict_do_not() -> None:
    codes = [concept("bp-s", "http://acme.org"), concept(SPO2), concept("431314004", SNOMED), concept("150456", MDC)]
    several = {"coding": [code["coding"][0] for code in codes]}
    assert taken(observed(several, valueQuantity=quantity(96, "%"))).spo2 == 96
    both = {"coding": [concept(SYSTOLIC)["coding"][0], concept(DIASTOLIC)["coding"][0]]}
    assert "mean different things" in aside(observed(both, valueQuantity=quantity(96, "mm[Hg]"))).detail
    unknown = concept("3150-6")
    assert aside(observed(unknown, valueQuantity=quantity(28, "%"))).reason == "code not known"


def test_what_has_no_code_is_refused() -> None:
    assert refused({name: one for name, one in observed(SPO2, 96).items() if name != "code"})[0] == "Observation.code"
    one = pressure(120, 60)
    del one["component"][1]["code"]
    assert refused(one)[0] == "Observation.component[1].code"


def test_an_unknown_panel_is_not_taken_apart() -> None:
    one = aside(pressure(120, 60) | {"code": concept("1", "http://example.org/averages")})
    assert (one.reason, one.reads and one.reads.systolic) == ("code not known", 120)


def test_an_unknown_component_is_left_to_a_person_and_the_rest_is_taken() -> None:
    one = pressure(120, 60)
    one["component"].append({"code": concept("x", "http://acme.org"), "valueQuantity": quantity(7, "1")})
    found = decoded(one)
    assert [(each.systolic, each.diastolic) for each in found.sets] == [(120, 60)]
    assert [each.detail for each in found.odd] == ["Observation.component[2].code: http://acme.org|x"]


def test_air_and_oxygen_are_states() -> None:
    air, oxygen = concept("722742002", SNOMED), concept("371825009", SNOMED)
    assert taken(observed(air)).on_oxygen is False
    assert taken(observed(oxygen)).on_oxygen is True
    assert taken(observed(oxygen, valueQuantity=quantity(2, "l/min"))).oxygen_flow_hundredths == 200
    assert taken(observed(oxygen, valueBoolean=False)).on_oxygen is False
    assert "0" in refused(observed(oxygen, valueQuantity=quantity(0, "L/min")))[1]
    on_oxygen = taken(observed(concept("866701000000100", SNOMED), valueQuantity=quantity(91, "%")))
    assert (on_oxygen.spo2, on_oxygen.on_oxygen) == (91, True)


def test_consciousness_is_a_coded_answer_and_who_gave_it_counts() -> None:
    scale = concept(ACVPU, SNOMED)
    confused = observed(scale, valueCodeableConcept=concept("130987000", SNOMED))
    assert (taken(confused).consciousness, taken(confused).assessed_by) == ("C", None)
    by_nurse = taken(confused | {"performer": [{"reference": "Practitioner/1"}]})
    assert by_nurse.assessed_by == "staff"
    assert aside(observed(scale, valueCodeableConcept=concept("1", SNOMED))).reason == "code not known"
    two = {"coding": [concept("248234008", SNOMED)["coding"][0], concept("300202002", SNOMED)["coding"][0]]}
    assert aside(observed(scale, valueCodeableConcept=two)).reason == "code not known"
    assert aside(observed(scale, valueString="A")).reason == "code not known"


@pytest.mark.parametrize(
    ("timed", "at"),
    [
        ({"at": "2026-11-21T10:00:00Z"}, TEN),
        ({"at": "2026-11-21T15:30:00.5+05:30"}, TEN + timedelta(seconds=0.5)),
        ({"at": None, "effectiveInstant": AT}, TEN),
        ({"at": None, "effectivePeriod": {"start": AT}}, TEN),
        ({"at": None, "effectivePeriod": {"start": AT, "end": "2026-11-21T10:00:30Z"}}, TEN),
        ({"at": None, "effectiveTiming": {"event": [AT]}}, TEN),
    ],
)
def test_each_way_to_give_an_instant_is_read(timed: dict[str, Any], at: datetime) -> None:
    assert taken(observed(SPO2, 96, **timed)).taken_at == at


@pytest.mark.parametrize(
    "timed",
    [
        {"at": "2026-11-21"},
        {"at": "2026"},
        {"at": "2026-11-21T10:00:00"},
        {"at": None},
        {"at": None, "effectivePeriod": {"start": AT, "end": "2026-11-22T10:00:00Z"}},
        {"at": None, "effectiveTiming": {"event": [AT, AT]}},
    ],
)
def test_a_time_that_is_no_instant_is_not_guessed(timed: dict[str, Any]) -> None:
    one = aside(observed(SPO2, 96, **timed))
    assert (one.reason, one.taken_at, one.reads and one.reads.spo2) == ("time not known", None, 96)


def test_a_time_that_cannot_be_is_refused() -> None:
    for at in ("yesterday", "2026-02-30T10:00:00Z", "1969-11-21T10:00:00Z"):
        assert refused(observed(SPO2, 96, at=at))[0] == "Observation.effectiveDateTime"


def clock(gateway: datetime | None, device: datetime | None, **changed: Any) -> dict[str, Any]:
    """The device's clock, read by its gateway."""
    value = {"dataAbsentReason": concept("unknown")} if device is None else {"valueDateTime": device.isoformat()}
    return observed(
        concept("67975", MDC), at=gateway, id="coin", subject={"reference": "Device/1"}, **value, **changed
    )  # fmt: skip


def by_device(at: datetime, *, refers: bool = False) -> dict[str, Any]:
    """Something that the device measured."""
    extension = [{"url": TIME_STAMP, "valueReference": {"reference": "Observation/coin"}}] if refers else None
    return observed(SPO2, 96, at=at, device={"reference": "Device/1"}, extension=extension)


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NEVER_SET = datetime(2000, 1, 1, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("device", "said", "refers", "at"),
    [
        (TEN + HOUR, TEN + HOUR - MINUTE, False, TEN - MINUTE),  # fast: it cannot be the gateway's own time
        (TEN + HOUR, TEN + HOUR - MINUTE, True, TEN - MINUTE),
        (TEN - HOUR, TEN - HOUR - MINUTE, False, TEN - MINUTE),  # slow, and nobody has placed it
        (TEN - HOUR, TEN - HOUR - MINUTE, True, TEN - HOUR - MINUTE),  # by the guide its gateway has
        (TEN - HOUR, TEN - MINUTE, False, TEN - MINUTE),  # its clock has not been there yet: it was placed
        (NEVER_SET, NEVER_SET - MINUTE, True, TEN - MINUTE),
        (NEVER_SET, TEN - MINUTE, True, TEN - MINUTE),
    ],
)
def test_a_time_is_corrected_once(device: datetime, said: datetime, refers: bool, at: datetime) -> None:
    found = decoded(clock(TEN, device), by_device(said, refers=refers))
    (one,) = found.sets
    assert (one.taken_at, one.clock) == (at, "corrected")
    assert found.clock_offset_s == round((device - TEN).total_seconds())


def test_a_clock_that_is_right_is_trusted_and_one_that_failed_is_not() -> None:
    (right,) = decoded(clock(TEN, TEN + timedelta(seconds=1)), by_device(TEN, refers=True)).sets
    assert (right.taken_at, right.clock) == (TEN, "synced")
    failed = decoded(clock(TEN, None), by_device(TEN, refers=True))
    assert [(one.reason, one.reads and one.reads.spo2) for one in failed.odd] == [("time not known", 96)]
    assert (failed.sets, failed.clock_offset_s) == ([], None)


def test_the_first_version_of_the_guide_refers_to_the_clock_as_derived_from() -> None:
    derived = by_device(TEN - HOUR - MINUTE) | {"derivedFrom": [{"reference": "urn:uuid:0"}]}
    (one,) = decoded(clock(TEN, TEN - HOUR), derived).sets
    assert (one.taken_at, one.clock) == (TEN - HOUR - MINUTE, "corrected")


def named(number: str) -> dict[str, Any]:
    """A logical reference."""
    return {"identifier": {"system": NHS_NUMBER, "value": number}}


def test_whose_it_is_is_what_the_document_says_and_no_more() -> None:
    assert taken(observed(SPO2, 96)).patient is None, "Patient/1 is nobody"
    assert taken(observed(SPO2, 96, subject=named("943 476 5919"))).patient == "9434765919"
    ours = "01900000-0000-7000-8000-000000000000"
    assert taken(observed(SPO2, 96, subject={"reference": f"Patient/{ours}"})).patient == ours
    theirs = "ad2c58ab-ffab-4366-9c76-b0322e22e881"
    assert taken(observed(SPO2, 96, subject={"reference": f"Patient/{theirs}"})).patient is None
    patient = {"resourceType": "Patient", "id": "p", "identifier": [named("9434765919")["identifier"]]}
    assert taken(patient | {}, observed(SPO2, 96, subject={"reference": "urn:uuid:0"})).patient == "9434765919"
    inside = observed(SPO2, 96, subject={"reference": "#p"}, contained=[patient])
    assert taken(inside).patient == "9434765919"


def test_two_people_whom_nobody_knows_are_not_made_one() -> None:
    found = decoded(observed(SPO2, 96), observed(SPO2, 84, subject={"reference": "Patient/2"}))
    assert found.sets == []
    assert [one.reason for one in found.odd] == ["another user of the device"] * 2
    known = decoded(observed(SPO2, 96, subject=named("9434765919")), observed(SPO2, 84, subject=named("9000000009")))
    assert [one.patient for one in known.sets] == ["9434765919", "9000000009"]


def test_the_sensor_behind_a_hub_is_told() -> None:
    by_name = observed(SPO2, 96, device={"identifier": {"value": "fe-ed-ab-ed-ea-db-fe-ad"}})
    assert taken(by_name).sensor == "FEEDABEDEADBFEAD"
    device = {
        "resourceType": "Device",
        "identifier": [{"system": "x", "value": "00:1C:05:00:78:25"}],
        "status": "active",
    }
    assert taken(device, observed(SPO2, 96, device={"reference": "urn:uuid:0"})).sensor == "001C05007825"


def test_what_was_measured_together_is_one_set_and_what_was_not_is_not() -> None:
    together = [observed(SPO2, 96, own="s"), observed(PULSE, 88, own="p"), pressure(120, 60, own="bp")]
    one = taken(*together)
    assert (one.spo2, one.pulse, one.systolic, one.diastolic) == (96, 88, 120, 60)
    assert taken(*reversed(together)).id == one.id, "in whatever order"
    later = observed(RATE, 18, at="2026-11-21T10:00:01Z")
    assert len(decoded(*together, later).sets) == 2
    assert len(decoded(*together, observed(RATE, 18, device={"reference": "Device/2"})).sets) == 2
    assert [each.spo2 for each in decoded(observed(SPO2, 96), observed(SPO2, 84)).sets] == [96, 84]
    air = observed(concept("722742002", SNOMED))
    assert len(decoded(air, observed("3151-8", valueQuantity=quantity(2, "L/min"))).sets) == 2


def test_a_panel_of_members_is_its_members() -> None:
    panel = observed("85353-1", hasMember=[{"reference": "urn:uuid:1"}, {"reference": "urn:uuid:2"}])
    one = taken(panel, observed(SPO2, 96), observed(PULSE, 88))
    assert (one.spo2, one.pulse) == (96, 88)


@pytest.mark.parametrize(
    "total",
    [
        {"valueInteger": 5},
        {"valueQuantity": quantity(5, "{ScoreOf}")},
        {"valueQuantity": {"value": 5, "unit": "score", "code": "{score}"}},
    ],
)
def test_a_score_goes_with_what_it_was_made_of(total: dict[str, Any]) -> None:
    parts = [{"code": concept("1104301000000104", SNOMED), "valueQuantity": quantity(2, "{ScoreOf}")}]
    score = observed(concept(NEWS2, SNOMED), at="2026-11-21T10:02:00Z", component=parts, **total)
    score["derivedFrom"] = [{"reference": "urn:uuid:1"}, {"reference": "urn:uuid:2"}]
    found = decoded(score, observed(SPO2, 96), observed(PULSE, 88, at="2026-11-21T10:01:00Z"))
    assert [one.reported_news2 for one in found.sets] == [None, 5]
    part = observed(concept("1104301000000104", SNOMED), valueInteger=2)
    assert taken(part, observed(RATE, 21)).respiratory_rate == 21
    assert "without the measurements" in refused(score)[1]
    assert refused(observed(concept(NEWS2, SNOMED), valueInteger=21))[0] == "Observation.value"


def test_a_battery_goes_with_its_device_and_is_no_measurement_alone() -> None:
    battery = observed(concept("67996", MDC), valueQuantity=quantity(80, "%"), subject={"reference": "Device/1"})
    assert taken(battery, observed(SPO2, 96)).battery == 80
    assert taken(battery, observed(SPO2, 96, subject=named("9434765919"))).battery == 80
    assert "without the measurements" in refused(battery)[1]


def test_a_short_series_is_one_measurement_and_a_long_one_is_not() -> None:
    unit = {"system": "http://unitsofmeasure.org", "code": "/min"}
    series = {"origin": unit, "period": 1000, "dimensions": 1, "data": "70 72 E 71"}
    found = decoded(observed(PULSE, valueSampledData=series))
    assert found.odd, "a sample failed"
    whole = series | {"data": "70 72 71"}
    assert taken(observed(PULSE, valueSampledData=whole)).pulse == 71
    assert taken(observed(PULSE, valueSampledData=whole | {"factor": 2})).pulse == 142
    day = aside(observed(PULSE, valueSampledData=whole | {"period": 3_600_000}))
    assert (day.reason, day.reads and day.reads.pulse) == ("time not known", 71)
    for broken in ({"data": "70 x"}, {"dimensions": 2}, {"data": ""}):
        assert refused(observed(PULSE, valueSampledData=whole | broken))[0] == "Observation.valueSampledData"


def test_what_cannot_be_a_measurement_is_refused_alone_and_told() -> None:
    found = decoded(observed(SPO2, 0), observed(PULSE, 88))
    assert [(one.spo2, one.pulse) for one in found.sets] == [(None, 88)]
    assert [one.values[0].field for one in found.impossible] == ["spo2"]
    assert [one.field for one in found.refused] == ["Bundle.entry[0].resource"]


def test_a_faulty_entry_is_refused_by_its_path_and_the_others_are_read() -> None:
    broken = observed(PRESSURE, component=[{"code": {"coding": "x"}}])
    found = decoded(observed(SPO2, 96), broken)
    assert [one.spo2 for one in found.sets] == [96]
    assert [(one.index, one.field) for one in found.refused] == [
        (1, "Bundle.entry[1].resource.component[0].code.coding")
    ]
