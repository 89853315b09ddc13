"""How much alarming a ward bears, and what comes of it: alerts raised in a period, by ward, rule, kind or severity."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text

from alert_rules.alarms import ACKNOWLEDGE_WITHIN, Kind
from monitoring.acts import Act
from monitoring.alerts.basis import WITHHELD
from monitoring.prompts.tables import NotRaised
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import of_span

METHOD: Final = {
    "alerts": "Raised in the period. By rule, an alert counts under each rule that it shows.",
    "patient_days": "Days that patients were in beds of the ward in the period; by kind, severity and rule, of all "
    "the wards.",
    "acted_on": "Share of those resolved or actioned by something done: advice, a changed plan, a visit, UCR, an "
    "ambulance, an acute transfer.",
    "unneeded": "Share of those that were resolved as expected for the patient, or as a false reading.",
    "missed": "Not acknowledged within the time of the severity with which it was raised; still open beyond it "
    "counts. An amber's time is counted in staffed hours.",
    "minutes": "From raised to first acknowledged by a person, by the wall clock, and in the ward's staffed hours.",
    "withheld": "Times that an open alert was not told again, because the value had not got better by enough.",
    "suppressed": "Not raised in the period, and no part of `alerts`: the patient was asked to repeat, and that was "
    "normal or nobody watched them any more; or the same had been resolved shortly before, each set counting. By rule, "
    "one counts under each of its rules.",
    "refractory": "Of these: the same had been resolved shortly before.",
    "steps": "Steps of the ladder that told somebody, on average; `climbed`: share that went beyond the first.",
}

_TARGETS: Final = ", ".join(f"({int(one)}, {within.total_seconds()})" for one, within in ACKNOWLEDGE_WITHIN.items())
DONE: Final = "('advice', 'plan_changed', 'visit', 'ucr', 'ambulance', 'acute_transfer')"


class BurdenBy(StrEnum):
    """What alerts are put together by."""

    ALL = "all"
    WARD = "ward"
    KIND = "kind"
    SEVERITY = "severity"
    RULE = "rule"


_GROUP: Final = {
    BurdenBy.ALL: "'all'::text",
    BurdenBy.WARD: "ward",
    BurdenBy.KIND: "kind",
    BurdenBy.SEVERITY: "severity",
    BurdenBy.RULE: "rule",
}


class Minutes(msgspec.Struct, kw_only=True):
    """How long it took: half of them and nine of ten were faster. Null where none was acknowledged."""

    p50: float | None
    p90: float | None


class BurdenRow(msgspec.Struct, kw_only=True):
    """The alerts of a group."""

    group: str
    alerts: int
    patient_days: float
    per_patient_day: float | None
    acknowledged: int
    missed: int
    acted_on: float | None
    unneeded: float | None
    minutes: Minutes
    staffed_minutes: Minutes
    withheld: int
    suppressed: int = 0
    refractory: int = 0
    steps: float | None
    climbed: float | None


class BurdenReport(msgspec.Struct, kw_only=True):
    """The burden of alerts in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: BurdenBy
    method: dict[str, str]
    total: BurdenRow
    groups: list[BurdenRow]

    @property
    def rows(self) -> list[BurdenRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


def alert_burden(act: Act, span: Span, by: BurdenBy) -> BurdenReport:
    """The alerts of the caller's wards."""
    asked = of_span(act, span)
    total = _rows(act, asked, BurdenBy.ALL)
    nothing = BurdenRow(
        group="all", alerts=0, patient_days=0.0, per_patient_day=None, acknowledged=0, missed=0, acted_on=None,
        unneeded=None, minutes=Minutes(p50=None, p90=None), staffed_minutes=Minutes(p50=None, p90=None), withheld=0,
        steps=None, climbed=None,
    )  # fmt: skip
    return BurdenReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        method=METHOD,
        total=total[0] if total else nothing,
        groups=[] if by is BurdenBy.ALL else _rows(act, asked, by),
    )


def _rows(act: Act, asked: dict[str, object], by: BurdenBy) -> list[BurdenRow]:
    query = text(
        _BURDEN.replace("{group}", _GROUP[by])
        .replace("{rules}", _BY_RULE if by is BurdenBy.RULE else "")
        .replace("{days}", "WHERE occupied.ward = counted.grp" if by is BurdenBy.WARD else "")
    )
    rows = act.session.execute(query.bindparams(bindparam("wards", type_=ARRAY(Text))), asked).mappings()
    return [msgspec.convert(dict(row), BurdenRow) for row in rows]


_BY_RULE: Final = (
    "CROSS JOIN LATERAL (SELECT DISTINCT reason ->> 'rule' AS rule FROM jsonb_array_elements(raised.reasons) reason) r"
)


def _minutes(column: str) -> str:
    """A Minutes of a column of seconds, of what was acknowledged."""
    shares = (("p50", 0.5), ("p90", 0.9))
    parts = [
        f"'{name}', round((percentile_cont({share}) WITHIN GROUP (ORDER BY {column})"
        " FILTER (WHERE answered_at IS NOT NULL) / 60)::numeric, 1)"
        for name, share in shares
    ]
    return f"jsonb_build_object({', '.join(parts)})"


_NO_MINUTES: Final = "jsonb_build_object('p50', NULL, 'p90', NULL)"

# An alert's first answer, and with which severity it was raised, stand in its history; the alert shows the last ones.
_BURDEN: Final = f"""
WITH asked AS (
    SELECT id, code AS ward, staffed_hours FROM ward WHERE :wards IS NULL OR code = ANY(:wards)
), occupied AS (
    SELECT asked.ward,
           sum(extract(epoch FROM least(stay.until_at, :to) - greatest(stay.from_at, :from))) / 86400 AS days
    FROM ward_stay stay JOIN asked ON asked.id = stay.ward_id
    WHERE stay.from_at < :to AND (stay.until_at IS NULL OR stay.until_at > :from)
    GROUP BY asked.ward
), raised AS (
    SELECT alert.id, asked.ward, asked.staffed_hours, alert.kind, alert.raised_at, alert.state, alert.outcome,
           alert.reasons, first.severity AS rank, answer.at AS answered_at,
           (ARRAY['amber', 'amber_plus', 'red', 'critical'])[first.severity] AS severity
    FROM alert JOIN asked ON asked.id = alert.ward_id
    CROSS JOIN LATERAL (SELECT severity FROM alert_history WHERE alert_id = alert.id ORDER BY id LIMIT 1) first
    LEFT JOIN LATERAL (SELECT at FROM alert_history WHERE alert_id = alert.id AND "by" IS NOT NULL
                       AND to_state IN ('acknowledged', 'actioned', 'resolved') ORDER BY id LIMIT 1) answer ON true
    WHERE alert.raised_at >= :from AND alert.raised_at < :to
), timed AS (
    SELECT raised.*, waited.seconds, steps.taken, kept.withheld,
           least(waited.seconds, coalesce(staffed.seconds, waited.seconds)) AS staffed_seconds
    FROM raised
    CROSS JOIN LATERAL (SELECT coalesce(answered_at, :to) AS until_at) ended
    CROSS JOIN LATERAL (SELECT extract(epoch FROM ended.until_at - raised_at) AS seconds) waited
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(extract(epoch FROM least(ended.until_at, closes) - greatest(raised_at, opens))), 0)
               AS seconds
        FROM generate_series((raised_at AT TIME ZONE :zone)::date - 1, (ended.until_at AT TIME ZONE :zone)::date,
                             '1 day') AS day
        JOIN LATERAL (SELECT staffed_hours -> lower(to_char(day, 'Dy')) AS hours) of ON of.hours IS NOT NULL
        CROSS JOIN LATERAL (
            SELECT (day + (hours ->> 0)::interval) AT TIME ZONE :zone AS opens,
                   (day + (hours ->> 1)::interval
                    + CASE WHEN (hours ->> 1)::interval <= (hours ->> 0)::interval THEN '1 day'::interval
                           ELSE '0'::interval END) AT TIME ZONE :zone AS closes) shift
        WHERE closes > raised_at AND opens < ended.until_at
    ) staffed ON staffed_hours IS NOT NULL
    CROSS JOIN LATERAL (SELECT count(*) AS taken FROM ladder_step
                        WHERE alert_id = raised.id AND taken = 'told') steps
    CROSS JOIN LATERAL (SELECT count(*) AS withheld FROM alert_history
                        WHERE alert_id = raised.id AND what = '{WITHHELD}') kept
), late AS (
    SELECT timed.*, CASE WHEN rank = 1 THEN staffed_seconds ELSE seconds END > target.within AS is_missed
    FROM timed JOIN (VALUES {_TARGETS}) AS target (rank, within) USING (rank)
), grouped AS (
    SELECT {{group}} AS grp, count(*) AS alerts, count(answered_at) AS acknowledged,
           count(*) FILTER (WHERE is_missed) AS missed,
           round(avg((state = 'actioned' OR outcome IN {DONE})::int)
                 FILTER (WHERE state IN ('actioned', 'resolved'))::numeric, 4)::float8 AS acted_on,
           round(avg((outcome IN ('expected_for_patient', 'false_reading'))::int)
                 FILTER (WHERE state = 'resolved')::numeric, 4)::float8 AS unneeded,
           {_minutes("seconds")} AS minutes,
           {_minutes("staffed_seconds")} AS staffed_minutes,
           sum(withheld)::int AS withheld, round(avg(taken), 2)::float8 AS steps,
           round(avg((taken > 1)::int), 4)::float8 AS climbed
    FROM late AS raised {{rules}}
    GROUP BY 1
), held AS (
    SELECT {{group}} AS grp, count(DISTINCT coalesce(prompt_id::text, sets[1]::text))::int AS suppressed,
           count(DISTINCT sets[1]) FILTER (WHERE why = '{NotRaised.REFRACTORY}')::int AS refractory
    FROM (SELECT prompt_id, sets, why, asked.ward, rule, '{Kind.DETERIORATION}'::text AS kind,
                 (ARRAY['amber', 'amber_plus', 'red', 'critical'])[severity] AS severity
          FROM suppressed JOIN asked ON asked.id = suppressed.ward_id
          WHERE at >= :from AND at < :to) AS raised
    GROUP BY 1
)
SELECT grp AS "group", coalesce(alerts, 0) AS alerts, coalesce(round(days::numeric, 2), 0)::float8 AS patient_days,
       round((coalesce(alerts, 0) / nullif(days, 0))::numeric, 4)::float8 AS per_patient_day,
       coalesce(acknowledged, 0) AS acknowledged, coalesce(missed, 0) AS missed, acted_on, unneeded,
       coalesce(minutes, {_NO_MINUTES}) AS minutes, coalesce(staffed_minutes, {_NO_MINUTES}) AS staffed_minutes,
       coalesce(withheld, 0) AS withheld, coalesce(suppressed, 0) AS suppressed,
       coalesce(refractory, 0) AS refractory, steps, climbed
FROM (SELECT * FROM grouped FULL JOIN held USING (grp)) AS counted
LEFT JOIN LATERAL (SELECT sum(occupied.days) AS days FROM occupied {{days}}) beds ON true
ORDER BY coalesce(alerts, 0) DESC, grp
"""  # noqa: S608 - put together from the constants above
