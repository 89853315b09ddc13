"""Who was referred to a service that has a clock, or came to it, in SQL: what the reports and lists here begin with.

A row for each referral to such a service, and for each spell that came to one otherwise (admitted directly, or
transferred): of the ward that was asked first. `ended_at`: the referral was not taken, or the patient left the service.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ARRAY, Text, TextClause, bindparam, text

from monitoring.acts import Act
from monitoring.flow.states import LIVE, State

_OF_SERVICE: Final = "ward.pathway = ANY(:pathways) AND (:wards IS NULL OR ward.code = ANY(:wards))"

_CARE_STAY: Final = """ward_stay care JOIN ward AS service ON service.id = care.ward_id
                       AND service.pathway = ANY(:pathways)"""
_LEFT_AT: Final = f"""
    LEFT JOIN LATERAL (SELECT care.until_at, care.ward_id FROM {_CARE_STAY} WHERE care.episode_id = episode.id
                       ORDER BY care.from_at DESC, care.id DESC LIMIT 1) AS stayed ON true"""  # noqa: S608

_CAME: Final = f"""came AS (
    SELECT stay.ward_id, stay.from_at, episode.id AS episode_id, episode.patient_id, episode.referral_id,
           stayed.until_at, stayed.ward_id AS at_ward_id
    FROM ward_stay stay JOIN ward ON ward.id = stay.ward_id AND {_OF_SERVICE}
    JOIN episode ON episode.id = stay.episode_id {_LEFT_AT}
    WHERE {{came}} AND NOT EXISTS (SELECT FROM {_CARE_STAY} WHERE care.episode_id = stay.episode_id
                                   AND (care.from_at, care.id) < (stay.from_at, stay.id))
)"""  # noqa: S608 - put together from the constants above
"""Spells that came to a service: their first stay there."""

_ASKED: Final = f"""{_CAME}, asked AS (
    SELECT referral.ward_id, coalesce(stayed.ward_id, referral.ward_id) AS at_ward_id, referral.patient_id,
           referral.id AS referral_id, episode.id AS episode_id,
           referral.received_at AS began_at, referral.received_at AS came_at,
           CASE WHEN episode.id IS NULL THEN decided.at ELSE stayed.until_at END AS ended_at
    FROM referral JOIN ward ON ward.id = referral.ward_id AND {_OF_SERVICE}
    LEFT JOIN episode ON episode.referral_id = referral.id {_LEFT_AT}
    LEFT JOIN LATERAL (SELECT max(at) AS at FROM referral_history WHERE referral_id = referral.id
                       AND to_state = referral.state AND referral.state <> ALL(:live)) AS decided ON true
    WHERE {{referred}}
    UNION ALL
    SELECT came.ward_id, came.at_ward_id, came.patient_id, NULL, came.episode_id, recovery.referred_at,
           came.from_at, came.until_at
    FROM came LEFT JOIN recovery ON recovery.episode_id = came.episode_id
    WHERE NOT EXISTS (SELECT FROM referral JOIN ward ON ward.id = referral.ward_id AND ward.pathway = ANY(:pathways)
                      WHERE referral.id = came.referral_id)
)"""  # noqa: S608 - put together from the constants above
"""`at_ward_id`: where the patient is or was last, of such services. `began_at`: when the hospital referred,
None where nobody said; `came_at`: that, or when the patient came."""

_SINCE: Final = "stay.from_at >= :from"
_REFERRED: Final = "referral.received_at >= :from AND referral.received_at < :to"

ASKED: Final = _ASKED.format(came=_SINCE, referred=_REFERRED)
"""Of a period: who was referred in it, or came in it or since."""

CAME_OR_HOME: Final = _CAME.format(
    came=f"({_SINCE} OR episode.id IN (SELECT episode_id FROM recovery WHERE home_at >= :from AND home_at < :to))"  # noqa: S608
)
"""Who came to a service in the period or since, or was home in it: some are home days before or after they come."""

_STILL: Final = """still AS MATERIALIZED (
    SELECT id, referral_id FROM episode WHERE discharged_at IS NULL
    UNION ALL
    SELECT id, referral_id FROM episode WHERE discharged_at > :since
)"""
_NOT_OVER: Final = """referral.id IN (
    SELECT referral_id FROM still
    UNION ALL
    SELECT id FROM referral WHERE state = ANY(:live)
    UNION ALL
    SELECT referral_id FROM referral_history WHERE what = ANY(:over) AND at > :since
)"""
_OF_STILL: Final = "stay.episode_id IN (SELECT id FROM still)"
ASKED_AND_NOT_OVER: Final = f"{_STILL}, {_ASKED.format(came=_OF_STILL, referred=_NOT_OVER)}"
"""Whoever may still have waited at an instant or after it: found by what is open, and by what ended since, so that it
costs the same however long the history is."""

_OVER: Final = sorted(set(State) - {*LIVE, State.ADMITTED})


def bound(query: str, *arrays: str) -> TextClause:
    """A query of services; `arrays` are further parameters that are lists of texts."""
    names = [name for name in ("wards", "pathways", "live", "over", *arrays) if f":{name}" in query]
    return text(query).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in names))


def of_services(act: Act, pathways: Iterable[str]) -> dict[str, Any]:
    """What such a query asks for: the caller's wards, and the pathways whose clock it is."""
    return {
        "wards": None if act.who.wards is None else sorted(act.who.wards),
        "pathways": list(pathways),
        "live": list(LIVE),
        "over": _OVER,
    }
