"""Who may have hypertension, a page at a time: spells with blood pressure measured at home, and contacts of others.

How the work is bounded: a page is of at most `limit` spells that were open in the period (their index by time; no
reading is touched to choose them), and of each only its own measurements are read, by the primary key of `reading`
(spell, instant) within the months of the spell, the newest 2,000 at most. So it costs the same however many readings
there are; the price is that a page of `limit` spells holds fewer cases, or none, and still has a next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from alert_rules.hypertension import Finding, Measurement, judge_clinic, judge_home
from monitoring.acts import Act
from monitoring.casefinding.tables import OutsideContact
from monitoring.database import AnyRow
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import in_force, refuse_not_of_all
from monitoring.paging import before
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import of_span

MEASUREMENTS_MAX: Final = 2_000
"""Of a spell, the newest: more than a fortnight of one every ten minutes."""

ADULT_YEARS: Final = 18
"""NICE NG136 is for adults, and not for pregnancy (NG133)."""


class Source(StrEnum):
    """Where the blood pressure comes from."""

    HOME = "home"
    CONTACT = "contact"


class Found(StrEnum):
    """What was found. A same-day call is not for the list."""

    UNDIAGNOSED = "undiagnosed"
    UNCONTROLLED = "uncontrolled"  # hypertension is known
    SAME_DAY = "same_day"


LISTED: Final = frozenset({Found.UNDIAGNOSED, Found.UNCONTROLLED})


class Case(msgspec.Struct, kw_only=True):
    """Somebody for the practice to see. `systolic` and `diastolic`: the mean at home, cut to tenths, or as measured."""

    id: UUID
    source: Source
    finding: Found
    patient: UUID | None  # None: not known here
    nhs_number: str | None
    gp_practice: str | None
    network: str | None
    known_hypertension: str
    systolic: float | None
    diastolic: float | None
    measurements: int  # that count
    days: int  # on which it was measured as NICE asks
    at: datetime  # the newest measurement
    sent_at: datetime | None


class CasePage(msgspec.Struct, kw_only=True):
    """A page of cases. `same_day`: how many in it call for a call today; ask for them by `finding=same_day`."""

    items: list[Case]
    next: str | None
    looked_at: int
    same_day: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for."""

    span: Span
    source: Source
    gp_practice: str | None
    network: str | None
    finding: Found | None  # None: the list


def cases(act: Act, wanted: Wanted, limit: int, cursor: str | None) -> CasePage:
    """A page of the cases of a period, the newest spells or contacts first. Raises Forbidden."""
    if wanted.source is Source.CONTACT:
        refuse_not_of_all(act)
    asked = of_span(act, wanted.span) | {
        "ids": None,
        "before": before(cursor),
        "limit": limit + 1,
        "gp_practice": wanted.gp_practice,
        "network": wanted.network,
    }
    rows = act.session.execute(_QUERIES[wanted.source], asked | _versions(act)).all()
    found = _judged(wanted.source, rows[:limit])
    kept = LISTED if wanted.finding is None else {wanted.finding}
    return CasePage(
        items=[case for case in found if case.finding in kept],
        next=str(rows[limit - 1].id) if len(rows) > limit else None,
        looked_at=len(rows[:limit]),
        same_day=sum(case.finding is Found.SAME_DAY for case in found),
    )


def cases_named(act: Act, ids: list[UUID]) -> dict[UUID, Case]:
    """Cases by their ids, as they are judged now; what is no case, or not the caller's, is left out."""
    everything = Span(datetime.min.replace(tzinfo=act.now.tzinfo), act.now)
    asked = of_span(act, everything) | {
        "ids": ids,
        "before": before(None),
        "limit": len(ids),
        "gp_practice": None,
        "network": None,
    }
    sources = list(Source) if act.who.wards is None else [Source.HOME]
    found = [
        case
        for source in sources
        for case in _judged(source, act.session.execute(_QUERIES[source], asked | _versions(act)))
    ]
    return {case.id: case for case in found}


def _versions(act: Act) -> dict[str, Any]:
    return {"practices_from": in_force(act.session, act.now.date())[TableName.PRACTICES]}


def _judged(source: Source, rows: Iterable[AnyRow]) -> list[Case]:
    judged = (_at_home(row) if source is Source.HOME else _outside(row) for row in rows)
    return [case for case in judged if case is not None]


def _at_home(row: AnyRow) -> Case | None:
    if not row.ats:
        return None
    verdict = judge_home([Measurement(*one) for one in zip(row.ats, row.systolics, row.diastolics, strict=True)])
    found = _found(verdict.finding, row.known_hypertension)
    systolic, diastolic = verdict.mean or (None, None)
    return (
        None
        if found is None
        else _case(
            row,
            Source.HOME,
            found,
            systolic=systolic,
            diastolic=diastolic,
            measurements=verdict.measurements,
            days=verdict.days,
            at=max(row.ats),
        )
    )


def _outside(row: AnyRow) -> Case | None:
    found = _found(judge_clinic(row.systolic, row.diastolic), row.known_hypertension)
    return (
        None
        if found is None
        else _case(
            row,
            Source.CONTACT,
            found,
            systolic=row.systolic,
            diastolic=row.diastolic,
            measurements=1,
            days=1,
            at=row.at,
        )
    )


def _found(finding: Finding, known: str) -> Found | None:
    if finding is Finding.SAME_DAY:
        return Found.SAME_DAY
    if finding is not Finding.RAISED:
        return None
    return Found.UNCONTROLLED if known == "true" else Found.UNDIAGNOSED


def _case(row: AnyRow, source: Source, found: Found, **said: Any) -> Case:
    same = {name: getattr(row, name) for name in _SAME}
    return Case(id=row.public_id, source=source, finding=found, **same, **said)


_SAME: Final = ("patient", "nhs_number", "gp_practice", "network", "known_hypertension", "sent_at")

_ASKED: Final = """
  AND (CAST(:gp_practice AS text) IS NULL OR {of}.gp_practice = :gp_practice)
  AND (CAST(:network AS text) IS NULL OR practice.network = :network)
  AND (CAST(:ids AS uuid[]) IS NULL OR {id}.public_id = ANY(:ids))
  AND {id}.id < :before
"""
_NETWORK: Final = """LEFT JOIN practice ON practice.gp_practice = {of}.gp_practice
                         AND practice.from_on = CAST(:practices_from AS date)"""
_SENT_AT: Final = """(SELECT max(cases_sent.sent_at) FROM case_sent
             JOIN cases_sent ON cases_sent.id = case_sent.list_id WHERE case_sent.case = {id}.public_id) AS sent_at"""

_HOME: Final = f"""
WITH spell AS (
    SELECT episode.id, episode.public_id, episode.admitted_at, least(episode.discharged_at, :to) AS until_at,
           patient.public_id AS patient, patient.nhs_number, patient.gp_practice, patient.known_hypertension,
           practice.network
    FROM episode
    JOIN ward ON ward.id = episode.ward_id AND (CAST(:wards AS text[]) IS NULL OR ward.code = ANY(:wards))
    JOIN patient ON patient.id = episode.patient_id AND patient.died_at IS NULL AND patient.pregnant <> 'true'
        AND patient.birth_date <= CAST(:today AS date) - interval '{ADULT_YEARS} years'
    {_NETWORK.format(of="patient")}
    WHERE episode.admitted_at < :to AND (episode.discharged_at IS NULL OR episode.discharged_at >= :from)
      {_ASKED.format(of="patient", id="episode")}
    ORDER BY episode.id DESC
    LIMIT :limit
)
SELECT spell.*, measured.*, {_SENT_AT.format(id="spell")}
FROM spell CROSS JOIN LATERAL (
    SELECT array_agg(taken_at) AS ats, array_agg(systolic) AS systolics, array_agg(diastolic) AS diastolics
    FROM (SELECT taken_at, systolic, diastolic FROM reading
          WHERE reading.episode_id = spell.id AND taken_at >= spell.admitted_at AND taken_at < spell.until_at
            AND systolic IS NOT NULL AND diastolic IS NOT NULL
            AND source > 0 AND quality = 'good' -- by the patient's own device: what staff measure is not home
          ORDER BY taken_at DESC LIMIT {MEASUREMENTS_MAX}) AS newest
) AS measured
ORDER BY spell.id DESC
"""  # noqa: S608 - put together from the constants above

_CONTACT: Final = f"""
SELECT contact.id, contact.public_id, contact.nhs_number, told.gp_practice, contact.systolic, contact.diastolic,
       contact.at, patient.public_id AS patient, coalesce(patient.known_hypertension, 'unknown') AS known_hypertension,
       practice.network, {_SENT_AT.format(id="contact")}
FROM {OutsideContact.__tablename__} contact
LEFT JOIN patient ON patient.nhs_number = contact.nhs_number
CROSS JOIN LATERAL (SELECT coalesce(contact.gp_practice, patient.gp_practice) AS gp_practice) AS told
{_NETWORK.format(of="told")}
WHERE contact.at >= :from AND contact.at < :to AND patient.died_at IS NULL
  {_ASKED.format(of="told", id="contact")}
  AND NOT EXISTS (SELECT FROM outside_contact newer WHERE newer.nhs_number = contact.nhs_number
                  AND newer.at > contact.at AND newer.at < :to)
ORDER BY contact.id DESC
LIMIT :limit
"""  # noqa: S608 - put together from the constants above

_QUERIES: Final[dict[Source, TextClause]] = {Source.HOME: text(_HOME), Source.CONTACT: text(_CONTACT)}
