"""The pseudonymised export: nothing in it says who anybody is, and it can be used all the same."""

import csv
import json
from base64 import b64encode
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.backtest.reading import LeftOut, read
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.privacy import extracting
from monitoring.privacy.pseudonyms import SHIFT_WEEKS_MAX, age_band, pseudonyms
from monitoring.refusals import Unacceptable
from monitoring.reports.periods import Span
from tests.monitoring.api import Api
from tests.monitoring.audited import newest
from tests.monitoring.lives import IDENTIFYING, WORDS, lives
from tests.workers.records import rows

KEY, OTHER_KEY = (b64encode(bytes([number]) * 32).decode() for number in (1, 2))
FILES = {"readings.csv", "alerts.csv", "patients.csv"}


@pytest.fixture
def peopled(api: Api) -> Api:
    """Five people, one of whom has been through all there is."""
    lives(api)
    for _ in range(3):
        api.ward.admit()
    return api


def exported(api: Api, folder: Path, key: str | None = KEY) -> dict[str, list[dict[str, str]]]:
    """The rows of each file, of all that there is."""
    extracting.extract(keyed(api, key), ever(), folder, utc_now(), lambda _: None)
    assert {path.name for path in folder.iterdir()} == FILES
    return {path.stem: list(csv.DictReader(StringIO(path.read_text(encoding="utf-8")))) for path in folder.iterdir()}


def keyed(api: Api, key: str | None) -> Settings:
    """Settings of whoever exports."""
    return api.ward.settings.model_copy(update={"pseudonym_key": key})


def ever() -> Span:
    """From the beginning until now."""
    return Span(datetime.fromisoformat("2000-01-01T00:00:00+00:00"), utc_now())


def identifying(api: Api) -> set[str]:
    """Every value in the database that says who somebody is or what they have: of all patients, staff and kit."""
    found: set[str] = set(IDENTIFYING) | set(WORDS)
    for table, columns in (
        ("patient", "public_id, nhs_number, given_name, family_name, birth_date, address, postcode, phones"),
        ("episode", "public_id"), ("device", "public_id, serial"), ("staff", "public_id, name"), ("alert", "public_id"),
        ("reading", "set, id"), ("ward", "code, provider, icb"), ("concern", "text"),
    ):  # fmt: skip
        for row in rows(api.ward.engine, f"SELECT {columns} FROM {table}"):
            found |= {str(value) for value in row if value and len(str(value)) > 2}
    return found


def test_nothing_in_it_says_who_anybody_is(peopled: Api, tmp_path: Path) -> None:
    made = exported(peopled, tmp_path / "out")
    said = json.dumps(made) + "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    secrets = identifying(peopled)
    assert len(secrets) > 40
    assert [secret for secret in secrets if secret in said or secret.replace("-", "") in said] == []


def test_no_date_in_it_is_one_on_which_anything_happened_and_what_lies_between_is_kept(
    peopled: Api, tmp_path: Path
) -> None:
    made = exported(peopled, tmp_path / "out")
    theirs = [datetime.fromisoformat(row["taken_at"]) for row in made["readings"]]
    true = [row.taken_at for row in rows(peopled.ward.engine, "SELECT taken_at FROM reading ORDER BY taken_at DESC")]
    shift = theirs[0] - true[0]
    assert abs(shift) >= timedelta(weeks=1)
    assert shift % timedelta(weeks=1) == timedelta()
    assert [at - shift for at in theirs] == true
    alert = rows(peopled.ward.engine, "SELECT min(raised_at) AS at FROM alert")[0].at
    assert min(datetime.fromisoformat(row["raised_at"]) for row in made["alerts"]) - shift == alert


def test_one_person_is_one_pseudonym_in_every_file_and_another_under_another_key(peopled: Api, tmp_path: Path) -> None:
    first, again, other = (
        exported(peopled, tmp_path / str(number), key) for number, key in enumerate((KEY, KEY, OTHER_KEY))
    )
    assert first == again
    people = [row["patient"] for row in first["patients"]]
    assert people == sorted(set(people))
    assert len(people) == 5
    assert {row["patient"] for row in first["readings"]} == {row["patient"] for row in first["alerts"]}
    assert {row["patient"] for row in first["readings"]} < set(people)
    assert not set(people) & {row["patient"] for row in other["patients"]}
    assert {row["age"] for row in first["patients"]} == {"70 to 79"}


def test_backtests_read_its_readings(peopled: Api, tmp_path: Path) -> None:
    made = exported(peopled, tmp_path / "out")
    left_out = LeftOut()
    (part,) = read([tmp_path / "out" / "readings.csv"], left_out)
    assert (len(part.patients), left_out.refused) == (len(made["readings"]), {})
    assert made["readings"][0].keys() >= {"spo2", "temperature"}


def test_without_a_key_nothing_leaves(peopled: Api, tmp_path: Path) -> None:
    with pytest.raises(Unacceptable, match="VIRTUAL_WARD_PSEUDONYM_KEY"):
        exported(peopled, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


def test_of_few_people_nothing_leaves_and_no_folder_is_written_over(api: Api, tmp_path: Path) -> None:
    with pytest.raises(Unacceptable, match="fewer than 5"):
        exported(api, tmp_path / "out")
    for _ in range(4):
        api.ward.admit()
    with pytest.raises(Unacceptable, match="DIR"):
        exported(api, tmp_path)
    exported(api, tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_it_leaves_an_event_that_names_nobody(peopled: Api, tmp_path: Path) -> None:
    exported(peopled, tmp_path / "out")
    event = newest(peopled.ward.engine)
    assert (event.route, event.object, event.patients) == (extracting.ROUTE, "patients 5", [])


@given(person=st.uuids(), key=st.binary(min_size=32, max_size=32))
def test_every_shift_is_of_whole_weeks_and_never_none(person: UUID, key: bytes) -> None:
    found = pseudonyms(b64encode(key).decode())(person)
    assert timedelta(weeks=1) <= abs(found.shift) <= timedelta(weeks=SHIFT_WEEKS_MAX)
    assert found.shift % timedelta(weeks=1) == timedelta()
    assert person.hex not in found.name


@given(born=st.dates(date(1890, 1, 1), date(2026, 1, 1)), on=st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_an_age_is_in_the_band_that_says_so(born: date, on: date) -> None:
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    band = age_band(born, on)
    if band == "under 18":
        assert age < 18
    elif band == "90 and over":
        assert age >= 90
    else:
        low, high = map(int, band.split(" to "))
        assert low <= age <= high < low + 12
