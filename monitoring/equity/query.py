"""The one query behind the report on equity: whatever happened to whom in the period, then counted by group.

What is counted is said in `report.METHOD`. A row for each figure of each group, and of all groups together.
"""

from typing import Final

from sqlalchemy import TextClause, text

from alert_rules.severity import Severity
from monitoring.equity.cuts import GROUP_OF, NOT_STATED, Cut
from monitoring.reports.stays_query import ACUTE, BACK, LEFT_ALIVE, READMITTED_DAYS

_SCOPE: Final = """ward.id = {table}.ward_id AND (CAST(:wards AS text[]) IS NULL OR ward.code = ANY(:wards))
        AND (CAST(:icb AS text) IS NULL OR ward.icb = :icb)"""
_OF_REFERRALS: Final = f"""FROM referral JOIN ward ON {_SCOPE.format(table="referral")}
    WHERE referral.received_at >= :from AND referral.received_at < :to"""

EQUITY: Final = f"""
WITH spell AS (
    SELECT episode.id, episode.patient_id, episode.referral_id, episode.outcome, episode.admitted_at,
           episode.discharged_at, (episode.discharged_at AT TIME ZONE :zone)::date AS discharged_on,
           episode.admitted_at >= :from AS is_admitted, coalesce(episode.discharged_at < :to, false) AS is_ended
    FROM episode JOIN ward ON {_SCOPE.format(table="episode")}
    WHERE episode.admitted_at < :to AND (episode.discharged_at IS NULL OR episode.discharged_at >= :from)
), {ACUTE}, {BACK}, happened (figure, patient_id, value) AS (
    SELECT 'referrals_received', referral.patient_id, NULL::float8 {_OF_REFERRALS}
    UNION ALL
    SELECT 'referrals_declined', referral.patient_id, NULL {_OF_REFERRALS} AND referral.state = 'declined'
    UNION ALL
    SELECT 'admissions', patient_id, NULL FROM spell WHERE is_admitted
    UNION ALL
    SELECT 'occupancy_days', patient_id,
           extract(epoch FROM coalesce(least(discharged_at, :to), :to) - greatest(admitted_at, :from)) / 86400
    FROM spell
    UNION ALL
    SELECT 'stays', patient_id, extract(epoch FROM discharged_at - admitted_at) / 86400 FROM spell WHERE {LEFT_ALIVE}
    UNION ALL
    SELECT 'followed', patient_id, NULL FROM spell
    WHERE {LEFT_ALIVE} AND discharged_on + {READMITTED_DAYS} < :today
    UNION ALL
    SELECT 'readmitted', patient_id, NULL FROM spell JOIN back USING (id)
    WHERE discharged_on + {READMITTED_DAYS} < :today
    UNION ALL
    SELECT 'ended', patient_id, NULL FROM spell WHERE is_ended
    UNION ALL
    SELECT 'died', patient_id, NULL FROM spell WHERE is_ended AND outcome = 'died'
    UNION ALL
    SELECT 'alerts', spell.patient_id, extract(epoch FROM coalesce(answered.at, :to) - alert.raised_at) / 60
    FROM spell JOIN alert ON alert.patient_id = spell.patient_id AND alert.episode_id = spell.id
    CROSS JOIN LATERAL (
        SELECT min(at) AS at FROM alert_history
        WHERE alert_id = alert.id AND "by" IS NOT NULL AND to_state <> 'open' AND at < :to
    ) AS answered
    WHERE alert.severity >= {Severity.RED.value} AND alert.raised_at >= :from AND alert.raised_at < :to
), person AS MATERIALIZED (
    SELECT patient.id AS patient_id, coalesce(({{group}}), '{NOT_STATED}') AS grp
    FROM patient WHERE patient.id IN (SELECT patient_id FROM happened)
)
SELECT grp, figure, count(DISTINCT patient_id) AS people, count(*) AS number, sum(value) AS total,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY value) AS p90
FROM happened JOIN person USING (patient_id)
GROUP BY GROUPING SETS ((figure), (grp, figure))
"""  # noqa: S608 - put together from the constants above


def equity_by(cut: Cut) -> TextClause:
    """The query for a cut."""
    return text(EQUITY.replace("{group}", GROUP_OF[cut]))


POPULATION: Final = text(
    """
    WITH icb AS (
        SELECT DISTINCT ward.icb AS code FROM ward
        WHERE (CAST(:wards AS text[]) IS NULL OR ward.code = ANY(:wards))
          AND (CAST(:icb AS text) IS NULL OR ward.icb = :icb)
    )
    SELECT population_group."group", sum(population_group.people)::bigint AS people
    FROM population_group JOIN icb ON icb.code = population_group.icb
    WHERE population_group.from_on = CAST(:population_from AS date) AND population_group.by = :by
      AND (SELECT count(*) FROM icb) = (SELECT count(DISTINCT other.icb) FROM population_group other
                                        JOIN icb ON icb.code = other.icb
                                        WHERE other.from_on = CAST(:population_from AS date) AND other.by = :by)
    GROUP BY population_group."group"
    """
)
"""How many people of the ICBs of these wards are in each group: of all these ICBs, or of none."""
