"""Nearly better: ambers only, on both sides of a bound, and up to the margin and no further."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.alarms import Basis, Change, Finding, Held, State, weigh, withheld
from alert_rules.hysteresis import nearly
from alert_rules.kinds import HOUR_US, PathwayRule, Persists, Total, Value
from alert_rules.limits import LIMITED, Lines
from alert_rules.pathway import pathways
from alert_rules.severity import RULES, Severity
from tests.alert_rules.examples import examples
from tests.alert_rules.judged import facts_of
from tests.spec.severity import Given

AMBER = {rule.name for rule in RULES if rule.severity is Severity.AMBER}
RULES_OF_ITS_OWN = (
    PathwayRule("warm", Severity.AMBER, (Value("temperature", 378, True),)),
    PathwayRule("fast", Severity.AMBER, (Persists("pulse", 110, True, HOUR_US, 2, 2),)),
    PathwayRule("hot", Severity.RED, (Value("temperature", 378, True),)),
    PathwayRule("both", Severity.AMBER, (Value("pulse", 110, True), Total(2))),
)


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (Given(spo2="93"), {"spo2_amber_low"}),  # on the bound
        (Given(spo2="94"), {"spo2_amber_low"}),
        (Given(spo2="95"), set()),
        (Given(temperature="37.6"), {"warm"}),
        (Given(temperature="37.5"), set()),
        (Given(pulse="107"), {"fast"}),
        (Given(pulse="106"), set()),
        (Given(spo2="95", limits={"spo2": Lines(amber_low=94)}), {"spo2_amber_low"}),
        (Given(weight="89.80", limits={"weight": Lines(amber_high=9000)}), set()),  # no margin for it
    ],
)
def test_a_value_is_nearly_at_an_amber_bound_up_to_its_margin(one: Given, found: set[str]) -> None:
    margins = {"spo2": 1, "temperature": 2, "pulse": 3}
    assert nearly(facts_of([one]), 0, margins, RULES_OF_ITS_OWN, LIMITED) == found
    assert nearly(facts_of([one]), 0, margins, RULES_OF_ITS_OWN, ()) == set()  # not measured in this set


@given(examples(), st.sampled_from(sorted(pathways())))
def test_nothing_but_ambers_is_ever_nearly_better(one: Given, name: str) -> None:
    pathway = pathways()[name]
    own = {rule.name for rule in pathway.rules if rule.severity is Severity.AMBER}
    assert nearly(facts_of([one]), 0, pathway.hysteresis, pathway.rules, LIMITED) <= AMBER | own


@given(st.sampled_from([State.OPEN, State.ACKNOWLEDGED, State.SNOOZED]), st.sampled_from(list(Severity)[2:]))
def test_what_is_graver_than_an_amber_is_told_however_near_it_was(state: State, severity: Severity) -> None:
    basis = Basis(rules=frozenset({"spo2_amber_low"}), severity=Severity.AMBER, near=frozenset({"spo2_amber_low"}))
    _, change = weigh(Held(state, Severity.AMBER, basis), Finding(severity, rules=frozenset({"spo2_amber_low"})))
    assert change is not None
    again = Finding(Severity.AMBER, rules=frozenset({"spo2_amber_low"}))
    held, change = weigh(Held(state, Severity.AMBER, basis), again)
    assert change is None
    assert withheld(basis, again) == {"spo2_amber_low"}
    assert held is not None
    assert held.basis.near == frozenset()
    _, change = weigh(
        Held(state, Severity.AMBER, basis), Finding(Severity.AMBER, rules=frozenset({"pulse_amber_high"}))
    )
    assert change is not None
    assert change is not Change.RAISED
