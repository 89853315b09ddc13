"""What was resolved and is the same: never anything worse, whatever the set, the plan and the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from alert_rules.alarms import Basis, Finding, Held, Outcome, State
from alert_rules.compose import Sets, slots
from alert_rules.engine import with_pathways
from alert_rules.kinds import Absent, Answer, PathwayRule, Poor, Total, Trend, Value
from alert_rules.limits import LIMITED, Lines
from alert_rules.news2 import RED
from alert_rules.refractory import ANSWERED, LooksAt, Resolved, is_same, looks_at, resolved
from alert_rules.refractory_arrays import Lately, looked
from alert_rules.severity import RULES, Rule, Severity, judge
from alert_rules.vitals import PARAMETERS
from tests.alert_rules.examples import VITALS, but, examples, worse_values
from tests.alert_rules.judged import facts_of
from tests.spec.severity import Given

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
OF_ITS_OWN = (
    PathwayRule("warm", Severity.AMBER, (Value("temperature", 375, True),)),
    PathwayRule("two_points", Severity.AMBER, (Total(2),)),
    PathwayRule("worse_and_warm", Severity.AMBER, (Answer(4), Value("temperature", 370, True))),  # type: ignore[arg-type]
)

Standing = list[Rule | PathwayRule]


def said(one: Given) -> tuple[Finding, Standing, dict[str, int]]:
    """What the drain makes of a set: its finding, the rules that stand, the values they look at."""
    facts = facts_of([one])
    verdicts = with_pathways(judge(facts), [(OF_ITS_OWN, facts.adult)], facts)
    rules = verdicts.rules(0)
    known = facts.vitals.known[:, 0] & facts.scorable[0]
    points = {name: int(facts.news2.points[row, 0]) for row, name in enumerate(PARAMETERS) if known[row]}
    worst = max((rule.severity for rule in rules), default=Severity.NONE)
    found = Finding(worst, points, rules=frozenset(rule.name for rule in rules if rule.of))
    values = {vital: int(facts.limited[row, 0]) for row, vital in enumerate(LIMITED) if facts.limited_known[row, 0]}
    return found, rules, values


def resolved_at_noon(one: Given, outcome: Outcome = Outcome.ADVICE) -> Resolved | None:
    found, _, values = said(one)
    basis = Basis(found.points, sum(found.points.values()), found.rules, found.severity)
    return resolved(Held(State.OPEN, found.severity, basis), outcome, values, NOON, SIX_HOURS)


def same(before: Resolved, one: Given, after: timedelta = timedelta(hours=2)) -> bool:
    return is_same(before, *said(one), NOON + after)


def _ambers() -> list[Given]:
    """Sets that are amber and no more, by one thing or by several."""
    chance = Random(3)
    values: dict[str, tuple[str, ...]] = {
        "respiratory_rate": ("16", "21", "11"), "spo2": ("97", "95", "93", "92"), "systolic": ("125", "105", "98"),
        "pulse": ("72", "91", "111", "50"), "temperature": ("36.8", "37.6", "38.2", "35.9"),
        "consciousness": ("A", "A", "-"), "oxygen": ("air", "air", "-", "1"), "weight": ("-", "70.00", "90.00"),
        "glucose": ("-", "-", "21.0"), "wellness": ("-", "-", "same", "worse"), "scale": ("1", "2"),
        "prescribed": ("-", "1"),
    }  # fmt: skip
    limits: tuple[dict[str, Lines], ...] = (
        {},
        {"weight": Lines(amber_low=7000, amber_high=9000)},
        {"pulse": Lines(amber_low=50)},
    )
    found: list[Given] = []
    while len(found) < 400:
        drawn: dict[str, Any] = {name: chance.choice(choices) for name, choices in values.items()}
        one = Given(**drawn | {"scale": int(drawn["scale"])}, limits=chance.choice(limits))
        if said(one)[0].severity is Severity.AMBER:
            found.append(one)
    return found


AMBER = st.sampled_from(_ambers())


@given(AMBER, st.data())
def test_nothing_worse_is_ever_the_same(one: Given, data: st.DataObject) -> None:
    before = resolved_at_noon(one)
    assert before is not None
    worse = one
    for vital in data.draw(st.lists(st.sampled_from(VITALS), min_size=1, max_size=2)):
        assume(getattr(worse, vital) != "-")
        worse = but(worse, vital, data.draw(worse_values(worse, vital)))
    if not same(before, worse):
        return
    (was, _, old), (now, rules, values) = said(one), said(worse)
    assert now.severity is Severity.AMBER
    assert now.rules <= was.rules
    for rule in rules:
        assert rule.severity is Severity.AMBER
        assert not rule.of or all(values[vital] == old[vital] for vital in rule.of)  # worse, or the same, is the same
        if not rule.of:
            assert all(scored <= was.points.get(name, 0) for name, scored in now.points.items())
            assert RED not in now.points.values()


@given(AMBER, st.one_of(AMBER, examples()))
def test_of_two_sets_only_what_is_no_worse_in_anything_that_fires_is_the_same(one: Given, other: Given) -> None:
    before = resolved_at_noon(one)
    assert before is not None
    if same(before, other):
        (was, _, _), (now, rules, _) = said(one), said(other)
        assert now.severity is Severity.AMBER
        assert now.rules <= was.rules
        assert not {rule.name for rule in rules} & {"wellness_worse", "worse_and_warm"}


@given(AMBER)
def test_the_very_same_is_the_same_in_its_time_but_for_answers(one: Given) -> None:
    before = resolved_at_noon(one)
    assert before is not None
    expected = one.wellness != "worse"
    assert same(before, one) is expected
    assert same(before, one, timedelta(0)) is expected
    assert not same(before, one, SIX_HOURS)
    assert not same(before, one, timedelta(seconds=-1))


@given(examples(), st.sampled_from(Outcome))
def test_nothing_is_kept_of_what_was_worse_than_amber_or_nobody_saw_to(one: Given, outcome: Outcome) -> None:
    before = resolved_at_noon(one, outcome)
    assert (before is not None) == (outcome in ANSWERED and said(one)[0].severity <= Severity.AMBER)


def test_a_rule_that_did_not_stand_is_another_one_though_no_value_is_worse() -> None:
    rises = PathwayRule("rises", Severity.AMBER, (Trend("weight", 150, True, 1, 2),))
    found = Finding(Severity.AMBER, rules=frozenset({"rises"}))
    before = Resolved(NOON, NOON + SIX_HOURS, frozenset(), {"weight": 7200})
    assert not is_same(before, found, [rises], {"weight": 7200}, NOON)
    assert is_same(replace(before, rules=found.rules), found, [rises], {"weight": 7200}, NOON)
    assert not is_same(replace(before, rules=found.rules), found, [rises], {"weight": 7201}, NOON)


def test_without_a_time_nothing_is_kept() -> None:
    held = Held(State.OPEN, Severity.AMBER, Basis())
    assert resolved(held, Outcome.ADVICE, {}, NOON, None) is None
    graver = Held(State.OPEN, Severity.AMBER, Basis(severity=Severity.RED))
    assert resolved(graver, Outcome.ADVICE, {}, NOON, SIX_HOURS) is None


def test_every_amber_of_every_pathway_is_about_values_points_or_never_let_pass() -> None:
    never = {rule.name for rule in RULES if rule.severity is Severity.AMBER and looks_at(rule) is None}
    assert never == {"wellness_worse"}
    rise = PathwayRule("rise", Severity.AMBER, (Trend("weight", 150, True, 1, 2), Total(3)))
    assert looks_at(rise) == LooksAt(frozenset({("weight", True)}), points=True)
    for condition in (Absent("weight", 1), Poor(1, 2, 3)):
        assert looks_at(PathwayRule("it", Severity.AMBER, (Value("weight", 1, True), condition))) is None


@given(AMBER, st.one_of(AMBER, examples()), st.sampled_from([0, 1, 120, 359, 360]))
def test_many_at_once_say_what_one_says_alone(one: Given, other: Given, after_min: int) -> None:
    before = resolved_at_noon(one)
    assert before is not None
    facts = facts_of([one, other])
    verdicts = with_pathways(judge(facts), [(OF_ITS_OWN, facts.adult)], facts)
    values, known = slots(facts.vitals, np.zeros(2, np.bool_))
    values[:, 1], known[:, 1] = 0, False  # what the second measured comes after
    sets = Sets(np.zeros(2, np.intp), np.array([0, 0]), values, known, np.zeros(2, np.bool_))
    looked_at = looked(sets, facts, verdicts, SIX_HOURS)
    assert looked_at is not None
    was, now = said(one)[0], said(other)[0]
    names = sorted(was.rules | now.rules)
    bits = [np.array([[sum(2 << names.index(name) for name in found.rules)]], np.uint64) for found in (was, now)]
    scored = [np.array([[found.points.get(name, -1) for name in PARAMETERS]], np.int8) for found in (was, now)]
    lately, first, second = Lately.of(looked_at, 1, 1, len(PARAMETERS)), np.array([0]), np.array([1])
    lately.keep(first, second, np.array([0]), np.array([True]), (bits[0], scored[0]))
    minute_us = 60_000_000
    found = lately.cover(first, second, np.array([after_min * minute_us]), bits[1], scored[1])
    assert bool(found[0]) is same(before, other, timedelta(minutes=after_min))
