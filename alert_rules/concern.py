"""Somebody is worried: how soon a person has to hear of it.

Source: docs/clinical/policy.md, *Ladders*: a concern is red, an urgent one or one in words of danger is critical. The
words are the design's own: those that 999 is for, by NHS England's advice on when to call it.
"""

import re
from typing import Final

from alert_rules.severity import Severity

DANGER: Final = (
    "chest pain", "can't breathe", "cannot breathe", "cant breathe", "struggling to breathe", "not breathing",
    "stopped breathing", "choking", "unconscious", "unresponsive", "not responding", "won't wake", "wont wake",
    "can't wake", "cannot wake", "collapsed", "passed out", "blue lips", "lips are blue", "turning blue", "grey skin",
    "fitting", "seizure", "stroke", "face drooping", "slurred speech", "bleeding heavily", "coughing up blood",
    "vomiting blood", "sepsis", "anaphylaxis", "overdose", "suicidal", "kill myself", "end my life",
)  # fmt: skip
_DANGER: Final = re.compile("|".join(rf"\b{re.escape(words)}\b" for words in DANGER))

ADVICE: Final = {
    Severity.RED: "The ward has been told. If it gets worse before you hear from us, call 111; call 999 if somebody "
    "is seriously ill and their life may be at risk.",
    Severity.CRITICAL: "Call 999 now if somebody is seriously ill and their life may be at risk. Do not wait for the "
    "ward: it has been told as well.",
}
"""What whoever is worried is answered."""


def severity_of(text: str, *, urgent: bool) -> Severity:
    """How bad a concern is, from its words. A denial is no comfort: «no chest pain» is critical too."""
    words = text.lower().replace("’", "'")
    return Severity.CRITICAL if urgent or _DANGER.search(words) else Severity.RED
