"""Open mHealth data points: one measurement at a known time is a reading, and nothing else is."""

import csv
import json
from typing import Any

import pytest

from devices.formats.native import Malformed, TooManySets
from devices.formats.open_mhealth.body import decode
from devices.formats.open_mhealth.schema import SCHEMAS
from devices.posted import Decoded
from devices.reading import ReadingSet
from tests.conformance import CONFORMANCE

FOLDER = CONFORMANCE / "open_mhealth"
AT = "2026-11-21T10:00:00+00:00"
AN_HOUR = {"time_interval": {"start_date_time": "2026-11-21T09:00:00Z", "end_date_time": AT}}
PATIENT = "01a2005c-0000-7000-8000-000000000000"

ONES: dict[str, tuple[str, float, str, str, Any]] = {
    "heart-rate": ("heart_rate", 67.5, "beats/min", "pulse", 68),
    "oxygen-saturation": ("oxygen_saturation", 95, "%", "spo2", 95),
    "respiratory-rate": ("respiratory_rate", 12, "breaths/min", "respiratory_rate", 12),
    "body-temperature": ("body_temperature", 98.6, "F", "temperature_tenths", 370),
    "body-weight": ("body_weight", 154, "lb", "weight", 69.853225),
    "blood-glucose": ("blood_glucose", 99, "mg/dL", "glucose", 5.495233),
    "systolic-blood-pressure": ("systolic_blood_pressure", 120, "mmHg", "systolic", 120),
    "diastolic-blood-pressure": ("diastolic_blood_pressure", 80, "mmHg", "diastolic", 80),
}


def body(**members: Any) -> dict[str, Any]:
    """A heart rate at an instant, with these members in place of its own; None leaves one out."""
    whole = {"heart_rate": {"value": 60, "unit": "beats/min"}, "effective_time_frame": {"date_time": AT}} | members
    return {name: member for name, member in whole.items() if member is not None}


def point(what: dict[str, Any] | None = None, **header: Any) -> dict[str, Any]:
    """A data point with a header."""
    schema_id = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    return {"header": {"id": "p1", "schema_id": schema_id} | header, "body": body() if what is None else what}


def decoded(document: object) -> Decoded:
    """What a document holds."""
    return decode(json.dumps(document).encode())


def read(document: object) -> ReadingSet:
    """Its one set."""
    found = decoded(document)
    assert found.refused == []
    (one,) = found.sets
    return one


def refused(document: object) -> tuple[str, str]:
    """Place and reason of its one refusal."""
    found = decoded(document)
    assert found.sets == []
    (one,) = found.refused
    return one.field, one.reason


@pytest.mark.skipif(not FOLDER.exists(), reason="the conformance documents are not here")
@pytest.mark.parametrize("bare", [True, False])
def test_what_others_wrote_decodes_to_its_manifest_or_is_refused(bare: bool) -> None:
    with (FOLDER / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken = 0
    for row in rows:
        what = json.loads((FOLDER / row["file"]).read_bytes())
        namespace, name, version = row["schema"].split(":")
        schema_id = {"namespace": namespace, "name": name, "version": version}
        found = decoded(what if bare else point(what, schema_id=schema_id))
        at_an_instant = "date_time" in what.get("effective_time_frame", {})
        if row["expected"] != "valid" or not at_an_instant:
            assert (found.sets, len(found.refused)) == ([], 1), row["file"]
            continue
        taken += 1
        (one,) = found.sets
        for member, unit, value in (
            (said.split("=")[0], said.split(" ", 1)[1], float(said.split("=")[1].split()[0]))
            for said in row["decoded"].split("; ")
            if " " in said and said.split("=")[1][0].isdigit()
        ):
            assert _value_of(one, member) == pytest.approx((value - 32) * 5 / 9 if unit == "F" else value), row["file"]
    assert taken > 10


def _value_of(one: ReadingSet, member: str) -> Any:
    field = {"body_temperature": "temperature", "supplemental_oxygen_flow_rate": "oxygen_flow"}.get(member)
    sent = one.as_sent or {}
    if field == "temperature":
        return sent.get(field, (one.temperature_tenths or 0) / 10)
    if field == "oxygen_flow":
        return (one.oxygen_flow_hundredths or 0) / 100
    ours = next(fields[3] for fields in ONES.values() if fields[0] == member)
    return sent.get(ours, getattr(one, ours))


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name != "blood-pressure"])
def test_each_schema_is_read_with_its_units(name: str) -> None:
    member, value, unit, field, expected = ONES[name]
    schema_id = {"namespace": "omh", "name": name, "version": "1.0"}
    what = body(**{"heart_rate": None, member: {"value": value, "unit": unit}})
    assert getattr(read(point(what, schema_id=schema_id)), field) == expected
    wrong = body(**{"heart_rate": None, member: {"value": value, "unit": f"{unit}s"}})
    found = decoded(point(wrong, schema_id=schema_id))
    assert [odd.reason for odd in found.odd] == ["unit not known"]
    assert found.refused[0].field == f"body.{member}.unit"


def test_a_blood_pressure_is_one_set() -> None:
    both = body(
        heart_rate=None,
        systolic_blood_pressure={"value": 120, "unit": "mmHg"},
        diastolic_blood_pressure={"value": 80, "unit": "mmHg"},
    )
    one = read(both)
    assert (one.systolic, one.diastolic) == (120, 80)
    del both["diastolic_blood_pressure"]
    assert refused(both) == ("diastolic_blood_pressure", "required")


def test_units_of_other_schemas_are_not_taken_for_ones_own() -> None:
    for unit in ("bpm", "beat/min", "breaths/min", "/min"):
        assert refused(body(heart_rate={"value": 60, "unit": unit}))[1].startswith("kept aside: unit not known")


def test_a_value_alone_is_what_its_header_says() -> None:
    what = {"value": 110, "unit": "mmHg", "effective_time_frame": {"date_time": AT}}
    for name, field in (("systolic-blood-pressure", "systolic"), ("diastolic-blood-pressure", "diastolic")):
        one = read(point(what, schema_id={"namespace": "omh", "name": name}))
        assert getattr(one, field) == 110
    assert refused(what)[1].startswith("kept aside: code not known")


@pytest.mark.parametrize(
    ("members", "on_oxygen", "flow"),
    [({}, None, None), ({"supplemental_oxygen_flow_rate": {"value": 0, "unit": "L/min"}}, False, 0),
     ({"supplemental_oxygen_flow_rate": {"value": 2.5, "unit": "L/min"}}, True, 250),
     ({"oxygen_therapy_mode_of_administration": "nasal cannula"}, True, None)],
)  # fmt: skip
def test_oxygen_is_what_was_said_of_it(members: dict[str, Any], on_oxygen: bool | None, flow: int | None) -> None:
    one = read(body(heart_rate=None, oxygen_saturation={"value": 95, "unit": "%"}, **members))
    assert (one.on_oxygen, one.oxygen_flow_hundredths) == (on_oxygen, flow)


def test_the_id_is_the_headers_of_either_kind_and_else_what_the_body_says() -> None:
    assert read(point()).id == "p1"
    assert read(point(id=None, uuid="u1")).id == "u1"
    assert len(read(point(id="x" * 65)).id) <= 64
    assert read(body()).id == read(body(user_notes="dizzy")).id
    assert read(body()).id != read(body(effective_time_frame={"date_time": "2026-11-21T10:00:01Z"})).id


def test_whose_it_is_and_who_said_so() -> None:
    assert read(point(user_id="9434765919")).patient == "9434765919"
    assert read(point(user_id=PATIENT)).patient == PATIENT
    assert read(point(user_id="joe")).patient is None
    assert read(point(user_id="9434765918")).patient is None, "no NHS number"
    assert (
        read(point(acquisition_provenance={"source_name": "x", "modality": "self-reported"})).assessed_by == "patient"
    )
    assert read(point(modality="self-reported")).assessed_by == "patient"
    assert read(point(modality="sensed")).assessed_by is None


@pytest.mark.parametrize(
    ("interval", "minute"),
    [({"start_date_time": "2026-11-21T09:58:00Z", "end_date_time": AT}, 0),
     ({"start_date_time": AT, "duration": {"value": 1, "unit": "min"}}, 1),
     ({"end_date_time": AT, "duration": {"value": 300, "unit": "sec"}}, 0)],
)  # fmt: skip
def test_what_lasted_no_longer_than_a_measurement_was_taken_at_its_end(interval: dict[str, Any], minute: int) -> None:
    assert read(body(effective_time_frame={"time_interval": interval})).taken_at.minute == minute


@pytest.mark.parametrize(
    "frame",
    [None, AN_HOUR, {"time_interval": {"start_date_time": AT, "duration": {"value": 1, "unit": "wk"}}},
     {"time_interval": {"start_date_time": AT, "duration": {"value": 1e9, "unit": "sec"}}},
     {"time_interval": {"start_date_time": "9999-12-31T23:59:00Z", "duration": {"value": 5, "unit": "min"}}},
     {"time_interval": {"date": "2026-11-21", "part_of_day": "evening"}}],
)  # fmt: skip
def test_a_time_that_is_not_known_is_kept_aside_with_what_it_reads(frame: object) -> None:
    found = decoded(point(body(effective_time_frame=frame)))
    assert found.sets == []
    (odd,) = found.odd
    assert odd.reads is not None
    assert (odd.id, odd.reason, odd.taken_at, odd.reads.pulse) == ("p1", "time not known", None, 60)
    assert found.refused[0].field == "body.effective_time_frame"
    assert json.loads(bytes(odd.document))["body"]["heart_rate"]["value"] == 60


@pytest.mark.parametrize(
    ("frame", "place"),
    [({}, ""), ({"start_date_time": AT}, ""), ({"date_time": AT} | AN_HOUR, ""),
     ({"date_time": "2026-11-21T10:00"}, ".date_time"),
     ({"time_interval": {}}, ".time_interval"), ({"time_interval": {"start_date_time": AT}}, ".time_interval"),
     ({"time_interval": {"start_date_time": AT, "end_date_time": "2026-11-21T09:00:00Z"}}, ".time_interval"),
     ({"time_interval": {"date": "today", "part_of_day": "evening"}}, ".time_interval.date"),
     ({"time_interval": {"end_date_time": AT, "duration": {"value": -1, "unit": "sec"}}}, ".time_interval.duration")],
)  # fmt: skip
def test_a_time_frame_that_is_none_is_refused_by_its_place(frame: object, place: str) -> None:
    assert refused(point(body(effective_time_frame=frame)))[0] == f"body.effective_time_frame{place}"


@pytest.mark.parametrize("statistic", ["average", "minimum", "maximum", "minmum"])
def test_what_describes_many_measurements_is_no_reading(statistic: str) -> None:
    place, reason = refused(body(descriptive_statistic=statistic))
    assert (place, reason.startswith(statistic)) == ("descriptive_statistic", True)
    assert decoded(body(descriptive_statistic=statistic)).odd == []


def test_what_was_measured_at_work_asleep_or_at_a_finger_is_low() -> None:
    for when, quality in (
        ("at rest", "good"),
        ("before exercise", "good"),
        ("active", "low"),
        ("during exercise", "low"),
    ):
        assert read(body(temporal_relationship_to_physical_activity=when)).quality == quality
    for when, quality in (("on waking", "good"), ("during sleep", "low")):
        assert read(body(temporal_relationship_to_sleep=when)).quality == quality
    warm = {"heart_rate": None, "body_temperature": {"value": 36.6, "unit": "C"}}
    for where, quality in (("oral", "good"), ("finger", "low")):
        assert read(body(measurement_location=where, **warm)).quality == quality
    assert refused(body(temporal_relationship_to_sleep="at noon"))[0] == "temporal_relationship_to_sleep"


def test_what_is_no_vital_sign_is_refused_and_what_is_not_known_is_kept_aside() -> None:
    for name in ("step-count", "sleep-duration", "total-sleep-time", "body-height", "physical-activity"):
        assert refused(point({}, schema_id={"namespace": "omh", "name": name}))[1].endswith("not kept here")
    for schema_id in (
        {"namespace": "omh", "name": "aura"}, {"namespace": "acme", "name": "heart-rate"},
        {"namespace": "omh", "name": "heart-rate", "version": "9.0"}, {"name": "heart-rate", "version": "one"},
    ):  # fmt: skip
        found = decoded(point(schema_id=schema_id))
        assert [odd.reason for odd in found.odd] == ["code not known"], schema_id
    assert refused({}) == ("", "holds no vital sign that is read here")
    sugar = {"heart_rate": None, "blood_glucose": {"value": 5, "unit": "mmol/L"}}
    assert read(body(specimen_source="capillary blood", **sugar)).glucose == 5
    assert refused(body(specimen_source="urine", **sugar))[1].startswith("kept aside: code not known")


@pytest.mark.parametrize(
    ("document", "place"),
    [(point(body(heart_rate={"value": 60})), "body.heart_rate.unit"),
     (point(body(heart_rate={"unit": "x"})), "body.heart_rate.value"),
     (body(heart_rate={"value": "60", "unit": "beats/min"}), "heart_rate.value"), (point({}), "body.heart_rate"),
     (point(body(heart_rate={"value": 400, "unit": "beats/min"})), "body.heart_rate.value"),
     (body(effective_time_frame={"date_time": "1999-11-21T10:00:00Z"}), "effective_time_frame"), (7, "")],
)  # fmt: skip
def test_a_fault_is_named_by_its_place(document: object, place: str) -> None:
    assert refused(document)[0] == place


def test_elements_are_judged_alone() -> None:
    found = decoded([point(id="a"), 7, point(body(descriptive_statistic="average")), point(id="b")])
    assert [one.id for one in found.sets] == ["a", "b"]
    assert [(one.index, one.field) for one in found.refused] == [(1, ""), (2, "body.descriptive_statistic")]


def test_what_the_database_would_not_hold_as_json_is_kept_as_text() -> None:
    endless = {"time_interval": {"start_date_time": AT, "duration": {"value": 1e300, "unit": "sec"}}}
    for what in (body(effective_time_frame=None, user_notes="a\0b"), body(effective_time_frame=endless)):
        (odd,) = decoded(what).odd
        kept = json.loads(bytes(odd.document))
        assert isinstance(kept, str)
        assert json.loads(kept) == what


def test_what_is_not_json_and_what_is_too_much_is_said_of_the_whole() -> None:
    for document in (
        b"",
        b"{",
        b"[{}",
        b'{"heart_rate": 1, "x": ',
        b'{"body":' * 100_000,
        b"[" * 100_000,
        b'{"\xff": 1}',
    ):
        with pytest.raises(Malformed):
            decode(document)
    with pytest.raises(TooManySets):
        decoded([body()] * 1001)
