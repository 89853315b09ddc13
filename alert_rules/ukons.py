"""A cancer hotline's triage: from the answers of a call to the least that has to follow. Pure.

Sources: the UK Oncology Nursing Society's 24-hour triage tool (a colour per symptom; one red, or two ambers, is red)
for the colour; the clinical policy, *Ladders*, for the rule on fever under systemic anti-cancer therapy (SACT). What
each colour leads to here, and how a gap in the answers counts, is the design's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

VERSION: Final = "ukons/1"
"""Kept with each call: a rule that changes gets a new number."""

SACT_WITHIN: Final = timedelta(weeks=6)
FEVER_TENTHS: Final = 375
COLD_BELOW_TENTHS: Final = 360
AMBERS_FOR_RED: Final = 2


class Symptom(StrEnum):
    """What is asked on every call."""

    FEVER = "fever"
    INFECTION = "infection"
    CHEST_PAIN = "chest_pain"
    BREATHLESSNESS = "breathlessness"
    PERFORMANCE_STATUS = "performance_status"
    CONFUSION = "confusion"
    NEUROSENSORY = "neurosensory"
    BLEEDING = "bleeding"
    BRUISING = "bruising"
    DIARRHOEA = "diarrhoea"
    CONSTIPATION = "constipation"
    NAUSEA = "nausea"
    VOMITING = "vomiting"
    MOUTH = "mouth"
    APPETITE = "appetite"
    URINE = "urine"
    PAIN = "pain"
    FATIGUE = "fatigue"
    SKIN = "skin"
    HANDS_AND_FEET = "hands_and_feet"
    EYES = "eyes"
    EXTRAVASATION = "extravasation"
    OTHER = "other"


class Colour(StrEnum):
    """How bad a symptom is, and the call as a whole."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Result(StrEnum):
    """What a call leads to."""

    ADVICE = "advice"
    WARD = "ward"
    UCR = "ucr"
    ACUTE_ONCOLOGY = "acute_oncology"
    EMERGENCY = "999"


RANK: Final[Mapping[Result, int]] = {
    Result.ADVICE: 0, Result.WARD: 1, Result.UCR: 1, Result.ACUTE_ONCOLOGY: 2, Result.EMERGENCY: 3,
}  # fmt: skip
"""Which result is more than which. The ward and a UCR team are alike: both see somebody within the day."""

LEAST: Final[Mapping[Colour, Result]] = {
    Colour.GREEN: Result.ADVICE, Colour.AMBER: Result.WARD, Colour.RED: Result.ACUTE_ONCOLOGY,
}  # fmt: skip
"""What each colour leads to at least: advice; somebody who looks again; assessment face to face, urgently."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller said. `sact_on`: the last day of systemic anti-cancer therapy, None where nobody knows it."""

    answers: Mapping[Symptom, Colour]
    temperature_tenths: int | None  # °C
    unwell: bool
    has_sact: bool
    sact_on: date | None


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that has to follow, and why. Critical: nothing less is possible, whatever the reason."""

    colour: Colour
    result: Result
    critical: bool
    why: tuple[str, ...]


def triage(told: Told, today: date) -> Minimum:
    """Judge a call. `today`: the day of the call in London."""
    colour, why = _colour(told)
    least = LEAST[colour]
    if not _is_recent(told, today):
        return Minimum(colour, least, critical=False, why=why)
    danger = _danger(told)
    if danger:
        under = f"systemic anti-cancer therapy within {SACT_WITHIN.days // 7} weeks"
        return Minimum(Colour.RED, Result.ACUTE_ONCOLOGY, critical=True, why=(f"{under}, and {danger}", *why))
    if told.temperature_tenths is None and RANK[least] < RANK[Result.WARD]:
        unknown = "systemic anti-cancer therapy, and nobody measured the temperature"
        return Minimum(Colour.AMBER, Result.WARD, critical=False, why=(unknown, *why))
    return Minimum(colour, least, critical=False, why=why)


def is_lower(result: Result, least: Result) -> bool:
    """Whether a result is less than another one."""
    return RANK[result] < RANK[least]


def _colour(told: Told) -> tuple[Colour, tuple[str, ...]]:
    """The colour of the whole, and what makes it. A temperature out of bounds is an amber fever, unwell is amber."""
    answers = dict(told.answers)
    if _is_out_of_bounds(told.temperature_tenths) and answers.get(Symptom.FEVER) is not Colour.RED:
        answers[Symptom.FEVER] = Colour.AMBER
    found = {colour: [one for one in Symptom if answers.get(one) is colour] for colour in Colour}
    said = tuple(f"{one.replace('_', ' ')}: {colour}" for colour in (Colour.RED, Colour.AMBER) for one in found[colour])
    if found[Colour.RED] or len(found[Colour.AMBER]) >= AMBERS_FOR_RED:
        return Colour.RED, said
    said += ("unwell",) if told.unwell else ()
    return (Colour.AMBER if said else Colour.GREEN), said


def _is_out_of_bounds(tenths: int | None) -> bool:
    return tenths is not None and (tenths >= FEVER_TENTHS or tenths < COLD_BELOW_TENTHS)


def _is_recent(told: Told, today: date) -> bool:
    """Whether the last therapy lies within six weeks. One that nobody can date does."""
    return told.has_sact and (told.sact_on is None or today - told.sact_on <= SACT_WITHIN)


def _danger(told: Told) -> str | None:
    """What under recent therapy may be neutropenic sepsis; a red answer is unwell enough, whatever the caller says."""
    if told.temperature_tenths is not None and _is_out_of_bounds(told.temperature_tenths):
        return f"temperature {told.temperature_tenths / 10:.1f} °C"
    if told.answers.get(Symptom.FEVER, Colour.GREEN) is not Colour.GREEN:
        return "fever"
    return "unwell" if told.unwell or Colour.RED in told.answers.values() else None
