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
    ENDED,
    NEXT,
    TECHNICAL,
    Basis,
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
from alert_rules.severity import Severity
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
    Severity.RED, Basis(5, frozenset({"pulse"}), frozenset({"pulse_high", "single_red"})), complete=True
)
AMBER: Final = Finding(Severity.AMBER, Basis(3, frozenset(), frozenset()), complete=True)
NOTHING: Final = Finding(Severity.NONE, Basis(0, frozenset(), frozenset()), complete=True)


def held_in(state: State, found: Finding = RED) -> Held:
    """An alert that stands for one finding."""
    return Held(state, found.severity, found.basis)


def test_nothing_found_raises_nothing() -> None:
    assert weigh(None, NOTHING) == (None, None)


@pytest.mark.parametrize("ended", [None, held_in(State.RESOLVED), held_in(State.EXPIRED)])
def test_a_finding_raises_an_alert_where_none_is_open(ended: Held | None) -> None:
    assert weigh(ended, AMBER) == (held_in(State.OPEN, AMBER), Change.RAISED)


def test_a_worse_finding_steps_an_open_alert_up() -> None:
    worse = replace(RED, severity=Severity.CRITICAL, basis=replace(RED.basis, score=8))
    held, change = weigh(held_in(State.OPEN), worse)
    assert (held, change) == (held_in(State.OPEN, worse), Change.STEPPED_UP)


@pytest.mark.parametrize("state", ANSWERED)
@pytest.mark.parametrize(
    "worse",
    [
        replace(RED, severity=Severity.CRITICAL),
        replace(RED, basis=replace(RED.basis, score=7)),
        replace(RED, basis=replace(RED.basis, red=RED.basis.red | {"spo2"})),
        replace(RED, basis=replace(RED.basis, rules=RED.basis.rules | {"weight_red_high"})),
        replace(AMBER, basis=Basis(0, rules=frozenset({"weight_amber_high"}))),
        replace(AMBER, basis=Basis(7)),
    ],
    ids=["severity", "score +2", "red parameter", "red limit", "amber limit", "score +2, found amber"],
)
def test_worse_than_what_somebody_took_on_is_never_silent(state: State, worse: Finding) -> None:
    held, change = weigh(held_in(state), worse)
    assert held is not None
    assert (held.state, change) == (State.OPEN, Change.WORSENED)
    assert held.severity is max(Severity.RED, worse.severity)


@pytest.mark.parametrize("state", ANSWERED)
@pytest.mark.parametrize(
    "same",
    [
        RED,
        AMBER,
        NOTHING,
        replace(RED, basis=replace(RED.basis, score=6)),
        replace(NOTHING, basis=replace(RED.basis, score=9)),  # what raises nothing by itself is no worsening
    ],
)
def test_no_worse_than_what_somebody_took_on_stays_with_them(state: State, same: Finding) -> None:
    held, change = weigh(held_in(state), same)
    assert held is not None
    assert (held.state, held.severity, change) == (state, Severity.RED, None)


def test_after_a_better_complete_set_worsening_counts_from_there() -> None:
    better, _ = weigh(held_in(State.ACKNOWLEDGED), replace(NOTHING, basis=Basis(1)))
    assert better is not None
    assert weigh(better, AMBER)[1] is Change.WORSENED


def test_a_better_set_that_is_not_whole_proves_nothing() -> None:
    held = held_in(State.ACKNOWLEDGED)
    assert weigh(held, replace(NOTHING, basis=Basis(1), complete=False)) == (held, None)


def test_while_nobody_has_answered_the_alert_stands_for_the_worst_that_was_found() -> None:
    held, _ = weigh(held_in(State.OPEN), NOTHING)
    assert held == held_in(State.OPEN)


# --- and whatever is found

findings = st.builds(
    Finding,
    severity=st.sampled_from(Severity),
    basis=st.builds(
        Basis,
        score=st.integers(0, 20),
        red=st.frozensets(st.sampled_from(["pulse", "spo2", "systolic"])),
        rules=st.frozensets(st.sampled_from(["pulse_high", "spo2_red_low", "weight_red_high"])),
    ),
    complete=st.booleans(),
)
alerts = st.builds(
    Held, state=st.sampled_from(State), severity=st.sampled_from(RAISED), basis=findings.map(lambda one: one.basis)
)


@given(alerts, st.lists(findings, max_size=6))
def test_whatever_comes_severity_never_falls_and_nothing_but_a_person_closes(alert: Held, found: list[Finding]) -> None:
    for one in found:
        after, _ = weigh(alert, one)
        assert after is not None
        if alert.state not in ENDED:
            assert after.severity >= max(alert.severity, one.severity)
            assert after.state in {alert.state, State.OPEN}
            assert after.state is alert.state or State.OPEN in NEXT[alert.state]
        alert = after


@given(alerts, findings)
def test_one_finding_twice_changes_nothing_the_second_time(alert: Held, found: Finding) -> None:
    once, _ = weigh(alert, found)
    assert weigh(once, found) == (once, None)


@given(alerts.filter(lambda one: one.state in ANSWERED), findings.filter(lambda one: bool(one.severity)))
def test_an_answered_alert_opens_again_exactly_when_something_is_worse(alert: Held, found: Finding) -> None:
    worse = (
        found.severity > alert.severity
        or found.basis.score >= alert.basis.score + 2
        or not found.basis.red <= alert.basis.red
        or not found.basis.rules <= alert.basis.rules
    )
    after, change = weigh(alert, found)
    assert after is not None
    assert (after.state is State.OPEN) == worse == (change is Change.WORSENED)


@given(alerts, findings)
def test_a_change_is_told_exactly_when_state_or_severity_changed(alert: Held, found: Finding) -> None:
    after, change = weigh(alert, found)
    assert after is not None
    assert (change is not None) == ((after.state, after.severity) != (alert.state, alert.severity))


@given(examples(), st.sampled_from(["pulse", "respiratory_rate", "consciousness", "glucose", "wellness"]), st.data())
def test_a_patient_who_only_gets_better_opens_nothing_again(one: Given, vital: str, data: st.DataObject) -> None:
    assume(getattr(one, vital) != "-")
    worse = found_in(but(one, vital, data.draw(worse_values(one, vital))))
    held = Held(State.ACKNOWLEDGED, worse.severity, worse.basis)
    assert weigh(held, found_in(one))[1] is None


def found_in(one: Given) -> Finding:
    """What the rules say of an example, as the drain hands it on."""
    facts, verdicts = judged(one)
    rules = frozenset(rule.name for rule in verdicts.rules(0) if not rule.name.startswith("news2_"))
    red = frozenset(str(row) for row, points in enumerate(facts.news2.points[:, 0].tolist()) if points == 3)
    score, complete = int(facts.news2.score[0]), bool(facts.news2.complete[0])
    return Finding(Severity(int(verdicts.severity[0])), Basis(score, red, rules), complete)
