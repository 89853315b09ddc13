"""Why an alert fired, as a nurse would say it: each sentence names the value and the bound."""

from dataclasses import dataclass
from typing import Any, Final

from alert_rules.accepted import BEYOND, Accepted
from alert_rules.alarms import COMPLETE_THE_SET, COMPLETE_WITHIN
from alert_rules.engine import NOTHING, Beside
from alert_rules.kinds import PathwayRule
from alert_rules.limits import LIMITED, LINES, SpO2Defaults
from alert_rules.news2 import CHARTS, RED, ChartRow, Scale
from alert_rules.news2_arrays import ScoreArrays
from alert_rules.sentences import said_of
from alert_rules.severity import Facts, Rule, Severity, Verdicts
from alert_rules.vitals import ACVPU, CONSCIOUSNESS, PARAMETERS
from alert_rules.words import CONSCIOUS, LABELS, flow, measured, sentence, shown

_LINE_OF: Final = {f"{vital}_{line}": (vital, line) for vital in LIMITED for line in LINES}
_ACCEPTED_OF: Final = {f"{vital}_accepted_{'high' if high else 'low'}": (vital, high) for vital, high in BEYOND}


def reasons(
    facts: Facts,
    verdicts: Verdicts,
    column: int,
    spo2: SpO2Defaults | None = None,
    beside: Beside = NOTHING,
    accepted: Accepted | None = None,
) -> list[dict[str, str]]:
    """What is told of one set, worst first: {"rule", "severity", "text"}. `beside`: as it was judged with.

    `accepted`: the decision by which a rule is only amber, which says so.

    `spo2`: the pathway's defaults, whose prompt goes with a value at or below its own red line on scale 1. The task to
    complete the set comes last, as bad as the set itself: it goes beside the alert and does not raise it.
    """
    words = _Words(facts, column)
    said = [
        {"rule": rule.name, "severity": rule.severity.label, "text": sentence(_says(rule, words, beside))}
        for rule in verdicts.told(column)
    ]
    for one in said:
        if accepted is not None and one["rule"] in verdicts.relieved and verdicts.relieved[one["rule"]][column]:
            one["text"] += f": {accepted.says}"
    if spo2 is not None and spo2.red_prompt and words.scale == 1 and words.measured("spo2", at_most=spo2.red_low):
        for one in said:
            one["text"] += f": {spo2.red_prompt}" if one["rule"] == "spo2_red_low" else ""
    if verdicts.to_complete[column]:
        text = f"Complete the set by phone within {COMPLETE_WITHIN.seconds // 60} min: NEWS2 is {words['news2']}"
        label = Severity(int(verdicts.severity[column])).label
        said.append({"rule": COMPLETE_THE_SET, "severity": label, "text": text})
    return said


def _says(rule: Rule | PathwayRule, words: "_Words", beside: Beside) -> str:
    if isinstance(rule, Rule):
        return rule.says.format_map(words)
    return said_of(rule, words.facts, words["news2"], beside, words.column)


def score_as_json(news2: ScoreArrays, known: list[bool], column: int) -> dict[str, Any]:
    """The score of one set as the contract shows it with an alert."""
    points = news2.points[:, column].tolist()
    return {
        "score": int(news2.score[column]),
        "score_max": int(news2.score_max[column]),
        "complete": bool(news2.complete[column]),
        "missing": [name for name, is_known in zip(PARAMETERS, known, strict=True) if not is_known],
        "subscores": {
            name: point if is_known else None for name, point, is_known in zip(PARAMETERS, points, known, strict=True)
        },
    }


@dataclass(frozen=True, slots=True)
class _Words:
    """What the sentences of the rules name, of one set."""

    facts: Facts
    column: int

    def __getitem__(self, word: str) -> str:
        match word:
            case "news2":
                return self._news2()
            case "red_parameters":
                return self._red_parameters()
            case "consciousness":
                return CONSCIOUS[ACVPU[self.facts.vitals.values[CONSCIOUSNESS, self.column]]]
            case "consciousness_now":
                return CONSCIOUS[ACVPU[self.facts.consciousness_now[self.column]]]
            case "glucose_lately":
                return measured("glucose", int(self.facts.glucose_lately[self.column]))
            case "oxygen_flow":
                return flow(int(self.facts.oxygen_flow[self.column]))
            case "oxygen_prescribed":
                return flow(int(self.facts.oxygen_prescribed[self.column]))
            case _ if word in _ACCEPTED_OF:
                side = _ACCEPTED_OF[word]
                return shown(side[0], int(self.facts.accepted[side][self.column]))
            case _ if word in _LINE_OF:
                vital, line = _LINE_OF[word]
                return shown(vital, int(self.facts.lines[LINES.index(line), LIMITED.index(vital), self.column]))
        return measured(word, self._value(word))

    @property
    def scale(self) -> Scale:
        return 2 if self.facts.on_scale_2[self.column] else 1

    def measured(self, vital: str, *, at_most: int) -> bool:
        row = LIMITED.index(vital)
        return bool(self.facts.limited_known[row, self.column]) and self._value(vital) <= at_most

    def _value(self, vital: str) -> int:
        if vital in PARAMETERS:
            return int(self.facts.vitals.values[PARAMETERS.index(vital), self.column])
        return int(self.facts.limited[LIMITED.index(vital), self.column])

    def _news2(self) -> str:
        """The score, and with it how far it may be from the truth: an incomplete score is never shown alone."""
        news2 = self.facts.news2
        score, most = int(news2.score[self.column]), int(news2.score_max[self.column])
        known = self.facts.vitals.known[:, self.column].tolist()
        doubts = [LABELS[name] for name, is_known in zip(PARAMETERS, known, strict=True) if not is_known]
        if doubts:
            doubts[0] = f"missing {doubts[0]}"
        if self.facts.oxygen_assumed[self.column]:
            doubts.append("oxygen assumed")
        upwards = "" if score == most else f" to {most}"
        return f"{score}{upwards} ({', '.join(doubts)})" if doubts else f"{score}{upwards}"

    def _red_parameters(self) -> str:
        points = self.facts.news2.points[:, self.column].tolist()
        rows = CHARTS[self.scale]
        return ", ".join(
            self[name] if name == "consciousness" else f"{self[name]} ({_band(row, self._value(name))})"
            for name, row, scored in zip(PARAMETERS, rows, points, strict=True)
            if scored == RED
        )


def _band(row: ChartRow, value: int) -> str:
    """The edge of the chart's outermost band that holds a value."""
    lowest, highest = row.bands[0][1], row.bands[-1][0]
    if value <= row.in_units(lowest):
        return f"{lowest:.{row.decimals}f} or less"
    return f"{highest:.{row.decimals}f} or more"
