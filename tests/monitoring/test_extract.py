"""The pseudonymised extract: what a comparison needs, and nothing that says who it was."""

import csv
from datetime import date
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.database import make_engine
from monitoring.embedded.postgres import OWNER
from monitoring.flow.tables import Source
from monitoring.paging import LIMIT_MAX
from monitoring.wards.tables import Step
from tests.monitoring.api import Api
from tests.monitoring.spells_made import Made, insert, opens, utc
from tests.monitoring.steps import done, employ, faults, refused
from tests.ward import Ward
from tests.workers.records import change, rows

YEAR = "/v1/reports/extract?from=2025-01-01&to=2026-01-01"


def extracted(api: Api, path: str = YEAR, **options: Any) -> list[dict[str, Any]]:
    """The rows of a page."""
    items: list[dict[str, Any]] = done(api.get(path, Role.COORDINATOR, **options))["items"]
    return items


def as_csv(api: Api, path: str = YEAR) -> list[dict[str, str]]:
    """Every row."""
    answer = api.get(path, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(StringIO(answer.text)))


def some(ward: Ward, number: int) -> None:
    """Spells, a minute after each other: of one patient, for only their number counts."""
    made = """
        INSERT INTO episode (public_id, patient_id, ward_id, step, admitted_at, admitted_by, discharged_at)
        SELECT gen_random_uuid(), patient_id, ward_id, 'up', :at + number * interval '1 minute', admitted_by, :until
        FROM episode, generate_series(1, :many) AS number
    """
    change(ward.engine, made, at=utc(2025, 2, 1), until=utc(2026, 1, 5), many=number)


def test_a_spell_is_told_whole(api: Api) -> None:
    opens(api.ward, "A1", since=utc(2025, 1, 1), pathway="frailty")
    referral = {
        "source": Source.SDEC, "urgency": 2, "condition": "copd", "frailty": 6, "would_be_admitted": None,
        "hospital": "RXX01", "hospital_admitted_on": date(2025, 7, 1), "hospital_until_on": date(2025, 7, 9),
        "received_at": utc(2025, 7, 3, 22, 30),
    }  # fmt: skip
    insert(
        api.ward,
        Made(
            [(utc(2025, 7, 3, 23, 30), "A1"), (utc(2025, 7, 5), api.ward.code)],  # the 4th, by summer time
            Step.DOWN, utc(2025, 7, 10, 11, 30), "home", referral, born=date(1944, 7, 5),
        ),
    )  # fmt: skip
    (found,) = extracted(api)
    assert (len(found.pop("spell")), len(found.pop("patient"))) == (32, 32)
    assert found == {
        "age": 80, "sex": "female", "frailty": 6, "condition": "copd", "ward": "WARD1", "pathway": "general",
        "provider": "RXX", "icb": "QXX", "step": "down", "source": "sdec", "priority": 2, "would_be_admitted": None,
        "referred_on": "2025-07-03", "hospital": "RXX01", "hospital_admitted_on": "2025-07-01",
        "hospital_until_on": "2025-07-09", "admitted_on": "2025-07-04", "discharged_on": "2025-07-10",
        "ward_days": 6.5, "wards": 2, "outcome": "home", "destination": None,
        "readmitted_here_within_30_days": False, "died_within_30_days": False,
    }  # fmt: skip


@pytest.mark.parametrize(("born", "age"), [(date(1948, 2, 29), 76), (date(1948, 2, 28), 77), (date(1948, 3, 1), 76)])
def test_age_is_in_whole_years_at_admission_also_of_who_was_born_on_a_leap_day(api: Api, born: date, age: int) -> None:
    insert(api.ward, Made([(utc(2025, 2, 28, 12), api.ward.code)], born=born))
    assert [row["age"] for row in extracted(api)] == [age]


def test_nothing_in_it_says_who_it_was(api: Api) -> None:
    insert(api.ward, Made([(utc(2025, 2, 1), api.ward.code)], until=utc(2025, 2, 3)))
    (known,) = rows(
        api.ward.engine,
        "SELECT episode.public_id, patient.public_id AS patient, birth_date, given_name FROM episode"
        " JOIN patient ON patient.id = patient_id WHERE admitted_at < '2026-01-01'",
    )
    told = str(extracted(api)) + str(as_csv(api))
    for secret in (known.public_id, known.public_id.hex, known.patient, known.patient.hex, known.birth_date, "Ann"):
        assert str(secret) not in told


def test_one_person_is_one_pseudonym_and_another_under_another_key(api: Api) -> None:
    first = Made([(utc(2025, 2, 1), api.ward.code)], until=utc(2025, 2, 3), outcome="home")
    again = Made([(utc(2025, 2, 20), api.ward.code)], until=utc(2025, 2, 23), outcome="died", same_as=first)
    insert(api.ward, first, again, Made([(utc(2025, 3, 1), api.ward.code)]))
    found = extracted(api)
    people, spells = [row["patient"] for row in found], [row["spell"] for row in found]
    assert [people.count(one) for one in people] == [1, 2, 2]
    assert len({*spells, *people}) == 5
    assert [row["readmitted_here_within_30_days"] for row in found] == [None, False, True]
    assert [row["patient"] for row in extracted(api)] == people
    owner = make_engine(api.ward.settings.database_url.replace("vw_app", OWNER))
    change(owner, "UPDATE pseudonym_key SET key = sha256(key)")  # as another installation has another one
    owner.dispose()
    assert not {*people, *spells} & {row[name] for row in extracted(api) for name in ("patient", "spell")}


def test_the_key_has_256_bits_and_is_not_the_applications_to_change(ward: Ward) -> None:
    (held,) = rows(ward.engine, "SELECT key FROM pseudonym_key")
    assert len(bytes(held.key)) == 32
    for statement in ("UPDATE pseudonym_key SET key = ''", "DELETE FROM pseudonym_key"):
        with pytest.raises(ProgrammingError, match="permission denied"), ward.engine.begin() as connection:
            connection.execute(text(statement))


def test_json_comes_in_pages_and_csv_whole(api: Api) -> None:
    some(api.ward, LIMIT_MAX + 3)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = done(api.get(f"{YEAR}&limit=400{cursor and f'&cursor={cursor}'}"))
        found += [row["spell"] for row in body["items"]]
        cursor = body["next"]
    assert len(found) == len(set(found)) == LIMIT_MAX + 3
    assert [row["spell"] for row in as_csv(api)] == found


def test_it_holds_the_spells_that_began_in_the_period_on_ones_own_wards(api: Api) -> None:
    opens(api.ward, "A1", since=utc(2024, 1, 1))
    for at in (utc(2024, 12, 31, 23, 59), utc(2025, 1, 1), utc(2025, 12, 31, 23, 59), utc(2026, 1, 1)):
        insert(api.ward, Made([(at, "A1")]), Made([(at, api.ward.code)]))
    assert [row["admitted_on"] for row in extracted(api)] == [*["2025-12-31"] * 2, *["2025-01-01"] * 2]
    mine = employ(api, Role.COORDINATOR, "A1")
    assert [row["ward"] for row in extracted(api, token=mine)] == ["A1", "A1"]
    assert [row["ward"] for row in as_csv_of(api, mine)] == ["A1", "A1"]


def as_csv_of(api: Api, token: str) -> list[dict[str, str]]:
    """Every row that somebody may see."""
    return list(csv.DictReader(StringIO(api.get(YEAR, token=token, headers={"Accept": "text/csv"}).text)))


def test_who_is_not_to_compare_does_not_get_it(api: Api) -> None:
    for role, status in ((Role.AUDITOR, 200), (Role.ADMIN, 200), (Role.CLINICIAN, 403), (Role.SUPPORT, 403)):
        assert api.get(YEAR, role).status_code == status, role
    refused(api.get(YEAR, Role.UCR), 403)
    assert faults(api.get(f"{YEAR}&cursor=x")) == ["cursor"]
