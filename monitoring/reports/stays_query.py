"""The one query behind the report on stays: every spell of the period with what is known of it, then counted by group.

What its columns mean is said in `stays.METHOD`.
"""

from typing import Final

from monitoring.reports.spell_groups import WITH_WARD_AND_REFERRAL

AVOIDED_DAYS: Final = 7
"""No acute admission so long after a step-up admission: it was avoided. The design's own."""

READMITTED_DAYS: Final = 30


def _days(measure: str, where: str) -> str:
    """A Days of a measure, of the spells for which something holds."""
    of = f"FILTER (WHERE {where})"
    return f"""jsonb_build_object(
        'spells', count({measure}) {of},
        'mean', round((avg({measure}) {of})::numeric, 2),
        'median', round((percentile_cont(0.5) WITHIN GROUP (ORDER BY {measure}) {of})::numeric, 2),
        'p90', round((percentile_cont(0.9) WITHIN GROUP (ORDER BY {measure}) {of})::numeric, 2))"""


LEFT_ALIVE: Final = "is_ended AND outcome IS DISTINCT FROM 'acute' AND outcome IS DISTINCT FROM 'died'"
_READY: Final = "NOT is_ended AND ready_days >= 0"
_LOOKED_AT_UNTIL: Final = f"(:to + interval '{READMITTED_DAYS + 1} days')"
_AVOIDABLE: Final = "is_admitted AND step = 'up' AND would_be_admitted"

ACUTE: Final = f"""acute AS (
    SELECT patient_id, NULL::bigint AS referral_id, discharged_at AS at,
           (discharged_at AT TIME ZONE :zone)::date AS on_day
    FROM episode WHERE outcome = 'acute' AND discharged_at >= :from AND discharged_at < {_LOOKED_AT_UNTIL}
    UNION ALL
    SELECT episode.patient_id, NULL, leave.from_at, (leave.from_at AT TIME ZONE :zone)::date
    FROM leave JOIN episode ON episode.id = leave.episode_id
    WHERE leave.kind = 'hospital' AND leave.from_at >= :from AND leave.from_at < {_LOOKED_AT_UNTIL}
    UNION ALL
    SELECT patient_id, id, NULL, hospital_admitted_on FROM referral
    WHERE hospital_admitted_on >= (:from AT TIME ZONE :zone)::date
      AND hospital_admitted_on <= ({_LOOKED_AT_UNTIL} AT TIME ZONE :zone)::date
)"""  # noqa: S608 - as below
"""Acute admissions that are known here, of a period and what it is followed for."""

BACK: Final = f"""back AS (
    SELECT DISTINCT spell.id FROM spell JOIN acute ON acute.patient_id = spell.patient_id
      AND acute.on_day BETWEEN spell.discharged_on AND spell.discharged_on + {READMITTED_DAYS}
      AND coalesce(acute.at >= spell.discharged_at, true)
      AND coalesce(acute.referral_id <> spell.referral_id, true)
    WHERE {LEFT_ALIVE.replace("outcome", "spell.outcome")}
)"""  # noqa: S608 - as below
"""Of those in `spell` who left alive: who came back to acute care within 30 days."""

STAYS: Final = f"""
WITH spell AS (
    SELECT episode.id, episode.patient_id, episode.referral_id, {{group}} AS grp, episode.step, episode.outcome,
           episode.admitted_at, episode.discharged_at, local.*, referral.would_be_admitted,
           episode.admitted_at >= :from AS is_admitted, coalesce(episode.discharged_at < :to, false) AS is_ended,
           extract(epoch FROM least(episode.discharged_at, :to) - episode.admitted_at) / 86400 AS ward_days,
           floor(extract(epoch FROM :to - episode.discharge_ready_at) / 86400) AS ready_days,
           CASE WHEN referral.hospital_admitted_on IS NOT NULL
                THEN greatest(0, local.admitted_on - referral.hospital_admitted_on) END AS nights,
           referral.hospital_until_on - local.admitted_on AS days_saved
    FROM episode {WITH_WARD_AND_REFERRAL}
    CROSS JOIN LATERAL (SELECT (episode.admitted_at AT TIME ZONE :zone)::date AS admitted_on,
                               (episode.discharged_at AT TIME ZONE :zone)::date AS discharged_on) AS local
    WHERE episode.admitted_at < :to AND (episode.discharged_at IS NULL OR episode.discharged_at >= :from)
), {ACUTE}, avoided AS (
    SELECT id, admitted_on + {AVOIDED_DAYS} < :today AS is_over FROM spell
    WHERE {_AVOIDABLE} AND NOT EXISTS (
        SELECT FROM acute WHERE acute.patient_id = spell.patient_id
          AND acute.on_day BETWEEN spell.admitted_on AND spell.admitted_on + {AVOIDED_DAYS}
          AND coalesce(acute.at >= spell.admitted_at, true)
          AND coalesce(acute.referral_id <> spell.referral_id, true))
), {BACK}, again AS (
    SELECT DISTINCT readmission_of AS id FROM episode WHERE admitted_at >= :from AND readmission_of IS NOT NULL
), failed AS (
    SELECT episode_id AS id, count(*) AS times FROM spell_entry
    WHERE kind = 'discharge_failed' AND at >= :from AND at < :to GROUP BY episode_id
), told AS (
    SELECT spell.*, CASE WHEN step = 'up' THEN coalesce(nights, 0) ELSE nights END + ward_days AS total_days,
           avoided.is_over, avoided.id IS NOT NULL AS is_avoided, back.id IS NOT NULL AS is_back,
           again.id IS NOT NULL AS is_again, failed.times, discharged_on + {READMITTED_DAYS} < :today AS is_followed
    FROM spell LEFT JOIN avoided USING (id) LEFT JOIN back USING (id) LEFT JOIN again USING (id)
    LEFT JOIN failed USING (id)
)
SELECT CASE WHEN grouping(grp) = 1 THEN 'all' ELSE grp END AS "group",
       count(*) FILTER (WHERE is_admitted) AS admitted,
       count(*) FILTER (WHERE is_admitted AND step = 'up') AS step_up,
       count(*) FILTER (WHERE is_admitted AND step = 'down') AS step_down,
       count(*) FILTER (WHERE {_AVOIDABLE}) AS would_be_admitted,
       count(*) FILTER (WHERE is_avoided AND is_over) AS avoided,
       count(*) FILTER (WHERE is_avoided AND NOT is_over) AS avoided_open,
       sum(days_saved) FILTER (WHERE is_admitted AND step = 'down') AS bed_days_saved,
       count(days_saved) FILTER (WHERE is_admitted AND step = 'down') AS bed_days_saved_spells,
       count(*) FILTER (WHERE is_ended) AS ended,
       count(*) FILTER (WHERE is_ended AND outcome = 'home') AS home,
       count(*) FILTER (WHERE is_ended AND outcome = 'hospice') AS hospice,
       count(*) FILTER (WHERE is_ended AND outcome = 'self') AS self,
       count(*) FILTER (WHERE is_ended AND outcome = 'acute') AS acute,
       count(*) FILTER (WHERE is_ended AND outcome = 'died') AS died,
       round((avg((outcome IS NOT DISTINCT FROM 'acute')::int) FILTER (WHERE is_ended))::numeric, 4)::float8
       AS escalated_rate,
       round((avg((outcome IS NOT DISTINCT FROM 'died')::int) FILTER (WHERE is_ended))::numeric, 4)::float8
       AS died_rate,
       coalesce(sum(times), 0)::bigint AS failed_discharges,
       count(*) FILTER (WHERE {LEFT_ALIVE} AND is_followed) AS followed,
       count(*) FILTER (WHERE is_back) AS readmitted_acute,
       count(*) FILTER (WHERE {LEFT_ALIVE} AND is_again) AS readmitted_here,
       round((avg(is_back::int) FILTER (WHERE {LEFT_ALIVE} AND is_followed))::numeric, 4)::float8 AS readmission_rate,
       count(*) FILTER (WHERE NOT is_ended) AS still_in,
       {_days("ward_days", LEFT_ALIVE)} AS ward_days,
       {_days("nights", LEFT_ALIVE)} AS hospital_days,
       {_days("total_days", LEFT_ALIVE)} AS total_days,
       {_days("ward_days", "is_ended AND outcome = 'acute'")} AS acute_ward_days,
       {_days("ward_days", "is_ended AND outcome = 'died'")} AS died_ward_days,
       {_days("ward_days", "NOT is_ended")} AS still_in_ward_days,
       jsonb_build_object(
           'patients', count(*) FILTER (WHERE {_READY}),
           'days', coalesce(sum(ready_days) FILTER (WHERE {_READY}), 0),
           'ready_7', count(*) FILTER (WHERE {_READY} AND ready_days >= 7),
           'ready_14', count(*) FILTER (WHERE {_READY} AND ready_days >= 14),
           'ready_21', count(*) FILTER (WHERE {_READY} AND ready_days >= 21),
           'stay_7', count(*) FILTER (WHERE {_READY} AND ward_days >= 7),
           'stay_14', count(*) FILTER (WHERE {_READY} AND ward_days >= 14),
           'stay_21', count(*) FILTER (WHERE {_READY} AND ward_days >= 21)) AS no_criteria
FROM told
GROUP BY GROUPING SETS ((), (grp))
ORDER BY grouping(grp) DESC, grp
"""  # noqa: S608 - put together from the constants above
