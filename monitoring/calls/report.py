"""The report on calls to the cancer hotline: how many, what they led to, how long they took, and when they came."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text

from monitoring.acts import Act
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import NOT_RECORDED, of_span

METHOD: Final = {
    "calls": "That began in the period: about patients of the caller's wards, and about people on none.",
    "lowered": "The result was less than the triage asked for, with a reason.",
    "critical": "Fever, cold or unwell within six weeks of systemic anti-cancer therapy.",
    "out_of_hours": "Begun outside Monday to Friday 08:00 to 18:30 in London, or on a bank holiday of England.",
    "minutes": "From the call's beginning to its end, of those whose end was recorded. Linear interpolation between "
    "the closest ranks.",
}


class CallsBy(StrEnum):
    """What calls are put together by."""

    ALL = "all"
    RESULT = "result"
    COLOUR = "colour"
    CANCER = "cancer"
    WARD = "ward"


_GROUP: Final = {
    CallsBy.ALL: "'all'::text",
    CallsBy.RESULT: "call.result",
    CallsBy.COLOUR: "call.colour",
    CallsBy.CANCER: "lower(call.cancer)",
    CallsBy.WARD: f"coalesce(ward.code, '{NOT_RECORDED}')",
}

_CALLS: Final = """
SELECT {group} AS "group", count(*) AS calls,
       count(*) FILTER (WHERE result = '999') AS "999",
       count(*) FILTER (WHERE result = 'acute_oncology') AS acute_oncology,
       count(*) FILTER (WHERE result = 'ucr') AS ucr,
       count(*) FILTER (WHERE result = 'ward') AS ward,
       count(*) FILTER (WHERE result = 'advice') AS advice,
       count(*) FILTER (WHERE colour = 'red') AS red,
       count(*) FILTER (WHERE colour = 'amber') AS amber,
       count(*) FILTER (WHERE colour = 'green') AS green,
       count(*) FILTER (WHERE critical) AS critical,
       count(*) FILTER (WHERE lowered) AS lowered,
       count(*) FILTER (WHERE out_of_hours) AS out_of_hours,
       count(ended_at) AS timed,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - at) / 60) AS p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - at) / 60) AS p90
FROM hotline_call AS call LEFT JOIN ward ON ward.id = call.ward_id
WHERE call.at >= :from AND call.at < :to
  AND (CAST(:wards AS text[]) IS NULL OR call.ward_id IS NULL OR ward.code = ANY(:wards) OR call.taken_by = :who)
GROUP BY 1 ORDER BY 1 LIMIT 1000
"""


class CallsRow(msgspec.Struct, kw_only=True):
    """The calls of a group."""

    group: str
    calls: int
    emergency: int = msgspec.field(name="999")
    acute_oncology: int
    ucr: int
    ward: int
    advice: int
    red: int
    amber: int
    green: int
    critical: int
    lowered: int
    out_of_hours: int
    out_of_hours_share: float | None
    timed: int
    minutes_median: float | None
    minutes_p90: float | None


class CallsReport(msgspec.Struct, kw_only=True):
    """Calls in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: CallsBy
    method: dict[str, str]
    total: CallsRow
    groups: list[CallsRow]

    @property
    def rows(self) -> list[CallsRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


NOTHING: Final = CallsRow(
    group="all", calls=0, emergency=0, acute_oncology=0, ucr=0, ward=0, advice=0, red=0, amber=0, green=0, critical=0,
    lowered=0, out_of_hours=0, out_of_hours_share=None, timed=0, minutes_median=None, minutes_p90=None,
)  # fmt: skip


def cancer_calls(act: Act, span: Span, by: CallsBy) -> CallsReport:
    """The calls that the caller may see."""
    asked = {name: value for name, value in of_span(act, span).items() if name in {"from", "to", "wards"}}
    asked["who"] = act.who.id
    return CallsReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        method=METHOD,
        total=next(iter(_rows(act, asked, CallsBy.ALL)), NOTHING),
        groups=[] if by is CallsBy.ALL else _rows(act, asked, by),
    )


def _rows(act: Act, asked: dict[str, Any], by: CallsBy) -> list[CallsRow]:
    query = text(_CALLS.replace("{group}", _GROUP[by])).bindparams(bindparam("wards", type_=ARRAY(Text)))
    return [_row(dict(row)) for row in act.session.execute(query, asked).mappings()]


def _row(found: dict[str, Any]) -> CallsRow:
    median, p90 = (found.pop(name) for name in ("p50", "p90"))
    return CallsRow(
        **{"emergency" if name == "999" else name: value for name, value in found.items()},
        out_of_hours_share=found["out_of_hours"] / found["calls"],
        minutes_median=None if median is None else round(float(median), 1),
        minutes_p90=None if p90 is None else round(float(p90), 1),
    )
