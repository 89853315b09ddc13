"""Rules in pathway files: what each kind needs, and what is refused because it could never say anything."""

import re
from typing import Final

import pytest

from alert_rules.kinds import (
    HOUR_US,
    Absent,
    Answer,
    FromUsual,
    Noticed,
    PathwayRule,
    Persists,
    Points,
    Poor,
    Slope,
    Total,
    Trend,
    Value,
)
from alert_rules.pathway import WrongPathway, pathways, read
from alert_rules.sentences import would
from alert_rules.severity import RULES, Severity, Wellness
from tests.alert_rules.test_pathway import GOOD

RULE: Final = """
# Why.
[[rules]]
name = "it"
severity = "amber"
"""
LINES_BEFORE: Final = (GOOD + RULE).count("\n")


def rules(text: str) -> tuple[PathwayRule, ...]:
    return read("general", GOOD + RULE + text).rules


@pytest.mark.parametrize(
    ("text", "condition", "words"),
    [
        (
            'kind = "value"\nvital = "temperature"\nat_least = 37.8',
            Value("temperature", 378, True),
            "temperature 37.8 °C or more",
        ),
        (
            'kind = "value"\nvital = "systolic"\nat_most = 95',
            Value("systolic", 95, False),
            "systolic blood pressure 95 mmHg or less",
        ),
        ('kind = "total"\nat_least = 2', Total(2), "NEWS2 2 or more"),
        ('kind = "points"\nparameter = "pulse"\nat_least = 2', Points("pulse", 2), "pulse scores 2 or more by itself"),
        (
            'kind = "usual"\nvital = "spo2"\nbelow = 3',
            FromUsual("spo2", 3, False),
            "SpO2 3 or more below the patient's usual value",
        ),
        (
            'kind = "usual"\nvital = "news2"\nabove = 2',
            FromUsual("news2", 2, True),
            "NEWS2 2 or more above the patient's usual value",
        ),
        (
            'kind = "trend"\nvital = "weight"\nrise = 1.5\nwithin_h = 48',
            Trend("weight", 150, True, 48 * HOUR_US, 2),
            "weight rises by 1.50 kg or more within 48 h",
        ),
        (
            'kind = "slope"\nvital = "pulse"\nfall_a_day = 5\nwithin_h = 72\nspan_h = 48\nreadings = 4',
            Slope("pulse", 5, False, 72 * HOUR_US, 48 * HOUR_US, 4),
            "pulse falls by 5 /min or more a day, over 48 h or longer",
        ),
        (
            'kind = "persistence"\nvital = "pulse"\nat_least = 110\nreadings = 2\nof = 3\nwithin_h = 24',
            Persists("pulse", 110, True, 24 * HOUR_US, 2, 3),
            "pulse 110 /min or more in 2 of the last 3 readings",
        ),
        (
            'kind = "persistence"\nvital = "pulse"\nat_least = 110\nfor_h = 6\nwithin_h = 24',
            Persists("pulse", 110, True, 24 * HOUR_US, for_us=6 * HOUR_US),
            "pulse 110 /min or more for 6 h",
        ),
        (
            'kind = "absence"\nvital = "weight"\nfor_h = 36',
            Absent("weight", 36 * HOUR_US),
            "a set came, and no weight for 36 h, where the plan expects it",
        ),
        (
            'kind = "quality"\nreadings = 3\nof = 4\nwithin_h = 24',
            Poor(24 * HOUR_US, 3, 4),
            "3 of the last 4 sets of low quality or improbable",
        ),
    ],
)
def test_each_kind_is_read_and_said_in_words(text: str, condition: object, words: str) -> None:
    (rule,) = rules(text)
    assert rule == PathwayRule("it", Severity.AMBER, (condition,))  # type: ignore[arg-type]
    assert would(rule) == words


def test_a_combination_is_one_rule_of_several_conditions() -> None:
    (rule,) = rules(
        'kind = "value"\nvital = "systolic"\nat_most = 100\nprompt = "call"\n'
        '[[rules.and]]\nkind = "answer"\nat_least = "worse"'
    )
    assert rule.conditions == (Value("systolic", 100, False), Answer(Wellness.WORSE))
    assert rule.of == {"systolic", "wellness"}
    assert would(rule) == "systolic blood pressure 100 mmHg or less and feels worse or much worse: call"


VALUE: Final = 'kind = "value"\nvital = "pulse"\nat_least = 120\n'


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        (VALUE + "within_h = 4", 4, "rules[1].within_h: is unknown"),
        (VALUE + 'name = "x"', None, ""),
        ('kind = "values"', 1, "rules[1].kind: must be one of value, total, points, usual, trend, slope"),
        ('kind = "value"\nvital = "puls"', 2, "rules[1].vital: must be one of respiratory_rate,"),
        ('kind = "value"\nvital = "pulse"', 1, "rules[1].kind: needs either at_least or at_most"),
        (VALUE + "at_most = 100", 4, "rules[1].at_most: needs either at_least or at_most"),
        (VALUE.replace("120", "400"), 3, "rules[1].at_least: can never be measured: 0 to 350 can"),
        (VALUE.replace("120", "0"), 3, "rules[1].at_least: fires on everything that can be measured"),
        (VALUE.replace("120", "120.5"), 3, "rules[1].at_least: is finer than pulse is held against limits: 1"),
        (VALUE.replace("120", "inf"), 3, "rules[1].at_least: must be a number"),
        (VALUE.replace("120", "nan"), 3, "rules[1].at_least: must be a number"),
        (VALUE.replace("120", "131"), -1, "rules[1].severity: says nothing new: pulse_high is as bad, and fires"),
        ('kind = "total"\nat_least = 3', -1, "rules[1].severity: says nothing new: NEWS2 3 or more is as bad"),
        ('kind = "total"\nat_least = 21', 2, "rules[1].at_least: must be 1 to 20"),
        ('kind = "answer"\nat_least = "worse"', -1, "rules[1].severity: says nothing new: the daily question"),
        ('kind = "points"\nparameter = "oxygen"\nat_least = 3', 3, "rules[1].at_least: can never fire: oxygen"),
        ('kind = "points"\nparameter = "pulse"\nat_least = 3', -1, "rules[1].severity: says nothing new: a single 3"),
        ('kind = "usual"\nvital = "spo2"\nbelow = 100', 3, "rules[1].below: must be more than 0 and less than 100"),
        ('kind = "usual"\nvital = "news2"\nbelow = 2', -3, "rules[1].above: is missing"),
        ('kind = "trend"\nvital = "weight"\nrise = 0\nwithin_h = 4', 3, "rules[1].rise: must be more than 0"),
        ('kind = "trend"\nvital = "weight"\nrise = 1\nwithin_h = 169', 4, "rules[1].within_h: must be 1 to 168"),
        (
            'kind = "trend"\nvital = "weight"\nrise = 1\nwithin_h = 9\nreadings = 14', 5,
            "rules[1].readings: must be 2 to 13",
        ),
        (
            'kind = "slope"\nvital = "pulse"\nrise_a_day = 5\nwithin_h = 24\nspan_h = 48\nreadings = 3', 5,
            "rules[1].span_h: can never fire: it is longer than within_h",
        ),
        (
            'kind = "persistence"\nvital = "pulse"\nat_least = 110\nreadings = 4\nof = 3\nwithin_h = 24', 4,
            "rules[1].readings: must be 2 to 3",
        ),
        (
            'kind = "persistence"\nvital = "pulse"\nat_least = 110\nfor_h = 25\nwithin_h = 24', 4,
            "rules[1].for_h: can never fire: it is longer than within_h",
        ),
        (
            VALUE + '[[rules.and]]\nkind = "value"\nvital = "pulse"\nat_most = 100', 6,
            "rules[1].and[1].vital: can never fire: no value is beyond both bounds",
        ),
        (
            'kind = "absence"\nvital = "weight"\nfor_h = 4\n[[rules.and]]\n'
            'kind = "trend"\nvital = "weight"\nrise = 1\nwithin_h = 9', 6,
            "rules[1].and[1].vital: can never fire: it would be measured and not measured",
        ),
        (VALUE + '[[rules]]\nname = "it"\nseverity = "red"\n' + VALUE, 5, "rules[2].name: stands twice"),
        (VALUE + '[[rules]]\nname = "b"\nseverity = "red"\n' + VALUE, 5, "rules[2].name: is the same rule as it"),
        (
            VALUE + '[[rules]]\nname = "b"\nseverity = "red"\n' + VALUE.replace("120", "115"), -1,
            "rules[1].severity: says nothing new: b is as bad",
        ),
        (
            VALUE + "[limits.pulse]\namber_high = 115", -1,
            "rules[1].severity: says nothing new: limits.pulse.amber_high is as bad",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_or_can_say_nothing_is_refused_by_its_line(
    text: str, line: int | None, fault: str
) -> None:
    """`line`: from the rule's first own line on; its name is line -2, its severity line -1, its table -3."""
    if line is None:  # not TOML: a key stands twice
        with pytest.raises(WrongPathway, match="Cannot overwrite a value"):
            rules(text)
        return
    at = LINES_BEFORE + (line if line > 0 else line + 1)
    with pytest.raises(WrongPathway, match=rf"^general\.toml:{at}: {re.escape(fault)}"):
        rules(text)


@pytest.mark.parametrize("name", ["News2", "a b", "", "pulse_high"])
def test_a_rules_name_is_its_own(name: str) -> None:
    with pytest.raises(WrongPathway, match=rf"^general\.toml:{LINES_BEFORE - 1}: rules\[1\].name: "):
        read("general", GOOD + RULE.replace('"it"', f'"{name}"') + VALUE)


def test_the_pathways_together_use_every_kind_of_rule_but_those_of_single_points_and_every_severity() -> None:
    every = [rule for pathway in pathways().values() for rule in pathway.rules]
    kinds = {type(condition) for rule in every for condition in rule.conditions}
    assert kinds == {Value, Total, FromUsual, Trend, Slope, Persists, Answer, Noticed, Absent, Poor}
    assert {rule.severity for rule in every} == set(Severity) - {Severity.NONE}
    assert {rule.name for rule in every}.isdisjoint(rule.name for rule in RULES)


@pytest.mark.parametrize(
    ("wanted", "condition", "words"),
    [
        ('sign = "off_legs"', Noticed("off_legs"), "off legs: cannot get about as usual, told within 24 h"),
        ("at_least = 2", Noticed(count=2), "2 soft signs or more, told within 24 h"),
    ],
)
def test_soft_signs_are_combined_with_what_is_measured(wanted: str, condition: Noticed, words: str) -> None:
    (rule,) = rules(f'kind = "soft_signs"\n{wanted}\n[[rules.and]]\nkind = "total"\nat_least = 2')
    assert rule.conditions == (condition, Total(2))
    assert would(rule) == f"{words} and NEWS2 2 or more"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('sign = "pale"', "sign"),
        ('sign = "off_legs"\nat_least = 1', "needs either sign or at_least"),
        ("", "needs either sign or at_least"),
        ("at_least = 99", "at_least"),
        ('sign = "off_legs"', "signs alone alert in the moment they are told"),
    ],
    ids=str,
)
def test_a_rule_of_soft_signs_that_says_nothing_is_refused(text: str, reason: str) -> None:
    with pytest.raises(WrongPathway, match=reason):
        rules(f'kind = "soft_signs"\n{text}')
