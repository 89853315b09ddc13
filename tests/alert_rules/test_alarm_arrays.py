"""Many alerts at once say, set by set, what one alert says: `alarms.weigh` is the oracle."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.alarm_arrays import CHANGES, UNKNOWN, Answering, Findings, live
from alert_rules.alarms import COMPLETE_THE_SET, Change, Finding, Held, State, weigh
from alert_rules.kinds import HOUR_US
from alert_rules.severity import Severity
from alert_rules.vitals import OXYGEN, PARAMETERS

RULES = (COMPLETE_THE_SET, *(f"rule_{number}" for number in range(70)))
NEAR = (0, 1, 2, 65, 70)
"""Rules that are drawn: of both words."""


@dataclass(frozen=True)
class Told:
    change: Change | None
    asks: bool
    severity: Severity


@st.composite
def _findings(draw: st.DrawFn) -> Finding:
    points = draw(st.dictionaries(st.sampled_from(PARAMETERS), st.integers(0, 3), max_size=7))
    is_assumed = "oxygen" not in points and draw(st.booleans())
    rules = draw(st.frozensets(st.sampled_from(NEAR)))
    cleared = draw(st.frozensets(st.sampled_from(NEAR))) - rules
    return Finding(
        draw(st.sampled_from(Severity)),
        points,
        {"oxygen": 2} if is_assumed else {},
        frozenset(RULES[one] for one in rules),
        frozenset(RULES[one] for one in cleared),
    )


_PATIENTS = st.lists(
    st.lists(st.tuples(st.sampled_from([0, 5, 15, 30, 60, 240, 300]), _findings()), max_size=12),
    min_size=1,
    max_size=4,
)
_ANSWERING = st.builds(
    lambda after, answered: Answering(
        **({} if answered else {"acknowledged": lambda _: None}),
        resolved_after=None if after is None else timedelta(minutes=after),
    ),
    st.sampled_from([None, 0, 60, 240]),
    st.booleans(),
)


@given(_PATIENTS, _ANSWERING)
def test_every_alert_goes_as_it_would_alone(patients: list[list[tuple[int, Finding]]], answering: Answering) -> None:
    sets = [(stay, found) for stay, patient in enumerate(patients) for _, found in patient]
    taken_us = [at for patient in patients for at in _instants(patient)]
    lives = live(_as_arrays(sets, taken_us), answering, len(patients))
    told = [
        Told(CHANGES[change], asks, Severity(severity))
        for change, asks, severity in zip(
            lives.change.tolist(), lives.asks.tolist(), lives.severity.tolist(), strict=True
        )
    ]
    assert told == [one for patient in patients for one in _alone(patient, answering)]


def _instants(patient: list[tuple[int, Finding]]) -> list[int]:
    return list(accumulate(gap_min * HOUR_US // 60 for gap_min, _ in patient))


def _alone(patient: list[tuple[int, Finding]], answering: Answering) -> list[Told]:
    held: Held | None = None
    asked_us, told = 0, []
    for now_us, (_, found) in zip(_instants(patient), patient, strict=True):
        since = timedelta(microseconds=now_us - asked_us)
        if held is not None and answering.resolved_after is not None and since >= answering.resolved_after:
            held = None
        if held is not None:
            within = answering.acknowledged(held.severity)
            if within is not None and since >= within:
                held = replace(held, state=State.ACKNOWLEDGED)
        before = held
        held, change = weigh(held, found)
        rose = before is not None and held is not None and held.severity > before.severity
        asks = change is not None and (before is None or before.state is not State.OPEN or rose)
        if asks:
            asked_us = now_us
        told.append(Told(change, asks, Severity.NONE if held is None else held.severity))
    return told


def _as_arrays(sets: list[tuple[int, Finding]], taken_us: list[int]) -> Findings:
    n = len(sets)
    points, assumed = np.full((n, len(PARAMETERS)), UNKNOWN, np.int8), np.full(n, UNKNOWN, np.int8)
    bits = np.zeros((2, n, 128), np.bool_)
    for row, (_, found) in enumerate(sets):
        for name, scored in found.points.items():
            points[row, PARAMETERS.index(name)] = scored
        assumed[row] = found.assumed.get(PARAMETERS[OXYGEN], UNKNOWN)
        for kind, names in enumerate((found.rules, found.cleared)):
            bits[kind, row, [RULES.index(name) for name in names]] = True
    packed = np.packbits(bits, axis=2, bitorder="little").view(np.uint64)
    severity = np.array([found.severity for _, found in sets], np.int8)
    stay = np.array([stay for stay, _ in sets], np.intp)
    return Findings(stay, np.array(taken_us, np.int64), severity, points, assumed, packed[0], packed[1])
