"""Please repeat the reading: nothing that is red is lost, and every asking ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from alert_rules.alarms import COMPLETE_THE_SET, Finding
from alert_rules.repeating import AMBER_WITHIN, WORSE_WITHIN, Asked, Came, Step, decide, within
from alert_rules.severity import Severity

NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
RAISING: Final = frozenset({Step.ORDINARY, Step.RAISE, Step.RAISE_BOTH})
READINGS: Final = ("spo2", "pulse", "temperature")
vitals = st.frozensets(st.sampled_from((*READINGS, "wellness", "consciousness", "oxygen")), min_size=1)


@st.composite
def sets(draw: st.DrawFn) -> Came:
    """Any set: a rule for each vital sign that is blamed."""
    severity = draw(st.sampled_from(Severity))
    blamed = draw(st.lists(vitals, min_size=1, max_size=3)) if severity else []
    points = {one: draw(st.integers(0, 2)) for one in draw(st.frozensets(st.sampled_from(READINGS)))}
    rules = frozenset(f"of_{'_'.join(sorted(one))}" for one in blamed)
    if draw(st.booleans()):
        rules |= {COMPLETE_THE_SET}
    return Came(
        Finding(severity, points=points, rules=rules),
        draw(st.integers(0, 60)) * 60_000_000,
        draw(vitals),
        tuple(blamed),
        is_low=draw(st.booleans()),
        may_ask=draw(st.booleans()),
    )


@given(st.lists(st.tuples(sets(), st.integers(0, 20)), max_size=12), st.booleans())
def test_whatever_comes_nothing_good_and_red_waits_and_no_asking_is_put_off(
    history: list[tuple[Came, int]], repeat_first: bool
) -> None:
    asked: Asked | None = None
    now = NOON
    for came, minutes in history:
        now += timedelta(minutes=minutes)
        before = asked
        step, asked = decide(before, came, now, repeat_first=repeat_first)
        found = came.found.severity
        if found > Severity.AMBER and not came.is_low and step not in RAISING:  # unless it is what is asked about
            assert before is not None
            assert not any(one & came.measured for one in came.blamed)
            assert found <= before.finding.severity
        if before is not None and before.finding.severity >= Severity.RED and asked is None:
            is_raised = step is Step.RAISE_BOTH
            assert is_raised or before.vitals <= came.measured or found >= before.finding.severity
        assert (asked is not None) == (step in {Step.ASK, Step.WAIT} or (step is Step.ORDINARY and before is not None))
        if asked is not None:
            assert now < asked.by <= (before.by if before else now + AMBER_WITHIN)
            assert asked.by <= now + within(asked.finding.severity)
            assert before is None or asked.finding.severity >= before.finding.severity


@given(sets(), sets(), st.integers(1, 600))
def test_whoever_is_asked_is_asked_for_a_reading_and_is_free_once_it_was_taken_well(
    first: Came, again: Came, seconds: int
) -> None:
    step, asked = decide(None, replace(first, may_ask=True), NOON, repeat_first=True)
    if asked is None:
        assert step is Step.ORDINARY
        return
    assert asked.vitals
    assert asked.vitals <= first.measured & frozenset(READINGS)
    repeat = replace(again, measured=asked.vitals, taken_us=first.taken_us + 1, is_low=False)
    ended, left = decide(asked, repeat, NOON + timedelta(seconds=seconds - 1), repeat_first=True)
    assert left is None
    assert (ended is Step.REPEATED) == (not again.found.severity and NOON + timedelta(seconds=seconds - 1) < asked.by)


@given(sets(), st.booleans())
def test_only_ambers_and_readings_of_low_quality_are_ever_asked_about(came: Came, repeat_first: bool) -> None:
    step, _ = decide(None, came, NOON, repeat_first=repeat_first)
    if step is Step.ASK:
        assert came.may_ask
        assert came.found.severity
        is_mild = came.found.severity is Severity.AMBER and COMPLETE_THE_SET not in came.found.rules
        assert came.is_low or (repeat_first and is_mild and sum(came.found.points.values()) < 5)
    else:
        assert step is Step.ORDINARY


def test_a_reading_that_may_be_red_is_waited_for_less_long() -> None:
    assert (within(Severity.AMBER), within(Severity.AMBER_PLUS), within(Severity.CRITICAL)) == (
        AMBER_WITHIN, WORSE_WITHIN, WORSE_WITHIN,
    )  # fmt: skip
