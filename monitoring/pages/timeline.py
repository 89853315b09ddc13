"""Everything that happened to a patient, newest first: of stays, alerts, plans, accepted values, kit, referrals to UCR.

One query. Each part of it reaches into an index of the patient's own rows, and none lists more than is shown.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from alert_rules.severity import Severity
from monitoring.acts import Act

SHOWN_MAX: Final = 60

_EVERYTHING: Final = text(
    """
    SELECT happened.*, staff.name AS by_name FROM (
        (SELECT entry.at, entry.kind AS what, entry.by, entry.data ->> 'note' AS note,
                coalesce(entry.data ->> 'outcome', entry.data ->> 'reason') AS how, NULL::uuid AS alert, 0 AS severity
         FROM episode JOIN spell_entry AS entry ON entry.episode_id = episode.id
         WHERE episode.patient_id = :patient ORDER BY entry.at DESC LIMIT :limit)
        UNION ALL
        (SELECT history.at, history.what, history.by, history.note,
                CASE history.what WHEN 'raised' THEN alert.reasons -> 0 ->> 'text'
                                  WHEN 'resolved' THEN alert.outcome END,
                alert.public_id, history.severity
         FROM (SELECT * FROM alert WHERE patient_id = :patient ORDER BY id DESC LIMIT :limit) AS alert
         JOIN alert_history AS history ON history.alert_id = alert.id
         ORDER BY history.at DESC LIMIT :limit)
        UNION ALL
        (SELECT plan.from_at, 'plan', plan.decided_by, plan.reason, NULL, NULL, 0
         FROM episode JOIN plan ON plan.episode_id = episode.id
         WHERE episode.patient_id = :patient AND plan.from_at <= :now ORDER BY plan.from_at DESC LIMIT :limit)
        UNION ALL
        (SELECT said.at, said.what, said.by, said.reason,
                vital || CASE WHEN up THEN ' up to ' ELSE ' down to ' END || trim_scale(value), NULL, 0
         FROM episode JOIN accepted_value AS accepted ON accepted.episode_id = episode.id
         CROSS JOIN LATERAL (VALUES (from_at, 'value_accepted', accepted.by, accepted.reason),
                                    (withdrawn_at, 'value_withdrawn', withdrawn_by, withdrawn_reason))
                                   AS said (at, what, by, reason)
         WHERE episode.patient_id = :patient AND said.at IS NOT NULL ORDER BY said.at DESC LIMIT :limit)
        UNION ALL
        (SELECT sent_at, 'referred_to_ucr', requested_by, reason, need, NULL, 0
         FROM ucr_referral WHERE patient_id = :patient ORDER BY id DESC LIMIT :limit)
        UNION ALL
        (SELECT ended_at, 'ucr_ended', NULL, end_reason, coalesce(outcome, state), NULL, 0
         FROM ucr_referral WHERE patient_id = :patient AND ended_at IS NOT NULL ORDER BY id DESC LIMIT :limit)
        UNION ALL
        (SELECT period.at, period.what, NULL, NULL, device.kind || ' ' || device.serial, NULL, 0
         FROM assignment JOIN device ON device.id = assignment.device_id
         CROSS JOIN LATERAL (VALUES (lower(during), 'kit_given'), (upper(during), 'kit_back')) AS period (at, what)
         WHERE assignment.patient_id = :patient AND period.at <= :now ORDER BY period.at DESC LIMIT :limit)
    ) AS happened
    LEFT JOIN staff ON staff.id = happened.by
    ORDER BY happened.at DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened, who did it, and what was said of it."""

    at: datetime
    what: str
    by_name: str | None
    said: str
    alert: UUID | None
    severity: str | None


def timeline(act: Act, patient_id: int) -> list[Happened]:
    """What happened to a patient whom the caller may see, newest first."""
    rows = act.session.execute(_EVERYTHING, {"patient": patient_id, "now": act.now, "limit": SHOWN_MAX})
    return [
        Happened(
            at=row.at,
            what=row.what,
            by_name=row.by_name,
            said="; ".join(one for one in (row.how and row.how.replace("_", " "), row.note) if one),
            alert=row.alert,
            severity=Severity(row.severity).label if row.severity else None,
        )
        for row in rows
    ]
