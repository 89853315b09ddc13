"""The virtual-ward SitRep: counted as it is published, taken once at its instant, corrected with a reason."""

import csv
import random
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME
from monitoring.database import transaction
from monitoring.flow import discharge
from monitoring.flow.discharge import DischargeBody, Outcome
from monitoring.flow.states import Move
from monitoring.heartbeat import Pulse
from monitoring.refusals import Forbidden, Unacceptable
from monitoring.reports import sitrep_snapshots
from monitoring.reports.sitrep import (
    Row,
    SitRepReport,
    last_instant,
    next_instant,
    occupancy_published,
    weeks_from,
)
from monitoring.reports.sitrep_snapshots import CorrectionBody
from monitoring.wards.tables import IcbPopulation, Leave, LeaveKind, Step
from tests.monitoring.api import Api
from tests.monitoring.referring import acts, moves, refers
from tests.monitoring.spells_made import Made, insert, opens, transfers, utc
from tests.monitoring.steps import done, employ, faults, made, refused
from tests.ward import Ward
from tests.workers.records import change, count, rows
from tests.workers.test_alerts_at_once import together
from workers.snapshots import TAKEN_MAX, take_sitreps
from workers.timekeeper import Post, tasks, tick

THURSDAY = utc(2026, 3, 12, 8)  # the first after the ward opens
SECOND = timedelta(seconds=1)


def report(ward: Ward, as_of: datetime, version: int | None = None, icb: str | None = None) -> SitRepReport:
    """The SitRep of an instant, as a coordinator reads it."""
    return acts(ward, lambda act: sitrep_snapshots.sitrep(act, as_of, version, icb))


def line(ward: Ward, code: str, as_of: datetime) -> Row:
    """A ward's line."""
    (found,) = [row for row in report(ward, as_of).wards if row.group == code]
    return found


def populate(ward: Ward, icb: str, population: int, basis: str = "16+", from_on: date = date(2023, 4, 1)) -> None:
    """How many are registered in an ICB, from a day on."""
    with transaction(ward.engine) as session:
        recorded: dict[str, Any] = {"recorded_by": ward.staff[Role.ADMIN].id, "recorded_at": ward.now}
        session.add(IcbPopulation(icb=icb, from_on=from_on, population=population, basis=basis, **recorded))


def leaves_for_home(ward: Ward, at: datetime) -> None:
    """The ward's patient is discharged, which is told now and was at `at`."""
    (episode,) = rows(ward.engine, "SELECT public_id FROM episode WHERE id = :id", id=ward.patient.episode_id)
    body = DischargeBody(outcome=Outcome.HOME, decided_by="Dr Other", at=at)
    acts(ward, lambda act: discharge.discharge(act, episode.public_id, body), Role.CLINICIAN)


@given(st.integers(0, 12 * 366 * 1440))
def test_the_instant_is_eight_on_a_thursday_in_london(minutes: int) -> None:
    now = utc(2020, 1, 1) + timedelta(minutes=minutes)
    last, following = last_instant(now), next_instant(now)
    assert last <= now < following
    for instant in (last, following):
        local = instant.astimezone(WARD_TIME)
        assert (local.weekday(), local.hour, local.minute) == (3, 8, 0)
    assert last.astimezone(WARD_TIME).date() + timedelta(days=7) == following.astimezone(WARD_TIME).date()


def test_a_week_has_an_hour_less_or_more_over_a_change_of_the_clocks() -> None:
    spring, autumn = utc(2026, 3, 26, 8), utc(2026, 10, 22, 7)
    assert next_instant(spring) - spring == timedelta(hours=167)
    assert next_instant(autumn) - autumn == timedelta(hours=169)
    assert weeks_from(next_instant(spring), -1) == spring
    assert next_instant(utc(2028, 2, 24, 8)) == utc(2028, 3, 2, 8)  # over a leap day


@pytest.mark.parametrize(
    ("patients", "capacity", "published"),
    [
        (0, 0, None), (3, 0, None), (0, 4, "0.0%"), (31, 40, "77.5%"), (40, 40, "100.0%"), (41, 40, "100%*"),
        (2001, 2000, "100%*"), (80, 40, "100%*"),
    ],
)  # fmt: skip
def test_occupancy_is_shown_as_it_is_published(patients: int, capacity: int, published: str | None) -> None:
    assert occupancy_published(patients, capacity) == published


def test_over_its_capacity_a_ward_shows_the_number_beside_the_asterisk(ward: Ward) -> None:
    opens(ward, "SMALL", 2, since=utc(2026, 1, 1))
    insert(ward, *(Made([(utc(2026, 2, 1, hour), "SMALL")]) for hour in range(3)))
    ward.now = THURSDAY
    small = line(ward, "SMALL", THURSDAY)
    assert (small.patients, small.capacity, small.available) == (3, 2, -1)
    assert (small.occupancy, small.occupancy_published) == (1.5, "100%*")


def test_where_nothing_is_staffed_there_is_no_occupancy(ward: Ward) -> None:
    opens(ward, "EMPTY", 0, since=utc(2026, 1, 1))
    ward.now = THURSDAY
    empty = line(ward, "EMPTY", THURSDAY)
    assert (empty.capacity, empty.funded, empty.occupancy, empty.occupancy_published) == (0, 10, None, None)


def test_who_is_on_leave_counts_as_a_patient_and_is_shown(ward: Ward) -> None:
    with transaction(ward.engine) as session:
        (key,) = rows(ward.engine, "SELECT ward_id FROM episode WHERE id = :id", id=ward.patient.episode_id)
        stay = {"episode_id": ward.patient.episode_id, "ward_id": key.ward_id}
        session.add(Leave(**stay, kind=LeaveKind.ED, from_at=ward.now + SECOND))
    ward.now = THURSDAY
    here = line(ward, ward.code, THURSDAY)
    assert (here.patients, here.on_leave, here.with_devices) == (1, 1, 1)
    assert "on leave" in report(ward, THURSDAY).definitions["patients"]


def test_every_count_is_what_a_plain_recount_finds_in_any_week(ward: Ward) -> None:
    since, codes = utc(2026, 3, 1), ("A1", "A2", "B1")
    for code in codes:
        opens(ward, code, 5, since=since, icb=f"Q{code[0]}X")
    at_the_instants = Made([(utc(2026, 3, 12, 8), "A1"), (utc(2026, 3, 19, 8), "A2")], until=utc(2026, 4, 2, 7))
    spells = [at_the_instants, *some_spells(random.Random(7), codes, since, 60)]
    insert(ward, *spells)
    ward.now = utc(2026, 4, 30, 8)
    as_of = utc(2026, 3, 5, 8)
    while next_instant(as_of) < ward.now:  # the clocks change on 29 March
        before, as_of = as_of, next_instant(as_of)
        for code in codes:
            found = line(ward, code, as_of)
            assert recounted(found) == recount(spells, code, before, as_of), (code, as_of)
            came, went = found.admissions_step_up + found.admissions_step_down, found.discharges
            assert found.patients == line(ward, code, before).patients + came - went + (
                found.transfers_in - found.transfers_out
            )


def some_spells(rng: random.Random, codes: tuple[str, ...], since: datetime, number: int) -> list[Made]:
    """Spells with transfers and ends of every kind, at whole hours: some exactly at an instant of a SitRep."""

    def spell() -> Made:
        at = since + timedelta(hours=rng.randrange(24 * 50))
        stays = [(at, rng.choice(codes))]
        while rng.random() < 0.3:
            at += timedelta(hours=rng.randrange(1, 72))
            stays.append((at, rng.choice([code for code in codes if code != stays[-1][1]])))
        until = at + timedelta(hours=rng.randrange(1, 400)) if rng.random() < 0.9 else None
        outcome = rng.choice(["home", "acute", "hospice", "died", "self"]) if until else None
        return Made(stays, rng.choice(list(Step)), until, outcome)

    return [spell() for _ in range(number)]


COUNTED = (
    "patients", "admissions_step_up", "admissions_step_down", "transfers_in", "transfers_out", "discharges",
    "discharged_home", "discharged_acute", "discharged_hospice", "discharged_died", "discharged_self",
)  # fmt: skip


def recounted(found: Row) -> dict[str, int]:
    """The counts of a line that a recount makes too."""
    return {name: getattr(found, name) for name in COUNTED}


def recount(spells: list[Made], code: str, since: datetime, as_of: datetime) -> dict[str, int]:
    """The same figures, one spell after the other."""
    moved = [(left, to) for left, to, at in transfers(spells) if since < at <= as_of]
    begun = [one.step for one in spells if one.stays[0][1] == code and since < one.admitted_at <= as_of]
    ended = [one.outcome for one in spells if one.ward == code and one.until and since < one.until <= as_of]
    outcomes = ("home", "acute", "hospice", "died", "self")
    return {
        "patients": sum(one.is_in(code, as_of) for one in spells),
        "admissions_step_up": begun.count(Step.UP),
        "admissions_step_down": begun.count(Step.DOWN),
        "transfers_in": sum(to == code for _, to in moved),
        "transfers_out": sum(left == code for left, _ in moved),
        "discharges": len(ended),
        **{f"discharged_{outcome}": ended.count(outcome) for outcome in outcomes},
    }


def test_referrals_count_when_they_came_and_when_they_were_decided(ward: Ward) -> None:
    ward.now = THURSDAY
    for _ in range(3):
        refers(ward, ward.code)  # at the instant itself: of the period that ends with it
    ward.now += SECOND
    declined = [refers(ward, ward.code) for _ in range(2)]
    for referral in declined:
        moves(ward, referral, Move.DECLINE)
    ward.now = weeks_from(THURSDAY, 1)
    first, second = (line(ward, ward.code, as_of) for as_of in (THURSDAY, ward.now))
    assert (first.referrals_received, first.referrals_declined) == (3, 0)
    assert (second.referrals_received, second.referrals_accepted, second.referrals_declined) == (2, 0, 2)


def test_only_wards_flagged_for_it_count(ward: Ward) -> None:
    opens(ward, "HOME", since=utc(2026, 1, 1), pathway="recovery")  # not flagged, by its pathway
    opens(ward, "NOT", since=utc(2026, 1, 1), in_sitrep=False)
    opens(ward, "LATER", since=THURSDAY + SECOND)
    ward.now = weeks_from(THURSDAY, 1)
    assert [row.group for row in report(ward, THURSDAY).wards] == [ward.code]
    change(ward.engine, "UPDATE ward SET closed_at = :at WHERE code = 'WARD1'", at=THURSDAY + SECOND)
    assert [row.group for row in report(ward, ward.now).wards] == ["LATER", ward.code]  # open for a part of the week
    ward.now = weeks_from(THURSDAY, 2)
    assert [row.group for row in report(ward, ward.now).wards] == ["LATER"]


def test_capacity_per_hundred_thousand_uses_the_population_of_that_day_once_for_each_icb(ward: Ward) -> None:
    opens(ward, "A2", 30, since=utc(2026, 1, 1), pathway="frailty")
    opens(ward, "B1", 10, since=utc(2026, 1, 1), icb="QYY", pathway="frailty")
    populate(ward, "QXX", 100_000)
    populate(ward, "QXX", 200_000, from_on=date(2026, 3, 12))
    populate(ward, "QXX", 900_000, from_on=date(2026, 3, 13))
    populate(ward, "QYY", 300_000)
    ward.now = THURSDAY
    found = report(ward, THURSDAY)
    rates = {row.group: (row.capacity, row.population, row.population_basis, row.per_100k) for row in found.rows}
    assert rates == {
        "total": (60, 500_000, "16+", 12.0),
        "QXX": (50, 200_000, "16+", 25.0),
        "QYY": (10, 300_000, "16+", 3.3),
        "general": (20, 200_000, "16+", 10.0),
        "frailty": (40, 500_000, "16+", 8.0),
        "A2": (30, 200_000, "16+", 15.0),
        "B1": (10, 300_000, "16+", 3.3),
        ward.code: (20, 200_000, "16+", 10.0),
    }
    assert [(one.icb, one.from_) for one in found.populations] == [
        ("QXX", date(2026, 3, 12)),
        ("QYY", date(2023, 4, 1)),
    ]
    assert [row.group for row in report(ward, THURSDAY, icb="QYY").rows] == ["total", "QYY", "frailty", "B1"]


def test_without_a_population_there_is_no_rate_and_unlike_bases_are_not_added(ward: Ward) -> None:
    opens(ward, "B1", 10, since=utc(2026, 1, 1), icb="QYY")
    populate(ward, "QXX", 200_000)
    ward.now = THURSDAY
    rates = {row.group: row.per_100k for row in report(ward, THURSDAY).icbs}
    assert (rates, report(ward, THURSDAY).total.per_100k) == ({"QXX": 10.0, "QYY": None}, None)
    populate(ward, "QYY", 100_000, basis="all")
    rates = {row.group: row.per_100k for row in report(ward, THURSDAY).icbs}
    assert (rates, report(ward, THURSDAY).total.per_100k) == ({"QXX": 10.0, "QYY": 10.0}, None)


def test_nobody_is_there_where_there_is_no_ward(ward: Ward) -> None:
    ward.now = THURSDAY
    total = report(ward, utc(2020, 1, 2, 8)).total
    assert (total.wards, total.patients, total.occupancy, total.per_100k) == (0, 0, None, None)


def test_the_timekeeper_takes_it_at_the_instant_and_once(ward: Ward) -> None:
    assert take_sitreps(ward.engine, THURSDAY - SECOND) == 0
    ward.now = THURSDAY
    assert report(ward, THURSDAY).version is None
    together(*[lambda: take_sitreps(ward.engine, THURSDAY)] * 6)
    assert (take_sitreps(ward.engine, THURSDAY), count(ward.engine, "sitrep")) == (0, 1)
    taken = report(ward, THURSDAY)
    assert (taken.version, taken.versions, taken.taken_at, taken.taken_by) == (1, 1, THURSDAY, None)
    assert taken.total.patients == 1


def test_taking_it_is_among_what_the_timekeeper_does(ward: Ward, queue: Redis) -> None:
    tick(Post(ward.engine, queue, ward.settings, Pulse(ward.engine, "tk-1", "timekeeper")), tasks(), THURSDAY)
    assert count(ward.engine, "sitrep") == 1


def test_after_a_stop_it_takes_the_instants_that_it_missed(ward: Ward) -> None:
    leaves_at = THURSDAY + timedelta(days=8)
    ward.now = leaves_at
    leaves_for_home(ward, leaves_at)
    now = weeks_from(THURSDAY, TAKEN_MAX) + SECOND
    assert [take_sitreps(ward.engine, now) for _ in range(3)] == [TAKEN_MAX, 1, 0]
    ward.now = now
    weeks = [weeks_from(THURSDAY, number) for number in range(TAKEN_MAX + 1)]
    assert [row.as_of for row in rows(ward.engine, "SELECT as_of FROM sitrep ORDER BY id")] == weeks
    assert [report(ward, as_of).total.patients for as_of in weeks[:4]] == [1, 1, 0, 0]


def test_what_is_recorded_late_changes_the_correction_only(ward: Ward) -> None:
    ward.now = THURSDAY
    take_sitreps(ward.engine, ward.now)
    as_taken = report(ward, THURSDAY)
    ward.now += timedelta(hours=5)
    leaves_for_home(ward, THURSDAY - timedelta(hours=12))
    assert report(ward, THURSDAY) == as_taken
    body = CorrectionBody(as_of=THURSDAY, reason="a discharge was told late")
    corrected = acts(ward, lambda act: sitrep_snapshots.correct(act, body))
    assert (corrected.version, corrected.versions, corrected.reason) == (2, 2, body.reason)
    assert (corrected.taken_by, corrected.taken_at) == (ward.staff[Role.COORDINATOR].public_id, ward.now)
    assert (corrected.total.patients, corrected.total.discharged_home) == (0, 1)
    assert report(ward, THURSDAY) == corrected
    first = report(ward, THURSDAY, version=1)
    assert (first.total, first.wards, first.taken_at) == (as_taken.total, as_taken.wards, as_taken.taken_at)


def test_corrections_at_once_have_a_version_each(ward: Ward) -> None:
    ward.now = THURSDAY
    take_sitreps(ward.engine, ward.now)
    body = CorrectionBody(as_of=THURSDAY, reason="late")
    together(*[lambda: acts(ward, lambda act: sitrep_snapshots.correct(act, body))] * 4)
    assert [row.version for row in rows(ward.engine, "SELECT version FROM sitrep ORDER BY version")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("statement", ["UPDATE sitrep SET version = 7", "DELETE FROM sitrep"])
def test_a_sitrep_that_was_taken_cannot_be_changed(ward: Ward, statement: str) -> None:
    take_sitreps(ward.engine, THURSDAY)
    with pytest.raises(ProgrammingError, match="permission denied"), ward.engine.begin() as connection:
        connection.execute(text(statement))


def test_what_cannot_be_asked_for_is_refused(ward: Ward) -> None:
    ward.now = THURSDAY
    with pytest.raises(Unacceptable, match="as_of: is in the future"):
        report(ward, THURSDAY + SECOND)
    with pytest.raises(Unacceptable, match="version"):
        report(ward, THURSDAY, version=1)
    with pytest.raises(Unacceptable, match="as_of: is an instant of which no SitRep was taken"):
        acts(ward, lambda act: sitrep_snapshots.correct(act, CorrectionBody(as_of=THURSDAY, reason="late")))


def test_somebody_of_one_ward_sees_that_ward_without_a_rate_and_corrects_nothing(ward: Ward) -> None:
    opens(ward, "OTHER", 5, since=utc(2026, 1, 1))
    populate(ward, "QXX", 100_000)
    ward.now = THURSDAY
    take_sitreps(ward.engine, ward.now)
    ward.staff[Role.COORDINATOR], _ = ward.employ(Role.COORDINATOR, wards=["OTHER"])
    found = report(ward, THURSDAY)
    assert [(row.group, row.capacity, row.per_100k) for row in found.rows] == [
        ("total", 5, None), ("QXX", 5, None), ("general", 5, None), ("OTHER", 5, 5.0),
    ]  # fmt: skip
    with pytest.raises(Forbidden):
        acts(ward, lambda act: sitrep_snapshots.correct(act, CorrectionBody(as_of=THURSDAY, reason="late")))


def test_over_http_it_is_read_corrected_and_listed(api: Api) -> None:
    take_sitreps(api.ward.engine, THURSDAY)
    taken = done(api.get("/v1/reports/sitrep?as_of=2026-03-12", Role.AUDITOR))
    assert (taken["as_of"], taken["version"], taken["total"]["patients"]) == ("2026-03-12T08:00:00Z", 1, 1)
    assert taken["since"] == "2026-03-05T08:00:00Z"
    answer = api.post("/v1/reports/sitrep/corrections", {"as_of": taken["as_of"], "reason": "late"}, Role.COORDINATOR)
    corrected = made(answer)
    assert done(api.get(answer.headers["location"])) == corrected
    assert done(api.get("/v1/reports/sitrep?as_of=2026-03-12T08:00:00Z&version=1")) == taken | {"versions": 2}
    listed = done(api.get("/v1/reports/sitrep/snapshots?limit=1"))
    assert [(one["version"], one["reason"]) for one in listed["items"]] == [(2, "late")]
    older = done(api.get(f"/v1/reports/sitrep/snapshots?cursor={listed['next']}"))
    assert [(one["version"], one["taken_by"]) for one in older["items"]] == [(1, None)]


def test_without_an_instant_it_is_last_thursdays_counted_now_where_it_was_not_taken(api: Api) -> None:
    found = done(api.get("/v1/reports/sitrep"))
    as_of = datetime.fromisoformat(found["as_of"])
    assert (last_instant(as_of), found["version"], found["taken_at"]) == (as_of, None, None)


def test_as_csv_it_has_a_line_for_the_total_each_icb_pathway_and_ward(api: Api) -> None:
    answer = api.get("/v1/reports/sitrep?as_of=2026-03-12", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(StringIO(answer.text)))
    assert [(one["level"], one["group"], one["capacity"], one["per_100k"]) for one in lines] == [
        ("total", "total", "20", ""), ("icb", "QXX", "20", ""), ("pathway", "general", "20", ""),
        ("ward", "WARD1", "20", ""),
    ]  # fmt: skip


def test_what_cannot_be_an_instant_or_a_correction_is_refused_by_name(api: Api) -> None:
    for asked in ("2026-03-40", "yesterday", "2026-03-12T08:00", "9999-12-31", "0001-01-01"):
        assert faults(api.get(f"/v1/reports/sitrep?as_of={asked}")) == ["as_of"], asked
    for body, field in (
        ({"as_of": "2026-03-12T08:00:00Z"}, "reason"),
        ({"as_of": "2026-03-12T08:00:00Z", "reason": " "}, "reason"),
        ({"as_of": "0001-01-01T00:00:00+14:00", "reason": "late"}, "as_of"),
        ({"as_of": "2026-03-12T08:00:00Z", "reason": "late", "patients": 3}, "patients"),
    ):
        assert faults(api.post("/v1/reports/sitrep/corrections", body)) == [field], body
    refused(api.post("/v1/reports/sitrep/corrections", {}, token=employ(api, Role.CLINICIAN)), 403)
