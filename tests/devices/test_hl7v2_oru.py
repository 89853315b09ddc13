"""ORU^R01: readings in every dialect are read as they are meant; what cannot be known is kept aside, never guessed."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.hl7v2.ack import acknowledge
from devices.formats.hl7v2.batch import acknowledge as acknowledge_batch
from devices.formats.hl7v2.batch import messages
from devices.formats.hl7v2.message import Refused, Unreadable, open_envelope
from devices.formats.hl7v2.observations import decode, observe
from devices.formats.hl7v2.results import Observations
from devices.reading import Odd, ReadingSet
from monitoring.hospital.readings import answer_to
from tests.conformance import CONFORMANCE
from tests.devices.oru import NAMES, TAKEN_AT, batch, obr, obx, oru, pid

MESSAGES = CONFORMANCE / "hl7v2"
OTHERS = pytest.mark.skipif(not MESSAGES.exists(), reason="messages of others, not of this project")
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SENT = "20261121100000"
GLOUCESTER = "9434765919^^^NHS^NH"
EARLY = "20261121030000+0000"


def found(*lines: str, encoding: str = "utf-8", **changed: str) -> Observations:
    """What a message of these lines holds."""
    return observe(open_envelope(oru(*lines, **changed).encode(encoding)), NOW)


def taken(*lines: str, **changed: str) -> ReadingSet:
    """The one set of these lines. Fails where anything was refused or kept aside."""
    decoded = found(*lines, **changed).decoded
    assert (decoded.refused, decoded.odd) == ([], [])
    (one,) = decoded.sets
    return one


def aside(*lines: str, **changed: str) -> Odd:
    """The one thing that is kept aside of these lines."""
    (one,) = found(*lines, **changed).decoded.odd
    return one


def says(one: ReadingSet) -> dict[str, Any]:
    """What a set measures and says, but for its id and time."""
    whole: dict[str, Any] = msgspec.to_builtins(one)
    return {name: value for name, value in whole.items() if name not in {"id", "taken_at"}}


def theirs(name: str) -> Observations:
    """A message of somebody else."""
    return observe(open_envelope((MESSAGES / name).read_bytes()), NOW)


@OTHERS
def test_the_blood_pressure_of_the_device_profile_has_its_parents_time() -> None:
    (one,) = theirs("hapi-pcd01-bp.hl7").decoded.sets
    assert says(one) == {"systolic": 120, "diastolic": 80, "sensor": "0123456789ABCDEF"}
    assert one.taken_at.isoformat() == "2009-08-13T09:57:15+00:00", "its clock is five hours off: another zone"


@OTHERS
def test_a_monitors_two_channels_that_agree_are_one_value() -> None:
    decoded = theirs("comen-vs8-oru.hl7").decoded
    (one,) = decoded.sets
    assert says(one) == {
        "spo2": 97, "pulse": 59, "respiratory_rate": 20, "temperature_tenths": 370, "systolic": 120, "diastolic": 80,
    }  # fmt: skip
    assert one.taken_at.isoformat() == "2025-06-09T17:51:27+00:00"
    assert (decoded.odd, decoded.refused, decoded.impossible) == ([], [], [])


@OTHERS
def test_the_observations_of_an_nhs_ward_are_read_and_their_scores_are_not_trusted() -> None:
    whole = theirs("polaris-oru-news2-full.hl7")
    (one,) = whole.decoded.sets
    assert says(one) == {
        "patient": "2222222222", "respiratory_rate": 10, "spo2": 94, "on_oxygen": True, "oxygen_flow_hundredths": 660,
        "systolic": 212, "diastolic": 152, "temperature_tenths": 349, "consciousness": "V", "assessed_by": "staff",
        "reported_news2": 2,
    }  # fmt: skip
    assert one.taken_at.isoformat() == "2019-01-30T13:09:26.870000+00:00", "as of its last value"
    assert [remark.place for remark in whole.remarks] == ["OBX[7]-5"], "the pulse, which the patient refused"
    (worry,) = whole.worries
    assert (worry.text, worry.patient) == ("Pallor or Cyanosis", "2222222222")
    sparse = theirs("polaris-oru-sparse.hl7")
    (one,) = sparse.decoded.sets
    assert says(one) == {"pulse": 250, "on_oxygen": False, "oxygen_flow_hundredths": 0, "reported_news2": 3}
    assert [remark.place for remark in sparse.remarks] == ["OBX[8]-5"], "a mask without oxygen"


@pytest.mark.parametrize(
    ("code", "kind", "value", "unit", "meant"),
    [
        ("59408-5^SpO2^LN", "NM", "97", "%^percent^UCUM", {"spo2": 97}),
        ("866661000000106^on air^SCT", "NM", "93", "%", {"spo2": 93, "on_oxygen": False}),
        ("8310-5^^LN", "NM", "98.6", "[degF]^^UCUM", {"temperature_tenths": 370}),
        ("188424^MDC_TEMP_ORAL^MDC", "ST", "37.1", "268192^^MDC", {"temperature_tenths": 371}),
        ("X1^our own^99ZZZ^8867-4^Heart rate^LN", "SN", "^72", "{beats}/min", {"pulse": 72}),
        ("HR", "NM", "72", "^bpm", {"pulse": 72}),
        ("150017^MDC_PRESS_BLD_SYS^MDC", "NM", "120", "266016^^MDC", {"systolic": 120}),
        ("150301^MDC_PRESS_CUFF_SYS^MDC", "NM", "120", "266016^^MDC", {"systolic": 120}),
        ("150031^MDC_PRESS_CUFF_SYS^MDC", "NM", "142", "266016^^MDC", {"systolic": 142}),
        ("149522^MDC_PULS_RATE^MDC", "NM", "59", "264864^^MDC", {"pulse": 59}),
        ("188736^^MDC", "NM", "185", "263904^^MDC", {"weight": 83.914588}),
        ("150021^^MDC", "NM", "16", "kPa", {"systolic": 120, "as_sent": {"systolic": 120.009852}}),
        ("ACVPU", "CE", "C^Confused", "", {"consciousness": "C"}),
        ("1104441000000107^ACVPU scale^SCT", "CWE", "450847001^Pain^SCT", "", {"consciousness": "P"}),
        ("371825009^on oxygen^SCT", "NM", "2", "L/min", {"on_oxygen": True, "oxygen_flow_hundredths": 200}),
        ("O2Delivery", "CE", "RA^Room air", "", {"on_oxygen": False}),
        ("HR", "ST", "patient_refused", "^bpm", {"declined": "patient refused: pulse"}),
    ],
)  # fmt: skip
def test_a_row_says_what_its_code_and_unit_mean(
    code: str, kind: str, value: str, unit: str, meant: dict[str, Any]
) -> None:
    assert says(taken(obx(code, value, f2=kind, f6=unit))) == meant


@pytest.mark.parametrize(
    ("row", "reason", "place"),
    [
        (obx("99999^MDC_OF_NOTHING^MDC", "5"), "code not known", "OBX[1]-3"),
        (obx("150018^MDC_PRESS_BLD_NONINV_SYS^MDC", "120", f6="mmHg"), "code not known", "OBX[1]-3"),
        (obx("150021^^MDC^8462-4^^LN", "120", f6="mmHg"), "code not known", "OBX[1]-3"),
        (obx("spo2", "97", f6=""), "unit not known", "OBX[1]-6"),
        (obx("spo2", "0.97", f6="1"), "unit not known", "OBX[1]-6"),
        (obx("temperature", "98.6", f6="268160^^MDC"), "unit not known", "OBX[1]-6"),
        (obx("spo2", "97~98"), "code not known", "OBX[1]-5"),
        (obx("spo2", "<^80", f2="SN"), "code not known", "OBX[1]-5"),
        (obx("spo2", "LO", f2="ST"), "code not known", "OBX[1]-5"),
        (obx("ACVPU", "Q"), "code not known", "OBX[1]-5"),
        (obx("O2Delivery", "TENT^Tent", f2="CE"), "code not known", "OBX[1]-5"),
        (obx("spo2", "97", status="Q"), "code not known", "OBX[1]-11"),
        (obx("spo2", "84", status="D"), "withdrawn by its sender", "OBX[1]-11"),
        (obx("spo2", "84", status="W"), "withdrawn by its sender", "OBX[1]-11"),
    ],
)
def test_what_is_not_known_is_kept_aside_with_its_place_and_as_it_came(row: str, reason: str, place: str) -> None:
    whole = found(row, obx("pulse", "72"))
    (odd,) = whole.decoded.odd
    assert (odd.reason, odd.detail.partition(": ")[0], odd.reads) == (reason, place, None)
    assert msgspec.json.decode(odd.document) == row
    assert [one.place for one in whole.remarks] == [place]
    assert [says(one) for one in whole.decoded.sets] == [{"pulse": 72}], "the rest is taken"


def test_a_corrected_value_waits_for_a_person_who_sees_what_it_would_be() -> None:
    one = aside(obx("spo2", "84", status="C"))
    assert one.reason == "corrected by its sender"
    assert one.reads is not None
    assert (one.reads.spo2, one.reads.taken_at, one.taken_at) == (84, one.taken_at, NOW - timedelta(minutes=2))


@pytest.mark.parametrize("row", [obx("spo2", "97", status="X"), obx("spo2", "", status="F"), obx("spo2", '""')])
def test_a_row_without_a_value_says_nothing(row: str) -> None:
    decoded = found(row, obx("pulse", "72")).decoded
    assert [says(one) for one in decoded.sets] == [{"pulse": 72}]
    assert (decoded.odd, decoded.refused) == ([], [])


@pytest.mark.parametrize("sentinel", ["-100", "8388607", "-999", "-99.9"])
def test_a_monitors_mark_for_no_value_is_none(sentinel: str) -> None:
    whole = found(obx("spo2", sentinel), obx("pulse", "72"))
    assert [says(one) for one in whole.decoded.sets] == [{"pulse": 72}]
    assert ([one.place for one in whole.remarks], whole.decoded.impossible) == (["OBX[1]-5"], [])
    (alone,) = found(obx("spo2", sentinel)).decoded.impossible
    assert [one.field for one in alone.values] == ["spo2"], "where nothing else came somebody is told"


def test_what_cannot_be_a_measurement_is_refused_by_its_place_and_the_rest_is_taken() -> None:
    whole = found(
        obx("temperature", "38.5", "1.2.1.150344"), obx("temperature", "384.5", "1.2.2.150344"), obx("spo2", "150")
    )
    assert [says(one) for one in whole.decoded.sets] == [{"temperature_tenths": 385}]
    assert sorted(one.field for one in whole.decoded.refused) == ["OBX[2]-5", "OBX[3]-5"]
    told = [value.value for one in whole.decoded.impossible for value in one.values]
    assert sorted(told) == [150, 384.5]


def test_channels_that_differ_are_sets_of_their_own_and_none_is_chosen() -> None:
    both = found(obx("spo2", "97", "1.3.1.150456"), obx("spo2", "84", "1.3.2.150456"), obx("pulse", "72")).decoded.sets
    assert [says(one) for one in both] == [{"spo2": 97, "pulse": 72}, {"spo2": 84}]
    assert both[0].id != both[1].id
    assert both[0].taken_at == both[1].taken_at


def test_values_of_a_quarter_of_an_hour_are_one_set_and_later_ones_another() -> None:
    rows = (
        obx("spo2", "96"),
        obx("pulse", "72", at="20261121100900+0000"),
        obx("systolic", "120", at="20261121101301+0000"),
    )
    first, second = found(*rows).decoded.sets
    assert (says(first), first.taken_at.minute) == ({"spo2": 96, "pulse": 72}, 9)
    assert (says(second), second.taken_at.minute) == ({"systolic": 120}, 13)


def test_a_series_is_a_set_for_each_instant() -> None:
    rows = [obx(what, str(90 + at), at=f"2026112109{at:02}00+0000") for at in range(6) for what in ("spo2", "pulse")]
    assert [says(one) for one in found(*rows).decoded.sets] == [{"spo2": 90 + at, "pulse": 90 + at} for at in range(6)]


def test_what_is_marked_as_doubtful_or_as_a_test_stands_apart() -> None:
    whole = found(
        obx("spo2", "84", f8="QUES"),
        obx("pulse", "72", f8="N"),
        obx("weight", "70", f8="TEST"),
        obx("systolic", "9", f8="INV"),
    )
    assert [says(one) for one in whole.decoded.sets] == [
        {"spo2": 84, "quality": "low"}, {"pulse": 72}, {"weight": 70, "quality": "test"},
    ]  # fmt: skip
    assert [one.place for one in whole.remarks] == ["OBX[4]"]


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("20260701120000", "", "2026-07-01T11:00:00+00:00"),  # London's
        ("20260701120000", "+0800", "2026-07-01T04:00:00+00:00"),  # MSH-7's
        ("20260701120000.5-0500", "+0800", "2026-07-01T17:00:00.500000+00:00"),
        ("202610250130+0100", "", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_a_time_is_of_its_own_offset_or_the_headers_or_londons(written: str, zone: str, utc: str) -> None:
    assert taken(obx("spo2", "97", at=written), msh7=SENT + zone).taken_at.isoformat() == utc


@pytest.mark.parametrize("written", ["202610250130", "202603290130", "20261121", "20269921120000", "yesterday"])
def test_what_is_no_instant_or_could_be_two_is_kept_aside(written: str) -> None:
    one = aside(obx("spo2", "84", at=written), msh7=SENT)
    assert (one.reason, one.taken_at) == ("time not known", None)
    assert one.reads is not None
    assert one.reads.spo2 == 84


def test_a_time_is_the_rows_its_parents_or_the_observations_and_never_the_messages() -> None:
    parent = obx("150020^MDC_PRESS_BLD_NONINV^MDC", "", "1.0.1.0", status="X", at="20261121070000+0000")
    child = obx("systolic", "120", "1.0.1.1", at="")
    assert taken(child, parent).taken_at.hour == 7, "monitors write parents before and after"
    assert taken(obr(at="20261121080000"), child).taken_at.hour == 8
    one = aside(obr(at=""), obx("spo2", "84", at=""))
    assert (one.reason, one.detail) == ("time not known", "OBX[1]-14: says no time")
    assert one.reads is not None
    assert (one.reads.clock, one.reads.taken_at) == ("assumed", NOW)


@pytest.mark.parametrize(
    ("shows", "taken_at", "off_s", "true", "trust"),
    [
        ("20000101001000", "20000101000500", -848569200, "2026-11-21T09:45:00+00:00", "corrected"),
        ("20261121095700", "20261121095500+0000", 420, "2026-11-21T09:48:00+00:00", "corrected"),
        ("20261121095003", "20261121094500+0000", 3, "2026-11-21T09:45:00+00:00", "synced"),
        (
            "20261121045003",
            "20261121094500+0000",
            3,
            "2026-11-21T09:45:00+00:00",
            None,
        ),  # in New York, or five hours off
        (
            "20261121105000",
            "20261121104500",
            0,
            "2026-11-21T09:45:00+00:00",
            "corrected",
        ),  # both by the same bare clock
    ],
)
def test_a_clock_that_the_message_shows_puts_its_devices_times_right(
    shows: str, taken_at: str, off_s: int, true: str, trust: str | None
) -> None:
    clock = obx("67975^MDC_ATTR_TIME_ABS^MDC", shows, "1.0.0.9", f2="DTM", at="20261121095000+0000")
    decoded = found(obx("spo2", "97", "1.0.0.1", at=taken_at), obx("pulse", "72", "2.0.0.1", at=EARLY), clock).decoded
    ours = next(one for one in decoded.sets if one.spo2)
    assert (ours.taken_at.isoformat(), ours.clock) == (true, trust)
    assert decoded.clock_offset_s == off_s
    assert next(one for one in decoded.sets if one.pulse).taken_at.hour == 3, "another device, another clock"


def test_readings_sent_again_are_the_same_set_whatever_message_they_come_in() -> None:
    first = taken(obx("spo2", "97"), control_id="M1")
    assert taken(obx("spo2", "97"), control_id="M2", msh7="20261121113000+0000") == first
    assert taken(obx("spo2", "84")).id == first.id, "other values at one instant: kept aside when they come"
    others = [
        taken(obx("spo2", "97", at="20261121095801+0000")), taken(obx("spo2", "97"), obx("pulse", "72")),
        taken(obr("O1"), obx("spo2", "97")), taken(pid(GLOUCESTER), obr(), obx("spo2", "97")),
    ]  # fmt: skip
    assert len({first.id, *(one.id for one in others)}) == 5
    assert all(len(one.id) <= 64 for one in others)


def test_several_patients_are_told_apart_and_one_without_a_number_is_nobodys() -> None:
    two = (pid(GLOUCESTER), obr(), obx("spo2", "97"), pid("7f9c^^^VW"), obr(), obx("spo2", "91"))
    assert [one.patient for one in found(*two).decoded.sets] == ["9434765919", "7f9c"]
    whole = found(*two, pid("111^^^MRN"), obr(), obx("spo2", "84")).decoded
    (odd,) = whole.odd
    assert (odd.reason, len(whole.sets)) == ("another user of the device", 2)
    assert taken(pid("111^^^MRN"), obr(), obx("spo2", "97")).patient is None, "alone they are whose the device is"
    with pytest.raises(Refused) as raised:
        found(pid(f"{GLOUCESTER}~9449305552^^^NHS"), obr(), obx("spo2", "97"))
    assert raised.value.place == "PID-3"


def test_a_sensor_is_its_own_or_its_devices() -> None:
    sensor = "FEEDABEDEADFBEAD^^FEEDABEDEADFBEAD^EUI-64"
    one = taken(obx("spo2", "97", "1.0.0.1", f18=sensor), obx("pulse", "72", "1.0.0.2"))
    assert says(one) == {"spo2": 97, "pulse": 72, "sensor": "FEEDABEDEADFBEAD"}
    two = found(obx("spo2", "97", "1.0.0.1", f18=sensor), obx("systolic", "120", "2.0.0.1", f18="fe-ed-ab-ed-ea-df"))
    assert [one.sensor for one in two.decoded.sets] == ["FEEDABEDEADFBEAD", "FEEDABEDEADF"]


def test_battery_and_score_go_with_the_set() -> None:
    battery = obx("67996^MDC_ATTR_VAL_BATT_CHARGE^MDC", "80", f6="262688^^MDC")
    total = obx("1104051000000101^NEWS2^SCT", "3")
    assert says(taken(battery, obx("spo2", "97"), total)) == {"spo2": 97, "battery": 80, "reported_news2": 3}
    local = (obx("TotalScore", "3"), obx("spo2", "97"))
    assert taken(*local).reported_news2 is None, "a score of which system?"
    assert taken(*local, obx("ScoringSystem", "NEWS2", f2="ST")).reported_news2 == 3
    (remark,) = found(obx("1104051000000101^NEWS2^SCT", "99"), obx("spo2", "97")).remarks
    assert remark.place == "OBX[1]-5"


def test_a_concern_is_heard_and_one_that_says_none_is_not() -> None:
    (worry,) = found(obx("NC", r"Pallor \T\ cold", f2="ST", f6="")).worries
    assert (worry.text, worry.at, worry.place) == ("Pallor & cold", NOW - timedelta(minutes=2), "OBX[1]")
    assert found(obx("NC", "None", f2="ST"), obx("spo2", "97")).worries == []
    assert aside(obx("NC", "Pallor", status="D")).reason == "withdrawn by its sender"


def test_rows_are_read_in_the_character_set_and_by_the_separators_of_the_message() -> None:
    (worry,) = found(obx("NC", "Blässe", f2="ST"), encoding="latin-1", msh18="8859/1").worries
    assert worry.text == "Blässe"
    with pytest.raises(Refused) as raised:
        found(obx("NC", "Blässe", f2="ST"), encoding="latin-1")
    assert raised.value.place == "MSH-18"
    swapped = oru(obx("spo2", "97"), msh3="HUB").translate(str.maketrans("|^~\\&", "#!*%$")).encode()
    assert [one.spo2 for one in observe(open_envelope(swapped), NOW).decoded.sets] == [97]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ((obr(),), "OBX"),
        ((obx("spo2", "97"), "obx|1"), "MSH"),
        ((obx("spo2", "97"), obx("NC", r"\X00\ ", f2="ST")), "OBX[2]-5"),
        ((obx("spo2", "97"), obx("ACVPU", r"\X00\ ")), "OBX[2]-5.1"),
        ((obr(r"\X00\1"), obx("spo2", "97")), "OBR-3.1"),
        ((obx("spo2", "97\0"),), "MSH"),
        (tuple(obx("spo2", "97", at=f"20261101{at // 60:02}{at % 60:02}+0000") for at in range(1001)), "OBX"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_read_as_a_whole_is_refused_by_its_place(lines: tuple[str, ...], place: str) -> None:
    with pytest.raises(Refused) as raised:
        found(*lines)
    assert raised.value.place == place


def test_the_answer_says_what_became_of_it_and_warns_of_each_place() -> None:
    envelope = open_envelope(oru(obx("spo2", "97"), obx("X^^99ZZZ", "5"), obx("systolic", "900")).encode())
    said = acknowledge(envelope.header, answer_to(observe(envelope, NOW), {}), "A1", NOW).decode().split("\r")
    assert said[1] == "MSA|AA|M1|1 taken; 1 kept aside; 1 refused"
    assert [line.split("|")[2:5] for line in said[2:-1]] == [["OBX^2^3^1", "103", "W"], ["OBX^3^5^1", "102", "W"]]
    all_refused = answer_to(found(obx("systolic", "900")), {})
    assert (all_refused.code, [one.place for one in all_refused.remarks]) == ("AE", ["OBX[1]-5"])
    assert answer_to(found(obx("150023^^MDC", "90", f6="mmHg")), {}).text == "noted: holds no measurement"


def test_a_batch_holds_messages_and_is_answered_as_one() -> None:
    one, two = oru(obx("spo2", "97")), oru(obx("pulse", "72"), control_id="M2")
    for body in (batch(one, two), f"FHS|^~\\&|HUB\r{batch(one, two)}FTS|1\r", batch(one, two).replace("\r", "\r\n")):
        assert [says(each) for each in decode(body.encode(), NOW).sets] == [{"spo2": 97}, {"pulse": 72}]
    in_file = f"FHS|^~\\&|HUB|HOME|||||||F1\r{batch(one, two)}FTS|1\r".encode()
    said = acknowledge_batch(in_file, [b"MSH1\r", b"MSH2\r"], "A1", NOW).decode().split("\r")
    assert said == [
        r"FHS|^~\&|||HUB|HOME|20261121100000+0000||||A1|F1", r"BHS|^~\&|VW|QXX|HUB|HOME|20261121100000+0000||||A1|B1",
        "MSH1", "MSH2", "BTS|2", "FTS|1", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        batch(oru(obx("spo2", "97"))).rpartition("BTS")[0], batch(oru(obx("spo2", "97")), count=2), batch(),
        "BHS|^~\\&|\rPID|1\rBTS|0\r", "BTS|0\r", "BHS|\rBTS|0\r", "FHS|^~\\&|\rBHS|^~\\&|\rFTS\r",
    ],
)  # fmt: skip
def test_a_batch_that_was_cut_off_or_miscounts_is_taken_in_no_part(body: str) -> None:
    with pytest.raises(Unreadable):
        decode(body.encode(), NOW)


def test_in_a_batch_each_message_is_refused_by_itself() -> None:
    decoded = decode(batch(oru(obr()), oru(obx("spo2", "97")), oru(obx("spo2", "1"), msh9="ADT^A01")).encode(), NOW)
    assert [(one.index, one.field) for one in decoded.refused] == [(0, "OBX"), (2, "MSH-9")]
    assert [one.spo2 for one in decoded.sets] == [97]


SOUND = "\r".join(
    [
        oru(
            pid(GLOUCESTER), obr("O1"),
            *(obx(what, "37", f"1.0.0.{at}") for at, what in enumerate(NAMES) if what != "ACVPU"),
            obx("ACVPU", "V^Voice", f2="CE"), obx("67975^^MDC", TAKEN_AT, "1.0.0.9", f2="DTM"),
            obx("spo2", "^97", f2="SN"),
            obx("NC", r"Pallor \T\ cold", f2="ST"), obx("spo2", "84", status="C", at="202610250130"),
        ),
    ]
)  # fmt: skip


def survives(body: bytes) -> None:
    """Decoded, or refused with a place and a reason; answered; and what goes on can be written as JSON."""
    try:
        parts = [open_envelope(one) for one in messages(body)]
        decoded = decode(body, NOW)
    except Unreadable:
        return
    assert all(one.field and one.reason for one in decoded.refused)
    whole = msgspec.json.encode([*decoded.sets, *decoded.impossible, *decoded.odd])
    assert b"\\u0000" not in whole
    assert len(whole) < 20_000 + 40 * len(body)
    for one in decoded.sets:
        assert msgspec.convert(msgspec.to_builtins(one), ReadingSet) == one
    for envelope in parts:
        try:
            answer = answer_to(observe(envelope, NOW), {})
        except Refused:
            continue
        assert acknowledge(envelope.header, answer, "1", NOW).startswith(b"MSH")


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_any_change_of_a_sound_message_is_survived(data: Any) -> None:
    body = bytearray((batch(SOUND, SOUND) if data.draw(st.booleans()) else SOUND).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body)))
        until = data.draw(st.integers(at, min(at + 30, len(body))))
        known = [
            b"|",
            b"^",
            b"~",
            b"\\X00\\",
            b"&",
            b"\r",
            b'""',
            b"\\",
            b"8388607",
            b"1e9",
            b"+9999",
            b"BTS",
            b"MSH|^~\\&|",
        ]
        body[at:until] = data.draw(st.binary(max_size=8) | st.sampled_from(known))
    survives(bytes(body))


CODES = st.sampled_from([*NAMES, "NC", "67975^^MDC", "O2Delivery", ""])
TEXTS = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)


@given(
    st.lists(st.tuples(CODES, TEXTS | st.decimals().map(str), TEXTS, TEXTS), max_size=6),
    st.fixed_dictionaries({}, optional={f"f{number}": TEXTS for number in (2, 3, 6, 8, 11, 14, 16, 18)}),
)  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_any_rows_are_survived(rows: list[tuple[str, str, str, str]], changed: dict[str, str]) -> None:
    lines = [obx(what, value, address, at=at, **changed) for what, value, address, at in rows]
    survives(oru(obr(), *lines).encode())


@pytest.mark.parametrize(
    "line",
    [
        obx("spo2", "97"), obx("spo2", "9" * 40), obx("X^^99ZZZ", "5"), obx("spo2", "97", "1" + ".0" * 20),
        obx("spo2", "97", at=""),
        obx("X" * 200, "5"), obx("spo2", "84", status="C"), obx("spo2", "97~" * 60), obx("NC", "\\X41\\" * 60, f2="ST"),
    ],
)  # fmt: skip
def test_time_and_size_grow_with_the_message_and_no_faster(line: str) -> None:
    def seconds(times: int) -> float:
        body = oru(obr(), *[line] * times, pid("1~" * times)).encode()
        began = time.process_time()
        try:
            decoded = observe(open_envelope(body), NOW).decoded
            assert len(msgspec.json.encode(decoded.odd)) < 2_000 + 8 * len(body)
        except Refused:
            pass
        return time.process_time() - began

    small, large = min(seconds(100) for _ in range(3)), min(seconds(800) for _ in range(3))
    assert large < 24 * small + 0.05
