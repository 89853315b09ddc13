"""The clocks of recovery and discharge to assess: pure, `now` passed in.

Source: docs/clinical/policy.md, *Recovery, discharge to assess, prevention*. The limits are the pathway's
(`first_care_within_h`, `assessed_within_h`). Hours are hours that pass: 24 h from noon on the day before the clocks go
forward end at one o'clock. Weeks are counted in days in London.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from monitoring.clock import WARD_TIME

RE_ACCESS_DAYS: Final = 42
"""Six weeks after leaving, therapy is given again without a new referral: policy."""

HOURS_STEP: Final = 0.25
"""Care is planned in quarters of an hour. The design's own."""


class Service(StrEnum):
    """Kinds of care that come to the home."""

    HOME_CARE = "home_care"
    THERAPY = "therapy"


class Outcome(StrEnum):
    """How recovery ended."""

    INDEPENDENT = "independent"
    REABLEMENT = "reablement"
    LONG_TERM_CARE = "long_term_care"
    READMITTED = "readmitted"
    DIED = "died"


class Support(StrEnum):
    """What admission prevention helps with."""

    SOCIAL = "social"
    PRACTICAL = "practical"


class Instant(StrEnum):
    """What is recorded of a spell as having happened, named as in an address."""

    REFERRED = "hospital-referral"
    HOME = "home"
    FIRST_CARE = "first-care"
    ASSESSED = "assessed"


WORDS: Final[Mapping[Instant, str]] = {
    Instant.REFERRED: "the hospital's referral",
    Instant.HOME: "the patient was home",
    Instant.FIRST_CARE: "the first care",
    Instant.ASSESSED: "the assessment",
}

_ORDER: Final = (
    (Instant.REFERRED, Instant.HOME),
    (Instant.REFERRED, Instant.FIRST_CARE),
    (Instant.HOME, Instant.FIRST_CARE),
    (Instant.HOME, Instant.ASSESSED),
)
"""Which cannot be before which."""


def out_of_order(known: Mapping[Instant, datetime]) -> tuple[Instant, Instant] | None:
    """The first two instants that contradict each other: the one that must come first, then the other."""
    for first, then in _ORDER:
        if first in known and then in known and known[then] < known[first]:
            return first, then
    return None


class Verdict(StrEnum):
    """What a clock says."""

    MET = "met"
    NOT_MET = "not_met"  # too late, or not done and past the limit
    OPEN = "open"  # not done, and there is time
    ENDED = "ended"  # stopped within the limit: nobody was left to wait
    NOT_STARTED = "not_started"  # nobody recorded its beginning


@dataclass(frozen=True, slots=True)
class Clock:
    """A limit on the time from one instant to another. At the limit itself it is met."""

    limit: timedelta

    def due_at(self, began_at: datetime) -> datetime:
        """When it is broken unless it is done, in UTC: local time would lose or gain the hour of a clock change."""
        return began_at.astimezone(UTC) + self.limit

    def verdict(
        self, began_at: datetime | None, done_at: datetime | None, ended_at: datetime | None, now: datetime
    ) -> Verdict:
        """Whether it is met. `ended_at`: the referral was not taken, or the patient left, without it being done."""
        if began_at is None:
            return Verdict.NOT_STARTED
        due_at = self.due_at(began_at)
        if done_at is not None:
            return Verdict.MET if done_at.astimezone(UTC) <= due_at else Verdict.NOT_MET
        if (ended_at or now).astimezone(UTC) > due_at:
            return Verdict.NOT_MET
        return Verdict.OPEN if ended_at is None else Verdict.ENDED


def hours(began_at: datetime, done_at: datetime) -> float:
    """How long it took, in hours that passed."""
    return (done_at.astimezone(UTC) - began_at.astimezone(UTC)) / timedelta(hours=1)


def re_access_until(discharged_at: datetime) -> date:
    """The last day in London on which therapy is given again without a new referral."""
    return discharged_at.astimezone(WARD_TIME).date() + timedelta(days=RE_ACCESS_DAYS)


def possible_outcomes(discharge: str | None) -> frozenset[Outcome]:
    """What recovery can have ended in, by how the spell ended: whoever died or went to acute care did just that."""
    fixed = outcome_known(discharge)
    return frozenset(Outcome) - {Outcome.DIED, Outcome.READMITTED} if fixed is None else frozenset({fixed})


def outcome_known(discharge: str | None) -> Outcome | None:
    """The outcome that a discharge says by itself."""
    return {"died": Outcome.DIED, "acute": Outcome.READMITTED}.get(discharge or "")
