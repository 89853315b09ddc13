"""Patients over days for the rules of pathways: the same sets for the plain rules and for the arrays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from alert_rules.engine import NOT_USUAL, Beside, Seen
from alert_rules.kinds import (
    HOUR_US,
    QUALITY,
    USUAL,
    Absent,
    Answer,
    Condition,
    FromUsual,
    Noticed,
    PathwayRule,
    Persists,
    Points,
    Poor,
    Slope,
    Total,
    Trend,
    Value,
)
from alert_rules.limits import LIMITED, NO_HIGH, NO_LOW, Lines, table
from alert_rules.news2 import RED
from alert_rules.news2_arrays import ScoreArrays
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Facts, Severity, Wellness
from alert_rules.soft_signs import Sign, bits
from alert_rules.vitals import PARAMETERS, VitalArrays
from alert_rules.windows import History, window
from tests.alert_rules.plain_rules import PlainSet

MINUTE_US = HOUR_US // 60
BASE = {"weight": 7000, "pulse": 100, "spo2": 94}
LINES_DRAWN = {"weight": {"red_low": 6990, "amber_low": 6997, "amber_high": 7003}, "pulse": {"red_high": 104}}
GAPS_MIN = (0, 0, 1, 59, 60, 240, 480, 720, 1440, 1441, 2880, 4320)

Stay = list[PlainSet]


def measured() -> st.SearchStrategy[dict[str, int]]:
    """Some of three vital signs, near each other often, far off at times."""
    near = {vital: st.integers(base - 4, base + 4) for vital, base in BASE.items()}
    far = {vital: st.integers(base - 60, base + 60) for vital, base in BASE.items()}
    return st.one_of(
        st.fixed_dictionaries({}, optional=near), st.fixed_dictionaries(near), st.fixed_dictionaries({}, optional=far)
    )


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    """A patient's sets in order of time; two may be of one instant."""
    usual = draw(st.dictionaries(st.sampled_from([*BASE, "news2"]), st.integers(0, 12), max_size=2))
    usual = {vital: BASE.get(vital, 0) + off for vital, off in usual.items()}
    now_us, sets = 0, Stay()
    before: dict[str, list[tuple[int, int]]] = {}
    poor_before: list[tuple[int, bool]] = []
    adult = draw(st.booleans())
    for _ in range(draw(st.integers(1, 16))):
        now_us += draw(st.sampled_from(GAPS_MIN)) * MINUTE_US
        values, poor = draw(measured()), draw(st.booleans())
        sets.append(
            PlainSet(
                now_us=now_us,
                known=values,
                measured=values,
                score=draw(st.integers(0, 9)),
                points=draw(st.dictionaries(st.sampled_from(PARAMETERS), st.integers(0, 3), max_size=2)),
                scorable=adult,
                adult=adult,
                wellness=draw(st.sampled_from(Wellness)),
                signs=draw(st.frozensets(st.sampled_from(Sign), max_size=4)),
                poor=poor,
                usual=usual,
                before={vital: tuple(readings) for vital, readings in before.items()},
                poor_before=tuple(poor_before),
                lines=LINES_DRAWN,
            )
        )
        for vital, value in values.items():
            before.setdefault(vital, []).append((now_us, value))
        poor_before.append((now_us, poor))
    return sets


def conditions() -> st.SearchStrategy[Condition]:
    """Any condition, its bounds where the sets are."""
    vitals, high = st.sampled_from(sorted(BASE)), st.booleans()
    within = st.sampled_from([1, 4, 12, 24, 48, 168]).map(lambda hours: hours * HOUR_US)
    few = st.integers(1, 6)
    near = vitals.flatmap(lambda vital: st.tuples(st.just(vital), st.integers(BASE[vital] - 3, BASE[vital] + 3)))
    readings = st.integers(2, 13).flatmap(lambda of: st.tuples(st.integers(2, of), st.just(of)))
    return st.one_of(
        st.builds(lambda at, up: Value(at[0], at[1], up), near, high),
        st.builds(Total, st.integers(1, 9)),
        st.builds(Points, st.sampled_from(PARAMETERS), st.integers(1, 3)),
        st.builds(FromUsual, st.sampled_from([*sorted(BASE), "news2"]), few, high),
        st.builds(Trend, vitals, few, high, within, st.integers(2, 5)),
        st.builds(Slope, vitals, few, high, within, within, st.integers(3, 5)),
        st.builds(lambda at, up, back, n: Persists(at[0], at[1], up, back, *n), near, high, within, readings),
        st.builds(lambda at, up, back, long: Persists(at[0], at[1], up, back, for_us=long), near, high, within, within),
        st.builds(Answer, st.sampled_from([Wellness.WORSE, Wellness.MUCH_WORSE])),
        st.builds(Noticed, st.sampled_from(Sign)),
        st.builds(Noticed, st.none(), st.integers(1, 4)),
        st.builds(Absent, vitals, within),
        st.builds(lambda back, n: Poor(back, *n), within, readings),
    )


def rules() -> st.SearchStrategy[PathwayRule]:
    """Any rule of up to three conditions."""
    several = st.lists(conditions(), min_size=1, max_size=3).map(tuple)
    return st.builds(PathwayRule, st.just("it"), st.sampled_from(list(Severity)[1:]), several)


def arrays_of(patients: Sequence[Stay]) -> tuple[Facts, Beside]:
    """All sets of some patients, a column each, in order."""
    sets = [one for stay in patients for one in stay]
    stay = np.array([number for number, stay in enumerate(patients) for _ in stay], dtype=np.intp)
    taken_us = np.array([one.now_us for one in sets], dtype=np.int64)
    return _facts(sets), Beside(
        usual=np.array([[one.usual.get(name, NOT_USUAL) for one in sets] for name in USUAL], dtype=np.int32),
        seen={vital: _seen(sets, stay, taken_us, vital) for vital in (*BASE, QUALITY)},
        silent_us={vital: np.array([_silent_us(one, vital) for one in sets], dtype=np.int64) for vital in BASE},
    )


def _seen(sets: Stay, stay: np.ndarray, taken_us: np.ndarray, vital: str) -> Seen:
    values = [int(one.poor) if vital == QUALITY else one.measured.get(vital) for one in sets]
    columns = np.array([place for place, value in enumerate(values) if value is not None], dtype=np.intp)
    known = np.array([value for value in values if value is not None], dtype=np.int32)
    history = History(stay[columns], taken_us[columns], known)
    return Seen(columns, window(history, np.arange(len(columns))))


def _silent_us(one: PlainSet, vital: str) -> int:
    last_us = max([one.since_us, *(at_us for at_us, _ in one.before.get(vital, ()))])
    return 0 if vital in one.measured else one.now_us - last_us


def _facts(sets: Stay) -> Facts:
    n = len(sets)
    news2 = ScoreArrays.zeros(n)
    news2.score[:] = [one.score for one in sets]
    for column, one in enumerate(sets):
        for name, points in one.points.items():
            news2.points[PARAMETERS.index(name), column] = points
    news2.single_red[:] = [RED in one.points.values() for one in sets]
    vitals = VitalArrays(np.zeros((7, n), np.int16), np.zeros((7, n), np.bool_))
    for column, one in enumerate(sets):
        for name in one.known.keys() & set(PARAMETERS):
            vitals.values[PARAMETERS.index(name), column] = one.known[name]
            vitals.known[PARAMETERS.index(name), column] = True
    nowhere = np.array([[NO_LOW], [NO_LOW], [NO_HIGH], [NO_HIGH]], np.int32).repeat(n, axis=1)
    drawn = {vital: Lines(**lines) for vital, lines in LINES_DRAWN.items()}
    return Facts(
        vitals=vitals,
        news2=news2,
        scorable=np.array([one.scorable for one in sets], np.bool_),
        adult=np.array([one.adult for one in sets], np.bool_),
        watched=np.ones(n, np.bool_),
        on_scale_2=np.zeros(n, np.bool_),
        limited=np.array([[one.known.get(vital, 0) for one in sets] for vital in LIMITED], np.int32),
        limited_known=np.array([[vital in one.known for one in sets] for vital in LIMITED], np.bool_),
        lines=table([drawn] * n, nowhere),
        oxygen_flow=np.full(n, UNKNOWN_FLOW, np.int32),
        oxygen_prescribed=np.zeros(n, np.int32),
        oxygen_assumed=np.zeros(n, np.bool_),
        wellness=np.array([one.wellness for one in sets], np.int8),
        glucose_lately=np.full(n, NOT_LOW, np.int32),
        consciousness_now=np.zeros(n, np.int16),
        soft_signs=np.array([bits(one.signs) for one in sets], np.int32),
    )


def and_then(stay: Stay, vital: str, value: int) -> Stay:
    """The same patient, but for one vital sign of the last set."""
    *before, last = stay
    values = {**last.measured, vital: value}
    return [*before, replace(last, known=values, measured=values)]
