"""What must hold of severity whatever the set, the plan and the pathway."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from alert_rules.severity import Severity
from tests.alert_rules.examples import NORMAL, VITALS, but, examples, worse_values
from tests.alert_rules.judged import judged, rules_of, severity_of
from tests.spec.severity import Given


@given(examples(), st.sampled_from(VITALS), st.data())
def test_making_a_vital_worse_never_lowers_severity_nor_lifts_a_rule(
    one: Given, vital: str, data: st.DataObject
) -> None:
    assume(getattr(one, vital) != "-")
    worse = but(one, vital, data.draw(worse_values(one, vital)))
    assert severity_of(worse) >= severity_of(one)
    assert set(rules_of(worse)) >= set(rules_of(one))


@given(examples(), st.sampled_from(VITALS))
def test_measuring_something_normal_never_raises_severity(one: Given, vital: str) -> None:
    assume(getattr(one, vital) == "-" and (vital != "spo2" or one.scale == 2))
    more = but(one, vital, NORMAL[vital])
    assert severity_of(more) <= severity_of(one)


@given(examples(), st.sampled_from(VITALS))
def test_measuring_less_never_raises_severity_but_for_oxygen_that_is_then_assumed(one: Given, vital: str) -> None:
    assume(vital != "oxygen" or one.prescribed == "-")
    less = but(one, vital, "-")
    assert severity_of(less) <= severity_of(one)
    assert set(rules_of(less)) <= set(rules_of(one))


@given(examples(), st.data())
def test_a_rule_fires_on_nothing_but_what_it_names(one: Given, data: st.DataObject) -> None:
    named = [rule for rule in rules_of(one) if rule.of]
    assume(named)
    rule = data.draw(st.sampled_from(named))
    for vital in rule.of:
        without = but(but(one, vital, "-"), "prescribed", "-")
        assert rule not in rules_of(without)
    for vital in set(VITALS) - rule.of - {"oxygen"}:  # which lines SpO2 has depends on it
        assert rule in rules_of(but(one, vital, "-"))


@given(examples())
def test_silence_about_prescribed_oxygen_is_never_better_than_air(one: Given) -> None:
    on_air = replace(one, oxygen="air", prescribed="2")
    assert severity_of(replace(on_air, oxygen="-")) >= severity_of(on_air)


@given(st.lists(examples(), min_size=1, max_size=4))
def test_many_sets_at_once_are_judged_as_each_alone(sets: list[Given]) -> None:
    _, together = judged(*sets)
    for column, one in enumerate(sets):
        _, alone = judged(one)
        assert together.fired[:, column].tolist() == alone.fired[:, 0].tolist()
        assert together.severity[column] == alone.severity[0]
        assert together.to_complete[column] == alone.to_complete[0]


@given(examples())
def test_the_severity_is_that_of_the_worst_rule_and_leaving_rules_untold_hides_none(one: Given) -> None:
    _, verdicts = judged(one)
    assert severity_of(one) == max((rule.severity for rule in verdicts.rules(0)), default=Severity.NONE)
    assert severity_of(one) == max((rule.severity for rule in verdicts.told(0)), default=Severity.NONE)


@given(examples())
def test_comfort_care_raises_nothing(one: Given) -> None:
    _, verdicts = judged(replace(one, comfort=True))
    assert verdicts.severity.tolist() == [Severity.NONE]
    assert not verdicts.to_complete.any()
