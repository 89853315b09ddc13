"""The report: what a single kill may take, and what is summed."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from tests.chaos.experiment import Outcome, Recovery
from tests.chaos.faults import Fault
from tests.chaos.report import faults_of, table
from tests.chaos.staff import Promised
from tests.chaos.verdict import Verdict
from tests.chaos.verdict_care import Count

KILL = Fault("a kill", lambda *_: nullcontext(0.0), is_single_kill=True)
OUTCOME = Outcome(
    KILL, [], Promised(), None, {"202": 5}, 1.0, Recovery(4.9, 9.9, 20.0), Verdict({"sets": Count(7, 7)}, []), []
)


@pytest.mark.parametrize(
    ("recovery", "says"),
    [
        (Recovery(5.1, 9.9, 0.0), ["readings flowed again after 5.1 s, not 5"]),
        (Recovery(4.9, 10.1, 0.0), ["alerts were raised again after 10.1 s, not 10"]),
        (Recovery(4.9, 9.9, 99.0), []),
    ],
)
def test_a_single_kill_may_not_take_longer(recovery: Recovery, says: list[str]) -> None:
    outcome = replace(OUTCOME, recovery=recovery)
    assert faults_of(outcome) == says
    assert faults_of(replace(outcome, fault=replace(KILL, is_single_kill=False))) == []


def test_a_row_sums_what_was_lost_and_doubled_and_shows_the_longest() -> None:
    lossy = Verdict({"sets": Count(7, 5), "alerts": Count(2, 2, doubled=1)}, ["2 sets lost"])
    shown = table([OUTCOME, replace(OUTCOME, gap_s=3.0, verdict=lossy, wrong=lossy.wrong)])
    row = [next(iter(column.cells)) for column in shown.columns]
    assert row == ["a kill", "1 of 2", "16", "14", "2", "1", "3.0", "4.9", "9.9", "20.0"]
