"""Equity: every figure by who the patients are, beside the population served, and nobody to be known by it."""

from datetime import date, timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import transaction
from monitoring.equity.cuts import AGE_BANDS, GROUPS, NOT_STATED, Cut
from monitoring.equity.report import EquityReport, EquityRow, equity
from monitoring.flow.states import State
from monitoring.loaded.formats import TableName
from monitoring.reports.periods import Span
from tests.monitoring.api import Api
from tests.monitoring.loading import load
from tests.monitoring.referring import acts
from tests.monitoring.spells_made import Made, insert, opens, utc
from tests.monitoring.steps import done, employ, faults, refused
from tests.ward import Ward
from tests.workers.records import change

SPAN = Span(utc(2026, 3, 1), utc(2026, 3, 31, 23))  # March in London: the clocks change in it
IN_MARCH = utc(2026, 3, 2)
PATH = "/v1/reports/equity?from=2026-03-01&to=2026-04-01"


@pytest.fixture
def wards(ward: Ward) -> Ward:
    """Two wards, of two ICBs, long open."""
    opens(ward, "A1", staffed=500, since=utc(2025, 1, 1), icb="QAA")
    opens(ward, "B1", staffed=500, since=utc(2025, 1, 1), icb="QBB")
    ward.now = utc(2026, 6, 1)
    return ward


def come(ward: Ward, number: int, code: str = "A1", person: dict[str, Any] | None = None, **spell: Any) -> list[Made]:
    """So many patients with a spell each, and what is recorded of them."""
    made = [Made([(IN_MARCH, code)], **spell) for _ in range(number)]
    insert(ward, *made)
    if person:
        fields = ", ".join(f"{name} = :{name}" for name in person)
        people = [one.patient for one in made]
        change(ward.engine, f"UPDATE patient SET {fields} WHERE id = ANY(:people)", people=people, **person)
    return made


def report(ward: Ward, by: Cut, icb: str | None = "QAA") -> EquityReport:
    """As a coordinator reads it."""
    return acts(ward, lambda act: equity(act, SPAN, by, icb))


def rows_of(found: EquityReport) -> dict[str, EquityRow]:
    """By group."""
    return {row.group: row for row in found.rows}


def admitted(found: EquityReport) -> dict[str, int | None]:
    """Admissions of the groups that have any to show."""
    return {row.group: row.admissions for row in found.groups if row.admissions}


WAITED_MIN = (29 * 24 + 22) * 60
"""From the alerts to the end of the period."""


@pytest.mark.parametrize(
    ("by", "first", "second", "groups"),
    [
        (Cut.SEX, {"sex": "male"}, {"sex": "unknown"}, ("male", NOT_STATED)),
        (Cut.ETHNICITY, {"ethnicity": "r"}, {"ethnicity": "Z"}, ("asian", NOT_STATED)),
        (Cut.AGE, {"birth_date": date(1961, 4, 1)}, {"birth_date": date(1961, 3, 31)}, ("40-64", "65-74")),
        (Cut.INTERPRETER, {"interpreter": "true"}, {"interpreter": "false"}, ("yes", "no")),
        (Cut.LANGUAGE, {"language": " Polish "}, {"language": "English"}, ("other", "english")),
        (
            Cut.DEPRIVATION,
            {"postcode_district": "LE1"},
            {"postcode": "le1 1aa", "postcode_district": "LE1"},
            ("2", "5"),
        ),
        (Cut.DEPRIVATION, {"postcode": "LE1 1AB"}, {"postcode": "LE9 9AA"}, ("1", NOT_STATED)),
    ],
)
def test_people_are_in_the_group_that_is_recorded_of_them(
    api: Api, wards: Ward, by: Cut, first: dict[str, Any], second: dict[str, Any], groups: tuple[str, str]
) -> None:
    load(api, "deprivation", "area,quintile\nLE1,2\nLE1 1AA,5\nE01012345,1\n")
    load(api, "postcodes", "postcode,lsoa\nLE1 1AB,E01012345\n")
    load(api, "population", "icb,by,group,people\nQAA,language,English,900000\n")
    come(wards, 10, person=first)
    come(wards, 20, person=second)
    assert admitted(report(wards, by)) == dict(zip(groups, (10, 20), strict=True))


def test_every_group_is_a_row_and_not_stated_is_the_last(wards: Ward) -> None:
    for by in Cut:
        groups = [row.group for row in report(wards, by).groups]
        assert groups[-1] == NOT_STATED
        assert by is Cut.LANGUAGE or groups[:-1] == [*GROUPS[by]]


def test_age_bands_meet() -> None:
    assert AGE_BANDS == ("0-15", "16-39", "40-64", "65-74", "75-84", "85+")


def test_kit_is_what_was_lent_in_the_period(wards: Ward) -> None:
    wards.now = IN_MARCH
    opens(wards, "C1", since=IN_MARCH, icb="QCC")
    wards.code = "C1"
    for _ in range(5):
        wards.admit()
    come(wards, 10, code="C1")
    wards.now = utc(2026, 6, 1)
    found = rows_of(report(wards, Cut.KIT, "QCC"))
    assert (found["yes"].admissions, found["no"].admissions) == (5, 10)


def test_the_figures_of_a_group(wards: Ward) -> None:
    """Ten women: five home after 4 days, of whom five come back; five die. Twenty men home after 10 days."""
    women: dict[str, Any] = {"person": {"sex": "female"}}
    came = come(wards, 5, until=IN_MARCH + timedelta(days=4), outcome="home", referral={}, **women)
    insert(wards, *(Made([(IN_MARCH + timedelta(days=20), "A1")], same_as=one, outcome="acute",
                         until=IN_MARCH + timedelta(days=21)) for one in came))  # fmt: skip
    come(wards, 5, until=IN_MARCH + timedelta(days=6), outcome="died", **women)
    come(wards, 20, until=IN_MARCH + timedelta(days=10), outcome="home", referral={}, person={"sex": "male"})
    declined = {"state": State.DECLINED}
    come(wards, 10, referral=declined, until=IN_MARCH + timedelta(days=10), outcome="home", person={"sex": "male"})
    found = rows_of(report(wards, Cut.SEX))
    female, male, total = found["female"], found["male"], found["all"]
    assert (female.admissions, male.admissions, total.admissions) == (15, 30, 45)
    assert (female.referrals_received, male.referrals_received, male.referrals_declined) == (5, 30, 10)
    assert (female.length_of_stay_median, male.length_of_stay_median) == (4.0, 10.0)
    assert (female.occupancy_days, male.occupancy_days) == (5 * 4 + 5 + 5 * 6, 300)
    assert (female.followed, female.readmitted, female.readmission_rate) == (5, 5, 1.0)
    assert (male.followed, male.readmitted) == (30, None)
    assert (female.ended, female.died, female.died_rate) == (15, 5, 0.33)
    assert female.referrals_declined is None
    assert (total.died, total.readmitted) == (5, 5)


@pytest.mark.parametrize(("answered", "median"), [(5, 30), (3, 30), (2, WAITED_MIN)])
def test_time_to_acknowledge_is_until_a_person_first_answers_and_the_unanswered_count(
    wards: Ward, answered: int, median: int
) -> None:
    people = come(wards, 6, person={"sex": "male"})
    for nth, one in enumerate(people):
        change(
            wards.engine,
            """
            WITH raised AS (
                INSERT INTO alert (public_id, patient_id, episode_id, ward_id, kind, severity, state, raised_at,
                                   reasons, why, basis, version)
                SELECT gen_random_uuid(), patient_id, id, ward_id, 'deterioration', :severity, 'open', :at,
                       '[]', '{}', '{}', 1
                FROM episode WHERE id = :episode RETURNING id)
            INSERT INTO alert_history (alert_id, at, to_state, severity, what, by)
            SELECT id, CAST(:at AS timestamptz) + minutes * interval '1 minute', 'acknowledged', 3, 'acknowledged', :by
            FROM raised, unnest(CAST(:minutes AS int[])) AS minutes
            """,
            episode=one.episode,
            severity=3 if nth < 5 else 2,  # the last is amber_plus: not counted
            at=IN_MARCH + timedelta(hours=1),
            minutes=[10 * (nth + 1), 500] if nth < answered else [],
            by=wards.staff[Role.CLINICIAN].id,
        )
    male = rows_of(report(wards, Cut.SEX))["male"]
    assert (male.alerts, male.minutes_to_acknowledge) == (5, median)


def test_rates_are_of_the_population_that_was_loaded_and_of_rounded_numbers(api: Api, wards: Ward) -> None:
    load(api, "population", "icb,by,group,people\nQAA,sex,female,50000\nQAA,sex,male,40000\nQBB,sex,male,10000\n")
    come(wards, 12, person={"sex": "female"}, referral={})
    come(wards, 5, person={"sex": "male"})
    come(wards, 10, code="B1", person={"sex": "male"})
    found = rows_of(report(wards, Cut.SEX))
    female = found["female"]
    assert (female.population, female.admissions, female.admissions_per_100k) == (50_000, 10, 20.0)
    assert female.referrals_per_100k == 20.0
    assert (found["male"].population, found["male"].admissions_per_100k) == (40_000, 12.5)
    assert (found["all"].population, found["all"].admissions) == (90_000, 15)
    assert found[NOT_STATED].population is None
    assert rows_of(report(wards, Cut.SEX, "QBB"))["male"].population == 10_000
    assert rows_of(report(wards, Cut.SEX, None))["male"].population is None  # QXX, of a third ward, was not loaded


def test_fewer_than_five_people_are_not_shown_however_often_they_came(wards: Ward) -> None:
    often = come(wards, 4, person={"sex": "other"}, until=IN_MARCH + timedelta(days=1), outcome="home")
    for days in (3, 6, 9):
        insert(wards, *(Made([(IN_MARCH + timedelta(days=days), "A1")], same_as=one, outcome="home",
                             until=IN_MARCH + timedelta(days=days + 1)) for one in often))  # fmt: skip
    come(wards, 30, person={"sex": "female"})
    come(wards, 41, person={"sex": "male"})
    found = rows_of(report(wards, Cut.SEX))
    hidden = found["other"]
    assert {getattr(hidden, name) for name in EquityRow.__struct_fields__ if name != "group"} == {None}
    assert (found["female"].admissions, found["male"].admissions, found["all"].admissions) == (30, 40, 70)
    assert found["female"].died is None


def test_a_table_holds_from_its_day_on(api: Api, wards: Ward) -> None:
    load(api, "deprivation", "area,quintile\nLE1,2\n", "2026-03-31")
    load(api, "deprivation", "area,quintile\nLE1,3\n", "2026-04-01")
    come(wards, 10, person={"postcode_district": "LE1"})
    found = report(wards, Cut.DEPRIVATION)
    assert admitted(found) == {"2": 10}
    assert found.tables[TableName.DEPRIVATION] == date(2026, 3, 31)


def test_staff_of_certain_wards_see_the_figures_of_those(wards: Ward) -> None:
    come(wards, 10)
    come(wards, 20, code="B1")
    theirs, _ = wards.employ(Role.COORDINATOR, wards=["B1"])
    with transaction(wards.engine) as session:
        assert equity(Act(session, theirs, wards.now), SPAN, Cut.SEX, None).total.admissions == 20
        assert equity(Act(session, theirs, wards.now), SPAN, Cut.SEX, "QAA").total.admissions is None


def test_over_http_as_json_and_as_csv(api: Api, wards: Ward) -> None:
    come(wards, 10)
    for role in (Role.COORDINATOR, Role.AUDITOR, Role.ADMIN):
        found = done(api.get(f"{PATH}&by=sex&icb=QAA", role))
    assert found["total"]["admissions"] == 10
    assert found["tables"].keys() == {"deprivation", "postcodes", "ethnicity", "population"}
    lines = api.get(f"{PATH}&by=sex&icb=QAA", headers={"Accept": "text/csv"}).text.splitlines()
    assert lines[0].startswith("group,population,referrals_received,")
    assert [line.partition(",")[0] for line in lines[1:]] == ["all", "female", "male", "other", NOT_STATED]


def test_what_is_refused(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.ENGINEER, Role.UCR):
        refused(api.get(f"{PATH}&by=nothing", role), 403)
    assert faults(api.get(f"{PATH}&by=height")) == ["by"]
    assert faults(api.get("/v1/reports/equity?from=2026-04-01&to=2026-03-01")) == ["to"]
    assert done(api.get(PATH, token=employ(api, Role.AUDITOR, "WARD1")))["total"]["admissions"] is None
