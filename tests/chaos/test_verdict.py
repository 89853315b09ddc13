"""The checker itself: whatever is wrong with what was found, it says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from alert_rules.severity import Severity
from tests.chaos.found import Found, StoredAlert, StoredSet, Told
from tests.chaos.homes import STAGES
from tests.chaos.load import Sent
from tests.chaos.staff import Promised
from tests.chaos.verdict import judge
from tests.chaos.verdict_care import Count

DEVICE, PATIENT, ALERT, OTHER = (UUID(int=number) for number in range(1, 5))
WELL, SICK, VERY_SICK = STAGES
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)

SENT = [
    Sent(DEVICE, PATIENT, "a", WELL, promised=True),
    Sent(DEVICE, PATIENT, "b", SICK, promised=True),
    Sent(DEVICE, PATIENT, "c", VERY_SICK, promised=True),
    Sent(DEVICE, PATIENT, "d", VERY_SICK),
]
RAISED = StoredAlert(ALERT, PATIENT, "deterioration", "open", Severity.CRITICAL, version=2, raised_at=AT)
RIGHT = Found(
    readings=[StoredSet(DEVICE, one.id, one.stage.score, one.stage.severity) for one in SENT[:3]],
    ledger=[(DEVICE, one.id) for one in SENT[:3]],
    aside=[],
    alerts=[RAISED],
    events=[Told(ALERT, 1, "red"), Told(ALERT, 2, "critical")],
    history={ALERT: 2},
)


def test_nothing_is_wrong_where_each_promise_is_kept_once() -> None:
    verdict = judge(SENT, RIGHT)
    assert (verdict.promised, verdict.found, verdict.lost, verdict.doubled) == (4, 4, 0, 0)
    assert (verdict.counts["alerts"], verdict.wrong) == (Count(1, 1), [])


def test_what_was_refused_and_taken_all_the_same_is_right_too() -> None:
    unanswered = StoredSet(DEVICE, "d", VERY_SICK.score, VERY_SICK.severity)
    found = replace(RIGHT, readings=[*RIGHT.readings, unanswered], ledger=[*RIGHT.ledger, (DEVICE, "d")])
    assert judge(SENT, found).wrong == []


def test_a_lost_set_is_counted() -> None:
    assert judge(SENT, replace(RIGHT, readings=RIGHT.readings[1:])).lost == 1


def test_a_doubled_set_is_counted() -> None:
    assert judge(SENT, replace(RIGHT, readings=[*RIGHT.readings, RIGHT.readings[0]])).doubled == 1


def test_a_missing_alert_is_counted() -> None:
    verdict = judge(SENT, replace(RIGHT, alerts=[], events=[], history={}))
    assert verdict.counts["alerts"] == Count(1, 0)


def test_a_doubled_alert_is_counted() -> None:
    assert judge(SENT, replace(RIGHT, alerts=[RAISED, RAISED])).doubled == 1


def test_an_alert_that_somebody_answered_is_owed_as_acknowledged() -> None:
    answered = Promised(asked={PATIENT}, answered={PATIENT: AT})
    acknowledged = replace(RIGHT, alerts=[replace(RAISED, state="acknowledged")])
    assert judge(SENT, acknowledged, answered).wrong == []
    assert judge(SENT, RIGHT, answered).wrong != []
    assert judge(SENT, acknowledged).wrong != []


@pytest.mark.parametrize("state", ["open", "acknowledged"])
def test_an_answer_that_nobody_heard_of_may_have_been_taken(state: str) -> None:
    assert judge(SENT, replace(RIGHT, alerts=[replace(RAISED, state=state)]), Promised(asked={PATIENT})).wrong == []


def test_a_set_by_a_wrong_clock_is_stored_or_kept_aside_and_not_both() -> None:
    sent = [replace(SENT[0], stepped=True), *SENT[1:]]
    clock = StoredAlert(OTHER, PATIENT, "device", "open", Severity.AMBER, 1, AT)
    told = [*RIGHT.events, Told(OTHER, 1, "amber")]
    aside = replace(
        RIGHT, readings=RIGHT.readings[1:], aside=[(DEVICE, "a")], alerts=[RAISED, clock], events=told,
        history={ALERT: 2, OTHER: 1},
    )  # fmt: skip
    assert judge(sent, RIGHT).wrong == judge(sent, aside).wrong == []
    assert judge(sent, aside).counts["sets by wrong clocks"] == Count(1, 1)
    assert judge(sent, replace(RIGHT, aside=[(DEVICE, "a")])).doubled == 1
    assert judge(sent, replace(RIGHT, readings=RIGHT.readings[1:])).lost == 1
    assert any("for no reason" in one for one in judge(SENT, replace(aside, aside=[])).wrong)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda found: replace(found, readings=found.readings[1:]), "1 sets lost"),
        (lambda found: replace(found, readings=[*found.readings, found.readings[0]]), "there more than once"),
        (lambda found: replace(found, readings=[*found.readings, StoredSet(DEVICE, "x", 0, 0)]), "never sent"),
        (lambda found: replace(found, readings=[StoredSet(DEVICE, "a", None, 0)]), "scored wrongly"),
        (lambda found: replace(found, readings=[StoredSet(DEVICE, "b", 6, 0)]), "scored wrongly"),
        (lambda found: replace(found, ledger=found.ledger[1:]), "not in the ledger once"),
        (lambda found: replace(found, ledger=[*found.ledger, (DEVICE, "d")]), "in the ledger and not stored"),
        (lambda found: replace(found, aside=[(DEVICE, "a")]), "kept aside"),
        (lambda found: replace(found, alerts=[]), "is owed one open alert of critical"),
        (lambda found: replace(found, alerts=[replace(RAISED, severity=Severity.RED)]), "is owed one open alert"),
        (lambda found: replace(found, alerts=[replace(RAISED, state="resolved")]), "is owed one open alert"),
        (lambda found: replace(found, alerts=[RAISED, RAISED]), "2 open alerts"),
        (lambda found: replace(found, alerts=[RAISED, replace(RAISED, patient=OTHER)]), "for no reason"),
        (lambda found: replace(found, alerts=[RAISED, replace(RAISED, kind="overdue")]), "for no reason"),
        (lambda found: replace(found, history={ALERT: 3}), "3 entries of history"),
        (lambda found: replace(found, events=found.events[::-1]), "out of order"),
        (lambda found: replace(found, events=[*found.events, found.events[-1]]), "out of order"),
        (lambda found: replace(found, events=found.events[:1]), "doesn't say what it is"),
        (lambda found: replace(found, events=[]), "doesn't say what it is"),
    ],
)
def test_each_fault_is_named(spoil: Callable[[Found], Found], says: str) -> None:
    assert any(says in wrong for wrong in judge(SENT, spoil(RIGHT)).wrong)
