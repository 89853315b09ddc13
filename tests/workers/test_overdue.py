"""The watch over deadlines: safe to run twice and at once, and one bad row stops nobody."""

from datetime import timedelta

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from tests.ward import Ward
from tests.workers.records import change, rows
from tests.workers.test_alerts_at_once import together
from workers.overdue import BATCH, PUT_OFF, raise_overdue


def late_by(ward: Ward, hours: int) -> None:
    """Turn the clock without a look at the deadlines."""
    ward.now += timedelta(hours=hours)


def decide(ward: Ward, episode_id: int, times: str) -> None:
    """A plan that no use-case would make."""
    change(
        ward.engine,
        """
        INSERT INTO plan (episode_id, from_at, spo2_scale, readings_per_day, times, expects, monitoring, limits,
                          baselines, recorded_at)
        SELECT episode_id, from_at + interval '1 s', spo2_scale, readings_per_day, CAST(:times AS text[]), expects,
               monitoring, limits, baselines, recorded_at
        FROM plan WHERE episode_id = :episode LIMIT 1
        """,
        episode=episode_id,
        times=times,
    )
    ward.now += timedelta(seconds=2)


def test_two_timekeepers_at_once_raise_once(ward: Ward) -> None:
    patients = [ward.patient, *(ward.admit() for _ in range(3))]
    late_by(ward, 6)
    together(*[lambda: raise_overdue(ward.engine, ward.now)] * 3)
    for patient in patients:
        alert = ward.alert(Kind.OVERDUE, patient)
        assert (ward.history(alert), ward.known(patient).missed) == (["raised"], 1)


def test_looking_twice_raises_once(ward: Ward) -> None:
    late_by(ward, 6)
    assert raise_overdue(ward.engine, ward.now) == 1
    assert raise_overdue(ward.engine, ward.now) == 0
    assert ward.history(ward.alert(Kind.OVERDUE)) == ["raised"]


def test_what_another_timekeeper_holds_is_passed_over(ward: Ward) -> None:
    other = ward.admit()
    late_by(ward, 6)
    with ward.engine.connect() as holder:
        holder.exec_driver_sql(f"SELECT * FROM latest_vitals WHERE episode_id = {other.episode_id} FOR UPDATE")
        assert raise_overdue(ward.engine, ward.now) == 1
    assert raise_overdue(ward.engine, ward.now) == 1


def test_one_bad_row_does_not_stop_the_others_and_a_person_hears_of_it(ward: Ward) -> None:
    bad, good = ward.patient, ward.admit()
    decide(ward, bad.episode_id, "{99:99}")
    late_by(ward, 6)
    assert raise_overdue(ward.engine, ward.now) == 2
    assert ward.alerts(bad) == []
    assert ward.alert(Kind.OVERDUE, good).severity == Severity.AMBER
    assert ward.known(bad).overdue_at == ward.now + PUT_OFF
    (told,) = rows(ward.engine, "SELECT ward, patient, data FROM event WHERE kind = 'system'")
    assert (told.ward, told.patient) == (ward.code, bad.id)
    envelope = {"at": told.data["at"], "ward": ward.code, "patient": str(bad.id)}
    assert told.data == {**envelope, "system": {"problem": "overdue_not_judged"}}


def test_a_bad_row_is_tried_again_and_judged_once_it_is_mended(ward: Ward) -> None:
    decide(ward, ward.patient.episode_id, "{99:99}")
    late_by(ward, 6)
    raise_overdue(ward.engine, ward.now)
    ward.plans()
    change(ward.engine, "UPDATE latest_vitals SET due_at = :due", due=ward.now - timedelta(hours=2))
    change(ward.engine, "UPDATE latest_vitals SET overdue_at = :then", then=ward.now)
    ward.now += PUT_OFF
    raise_overdue(ward.engine, ward.now)
    assert ward.alert(Kind.OVERDUE).severity == Severity.AMBER


def test_a_stay_that_ended_is_not_overdue(ward: Ward) -> None:
    change(ward.engine, "UPDATE episode SET discharged_at = :now", now=ward.now)
    late_by(ward, 6)
    raise_overdue(ward.engine, ward.now)
    assert (ward.alerts(), ward.known().overdue_at) == ([], None)


def test_more_than_a_batch_of_patients_is_looked_at_at_once(ward: Ward) -> None:
    many = BATCH + 5
    change(
        ward.engine,
        """
        INSERT INTO patient (public_id, given_name, family_name, birth_date, sex, nhs_number_is_test, phones,
                             next_of_kin, pregnant, spinal_cord_injury, known_hypertension, created_at)
        SELECT gen_random_uuid(), 'Ann', 'Other', '1950-01-01', 'female', false, '{}', '[]', 'unknown', false,
               'unknown', :now FROM generate_series(1, :many)
        """,
        many=many,
        now=ward.now,
    )
    change(
        ward.engine,
        """
        INSERT INTO episode (public_id, patient_id, ward_id, step, admitted_at, admitted_by)
        SELECT gen_random_uuid(), patient.id, ward.id, 'up', :now, admitted_by
        FROM patient, ward, episode AS first WHERE patient.id <> first.patient_id
        """,
        now=ward.now,
    )
    change(
        ward.engine,
        """
        INSERT INTO latest_vitals (episode_id, values, taken_us, sets, also, newest_severity, due_at, overdue_at,
                                   missed)
        SELECT episode.id, values, taken_us, sets, also, 0, due_at, overdue_at, 0
        FROM latest_vitals, episode WHERE episode.id <> episode_id
        """,
    )
    change(
        ward.engine,
        """
        INSERT INTO plan (episode_id, from_at, spo2_scale, readings_per_day, times, expects, monitoring, limits,
                          baselines, recorded_at)
        SELECT episode.id, from_at, spo2_scale, readings_per_day, times, expects, monitoring, limits, baselines, :now
        FROM plan, episode WHERE episode.id <> episode_id
        """,
        now=ward.now,
    )
    late_by(ward, 6)
    assert raise_overdue(ward.engine, ward.now) == many + 1
    assert len(rows(ward.engine, "SELECT 1 FROM alert WHERE kind = 'overdue'")) == many + 1
