"""Accepted values: what shows amber and what never does; a plain reading of the policy is held against the arrays."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from alert_rules.accepted import BEYOND, NEVER, Accepted, accepted_values, critical_at, with_accepted
from alert_rules.engine import with_pathways
from alert_rules.explain import reasons
from alert_rules.kinds import PathwayRule, Points, Value
from alert_rules.limits import LIMITED, LOW
from alert_rules.news2 import CHARTS, RED
from alert_rules.severity import SINGLE_RED, Facts, Rule, Severity, Verdicts, judge
from alert_rules.vitals import PARAMETERS
from tests.alert_rules.examples import CENTRE, EDGES, VITALS, but, examples, worse_values
from tests.alert_rules.judged import facts_of
from tests.spec.accepted import ACCEPTED, UNTIL, Relieved, down_to, words
from tests.spec.severity import Given

OF_ITS_OWN = (
    PathwayRule("slow", Severity.RED, (Value("pulse", 45, False),)),
    PathwayRule("low_pressure_points", Severity.AMBER_PLUS, (Points("systolic", 2),)),
    PathwayRule("slow_and_low", Severity.RED, (Value("pulse", 45, False), Value("systolic", 100, False))),
    PathwayRule("very_hot", Severity.CRITICAL, (Value("temperature", 395, True),)),
)


def judged(*sets: tuple[Given, Accepted | None]) -> tuple[Facts, Verdicts]:
    """Sets with what is accepted at each, and what the rules say of them."""
    facts = replace(facts_of([one for one, _ in sets]), accepted=accepted_values([accepted for _, accepted in sets]))
    return facts, with_accepted(with_pathways(judge(facts), [(OF_ITS_OWN, facts.adult)], facts), facts)


def severity(one: Given, accepted: Accepted | None) -> Severity:
    return Severity(int(judged((one, accepted))[1].severity[0]))


def accepted_of_any() -> st.SearchStrategy[Accepted]:
    """A value near an edge of its chart, on either side, or far off."""
    chance = Random(2)
    some = []
    for vital, edges in (EDGES | {"spo2": (83, 88, 91, 92, 95)}).items():
        for high in (False, True):
            near = [edge + step for edge in edges for step in (-3, -1, 0, 2)]
            some += [Accepted(vital, high, chance.choice(near), "Dr Osei", UNTIL) for _ in range(6)]
    return st.sampled_from(some)


def plainly(one: Given, accepted: Accepted) -> Severity:
    """The policy, word for word, of one set."""
    facts, verdicts = judged((one, None))
    row = LIMITED.index(accepted.vital)
    value, known = int(facts.limited[row, 0]), bool(facts.limited_known[row, 0])
    is_within = known and (value <= accepted.value if accepted.high else value >= accepted.value)
    scale = 2 if one.scale == 2 else 1
    severities = [Severity.NONE]
    for rule in verdicts.rules(0):
        is_between = Severity.AMBER < rule.severity < Severity.CRITICAL
        shows_amber = is_within and is_between and _is_of(rule, accepted, facts, value, scale)
        severities.append(Severity.AMBER if shows_amber else rule.severity)
    return max(severities)


def _is_of(rule: Rule | PathwayRule, accepted: Accepted, facts: Facts, value: int, scale: int) -> bool:
    vital, side = accepted.vital, "high" if accepted.high else "low"
    if (vital, accepted.high) in NEVER:
        return False
    on_side = False
    if vital in PARAMETERS:
        chart = CHARTS[scale][PARAMETERS.index(vital)]  # type: ignore[index]
        low, high, _ = chart.bands[chart.middle]
        on_side = value > chart.in_units(high) if accepted.high else value < chart.in_units(low)
    if rule.name == SINGLE_RED:
        threes = {
            name for name, points in zip(PARAMETERS, facts.news2.points[:, 0].tolist(), strict=True) if points == RED
        }
        return threes == {vital} and on_side
    if isinstance(rule, PathwayRule):
        (first, *more) = rule.conditions
        if more:
            return False
        return (isinstance(first, Value) and (first.vital, first.high) == (vital, accepted.high)) or (
            isinstance(first, Points) and first.vital == vital and on_side
        )
    if rule.name.startswith(f"{vital}_red_"):
        return rule.name.endswith(side)
    return rule.of == {vital} and rule.bound is not None and rule.bound[1] == accepted.high


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: f"{row.given}; {words(row.accepted)}")
def test_each_example_is_as_bad_as_the_page_says(row: Relieved) -> None:
    facts = replace(facts_of([row.given]), accepted=accepted_values([row.accepted]))
    verdicts = with_accepted(judge(facts), facts)
    assert (Severity(int(verdicts.severity[0])).label, tuple(rule.name for rule in verdicts.told(0))) == (
        row.severity, row.rules,
    )  # fmt: skip
    assert max((rule.severity for rule in verdicts.rules(0)), default=Severity.NONE).label == row.severity


def test_what_is_only_amber_says_who_accepted_it_and_what_is_beyond_says_so() -> None:
    accepted = down_to("systolic", "88")
    facts, verdicts = judged((Given(systolic="88"), accepted), (Given(systolic="86"), accepted))
    within = {one["rule"]: one for one in reasons(facts, verdicts, 0, accepted=accepted)}
    assert within["systolic_low"] == {
        "rule": "systolic_low",
        "severity": "amber",
        "text": "Systolic blood pressure 88 mmHg (90 or less): accepted down to 88 by Dr Osei until 14 Mar 12:00",
    }
    beyond = {one["rule"]: one["text"] for one in reasons(facts, verdicts, 1, accepted=accepted)}
    assert beyond["systolic_low"] == "Systolic blood pressure 86 mmHg (90 or less)"
    assert beyond["systolic_beyond_accepted_low"] == (
        "Systolic blood pressure 86 mmHg: beyond what is accepted (down to 88)"
    )


@given(examples(), accepted_of_any(), st.sampled_from(VITALS), st.data())
def test_making_any_vital_worse_never_lowers_severity_whatever_is_accepted(
    one: Given, accepted: Accepted, vital: str, data: st.DataObject
) -> None:
    assume(getattr(one, vital) != "-")
    worse = but(one, vital, data.draw(worse_values(one, vital)))
    assert severity(worse, accepted) >= severity(one, accepted)
    before, after = (judged((each, accepted))[1].rules(0) for each in (one, worse))
    assert {rule.name for rule in after} >= {rule.name for rule in before}


@given(examples(), accepted_of_any())
def test_the_arrays_say_what_the_policy_says_of_each_set(one: Given, accepted: Accepted) -> None:
    assert severity(one, accepted) == plainly(one, accepted)


@example(Given(respiratory_rate="8"), Accepted("respiratory_rate", False, 7, "Dr Osei", UNTIL))
@example(Given(temperature="39.6"), Accepted("temperature", True, 400, "Dr Osei", UNTIL))  # of a pathway's own rule
@given(examples(), accepted_of_any())
def test_nothing_critical_no_total_and_no_consciousness_is_ever_relieved(one: Given, accepted: Accepted) -> None:
    without, found = severity(one, None), severity(one, accepted)
    assert found <= without  # and never adds an alert
    assert found == without or (found >= Severity.AMBER and without < Severity.CRITICAL)
    _, verdicts = judged((one, accepted))
    for rule in verdicts.rules(0):
        if rule.name in {"news2_high", "news2_medium", "new_confusion", "unresponsive"}:
            assert found >= rule.severity >= Severity.RED


@given(examples(), accepted_of_any())
def test_beyond_the_value_and_for_any_other_vital_everything_is_as_before(one: Given, accepted: Accepted) -> None:
    facts, verdicts = judged((one, accepted))
    row = LIMITED.index(accepted.vital)
    value = int(facts.limited[row, 0])
    is_within = value <= accepted.value if accepted.high else value >= accepted.value
    if not facts.limited_known[row, 0] or not is_within:
        assert severity(one, accepted) == severity(one, None)
    if not facts.limited_known[row, 0]:
        assert not any(flags.any() for _, flags in verdicts.beyond)
    unmeasured = but(one, accepted.vital, "-")
    assert severity(unmeasured, accepted) == severity(unmeasured, None)


@given(st.lists(st.tuples(examples(), st.one_of(st.none(), accepted_of_any())), min_size=1, max_size=5))
def test_many_sets_at_once_are_relieved_as_each_alone(sets: list[tuple[Given, Accepted | None]]) -> None:
    _, together = judged(*sets)
    for column, one in enumerate(sets):
        _, alone = judged(one)
        assert together.severity[column] == alone.severity[0]
        assert {(rule.name, rule.severity) for rule in together.rules(column)} == {
            (rule.name, rule.severity) for rule in alone.rules(0)
        }


def test_hypoglycaemia_is_never_accepted_and_what_is_critical_by_itself_is_known() -> None:
    assert ("glucose", False) not in BEYOND
    assert len(BEYOND) == 2 * len(LIMITED) - 1
    assert critical_at("spo2", high=False, scale=1) == 88
    assert critical_at("spo2", high=False, scale=2) == 83
    assert critical_at("respiratory_rate", high=False, scale=1) == 8
    assert critical_at("respiratory_rate", high=True, scale=1) is None
    assert critical_at("systolic", high=False, scale=1) is None
    assert {vital for vital in CENTRE if critical_at(vital, high=False, scale=1)} == {"respiratory_rate", "glucose"}
    assert LOW == 2
