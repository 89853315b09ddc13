"""How people are put together in the report on equity: the cuts, their groups, and each in SQL.

A cut is of the person, not of the event: somebody is in one group for a whole report. Not stated is a group.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Final


class Cut(StrEnum):
    """What people are put together by."""

    DEPRIVATION = "deprivation"
    ETHNICITY = "ethnicity"
    AGE = "age"
    SEX = "sex"
    LANGUAGE = "language"
    INTERPRETER = "interpreter"
    KIT = "kit"


NOT_STATED: Final = "not_stated"
"""Not asked, not told, not known, or not on the table that was loaded."""

OTHER_LANGUAGE: Final = "other"
"""A language that is not among those of the population loaded: free text is not shown."""

ETHNIC_GROUPS: Final = ("asian", "black", "mixed", "other", "white")
"""The five groups of the Office for National Statistics, Census 2021."""

AGES: Final = (0, 16, 40, 65, 75, 85)
"""The first year of each band; the ends of the working and the older ages as the NHS reports them. The design's own."""

AGE_BANDS: Final = (*(f"{first}-{after - 1}" for first, after in pairwise(AGES)), f"{AGES[-1]}+")

GROUPS: Final[Mapping[Cut, tuple[str, ...]]] = {
    Cut.DEPRIVATION: ("1", "2", "3", "4", "5"),  # 1: the most deprived fifth
    Cut.ETHNICITY: ETHNIC_GROUPS,
    Cut.AGE: AGE_BANDS,
    Cut.SEX: ("female", "male", "other"),
    Cut.LANGUAGE: (),  # those of the population loaded, and OTHER_LANGUAGE
    Cut.INTERPRETER: ("no", "yes"),
    Cut.KIT: ("no", "yes"),
}
"""The groups of each cut, in the order in which they are shown; NOT_STATED comes last."""


def _age() -> str:
    bands = zip(AGES[1:], AGE_BANDS, strict=False)
    whens = " ".join(f"WHEN years.age < {after} THEN '{band}'" for after, band in bands)
    return f"""
        SELECT CASE {whens} ELSE '{AGE_BANDS[-1]}' END
        FROM (SELECT (patient.died_at AT TIME ZONE :zone)::date AS on_day) AS died
        CROSS JOIN LATERAL (
            SELECT extract(year FROM age(least(CAST(:last_day AS date), died.on_day), patient.birth_date)) AS age
        ) AS years"""  # noqa: S608 - put together from the constants above


GROUP_OF: Final[Mapping[Cut, str]] = {
    # The smaller area knows better: an LSOA by its postcode, then the postcode, then the district.
    Cut.DEPRIVATION: """
        SELECT coalesce(
            (SELECT quintile FROM deprivation
             WHERE from_on = CAST(:deprivation_from AS date) AND area = (
                SELECT lsoa FROM postcode_lsoa
                WHERE postcode_lsoa.from_on = CAST(:postcodes_from AS date)
                  AND postcode_lsoa.postcode = home.postcode)),
            (SELECT quintile FROM deprivation
             WHERE from_on = CAST(:deprivation_from AS date) AND area = home.postcode),
            (SELECT quintile FROM deprivation
             WHERE from_on = CAST(:deprivation_from AS date) AND area = home.district))::text
        FROM (SELECT upper(replace(patient.postcode, ' ', '')) AS postcode,
                     upper(replace(patient.postcode_district, ' ', '')) AS district) AS home""",
    Cut.ETHNICITY: """
        SELECT ethnic_group."group" FROM ethnic_group
        WHERE ethnic_group.from_on = CAST(:ethnicity_from AS date)
          AND ethnic_group.code = upper(btrim(patient.ethnicity))""",
    Cut.AGE: _age(),
    Cut.SEX: "SELECT nullif(patient.sex, 'unknown')",
    Cut.LANGUAGE: f"""
        SELECT CASE WHEN said.language = ANY(CAST(:languages AS text[])) THEN said.language
                    WHEN said.language <> '' THEN '{OTHER_LANGUAGE}' END
        FROM (SELECT lower(btrim(patient.language)) AS language) AS said""",  # noqa: S608 - a constant
    Cut.INTERPRETER: """
        SELECT CASE WHEN patient.interpreter IN ('false', '"no"') THEN 'no'
                    WHEN patient.interpreter <> '""' THEN 'yes' END""",
    Cut.KIT: """
        SELECT CASE WHEN EXISTS (SELECT FROM assignment WHERE assignment.patient_id = patient.id
                                 AND assignment.during && tstzrange(:from, :to)) THEN 'yes' ELSE 'no' END""",
}
"""The group of a patient, in SQL: a row with a text, or none where it is not stated."""
