"""How bad: the rules that raise an alert of deterioration, each a named row with its severity.

Source: docs/clinical/policy.md, table *Severity*. Rules see whole batches; the name of the rule that fired goes
unchanged to the alert, the log and the metric.

A rule fires on everything worse than its bound, also where a graver rule fires too. So a patient who gets better
never fires a rule that is new, and `alarms.weigh` can take every new one as bad news.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.limits import LIMITED, LINES, crossed
from alert_rules.news2 import RED, Scale
from alert_rules.news2_arrays import ScoreArrays
from alert_rules.vitals import (
    ACVPU,
    CONSCIOUSNESS,
    OXYGEN,
    PARAMETERS,
    PULSE,
    RESPIRATORY_RATE,
    SPO2,
    SYSTOLIC,
    VitalArrays,
)

if TYPE_CHECKING:
    from alert_rules.kinds import PathwayRule

Flags = NDArray[np.bool_]


class Severity(IntEnum):
    """How bad an alert is. The order is the order of the worklist."""

    NONE = 0
    AMBER = 1
    AMBER_PLUS = 2
    RED = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """Its name in the public contract."""
        return self.name.lower()


class Wellness(IntEnum):
    """The daily question: how do you feel compared with yesterday? 0 is unanswered."""

    UNANSWERED = 0
    MUCH_BETTER = 1
    BETTER = 2
    SAME = 3
    WORSE = 4
    MUCH_WORSE = 5


UNKNOWN_FLOW: Final = -1
NOT_LOW: Final = np.iinfo(np.int32).max
"""Stands for a glucose that is not known."""

LOW_MEDIUM: Final = 3
"""The lowest total that alerts."""
SINGLE_RED: Final = "single_red"
SPO2_CRITICAL: Final[dict[Scale, int]] = {1: 88, 2: 83}
"""By scale."""

COMPLETE_AT: Final = 5
COMPLETE_FROM: Final = 3
COMPLETE_IF_MAX: Final = 7
"""An incomplete score of 5, or of 3 that may be 7, is a task: a person completes the set by phone."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at, for n composed sets."""

    vitals: VitalArrays
    news2: ScoreArrays
    scorable: Flags  # NEWS2 and the adult thresholds apply
    adult: Flags  # the same, whatever the set measured: NEWS2 applies to the patient
    watched: Flags  # False: comfort care, nothing here alerts
    on_scale_2: Flags
    limited: NDArray[np.int32]  # (vitals, n) values at the resolution of limits
    limited_known: Flags  # (vitals, n)
    lines: NDArray[np.int32]  # (4, vitals, n)
    oxygen_flow: NDArray[np.int32]  # hundredths of L/min as measured in the set, UNKNOWN_FLOW otherwise
    oxygen_prescribed: NDArray[np.int32]  # hundredths of L/min, 0 where none is
    oxygen_assumed: Flags
    wellness: NDArray[np.int8]
    glucose_lately: NDArray[np.int32]  # tenths, of this set or shortly before, NOT_LOW otherwise
    consciousness_now: NDArray[np.int16]  # as in `vitals`, also beside what has no score; alert where it is unknown
    accepted: Mapping[tuple[str, bool], NDArray[np.int32]] = field(default_factory=dict)
    """(n,) by vital sign and side (True: up to) of those of which anything is accepted, as `accepted` has them."""
    soft_signs: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))  # (n,) or (1,): none

    def vital(self, parameter: int) -> NDArray[np.int16]:
        """The values of one NEWS2 parameter, in chart units."""
        values: NDArray[np.int16] = self.vitals.values[parameter]
        return values

    def known(self, parameter: int) -> Flags:
        """Where that parameter is known."""
        known: Flags = self.vitals.known[parameter]
        return known

    def beyond(self, vital: str, line: str) -> Flags:
        """Where a vital sign is at or beyond its line."""
        row = LIMITED.index(vital)
        flags: Flags = self.limited_known[row] & crossed(self.limited[row], self.lines[LINES.index(line), row], line)
        return flags

    def glucose(self, crosses: Callable[[NDArray[np.int32]], Flags]) -> Flags:
        """Where glucose, in tenths of mmol/L, was measured and crosses."""
        row = LIMITED.index("glucose")
        flags: Flags = self.limited_known[row] & crosses(self.limited[row])
        return flags


@dataclass(frozen=True, slots=True)
class Rule:
    """One cause for an alert: its name, how bad it is, what it looks for, and how a nurse would say it."""

    name: str
    severity: Severity
    fires: Callable[[Facts], Flags]
    says: str  # what stands in braces is looked up by `explain`
    of: frozenset[str] = frozenset()  # the vital signs it looks at; none where it looks at points
    unless: tuple[str, ...] = ()  # graver rules that say the same; where one fires this one is not told
    bound: tuple[int, bool] | None = None  # of one vital sign, whoever the patient is; True: at or above it

    def blames(self, points: Mapping[str, int]) -> frozenset[str]:
        """The vital signs that make it fire. `points`: of NEWS2, by parameter."""
        least = RED if self.name == SINGLE_RED else 1
        return self.of or frozenset(name for name, scored in points.items() if scored >= least)


TOTAL_FROM: Final = {Severity.CRITICAL: 7, Severity.RED: 5, Severity.AMBER: LOW_MEDIUM}
"""The least NEWS2 total of each severity."""


def of_total(score: int) -> Severity:
    """How bad a NEWS2 total is by itself."""
    return max((severity for severity, least in TOTAL_FROM.items() if score >= least), default=Severity.NONE)


def _total(name: str, severity: Severity, says: str, *unless: str) -> Rule:
    least = TOTAL_FROM[severity]
    return Rule(
        name,
        severity,
        lambda facts: facts.scorable & (facts.news2.score >= least),
        f"NEWS2 {{news2}}{says}",
        unless=unless,
    )


def _at_most(name: str, severity: Severity, parameter: int, bound: int, scale: Scale | None = None) -> Rule:
    """An adult threshold: the value of a parameter, its own included, and all below; where not None, on one scale."""

    def fires(facts: Facts) -> Flags:
        applies = facts.scorable if scale is None else facts.scorable & (facts.on_scale_2 == (scale == 2))
        flags: Flags = applies & facts.known(parameter) & (facts.vital(parameter) <= bound)
        return flags

    on_scale = "" if scale is None else f" on scale {scale}"
    vital = PARAMETERS[parameter]
    says = f"{{{vital}}} ({bound} or less{on_scale})"
    return Rule(name, severity, fires, says, frozenset({vital}), bound=None if scale else (bound, False))


def _at_least(name: str, severity: Severity, parameter: int, bound: int) -> Rule:
    return Rule(
        name,
        severity,
        lambda facts: facts.scorable & facts.known(parameter) & (facts.vital(parameter) >= bound),
        f"{{{PARAMETERS[parameter]}}} ({bound} or more)",
        frozenset({PARAMETERS[parameter]}),
        bound=(bound, True),
    )


def _not_alert(least: str) -> Callable[[Facts], Flags]:
    """Consciousness `least` or worse: at any age, and where NEWS2 does not apply too."""
    return lambda facts: facts.known(CONSCIOUSNESS) & (facts.vital(CONSCIOUSNESS) >= ACVPU.index(least))


def _feels(least: Wellness) -> Callable[[Facts], Flags]:
    return lambda facts: facts.wellness >= least


def _unprescribed(facts: Facts) -> Flags:
    on_oxygen = (facts.oxygen_flow > 0) | (facts.known(OXYGEN) & (facts.vital(OXYGEN) == 1))
    flags: Flags = on_oxygen & (facts.oxygen_prescribed == 0)
    return flags


def _above_prescription(facts: Facts) -> Flags:
    return (facts.oxygen_prescribed > 0) & (facts.oxygen_flow > facts.oxygen_prescribed)


def _lines(colour: str) -> tuple[Rule, ...]:
    """A rule for each line of one colour: a limit that is newly crossed is news, whatever else was crossed before."""

    def rule(vital: str, side: str) -> Rule:
        line = f"{colour}_{side}"
        return Rule(
            f"{vital}_{line}",
            Severity[colour.upper()],
            lambda facts: facts.beyond(vital, line),
            f"{{{vital}}} ({colour} limit: {{{vital}_{line}}} or {'less' if side == 'low' else 'more'})",
            frozenset({vital}),
            unless=(f"{vital}_red_{side}",) if colour == "amber" else (),
        )

    return tuple(rule(vital, side) for vital in LIMITED for side in ("low", "high"))


LINE_RULES: Final = {colour: _lines(colour) for colour in ("red", "amber")}

_CONSCIOUSNESS, _GLUCOSE, _OXYGEN, _WELLNESS = (
    frozenset({vital}) for vital in ("consciousness", "glucose", "oxygen", "wellness")
)

# fmt: off
RULES: Final = (
    _total("news2_high", Severity.CRITICAL, ": emergency response threshold (7 or more)"),
    Rule("unresponsive", Severity.CRITICAL, _not_alert("V"),
         "{consciousness}", _CONSCIOUSNESS),
    _at_most("respiratory_rate_critical", Severity.CRITICAL, RESPIRATORY_RATE, 8),
    _at_most("spo2_critical", Severity.CRITICAL, SPO2, SPO2_CRITICAL[1], scale=1),
    _at_most("spo2_critical_scale_2", Severity.CRITICAL, SPO2, SPO2_CRITICAL[2], scale=2),
    Rule("glucose_critical", Severity.CRITICAL, lambda facts: facts.glucose(lambda tenths: tenths < 30),
         "{glucose}: hypoglycaemia (below 3.0)", _GLUCOSE, bound=(29, False)),
    Rule("glucose_low_not_alert", Severity.CRITICAL,
         lambda facts: (facts.glucose_lately < 40) & (facts.consciousness_now >= ACVPU.index("C")),
         "{glucose_lately}: hypoglycaemia (below 4.0), and not alert: {consciousness_now}", _GLUCOSE | _CONSCIOUSNESS),
    _total("news2_medium", Severity.RED, ": urgent response threshold (5 or 6)", "news2_high"),
    Rule("new_confusion", Severity.RED, _not_alert("C"),
         "{consciousness}", _CONSCIOUSNESS, unless=("unresponsive",)),
    _at_least("respiratory_rate_high", Severity.RED, RESPIRATORY_RATE, 25),
    _at_most("systolic_low", Severity.RED, SYSTOLIC, 90),
    _at_least("pulse_high", Severity.RED, PULSE, 131),
    _at_most("pulse_low", Severity.RED, PULSE, 40),
    *LINE_RULES["red"],
    Rule("oxygen_above_prescription", Severity.RED, _above_prescription,
         "Oxygen {oxygen_flow}: more than prescribed ({oxygen_prescribed})", _OXYGEN),
    Rule("oxygen_unprescribed", Severity.RED, _unprescribed,
         "On oxygen ({oxygen_flow}), and none is prescribed", _OXYGEN),
    Rule("wellness_much_worse", Severity.RED, _feels(Wellness.MUCH_WORSE),
         "Feels much worse", _WELLNESS),
    Rule("glucose_low", Severity.RED, lambda facts: facts.glucose(lambda tenths: tenths < 40),
         "{glucose} (below 4.0)", _GLUCOSE, unless=("glucose_critical", "glucose_low_not_alert"), bound=(39, False)),
    Rule(SINGLE_RED, Severity.AMBER_PLUS, lambda facts: facts.scorable & facts.news2.single_red,
         "Scores 3 by itself: {red_parameters}"),
    _total("news2_low_medium", Severity.AMBER, ": raised (3 or 4)", "news2_high", "news2_medium"),
    *LINE_RULES["amber"],
    Rule("wellness_worse", Severity.AMBER, _feels(Wellness.WORSE),
         "Feels worse", _WELLNESS, unless=("wellness_much_worse",)),
    Rule("glucose_high", Severity.AMBER, lambda facts: facts.glucose(lambda tenths: tenths > 200),
         "{glucose} (above 20.0)", _GLUCOSE, bound=(201, True)),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the rules said of n sets."""

    severity: NDArray[np.int8]  # (n,) the worst that fired
    fired: Flags  # (rules, n), rows as in RULES
    to_complete: Flags  # (n,) a person completes the set by phone within 15 min
    added: Sequence[tuple["PathwayRule", Flags]] = ()  # of the pathways, where they fired
    technical: Sequence[tuple["PathwayRule", Flags]] = ()  # likewise, of the kit: in no severity
    relieved: Mapping[str, Flags] = field(default_factory=dict)  # by rule, where it is amber by an accepted value
    beyond: Sequence[tuple[Rule, Flags]] = ()  # where a value is beyond what is accepted

    def of_pathway(self, column: int) -> list["PathwayRule"]:
        """The rules of its pathway that fired for one set, but for those of the kit."""
        return [rule for rule, flags in self.added if flags[column]]

    def rules(self, column: int) -> list["Rule | PathwayRule"]:
        """Every rule that fired for one set, worst first, as bad as it is there."""
        fired = self.fired[:, column].tolist()
        rules: list[Rule | PathwayRule] = [rule for rule, fires in zip(RULES, fired, strict=True) if fires]
        rules += self.of_pathway(column)
        rules += [rule for rule, flags in self.beyond if flags[column]]
        if self.relieved:
            rules = [replace(rule, severity=Severity.AMBER) if self.relieves(rule, column) else rule for rule in rules]
        return sorted(rules, key=lambda rule: rule.severity, reverse=True)

    def relieves(self, rule: "Rule | PathwayRule", column: int) -> bool:
        """Whether a rule that fired for one set shows amber there, by an accepted value."""
        return rule.name in self.relieved and bool(self.relieved[rule.name][column])

    def every(self) -> list[tuple["Rule | PathwayRule", Flags]]:
        """The rules of every pathway and of the sets' own, each with where it fired."""
        rules: list[tuple[Rule | PathwayRule, Flags]] = [*zip(RULES, self.fired, strict=True)]
        rules += self.added
        return rules

    def told(self, column: int) -> list["Rule | PathwayRule"]:
        """The rules that fired for one set, without those that a graver one already says."""
        rules = self.rules(column)
        names = {rule.name for rule in rules}
        return [rule for rule in rules if names.isdisjoint(rule.unless)]


_RANKS: Final = np.array([rule.severity for rule in RULES], dtype=np.int8)[:, None]


def judge(facts: Facts) -> Verdicts:
    """Hold every rule against every set."""
    fired = np.vstack([rule.fires(facts) for rule in RULES]) & facts.watched
    severity = (fired * _RANKS).max(axis=0).astype(np.int8)
    return Verdicts(severity, fired, _to_complete(facts))


def _to_complete(facts: Facts) -> Flags:
    score, most = facts.news2.score, facts.news2.score_max
    worth_a_call = (score >= COMPLETE_AT) | ((score >= COMPLETE_FROM) & (most >= COMPLETE_IF_MAX))
    return facts.scorable & facts.watched & ~facts.news2.complete & worth_a_call
