"""Severity: the clinical table, and what must hold of any set."""

from dataclasses import replace

import numpy as np
import pytest

from alert_rules.severity import RULES, Severity, judge
from alert_rules.vitals import VitalArrays
from tests.alert_rules.judged import facts_of, judged
from tests.spec.severity import SEVERITY, TO_COMPLETE, Given, Judged, ToComplete


@pytest.mark.parametrize("row", SEVERITY, ids=lambda row: str(row.given))
def test_a_set_is_as_bad_as_the_examples_say(row: Judged) -> None:
    _, verdicts = judged(row.given)
    assert Severity(int(verdicts.severity[0])).label == row.severity
    assert tuple(rule.name for rule in verdicts.told(0)) == row.rules


@pytest.mark.parametrize("row", TO_COMPLETE, ids=lambda row: str(row.given))
def test_a_person_is_asked_to_complete_a_worrying_incomplete_score(row: ToComplete) -> None:
    facts, verdicts = judged(row.given)
    assert (facts.news2.score.tolist(), facts.news2.score_max.tolist()) == ([row.score], [row.score_max])
    assert verdicts.to_complete.tolist() == [row.asked]


def test_all_examples_together_are_judged_as_each_alone() -> None:
    _, together = judged(*(row.given for row in SEVERITY))
    assert [Severity(one).label for one in together.severity.tolist()] == [row.severity for row in SEVERITY]
    for column, row in enumerate(SEVERITY):
        assert tuple(rule.name for rule in together.told(column)) == row.rules


def test_a_flow_without_a_prescription_is_enough_where_nobody_said_on_oxygen() -> None:
    facts = facts_of([Given(oxygen="2")])
    silent = VitalArrays.of([replace(facts.vitals.at(0), on_oxygen=None)])
    assert [rule.name for rule in judge(replace(facts, vitals=silent)).told(0)] == ["oxygen_unprescribed"]


def test_every_rule_but_those_of_limits_has_an_example() -> None:
    shown = {name for row in SEVERITY for name in row.rules}
    of_limits = {rule.name for rule in RULES if rule.name.endswith(("red_low", "amber_low", "amber_high", "red_high"))}
    assert {rule.name for rule in RULES} - of_limits <= shown


def test_rules_have_names_of_their_own_and_stand_worst_first() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.severity for rule in RULES] == sorted((rule.severity for rule in RULES), reverse=True)


def test_a_rule_is_only_left_untold_for_a_graver_one() -> None:
    severity = {rule.name: rule.severity for rule in RULES}
    for rule in RULES:
        assert all(severity[graver] > rule.severity for graver in rule.unless)


def test_no_sets_get_no_verdicts() -> None:
    _, verdicts = judged()
    assert verdicts.severity.shape == (0,)
    assert verdicts.fired.shape == (len(RULES), 0)
    assert verdicts.severity.dtype == np.int8
