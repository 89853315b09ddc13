"""The lists of the daily round: who is on each, why, and since when.

Each is a query over `here`, the patients of one ward, and says how to put the reason into words. Who is in a hospital
cannot be reviewed, called or measured by the ward: they are on the list of leave, and on the others only where the ward
can do something for them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlmodel import Session

from alert_rules.news2 import AGE_YEARS_MIN
from monitoring.clock import WARD_TIME
from monitoring.flow.contacts import NOT_SPOKEN
from monitoring.flow.letters import DUE_WITHIN
from monitoring.rounds.days import begins_at, in_words, today
from monitoring.rules.holding import pathways_at
from monitoring.wards.leaves import DECIDE_WITHIN
from monitoring.wards.length import REVIEW_BEFORE
from monitoring.wards.tables import PAUSES

ListName = Literal[
    "no_senior_review_today",
    "not_spoken_to_today",
    "no_complete_score_24h",
    "near_maximum_stay",
    "no_expected_discharge",
    "expected_today",
    "discharge_ready",
    "delays_overdue",
    "leave_over_24h",
    "letters_unsent",
]

SCORED_WITHIN: Final = timedelta(hours=24)
"""On an acute pathway, the longest without a complete score. docs/clinical/policy.md, *Scores that are not whole*."""

Words = Callable[[datetime, Mapping[str, Any], datetime], str]
"""The reason in words, of since when, what the query says, and now."""


@dataclass(frozen=True, slots=True)
class RoundList:
    """A list: `query` finds `episode_id, key, since, said`, and `why` says it."""

    query: str
    why: Words


IN_FORCE: Final = """
    JOIN LATERAL (
        SELECT monitoring, times FROM plan
        WHERE plan.episode_id = episode.id AND plan.from_at <= :now
        ORDER BY from_at DESC, plan.id DESC LIMIT 1
    ) AS plan ON true
"""
"""The plan that an `episode` goes by now."""

SPOKEN_TO: Final = "replace(lower(btrim(data ->> 'outcome')), ' ', '_') <> ALL(:not_spoken)"
"""Of a contact: whether somebody was spoken to."""

HERE: Final = f"""
    here AS (
        SELECT episode.*, away.kind AS away, away.from_at AS away_since,
               coalesce(away.kind = ANY(:pauses), false) AS in_hospital, plan.monitoring, plan.times, ward.pathway,
               episode.admitted_at + ward.max_stay_days * interval '24 hours' AS breach_at
        FROM ward
        JOIN episode ON episode.ward_id = ward.id AND episode.discharged_at IS NULL
        {IN_FORCE}
        LEFT JOIN leave AS away ON away.episode_id = episode.id AND away.until_at IS NULL
        WHERE ward.code = :ward
    )
"""  # noqa: S608 - our own names

_NO_SENIOR_REVIEW = """
    SELECT here.id AS episode_id, here.id AS key, coalesce(last.at, here.admitted_at) AS since,
           jsonb_build_object('ever', last.at IS NOT NULL) AS said
    FROM here
    CROSS JOIN LATERAL (
        SELECT max(at) AS at FROM spell_entry WHERE episode_id = here.id AND kind = 'review' AND senior
    ) AS last
    WHERE NOT here.in_hospital AND (last.at IS NULL OR last.at < :today)
"""

_NOT_SPOKEN_TO = f"""
    SELECT here.id AS episode_id, here.id AS key, coalesce(last.at, here.admitted_at) AS since,
           jsonb_build_object('ever', last.at IS NOT NULL, 'attempts', last.attempts) AS said
    FROM here
    CROSS JOIN LATERAL (
        SELECT max(at) FILTER (WHERE {SPOKEN_TO}) AS at,
               count(*) FILTER (WHERE NOT {SPOKEN_TO} AND at >= :today) AS attempts
        FROM spell_entry WHERE episode_id = here.id AND kind = 'contact'
    ) AS last
    WHERE NOT here.in_hospital AND (last.at IS NULL OR last.at < :today)
"""  # noqa: S608 - our own names

# Not of patients to whom NEWS2 does not apply, nor where no readings are expected.
_NO_COMPLETE_SCORE = """
    SELECT here.id AS episode_id, here.id AS key, coalesce(last.at, here.admitted_at) AS since,
           jsonb_build_object('ever', last.at IS NOT NULL) AS said
    FROM here
    JOIN patient ON patient.id = here.patient_id
    LEFT JOIN LATERAL (
        SELECT reading.taken_at AS at FROM reading
        LEFT JOIN LATERAL (
            SELECT * FROM rescored
            WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
              AND rescored.set = reading.set
            ORDER BY revision DESC LIMIT 1
        ) AS again ON true
        WHERE reading.episode_id = here.id AND reading.taken_at >= here.admitted_at
          AND CASE WHEN again.set IS NULL THEN reading.score = reading.score_max AND NOT reading.oxygen_assumed
                   ELSE again.score = again.score_max AND NOT again.oxygen_assumed END
        ORDER BY reading.taken_at DESC LIMIT 1
    ) AS last ON true
    WHERE here.pathway = ANY(:acute) AND here.monitoring = 'full' AND cardinality(here.times) > 0
      AND NOT here.in_hospital AND coalesce(last.at, here.admitted_at) <= :scored_since
      AND patient.pregnant <> 'true' AND NOT patient.spinal_cord_injury
      AND patient.birth_date + make_interval(years => :scored_from_years) <= :day
"""

# An extension with its reason counts until the day that it names.
_NEAR_MAXIMUM_STAY = """
    SELECT id AS episode_id, id AS key, greatest(admitted_at, breach_at - :review_before) AS since,
           jsonb_build_object('breach_at', breach_at, 'extended_to', expected_discharge_on,
                              'extension_reason', extension_reason) AS said
    FROM here
    WHERE greatest(admitted_at, breach_at - :review_before) <= :now
      AND (extension_reason IS NULL OR expected_discharge_on < :day)
"""

_NO_EXPECTED_DISCHARGE = """
    SELECT id AS episode_id, id AS key, admitted_at AS since, '{}'::jsonb AS said
    FROM here WHERE expected_discharge_on IS NULL
"""

_EXPECTED_TODAY = """
    SELECT id AS episode_id, id AS key, CAST(expected_discharge_on AS timestamp) AT TIME ZONE :zone AS since,
           jsonb_build_object('day', expected_discharge_on) AS said
    FROM here WHERE expected_discharge_on <= :day
"""

_DISCHARGE_READY = """
    SELECT id AS episode_id, id AS key, discharge_ready_at AS since,
           jsonb_build_object('delays', (SELECT count(*) FROM delay WHERE episode_id = here.id AND ended_at IS NULL))
               AS said
    FROM here WHERE discharge_ready_at IS NOT NULL
"""

_DELAYS_OVERDUE = """
    SELECT delay.episode_id, delay.id AS key, delay.due_at AS since,
           jsonb_build_object('delay', delay.public_id, 'owner', delay.owner, 'reason', coalesce(meaning, reason))
               AS said
    FROM ward
    JOIN delay ON delay.ward_id = ward.id AND delay.ended_at IS NULL AND delay.due_at < :now
    LEFT JOIN code ON code.list = 'delay_reason' AND code.code = delay.reason
    WHERE ward.code = :ward
"""

_LEAVE_OVER_24H = """
    SELECT id AS episode_id, id AS key, away_since AS since, jsonb_build_object('kind', away) AS said
    FROM here WHERE in_hospital AND away_since <= :left_before
"""

_LETTERS_UNSENT = """
    SELECT letter.episode_id, letter.id AS key, letter.due_at - :letter_within AS since,
           jsonb_build_object('letter', letter.kind, 'due_at', letter.due_at) AS said
    FROM ward
    JOIN letter ON letter.ward_id = ward.id AND letter.sent_at IS NULL
    WHERE ward.code = :ward
"""


def _not_since(what: str) -> Words:
    def why(since: datetime, said: Mapping[str, Any], _: datetime) -> str:
        return f"{what}; the last at {in_words(since)}" if said["ever"] else f"{what}: none since the admission"

    return why


def _not_spoken_to(since: datetime, said: Mapping[str, Any], now: datetime) -> str:
    tried = f"; tried {said['attempts']} times today" if said["attempts"] else ""
    return _not_since("Not spoken to today")(since, said, now) + tried


def _near_maximum_stay(_: datetime, said: Mapping[str, Any], now: datetime) -> str:
    breach_at = datetime.fromisoformat(said["breach_at"])
    ended = f"; the extension ended on {said['extended_to']}" if said["extension_reason"] else ""
    return f"The maximum stay {'ended' if now > breach_at else 'ends'} at {in_words(breach_at)}{ended}"


def _expected_today(_: datetime, said: Mapping[str, Any], now: datetime) -> str:
    day = said["day"]
    return "Expected to leave today" if day == today(now).isoformat() else f"Expected to leave on {day}, and still here"


def _discharge_ready(since: datetime, said: Mapping[str, Any], now: datetime) -> str:
    days, delays = (now - since).days, said["delays"]
    return f"Ready to leave for {days} days, {delays or 'no'} open {'delay' if delays == 1 else 'delays'}"


def _delay_overdue(since: datetime, said: Mapping[str, Any], _: datetime) -> str:
    return f"{said['reason']}: {said['owner']} was to solve it by {in_words(since)}"


def _leave_over_24h(since: datetime, said: Mapping[str, Any], _: datetime) -> str:
    where = "an emergency department" if said["kind"] == "ed" else "hospital"
    return f"In {where} since {in_words(since)}: choose return, transfer or discharge"


def _letter_unsent(_: datetime, said: Mapping[str, Any], now: datetime) -> str:
    due_at = datetime.fromisoformat(said["due_at"])
    is_due = "was due by" if now > due_at else "is due by"
    return f"The {said['letter'].replace('_', ' ')} to the GP {is_due} {in_words(due_at)}"


LISTS: Final[dict[ListName, RoundList]] = {
    "no_senior_review_today": RoundList(_NO_SENIOR_REVIEW, _not_since("No senior review today")),
    "not_spoken_to_today": RoundList(_NOT_SPOKEN_TO, _not_spoken_to),
    "no_complete_score_24h": RoundList(_NO_COMPLETE_SCORE, _not_since("No complete score for 24 h")),
    "near_maximum_stay": RoundList(_NEAR_MAXIMUM_STAY, _near_maximum_stay),
    "no_expected_discharge": RoundList(_NO_EXPECTED_DISCHARGE, lambda *_: "No expected date of discharge"),
    "expected_today": RoundList(_EXPECTED_TODAY, _expected_today),
    "discharge_ready": RoundList(_DISCHARGE_READY, _discharge_ready),
    "delays_overdue": RoundList(_DELAYS_OVERDUE, _delay_overdue),
    "leave_over_24h": RoundList(_LEAVE_OVER_24H, _leave_over_24h),
    "letters_unsent": RoundList(_LETTERS_UNSENT, _letter_unsent),
}
assert tuple(LISTS) == get_args(ListName)


def asked_at(session: Session, ward: str, now: datetime) -> dict[str, Any]:
    """What the queries ask for: the ward, and the instants from which each list counts."""
    return {
        "ward": ward,
        "now": now,
        "day": today(now),
        "today": begins_at(today(now)),
        "zone": WARD_TIME.key,
        "pauses": sorted(PAUSES),
        "not_spoken": sorted(NOT_SPOKEN),
        "acute": _acute_pathways(session, now),
        "scored_since": now - SCORED_WITHIN,
        "scored_from_years": AGE_YEARS_MIN,
        "review_before": REVIEW_BEFORE,
        "left_before": now - DECIDE_WITHIN,
        "letter_within": DUE_WITHIN,
    }


def _acute_pathways(session: Session, now: datetime) -> list[str]:
    """Those that the national return counts, whatever a ward of theirs does: not recovery, nor oximetry@home."""
    return [name for name, pathway in pathways_at(session, now).items() if pathway.in_sitrep]
