"""Which team, by when, and what is owed: the pure rules of UCR, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.staffed import opens_at
from monitoring.ucr.choosing import Asked, Choice, Team, choose
from monitoring.ucr.clock import ANSWER_WITHIN, BREACH_TOLD, Owed, Response, Timed, after, owed, start
from monitoring.ucr.states import WAITING, State

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday
DAYTIME = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("08:00", "20:00"))
NIGHT = NOON.replace(hour=22)
A = Team("A", "QXX", frozenset({"LE1"}), DAYTIME, None, frozenset(), None, (), 6, 0)
NOWHERE = "the patient has no postcode and is on no ward"
CLOSED = "out of hours: takes referrals from"
NEED = Asked("falls", Response.TWO_HOUR, "LE1", "QXX")


def reason(team: Team, asked: Asked = NEED, now: datetime = NOON) -> str:
    """Why the only team that there is was taken, or was not."""
    found = choose([team], asked, now)
    assert found.considered[0].taken == (found.team == team.code)
    return found.considered[0].reason


@pytest.mark.parametrize(
    ("team", "asked", "now", "why"),
    [
        (A, NEED, NOON, "covers LE1, at work, 0 of 6 visits"),
        (A, replace(NEED, district="LE2"), NOON, "not its area (LE2)"),
        (A, replace(NEED, district=None), NOON, "covers QXX, at work, 0 of 6 visits"),
        (A, replace(NEED, district=None, icb=None), NOON, f"not its area ({NOWHERE})"),
        (replace(A, districts=frozenset()), replace(NEED, district="ZZ9"), NOON, "covers QXX, at work, 0 of 6 visits"),
        (A, NEED, NIGHT, f"{CLOSED} Wed 08:00"),
        (replace(A, referral_hours={"tue": ("08:00", "11:00")}), NEED, NOON, f"{CLOSED} Tue 08:00"),
        (A, replace(NEED, skills=frozenset({"iv"})), NOON, "lacks the skill: iv"),
        (replace(A, max_news2=4), replace(NEED, news2=5), NOON, "NEWS2 5 is above what it accepts (4)"),
        (replace(A, max_news2=4), replace(NEED, news2=4), NOON, "covers LE1, at work, 0 of 6 visits"),
        (replace(A, exclusions=("Stroke",)), replace(NEED, reason="a stroke?"), NOON, "does not accept: Stroke"),
        (replace(A, active=6), NEED, NOON, "at capacity (6 of 6 visits)"),
        (A, replace(NEED, declined=frozenset({"A"})), NOON, "asked before, and declined"),
    ],
)  # fmt: skip
def test_a_team_is_taken_or_not_for_a_reason_that_is_told(team: Team, asked: Asked, now: datetime, why: str) -> None:
    assert reason(team, asked, now) == why


def test_by_hand_a_team_may_be_asked_that_comes_when_it_opens_and_its_clock_starts_then() -> None:
    hub = replace(A, referral_hours=dict.fromkeys(DAYTIME, ("00:00", "24:00")))
    assert reason(hub, NEED, NIGHT) == "out of hours: visits from Wed 08:00"
    assert choose([hub], replace(NEED, by_hand=True), NIGHT).team == "A"
    opened = start(Response.TWO_HOUR, NIGHT, DAYTIME)
    assert (opened.rule, opened.breach_at) == ("two_hours_from_opening/1", datetime(2026, 3, 11, 10, tzinfo=UTC))
    assert start(Response.TWO_HOUR, NOON, DAYTIME).breach_at == NOON + timedelta(hours=2)
    assert start(Response.TWO_HOUR, NIGHT, None).rule == "two_hours/1"  # no team: nobody's opening is waited for
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert start(Response.SAME_DAY, summer, None).breach_at == datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert start(Response.TWO_DAY, summer, None).breach_at == summer + timedelta(days=2)


def test_the_skilled_then_the_local_then_the_least_loaded_comes_first_and_the_others_are_named() -> None:
    whole = replace(A, code="WHOLE", districts=frozenset())
    busy, idle = replace(A, code="BUSY", active=3), replace(A, code="IDLE", active=1)
    skilled = replace(A, code="SKILLED", skills=frozenset({"falls"}), active=5)

    def chosen(*teams: Team) -> Choice:
        return choose(teams, NEED, NOON)

    assert chosen(busy, whole, idle, skilled).team == "SKILLED"
    assert chosen(busy, whole, idle).team == "IDLE"
    assert chosen(busy, whole).team == "BUSY"
    assert [one.taken for one in chosen(whole, busy, idle).considered] == [True, False, False]
    none = chosen(replace(A, active=6), replace(whole, exclusions=("falls",)))
    assert none.team is None
    assert none.why == "A: at capacity (6 of 6 visits); WHOLE: does not accept: falls"
    assert choose([], NEED, NOON).why


def test_opening_is_now_while_open_and_never_where_no_day_is_named() -> None:
    assert opens_at(NOON, DAYTIME) == NOON
    assert opens_at(NOON.replace(hour=20), DAYTIME) == datetime(2026, 3, 11, 8, tzinfo=UTC)
    assert opens_at(NOON, {}) is None


@given(st.sampled_from(State), st.integers(0, 600), st.integers(0, BREACH_TOLD), st.integers(0, 600))
def test_whoever_waits_is_owed_something_and_the_clock_always_gets_on(
    state: State, window_min: int, told: int, late_min: int
) -> None:
    breach, now = NOON + timedelta(minutes=window_min), NOON + timedelta(minutes=late_min)
    waiting = Timed(state, NOON, breach, NOON + ANSWER_WITHIN, told, None)
    assert (owed(waiting) is not None) == (state in WAITING)
    said = []
    while (following := owed(waiting)) and following[0] <= now and following[1] is not Owed.DECLINE:
        said.append(following[1])
        waiting = replace(waiting, told=after(following[1]), told_at=now)
    assert said == sorted(said, key=list(Owed).index)
    assert len(said) <= 4
    if following and following[1] is not Owed.DECLINE:
        assert following[0] > now
    if state in WAITING and breach <= now and not (following and following[1] is Owed.DECLINE):
        assert waiting.told == BREACH_TOLD
