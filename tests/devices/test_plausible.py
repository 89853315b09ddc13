"""What is refused at the door, and what is kept and flagged: docs/clinical/policy.md, by table."""

from typing import Any

import pytest

from devices.formats.native import decode
from devices.plausible import POSSIBLE, PROBABLE, Measured, improbable, measured
from devices.reading import NoValue, Number
from tests.devices.posting import body, numbers, only, posted, refused, taken

POLICY = {
    # refused outside these only, however extreme
    "respiratory_rate": (1, 120),
    "spo2": (1, 100),
    "pulse": (1, 350),
    "systolic": (1, 350),
    "temperature": (20, 46),
}
MEASURED = sorted(POSSIBLE)
NEVER_ZERO = sorted(set(POSSIBLE) - {"oxygen_flow", "temperature"})


@pytest.mark.parametrize(("field", "low", "high"), [(field, *bounds) for field, bounds in POLICY.items()])
def test_the_policys_own_bounds_are_taken_and_what_is_beyond_is_refused(field: str, low: int, high: int) -> None:
    for value in (low, high):
        assert decode(body(only(**{field: value}))).refused == []
    for value in (high + 1, -1, low - 1):
        assert refused(body(only(**{field: value})))[0] == field


@pytest.mark.parametrize("field", MEASURED)
def test_both_ends_of_what_is_possible_are_taken_from_staff(field: str) -> None:
    for value in POSSIBLE[field]:
        assert decode(body(only(**{field: value})), by_staff=True).refused == []


@pytest.mark.parametrize("field", MEASURED)
def test_beyond_what_is_possible_is_refused_from_everybody(field: str) -> None:
    low, high = POSSIBLE[field]
    for value in (low - 0.1, high + 0.1, -1e300, 1e300):
        for by_staff in (False, True):
            named, reason = refused(body(only(**{field: value})), by_staff=by_staff)
            assert named == field
            assert reason.endswith(f"cannot be a measurement: {low} to {high} can")


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0", "0e9", "1e-400"])
@pytest.mark.parametrize("field", NEVER_ZERO)
def test_zero_from_a_device_is_a_failed_measurement(field: str, zero: str) -> None:
    assert refused(numbers(**{field: zero})) == (field, "0 is a failed measurement")


@pytest.mark.parametrize("field", ["respiratory_rate", "spo2", "systolic", "diastolic", "pulse"])
def test_what_the_chart_would_show_as_zero_is_a_failed_measurement_too(field: str) -> None:
    assert refused(numbers(**{field: "0.49"})) == (field, "0 is a failed measurement")
    assert taken(numbers(**{field: "0.5"})).flags == (field,)


@pytest.mark.parametrize("field", NEVER_ZERO)
def test_zero_from_staff_is_a_finding(field: str) -> None:
    one = taken(numbers(**{field: "0"}), by_staff=True)
    assert getattr(one, field) == 0
    assert one.flags == (field,)


def test_zero_oxygen_flow_is_room_air() -> None:
    assert taken(numbers(oxygen_flow="0")).on_oxygen is False


@pytest.mark.parametrize("field", MEASURED)
def test_the_improbable_is_kept_and_flagged(field: str) -> None:
    low, high = PROBABLE[field]
    for value in (low, high):
        assert taken(body(only(**{field: value}))).flags == ()
    lowest, highest = POSSIBLE[field]
    extreme = [value for value in (low - 0.1, high + 0.1) if lowest < value <= highest]
    for value in extreme:
        assert taken(body(only(**{field: value})), by_staff=True).flags == (field,)


@pytest.mark.parametrize(
    ("field", "value"),
    [("respiratory_rate", 2), ("spo2", 49), ("systolic", 39), ("pulse", 19), ("pulse", 301), ("temperature", 24.9)],
)
def test_peri_arrest_values_are_never_refused(field: str, value: Number) -> None:
    assert improbable(field, value)
    assert taken(body(only(**{field: value}))).flags == (field,)


def test_every_improbable_value_of_a_set_is_flagged() -> None:
    one = taken(body(posted(spo2=40, pulse=12, temperature=37.0)))
    assert one.flags == ("spo2", "pulse")


def test_what_is_improbable_is_possible() -> None:
    assert PROBABLE.keys() == POSSIBLE.keys()
    for field, (low, high) in PROBABLE.items():
        assert POSSIBLE[field][0] <= low < high <= POSSIBLE[field][1]


def test_an_impossible_value_travels_on_so_that_somebody_is_told() -> None:
    decoded = decode(body(posted(spo2=130, patient="p1")))
    (told,) = decoded.impossible
    assert (told.id, told.patient) == ("a1", "p1")
    assert told.values == (NoValue("spo2", 130, "130 cannot be a measurement: 0 to 100 can"),)


def test_what_else_a_refused_set_measured_travels_with_it() -> None:
    sent = {"pulse": 0, "temperature": 15, "spo2": 78, "respiratory_rate": 32.5, "consciousness": "V"}
    (told,) = decode(body(posted(**sent))).impossible
    assert [one.field for one in told.values] == ["pulse", "temperature"]
    sound = {name: value for name, value in sent.items() if name not in {"pulse", "temperature"}}
    assert told.rest == taken(body(posted(**sound)))


@pytest.mark.parametrize(
    ("sent", "on_oxygen"), [({"oxygen_flow": 101}, None), ({"oxygen_flow": 101, "on_oxygen": True}, True)]
)
def test_an_impossible_flow_does_not_say_whether_there_is_oxygen(sent: dict[str, Any], on_oxygen: bool | None) -> None:
    (told,) = decode(body(posted(spo2=84, **sent))).impossible
    assert told.rest is not None
    assert (told.rest.on_oxygen, told.rest.oxygen_flow_hundredths) == (on_oxygen, None)


def test_a_refused_set_that_held_nothing_else_has_no_rest() -> None:
    (told,) = decode(body(only(pulse=0, battery=80, patient="p1"))).impossible
    assert told.rest is None


def test_what_is_not_a_number_at_all_does_not_travel() -> None:
    assert decode(body(posted(spo2="130"))).impossible == []


def test_the_first_impossible_value_is_named() -> None:
    assert refused(body(posted(temperature=400, respiratory_rate=500)))[0] == "respiratory_rate"


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 4000, "1e308", "18446744073709551616"])
def test_an_endless_number_is_told_shortened(number: str) -> None:
    (told,) = decode(numbers(spo2=number)).impossible
    (failed,) = told.values
    assert abs(failed.value) == 10**15
    assert len(failed.reason) < 80


def test_what_values_come_to_is_remembered_only_so_far() -> None:
    temperatures = Measured("temperature", by_staff=False)
    found = [temperatures[20 + number / 250] for number in range(5_000)]
    assert len(temperatures) <= Measured.VALUES_MAX
    assert found == [measured("temperature", 20 + number / 250, by_staff=False) for number in range(5_000)]
