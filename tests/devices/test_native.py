"""`POST /v1/readings`, decoded: what is taken, in which units, and what is refused, by name."""

from datetime import UTC, datetime

import pytest

from devices.formats.native import SETS_MAX, TooManySets, decode
from devices.posted import NUMBERS
from devices.reading import ReadingSet, content_of
from tests.devices.posting import body, fields_of, numbers, only, posted, refused, taken

WHOLE = {
    "id": "a1", "taken_at": "2026-11-21T10:00:00+00:00",
    "respiratory_rate": 18, "spo2": 96, "oxygen_flow": 0, "systolic": 128, "diastolic": 74, "pulse": 88,
    "consciousness": "A", "temperature": 37.1, "weight": 70.2, "glucose": 6.1, "peak_flow": 310,
    "assessed_by": "patient", "wellness": "same", "battery": 80, "quality": "good", "declined": None,
}  # fmt: skip


def test_the_contracts_own_example_is_taken_whole() -> None:
    assert taken(body(WHOLE)) == ReadingSet(
        id="a1",
        taken_at=datetime(2026, 11, 21, 10, tzinfo=UTC),
        respiratory_rate=18,
        spo2=96,
        on_oxygen=False,
        oxygen_flow_hundredths=0,
        systolic=128,
        diastolic=74,
        pulse=88,
        consciousness="A",
        temperature_tenths=371,
        weight=70.2,
        glucose=6.1,
        peak_flow=310,
        assessed_by="patient",
        wellness="same",
        battery=80,
    )


@pytest.mark.parametrize(
    ("sent", "utc"),
    [
        ("2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("2026-06-21T10:00:00+01:00", datetime(2026, 6, 21, 9, tzinfo=UTC)),
        ("2026-11-21T10:00:00.250-00:30", datetime(2026, 11, 21, 10, 30, 0, 250_000, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2100-12-31T23:59:59Z", datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_counts_in_utc(sent: str, utc: datetime) -> None:
    one = taken(body(posted(taken_at=sent)))
    assert (one.taken_at, one.taken_at.tzinfo) == (utc, UTC)


NAIVE = "Expected datetime with a timezone component"

REFUSED = [
    # what is posted                                    field             reason
    (only("id", spo2=96),                              "id",             "required"),
    (only("taken_at", spo2=96),                        "taken_at",       "required"),
    (posted(id=""),                                     "id",             "Expected str of length >= 1"),
    (posted(id="x" * 65),                               "id",             "Expected str of length <= 64"),
    (posted(id=7),                                      "id",             "Expected str, got int"),
    (posted(id="a\0b"),                                 "id",             "must not contain the character NUL"),
    (posted(patient="a\0b"),                            "patient",        "must not contain the character NUL"),
    (posted(declined="a\0b"),                           "declined",       "must not contain the character NUL"),
    (posted(taken_at="2026-11-21T10:00:00"),            "taken_at",       NAIVE),
    (posted(taken_at="2026-02-30T10:00:00Z"),           "taken_at",       "Invalid RFC3339 encoded datetime"),
    (posted(taken_at="yesterday"),                      "taken_at",       "Invalid RFC3339 encoded datetime"),
    (posted(taken_at=1_795_255_200),                    "taken_at",       "Expected datetime, got int"),
    (posted(taken_at="1999-12-31T23:59:59Z"),           "taken_at",       "year 1999 is not between 2000 and 2100"),
    (posted(taken_at="2101-01-01T00:00:00Z"),           "taken_at",       "year 2101 is not between 2000 and 2100"),
    (posted(taken_at="0001-01-01T00:00:00+14:00"),      "taken_at",       "year 1 is not between 2000 and 2100"),
    (posted(taken_at="9999-12-31T23:59:59-14:00"),      "taken_at",       "year 9999 is not between 2000 and 2100"),
    (posted(sp02=96),                                   "sp02",           "unknown field"),
    (posted(SpO2=96),                                   "SpO2",           "unknown field"),
    (posted(method="phone"),                            "method",         "unknown field"),  # staff's only
    (posted(spo2="96"),                                 "spo2",           "Expected int | float | null, got str"),
    (posted(spo2=True),                                 "spo2",           "Expected int | float | null, got bool"),
    (posted(spo2=[96]),                                 "spo2",           "Expected int | float | null, got array"),
    (posted(on_oxygen=1),                               "on_oxygen",      "Expected bool | null, got int"),
    (posted(on_oxygen=True, oxygen_flow=0),             "on_oxygen",      "contradicts oxygen_flow"),
    (posted(on_oxygen=False, oxygen_flow=2),            "on_oxygen",      "contradicts oxygen_flow"),
    (posted(consciousness="alert"),                     "consciousness",  "Invalid enum value 'alert'"),
    (posted(assessed_by="hub"),                         "assessed_by",    "Invalid enum value 'hub'"),
    (posted(wellness="fine"),                           "wellness",       "Invalid enum value 'fine'"),
    (posted(quality="bad"),                             "quality",        "Invalid enum value 'bad'"),
    (posted(battery=101),                               "battery",        "Expected int <= 100"),
    (posted(battery=-0.5),                              "battery",        "Expected float >= 0.0"),
    (posted(declined=""),                               "declined",       "Expected str of length >= 1"),
    (posted(declined="x" * 201),                        "declined",       "Expected str of length <= 200"),
    (only(),                            "",               "holds no measurement; say why in declined"),
    (only(battery=80),                "",               "holds no measurement; say why in declined"),
    (only(quality="test"),            "",               "holds no measurement; say why in declined"),
    ("a1",                                              "",               "Expected object, got str"),
    (None,                                              "",               "Expected object, got null"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "field", "reason"), REFUSED)
def test_what_cannot_be_taken_is_refused_with_its_field_and_the_reason(one: object, field: str, reason: str) -> None:
    assert refused(body(one)) == (field, reason)


def test_each_element_of_an_array_is_judged_alone() -> None:
    sets = [one for one, *_ in REFUSED]
    every_second = [
        entry for pair in zip(sets, [posted(id=f"b{i}") for i in range(len(sets))], strict=True) for entry in pair
    ]
    decoded = decode(body(*every_second))
    assert [one.id for one in decoded.sets] == [f"b{i}" for i in range(len(sets))]
    assert fields_of(decoded) == [(place * 2, field) for place, (_, field, _) in enumerate(REFUSED)]


def test_an_array_of_sound_sets_is_taken_in_its_order() -> None:
    decoded = decode(body(*(posted(id=str(number)) for number in range(200))))
    assert [one.id for one in decoded.sets] == [str(number) for number in range(200)]
    assert decoded.refused == []


def test_an_empty_array_holds_nothing() -> None:
    assert decode(b" [ ] ") == decode(b"[]")
    assert (decode(b"[]").sets, decode(b"[]").refused) == ([], [])


@pytest.mark.parametrize("one", [posted(), {"id": "x"}, 1])
def test_a_thousand_sets_are_taken_and_one_more_is_too_many(one: object) -> None:
    decoded = decode(body(*[one] * SETS_MAX))
    assert len(decoded.sets) + len(decoded.refused) == SETS_MAX
    with pytest.raises(TooManySets, match="1001 sets; send at most 1000 at once"):
        decode(body(*[one] * (SETS_MAX + 1)))


@pytest.mark.parametrize(
    ("field", "written", "into", "units"),
    [
        ("temperature", "35.04", "temperature_tenths", 350),
        ("temperature", "35.05", "temperature_tenths", 351),
        ("temperature", "37.05", "temperature_tenths", 371),
        ("temperature", "37.94999999999999999999", "temperature_tenths", 380),  # the nearest binary number is 37.95
        ("temperature", "38.0500", "temperature_tenths", 381),
        ("temperature", "391e-1", "temperature_tenths", 391),
        ("temperature", "37", "temperature_tenths", 370),
        ("respiratory_rate", "20.5", "respiratory_rate", 21),
        ("respiratory_rate", "20.49", "respiratory_rate", 20),
        ("respiratory_rate", "2.05E+1", "respiratory_rate", 21),
        ("spo2", "91.5", "spo2", 92),
        ("spo2", "95.0", "spo2", 95),
        ("systolic", "90.5", "systolic", 91),
        ("diastolic", "59.5", "diastolic", 60),
        ("pulse", "130.5", "pulse", 131),
        ("oxygen_flow", "0.125", "oxygen_flow_hundredths", 13),
        ("oxygen_flow", "1.5", "oxygen_flow_hundredths", 150),
    ],
)
def test_a_value_is_rounded_once_half_up_in_decimal(field: str, written: str, into: str, units: int) -> None:
    assert getattr(taken(numbers(**{field: written})), into) == units


@pytest.mark.parametrize(
    ("field", "written", "as_sent"),
    [
        ("temperature", "35.05", {"temperature": 35.05}),
        ("temperature", "35.10", None),
        ("temperature", "37", None),
        ("respiratory_rate", "20.5", {"respiratory_rate": 20.5}),
        ("respiratory_rate", "20.0", None),
        ("oxygen_flow", "0.125", {"oxygen_flow": 0.125}),
        ("oxygen_flow", "0.25", None),
        ("weight", "70.249", None),  # kept as it is
    ],
)
def test_what_was_sent_is_kept_beside_exactly_where_rounding_changed_it(
    field: str, written: str, as_sent: dict[str, float] | None
) -> None:
    assert taken(numbers(**{field: written})).as_sent == as_sent


def test_rarer_measurements_are_kept_as_they_were_sent() -> None:
    one = taken(numbers(weight="70.249", glucose="6.15", peak_flow="310.5"))
    assert (one.weight, one.glucose, one.peak_flow) == (70.249, 6.15, 310.5)


@pytest.mark.parametrize(
    ("oxygen", "on_oxygen", "hundredths"),
    [
        ({}, None, None),
        ({"oxygen_flow": 0}, False, 0),
        ({"oxygen_flow": 2}, True, 200),
        ({"oxygen_flow": 0.004}, True, 0),
        ({"on_oxygen": True}, True, None),
        ({"on_oxygen": False}, False, None),
        ({"on_oxygen": True, "oxygen_flow": 2}, True, 200),
        ({"on_oxygen": False, "oxygen_flow": 0}, False, 0),
    ],
)
def test_oxygen_is_a_flow_or_only_whether(
    oxygen: dict[str, float], on_oxygen: bool | None, hundredths: int | None
) -> None:
    one = taken(body(posted(**oxygen)))
    assert (one.on_oxygen, one.oxygen_flow_hundredths) == (on_oxygen, hundredths)


@pytest.mark.parametrize(
    "answer", [{"declined": "asleep"}, {"consciousness": "A"}, {"wellness": "worse"}, {"on_oxygen": False}]
)
def test_an_answer_is_enough_where_nothing_was_measured(answer: dict[str, object]) -> None:
    one = taken(body(only(**answer)))
    assert one.spo2 is None
    assert {name: getattr(one, name) for name in answer} == answer


def test_staff_say_how_they_came_by_a_set_and_who_measured_it() -> None:
    one = taken(body(posted(method="phone", measured_by="a carer")), by_staff=True)
    assert (one.method, one.measured_by) == ("phone", "a carer")


def test_what_staff_say_holds_no_nul_either() -> None:
    assert refused(body(posted(method="ph\0ne")), by_staff=True) == ("method", "must not contain the character NUL")


def test_staffs_arrays_are_judged_one_by_one_too() -> None:
    decoded = decode(body(posted(method="phone"), posted(spo2="96"), posted(method="visit")), by_staff=True)
    assert [one.method for one in decoded.sets] == ["phone", "visit"]
    assert fields_of(decoded) == [(1, "spo2")]


def test_the_last_of_a_field_that_is_named_twice_counts() -> None:
    assert taken(numbers(spo2="96", pulse='70, "spo2": 84')).spo2 == 84


def test_null_is_not_measured() -> None:
    assert taken(body(posted(pulse=None, quality="low"))) == taken(body(posted(quality="low")))


def test_the_order_and_the_way_of_writing_do_not_make_other_content() -> None:
    one = taken(b'{"id":"a1","taken_at":"2026-11-21T10:00:00Z","spo2":96,"pulse":70,"temperature":37.0}')
    other = taken(
        b' {"pulse": 70.0, "temperature": 370e-1, "spo2": 96, "taken_at": "2026-11-21T11:00:00+01:00", "id": "a1"} '
    )
    assert content_of(one) == content_of(other)


@pytest.mark.parametrize("first", ["70", "70.0"])
@pytest.mark.parametrize("field", ["weight", "peak_flow", "glucose"])
def test_what_was_decoded_before_does_not_make_other_content(field: str, first: str) -> None:
    for _, _, values in NUMBERS:
        values.clear()
    assert len({content_of(taken(numbers(**{field: one}))) for one in (first, "70", "70.0")}) == 1


def test_any_other_value_makes_other_content() -> None:
    contents = {content_of(taken(body(posted(**other)))) for other in (
        {}, {"spo2": 95}, {"id": "a2"}, {"taken_at": "2026-11-21T10:00:01Z"}, {"temperature": 35.04},
        {"temperature": 35.0}, {"quality": "low"}, {"battery": 5}, {"declined": "asleep"},
    )}  # fmt: skip
    assert len(contents) == 9
