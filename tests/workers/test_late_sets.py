"""Late sets: scored as of their time; what later ones were worth with them is written anew; nothing is outranked."""

from datetime import datetime, timedelta
from typing import Any

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from devices.reading import set_key
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import change, count, current, rows
from tests.workers.test_alerts_at_once import second_device


def at(ward: Ward, clock: str) -> datetime:
    """A time of the ward's day."""
    hours, minutes = clock.split(":")
    return ward.now.replace(hour=int(hours), minute=int(minutes))


def posts(ward: Ward, own_id: str, clock: str, **vitals: Any) -> None:
    """The patient's device posts a set that it took then."""
    ward.receives_sets([{"id": own_id, "taken_at": at(ward, clock), **vitals}])


def kinds(ward: Ward) -> list[str]:
    """What was alerted, but for readings that did not come."""
    return [alert.kind for alert in ward.alerts() if alert.kind != Kind.OVERDUE]


def test_a_late_set_is_scored_by_what_was_known_at_its_time(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "before", "12:00", respiratory_rate=22)
    posts(ward, "after", "12:20", respiratory_rate=30)
    posts(ward, "late", "12:10", spo2=97)
    late = current(ward, "late")
    assert (late.points, late.uses) == ("20-----", ("before",))


def test_a_later_score_within_reach_of_a_late_set_is_written_anew(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "after", "12:20", spo2=97)
    assert current(ward, "after").points == "-0-----"
    posts(ward, "late", "12:10", respiratory_rate=22)
    after = current(ward, "after")
    assert (after.points, after.uses) == ("20-----", ("late",))
    assert count(ward.engine, "rescored") == 1
    first = rows(ward.engine, "SELECT points FROM reading WHERE id = 'after'")
    assert first[0].points == "-0-----"  # what it was worth when it came stays


def test_a_score_beyond_the_reach_of_a_late_set_stays_as_it_is(ward: Ward) -> None:
    ward.at("14:00")
    posts(ward, "after", "13:30", spo2=97)
    posts(ward, "late", "12:10", respiratory_rate=22)
    assert current(ward, "after").points == "-0-----"
    assert count(ward.engine, "rescored") == 0


def test_scores_before_a_late_set_stay_as_they_are(ward: Ward) -> None:
    """They are read for their values; what they were carried from lies beyond what is read."""
    ward.at(timedelta(hours=54))
    noon = ward.now.replace(hour=12, minute=0)
    ward.receives_sets([{"id": "oxygen", "taken_at": noon - timedelta(hours=30), "oxygen_flow": 0}])
    ward.receives_sets([{"id": "carries", "taken_at": noon - timedelta(hours=20), "respiratory_rate": 16}])
    ward.receives_sets([{"id": "newest", "taken_at": noon, "pulse": 70}])
    assert current(ward, "carries").points == "0-0----"
    ward.receives_sets([{"id": "late", "taken_at": noon - timedelta(minutes=1), "spo2": 97}])
    assert current(ward, "carries").points == "0-0----"
    assert [str(row.set) for row in rows(ward.engine, "SELECT set FROM rescored")] == [
        set_key(ward.patient.device_key, "newest")
    ]


def test_the_latest_vitals_are_the_newest_of_each_kind_in_whatever_order_they_came(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "newest", "12:20", spo2=97, pulse=80)
    posts(ward, "late", "12:10", spo2=91, respiratory_rate=18, weight=70.5)
    posts(ward, "later", "12:00", respiratory_rate=30, weight=80)
    known = ward.known()
    assert known.values[:5] == [18, 97, None, None, 80]
    assert str(known.newest_set) == set_key(ward.patient.device_key, "newest")
    assert known.also["weight"]["value"] == 70.5


def test_the_newest_set_alerts_whatever_its_age(ward: Ward) -> None:
    ward.at("21:00")
    posts(ward, "old", "08:00", **VERY_SICK)
    assert ward.alert().severity == Severity.CRITICAL


def test_a_red_set_that_newer_ones_overtook_is_told_as_late_deterioration(ward: Ward) -> None:
    ward.at("13:00")
    posts(ward, "newest", "12:50", **WELL)
    posts(ward, "late", "10:20", **SICK)
    alert = ward.alert(Kind.LATE_DETERIORATION)
    assert (alert.severity, kinds(ward)) == (Severity.AMBER, [Kind.LATE_DETERIORATION])
    assert alert.reasons[0]["text"] == "A set taken 2 h 40 min before it arrived was red"
    assert alert.why["set"] == set_key(ward.patient.device_key, "late")


def test_each_further_late_set_as_bad_or_worse_is_told_anew_and_a_milder_one_is_noted(ward: Ward) -> None:
    ward.at("13:00")
    posts(ward, "newest", "12:50", **WELL)
    posts(ward, "one", "10:20", **SICK)
    ward.acknowledges(ward.alert(Kind.LATE_DETERIORATION))
    posts(ward, "two", "09:20", **SICK)
    assert ward.alert(Kind.LATE_DETERIORATION).state == State.OPEN
    posts(ward, "worse", "08:50", **VERY_SICK)
    ward.acknowledges(ward.alert(Kind.LATE_DETERIORATION))
    posts(ward, "milder", "08:40", **SICK)
    alert = ward.alert(Kind.LATE_DETERIORATION)
    assert ward.history(alert) == ["raised", "acknowledged", "worsened", "worsened", "acknowledged", "another_late"]
    assert (alert.state, alert.severity) == (State.ACKNOWLEDGED, Severity.AMBER)
    assert alert.reasons[0]["text"] == "A set taken 4 h 10 min before it arrived was critical"


def test_a_late_set_that_makes_the_newest_one_red_raises_deterioration(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "newest", "12:20", spo2=93)
    posts(ward, "late", "12:10", respiratory_rate=24, pulse=112)
    alert = ward.alert()
    assert alert.severity == Severity.RED
    assert alert.why["set"] == set_key(ward.patient.device_key, "newest")


def test_a_stored_set_that_a_late_one_makes_red_is_late_when_newer_ones_are_beyond_reach(ward: Ward) -> None:
    """The last set that is read is not the newest of the stay."""
    ward.at(timedelta(hours=50))
    start = ward.now - timedelta(hours=48)
    ward.receives_sets([{"id": "then", "taken_at": start, "spo2": 94}])
    ward.receives_sets([{"id": "newest", "taken_at": ward.now, **WELL}])
    ward.receives_sets([{"id": "late", "taken_at": start - timedelta(minutes=5), "respiratory_rate": 24, "pulse": 112}])
    assert current(ward, "then").severity == Severity.RED
    assert kinds(ward) == [Kind.LATE_DETERIORATION]


def test_low_glucose_overtaken_by_moments_is_not_history(ward: Ward) -> None:
    """A kit's parts post one by one, in any order; glucose is carried into no later set."""
    ward.at("12:30")
    posts(ward, "pulse", "12:29", pulse=72)
    posts(ward, "glucose", "12:28", glucose=2.6)
    assert ward.alert().severity == Severity.CRITICAL


def test_low_glucose_measured_again_since_is_history(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "again", "12:29", glucose=5.6)
    posts(ward, "glucose", "12:08", glucose=2.6)
    assert kinds(ward) == [Kind.LATE_DETERIORATION]


def test_an_offline_hubs_sixty_sets_alert_by_the_newest_and_tell_of_the_red_ones_before(ward: Ward) -> None:
    ward.at(timedelta(hours=70))
    start = ward.now - timedelta(hours=61)
    sets = [
        {"id": f"s{n}", "taken_at": start + timedelta(hours=n), **(VERY_SICK if n == 20 else WELL)} for n in range(60)
    ]
    ward.receives_sets(sets[::-1])
    assert count(ward.engine, "reading") == 60
    assert kinds(ward) == [Kind.LATE_DETERIORATION]
    assert str(ward.known().newest_set) == set_key(ward.patient.device_key, "s59")


def test_bursts_from_offline_hubs_revive_clear_and_outrank_nothing(ward: Ward) -> None:
    """One hub comes back with a bad night, another with a good one, each after newer sets than its own."""
    other = second_device(ward)
    ward.at("12:00")
    posts(ward, "sick", "11:59", **SICK)
    ward.resolves(ward.alert())
    ward.at("12:20")
    posts(ward, "newest", "12:20", **WELL)
    bad = [{"id": f"bad{n}", "taken_at": at(ward, f"08:{n:02}"), **VERY_SICK} for n in range(1, 41)]
    ward.at("12:25").receives_sets(bad[::-1])
    assert [one.state for one in ward.alerts() if one.kind == Kind.DETERIORATION] == [State.RESOLVED]
    late = ward.alert(Kind.LATE_DETERIORATION)
    assert late.reasons[0]["text"].endswith("min before it arrived was critical")
    assert str(ward.known().newest_set) == set_key(ward.patient.device_key, "newest")

    ward.at("13:00")
    posts(ward, "sick again", "12:59", **SICK)
    before = ward.alert()
    good = [{"id": f"good{n}", "taken_at": at(ward, f"09:{n:02}"), **WELL} for n in range(40)]
    ward.at("13:05").receives_sets(good, patient=other)
    after = ward.alert()
    assert (after.state, after.version, after.basis) == (State.OPEN, before.version, before.basis)
    assert ward.history(ward.alert(Kind.LATE_DETERIORATION)) == ward.history(late)
    assert count(ward.engine, "reading") == 3 + len(bad) + len(good)


def test_late_sets_of_a_stay_that_ended_are_only_ever_late(ward: Ward) -> None:
    ward.at("12:00")
    change(ward.engine, "UPDATE episode SET discharged_at = :now", now=ward.now)
    ward.at("12:30")
    posts(ward, "late", "11:00", **VERY_SICK)
    assert kinds(ward) == [Kind.LATE_DETERIORATION]
    assert ward.known().missed == 0


def test_of_two_red_sets_of_one_instant_none_is_late(ward: Ward) -> None:
    for own_id in ("a", "b", "c"):
        posts(ward, own_id, "08:00", **SICK)
    assert kinds(ward) == [Kind.DETERIORATION]
