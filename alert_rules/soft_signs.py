"""Soft signs: what those around a patient notice before any number changes, as data. Pure.

After the soft signs of RESTORE2 (West Hampshire CCG and Wessex AHSN, for care homes), a trademark; the wording is from
memory [memory]. Severities and counts are the design's own: a worsening answer is amber at least, and new confusion as
bad as it is in NEWS2.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alert_rules.severity import Severity

HOUR_US: Final = 3_600_000_000
COUNTS_FOR_US: Final = 24 * HOUR_US
"""How long a sign that was seen stands beside later sets: as the question is asked every day. The design's own."""


class SoftSign(NamedTuple):
    """One sign: how it is asked about, how a nurse would say it, and how bad it is alone."""

    asks: str
    says: str
    severity: Severity = Severity.AMBER


class Sign(StrEnum):
    """Something that is not as usual."""

    MORE_BREATHLESS = "more_breathless"
    SLEEPY_OR_WITHDRAWN = "sleepy_or_withdrawn"
    NEW_CONFUSION = "new_confusion"
    OFF_LEGS = "off_legs"
    SHIVERY_OR_COLD = "shivery_or_cold"
    SKIN_CHANGED = "skin_changed"
    NOT_EATING_OR_DRINKING = "not_eating_or_drinking"
    LESS_URINE = "less_urine"
    VOMITING_OR_DIARRHOEA = "vomiting_or_diarrhoea"


# fmt: off
SOFT_SIGNS: Final[Mapping[str, SoftSign]] = {
    Sign.MORE_BREATHLESS: SoftSign("More breathless, chesty, or a new cough?", "more breathless or chesty than usual"),
    Sign.SLEEPY_OR_WITHDRAWN: SoftSign("Sleepier, quieter or more withdrawn than usual?",
                                       "sleepier or more withdrawn than usual"),
    Sign.NEW_CONFUSION: SoftSign("Newly confused, or more confused than usual?", "newly or more confused",
                                 Severity.RED),
    Sign.OFF_LEGS: SoftSign("Less steady, or not able to get about as usual?", "off legs: cannot get about as usual"),
    Sign.SHIVERY_OR_COLD: SoftSign("Shivery, feverish, or cannot get warm?", "shivery, feverish or cannot get warm"),
    Sign.SKIN_CHANGED: SoftSign("Pale, blotchy or clammy, or a new rash?", "pale, blotchy or clammy, or a new rash"),
    Sign.NOT_EATING_OR_DRINKING: SoftSign("Eating or drinking less than usual?", "eating or drinking less than usual"),
    Sign.LESS_URINE: SoftSign("Passing less urine, or is it dark or strong?", "passing less, or dark or strong, urine"),
    Sign.VOMITING_OR_DIARRHOEA: SoftSign("Being sick, or diarrhoea?", "vomiting or diarrhoea"),
}
# fmt: on

SEVERAL: Final = {3: Severity.RED, 2: Severity.AMBER_PLUS}
"""So many signs at once are so bad, whichever they are."""

RULE: Final = "soft_sign_"
SEVERAL_RULE: Final = "soft_signs_several"


class Reason(NamedTuple):
    """Why signs alert: a rule, how bad, and in words."""

    rule: str
    severity: Severity
    text: str


def reasons_of(signs: Collection[str], told: str) -> list[Reason]:
    """What these signs raise, the worst first. `told`: by whom and how, as in "told by the carer"."""
    seen = [name for name in SOFT_SIGNS if name in signs]
    found = [Reason(f"{RULE}{name}", SOFT_SIGNS[name].severity, _said(name, told)) for name in seen]
    several = next((severity for least, severity in SEVERAL.items() if len(seen) >= least), None)
    if several is not None:
        found.append(
            Reason(SEVERAL_RULE, several, f"{len(seen)} soft signs at once: {several.label.replace('_', ' ')}")
        )
    return sorted(found, key=lambda one: -one.severity)


def cleared_by(signs: Collection[str]) -> frozenset[str]:
    """The rules that an answer with only these signs ends: who was asked and names one no more has it no more."""
    fired = {one.rule for one in reasons_of(signs, "")}
    return frozenset({*(f"{RULE}{name}" for name in SOFT_SIGNS), SEVERAL_RULE}) - fired


def listed(signs: Collection[str]) -> str:
    """Signs in a sentence."""
    return "; ".join(SOFT_SIGNS[name].says for name in SOFT_SIGNS if name in signs)


def bits(signs: Collection[str]) -> int:
    """Signs as one number, for arrays."""
    return sum(1 << place for place, name in enumerate(SOFT_SIGNS) if name in signs)


def named(number: int) -> list[str]:
    """The signs of such a number."""
    return [name for place, name in enumerate(SOFT_SIGNS) if number >> place & 1]


def counted(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many signs each of such numbers stands for."""
    places = np.arange(len(SOFT_SIGNS), dtype=np.int32)
    count: NDArray[np.int32] = (numbers[..., None] >> places & 1).sum(axis=-1, dtype=np.int32)
    return count


def lately(taken_us: NDArray[np.int64], before: NDArray[np.int32], before_us: NDArray[np.int64]) -> NDArray[np.int32]:
    """(n,) the signs that stand beside each set: what was told last before it, while that is fresh.

    `before` and `before_us` (n,): what was told last of each set's patient, and when.
    """
    since_us = taken_us - before_us
    return np.where((since_us >= 0) & (since_us <= COUNTS_FOR_US), before, 0).astype(np.int32)


def _said(name: str, told: str) -> str:
    says = SOFT_SIGNS[name].says
    return f"{says[0].upper()}{says[1:]} ({told})"
