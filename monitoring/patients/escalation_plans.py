"""What the plan in force says of hospital, resuscitation and the preferred place, and whether it is comfort care."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

_IN_FORCE: Final = text(
    """
    SELECT episode.id, plan.escalation
    FROM unnest(CAST(:episodes AS bigint[])) AS episode (id)
    CROSS JOIN LATERAL (SELECT escalation FROM plan WHERE plan.episode_id = episode.id AND plan.from_at <= :now
                        ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan
    WHERE plan.escalation IS NOT NULL
    """
)

_IS_COMFORT: Final = text(
    """
    SELECT monitoring = 'comfort' FROM plan WHERE plan.episode_id = :episode AND plan.from_at <= :now
    ORDER BY from_at DESC, plan.id DESC LIMIT 1
    """
)


def escalation_plans(session: Session, episodes: Collection[int | None], now: datetime) -> dict[int, dict[str, Any]]:
    """By stay, where one is recorded: one query, whatever the number of stays."""
    asked = sorted({one for one in episodes if one is not None})
    if not asked:
        return {}
    return {row.id: row.escalation for row in session.execute(_IN_FORCE, {"episodes": asked, "now": now})}


def is_comfort(session: Session, episode_id: int, now: datetime) -> bool:
    """Whether the plan in force is comfort care: no scores, and nobody is alarmed by what is measured or seen."""
    return bool(session.execute(_IS_COMFORT, {"episode": episode_id, "now": now}).scalar())


def rules_out_hospital(plan: dict[str, Any] | None) -> bool:
    """Whether the patient is not to go to hospital: only a plain no is one; `discuss` is not."""
    return plan is not None and plan["hospital"] == "no"
