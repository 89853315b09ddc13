"""What a pathway's rules would have meant: alarms per patient-day, and what they foretold.

An alarm is that somebody is called: an alert is raised, steps up, or opens again after it was answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.alarm_arrays import CHANGES, Lives
from alert_rules.alarms import Change, Kind
from alert_rules.compose import MINUTE_US
from alert_rules.kinds import DAY_US, HOUR_US
from alert_rules.repeating import Why
from alert_rules.severity import Severity
from alert_rules.version import RULES_VERSION
from monitoring.backtest.recorded import Labels, Recorded
from monitoring.backtest.replay import Replayed

Flags = NDArray[np.bool_]

CAUTION: Final = (
    "For comparing versions of the rules on the same readings. Hospital patients are sicker, and measured more often, "
    "than patients at home: no rate here is one of a virtual ward, and no default is tuned on it."
)
ALERTING: Final = tuple(severity for severity in Severity if severity)
LEAST_OBSERVED_US: Final = HOUR_US
"""A patient with one reading was observed for an hour."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What calls from one severity on foretold of the labelled deteriorations."""

    deteriorations: int
    detected: Flags  # (labels,)
    lead_us: NDArray[np.int64]  # (labels,) from the first call within the window; 0 where there was none
    calls: int
    right: int  # calls with a deterioration within the window after them, or during one

    def as_json(self) -> dict[str, Any]:
        """Shares as fractions, None where there is nothing to share out."""
        lead_h = self.lead_us[self.detected] / HOUR_US
        quartiles = [round(float(one), 2) for one in np.percentile(lead_h, (25, 50, 75))] if len(lead_h) else None
        return {
            "deteriorations": self.deteriorations,
            "detected": int(self.detected.sum()),
            "sensitivity": _share(int(self.detected.sum()), self.deteriorations),
            "lead_h": quartiles and dict(zip(("quartile_1", "median", "quartile_3"), quartiles, strict=True)),
            "positive_predictive_value": _share(self.right, self.calls),
        }


def patient_days(recorded: Recorded) -> NDArray[np.float64]:
    """(patients,) from the first row to the last one."""
    days: NDArray[np.float64] = np.maximum(recorded.last_us - recorded.first_us, LEAST_OBSERVED_US) / DAY_US
    return days


def foretold(recorded: Recorded, labels: Labels, calls: Flags, at_us: NDArray[np.int64], window: timedelta) -> Foretold:
    """Hold calls, of all sets (n,), against the labels. `at_us` (n,): when each called."""
    window_us = window // timedelta(microseconds=1)
    at = np.flatnonzero(calls)
    stay, called_us = recorded.sets.stay[at], at_us[at]
    right = np.zeros(len(at), np.bool_)
    detected = np.zeros(len(labels.stay), np.bool_)
    lead_us = np.zeros(len(labels.stay), np.int64)
    first, last = np.searchsorted(stay, labels.stay, side="left"), np.searchsorted(stay, labels.stay, side="right")
    bounds = zip(first.tolist(), last.tolist(), labels.start_us.tolist(), labels.end_us.tolist(), strict=True)
    for place, (lower, upper, start_us, end_us) in enumerate(bounds):  # of some hundreds that deteriorated
        own = called_us[lower:upper]
        right[lower:upper] |= (own >= start_us - window_us) & (own <= end_us)
        before = own[(own >= start_us - window_us) & (own <= start_us)]
        if len(before):
            detected[place], lead_us[place] = True, start_us - before[0]
    return Foretold(len(labels.stay), detected, lead_us, len(at), int(right.sum()))


def of_pathway(recorded: Recorded, replayed: Replayed, window: timedelta) -> dict[str, Any]:
    """One pathway's figures."""
    days = float(patient_days(recorded).sum())
    main = replayed.lives[Kind.DETERIORATION]
    changes = {change: int((main.change == CHANGES.index(change)).sum()) for change in Change}
    return {
        "pathway": replayed.pathway.name,
        "pathway_version": replayed.pathway.version,
        "sets_by_severity": _by_severity(np.bincount(replayed.severity, minlength=len(Severity))),
        "alarms": {
            kind.value: {
                severity: {"count": count, "per_patient_day": _per_day(count, days)}
                for severity, count in _by_severity(_called(lives)).items()
            }
            for kind, lives in replayed.lives.items()
        },
        "alerts": {
            "raised": changes[Change.RAISED],
            "stepped_up": changes[Change.STEPPED_UP],
            "reopened": int((main.asks & (main.change == CHANGES.index(Change.WORSENED))).sum()),
            "let_pass_as_resolved": int(main.let_pass.sum()),
            "worsened_while_open": int((~main.asks & (main.change == CHANGES.index(Change.WORSENED))).sum()),
        },
        "at_least": {severity.label: _at_least(recorded, main, severity, days, window) for severity in ALERTING},
        "grouping": _grouping(recorded, replayed, window),
        "asked_first": _asked_first(recorded, replayed, window),
        "rules_of_the_pathway": dict(sorted(replayed.fired.items())),
    }


def _called(lives: Lives) -> NDArray[np.intp]:
    return np.bincount(lives.severity[lives.asks], minlength=len(Severity))


def calls_at_least(lives: Lives, severity: Severity) -> Flags:
    """(n,) the sets that called somebody to an alert that was so bad or worse."""
    calls: Flags = lives.asks & (lives.severity >= severity)
    return calls


def _at_least(recorded: Recorded, lives: Lives, severity: Severity, days: float, window: timedelta) -> dict[str, Any]:
    calls = calls_at_least(lives, severity)
    burden = {"alarms_per_patient_day": _per_day(int(calls.sum()), days)}
    if recorded.labels is None:
        return burden
    return burden | foretold(recorded, recorded.labels, calls, lives.at_us, window).as_json()


def _grouping(recorded: Recorded, replayed: Replayed, window: timedelta) -> dict[str, Any]:
    """What one open alert a patient spares, and what it costs: beside an alarm for every set that would alert alone."""
    main = replayed.lives[Kind.DETERIORATION]
    alone, calls = replayed.severity > 0, main.asks
    sets, called = int(alone.sum()), int(calls.sum())
    said = {"sets_that_alert_alone": sets, "alarms": called, "removed": _share(sets - called, sets)}
    if recorded.labels is None:
        return said
    every = foretold(recorded, recorded.labels, alone, recorded.sets.taken_us, window)
    return said | _cost(every, foretold(recorded, recorded.labels, calls, main.at_us, window))


def _cost(before: Foretold, after: Foretold) -> dict[str, Any]:
    """What calling less, or later, means for the labelled deteriorations."""
    lost = int((before.detected & ~after.detected).sum())
    later_us = (before.lead_us - after.lead_us)[before.detected & after.detected]
    later_h = round(float(later_us.mean()) / HOUR_US, 2) if len(later_us) else None
    return {"deteriorations_no_longer_told": lost, "told_later_by_h_mean": later_h}


def _asked_first(recorded: Recorded, replayed: Replayed, window: timedelta) -> dict[str, Any]:
    """What asking patients to repeat removed, and what it cost: beside the same rules, had nobody been asked."""
    endings, main, at_once = replayed.endings, replayed.lives[Kind.DETERIORATION], replayed.at_once
    later_min = [one.after_us / MINUTE_US for one in endings if one.raised]
    said = {
        "asked": len(endings),
        "of_low_quality": sum(one.why is Why.LOW_QUALITY for one in endings),
        "repeated_and_not_raised": sum(not one.raised for one in endings),
        "repeated_and_raised": sum(one.raised and one.in_time for one in endings),
        "not_repeated_and_raised": sum(not one.in_time for one in endings),
        "raised_later_by_min_mean": round(float(np.mean(later_min)), 1) if later_min else None,
        "alarms_had_nobody_been_asked": int(at_once.asks.sum()),
        "alarms": int(main.asks.sum()),
    }
    if recorded.labels is None:
        return said
    before, after = (foretold(recorded, recorded.labels, one.asks, one.at_us, window) for one in (at_once, main))
    return said | _cost(before, after)


def whole(
    recorded: Recorded, replayed: Mapping[str, Replayed], assumed: Mapping[str, Any], window: timedelta
) -> dict[str, Any]:
    """All figures of one backtest."""
    labels = recorded.labels
    return {
        "caution": CAUTION,
        "rules_version": RULES_VERSION,
        "assumed": dict(assumed),
        "patients": len(recorded.patients),
        "patient_days": round(float(patient_days(recorded).sum()), 2),
        "sets": len(recorded.sets.stay),
        "labelled": None
        if labels is None
        else {"deteriorations": len(labels.stay), "begun_before_the_first_row": labels.begun_before},
        "pathways": [of_pathway(recorded, one, window) for one in replayed.values()],
    }


def _by_severity(counts: NDArray[np.intp]) -> dict[str, int]:
    return {severity.label: int(counts[severity]) for severity in ALERTING}


def _per_day(count: int, days: float) -> float | None:
    return round(count / days, 4) if days else None


def _share(part: int, of: int) -> float | None:
    return round(part / of, 4) if of else None
