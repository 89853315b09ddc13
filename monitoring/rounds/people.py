"""Who a row of a list is about: enough to know the person by, and to open the spell."""

from datetime import date
from typing import Final, TypedDict
from uuid import UUID

import msgspec

from monitoring.database import AnyRow
from monitoring.patients.plan import age_years


class PersonView(msgspec.Struct, kw_only=True):
    """A patient in a list."""

    patient: UUID
    episode: UUID
    given_name: str
    family_name: str
    birth_date: date
    age: int
    nhs_number: str | None


class Person(TypedDict):
    """The fields of a PersonView."""

    patient: UUID
    episode: UUID
    given_name: str
    family_name: str
    birth_date: date
    age: int
    nhs_number: str | None


PERSON: Final = """
    patient.public_id AS patient, episode.public_id AS episode, patient.given_name, patient.family_name,
    patient.birth_date, patient.nhs_number
"""
"""The columns of a person, of the tables `patient` and `episode`."""


def person(row: AnyRow, today: date) -> Person:
    """The person of a row that has PERSON's columns."""
    return Person(
        patient=row.patient,
        episode=row.episode,
        given_name=row.given_name,
        family_name=row.family_name,
        birth_date=row.birth_date,
        age=age_years(row.birth_date, today),
        nhs_number=row.nhs_number,
    )
