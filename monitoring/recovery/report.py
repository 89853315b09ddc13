"""How recovery and discharge to assess kept to their clocks: met, not met, and everybody else by why not counted.

One query for each report; each verdict is the pure rule's (`clocks.py`), as it is known now.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np

from monitoring.acts import Act
from monitoring.recovery.asked_query import ASKED, CAME_OR_HOME, bound, of_services
from monitoring.recovery.clocks import Clock, Outcome, Verdict, hours, outcome_known
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import GROUP, NOT_RECORDED, SpellsBy
from monitoring.rules.holding import pathways_at

METHOD: Final = {
    "verdict": "As it is known now, of everybody whose clock began in the period. Met: done within the limit, at the "
    "limit itself too. Not met: done later, or the limit has passed: also where the referral was not taken, or the "
    "patient left, after it. The rate is met / (met + not met). Hours are hours that passed, whatever the clocks did; "
    "a leave does not stop them.",
    "apart": "open: there is time. not_taken: within the limit the referral was declined, redirected or withdrawn, or "
    "the patient never began. left: within it the patient was discharged, transferred or died. not_started: nobody "
    "recorded its beginning; of those who came in the period.",
    "recovery": "From the hospital's referral to the first care, of the ward that was asked. The referral is the one "
    "to the service; a patient who came otherwise has what a coordinator recorded.",
    "discharge_to_assess": "From reaching home to the assessment, of the ward to which the patient came first.",
    "outcome": "Of the spells among them that have ended: as recorded; else died and readmitted, as discharged.",
    "over_max_stay": "In the service for longer than the ward's longest stay, or still there after it.",
    "centile": "Linear interpolation between the closest ranks, of what was done, met or not.",
}


class Outcomes(msgspec.Struct, kw_only=True):
    """How the spells that have ended ended."""

    ended: int
    independent: int
    reablement: int
    long_term_care: int
    readmitted: int
    died: int
    not_recorded: int


class ClockRow(msgspec.Struct, kw_only=True):
    """The clock of a group: `counted` is everybody, in one of the seven that follow."""

    group: str
    counted: int
    met: int
    not_met: int
    open: int
    not_taken: int
    left: int
    not_started: int
    met_rate: float | None
    median_h: float | None
    p90_h: float | None
    over_max_stay: int
    outcomes: Outcomes


class ClockReport(msgspec.Struct, kw_only=True):
    """A service's clock in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: SpellsBy
    limit_h: list[int]  # of the pathways that have it
    method: dict[str, str]
    total: ClockRow
    groups: list[ClockRow]

    @property
    def rows(self) -> list[ClockRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


@dataclass(frozen=True, slots=True)
class Ran:
    """A clock that ran for somebody, and what became of them."""

    group: str
    limit: timedelta
    began_at: datetime | None
    done_at: datetime | None
    ended_at: datetime | None
    was_admitted: bool
    is_over_max_stay: bool = False
    is_discharged: bool = False
    outcome: Outcome | None = None


def recovery_report(act: Act, span: Span, by: SpellsBy) -> ClockReport:
    """From the hospital's referral to first care, of the caller's wards."""
    held = pathways_at(act.session, act.now).items()
    limits = {name: one.first_care_within_h for name, one in held if one.first_care_within_h}
    return _report(act, span, by, _RECOVERY, limits)


def assess_report(act: Act, span: Span, by: SpellsBy) -> ClockReport:
    """From reaching home to the assessment, of the caller's wards."""
    held = pathways_at(act.session, act.now).items()
    limits = {name: one.assessed_within_h for name, one in held if one.assessed_within_h}
    return _report(act, span, by, _ASSESS, limits)


def _report(act: Act, span: Span, by: SpellsBy, query: str, limits: Mapping[str, int]) -> ClockReport:
    to = max(span.from_at, min(span.until_at, act.now))
    asked: dict[str, Any] = of_services(act, limits) | {"from": span.from_at, "to": to, "now": act.now}
    found = act.session.execute(bound(query.replace("{group}", GROUP[by])), asked)
    ran = [
        Ran(
            group=row.grp or NOT_RECORDED,
            limit=timedelta(hours=limits[row.pathway]),
            began_at=row.began_at,
            done_at=row.done_at,
            ended_at=row.ended_at,
            was_admitted=row.was_admitted,
            is_over_max_stay=row.is_over_max_stay,
            is_discharged=row.is_discharged,
            outcome=Outcome(row.outcome) if row.outcome else outcome_known(row.discharge),
        )
        for row in found
    ]
    by_group: dict[str, list[Ran]] = defaultdict(list)
    for one in ran:
        by_group[one.group].append(one)
    return ClockReport(
        from_=span.from_at,
        to=to,
        by=by,
        limit_h=sorted(set(limits.values())),
        method=METHOD,
        total=tally("all", ran, act.now),
        groups=[] if by is SpellsBy.ALL else [tally(group, by_group[group], act.now) for group in sorted(by_group)],
    )


def tally(group: str, ran: Sequence[Ran], now: datetime) -> ClockRow:
    """A group's line: everybody is counted once."""
    verdicts = Counter(_counted_as(one, now) for one in ran)
    met, not_met = verdicts["met"], verdicts["not_met"]
    took = [hours(one.began_at, one.done_at) for one in ran if one.began_at is not None and one.done_at is not None]
    return ClockRow(
        group=group,
        counted=len(ran),
        met=met,
        not_met=not_met,
        open=verdicts["open"],
        not_taken=verdicts["not_taken"],
        left=verdicts["left"],
        not_started=verdicts["not_started"],
        met_rate=round(met / (met + not_met), 4) if met + not_met else None,
        median_h=_centile(took, 50),
        p90_h=_centile(took, 90),
        over_max_stay=sum(one.is_over_max_stay for one in ran),
        outcomes=_outcomes(one.outcome for one in ran if one.is_discharged),
    )


def _counted_as(one: Ran, now: datetime) -> str:
    verdict = Clock(one.limit).verdict(one.began_at, one.done_at, one.ended_at, now)
    if verdict is not Verdict.ENDED:
        return verdict
    return "left" if one.was_admitted else "not_taken"


def _centile(took: Sequence[float], centile: int) -> float | None:
    return round(float(np.percentile(took, centile)), 2) if took else None


def _outcomes(ended: Iterable[Outcome | None]) -> Outcomes:
    counted = Counter(ended)
    return Outcomes(ended=counted.total(), not_recorded=counted[None], **{one.value: counted[one] for one in Outcome})


_SAID: Final = """
       ward.pathway, episode.id IS NOT NULL AS was_admitted, recovery.outcome, episode.outcome AS discharge,
       episode.discharged_at IS NOT NULL AS is_discharged,
       coalesce(coalesce({left}, :now) - came.from_at > ward.max_stay_days * interval '1 day', false)
       AS is_over_max_stay
"""

_RECOVERY: Final = f"""
WITH {ASKED}
SELECT {{group}} AS grp, asked.began_at, recovery.first_care_at AS done_at, asked.ended_at,
       {_SAID.format(left="asked.ended_at")}
FROM asked JOIN ward ON ward.id = asked.ward_id LEFT JOIN episode ON episode.id = asked.episode_id
LEFT JOIN came ON came.episode_id = asked.episode_id
LEFT JOIN referral ON referral.id = coalesce(asked.referral_id, episode.referral_id)
LEFT JOIN recovery ON recovery.episode_id = asked.episode_id
WHERE coalesce(asked.began_at, asked.came_at) >= :from AND coalesce(asked.began_at, asked.came_at) < :to
"""  # noqa: S608 - put together from the constants above

_ASSESS: Final = f"""
WITH {CAME_OR_HOME}
SELECT {{group}} AS grp, recovery.home_at AS began_at, recovery.assessed_at AS done_at, came.until_at AS ended_at,
       {_SAID.format(left="came.until_at")}
FROM came JOIN ward ON ward.id = came.ward_id JOIN episode ON episode.id = came.episode_id
LEFT JOIN referral ON referral.id = came.referral_id
LEFT JOIN recovery ON recovery.episode_id = came.episode_id
WHERE coalesce(recovery.home_at, came.from_at) >= :from AND coalesce(recovery.home_at, came.from_at) < :to
"""  # noqa: S608 - put together from the constants above
