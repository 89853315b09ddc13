"""Reports on recovery and discharge to assess: every figure is what plain Python counts on patients made by hand."""

import csv
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete
from sqlmodel import Session, col

from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME
from monitoring.database import transaction
from monitoring.flow.states import State
from monitoring.flow.tables import Referral, ReferralHistory
from monitoring.recovery.awaiting import AwaitingRow, awaiting_daily
from monitoring.recovery.clocks import Outcome, Service
from monitoring.recovery.report import ClockReport, ClockRow, assess_report, recovery_report
from monitoring.recovery.tables import Recovery, ServiceLine
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import SpellsBy
from monitoring.wards.tables import Episode, WardStay
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.spells_made import Made, insert, opens, utc
from tests.monitoring.steps import done, faults
from tests.ward import Ward
from tests.workers.records import rows

WARDS = {"R1": "recovery", "R2": "recovery", "A1": "discharge_to_assess", "ACUTE": "general", "OTHER": "recovery"}
SPAN = Span(utc(2026, 3, 1), utc(2026, 4, 1))  # the clocks change on 29 March
NOW = utc(2026, 4, 1, 6)
HOUR = timedelta(hours=1)
MADE = 200


@dataclass
class Person:
    """Somebody, by what a report should know of them."""

    ward: str
    came_at: datetime
    began_at: datetime | None
    done_at: datetime | None
    ended_at: datetime | None
    was_admitted: bool = True
    discharge: str | None = None
    outcome: Outcome | None = None


@pytest.fixture
def services(ward: Ward) -> Ward:
    """Three services and an acute ward, and a coordinator of those alone; another service is nobody's business."""
    for code, pathway in WARDS.items():
        opens(ward, code, since=utc(2025, 1, 1), pathway=pathway)
    ward.now = NOW
    mine = [code for code in WARDS if code != "OTHER"]
    ward.staff[Role.COORDINATOR], ward.tokens[Role.COORDINATOR] = ward.employ(Role.COORDINATOR, wards=mine)
    return ward


def write(ward: Ward, people: Sequence[tuple[Person, Made, State | None]]) -> None:
    """Write people down as the use cases leave them."""
    insert(ward, *(spell for _, spell, _ in people))
    with transaction(ward.engine) as session:
        for person, spell, only_referred in people:
            if only_referred is not None:
                _only_referred(session, spell, only_referred, person.ended_at)
                continue
            is_assess = WARDS[person.ward] == "discharge_to_assess"
            since, done = ("home_at", "assessed_at") if is_assess else ("referred_at", "first_care_at")
            is_told = spell.referral is None or spell.stays[0][1] == "ACUTE"  # by no referral to the service
            known = {since: person.began_at if is_told else None, done: person.done_at}
            session.add(Recovery(episode_id=spell.episode, outcome=person.outcome, **known))


def _only_referred(session: Session, spell: Made, state: State, at: datetime | None) -> None:
    """The spell of a referral that nobody admitted never was."""
    episode = session.get_one(Episode, spell.episode)
    referral = session.get_one(Referral, episode.referral_id)
    referral.state = state
    session.execute(delete(WardStay).where(col(WardStay.episode_id) == spell.episode))
    session.execute(delete(Episode).where(col(Episode.id) == spell.episode))
    if at is not None:
        session.add(
            ReferralHistory(
                referral_id=referral.id, what=state, from_state="received", to_state=state, at=at, recorded_at=at
            )
        )  # fmt: skip


def somebody(chance: random.Random) -> tuple[Person, Made, State | None]:
    """A patient of a service, who came in one of the ways in which patients come, and may have left."""
    code = chance.choice(["R1", "R2", "A1", "OTHER"])
    began = NOW - timedelta(minutes=chance.randrange(34 * 1440 if chance.random() < 0.7 else 3_000))
    limit_h = 72 if code == "A1" else 24
    done_at = began + limit_h * HOUR * chance.choice([0.1, 0.5, 1, 1.0001, 2]) if chance.random() < 0.7 else None
    ended_at = began + limit_h * HOUR * chance.choice([0.4, 1.5, 15]) if chance.random() < 0.5 else None
    done_at, ended_at = (None if one is None or one > NOW else one for one in (done_at, ended_at))
    if done_at and ended_at and ended_at < done_at:
        ended_at = None
    discharge = chance.choice(["home", "died", "acute", "self"]) if ended_at else None
    way = chance.choice(["referral", "referral", "direct", "unknown", "transfer", "onward", "only"])
    if way in {"referral", "only"} and code == "A1":
        way = "direct"
    came = began + chance.choice([0, 0.1, 0.3] if code != "A1" else [-20, 0, 0.3]) * HOUR
    stays, until = [(came, code)], ended_at
    person = Person(code, came, began, done_at, ended_at, discharge=discharge)
    if way == "transfer":
        stays = [(came - timedelta(days=4), "ACUTE"), *stays]
    if way == "onward" and ended_at:
        stays, until = [*stays, (ended_at, "ACUTE")], None
        person.discharge = None
    if way == "unknown":
        person.began_at = person.done_at = None
    if discharge == "home" and person.discharge:
        person.outcome = chance.choice([None, Outcome.INDEPENDENT, Outcome.LONG_TERM_CARE])
    spell = Made(stays, until=until, outcome=person.discharge)
    if way in {"referral", "only", "transfer"}:  # who is transferred was referred to the acute ward
        spell.referral = {"received_at": began if way != "transfer" else stays[0][0]}
    if way == "only":
        person.was_admitted, person.done_at, person.discharge, person.outcome = False, None, None, None
        person.came_at = began
        return person, spell, State.RECEIVED if ended_at is None else State.DECLINED
    return person, spell, None


def expected(people: Sequence[Person], group: str, limit: timedelta) -> dict[str, Any]:
    """A line of the report, counted plainly."""
    counted = Counter(_counted_as(one, limit) for one in people)
    took = [(one.done_at - one.began_at) / HOUR for one in people if one.done_at and one.began_at]
    left = [one for one in people if one.discharge]
    by_discharge = {"died": Outcome.DIED, "acute": Outcome.READMITTED}
    outcomes = Counter(one.outcome or by_discharge.get(one.discharge or "") for one in left)
    judged = counted["met"] + counted["not_met"]
    return {
        "group": group,
        "counted": len(people),
        **{name: counted[name] for name in ("met", "not_met", "open", "not_taken", "left", "not_started")},
        "met_rate": round(counted["met"] / judged, 4) if judged else None,
        "median_h": round(float(np.median(took)), 2) if took else None,
        "p90_h": round(float(np.quantile(took, 0.9)), 2) if took else None,
        "outcomes": {
            "ended": len(left), "not_recorded": outcomes[None], **{one.value: outcomes[one] for one in Outcome},
        },
    }  # fmt: skip


def _counted_as(one: Person, limit: timedelta) -> str:
    if one.began_at is None:
        return "not_started"
    if one.done_at is not None:
        return "met" if one.done_at - one.began_at <= limit else "not_met"
    if (one.ended_at or NOW) - one.began_at > limit:
        return "not_met"
    if one.ended_at is None:
        return "open"
    return "left" if one.was_admitted else "not_taken"


def as_counted(row: ClockRow) -> dict[str, Any]:
    """A line as it is answered, without what the other test recounts."""
    return {
        name: getattr(row, name) if name != "outcomes" else {field: getattr(row.outcomes, field) for field in (
            "ended", "independent", "reablement", "long_term_care", "readmitted", "died", "not_recorded",
        )}
        for name in ClockRow.__struct_fields__
        if name != "over_max_stay"
    }  # fmt: skip


def test_both_reports_are_what_plain_python_counts(services: Ward) -> None:
    chance = random.Random(1)
    made = [somebody(chance) for _ in range(MADE)]
    write(services, made)
    people = [person for person, _, _ in made]
    for pathway, report, limit_h in (("recovery", recovery_report, 24), ("discharge_to_assess", assess_report, 72)):
        found = acts(services, partial(report, span=SPAN, by=SpellsBy.WARD))
        codes = sorted(code for code in WARDS if WARDS[code] == pathway and code != "OTHER")
        counted = [
            one for one in people if one.ward in codes and SPAN.from_at <= (one.began_at or one.came_at) < SPAN.until_at
        ]
        assert len(counted) > 30
        lines = [("all", counted), *((code, [one for one in counted if one.ward == code]) for code in codes)]
        assert [as_counted(row) for row in found.rows] == [
            expected(of, group, timedelta(hours=limit_h)) for group, of in lines
        ]
        assert min(found.total.met, found.total.not_met, found.total.open, found.total.left) > 0
        assert found.total.not_started > 0
        assert (found.total.not_taken > 0) is (pathway == "recovery")


def test_a_stay_longer_than_six_weeks_is_said(services: Ward) -> None:
    came = utc(2026, 3, 2)
    services.now = came + timedelta(days=43)
    for until in (None, came + timedelta(days=42), came + timedelta(days=42, hours=1)):
        spell = Made([(came, "R1")], until=until, outcome="home" if until else None, referral={"received_at": came})
        insert(services, spell)
    report: ClockReport = acts(services, lambda act: recovery_report(act, SPAN, SpellsBy.ALL))
    assert (report.total.over_max_stay, report.groups, report.limit_h) == (2, [], [24])


def test_the_daily_count_is_of_who_awaits_care_at_eight_in_the_morning(services: Ward) -> None:
    chance = random.Random(3)
    people = [somebody(chance) for _ in range(120)]
    write(services, people)
    lines: list[ServiceLine] = []
    keys = {row.code: row.id for row in rows(services.engine, "SELECT id, code FROM ward")}
    waits: list[tuple[str, int, datetime, datetime | None, float]] = []  # ward, patient, since, until, hours
    for person, spell, only_referred in people:
        first_until = min((one for one in (person.done_at, person.ended_at) if one), default=None)
        if WARDS[person.ward] == "recovery":
            waits.append((person.ward, spell.patient, person.began_at or person.came_at, first_until, 0))
            if person.began_at is None:
                waits[-1] = (person.ward, spell.patient, person.came_at, person.ended_at, 0)
        if only_referred is None and chance.random() < 0.5:
            since = person.came_at + timedelta(hours=chance.randrange(100))
            begun = since + timedelta(hours=chance.randrange(200)) if chance.random() < 0.7 else None
            of: dict[str, Any] = {
                "episode_id": spell.episode,
                "patient_id": spell.patient,
                "ward_id": keys[person.ward],
            }
            care: dict[str, Any] = {"service": Service.HOME_CARE, "hours_per_week": 4.25}
            lines.append(ServiceLine(**of, **care, requested_at=since, begun_at=begun))
            waits.append((person.ward, spell.patient, since, begun, 4.25))
    with transaction(services.engine) as session:
        session.add_all(lines)
    found = {(row.day, row.ward): row for row in acts(services, lambda act: awaiting_daily(act, SPAN)).rows}
    days = [utc(2026, 3, number) for number in range(1, 32)]
    assert found.keys() == {(day.date(), code) for day in days for code in ("A1", "R1", "R2")}
    assert sum(row.patients for row in found.values()) > 50
    for (day, code), row in found.items():
        moment = datetime(day.year, day.month, day.day, 8, tzinfo=WARD_TIME)
        assert row.at == moment
        here = [one for one in waits if one[0] == code and one[2] <= moment and (one[3] is None or one[3] > moment)]
        assert row.patients == len({patient for _, patient, *_ in here})
        assert row.hours_per_week == sum(one[4] for one in here)
        assert row.first_care == len({patient for _, patient, _, _, hours in here if not hours})
        longest = max(((moment.astimezone(since.tzinfo) - since) / HOUR for _, _, since, *_ in here), default=None)
        assert row.longest_h == (None if longest is None else round(longest, 2))


def test_the_reports_are_json_and_csv_of_the_same_rows_and_everybody_who_reads_reports_may(api: Api) -> None:
    for name in ("recovery", "discharge-to-assess"):
        path = f"/v1/reports/{name}"
        whole = done(api.get(path, Role.AUDITOR))
        assert (whole["total"]["counted"], whole["groups"], whole["by"]) == (0, [], "ward")
        lines = list(csv.DictReader(StringIO(api.get(path, headers={"Accept": "text/csv"}).text)))
        assert [(line["group"], line["counted"], line["outcomes_ended"]) for line in lines] == [("all", "0", "0")]
        assert faults(api.get(path, params={"from": "2026-03-02", "to": "2026-03-01"})) == ["to"]
    path = "/v1/reports/awaiting-care"
    header = api.get(path, headers={"Accept": "text/csv"}).text.strip()
    assert header == ",".join(AwaitingRow.__struct_fields__)
    assert faults(api.get(path, params={"from": "2020-01-01"})) == ["from"]
