"""The question whether sepsis is suspected: when it is asked, by when, what answers it, and what asks it again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.alarms import WORSE_BY, Basis, Finding, Held, weigh
from alert_rules.sepsis import (
    ASK_FROM,
    GRAVITY,
    UNANSWERED,
    WINDOWS,
    Answer,
    Question,
    Said,
    Tool,
    answered,
    asked_of,
    gravest,
    owed_at,
    window,
)
from alert_rules.severity import Severity, of_total
from alert_rules.vitals import PARAMETERS

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
points = st.fixed_dictionaries({}, optional={name: st.integers(0, 3) for name in PARAMETERS})
answers = st.sampled_from(Answer)


def found(scored: dict[str, int]) -> Finding:
    """A set with these points, as bad as NEWS2 by itself makes it."""
    red = Severity.AMBER_PLUS if 3 in scored.values() else Severity.NONE
    return Finding(max(red, of_total(sum(scored.values()))), scored)


def said(answer: Answer, at: datetime = NOON) -> Said:
    return Said(answer, Tool.NEWS2, UUID(int=1), "Dr No", at)


def asked(score: int, at: datetime = NOON, answer: Answer | None = None) -> Question:
    """As a score of that many asks, spread so that none is red."""
    question = Question(at, at, at + window(score), score)
    return question if answer is None else answered(question, said(answer))


@pytest.mark.parametrize(("score", "hours"), [(20, 1), (7, 1), (6, 3), (5, 3), (4, 6), (3, 6), (1, 6)], ids=str)
def test_the_clock_is_as_long_as_the_academy_says(score: int, hours: int) -> None:
    assert window(score) == hours * HOUR


def test_a_higher_score_never_has_more_time() -> None:
    spans = [window(score) for score in range(21)]
    assert spans == sorted(spans, reverse=True)
    assert [one.news2 for one in WINDOWS] == sorted((one.news2 for one in WINDOWS), reverse=True)


@given(points)
def test_it_is_asked_at_a_news2_of_five_or_a_single_three_and_of_nobody_else(scored: dict[str, int]) -> None:
    question = asked_of(None, None, found(scored), NOON)
    assert (question is not None) == (sum(scored.values()) >= ASK_FROM or 3 in scored.values())
    if question is not None:
        assert question.status == UNANSWERED
        assert question.act_by == NOON + window(sum(scored.values()))


@given(st.lists(st.one_of(points, answers), max_size=12))
def test_whatever_comes_the_question_is_never_lost_nor_taken_as_answered(events: list[dict[str, int] | Answer]) -> None:
    """Sets and answers in any order, beside the alert's own life: what asks is asked, and only people answer."""
    held: Held | None = None
    question: Question | None = None
    now = NOON
    for one in events:
        now += timedelta(minutes=10)
        if isinstance(one, Answer):
            if question is not None:
                question = answered(question, said(one, now))
            continue
        before, basis = question, None if held is None else held.basis
        held, _ = weigh(held, found(one))
        question = asked_of(before, basis, found(one), now)
        if sum(one.values()) >= ASK_FROM or 3 in one.values():
            assert question is not None
        if before is not None:
            assert question is not None
            assert question.said in {before.said, None}  # no rule ever answers
            if before.status == Answer.SUSPECTED:
                assert question.said == before.said
            if question.asked_at == before.asked_at and question.act_by and before.act_by:
                assert question.act_by <= before.act_by  # a clock that runs is never set back


@pytest.mark.parametrize("answer", [Answer.NOT_SUSPECTED, Answer.CANNOT_TELL])
@pytest.mark.parametrize(
    ("was", "is_now", "again"),
    [
        ({"pulse": 2, "spo2": 2, "temperature": 1}, {"pulse": 2, "spo2": 2, "temperature": 1}, False),
        ({"pulse": 2, "spo2": 2, "temperature": 1}, {"pulse": 2, "spo2": 2, "temperature": 2}, False),
        ({"pulse": 2, "spo2": 2, "temperature": 1}, {"pulse": 2, "spo2": 2, "temperature": 1, "systolic": 2}, True),
        ({"pulse": 2, "spo2": 2, "temperature": 1}, {"pulse": 2, "spo2": 0, "respiratory_rate": 3}, True),
        ({"pulse": 3, "spo2": 2}, {"pulse": 3, "spo2": 2}, False),
        ({"pulse": 3, "spo2": 2}, {"pulse": 1, "spo2": 1}, False),
    ],
    ids=["as before", "one more", "two more", "newly red", "as red as before", "better"],
)
def test_after_an_answer_it_is_asked_again_when_the_patient_gets_worse(
    answer: Answer, was: dict[str, int], is_now: dict[str, int], *, again: bool
) -> None:
    basis = Basis(was, sum(was.values()), severity=Severity.RED)
    before = answered(Question(NOON, NOON, NOON + HOUR, sum(was.values())), said(answer))
    question = asked_of(before, basis, found(is_now), NOON + HOUR)
    assert question is not None
    assert (question.said is None) == again
    assert (question.time_zero == NOON + HOUR) == again


def test_who_got_better_and_worse_again_is_asked_about_again() -> None:
    """By the rule by which the alert itself says that it got worse: from the lowest since."""
    held, _ = weigh(None, found({"pulse": 2, "spo2": 2, "temperature": 1}))
    question = asked(5, answer=Answer.NOT_SUSPECTED)
    held, _ = weigh(held, found({"pulse": 1, "spo2": 1, "temperature": 0}))
    assert held is not None
    assert held.basis.score == 5 - WORSE_BY - 1
    again = asked_of(question, held.basis, found({"pulse": 2, "spo2": 2, "temperature": 1}), NOON + HOUR)
    assert again is not None
    assert again.status == UNANSWERED


@pytest.mark.parametrize(
    ("first", "then", "by"),
    [(5, 7, NOON + 2 * HOUR), (7, 5, NOON + HOUR), (5, 5, NOON + 3 * HOUR)],
    ids=["worse has less time", "better has no more", "as bad as before"],
)
def test_while_nobody_answers_a_later_score_can_only_shorten_the_clock(first: int, then: int, by: datetime) -> None:
    scored = {"pulse": 2, "spo2": 2, "temperature": then - 4 if then < 7 else 1, "systolic": 2 if then == 7 else 0}
    question = asked_of(asked(first), Basis({}, first), found(scored), NOON + HOUR)
    assert question is not None
    assert (question.act_by, question.score) == (by, max(first, then))


def test_whoever_suspects_sepsis_is_not_asked_again_and_the_clock_still_shortens() -> None:
    question = asked(5, answer=Answer.SUSPECTED)
    worse = asked_of(question, Basis({}, 5), found({"pulse": 3, "spo2": 3, "temperature": 1}), NOON + HOUR)
    assert worse is not None
    assert (worse.said, worse.act_by, worse.score) == (question.said, NOON + 2 * HOUR, 7)


def test_it_is_told_halfway_and_at_the_end_that_nobody_has_answered() -> None:
    question = asked(7)
    halfway = NOON + HOUR / 2
    assert (owed_at(question, NOON), owed_at(question, halfway)) == (halfway, NOON + HOUR)
    assert owed_at(question, NOON + HOUR) is None
    assert owed_at(answered(question, said(Answer.CANNOT_TELL)), NOON) == halfway  # nobody has answered by that
    for answer in (Answer.SUSPECTED, Answer.NOT_SUSPECTED):
        assert owed_at(answered(question, said(answer)), NOON) is None


def test_what_is_most_reason_for_care_stands() -> None:
    assert gravest(None, "not_suspected", UNANSWERED, None) == UNANSWERED
    assert gravest("suspected", "not_suspected") == "suspected"
    assert gravest(None) == GRAVITY[0] == "not_asked"
