"""A series of occupancy is what anybody would count by hand at each of its instants, on days of any length."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME
from monitoring.database import snapshot, transaction
from monitoring.flow.states import State
from monitoring.flow.tables import Referral, Source
from monitoring.patients.tables import Patient, Sex
from monitoring.refusals import Unacceptable
from monitoring.reports.choices import By, Every
from monitoring.reports.occupancy import Changes, Periods, Series, Wanted, counted, read, stepped
from monitoring.reports.periods import EPOCH, Span, instants, micros, span
from monitoring.wards.beds import beds
from monitoring.wards.tables import BedHold, Episode, Leave, LeaveKind, Step, WardCapacity, WardStay
from monitoring.wards.tables import Ward as WardRow
from tests.ward import Ward

NOW = datetime(2030, 1, 1, tzinfo=UTC)
EVER = 2**63 - 1  # what has no end, as PostgreSQL sends it
DAYS = {  # a local day, and how many hours it has
    "spring": (date(2026, 3, 29), 23),
    "autumn": (date(2026, 10, 25), 25),
    "leap": (date(2028, 2, 29), 24),
    "summer": (date(2026, 7, 1), 24),
}
hours = st.integers(-5, 60)


def of_day(day: date, days: int = 1) -> Span:
    return span(day.isoformat(), (day + timedelta(days=days)).isoformat(), NOW, timedelta(days=1))


def as_array(values: list[int]) -> Any:
    return np.array(values, dtype=np.int64)


@given(times=st.sets(hours), periods=st.lists(st.tuples(hours, st.one_of(st.none(), st.integers(0, 20)))))
def test_what_holds_at_an_instant_has_begun_and_has_not_ended(
    times: set[int], periods: list[tuple[int, int | None]]
) -> None:
    spans = [(began, EVER if lasted is None else began + lasted) for began, lasted in periods]
    asked = sorted(times)
    found = counted(as_array(asked), Periods(as_array([one for one, _ in spans]), as_array([one for _, one in spans])))
    assert found.tolist() == [sum(began <= at < ended for began, ended in spans) for at in asked]


@given(times=st.sets(hours), changes=st.lists(st.tuples(hours, st.integers(-50, 50))))
def test_what_changed_adds_up_from_the_instant_on(times: set[int], changes: list[tuple[int, int]]) -> None:
    asked = sorted(times)
    found = stepped(as_array(asked), Changes(as_array([at for at, _ in changes]), as_array([by for _, by in changes])))
    assert found.tolist() == [sum(by for at, by in changes if at <= asked_at) for asked_at in asked]


@pytest.mark.parametrize("name", DAYS)
def test_a_day_has_as_many_hours_as_the_clock_went_round(name: str) -> None:
    day, length = DAYS[name]
    times = instants(of_day(day), Every.HOUR)
    assert times.size == length
    assert set(np.diff(times).tolist()) == {micros(EPOCH + timedelta(hours=1))}
    first = EPOCH + timedelta(microseconds=int(times[0]))
    assert first.astimezone(WARD_TIME) == datetime(day.year, day.month, day.day, tzinfo=WARD_TIME)


@pytest.mark.parametrize(
    ("every", "first", "until", "expected"),
    [
        (Every.DAY, "2026-03-28", "2026-03-31", ["2026-03-28T00Z", "2026-03-29T00Z", "2026-03-29T23Z"]),
        (Every.DAY, "2026-10-24", "2026-10-27", ["2026-10-23T23Z", "2026-10-24T23Z", "2026-10-26T00Z"]),
        (Every.DAY, "2028-02-28", "2028-03-02", ["2028-02-28T00Z", "2028-02-29T00Z", "2028-03-01T00Z"]),
        (Every.DAY, "2026-07-01T12:00:00Z", "2026-07-02T23:00:00Z", ["2026-07-01T23Z"]),
        (Every.WEEK, "2026-03-24", "2026-04-07", ["2026-03-29T23Z", "2026-04-05T23Z"]),
        (Every.MONTH, "2026-02-02", "2026-04-01", ["2026-03-01T00Z"]),
        (Every.HOUR, "2026-07-01T11:59:59.5Z", "2026-07-01T14:00:00Z", ["2026-07-01T12Z", "2026-07-01T13Z"]),
        (Every.HOUR, "2026-07-01T11:10:00Z", "2026-07-01T11:50:00Z", []),
    ],
)
def test_steps_begin_on_the_hour_or_at_local_midnight(
    every: Every, first: str, until: str, expected: list[str]
) -> None:
    times = instants(span(first, until, NOW, timedelta(days=1)), every)
    found = [(EPOCH + timedelta(microseconds=int(at))).strftime("%Y-%m-%dT%HZ") for at in times]
    assert found == expected


@pytest.mark.parametrize(
    ("first", "until", "field"),
    [
        ("2026-07-02", "2026-07-01", "to"),
        ("2026-07-01", "2026-07-01", "to"),
        ("1999-12-31", "2026-07-01", "from"),
        ("2026-07-01", "9999-12-31", "to"),
        ("2026-07-01T00:00:00", None, "from"),
        ("july", None, "from"),
        ("2026-02-29", None, "from"),
    ],
)
def test_a_span_that_is_none_is_refused_by_name(first: str, until: str | None, field: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        span(first, until, NOW, timedelta(days=1))
    assert [fault.field for fault in refused.value.faults] == [field]


lasting = st.one_of(st.none(), st.integers(0, 30))
periods = st.lists(st.tuples(hours, lasting), max_size=12)
rows = st.fixed_dictionaries(
    {
        "stays": periods,
        "leave": periods,
        "holds": st.lists(st.tuples(hours, st.integers(1, 10), st.one_of(st.none(), st.integers(0, 12))), max_size=12),
        "capacity": st.lists(st.tuples(hours, st.integers(0, 9), st.integers(0, 9)), max_size=6),
    }
)


@pytest.mark.parametrize("name", DAYS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(rows, min_size=1, max_size=2), every=st.sampled_from([Every.HOUR, Every.DAY]))
def test_the_series_of_what_is_stored_is_a_plain_recount(
    ward: Ward, name: str, found: list[dict[str, Any]], every: Every
) -> None:
    asked, icb = of_day(DAYS[name][0], days=2), uuid4().hex[:8]
    of_ward = {f"{icb}-{number}": one for number, one in enumerate(found)}
    for code, rows_of_it in of_ward.items():
        _store(ward, code, icb, rows_of_it, asked.from_at)
    with snapshot(ward.engine) as session:
        record = read(session, Wanted(asked, every, By.WARD, icb=icb), None, NOW)
        whole = read(session, Wanted(asked, every, By.ICB, icb=icb), None, NOW)
    moments = [EPOCH + timedelta(microseconds=int(at)) for at in record.times]
    series = list(record.series())
    assert [one.group for one in series] == list(of_ward)
    for one in series:
        assert _columns(one) == _recounted(of_ward[one.group], moments, asked.from_at)
    (together,) = whole.series()
    assert _columns(together) == {
        name: np.sum([_columns(one)[name] for one in series], axis=0).tolist() for name in COLUMNS
    }


def _store(ward: Ward, code: str, icb: str, of: dict[str, Any], start: datetime) -> None:
    """A ward with these periods, each of a patient of their own. Hours are counted from the start."""

    def at(hour: int) -> datetime:
        return start + timedelta(hours=hour)

    def until(hour: int, lasting: int | None) -> datetime | None:
        return None if lasting is None else at(hour + lasting)

    by = ward.staff[Role.COORDINATOR].id
    with transaction(ward.engine) as session:
        where = WardRow(code=code, name=code, pathway="general", provider="RXX", icb=icb, created_at=start)
        people = [
            Patient(
                given_name="Ann", family_name="Other", birth_date=date(1950, 2, 28), sex=Sex.FEMALE, created_at=start
            )
            for _ in (*of["stays"], *of["holds"])
        ]
        session.add_all([where, *people])
        session.flush()
        patients = iter(people)
        episodes = [
            Episode(
                patient_id=next(patients).id, ward_id=where.id, step=Step.UP, admitted_at=at(began), admitted_by=by,
                discharged_at=until(began, lasting),
            )
            for began, lasting in of["stays"]
        ]  # fmt: skip
        referrals = [
            Referral(
                patient_id=next(patients).id, ward_id=where.id, source=Source.GP, step=Step.UP, urgency=3,
                state=State.ADMITTED, received_at=start, recorded_by=by,
            )
            for _ in of["holds"]
        ]  # fmt: skip
        session.add_all([*episodes, *referrals])
        session.flush()
        for (began, lasting), episode in zip(of["stays"], episodes, strict=True):
            session.add(WardStay(patient_id=episode.patient_id, **_during(episode, at(began), until(began, lasting))))
        for (began, lasting), episode in zip(of["leave"], episodes, strict=False):
            session.add(Leave(kind=LeaveKind.FAMILY, **_during(episode, at(began), until(began, lasting))))
        for (began, held, ended), referral in zip(of["holds"], referrals, strict=True):
            session.add(
                BedHold(
                    referral_id=referral.id, ward_id=where.id, from_at=at(began), held_until=at(began + held),
                    ended_at=until(began, ended),
                )
            )  # fmt: skip
        for began, staffed, funded in of["capacity"]:
            session.add(WardCapacity(ward_id=where.id, from_at=at(began), staffed=staffed, funded=funded))
            session.flush()  # written in this order: the last for an instant counts


def _during(episode: Episode, from_at: datetime, until_at: datetime | None) -> dict[str, Any]:
    return {"episode_id": episode.id, "ward_id": episode.ward_id, "from_at": from_at, "until_at": until_at}


def _recounted(of: dict[str, Any], moments: list[datetime], start: datetime) -> dict[str, list[int]]:
    """What anybody would count, instant by instant."""

    def holds(hour: float, began: int, *lasting: int | None) -> bool:
        return began <= hour and all(one is None or hour < began + one for one in lasting)

    def in_force(hour: float, place: int) -> int:
        begun = sorted((one for one in of["capacity"] if one[0] <= hour), key=lambda one: one[0])
        return int(begun[-1][place]) if begun else 0

    asked = [(moment - start) / timedelta(hours=1) for moment in moments]
    away = of["leave"][: len(of["stays"])]
    return {
        "occupied": [sum(holds(hour, *one) for one in of["stays"]) for hour in asked],
        "reserved": [sum(holds(hour, *one) for one in of["holds"]) for hour in asked],
        "on_leave": [sum(holds(hour, *one) for one in away) for hour in asked],
        "staffed": [in_force(hour, 1) for hour in asked],
        "funded": [in_force(hour, 2) for hour in asked],
    }


COLUMNS = ("occupied", "reserved", "on_leave", "staffed", "funded")


def _columns(one: Series) -> dict[str, list[int]]:
    return {name: getattr(one, name).tolist() for name in COLUMNS}


def test_the_series_at_an_instant_is_the_occupancy_of_that_instant(ward: Ward) -> None:
    for _ in range(3):
        ward.at(timedelta(hours=5)).admit()
    asked = Span(ward.now - timedelta(hours=24), ward.now + timedelta(hours=2))
    with snapshot(ward.engine) as session:
        (one,) = (record := read(session, Wanted(asked), None, NOW)).series()
        for place, at in enumerate(record.times):
            when = EPOCH + timedelta(microseconds=int(at))
            (then,) = beds(session, [1], when).values()
            shown = (one.occupied[place], one.reserved[place], one.on_leave[place], one.staffed[place])
            assert shown == (then.occupied, then.reserved, then.on_leave, then.staffed), when
    assert one.occupied.tolist()[-1] == 4
