"""The one query behind the report on UCR's response: each referral and each chain put in one class, then counted.

A class is named after what became of it; `report.METHOD` says what each means. Every in-scope one is in exactly one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import ARRAY, Text, TextClause, bindparam, text

from monitoring.equity.cuts import GROUP_OF, NOT_STATED, Cut
from monitoring.ucr.clock import IN_SCOPE
from monitoring.ucr.states import UNSEEN, State


class UcrBy(StrEnum):
    """What referrals are put together by."""

    ALL = "all"
    TEAM = "team"
    HOUR = "hour"
    AREA = "area"
    DEPRIVATION = "deprivation"
    WARD = "ward"


NO_TEAM: Final = "no team"
NO_WARD: Final = "no ward"

GROUP: Final[Mapping[UcrBy, str]] = {
    UcrBy.ALL: "'all'",
    UcrBy.TEAM: f"coalesce(ucr_team.code, '{NO_TEAM}')",
    UcrBy.HOUR: "to_char(counted.received AT TIME ZONE :zone, 'HH24')",
    UcrBy.AREA: f"coalesce(counted.district, '{NOT_STATED}')",
    UcrBy.DEPRIVATION: f"coalesce(({GROUP_OF[Cut.DEPRIVATION]}), '{NOT_STATED}')",
    UcrBy.WARD: f"coalesce(ward.code, '{NO_WARD}')",
}
"""The same in SQL. An hour is London's, of the receipt."""


_OUTCOMES: Final = ", ".join(f"'{outcome}'" for outcome in sorted(UNSEEN))

# What happened before anybody was seen: an exclusion, by its reason.
_UNSEEN: Final = f"""
    WHEN state = '{State.COMPLETED}' AND outcome IN ({_OUTCOMES}) THEN outcome || '_before'
    WHEN state = '{State.CANCELLED}' AND end_reason = :died THEN 'died_before'
    WHEN state = '{State.CANCELLED}' THEN 'cancelled'"""

_GROUPED: Final = f"""
WITH mine AS (
    SELECT ucr_referral.* FROM ucr_referral LEFT JOIN ward ON ward.id = ucr_referral.ward_id
    WHERE CAST(:wards AS text[]) IS NULL OR ward.code = ANY(:wards)
), counted AS (
    SELECT 'provider' AS measure, sent_at AS received, team_id, patient_id, ward_id, district, response, arrived_at,
           extract(epoch FROM arrived_at - sent_at) / 60 AS minutes,
           CASE WHEN arrived_at <= provider_breach_at THEN 'met'
                WHEN arrived_at IS NOT NULL THEN 'late'
                WHEN state = '{State.DECLINED}' THEN CASE WHEN unanswered THEN 'unanswered' ELSE 'declined' END
                {_UNSEEN}
                WHEN provider_breach_at < :now THEN 'open_past_breach'
                ELSE 'pending' END AS class
    FROM mine WHERE sent_at >= :from AND sent_at < :to AND team_id IS NOT NULL
    UNION ALL
    SELECT 'patient', received_at, team_id, patient_id, ward_id, district, response, arrived_at,
           extract(epoch FROM arrived_at - received_at) / 60,
           CASE WHEN arrived_at <= received_at + interval '2 hours' THEN 'met'
                WHEN arrived_at IS NOT NULL THEN 'late'
                WHEN team_id IS NULL THEN CASE WHEN previous_id IS NULL THEN 'unplaced' ELSE 'all_declined' END
                {_UNSEEN}
                WHEN received_at + interval '2 hours' < :now THEN 'open_past_breach'
                ELSE 'pending' END
    FROM mine AS last WHERE received_at >= :from AND received_at < :to
      AND NOT EXISTS (SELECT FROM ucr_referral AS following WHERE following.previous_id = last.id)
), grouped AS (
    SELECT counted.*, {{group}} AS grp
    FROM counted
    JOIN patient ON patient.id = counted.patient_id
    LEFT JOIN ucr_team ON ucr_team.id = counted.team_id
    LEFT JOIN ward ON ward.id = counted.ward_id
)
SELECT CASE grouping(grp) WHEN 1 THEN 'all' ELSE grp END AS grp, grouping(grp) AS is_total, measure,
"""  # noqa: S608 - put together from the constants above

UCR: Final = f"""{_GROUPED}
       CASE response WHEN '{IN_SCOPE}' THEN class ELSE 'out_of_scope' END AS class,
       count(*) AS number, count(arrived_at) AS contacts
FROM grouped
GROUP BY GROUPING SETS ((measure, 4), (grp, measure, 4))
"""

MINUTES: Final = f"""{_GROUPED}
       percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY minutes) AS p90
FROM grouped WHERE response = '{IN_SCOPE}' AND minutes IS NOT NULL
GROUP BY GROUPING SETS ((measure), (grp, measure))
"""


def by_group(query: str, by: UcrBy) -> TextClause:
    """A query whose `{group}` is what is put together."""
    return text(query.replace("{group}", GROUP[by])).bindparams(bindparam("wards", type_=ARRAY(Text)))
