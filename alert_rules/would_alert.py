"""What would alert, in plain English: on a ward by its pathway, for a patient by their plan too."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from alert_rules.accepted import Accepted
from alert_rules.kinds import NEWS2, FromUsual
from alert_rules.ladder import Ladders
from alert_rules.limits import LIMITED, LINES, SCALE_2, UNITS, Lines
from alert_rules.pathway import Pathway
from alert_rules.repeating import AMBER_WITHIN
from alert_rules.sentences import would
from alert_rules.severity import LINE_RULES, RULES, Rule, Severity
from alert_rules.silence import GRACE, WELFARE_CHECK_AFTER, times_for
from alert_rules.words import LABELS, sentence, shown

WORDS: Final = {
    "unresponsive": "Consciousness V, P or U",
    "new_confusion": "New confusion (C)",
    "single_red": "One parameter of NEWS2 scores 3 by itself",
    "glucose_low_not_alert": "Glucose below 4.0 mmol/L, and not alert",
    "oxygen_above_prescription": "Oxygen above what is prescribed",
    "oxygen_unprescribed": "Oxygen, and none is prescribed",
}
"""Of rules whose sentence says nothing without its values."""

ONLY_WHERE_SCORED: Final = frozenset({"news2_high", "news2_medium", "news2_low_medium", "single_red"})
WITHIN_ACCEPTED: Final = (
    "as far as that, what is red by it alone and by a bound is amber; beyond it, in NEWS2 and in all else it counts as"
    " ever"
)


@dataclass(frozen=True, slots=True)
class Own:
    """What is decided for one patient."""

    scale: int = 1
    home_oxygen_l_min: float = 0
    comfort: bool = False
    not_scored: str | None = None  # why NEWS2 does not apply
    lines: Mapping[str, Lines] = field(default_factory=dict)
    usual: Mapping[str, int] = field(default_factory=dict)  # as kinds.USUAL, in whole units
    expects: frozenset[str] = frozenset()
    times: tuple[str, ...] = ()
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands under it."""

    title: str
    lines: tuple[str, ...]


def would_alert(pathway: Pathway, ladders: Ladders, own: Own | None = None) -> list[Section]:
    """What alerts how badly, who is told, and what silence does. `own`: a patient's plan; None for a ward at large."""
    about = _about(pathway, own)
    if own is not None and own.comfort:
        return [about, Section("Alerts", ("Comfort care: no reading alerts, and none is overdue. Concerns do.",))]
    severities = [one for one in sorted(Severity, reverse=True) if one]
    sections = [Section(_heading(one, ladders), tuple(_unique(_of_severity(one, pathway, own)))) for one in severities]
    return [about, *sections, Section("When nothing comes", tuple(_silence(pathway, own)))]


def as_text(sections: Iterable[Section]) -> str:
    """For a terminal."""
    return "\n\n".join("\n".join([one.title, *(f"  * {line}" for line in one.lines)]) for one in sections)


def _about(pathway: Pathway, own: Own | None) -> Section:
    times = times_for(pathway.readings_per_day) if own is None else own.times
    lines = [f"Readings: {', '.join(times) or 'none expected'} (Europe/London)"]
    if own is not None:
        lines.append(f"SpO2 scale {own.scale}")
        if own.home_oxygen_l_min:
            lines.append(f"Home oxygen {own.home_oxygen_l_min:g} L/min, assumed where a set does not say")
        if own.not_scored is not None:
            lines.append(f"NEWS2 does not apply ({own.not_scored.replace('_', ' ')}): the plan's own limits do")
        usual = [f"{_label(name)} {_usual(name, value)}" for name, value in own.usual.items()]
        lines.append(f"Usual values: {', '.join(usual) or 'none are known'}")
        if own.accepted is not None:
            lines.append(f"{sentence(LABELS[own.accepted.vital])} {own.accepted.says}: {WITHIN_ACCEPTED}")
    if pathway.repeat_first:
        minutes = AMBER_WITHIN.seconds // 60
        lines.append(
            f"Before a new amber the patient is asked to repeat the reading; unrepeated it alerts in {minutes} min"
        )
    if pathway.refractory is not None:
        hours = pathway.refractory.total_seconds() / 3600
        lines.append(f"For {hours:g} h after an amber was resolved the same, no worse, raises nothing")
    carried = ", ".join(f"{LABELS[name]} {minutes} min" for name, minutes in pathway.carried_min.items())
    if carried:
        lines.append(f"Values count for later sets: {carried}")
    return Section(f"{pathway.title}, rules of version {pathway.version}", tuple(lines))


def _heading(severity: Severity, ladders: Ladders) -> str:
    steps = "; then ".join(f"{step.tell} ({step.wait_s // 60} min)" for step in ladders[severity.label])
    return f"{sentence(severity.label.replace('_', ' '))}. Told: {steps}"


def _of_severity(severity: Severity, pathway: Pathway, own: Own | None) -> list[str]:
    of_lines = {rule.name for rules in LINE_RULES.values() for rule in rules}
    is_adult = own is None or own.not_scored is None
    said = [
        _floor(rule)
        for rule in RULES
        if rule.severity is severity and rule.name not in of_lines and _holds(rule, own, is_adult=is_adult)
    ]
    if severity.label in {"red", "amber"}:
        said += _limits(severity.label, pathway, own, is_adult=is_adult)
    said += [
        sentence(would(rule)) + _unknown_usual(rule.conditions, own)
        for rule in pathway.rules
        if rule.severity is severity
    ]
    return said


def _holds(rule: Rule, own: Own | None, *, is_adult: bool) -> bool:
    if rule.name in ONLY_WHERE_SCORED or (rule.bound is not None and rule.of != {"glucose"}):
        return is_adult
    if own is not None and rule.name.startswith("spo2_critical"):
        return is_adult and rule.name.endswith("scale_2") == (own.scale == 2)
    return True


def _floor(rule: Rule) -> str:
    if rule.name in WORDS:
        return WORDS[rule.name]
    text = re.sub(r"\{news2\}", "NEWS2", rule.says.replace("NEWS2 {news2}", "{news2}"))
    return sentence(re.sub(r"\{(\w+)\}", lambda found: LABELS.get(found[1], ""), text))


def _limits(colour: str, pathway: Pathway, own: Own | None, *, is_adult: bool) -> list[str]:
    drawn = own.lines if own is not None else {}
    said = []
    for vital in LIMITED:
        usual = _default(vital, pathway, own) if is_adult else Lines()
        for line in (line for line in LINES if line.startswith(colour)):
            decided = getattr(drawn.get(vital, Lines()), line)
            bound = decided if decided is not None else getattr(usual, line)
            if bound is None:
                continue
            side = "less" if line.endswith("low") else "more"
            whose = "the plan's limit" if decided is not None else "limit"
            on_oxygen = " on oxygen" if vital == "spo2" and side == "more" and decided is None else ""
            said.append(
                f"{sentence(LABELS[vital])} {shown(vital, bound)} {UNITS[vital]} or {side}{on_oxygen} ({whose})"
            )
    return said


def _default(vital: str, pathway: Pathway, own: Own | None) -> Lines:
    if vital != "spo2":
        return pathway.limits.get(vital, Lines())
    if own is not None and own.scale == 2:
        return SCALE_2
    return Lines(red_low=pathway.spo2.red_low, amber_low=pathway.spo2.amber_low)


def _unknown_usual(conditions: Iterable[object], own: Own | None) -> str:
    """A rule against a usual value that nobody has set says nothing, and here it says so."""
    needed = [one.vital for one in conditions if isinstance(one, FromUsual)]
    if own is None:
        return ""
    return "".join(f" (never yet: no usual {_label(vital)} is known)" for vital in needed if vital not in own.usual)


def _silence(pathway: Pathway, own: Own | None) -> list[str]:
    if not (times_for(pathway.readings_per_day) if own is None else own.times):
        return ["No readings are expected: none is overdue"]
    expected = "" if own is None or not own.expects else f" of {', '.join(_label(one) for one in sorted(own.expects))}"
    return [
        f"Overdue {GRACE.seconds // 60} min after a set{expected} was due",
        f"A welfare check (red) after two slots or {WELFARE_CHECK_AFTER.days * 24} h without one",
    ]


def _label(name: str) -> str:
    return "NEWS2" if name == NEWS2 else LABELS.get(name, name)


def _usual(name: str, value: int) -> str:
    return str(value) if name == NEWS2 else f"{shown(name, value)} {UNITS[name]}"


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
