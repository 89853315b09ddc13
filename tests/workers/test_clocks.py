"""Devices' clocks: learnt by the drain, told where one is wrong, put right where that is surely known."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from devices.reading import Arrival, ReadingSet
from tests.ward import VERY_SICK, WELL, Ward
from tests.workers.records import kept_aside, rows
from workers.drain.batch import Done

MINUTES = timedelta(minutes=1)


def posts(ward: Ward, own_id: str, off: timedelta, **vitals: Any) -> Done:
    """Half a minute on, the device posts a set that its clock says was taken `off` from now."""
    ward.at(timedelta(seconds=30))
    return ward.receives_sets([{"id": own_id, "taken_at": ward.now + off, **(vitals or WELL)}])


def readings(ward: Ward) -> Sequence[Any]:
    """What is stored, in order of its time."""
    return rows(ward.engine, "SELECT id, taken_at, received_at, also FROM reading ORDER BY taken_at")


def device_alerts(ward: Ward) -> list[tuple[str, str, int]]:
    """State, text and severity of the alerts of the patient's device."""
    return [(one.state, one.reasons[0]["text"], one.severity) for one in ward.alerts() if one.kind == Kind.DEVICE]


def shows(ward: Ward, off_s: int, *sets: ReadingSet) -> Done:
    """A document with the device's time and ours at once."""
    ward.at(timedelta(seconds=30))
    arrival = Arrival(source=ward.patient.device_key, received_at=ward.now, sets=list(sets), clock_offset_s=off_s)
    return ward.drains([arrival])


def test_a_clock_that_is_always_as_fast_is_told_and_put_right_and_its_own_time_kept(ward: Ward) -> None:
    ward.at("10:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES)
    assert [reason for _, reason in kept_aside(ward.engine)] == 5 * ["taken in the future"]
    assert device_alerts(ward) == [(State.OPEN, "The device's clock is 20 min fast", Severity.AMBER)]
    posts(ward, "now", 20 * MINUTES, spo2=95)
    (stored,) = readings(ward)
    assert (stored.id, stored.taken_at) == ("now", ward.now)
    assert datetime.fromisoformat(stored.also["device_time"]) == ward.now + 20 * MINUTES
    assert stored.also["clock"] == "corrected"
    assert len(kept_aside(ward.engine)) == 5


def test_what_waited_in_the_same_request_is_put_right_with_it(ward: Ward) -> None:
    ward.at("12:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES)
    ward.at(timedelta(seconds=30))
    sets = [{"id": f"w{ago}", "taken_at": ward.now + (20 - ago) * MINUTES, "spo2": 95} for ago in (60, 30, 0)]
    ward.receives_sets(sets)
    assert [one.taken_at for one in readings(ward)] == [ward.now - ago * MINUTES for ago in (60, 30, 0)]


def test_a_clock_that_somebody_has_set_right_is_believed_and_its_alert_ends(ward: Ward) -> None:
    ward.at("10:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES)
    posts(ward, "right", timedelta(0), spo2=95)
    (stored,) = readings(ward)
    assert (stored.taken_at, "device_time" in stored.also if stored.also else False) == (ward.now, False)
    for number in range(5):
        posts(ward, f"r{number}", timedelta(0))
    assert device_alerts(ward)[-1][0] == State.EXPIRED


def test_a_set_of_a_fast_clock_that_came_late_is_left_as_it_is(ward: Ward) -> None:
    """Nothing in its request shows that the clock is still fast: it may have been set right."""
    ward.at("12:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES)
    posts(ward, "late", -40 * MINUTES, spo2=95)
    assert [one.taken_at for one in readings(ward)] == [ward.now - 40 * MINUTES]


def test_a_device_that_sends_late_is_told_and_its_times_stay(ward: Ward) -> None:
    ward.at("12:00")
    for number in range(6):
        posts(ward, f"s{number}", -20 * MINUTES)
    text = "The device's clock is 20 min slow, or it sends so long after it measured"
    assert device_alerts(ward) == [(State.OPEN, text, Severity.AMBER)]
    assert all(one.received_at - one.taken_at == 20 * MINUTES for one in readings(ward))


def test_an_offline_hubs_burst_says_nothing_of_its_clock(ward: Ward) -> None:
    ward.at(timedelta(hours=30))
    for number in range(20):
        posts(ward, f"b{number}", -timedelta(hours=20) + number * 3 * MINUTES)
    assert device_alerts(ward) == []
    assert rows(ward.engine, "SELECT * FROM device_clock") == []


def test_a_clock_that_a_document_showed_to_be_slow_is_put_right_in_the_next_one(ward: Ward) -> None:
    ward.at("12:00")
    shows(ward, -1200, ReadingSet(id="a", taken_at=ward.now, spo2=95, clock="corrected"))
    assert device_alerts(ward) == [(State.OPEN, "The device's clock is 20 min slow", Severity.AMBER)]
    posts(ward, "b", -20 * MINUTES, spo2=95)
    assert [one.taken_at for one in readings(ward)][1] == ward.now
    shows(ward, 0, ReadingSet(id="c", taken_at=ward.now, spo2=95, clock="synced"))
    assert device_alerts(ward)[-1][0] == State.EXPIRED


def test_a_sensor_behind_a_hub_has_a_clock_of_its_own(ward: Ward) -> None:
    ward.at("12:00")
    for number in range(6):
        ward.at(timedelta(seconds=30))
        ahead = ward.now + timedelta(hours=2)
        fast = ReadingSet(id=f"s{number}", taken_at=ahead, spo2=95, sensor="74E8FFFEFF051C00")
        right = ReadingSet(id=f"h{number}", taken_at=ward.now, pulse=70)
        ward.drains([Arrival(source=ward.patient.device_key, received_at=ward.now, sets=[fast, right])])
    assert device_alerts(ward)[0][1] == "The clock of sensor 74E8FFFEFF051C00 is 2 h 0 min fast"
    stored = {one.id: one.taken_at for one in readings(ward)}
    assert stored["s5"] == stored["h5"] == ward.now
    assert len(kept_aside(ward.engine)) == 5


@pytest.mark.parametrize("year", [2000, 2010])
def test_a_clock_that_was_never_set_leaves_no_time_to_score_by_until_it_is_known(ward: Ward, year: int) -> None:
    ward.at("12:00")
    began = datetime(year, 1, 1, tzinfo=ward.now.tzinfo)
    start = ward.now
    for number in range(6):
        ward.at(timedelta(seconds=30))
        ward.receives_sets([{"id": f"n{number}", "taken_at": began + (ward.now - start), **VERY_SICK}])
    assert [reason for _, reason in kept_aside(ward.engine)] == 5 * ["time not known"]
    assert ward.alert(Kind.DATA_QUALITY).reasons[0]["text"].startswith("Unverified, call: ")
    assert [one.taken_at for one in readings(ward)] == [ward.now]


def test_what_was_put_right_and_is_kept_aside_all_the_same_says_what_the_clock_said(ward: Ward) -> None:
    ward.at("12:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES, weight=70)
    posts(ward, "hers", 20 * MINUTES, weight=70)
    posts(ward, "his", 20 * MINUTES, weight=95)
    (last,) = rows(ward.engine, "SELECT reason, detail FROM set_aside WHERE id = 'his'")
    assert last.reason == "can hardly be this patient's"
    assert "the device's clock, which is wrong, said 2026-03-10 12:23:30" in last.detail


def test_a_set_sent_again_after_it_was_put_right_is_the_same_set(ward: Ward) -> None:
    ward.at("12:00")
    for number in range(5):
        posts(ward, f"f{number}", 20 * MINUTES)
    one = {"id": "x", "taken_at": ward.now + 20 * MINUTES, "spo2": 95}
    ward.receives_sets([one])
    assert ward.receives_sets([one]).repeats == 1
    assert len(readings(ward)) == 1
