"""The ledger: what was sent before changes nothing, and never overwrites."""

from threading import Thread

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import count, current, kept_aside, rows


def test_the_same_set_sent_twice_changes_nothing(ward: Ward) -> None:
    one = {"id": "a", "taken_at": ward.now, **SICK}
    ward.receives_sets([one])
    before = rows(ward.engine, "SELECT * FROM latest_vitals")
    done = ward.at("08:30").receives_sets([one])
    assert (done.sets, done.repeats, done.kept) == (0, 1, 0)
    assert count(ward.engine, "reading") == 1
    assert rows(ward.engine, "SELECT * FROM latest_vitals") == before
    assert ward.history(ward.alert()) == ["raised"]


def test_the_same_set_twice_in_one_batch_is_stored_once(ward: Ward) -> None:
    one = {"id": "a", "taken_at": ward.now, **WELL}
    done = ward.receives_sets([one, one])
    assert (done.sets, done.repeats) == (1, 1)
    assert count(ward.engine, "reading") == 1


def test_an_id_sent_again_with_other_content_is_kept_aside_once_and_never_overwrites(ward: Ward) -> None:
    first = {"id": "a", "taken_at": ward.now, **WELL}
    other = first | {"pulse": 73}
    ward.receives_sets([first])
    assert ward.receives_sets([other]).kept == 1
    assert ward.receives_sets([other]).kept == 0
    assert kept_aside(ward.engine) == [("a", "same id, other content")]
    assert [row.pulse for row in rows(ward.engine, "SELECT pulse FROM reading")] == [72]


def test_other_content_under_one_id_within_one_batch_is_kept_aside(ward: Ward) -> None:
    first = {"id": "a", "taken_at": ward.now, **WELL}
    done = ward.receives_sets([first, first | {"pulse": 73}, first])
    assert (done.sets, done.repeats, done.kept) == (1, 1, 1)
    assert [row.pulse for row in rows(ward.engine, "SELECT pulse FROM reading")] == [72]


def test_a_conflicting_set_that_would_be_red_tells_the_ward(ward: Ward) -> None:
    ward.receives_sets([{"id": "a", "taken_at": ward.now, **WELL}])
    ward.receives_sets([{"id": "a", "taken_at": ward.now, **VERY_SICK}])
    alert = ward.alert(Kind.DATA_QUALITY)
    assert alert.severity == Severity.RED
    assert "NEWS2 10" in alert.reasons[0]["text"]
    assert current(ward, "a").score == 0


def test_one_id_of_two_devices_is_two_sets(ward: Ward) -> None:
    other = ward.admit()
    for patient in (ward.patient, other):
        ward.receives_sets([{"id": "a", "taken_at": ward.now, **WELL}], patient=patient)
    assert count(ward.engine, "reading") == 2


def test_the_same_sets_drained_by_four_at_once_are_stored_once(ward: Ward) -> None:
    sets = [{"id": f"s{n}", "taken_at": ward.now, **SICK} for n in range(40)]
    orders = [sets, sets[::-1], sets[20:] + sets[:20], sets[::2]]
    threads = [Thread(target=ward.receives_sets, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(ward.engine, "reading") == 40
    assert count(ward.engine, "ledger") == 40
    assert kept_aside(ward.engine) == []
    assert ward.history(ward.alert()) == ["raised"]
