"""The life of an alert: what people may do when, and what a new set does to an alert that somebody holds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alert_rules.alarms import (
    ACKNOWLEDGE_WITHIN,
    COMPLETE_THE_SET,
    ENDED,
    NEXT,
    TECHNICAL,
    Change,
    Finding,
    Held,
    Kind,
    NotNow,
    State,
    acknowledge,
    act,
    diagram,
    due_at,
    go,
    resolve,
    weigh,
)
from alert_rules.severity import RULES, Severity
from tests.alert_rules.examples import but, examples, worse_values
from tests.alert_rules.judged import judged
from tests.spec.severity import Given

NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
ANSWERED: Final = (State.ACKNOWLEDGED, State.ACTIONED, State.SNOOZED)
RAISED: Final = tuple(severity for severity in Severity if severity)

# --- states


def test_every_state_says_where_it_may_go_and_only_ended_ones_go_nowhere() -> None:
    assert set(NEXT) == set(State)
    assert {state for state, to in NEXT.items() if not to} == ENDED


def test_from_every_state_an_alert_can_end() -> None:
    for state in set(State) - ENDED:
        assert NEXT[state] & ENDED


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_an_alert_goes_where_its_state_allows_and_nowhere_else(state: State, to: State) -> None:
    if to in NEXT[state]:
        assert go(state, to) is to
    else:
        with pytest.raises(NotNow, match=f"^the alert is {state}$"):
            go(state, to)


@pytest.mark.parametrize(
    ("answer", "to", "states"),
    [
        (acknowledge, State.ACKNOWLEDGED, {State.OPEN, State.SNOOZED}),
        (act, State.ACTIONED, {State.OPEN, State.ACKNOWLEDGED, State.ACTIONED, State.SNOOZED}),
        (resolve, State.RESOLVED, {State.OPEN, State.ACKNOWLEDGED, State.ACTIONED, State.SNOOZED}),
    ],
)
def test_what_people_may_do_in_which_state(answer: Callable[[State], State], to: State, states: set[State]) -> None:
    for state in State:
        if state in states:
            assert answer(state) is to
        else:
            with pytest.raises(NotNow):
                answer(state)


def test_only_technical_alerts_end_by_themselves() -> None:
    assert {Kind.OVERDUE, Kind.DEVICE, Kind.DATA_QUALITY} == TECHNICAL


def test_the_diagram_draws_every_transition_and_each_once() -> None:
    lines = [line.strip() for line in diagram().splitlines()]
    drawn = {(source, to) for source, to in (line.split(" --> ") for line in lines[1:])}
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == len(drawn) + 1
    ends = {("[*]", "open"), ("resolved", "[*]"), ("expired", "[*]")}
    assert drawn == {(str(state), str(to)) for state, targets in NEXT.items() for to in targets} | ends


# --- deadlines


@pytest.mark.parametrize(
    ("severity", "acknowledge_min", "act_min"),
    [
        (Severity.CRITICAL, 5, 15),
        (Severity.RED, 15, 60),
        (Severity.AMBER_PLUS, 30, 120),
        (Severity.AMBER, 60, 8 * 60),
    ],
)
def test_each_severity_is_acknowledged_and_acted_upon_within_its_time(
    severity: Severity, acknowledge_min: int, act_min: int
) -> None:
    assert due_at(State.OPEN, severity, NOON) == NOON + timedelta(minutes=acknowledge_min)
    assert due_at(State.ACKNOWLEDGED, severity, NOON) == NOON + timedelta(minutes=act_min)
    assert due_at(State.ACTIONED, severity, NOON) == NOON + timedelta(hours=1)


@pytest.mark.parametrize("severity", RAISED)
@pytest.mark.parametrize("state", State)
def test_something_is_owed_exactly_while_an_alert_is_open_or_in_hand(state: State, severity: Severity) -> None:
    waits = state in {State.OPEN, State.ACKNOWLEDGED, State.ACTIONED}
    assert (due_at(state, severity, NOON) is not None) == waits


def test_worse_is_answered_sooner() -> None:
    within = [ACKNOWLEDGE_WITHIN[severity] for severity in sorted(RAISED)]
    assert within == sorted(within, reverse=True)


# --- what a new set does

RED: Final = Finding(
    Severity.RED, {"pulse": 3, "spo2": 2, "systolic": 0}, rules=frozenset({"pulse_high", "spo2_amber_low"})
)
AMBER: Final = Finding(Severity.AMBER, {"pulse": 2, "spo2": 1, "systolic": 0}, cleared=RED.rules)
WELL: Final = Finding(
    Severity.NONE, {"pulse": 0, "spo2": 0, "systolic": 0}, cleared=RED.rules | {"weight_red_high", COMPLETE_THE_SET}
)


def held_in(state: State, found: Finding = RED) -> Held:
    """An alert that one finding raised."""
    held, _ = weigh(None, found)
    assert held is not None
    return replace(held, state=state)


def but_with(found: Finding, **points: int) -> Finding:
    """The same finding with other points."""
    return replace(found, points={**found.points, **points})


def test_nothing_found_raises_nothing() -> None:
    assert weigh(None, WELL) == (None, None)


@pytest.mark.parametrize("ended", [None, held_in(State.RESOLVED), held_in(State.EXPIRED)])
def test_a_finding_raises_an_alert_where_none_is_open(ended: Held | None) -> None:
    held, change = weigh(ended, AMBER)
    assert held is not None
    assert (held.state, held.severity, held.basis.score, change) == (State.OPEN, Severity.AMBER, 3, Change.RAISED)


def test_a_graver_finding_steps_an_open_alert_up() -> None:
    held, change = weigh(held_in(State.OPEN), replace(RED, severity=Severity.CRITICAL))
    assert held is not None
    assert (held.state, held.severity, change) == (State.OPEN, Severity.CRITICAL, Change.STEPPED_UP)


WORSE: Final = [
    pytest.param(replace(RED, severity=Severity.CRITICAL), id="severity"),
    pytest.param(but_with(RED, systolic=2), id="score +2"),
    pytest.param(but_with(AMBER, systolic=3), id="red parameter"),
    pytest.param(but_with(RED, spo2=3), id="red parameter, score +1"),
    pytest.param(replace(RED, rules=RED.rules | {"weight_red_high"}), id="red limit"),
    pytest.param(Finding(Severity.AMBER, rules=frozenset({"weight_amber_high"})), id="amber limit"),
    pytest.param(Finding(Severity.AMBER, {"temperature": 2}, rules=RED.rules), id="score +2, of another parameter"),
    pytest.param(replace(RED, rules=RED.rules | {COMPLETE_THE_SET}), id="newly to be completed"),
    pytest.param(replace(RED, by_itself=True), id="told by itself"),
]


@pytest.mark.parametrize("state", ANSWERED)
@pytest.mark.parametrize("worse", WORSE)
def test_worse_than_what_somebody_took_on_is_never_silent(state: State, worse: Finding) -> None:
    held, change = weigh(held_in(state), worse)
    assert held is not None
    assert (held.state, change) == (State.OPEN, Change.WORSENED)
    assert held.severity is max(Severity.RED, worse.severity)


@pytest.mark.parametrize("worse", WORSE)
def test_worse_is_news_though_nobody_has_answered_yet(worse: Finding) -> None:
    held, change = weigh(held_in(State.OPEN), worse)
    assert held is not None
    assert held.state is State.OPEN
    assert change is (Change.STEPPED_UP if worse.severity is Severity.CRITICAL else Change.WORSENED)


SAME: Final = [
    RED,
    AMBER,
    WELL,
    but_with(RED, systolic=1),
    Finding(Severity.NONE, {"systolic": 2}),  # what raises nothing by itself is no worsening
    Finding(Severity.AMBER, assumed={"pulse": 2, "spo2": 3}, rules=frozenset({"spo2_amber_low"})),  # they are known
]


@pytest.mark.parametrize("state", [State.OPEN, *ANSWERED])
@pytest.mark.parametrize("same", SAME)
def test_no_worse_than_what_somebody_took_on_stays_with_them(state: State, same: Finding) -> None:
    held, change = weigh(held_in(state), same)
    assert held is not None
    assert (held.state, held.severity, change) == (state, Severity.RED, None)


def test_a_climb_point_by_point_is_worse_once_it_adds_up() -> None:
    held, first = weigh(held_in(State.ACKNOWLEDGED), but_with(RED, systolic=1))
    assert first is None
    assert weigh(held, but_with(RED, systolic=2))[1] is Change.WORSENED


def test_points_that_move_from_one_parameter_to_another_are_no_climb() -> None:
    moved = Finding(Severity.AMBER, {"pulse": 1, "spo2": 1, "systolic": 2})
    held = held_in(State.ACKNOWLEDGED, Finding(Severity.AMBER, {"pulse": 2, "spo2": 2, "systolic": 0}))
    once, change = weigh(held, moved)
    assert change is None
    assert weigh(once, moved)[1] is None


@pytest.mark.parametrize("state", ANSWERED)
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Finding(Severity.NONE, {"pulse": 0}), Finding(Severity.AMBER_PLUS, {"pulse": 3})),
        (Finding(Severity.NONE, cleared=frozenset({"pulse_high"})), Finding(Severity.RED, rules=RED.rules)),
        (AMBER, RED),
        (WELL, AMBER),
    ],
    ids=["a parameter of a set that is not whole", "a limit", "in part", "whole"],
)
def test_worsening_counts_from_what_was_measured_to_be_better(state: State, better: Finding, worse: Finding) -> None:
    held, change = weigh(held_in(state), better)
    assert change is None
    assert weigh(held, worse)[1] is Change.WORSENED


def test_what_was_not_measured_again_is_no_better() -> None:
    held, _ = weigh(held_in(State.ACKNOWLEDGED), Finding(Severity.NONE, {"spo2": 0, "systolic": 0}))
    assert held is not None
    assert held.basis.points["pulse"] == 3
    assert weigh(held, Finding(Severity.RED, {"pulse": 3}, rules=frozenset({"pulse_high"})))[1] is None


def test_after_nothing_fired_any_more_an_alert_opens_again_as_bad_as_what_opens_it() -> None:
    critical = replace(RED, severity=Severity.CRITICAL)
    held, _ = weigh(held_in(State.ACKNOWLEDGED, critical), WELL)
    assert held is not None
    assert held.severity is Severity.CRITICAL  # until then it stands as it was
    again, _ = weigh(held, AMBER)
    assert again is not None
    assert (again.state, again.severity) == (State.OPEN, Severity.AMBER)


def test_after_an_improvement_in_part_it_opens_again_as_bad_as_it_was() -> None:
    held, _ = weigh(held_in(State.ACKNOWLEDGED, replace(RED, severity=Severity.CRITICAL)), AMBER)
    again, _ = weigh(held, RED)
    assert again is not None
    assert again.severity is Severity.CRITICAL


def test_an_alert_that_nobody_answered_stays_as_bad_as_it_was() -> None:
    held, _ = weigh(held_in(State.OPEN), WELL)
    again, change = weigh(held, AMBER)
    assert again is not None
    assert (again.severity, change) == (Severity.RED, Change.WORSENED)


# --- and whatever is found

VITALS: Final = ("pulse", "spo2", "systolic", "temperature")
NAMES: Final = ("pulse_high", "spo2_red_low", "weight_red_high", COMPLETE_THE_SET)


@st.composite
def found_by_chance(draw: st.DrawFn) -> Finding:
    """Any finding that the rules could make: severe where something fires."""
    points = draw(st.dictionaries(st.sampled_from(VITALS), st.integers(0, 3)))
    rules = draw(st.frozensets(st.sampled_from(NAMES)))
    fires = bool(rules - {COMPLETE_THE_SET}) or sum(points.values()) >= 3
    severity = draw(st.sampled_from(RAISED)) if fires else Severity.NONE
    cleared = draw(st.frozensets(st.sampled_from(NAMES)))
    return Finding(severity, points, rules=rules if fires else frozenset(), cleared=cleared - rules)


findings = found_by_chance()
raising = findings.filter(lambda one: bool(one.severity))
whole = found_by_chance().map(
    lambda one: replace(one, points={**dict.fromkeys(VITALS, 0), **one.points}, cleared=frozenset(NAMES) - one.rules)
)


@st.composite
def alerts_after_some_sets(draw: st.DrawFn) -> Held:
    """An alert in any state, with anything that may have come before."""
    held = held_in(State.OPEN, draw(raising))
    for one in draw(st.lists(findings, max_size=4)):
        after, _ = weigh(held, one)
        assert after is not None
        held = replace(after, state=draw(st.sampled_from([after.state, State.ACKNOWLEDGED])))
    return replace(held, state=draw(st.sampled_from(State)))


alerts = alerts_after_some_sets()


@given(alerts.filter(lambda one: one.state not in ENDED), st.lists(findings, max_size=6))
def test_nothing_but_a_person_closes_and_severity_falls_only_where_nothing_had_fired(
    alert: Held, found: list[Finding]
) -> None:
    for one in found:
        after, change = weigh(alert, one)
        assert after is not None
        assert after.state in {alert.state, State.OPEN}
        assert after.severity >= one.severity or change is None
        if after.severity < alert.severity:
            assert (change, alert.basis.severity, after.severity) == (Change.WORSENED, Severity.NONE, one.severity)
        alert = after


@given(alerts, findings)
def test_one_finding_twice_changes_nothing_the_second_time(alert: Held, found: Finding) -> None:
    once, _ = weigh(alert, found)
    assert weigh(once, found) == (once, None)


@given(raising, st.lists(st.tuples(findings, st.booleans(), st.booleans()), max_size=8))
def test_when_somebody_answers_makes_no_difference_to_what_is_news(
    first: Finding, then: list[tuple[Finding, bool, bool]]
) -> None:
    one = other = held_in(State.OPEN, first)
    for found, answer_one, answer_other in then:
        one, other = (
            replace(held, state=State.ACKNOWLEDGED) if answer else held
            for held, answer in ((one, answer_one), (other, answer_other))
        )
        (one, change), (other, other_change) = weigh(one, found), weigh(other, found)  # type: ignore[assignment]
        assert (change is None) == (other_change is None)
        assert one.basis == other.basis


@given(alerts.filter(lambda one: one.state not in ENDED), st.booleans(), raising)
def test_who_was_well_in_between_and_is_ill_again_is_never_silent(
    alert: Held, answered_before: bool, found: Finding
) -> None:
    well = Finding(Severity.NONE, dict.fromkeys(VITALS, 0), cleared=frozenset(NAMES))
    if answered_before:
        alert = replace(alert, state=State.ACKNOWLEDGED)
    better, _ = weigh(alert, well)
    assert better is not None
    held, change = weigh(replace(better, state=State.ACKNOWLEDGED), found)
    assert held is not None
    assert (held.state, held.severity, change) == (State.OPEN, found.severity, Change.WORSENED)


@given(whole.filter(lambda one: bool(one.severity)), raising)
def test_an_answered_alert_opens_again_exactly_when_something_is_worse(first: Finding, found: Finding) -> None:
    worse = (
        found.severity > first.severity
        or sum({**first.points, **found.points}.values()) >= sum(first.points.values()) + 2
        or any(points == 3 and first.points[name] < 3 for name, points in found.points.items())
        or not found.rules <= first.rules
    )
    after, change = weigh(held_in(State.ACKNOWLEDGED, first), found)
    assert after is not None
    assert (after.state is State.OPEN) == worse == (change is Change.WORSENED)


@given(alerts, st.lists(findings, max_size=6))
def test_nothing_much_worse_than_the_best_since_it_was_last_told_stays_silent(
    alert: Held, found: list[Finding]
) -> None:
    """Told or not, what is held never lies two points below what is known, once a set that alerts has come."""
    for one in found:
        after, _ = weigh(alert, one)
        if after is None:
            return
        total = sum(after.basis.points.values())
        assert after.basis.score <= total
        if one.severity:
            assert total < after.basis.score + 2
            assert one.rules <= after.basis.rules
        alert = after


@given(examples(), st.sampled_from(["pulse", "respiratory_rate", "consciousness", "glucose", "wellness"]), st.data())
def test_a_patient_who_only_gets_better_opens_nothing_again(one: Given, vital: str, data: st.DataObject) -> None:
    assume(getattr(one, vital) != "-")
    worse = found_in(but(one, vital, data.draw(worse_values(one, vital))))
    assume(worse.severity)
    assert weigh(held_in(State.ACKNOWLEDGED, worse), found_in(one))[1] is None


def found_in(one: Given) -> Finding:
    """What the rules say of an example, as the drain hands it on."""
    facts, verdicts = judged(one)
    fired = verdicts.rules(0)
    known, points = facts.vitals.known[:, 0].tolist(), facts.news2.points[:, 0].tolist()
    scored = {str(row): point for row, point in enumerate(points) if known[row] and facts.scorable[0]}
    rules = {rule.name for rule in fired if rule.of} | ({COMPLETE_THE_SET} if verdicts.to_complete[0] else set())
    cleared = {rule.name for rule in RULES} - rules
    return Finding(Severity(int(verdicts.severity[0])), scored, rules=frozenset(rules), cleared=frozenset(cleared))
