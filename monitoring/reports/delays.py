"""Why patients who were ready did not leave: reasons for delay, and the days that each took in a period."""

from datetime import datetime
from typing import Final

import msgspec

from monitoring.acts import Act
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import WITH_WARD_AND_REFERRAL, SpellsBy, by_group, of_span

METHOD: Final = {
    "delays": "Those that lasted at any time of the period. Of the ward where the patient is or was last.",
    "days": "Days of 24 h that lie in the period, summed: two delays of one patient at once count twice.",
    "open": "Not solved at the end of the period; overdue: of those, whose due time had passed.",
    "centile": "Linear interpolation between the closest ranks, over the whole length of each delay so far.",
}


class DelaysRow(msgspec.Struct, kw_only=True):
    """One reason, in a group."""

    group: str
    reason: str
    meaning: str | None  # of a code of the list that was loaded
    delays: int
    patients: int
    days: float
    median_days: float
    p90_days: float
    open: int
    overdue: int


class DelaysReport(msgspec.Struct, kw_only=True):
    """Reasons for delay in a period: the most days first within each group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: SpellsBy
    method: dict[str, str]
    rows: list[DelaysRow]


def delays(act: Act, span: Span, by: SpellsBy) -> DelaysReport:
    """The delays of the caller's wards."""
    asked = of_span(act, span)
    rows = act.session.execute(by_group(_DELAYS, by), asked).mappings()
    return DelaysReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        method=METHOD,
        rows=[msgspec.convert(dict(row), DelaysRow) for row in rows],
    )


_DELAYS: Final = f"""
SELECT {{group}} AS "group", delay.reason, code.meaning, count(*) AS delays,
       count(DISTINCT episode.patient_id) AS patients,
       round(sum(extract(epoch FROM least(delay.ended_at, :to) - greatest(delay.from_at, :from)) / 86400), 2)::float8
       AS days,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY lasted.days))::numeric, 2)::float8 AS median_days,
       round((percentile_cont(0.9) WITHIN GROUP (ORDER BY lasted.days))::numeric, 2)::float8 AS p90_days,
       count(*) FILTER (WHERE lasted.is_open) AS open,
       count(*) FILTER (WHERE lasted.is_open AND delay.due_at < :to) AS overdue
FROM delay JOIN episode ON episode.id = delay.episode_id {WITH_WARD_AND_REFERRAL}
LEFT JOIN code ON code.list = 'delay_reason' AND code.code = delay.reason
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM least(delay.ended_at, :to) - delay.from_at) / 86400 AS days,
           delay.ended_at IS NULL OR delay.ended_at >= :to AS is_open
) AS lasted
WHERE delay.from_at < :to AND (delay.ended_at IS NULL OR delay.ended_at > :from)
GROUP BY 1, delay.reason, code.meaning
ORDER BY 1, days DESC, delay.reason
"""  # noqa: S608 - put together from the constants above
