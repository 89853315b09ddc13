"""Bluetooth frames: what their bytes say, exactly, and what is never taken for a reading."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.gatt import clocks
from devices.formats.gatt.body import decode
from devices.formats.gatt.numbers import FLOAT_SPECIALS, SFLOAT_SPECIALS, Special, long_float, sfloat
from devices.formats.native import Malformed, TooManySets
from devices.posted import Decoded
from devices.reading import ReadingSet, Refusal, content_of
from tests.conformance import CONFORMANCE

VECTORS = CONFORMANCE / "gatt_vectors.csv"
HEARD = datetime(2026, 3, 14, 8, 30, 4, 500_000, tzinfo=UTC)
SPOT, CONTINUOUS, CUFF, HEART, HEAT, SCALE, BATTERY = "2A5E", "2A5F", "2A35", "2A37", "2A1C", "2A9D", "2A19"
LIVE, STORED = (
    "2000",
    "2002",
)  # a PLX measurement status: ongoing; from memory. Little-endian, so that these are bits 5, 9


def frame(characteristic: str, value: str, heard: datetime = HEARD) -> dict[str, str]:
    """A frame as a hub posts it."""
    return {"characteristic": characteristic, "value": value.replace(" ", ""), "received_at": heard.isoformat()}


def decoded(*frames: object) -> Decoded:
    """What a request of these frames holds."""
    return decode(json.dumps({"frames": frames}).encode())


def read(characteristic: str, value: str, heard: datetime = HEARD) -> ReadingSet:
    """The one set of a frame."""
    found = decoded(frame(characteristic, value, heard))
    assert found.refused == []
    (one,) = found.sets
    return one


def refused(characteristic: str, value: str) -> str:
    """Why a frame is refused. Its place is its value."""
    found = decoded(frame(characteristic, value))
    assert found.sets == []
    (one,) = found.refused
    assert (one.index, one.field) == (0, "frames[0].value")
    return one.reason


def shown(at: str) -> str:
    """A date and time as seven bytes: `2026-03-14T08:30:00`."""
    day, time = at.split("T")
    year, *rest = map(int, (*day.split("-"), *time.split(":")))
    return year.to_bytes(2, "little").hex() + bytes(rest).hex()


def vectors() -> list[dict[str, str]]:
    if not VECTORS.exists():
        return []
    with VECTORS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


NUMBERS: dict[str, Callable[[int], Decimal | Special]] = {"SFLOAT": sfloat, "FLOAT": long_float}
NO_FRAMES = {"2A08", "2A36", "OMRON14-LE"}
IN_OURS = {"spo2": "spo2", "pulse": "pulse", "hr": "pulse", "systolic": "systolic", "diastolic": "diastolic",
           "temperature": "temperature", "weight": "weight"}  # fmt: skip


@pytest.mark.skipif(not VECTORS.exists(), reason="the conformance vectors are not here")
def test_numbers_that_others_decoded_come_to_the_same() -> None:
    rows = [row for row in vectors() if row["characteristic"] in NUMBERS]
    assert len(rows) > 10
    for row in rows:
        said = json.loads(row["expected"])
        found = NUMBERS[row["characteristic"]](int.from_bytes(bytes.fromhex(row["hex"]), "little"))
        assert found == (said["special"] if "special" in said else Decimal(str(said["value"]))), row["id"]


@pytest.mark.parametrize(
    "row", [row for row in vectors() if row["characteristic"] not in NUMBERS], ids=lambda row: row["id"]
)
def test_frames_that_others_decoded_come_to_the_same_or_are_refused(row: dict[str, str]) -> None:
    found = decoded(frame(row["characteristic"], row["hex"]))
    expected = json.loads(row["expected"] or "{}")
    values = {IN_OURS[name]: value for name, value in expected.items() if name in IN_OURS}
    if row["characteristic"] == "2A08":
        assert (
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*clocks.date_time(bytes.fromhex(row["hex"])))
            == (expected["timestamp"])
        )
    if row["valid"] != "valid" or row["characteristic"] in NO_FRAMES or values.get("pulse") in {0, 32896, "NaN"}:
        assert (found.sets, len(found.refused)) == ([], 1)
        return
    (one,) = found.sets
    sent = {"temperature": (one.temperature_tenths or 0) / 10} | (one.as_sent or {})
    for name, value in values.items():
        kilopascals = expected.get("unit") == "kPa" and name in {"systolic", "diastolic"}
        in_ours = value * 7.500617 if kilopascals else value
        assert sent.get(name, getattr(one, name, None)) == pytest.approx(in_ours, rel=1e-6), name


@given(st.integers(-2048, 2047), st.integers(-8, 7))
def test_every_number_of_sixteen_bits_is_itself_and_only_the_specials_are_none(mantissa: int, exponent: int) -> None:
    raw = (exponent & 0xF) << 12 | mantissa & 0xFFF
    assert sfloat(raw) == SFLOAT_SPECIALS.get(raw, Decimal(mantissa).scaleb(exponent))


@given(st.integers(-(2**23), 2**23 - 1), st.integers(-128, 127))
def test_every_number_of_thirty_two_bits_likewise(mantissa: int, exponent: int) -> None:
    raw = (exponent & 0xFF) << 24 | mantissa & 0xFFFFFF
    assert long_float(raw) == FLOAT_SPECIALS.get(raw, Decimal(mantissa).scaleb(exponent))


def test_specials_are_those_of_the_standard_and_only_with_exponent_zero() -> None:
    named = {"NaN": (0x07FF, 0x7FFFFF), "NRes": (0x0800, 0x800000), "+INF": (0x07FE, 0x7FFFFE)}
    named |= {"-INF": (0x0802, 0x800002), "reserved": (0x0801, 0x800001)}
    assert {name: (sfloat(short), long_float(long)) for name, (short, long) in named.items()} == {
        name: (name, name) for name in named
    }
    assert (sfloat(0xF7FF), long_float(0xFF800000)) == (Decimal("204.7"), Decimal("-838860.8"))


def test_each_characteristic_is_read_by_its_layout() -> None:
    at = shown("2026-03-14T08:30:00")
    spot = read(SPOT, f"01 6100 4800 {at}")
    assert (spot.spo2, spot.pulse, spot.clock, spot.taken_at) == (
        97,
        72,
        "synced",
        datetime(2026, 3, 14, 8, 30, tzinfo=UTC),
    )
    cuff = read(CUFF, f"1E 8000 5000 6000 {at} 4800 01 0000")
    assert (cuff.systolic, cuff.diastolic, cuff.pulse, cuff.slot, cuff.quality) == (128, 80, 72, 1, "good")
    assert read(CUFF, f"0A 8000 5000 6000 {at} FF").slot is None, "255 is nobody"
    assert read(CUFF, "00 8000 5000 6000").taken_at == HEARD.replace(microsecond=0)
    assert read(HEAT, f"06 72 0100 FF {at} 02").temperature_tenths == 370
    assert read(HEAT, "01 DA0300FF").temperature_tenths == 370, "98.6 °F"
    assert read(SCALE, "00 483A").weight == 74.6
    assert read(SCALE, "01 204E").weight == 90.718474, "200 lb"
    assert read(SCALE, f"0E 703F {at} 02 0001 F406").slot == 2
    assert read(HEART, "16 48 0004").pulse == 72
    full = read(CONTINUOUS, "1F 6200 4800 6100 4700 6000 4600 0001 000000 2AF0")
    assert (full.spo2, full.pulse, full.clock) == (98, 72, "assumed")


def test_a_characteristic_may_be_written_in_full() -> None:
    for name in ("2a5e", "0x2A5E", "00002A5E-0000-1000-8000-00805f9b34fb"):
        assert read(name, "00 6100 4800").id.startswith("2A5E-006100")


@pytest.mark.parametrize("value", ["", "00", "00 6100 48", "00 6100 4800 00", "01 6100 4800 EA07", "1F 6100 4800"])
def test_a_frame_that_is_not_as_long_as_its_flags_say_is_refused(value: str) -> None:
    assert "bytes: " in refused(SPOT, value)


def test_every_cut_and_every_added_byte_of_every_layout_is_refused() -> None:
    at = shown("2026-03-14T08:30:00")
    whole = {
        SPOT: f"0F6100 4800{at}2000000000 2AF0", CONTINUOUS: "1F62004800610047006000460000010000002AF0",
        CUFF: f"1E800050006000{at}4800010000", HEAT: f"0672 0100FF{at}02", SCALE: f"0E703F{at}020001F406",
        BATTERY: "50", HEART: "0E4B8000",
    }  # fmt: skip
    for name, value in whole.items():
        sound = value.replace(" ", "")
        assert decoded(frame(name, sound)).refused == []
        for length in range(0, len(sound), 2):
            assert decoded(frame(name, sound[:length])).refused, (name, length)
        assert decoded(frame(name, f"{sound}00")).refused, name


def test_what_is_no_number_is_no_value_and_a_set_of_nothing_else_says_so() -> None:
    assert refused(SPOT, "00 FF07 FF07") == "no value: SpO2 is NaN, pulse is NaN"
    assert refused(CUFF, "00 FF07 0008 FF07") == "no value: systolic is NaN, diastolic is NRes"
    assert refused(HEAT, "00 FEFF7F00") == "no value: temperature is +INF"
    assert "unsuccessful" in refused(SCALE, "00 FFFF")
    half = read(SPOT, "00 FF07 4800")
    assert (half.spo2, half.pulse) == (None, 72)


@pytest.mark.parametrize(
    ("status", "quality"),
    [(0, "good"), (1 << 5, "good"), (1 << 8, "good"), (1 << 6, "low"), (1 << 14, "low"), (1 << 10, "test"),
     (1 << 11, "test"), (1 << 12, "test"), (1 << 14 | 1 << 10, "test")],
)  # fmt: skip
def test_the_measurements_status_says_how_good_it_is(status: int, quality: str) -> None:
    assert read(CONTINUOUS, f"04 6100 4800 {status.to_bytes(2, 'little').hex()}").quality == quality


@pytest.mark.parametrize("bit", range(24))
def test_whatever_troubles_the_sensor_makes_it_low_and_nothing_is_dropped(bit: int) -> None:
    expected = "low" if 1 <= bit <= 15 else "good"
    assert read(CONTINUOUS, f"08 5000 4800 {(1 << bit).to_bytes(3, 'little').hex()}").quality == expected


def test_what_the_sensor_itself_calls_invalid_or_not_available_is_no_value() -> None:
    assert refused(CONTINUOUS, "04 6100 4800 0080").endswith("invalid")
    assert refused(CONTINUOUS, "04 6100 4800 0020").endswith("not available")


def test_a_cuff_that_was_loose_or_moved_or_put_wrong_is_low_and_an_irregular_pulse_is_not() -> None:
    found = [read(CUFF, f"10 8000 5000 6000 {1 << bit:02x}00").quality for bit in range(6)]
    assert found == ["low", "low", "good", "good", "good", "low"]


def test_a_pulse_without_contact_and_a_temperature_of_a_finger_are_low() -> None:
    assert [read(HEART, f"{contact << 1:02x} 48").quality for contact in range(4)] == ["good", "good", "low", "good"]
    assert [read(HEAT, f"04 7201 00FF {kind:02x}").quality for kind in (2, 4, 8)] == ["good", "low", "low"]


def test_what_cannot_be_a_measurement_is_refused_and_travels_on() -> None:
    found = decoded(frame(HEART, "06 00"), frame(CONTINUOUS, "00 6280 4880"), frame(HEART, "01 8080"))
    assert [one.reason for one in found.refused] == [
        "pulse: 0 is a failed measurement",
        "spo2: 0 is a failed measurement",
        "pulse: 32896 cannot be a measurement: 0 to 350 can",
    ]
    assert len(found.impossible) == 3


def test_what_is_no_reading_is_refused_and_what_is_not_known_is_kept_aside() -> None:
    assert decoded(frame("2B99", "a\0")).refused[0].reason == "is not hexadecimal"
    found = decoded(frame("2A36", "00 6F00"), frame("nonsense", "00"), frame("2B99", "aa"), frame(BATTERY, "65"))
    assert [one.field for one in found.refused] == [
        "frames[0].characteristic", "frames[1].characteristic", "frames[2].characteristic", "frames[3].value",
    ]  # fmt: skip
    assert found.refused[2].reason.startswith("kept aside: code not known: 2B99")
    ((odd,), document) = found.odd, {"characteristic": "2B99", "value": "aa"}
    assert (odd.reason, json.loads(bytes(odd.document))) == ("code not known", document)


def test_the_newest_battery_is_the_kits_and_no_reading() -> None:
    found = decoded(frame(BATTERY, "50", HEARD + timedelta(seconds=9)), frame(BATTERY, "32"))
    assert (found.battery, found.sets, found.refused) == (80, [], [])


def test_a_clock_that_is_right_enough_is_believed_and_measured() -> None:
    found = decoded(frame(SPOT, f"01 6100 4800 {shown('2026-03-14T08:33:04')}"))
    (one,) = found.sets
    assert (one.taken_at.minute, one.clock, found.clock_offset_s) == (33, "synced", 180)


def test_summer_time_is_londons() -> None:
    heard = datetime(2026, 7, 1, 11, 0, 1, tzinfo=UTC)
    one = read(SPOT, f"01 6100 4800 {shown('2026-07-01T12:00:00')}", heard)
    assert (one.taken_at.hour, one.clock) == (11, "synced")


@pytest.mark.parametrize("hour", [0, 1])
def test_an_hour_that_is_there_twice_is_the_one_nearer_to_its_reception(hour: int) -> None:
    heard = datetime(2026, 10, 25, hour, 30, 5, tzinfo=UTC)
    assert read(SPOT, f"01 6100 4800 {shown('2026-10-25T01:30:00')}", heard).taken_at.hour == hour


def test_a_live_frame_measures_a_wrong_clock_and_what_was_stored_is_put_right_by_it() -> None:
    day_behind = decoded(
        frame(SPOT, f"03 6000 4800 {shown('2026-03-13T02:30:00')} {STORED}"),
        frame(SPOT, f"03 6100 4800 {shown('2026-03-13T08:30:04')} {LIVE}"),
    )
    stored, live = day_behind.sets
    second = HEARD.replace(microsecond=0)
    assert (live.taken_at, live.clock) == (second, "corrected")
    assert (stored.taken_at, stored.clock) == (second - timedelta(hours=6, seconds=4), "corrected")
    assert day_behind.clock_offset_s == -86_400


def test_a_cuff_that_shows_summer_time_in_winter_is_put_right_by_its_newest() -> None:
    found = decoded(
        frame(CUFF, f"02 8000 5000 6000 {shown('2026-03-13T21:00:00')}"),
        frame(CUFF, f"02 8200 5000 6000 {shown('2026-03-14T09:30:04')}"),
    )
    assert [(one.taken_at, one.clock) for one in found.sets] == [
        (datetime(2026, 3, 13, 20, tzinfo=UTC), "corrected"),
        (HEARD.replace(microsecond=0), "corrected"),
    ]
    assert found.clock_offset_s == 3600


def test_what_a_cuff_stored_is_taken_at_its_word_where_nothing_speaks_against_it() -> None:
    one = read(CUFF, f"02 8000 5000 6000 {shown('2026-03-13T21:00:00')}")
    assert (one.taken_at, one.clock) == (datetime(2026, 3, 13, 21, tzinfo=UTC), None)


def test_a_time_that_nobody_can_know_is_kept_aside_with_what_it_reads() -> None:
    stored = [
        f"03 5400 4800 {shown('2026-03-15T08:30:00')} {STORED}",  # it had not come
        f"03 5400 4800 {shown('0000-00-00T08:30:00')} {STORED}",
        f"13 5400 4800 {shown('2026-03-14T07:30:00')} {STORED}",  # the clock was not set
        f"02 5400 4800 {STORED}",
    ]
    for value in stored:
        found = decoded(frame(SPOT, value))
        assert found.sets == []
        (odd,), (said,) = found.odd, found.refused
        assert said.reason.startswith("kept aside: time not known: 2A5E: ")
        assert odd.reads is not None
        assert (odd.taken_at, odd.reads.spo2) == (None, 84)
        assert decoded(frame(SPOT, value, HEARD + timedelta(hours=1))).odd == [odd], "sent again, it is the same"


def test_a_live_frame_without_a_date_is_taken_when_it_is_heard() -> None:
    for value in (
        f"02 8000 5000 6000 {shown('0000-04-17T20:41:59')}",
        f"02 8000 5000 6000 {shown('1970-01-01T00:00:00')}",
    ):
        one = read(CUFF, value)
        assert (one.taken_at, one.clock) == (HEARD.replace(microsecond=0), "assumed")


def test_two_without_a_date_at_once_come_from_a_memory() -> None:
    unknown = shown("0000-04-17T20:41:59")
    found = decoded(frame(CUFF, f"02 8000 5000 6000 {unknown}"), frame(CUFF, f"02 8200 5000 6000 {unknown}"))
    assert (found.sets, len(found.odd)) == ([], 2)


def test_a_date_that_is_in_no_calendar_is_refused() -> None:
    assert refused(SPOT, f"01 6100 4800 {shown('2026-02-30T08:30:00')}") == "its time is none: 2026-02-30T08:30:00"


def test_a_stored_frame_heard_again_is_the_same_set_and_equal_live_ones_are_not() -> None:
    stored = f"03 6100 4800 {shown('2026-03-14T02:30:00')} {STORED}"
    assert read(SPOT, stored) == read(SPOT, stored, HEARD + timedelta(hours=5))
    live = f"02 8000 5000 6000 {shown('2026-03-14T08:30:00')}"
    first, again = read(CUFF, live), read(CUFF, live, HEARD + timedelta(hours=5))
    assert (first.clock, again.clock, content_of(first)) == ("synced", None, content_of(again))
    same, later = HEARD + timedelta(milliseconds=300), HEARD + timedelta(seconds=1)
    assert read(HEART, "00 48") == read(HEART, "00 48", same)
    assert read(HEART, "00 48").id != read(HEART, "00 48", later).id
    long = read(HEART, "10 48" + "0004" * 60)
    assert len(long.id) <= 64


def test_faults_of_form_are_named_by_their_place_and_others_are_still_taken() -> None:
    sound = frame(HEART, "00 48")
    found = decoded(
        sound, {**sound, "valu": 1}, {**sound, "value": "0"}, {**sound, "value": 7},
        {**sound, "received_at": "2026-03-14T08:30"}, {**sound, "received_at": "1999-03-14T08:30:00Z"},
        {"characteristic": HEART, "value": "0048"}, 7,
    )  # fmt: skip
    assert len(found.sets) == 1
    assert [(one.index, one.field) for one in found.refused] == [
        (1, "frames[1].valu"), (2, "frames[2].value"), (3, "frames[3].value"), (4, "frames[4].received_at"),
        (5, "frames[5].received_at"), (6, "frames[6].received_at"), (7, "frames[7]"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "field"),
    [({}, "frames"), ({"frames": [], "x": 1}, "x"), ({"frames": 1}, "frames"), ([], "")],
)
def test_a_body_that_is_no_list_of_frames_is_refused_by_name(document: Any, field: str) -> None:
    found = decode(json.dumps(document).encode())
    assert [(one.index, one.field) for one in found.refused] == [(0, field)]
    assert isinstance(found.refused[0], Refusal)


def test_what_is_not_json_and_what_is_too_much_is_said_of_the_whole() -> None:
    for document in (b"", b"{", b'{"frames": [', b'{"x": 1, "frames": [}', b'{"frames":' * 100_000):
        with pytest.raises(Malformed):
            decode(document)
    for one in (frame(HEART, "00 48"), 7):
        with pytest.raises(TooManySets):
            decoded(*[one] * 1001)
