"""The checker of care itself: whatever is wrong with what was found, it says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alert_rules.severity import Severity
from tests.chaos.found import StoredAlert
from tests.chaos.found_care import Care, Heard, StoredLadder, StoredMessage, StoredStep
from tests.chaos.staff import Look, Promised, Stay
from tests.chaos.verdict_care import Unsure, faults_of_chain, judge_care

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
OPEN, ANSWERED, ILL, BETTER, IN_BED, GONE = (UUID(int=number) for number in range(1, 7))
FIRST, SECOND, THIRD = (UUID(int=number) for number in range(11, 14))  # steps
M1, M2, M3, OTHER = (UUID(int=number) for number in range(21, 25))  # messages


def after(seconds: float) -> datetime:
    """So long after the alerts were raised."""
    return AT + timedelta(seconds=seconds)


def step(public_id: UUID, alert: UUID, number: int, at_s: float) -> StoredStep:
    """A step of a first run that told somebody."""
    return StoredStep(public_id, alert, 1, number, 0, "told", after(at_s))


def message(public_id: UUID, of: UUID, alert: UUID) -> StoredMessage:
    """A message that was delivered a second after its step."""
    return StoredMessage(public_id, of, alert, "delivered", after(300), after(1))


RED = Severity.RED
ALERTS = [
    StoredAlert(OPEN, ILL, "deterioration", "open", RED, 1, AT),
    StoredAlert(ANSWERED, BETTER, "deterioration", "acknowledged", RED, 2, AT),
]
PROMISED = Promised(
    "BEDS1",
    looks=[Look("look-1", after(1)), Look("look-2", after(9))],
    stays=[Stay(IN_BED), Stay(GONE, asked_to_leave=True, discharged=True)],
    asked={BETTER},
    answered={BETTER: after(5)},
)
RIGHT = Care(
    at=after(30),
    ladders=[StoredLadder(OPEN, 1), StoredLadder(ANSWERED, 1)],
    steps=[step(FIRST, OPEN, 0, 0.1), step(SECOND, ANSWERED, 0, 0.1), step(THIRD, OPEN, 1, 20.2)],
    messages=[message(M1, FIRST, OPEN), message(M2, SECOND, ANSWERED), message(M3, THIRD, OPEN)],
    heard=[Heard(M1, FIRST), Heard(M2, SECOND), Heard(M3, THIRD), Heard(M3, THIRD)],  # again, under the same id
    stays=[(IN_BED, False), (GONE, True)],
    occupied=1,
    audited=["look-1", "look-2"],
)


def test_nothing_is_wrong_where_everything_was_done_once() -> None:
    counts, wrong = judge_care(PROMISED, ALERTS, RIGHT)
    assert wrong == []
    assert {kind: (one.promised, one.found, one.doubled) for kind, one in counts.items()} == {
        "steps": (3, 3, 0), "messages": (3, 3, 0), "beds": (2, 2, 0), "looks": (2, 2, 0),
    }  # fmt: skip


def test_an_amber_is_owed_nothing_by_the_ladders_of_graver_ones() -> None:
    amber = StoredAlert(OTHER, ILL, "device", "open", Severity.AMBER, 1, AT)
    assert judge_care(PROMISED, [*ALERTS, amber], RIGHT)[1] == []


def changed(found: Care, place: int, **message: object) -> Care:
    """With one message changed, and nobody having heard of it."""
    messages = list(found.messages)
    messages[place] = replace(messages[place], **message)  # type: ignore[arg-type]
    return replace(found, messages=messages, heard=[one for one in found.heard if one.id != messages[place].id])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda found: replace(found, steps=found.steps[:2]), "is owed its step (1, 0)"),
        (lambda found: replace(found, steps=found.steps[1:2]), "is owed its step (0, 0)"),
        (lambda found: replace(found, ladders=[StoredLadder(OPEN, 2), found.ladders[1]]), "is owed its step (0, 0)"),
        (lambda found: replace(found, at=after(400)), "is owed its step (1, 1)"),
        (lambda found: replace(found, steps=found.steps[1:]), "took the steps [(1, 0)]"),
        (lambda found: replace(found, steps=[*found.steps, found.steps[0]]), "taken more than once"),
        (lambda found: replace(found, steps=[*found.steps, step(OTHER, ANSWERED, 1, 20)]), "climbed on after"),
        (lambda found: replace(found, messages=found.messages[1:]), "has 0 messages"),
        (lambda found: replace(found, messages=[*found.messages, message(OTHER, FIRST, OPEN)]), "has 2 messages"),
        (lambda found: replace(found, heard=found.heard[1:]), "nobody heard of step"),
        (lambda found: changed(found, 0, state="pending", done_at=None), "nobody heard of step"),
        (lambda found: changed(found, 0, state="failed", done_at=after(5)), "nobody heard of step"),
        (lambda found: changed(found, 0, state="cancelled"), "nobody heard of step"),
        (lambda found: replace(found, heard=[*found.heard, Heard(OTHER, FIRST)]), "told under two ids"),
        (lambda found: replace(found, stays=found.stays[1:], occupied=0), "is in 0 beds"),
        (lambda found: replace(found, stays=[*found.stays, (IN_BED, False)], occupied=2), "is in 2 beds"),
        (lambda found: replace(found, stays=[(IN_BED, False), (GONE, False)], occupied=2), "left [False]"),
        (lambda found: replace(found, stays=[(IN_BED, True), (GONE, True)], occupied=0), "left [True]"),
        (lambda found: replace(found, stays=[*found.stays, (OTHER, False)], occupied=2), "nobody was promised"),
        (lambda found: replace(found, occupied=2), "1 beds are occupied, and the API says 2"),
        (lambda found: replace(found, audited=["look-1"]), "1 looks left no event"),
    ],
)
def test_each_fault_is_named(spoil: Callable[[Care], Care], says: str) -> None:
    _, wrong = judge_care(PROMISED, ALERTS, spoil(RIGHT))
    assert any(says in one for one in wrong), wrong


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: changed(found, 0, state="failed", done_at=after(300)),  # its time was over
        lambda found: changed(found, 1, state="cancelled"),  # somebody had answered
    ],
)
def test_a_message_that_came_too_late_to_matter_need_not_arrive(spoil: Callable[[Care], Care]) -> None:
    counts, wrong = judge_care(PROMISED, ALERTS, spoil(RIGHT))
    assert wrong == []
    assert (counts["messages"].promised, counts["messages"].found) == (2, 2)


@pytest.mark.parametrize("left", [False, True])
def test_a_discharge_that_nobody_heard_the_answer_of_may_have_been_done(left: bool) -> None:
    unheard = replace(PROMISED, stays=[PROMISED.stays[0], Stay(GONE, asked_to_leave=True)])
    found = replace(RIGHT, stays=[(IN_BED, False), (GONE, left)], occupied=1 + (not left))
    assert judge_care(unheard, ALERTS, found)[1] == []


def test_what_is_lost_and_doubled_is_counted() -> None:
    found = replace(RIGHT, steps=RIGHT.steps[:2], heard=[*RIGHT.heard[:2], Heard(OTHER, FIRST)], stays=RIGHT.stays[:1])
    counts, _ = judge_care(PROMISED, ALERTS, found)
    assert (counts["steps"].promised, counts["steps"].found) == (3, 2)
    assert (counts["messages"].promised, counts["messages"].found, counts["messages"].doubled) == (3, 2, 1)
    assert (counts["beds"].promised, counts["beds"].found) == (2, 1)


def test_a_killed_database_may_forget_the_last_looks_and_no_others() -> None:
    found = replace(RIGHT, audited=["look-1"])
    assert judge_care(PROMISED, ALERTS, found, Unsure(after(8), after(10)))[1] == []
    assert judge_care(PROMISED, ALERTS, replace(RIGHT, audited=["look-2"]), Unsure(after(8), after(10)))[1] != []


def test_what_verify_finds_in_the_chain_is_wrong() -> None:
    assert list(faults_of_chain({"wrong_count": 0, "wrong": []})) == []
    assert list(faults_of_chain({"wrong_count": 1, "wrong": ["altered"]})) == ["the audit's chain: ['altered']"]
