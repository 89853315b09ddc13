"""A pseudonymised extract of stays, for comparing them with a matched group: a row for each spell, no names.

No NHS number, name, address, day of birth or free note leaves by it: age in years, sex, what was coded, and dates.
"""

from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text

from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.paging import Page, before
from monitoring.reports.periods import Span
from monitoring.reports.pseudonyms import pseudonyms
from monitoring.reports.spell_groups import WITH_WARD_AND_REFERRAL, of_span


class ExtractRow(msgspec.Struct, kw_only=True):
    """A spell, under pseudonyms. Days are those in London; what is not known is null."""

    spell: str
    patient: str
    age: int  # whole years at admission
    sex: str
    frailty: int | None  # Clinical Frailty Scale, 1 to 9
    condition: str | None
    ward: str
    pathway: str
    provider: str
    icb: str
    step: str
    source: str | None
    priority: int | None  # 0 emergency, 1 very urgent, 2 urgent, 3 routine
    would_be_admitted: bool | None
    referred_on: date | None
    hospital: str | None
    hospital_admitted_on: date | None
    hospital_until_on: date | None  # expected there without the ward
    admitted_on: date
    discharged_on: date | None
    ward_days: float | None
    wards: int  # that the spell was spent on
    outcome: str | None
    destination: str | None
    readmitted_here_within_30_days: bool | None  # of a spell that ended
    died_within_30_days: bool | None  # of the discharge, as far as it was recorded here


def extract(act: Act, span: Span, limit: int, cursor: str | None) -> Page[ExtractRow]:
    """The spells that began in a span on the caller's wards, newest first, a page at a time."""
    asked = {**of_span(act, span), "before": before(cursor), "limit": limit + 1}
    found = act.session.execute(_EXTRACT, asked).all()
    shown = _rows(act, found[:limit])
    return Page(shown, str(found[limit - 1].id) if len(found) > limit else None)


def _rows(act: Act, found: Any) -> list[ExtractRow]:
    pseudonym = pseudonyms(act.session)

    def row(one: AnyRow) -> ExtractRow:
        fields = dict(one._mapping)
        told = {name: pseudonym(fields[name]) for name in ("spell", "patient")}
        return msgspec.convert(fields | told, ExtractRow)

    return [row(one) for one in found]


_EXTRACT: Final = text(
    f"""
    SELECT episode.id, episode.public_id AS spell, patient.public_id AS patient,
           extract(year FROM age(local.admitted_on, patient.birth_date))::int AS age, patient.sex, referral.frailty,
           referral.condition, ward.code AS ward, ward.pathway, ward.provider, ward.icb, episode.step, referral.source,
           referral.urgency AS priority, referral.would_be_admitted,
           (referral.received_at AT TIME ZONE :zone)::date AS referred_on, referral.hospital,
           referral.hospital_admitted_on, referral.hospital_until_on, local.admitted_on, local.discharged_on,
           round(extract(epoch FROM episode.discharged_at - episode.admitted_at) / 86400, 2)::float8 AS ward_days,
           (SELECT count(*) FROM ward_stay WHERE ward_stay.episode_id = episode.id) AS wards,
           episode.outcome, episode.destination,
           CASE WHEN episode.discharged_at IS NOT NULL
                THEN EXISTS (SELECT FROM episode later WHERE later.patient_id = episode.patient_id
                             AND later.readmission_of = episode.id) END AS readmitted_here_within_30_days,
           CASE WHEN episode.discharged_at IS NOT NULL
                THEN coalesce((patient.died_at AT TIME ZONE :zone)::date <= local.discharged_on + 30, false) END
           AS died_within_30_days
    FROM episode {WITH_WARD_AND_REFERRAL}
    JOIN patient ON patient.id = episode.patient_id AND patient.erased_at IS NULL
    CROSS JOIN LATERAL (SELECT (episode.admitted_at AT TIME ZONE :zone)::date AS admitted_on,
                               (episode.discharged_at AT TIME ZONE :zone)::date AS discharged_on) AS local
    WHERE episode.admitted_at >= :from AND episode.admitted_at < :to AND episode.id < :before
    ORDER BY episode.id DESC
    LIMIT :limit
    """  # noqa: S608 - put together from a constant
).bindparams(bindparam("wards", type_=ARRAY(Text)))
