"""Whether sepsis is suspected: a question to a clinician, with a clock. When it is asked, by when, and what answers it.

Never a diagnosis, and never answered by a rule. Pure: the caller writes what is returned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from alert_rules.alarms import Basis, Finding, is_sicker, points_of, reds_of

QUESTION: Final = "Is infection suspected? Could this be sepsis?"
WHO: Final = "a clinician; only a registered one says that sepsis is not suspected"

ASK_FROM: Final = 5
"""The least NEWS2 that asks; a single parameter scoring 3 asks too. NICE NG51 1.11.4 (from November 2025 NG253): 5–6 is
a moderate and 7 or more a high risk of severe illness where infection is suspected; reassess at a single 3 [memory]."""


class Window(NamedTuple):
    """Within how long of its calculation a score wants an antibiotic given, where sepsis is suspected."""

    news2: int  # or more
    within: timedelta


WINDOWS: Final = (Window(7, timedelta(hours=1)), Window(5, timedelta(hours=3)), Window(0, timedelta(hours=6)))
"""Academy of Medical Royal Colleges, *Statement on the initial antimicrobial treatment of sepsis*, 2022, as SIGN quotes
it: from the calculation of the score. NG253 is taken to say the same [memory]; the last is for 1–4, with a single 3."""
WINDOWS_SOURCE: Final = "AoMRC 2022: NEWS2 7 or more within 1 h, 5 or 6 within 3 h, 1 to 4 within 6 h of the score"

TELL_AT: Final = (0.5, 1.0)
"""After which parts of its clock whoever should answer is told that nobody has. The design's own."""

UCR_ALONE: Final = (
    "UCR alone is not the answer. Where a high-risk criterion is met: emergency care, usually 999, and the hospital "
    "told before the patient arrives; the treatment escalation plan says whether to go there."
)
"""NICE NG253 1.7.1–2: suspected sepsis in the community with any high-risk criterion."""


class Answer(StrEnum):
    """What a clinician says."""

    SUSPECTED = "suspected"
    NOT_SUSPECTED = "not_suspected"
    CANNOT_TELL = "cannot_tell"


class Tool(StrEnum):
    """By what: a virtual ward stands between hospital, where NEWS2 is used, and the community, where a table is."""

    NEWS2 = "news2"
    NICE_COMMUNITY = "nice_community"


class Criterion(NamedTuple):
    """One line of the table for the community."""

    says: str
    risk: str  # high | moderate


# fmt: off
CRITERIA: Final[Mapping[str, Criterion]] = {
    "altered_mental_state": Criterion("new altered mental state", "high"),
    "respiratory_rate_25": Criterion("25 breaths a minute or more, or newly in need of 40 % oxygen or more", "high"),
    "systolic_90": Criterion("systolic 90 mmHg or less, or more than 40 below the patient's normal", "high"),
    "heart_rate_131": Criterion("heart rate above 130 a minute", "high"),
    "no_urine_18_h": Criterion("no urine passed for 18 hours", "high"),
    "mottled_or_ashen": Criterion("mottled or ashen", "high"),
    "cyanosis": Criterion("skin, lips or tongue blue", "high"),
    "non_blanching_rash": Criterion("a rash that does not blanch", "high"),
    "changed_behaviour": Criterion("behaviour or mental state newly changed, as told by others", "moderate"),
    "functional_decline": Criterion("suddenly less able to do things", "moderate"),
    "impaired_immunity": Criterion("impaired immune system", "moderate"),
    "recent_procedure": Criterion("trauma, surgery or an invasive procedure in the last six weeks", "moderate"),
    "respiratory_rate_21": Criterion("21 to 24 breaths a minute", "moderate"),
    "heart_rate_91": Criterion("heart rate of 91 to 130 a minute, or a new arrhythmia", "moderate"),
    "systolic_91": Criterion("systolic 91 to 100 mmHg", "moderate"),
    "no_urine_12_h": Criterion("no urine passed for 12 to 18 hours", "moderate"),
    "temperature_below_36": Criterion("temperature below 36 °C", "moderate"),
    "local_infection": Criterion("signs of infection at a wound or device: redness, swelling, discharge", "moderate"),
}
# fmt: on
"""NICE NG51 1.11.2 (from November 2025 NG253), people of 16 or more outside acute hospitals: the structure as
published, the values from memory [memory]."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it was given."""

    answer: Answer
    tool: Tool
    by: UUID
    by_name: str
    at: datetime
    criteria: tuple[str, ...] = ()  # of CRITERIA, as seen
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The question as it stands on an alert. `time_zero`: when the score was calculated from which its clock runs."""

    asked_at: datetime
    time_zero: datetime | None
    act_by: datetime | None  # none where a clinician suspects without a score
    score: int | None = None  # the highest since it was asked
    reds: frozenset[str] = frozenset()
    said: Said | None = None

    @property
    def status(self) -> str:
        """suspected, not_suspected or unanswered: who cannot tell has not answered it."""
        if self.said is None or self.said.answer is Answer.CANNOT_TELL:
            return UNANSWERED
        return self.said.answer.value


UNANSWERED: Final = "unanswered"
GRAVITY: Final = ("not_asked", "not_suspected", UNANSWERED, "suspected")
"""What is known of a patient, from what is least to what is most reason not to leave them to UCR alone."""


def window(score: int) -> timedelta:
    """Within how long of a score."""
    return next(one.within for one in WINDOWS if score >= one.news2)


def asked_of(before: Question | None, basis: Basis | None, found: Finding, now: datetime) -> Question | None:
    """The question after a set that was scored `now`; the same object where nothing changes, None where none is due.

    `basis`: what was known before the set. Asked once per alert; again, with a clock of its own, where the patient
    gets worse after an answer that did not say "suspected". A worse score while it stands can only shorten its clock.
    """
    points = points_of(found)
    score, reds = sum(points.values()), reds_of(points)
    if score < ASK_FROM and not reds:
        return before
    if before is None:
        return Question(now, now, now + window(score), score, reds)
    answer = None if before.said is None else before.said.answer
    if answer in {Answer.NOT_SUSPECTED, Answer.CANNOT_TELL} and basis is not None and is_sicker(basis, found):
        return Question(now, now, now + window(score), score, reds)
    return before if answer is Answer.NOT_SUSPECTED else _tightened(before, score, reds, now)


def _tightened(before: Question, score: int, reds: frozenset[str], now: datetime) -> Question:
    """The same question of a patient who may be worse: the higher score, and the earlier end."""
    by = now + window(score)
    is_sooner = before.act_by is None or by < before.act_by
    if not is_sooner and score <= (before.score or 0) and reds <= before.reds:
        return before
    highest, all_reds = max(score, before.score or 0), before.reds | reds
    if not is_sooner:
        return replace(before, score=highest, reds=all_reds)
    return replace(before, time_zero=now, act_by=by, score=highest, reds=all_reds)


def owed_at(question: Question, now: datetime) -> datetime | None:
    """When it is told next that nobody has answered; None where somebody has, or no more is told."""
    if question.status != UNANSWERED or question.time_zero is None or question.act_by is None:
        return None
    within = question.act_by - question.time_zero
    ahead = (at for part in TELL_AT if (at := question.time_zero + part * within) > now)
    return next(ahead, None)


def answered(question: Question | None, said: Said) -> Question:
    """The question with an answer; one that nobody asked begins with it."""
    asked = Question(said.at, None, None) if question is None else question
    return replace(asked, said=said)


def gravest(*known: str | None) -> str:
    """Of what is known from several sides, what is most reason for care."""
    return max((one for one in known if one is not None), key=GRAVITY.index, default=GRAVITY[0])
